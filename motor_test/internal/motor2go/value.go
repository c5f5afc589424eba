package motor2go

import (
	"fmt"
	"go/token"
	"strconv"
	"strings"
	"unicode"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// value is a translated expression.
type value struct {
	text    string
	class   string // of Motor or Python: MotorCollection, dict, IOLoop; "" is unknown
	wait    *wait  // not nil: it must be awaited to have the text's result
	dynamic bool   // its type in Go is any
}

// The classes that are not classes of Motor.
const (
	document        = "dict"
	rawDocument     = "bson.Raw"
	rawKind         = "bson.RawValue"             // of an array
	rawElement      = "document of bson.RawValue" // of a document
	orderedDocument = "SON"                       // a bson.D
	stringy         = "str"
	number          = "int"
	wide            = "int64" // a number that Motor returns
	list            = "list"
	truth           = "bool"
	nothing         = "None"
	function        = "function"
	bytesText       = "bytes"
)

// moduleOf is the class of an imported module or of a name in it.
func moduleOf(name string) string { return "module " + name }

// expr translates an expression.
func (f *translation) expr(e python.Expr) value {
	switch e := e.(type) {
	case *python.Ident:
		return f.ident(e)
	case *python.Constant:
		return f.constant(e)
	case *python.Formatted:
		return f.formatted(e)
	case *python.Attribute:
		return f.attribute(e)
	case *python.Subscript:
		return f.subscript(e)
	case *python.Call:
		return f.call(e)
	case *python.Await:
		return f.await(f.awaited(e.X))
	case *python.Yield:
		if e.X != nil {
			return f.await(f.awaited(e.X))
		}
	case *python.Unary:
		return f.unary(e)
	case *python.Binary:
		return f.binary(e)
	case *python.Compare:
		return f.compare(e)
	case *python.Sequence:
		return f.sequence(e)
	case *python.Dict:
		return f.dict(e, "bson.M")
	case *python.Lambda:
		if len(e.Params) == 0 {
			return value{text: "func() { " + f.expr(e.Body).text + " }", class: function}
		}
	case *translated:
		return value{text: e.text}
	case *python.Comprehension:
		return f.comprehension(e, "")
	case *python.Conditional:
		return f.conditional(e)
	}
	return f.byHand(e)
}

// listOf translates [x async for x in cursor], or returns nil.
func (f *translation) listOf(e *python.Comprehension) *value {
	if len(e.Clauses) != 1 || e.Open != "[" || e.Key != nil || !e.Clauses[0].Async || len(e.Clauses[0].Requires) > 0 {
		return nil
	}
	name, isName := e.Value.(*python.Ident)
	of, alsoName := e.Clauses[0].Var.(*python.Ident)
	in := f.quiet(e.Clauses[0].In)
	row := f.tool.row(in.class, "to_list")
	if !isName || !alsoName || name.Name != of.Name || row == nil || !strings.HasPrefix(in.class, "Motor") {
		return nil
	}
	v := f.await(f.motorCall(&member{in.class, row, f.expr(e.Clauses[0].In).text}, nil))
	return &v
}

// byHand is the value of an expression that is not translated.
func (f *translation) byHand(e python.Expr) value {
	f.inspect(e)
	f.note("Translate by hand: `%s`.", oneLine(f.file.Source(e)))
	return f.comment(e)
}

// inspect finds the members of Motor in an expression that is not translated.
func (f *translation) inspect(e python.Expr) {
	switch e := e.(type) {
	case *python.Comprehension:
		for _, c := range e.Clauses {
			f.expr(c.In)
			f.bind(c.Var, value{class: elementOf(f.expr(c.In).class)})
		}
		if e.Key != nil {
			f.expr(e.Key)
		}
		f.expr(e.Value)
	case *python.Conditional:
		f.expr(e.Test)
		f.expr(e.Then)
		f.expr(e.Else)
	case *python.Lambda:
		f.expr(e.Body)
	case *python.Slice:
	case *python.Starred:
		f.expr(e.X)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func (f *translation) ident(e *python.Ident) value {
	switch e.Name {
	case "None":
		return value{text: "nil", class: nothing}
	case "True", "False":
		return value{text: strings.ToLower(e.Name), class: truth}
	}
	v := f.lookup(e.Name)
	if name, ok := strings.CutPrefix(v.class, moduleOf("")); ok {
		return f.dotted(name)
	}
	if v.text == "" {
		v.text = f.goName(e.Name)
	}
	return v
}

// goName returns the Go name of a variable or function of the file. A constant keeps its name if a variable has the name
// that it would get.
func (f *translation) goName(name string) string {
	text := goName(name)
	if text != name && strings.ToUpper(name) == name && mentions(f.file.Text, text) {
		return name
	}
	return text
}

// goName returns the Go name of a variable or function.
func goName(name string) string {
	trimmed := strings.TrimLeft(name, "_")
	var b strings.Builder
	for part := range strings.SplitSeq(trimmed, "_") {
		switch {
		case part == "":
		case b.Len() == 0 && strings.ToUpper(part) == part && len(part) > 1:
			b.WriteString(strings.ToLower(part)) // a constant
		case b.Len() == 0:
			b.WriteString(part)
		case part == "id", part == "ids":
			b.WriteString("ID" + part[2:])
		default:
			b.WriteString(strings.ToUpper(part[:1]) + strings.ToLower(part[1:]))
		}
	}
	name = b.String()
	switch {
	case name == "":
		return "_"
	case token.IsKeyword(name) || reserved[name]:
		return name + "_"
	}
	return name
}

// reserved are names that the translation uses.
var reserved = map[string]bool{
	"co": true, "ctx": true, "err": true, "bson": true, "motor": true, "callback": true, "future": true, "options": true, "fmt": true,
	"time": true, "errors": true, "context": true, "len": true, "string": true, "true": true, "false": true, "nil": true, "any": true,
	"mongo": true, "append": true, "error": true, "main": false, "init": true, "strings": true, "log": true, "int": true, "new": true,
}

// exported returns the Go name of a class, field or method.
func exported(name string) string {
	name = strings.TrimSuffix(goName(name), "_")
	if name == "" {
		return "X"
	}
	return string(unicode.ToUpper(rune(name[0]))) + name[1:]
}

func (f *translation) constant(e *python.Constant) value {
	switch e.Kind {
	case python.Str:
		return value{text: quote(e.Value), class: stringy}
	case python.Bytes:
		return value{text: "[]byte(" + quote(e.Value) + ")", class: bytesText}
	case python.Num:
		text := strings.TrimRight(e.Value, "lL")
		if _, err := strconv.ParseInt(text, 0, 64); err == nil {
			return value{text: text, class: number}
		}
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return value{text: text, class: "float"}
		}
	}
	return f.byHand(e)
}

func quote(s string) string {
	if strings.Contains(s, "\n") && !strings.Contains(s, "`") && strconv.CanBackquote(strings.ReplaceAll(s, "\n", "")) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

func (f *translation) formatted(e *python.Formatted) value {
	format, args := "", ""
	for _, p := range e.Parts {
		if p.Expr == nil {
			format += strings.ReplaceAll(p.Text, "%", "%%")
			continue
		}
		if len(p.Format) > 0 {
			f.note("Format by hand: `%s`.", oneLine(f.file.Source(e)))
		}
		format += p.Debug + "%v"
		args += ", " + f.expr(p.Expr).text
	}
	return value{text: "fmt.Sprintf(" + quote(format) + args + ")", class: stringy}
}

func (f *translation) unary(e *python.Unary) value {
	x := f.expr(e.X)
	switch e.Op {
	case "not":
		return value{text: f.test(x, true), class: truth}
	case "~":
		return value{text: "^" + x.text, class: x.class}
	}
	return value{text: e.Op + x.text, class: x.class}
}

// test returns the condition that a value is true, or false, in the sense of Python.
func (f *translation) test(v value, negated bool) string {
	equal, not := "!=", ""
	if negated {
		equal, not = "==", "!"
	}
	switch {
	case v.class == truth && negated && strings.ContainsAny(v.text, " "):
		return not + "(" + v.text + ")"
	case v.class == truth:
		return not + v.text
	case v.class == "error", v.class == document, v.class == orderedDocument, strings.HasPrefix(v.class, "Motor"):
		return v.text + " " + equal + " nil"
	case v.class == stringy:
		return v.text + " " + equal + ` ""`
	case v.class == number || v.class == wide:
		return v.text + " " + equal + " 0"
	case v.class == list, strings.HasPrefix(v.class, listOf("")):
		return "len(" + v.text + ") " + equal + " 0"
	}
	f.note("`%s` is a truth value of Python: in Go, compare it with nil, 0 or \"\".", v.text)
	return not + v.text
}

func (f *translation) binary(e *python.Binary) value {
	if e.Op == "%" {
		if format, ok := e.X.(*python.Constant); ok && format.Kind == python.Str {
			args := []python.Expr{e.Y}
			if tuple, ok := e.Y.(*python.Sequence); ok && tuple.Open == "(" {
				args = tuple.Items
			}
			texts := []string{quote(pythonVerbs.Replace(format.Value))}
			for _, a := range args {
				texts = append(texts, f.expr(a).text)
			}
			return value{text: "fmt.Sprintf(" + strings.Join(texts, ", ") + ")", class: stringy}
		}
	}
	x, y := f.expr(e.X), f.expr(e.Y)
	if e.Op != "and" && e.Op != "or" {
		switch {
		case wider[y.class] && e.Op != "*" || y.class == stringy && e.Op == "+":
			f.infer(e.X, y.class)
		case wider[x.class] && e.Op != "*" || x.class == stringy && e.Op == "+":
			f.infer(e.Y, x.class)
		case e.Op == "-" || e.Op == "*" || e.Op == "/":
			f.infer(e.X, number)
			f.infer(e.Y, number)
		}
		if x.class == number && y.class == wide {
			x = value{text: f.asserted(x, "int64"), class: wide}
		} else if x.class == wide && y.class == number {
			y = value{text: f.asserted(y, "int64"), class: wide}
		}
	}
	switch e.Op {
	case "and":
		return value{text: f.operand(f.test(x, false)) + " && " + f.operand(f.test(y, false)), class: truth}
	case "or":
		if x.class == truth && y.class == truth {
			return value{text: x.text + " || " + y.text, class: truth}
		}
		f.note("`or` gives one of two values: `cmp.Or` for comparable types.")
		return value{text: "cmp.Or(" + x.text + ", " + y.text + ")", class: y.class}
	case "**":
		if x.text == "2" && isNumeral(y.text) {
			return value{text: "1 << " + y.text, class: number}
		}
		return f.byHand(e)
	case "//":
		if wider[x.class] && wider[y.class] && x.class != "float" && y.class != "float" {
			f.note("Go rounds the quotient of a negative number up.")
			return value{text: f.operand(x.text) + " / " + f.operand(y.text), class: x.class}
		}
		return f.byHand(e)
	case "@":
		return f.byHand(e)
	}
	class := x.class
	if class == "" {
		class = y.class
	}
	return value{text: f.operand(x.text) + " " + e.Op + " " + f.operand(y.text), class: class}
}

// pythonVerbs are the verbs of % whose Go form is another.
var pythonVerbs = strings.NewReplacer("%s", "%v", "%r", "%#v", "%i", "%d", "%%", "%%")

func (f *translation) operand(text string) string {
	if strings.Contains(text, " || ") || strings.Contains(text, " && ") {
		return "(" + text + ")"
	}
	return text
}

func (f *translation) compare(e *python.Compare) value {
	if len(e.Ops) == 2 && f.isSimple(e.Others[0]) {
		left := f.compare(&python.Compare{X: e.X, Ops: e.Ops[:1], Others: e.Others[:1]})
		right := f.compare(&python.Compare{X: e.Others[0], Ops: e.Ops[1:], Others: e.Others[1:]})
		return value{text: left.text + " && " + right.text, class: truth}
	}
	if len(e.Ops) != 1 {
		return f.byHand(e)
	}
	x, y := f.expr(e.X), f.expr(e.Others[0])
	op := e.Ops[0]
	switch op {
	case "is":
		op = "=="
	case "is not", "<>":
		op = "!="
	case "in", "not in":
		not := ""
		if op == "not in" {
			not = "!"
		}
		if y.class == stringy {
			return value{text: fmt.Sprintf("%sstrings.Contains(%s, %s)", not, y.text, x.text), class: truth}
		}
		if kind, _ := kindOf(y.class); kind == setKind {
			return value{text: fmt.Sprintf("%s%s[%s]", not, y.text, x.text), class: truth}
		} else if y.class == document || kind == mapKind {
			ok := f.temp("bool", "")
			f.line("_, %s := %s[%s]", ok, y.text, f.asserted(x, "string"))
			return value{text: not + ok, class: truth}
		}
		return value{text: fmt.Sprintf("%sslices.Contains(%s, %s)", not, f.ranged(y), x.text), class: truth}
	}
	return value{text: x.text + " " + op + " " + y.text, class: truth}
}

// isSimple reports whether an expression has no effects.
func (f *translation) isSimple(e python.Expr) bool {
	switch e.(type) {
	case *python.Ident, *python.Constant:
		return true
	}
	return false
}

// dict translates a dict to a composite literal: bson.M, or bson.D, which keeps the order.
func (f *translation) dict(e *python.Dict, kind string) value {
	var items []string
	for i, key := range e.Keys {
		if key == nil {
			return f.byHand(e)
		}
		k, v := f.expr(key).text, f.expr(e.Values[i]).text
		if kind == "bson.D" {
			items = append(items, "{Key: "+k+", Value: "+v+"}")
		} else {
			items = append(items, k+": "+v)
		}
	}
	if kind == "bson.D" {
		return value{text: literal(kind, items), class: orderedDocument}
	}
	return value{text: literal(kind, items), class: document}
}

// literal returns a composite literal, over several lines if it is long.
func literal(kind string, items []string) string {
	if text := kind + "{" + strings.Join(items, ", ") + "}"; len(text) <= 100 && !strings.Contains(text, "\n") {
		return text
	}
	return kind + "{\n" + strings.Join(items, ",\n") + ",\n}"
}

func (f *translation) sequence(e *python.Sequence) value {
	if pairs := f.pairs(e); pairs != "" {
		return value{text: pairs, class: orderedDocument}
	}
	var items []string
	class := ""
	for i, item := range e.Items {
		v := f.asFuture(f.expr(item))
		if i == 0 {
			class = v.class
		}
		if v.class != class {
			class = ""
		}
		items = append(items, v.text)
	}
	if e.Open == "{" {
		f.note("A set is a `map[T]bool` in Go.")
		for i := range items {
			items[i] += ": true"
		}
		return value{text: literal("map["+f.typeOf(class)+"]bool", items), class: classOf(setKind, class)}
	}
	if kind, _ := kindOf(class); kind == futureKind {
		return value{text: literal("[]"+f.typeOf(class), items), class: listOf(class)}
	}
	if class == "" {
		return value{text: literal("bson.A", items), class: list}
	}
	return value{text: literal("bson.A", items), class: listOf(class)}
}

// typed makes a list that is not an argument a slice of the type of its elements.
func (f *translation) typed(v value) string {
	element, ok := strings.CutPrefix(v.class, listOf(""))
	rest, isLiteral := strings.CutPrefix(v.text, "bson.A{")
	if !ok || !isLiteral || f.typeOf(element) == "any" {
		return v.text
	}
	return "[]" + f.typeOf(element) + "{" + rest
}

// ranged is typed for the head of a statement, where a composite literal needs parentheses.
func (f *translation) ranged(v value) string {
	text := f.typed(v)
	depth := 0
	for _, c := range text {
		switch {
		case strings.ContainsRune("([", c):
			depth++
		case strings.ContainsRune(")]", c):
			depth--
		case c == '{' && depth == 0:
			return "(" + text + ")"
		}
	}
	return text
}

// pairs returns the bson.D for a list of pairs of a string and a value, as in sort=[("age", -1)], or "".
func (f *translation) pairs(e *python.Sequence) string {
	if e.Open != "[" || len(e.Items) == 0 {
		return ""
	}
	var items []string
	for _, item := range e.Items {
		pair, ok := item.(*python.Sequence)
		if !ok || pair.Open != "(" || len(pair.Items) != 2 {
			return ""
		}
		if key, ok := pair.Items[0].(*python.Constant); !ok || key.Kind != python.Str {
			return ""
		}
		items = append(items, "{Key: "+f.expr(pair.Items[0]).text+", Value: "+f.expr(pair.Items[1]).text+"}")
	}
	return literal("bson.D", items)
}

func listOf(class string) string { return "list of " + class }

// elementOf returns the class of what an iteration gives.
func elementOf(class string) string {
	switch kind, of := kindOf(class); kind {
	case list, mapKind, setKind, enumerateKind:
		return of
	case rangeKind:
		return number
	}
	if t, ok := strings.CutPrefix(class, goClass+"[]"); ok {
		return goClass + t
	}
	switch class {
	case "MotorGridOutCursor":
		return "MotorGridOut"
	case "MotorCursor", "MotorCommandCursor", "MotorLatentCommandCursor", "MotorAggregationCursor", "MotorChangeStream":
		return document
	case "MotorRawBatchCursor", "MotorRawBatchCommandCursor":
		return bytesText
	}
	return ""
}
