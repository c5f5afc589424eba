package motor2go

import (
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// asserted returns a value as a value of a Go type: a value whose type is any needs an assertion. A number of a document
// may be an int32, an int64 or a float64, so that it gets none.
func (f *translation) asserted(v value, t string) string {
	text := f.typed(v)
	switch {
	case v.dynamic && t != "any" && t != "int" && t != "int64" && t != "float64" && t != "struct{}":
		return text + ".(" + t + ")"
	case v.class == number && t == "int64" && !isNumeral(text):
		return "int64(" + text + ")"
	case v.class == wide && t == "int":
		return "int(" + text + ")"
	}
	return text
}

func isNumeral(text string) bool { return text != "" && strings.Trim(text, "0123456789-_") == "" }

// conditional translates x if test else y: a variable that the branches set.
func (f *translation) conditional(e *python.Conditional) value {
	name := f.temp("", "value")
	at, indent := len(f.lines), f.indent
	f.line("if %s {", f.test(f.expr(e.Test), false))
	assign := func(e python.Expr) (v value) {
		f.indent++
		f.inBlock(func() {
			v = f.asFuture(f.expr(e))
			f.line("%s = %s", name, f.typed(v))
		})
		f.indent--
		return v
	}
	then := assign(e.Then)
	f.line("} else {")
	other := assign(e.Else)
	f.line("}")
	known := map[string]string{}
	learn(known, "", then.class)
	learn(known, "", other.class)
	class := known[""]
	if then.class == "" || other.class == "" {
		class = ""
	}
	if at > len(f.lines) { // a part that is not recorded
		return value{text: name, class: class}
	}
	f.lines = append(f.lines[:at], append([]string{strings.Repeat("\t", indent) + "var " + name + " " + f.typeOf(class)}, f.lines[at:]...)...)
	return value{text: name, class: class, dynamic: f.typeOf(class) == "any"}
}

// literalBody translates the body of a lambda, whose parameters have values. What the body needs before it stands in it.
func (f *translation) literalBody(e *python.Lambda, params map[string]value) string {
	s := newScope()
	s.closure, s.names = true, params
	f.scopes = append(f.scopes, s)
	from := len(f.lines)
	body := f.expr(e.Body).text
	before := append([]string(nil), f.lines[from:]...)
	f.lines = f.lines[:from]
	f.scopes = f.scopes[:len(f.scopes)-1]
	if untranslated(body) {
		body = strings.TrimPrefix(body, "nil ")
	}
	if len(before) > 0 {
		return "\n" + strings.Join(before, "\n") + "\n" + body + "\n"
	}
	return body
}

// builtin translates a call of a function of Python.
func (f *translation) builtin(name string, e *python.Call) value {
	switch {
	case name == "list" && len(e.Args) == 1:
		return f.rangeSlice(f.expr(e.Args[0]))
	case name == "range" && len(e.Args) > 0:
		return f.rangeOf(e.Args)
	case name == "enumerate" && len(e.Args) == 1:
		v := f.rangeSlice(f.expr(e.Args[0]))
		return value{text: f.typed(v), class: classOf(enumerateKind, elementOf(v.class))}
	case name == "sorted" && len(e.Args) == 1 && len(e.Keywords) == 0:
		return f.sorted(f.rangeSlice(f.expr(e.Args[0])), e)
	case (name == "sum" || name == "max" || name == "min") && len(e.Args) == 1 && len(e.Keywords) == 0:
		if v, ok := f.reduced(name, f.rangeSlice(f.expr(e.Args[0]))); ok {
			return v
		}
	case name == "type" && len(e.Args) == 1 && f.quiet(e.Args[0]).class == "error":
		return value{text: f.expr(e.Args[0]).text, class: errorType}
	case name == "isinstance" && len(e.Args) == 2:
		if kind, _ := kindOf(f.quiet(e.Args[0]).class); kind == outcomeKind && f.errorClass(e.Args[1]) == "error" {
			return value{text: f.expr(e.Args[0]).text + ".Err != nil", class: truth}
		}
	case name == "float" && len(e.Args) == 1:
		return f.float(e.Args[0])
	}
	args := f.texts(e.Args)
	first := ""
	if len(args) > 0 {
		first = args[0]
	}
	switch all := strings.Join(args, ", "); {
	case name == "print":
		return value{text: "fmt.Println(" + all + ")"}
	case name == "len" && len(args) == 1:
		return value{text: "len(" + first + ")", class: number}
	case name == "str" && len(args) == 1:
		if f.quiet(e.Args[0]).class == "error" {
			return value{text: "motor.AsError(" + first + ").Message()", class: stringy}
		}
		return value{text: "fmt.Sprint(" + first + ")", class: stringy}
	case name == "repr" && len(args) == 1:
		return value{text: "motor.Repr(" + first + ")", class: stringy}
	case name == "int" && len(args) == 1:
		return value{text: "int(" + first + ")", class: number}
	case name == "dict" && len(args) == 1 && (f.quiet(e.Args[0]).class == document || f.quiet(e.Args[0]).class == orderedDocument):
		return f.expr(e.Args[0])
	case name == "dict" && len(args) == 0:
		return value{text: "bson.M{" + f.pairsOf(e.Keywords) + "}", class: document}
	case pythonErrors[name] && all == "":
		return value{text: f.pythonError(name), class: "exception"}
	case pythonErrors[name]:
		return value{text: `fmt.Errorf("%w: %v", ` + f.pythonError(name) + ", " + first + ")", class: "exception"}
	case f.isError(name):
		return value{text: "errors.New(" + all + ")", class: "exception"}
	}
	return f.plainCall(f.goName(name), e)
}

// sorted translates sorted(x).
func (f *translation) sorted(v value, e *python.Call) value {
	kind, of := kindOf(v.class)
	switch {
	case v.class == document:
		return value{text: "slices.Sorted(maps.Keys(" + v.text + "))", class: listOf(stringy)}
	case kind == mapKind || kind == setKind:
		return value{text: "slices.Sorted(maps.Keys(" + v.text + "))", class: listOf(map[string]string{mapKind: stringy, setKind: of}[kind])}
	case kind == list && (of == stringy || wider[of]):
		return value{text: "slices.Sorted(slices.Values(" + f.typed(v) + "))", class: v.class}
	case strings.HasPrefix(v.class, goClass+"map["):
		f.note("The keys need an order: slices.SortedFunc.")
	case kind == list:
		f.note("The elements need an order: slices.SortedFunc.")
	}
	return f.byHand(e)
}

// reduced translates sum(x), max(x) and min(x) of a list of numbers.
func (f *translation) reduced(name string, v value) (value, bool) {
	kind, of := kindOf(v.class)
	switch {
	case kind != list || !wider[of] && (of != stringy || name == "sum"):
		return value{}, false
	case name == "sum":
		sum := f.temp("", "sum")
		f.line("var %s %s", sum, f.typeOf(of))
		f.line("for _, n := range %s {", f.ranged(v))
		f.indented(sum + " += n")
		f.line("}")
		return value{text: sum, class: of}, true
	}
	return value{text: "slices." + exported(name) + "(" + f.typed(v) + ")", class: of}, true
}

// float translates float(x).
func (f *translation) float(e python.Expr) value {
	if c, ok := e.(*python.Constant); ok && c.Kind == python.Str {
		switch strings.ToLower(strings.TrimPrefix(c.Value, "+")) {
		case "inf", "infinity":
			return value{text: "math.Inf(1)", class: "float"}
		case "-inf", "-infinity":
			return value{text: "math.Inf(-1)", class: "float"}
		case "nan":
			return value{text: "math.NaN()", class: "float"}
		}
	}
	v := f.expr(e)
	if v.class == stringy {
		return f.checked(value{text: "strconv.ParseFloat(" + v.text + ", 64)", class: "float"}, "number")
	}
	return value{text: "float64(" + v.text + ")", class: "float"}
}

// errorType is the class of type(e) of an error. Its __name__ is the name of a class of PyMongo.
const errorType = "type of error"

// joined translates the argument of join: a list of strings.
func (f *translation) joined(e python.Expr) string {
	c, ok := e.(*python.Comprehension)
	if !ok {
		return f.typed(f.expr(e))
	}
	if v := f.quiet(c); v.class != listOf("") { // the elements are strings
		return f.typed(f.expr(e))
	}
	strung := *c
	strung.Value = &python.Call{Func: &python.Ident{Name: "str"}, Args: []python.Expr{c.Value}}
	return f.comprehension(&strung, "").text
}

// isParameter reports whether an expression is a parameter of the function.
func (f *translation) isParameter(e python.Expr) bool {
	ident, ok := e.(*python.Ident)
	if !ok || f.function == nil || f.function.def == nil {
		return false
	}
	for _, p := range f.parameters(f.function.def) {
		if p.Name == ident.Name {
			return true
		}
	}
	return false
}

// standard translates calls of classes of Python's library.
func (f *translation) standard(name string, e *python.Call) (value, bool) {
	switch {
	case name == "datetime.datetime" && len(e.Args) >= 3 && len(e.Keywords) == 0:
		args := f.texts(e.Args)
		for len(args) < 7 {
			args = append(args, "0")
		}
		if len(args) > 7 {
			return value{}, false
		}
		if args[6] != "0" {
			args[6] += "*int(time.Microsecond)"
		}
		return value{text: "time.Date(" + strings.Join(args, ", ") + ", time.UTC)", class: goClass + "time.Time"}, true
	case name == "datetime.timedelta":
		return value{text: f.timedelta(e), class: goClass + "time.Duration"}, true
	}
	return value{}, false
}

// units are the keywords of timedelta, and the first of its parameters.
var units = []struct{ name, unit string }{
	{"days", "24*time.Hour"}, {"seconds", "time.Second"}, {"microseconds", "time.Microsecond"}, {"milliseconds", "time.Millisecond"},
	{"minutes", "time.Minute"}, {"hours", "time.Hour"}, {"weeks", "7*24*time.Hour"},
}

// timedelta translates datetime.timedelta(...).
func (f *translation) timedelta(e *python.Call) string {
	var terms []string
	add := func(unit string, of python.Expr) {
		v := f.expr(of)
		switch {
		case isNumeral(v.text):
			terms = append(terms, v.text+"*"+unit)
		case v.class == "float" || strings.Contains(v.text, "."):
			terms = append(terms, "time.Duration("+v.text+"*float64("+unit+"))")
		default:
			terms = append(terms, "time.Duration("+v.text+")*"+unit)
		}
	}
	for i, a := range e.Args {
		if i < len(units) {
			add(units[i].unit, a)
		}
	}
	for _, k := range e.Keywords {
		for _, u := range units {
			if u.name == k.Name {
				add(u.unit, k.Value)
			}
		}
	}
	if len(terms) == 0 {
		return "time.Duration(0)"
	}
	return strings.Join(terms, " + ")
}

// format translates str.format. Fields with a format of their own are left.
func (f *translation) format(x value, e *python.Call) value {
	text, err := strconv.Unquote(x.text)
	if err != nil {
		return f.byHand(e)
	}
	byName := make(map[string]string)
	for i, a := range f.texts(e.Args) {
		byName[strconv.Itoa(i)] = a
	}
	for _, k := range e.Keywords {
		byName[k.Name] = f.expr(k.Value).text
	}
	format, next := "", 0
	args := []string{}
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			at = len(text)
		}
		format += strings.ReplaceAll(text[:at], "%", "%%")
		if text = text[at:]; text == "" {
			break
		}
		if strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "}}") {
			format, text = format+text[:1], text[2:]
			continue
		}
		field, rest, found := strings.Cut(text[1:], "}")
		if field == "" {
			field, next = strconv.Itoa(next), next+1
		}
		arg, ok := byName[field]
		if !found || text[0] == '}' || !ok {
			return f.byHand(e)
		}
		format, text = format+"%v", rest
		args = append(args, arg)
	}
	return value{text: "fmt.Sprintf(" + strings.Join(append([]string{quote(format)}, args...), ", ") + ")", class: stringy}
}
