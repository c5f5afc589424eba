package motor2go

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// translation is the state of the translation of a file.
type translation struct {
	tool  *Tool
	file  *python.File
	style Style
	facts *facts

	functions map[string]*python.FuncDef // of the module
	classes   map[string]*python.ClassDef
	methods   map[string]*python.FuncDef // by Class.method

	scopes    []*scope
	fn        *frame
	fetched   map[string]string // the variable for next_object, by the cursor of a loop over fetch_next
	function  *frame            // of the function of the file; fn may be that of a literal in it
	following [][]python.Stmt   // for each open block, its statements after the current one
	sessions  []string          // the sessions of the blocks of UseSession that are open
	loops     int               // the loops of the function that are open
	inEach    bool              // the innermost loop is a function literal for Each
	outside   int               // the callbacks that were open before the innermost loop

	findings []Finding
	current  *Finding
	muted    int // not zero: nothing is recorded

	lines     []string // of the function or module that is translated
	indent    int
	nested    []int    // for each open block, the callbacks that are open in it
	closers   []string // the ends of the callbacks that are open
	last      bool     // the statement is the last one of its function
	makesLoop bool     // the statement assigns a loop
	wanted    string   // the variable that the statement assigns, or ""
	globals   []string // the variables of the module
	after     string   // what follows the with statement
	opened    int      // the sessions that the items of the with statement have opened

	top, mainBody []string // the declarations, and the body of main
}

// frame is a function that is translated.
type frame struct {
	def    *python.FuncDef
	key    string
	waits  bool // it has a context, or a Co
	result bool
	// literal says that it is a function literal that returns only an error
	literal bool
}

// line adds a line of Go.
func (f *translation) line(format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	for part := range strings.SplitSeq(text, "\n") {
		f.lines = append(f.lines, strings.Repeat("\t", f.indent)+part)
	}
}

// context returns the context for an operation.
func (f *translation) context() string {
	if f.style == Coroutines && f.fn != nil && f.fn.waits {
		return "co"
	}
	return "ctx"
}

// begin starts the finding of a statement. The Python code becomes a comment.
func (f *translation) begin(n python.Node, source string) (end func()) {
	start, _ := n.Span()
	f.current = &Finding{Line: start.Line, Python: oneLine(source)}
	for line := range strings.SplitSeq(source, "\n") {
		f.line("%s", "// "+strings.TrimSpace(line))
	}
	from := len(f.lines)
	return func() {
		f.current.Go = dedent(f.lines[from:])
		used := len(f.current.Members)+len(f.current.Unknown) > 0
		if f.muted == 0 && used {
			f.findings = append(f.findings, *f.current)
		}
		if f.muted == 0 && (used || f.current.warns) {
			for _, note := range append(f.current.Notes, f.current.Unknown...) {
				f.lines = append(f.lines, "")
				copy(f.lines[from+1:], f.lines[from:])
				f.lines[from] = strings.Repeat("\t", f.indent) + "// NOTE: " + note
				from++
			}
		}
	}
}

// dedent joins lines, without the indentation that all of them have.
func dedent(lines []string) string {
	least := 100
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, "\t")); n < least && strings.TrimSpace(l) != "" {
			least = n
		}
	}
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimPrefix(l, strings.Repeat("\t", min(least, len(l)-len(strings.TrimLeft(l, "\t"))))))
	}
	return b.String()
}

// head returns the source of a compound statement up to its body.
func (f *translation) head(n python.Node) string {
	var lines []string
	for line := range strings.SplitSeq(f.file.Source(n), "\n") {
		lines = append(lines, line)
		if code, _, _ := strings.Cut(line, " #"); strings.HasSuffix(strings.TrimSpace(code), ":") {
			break
		}
		if i := strings.LastIndex(line, ": "); i >= 0 && len(lines) == 1 && !strings.HasSuffix(strings.TrimSpace(line), ",") {
			return line[:i+1] // the body is on the same line
		}
	}
	return strings.Join(lines, "\n")
}

// fail returns the statement that ends a function with err.
func (f *translation) fail() string {
	if f.inEach && len(f.closers) == f.outside {
		f.inEach = false
		text := f.fail() + " false"
		f.inEach = true
		return text
	}
	switch {
	case f.fn != nil && f.fn.literal:
		return "return err"
	case f.style == Callbacks && f.fn != nil && f.fn.waits && f.fn.result:
		return f.done() + "(" + zero(f.resultType()) + ", err)\nreturn"
	case f.style == Callbacks && f.fn != nil && f.fn.waits:
		return f.done() + "(struct{}{}, err)\nreturn"
	case f.fn != nil && !f.fn.waits && (f.fn.result || f.fn.def != nil && f.fn.def.Name == "__init__"):
		return "panic(err)"
	case f.style == Callbacks || f.fn != nil && !f.fn.waits:
		return "log.Print(err)\nreturn"
	case f.fn == nil:
		return "log.Fatal(err)"
	case f.fn.result:
		return "return " + zero(f.resultType()) + ", err"
	}
	return "return err"
}

// done returns the name of the parameter for the callback of a function, in the style of callbacks.
func (f *translation) done() string { return f.doneOf(f.fn.def) }

func (f *translation) doneOf(def *python.FuncDef) string {
	if def == nil {
		return "done"
	}
	isDone := func(e *python.Ident) bool { return e.Name == "done" }
	if f.functions["done"] != nil || slices.ContainsFunc(assignedIn(def.Body), isDone) ||
		slices.ContainsFunc(def.Params, func(p python.Param) bool { return p.Name == "done" }) {
		return "finish"
	}
	return "done"
}

// resultType returns the Go type of the result of the function that is translated.
func (f *translation) resultType() string { return f.typeOf(f.facts.results[f.function.key]) }

func zero(t string) string {
	switch t {
	case "string":
		return `""`
	case "int", "int64", "float64":
		return "0"
	case "bool":
		return "false"
	case "struct{}":
		return "struct{}{}"
	}
	if strings.HasPrefix(t, "future.") {
		return t + "{}"
	}
	return "nil"
}

// temp returns a new name for a result: hint, or one that its type suggests.
func (f *translation) temp(goType, hint string) string {
	name := "result"
	switch {
	case hint != "":
		name = f.goName(hint)
	case goType == "bson.M":
		name = "doc"
	case goType == "[]bson.M":
		name = "docs"
	case goType == "bool":
		name = "ok"
	case goType == "int64":
		name = "n"
	}
	s := f.scope()
	for i := 1; ; i++ {
		candidate := name
		if i > 1 {
			candidate = fmt.Sprint(name, i)
		}
		if !f.isDeclared(candidate) && (hint != "" && i == 1 || !f.hasVariable(candidate)) {
			s.declared[candidate] = true
			return candidate
		}
	}
}

// hasVariable reports whether the function has a variable of a name in Python.
func (f *translation) hasVariable(name string) bool {
	return f.function != nil && f.function.def != nil && mentions(f.file.Source(f.function.def), name)
}

// assign returns ":=" for new variables, and "=" for those that are there. Without a new one, it declares err if it is
// needed.
func (f *translation) assign(names ...string) string {
	s := f.scope()
	fresh := false
	for _, n := range names {
		if n != "_" && n != "err" && !f.isDeclared(n) && !f.isGlobal(n) {
			s.declared[n], fresh = true, true
		}
	}
	if fresh {
		return ":="
	}
	for _, n := range names {
		if n == "err" && !f.isDeclared("err") {
			if len(names) == 1 || names[0] == "_" {
				return ":="
			}
			f.line("var err error")
		}
	}
	return "="
}

func (f *translation) isGlobal(name string) bool {
	return f.base() == f.scopes[0] && slices.Contains(f.globals, name) || f.scope().global[name]
}

// await translates an await inside of an expression.
func (f *translation) await(v value) value { return f.awaitInto(v, "") }

// awaitInto awaits a value. name is the variable for the result: "" means a new one, or the expression itself, "_" none.
func (f *translation) awaitInto(v value, name string) value {
	if untranslated(v.text) {
		return v
	}
	if v.wait == nil {
		kind, of := kindOf(v.class)
		switch kind {
		case settledKind:
			return value{text: v.text, class: of}
		case futureKind, taskKind:
			v = f.futureValue(f.asFuture(v).text, of)
		case "Future":
			v = f.futureValue(v.text+".Future()", "")
		default:
			v = f.futureValue(v.text, "")
		}
	}
	w := v.wait
	if w.direct {
		if name == "_" && f.style != Coroutines {
			f.line("%s", v.text)
		}
		return value{text: v.text, class: v.class}
	}
	v.class = f.awaitedClass(v)
	if f.muted > 0 {
		return value{text: v.text, class: v.class}
	}
	switch {
	case f.style == Coroutines && f.fn != nil && f.fn.waits:
		return value{text: w.inCoroutine, class: v.class}
	case f.style != Callbacks:
		return f.awaitWithError(v, w, name)
	}
	return f.awaitByCallback(v, w, name)
}

func (f *translation) awaitWithError(v value, w *wait, name string) value {
	if w.one || name == "_" {
		left := "err"
		if !w.one {
			left = "_, err"
		}
		f.line("if %s := %s; err != nil {", left, w.withError)
		f.indented(f.fail())
		f.line("}")
		return value{class: v.class}
	}
	op := ":="
	if name == "" {
		name = f.temp(w.result, "")
		f.scope().declared["err"] = true
	} else {
		op = f.assign(name, "err")
		f.scope().declared["err"] = true
	}
	f.line("%s, err %s %s", name, op, w.withError)
	f.check()
	return value{text: name, class: v.class}
}

func (f *translation) indented(text string) {
	f.indent++
	f.line("%s", text)
	f.indent--
}

// check adds the check of err.
func (f *translation) check() {
	f.line("if err != nil {")
	f.indented(f.fail())
	f.line("}")
}

func (f *translation) awaitByCallback(v value, w *wait, name string) value {
	if w.later != nil {
		before, after, _ := strings.Cut(w.later("\x00"), "\x00")
		f.line("%sfunc() {", before)
		f.indent++
		f.open(after)
		return value{class: v.class}
	}
	if w.call == nil {
		f.note("There is no form of `%s` with a callback.", v.text)
		return value{text: v.text, class: v.class}
	}
	if f.loops > 0 {
		f.warn("A loop does not wait for a callback: make the body a function that the callback calls again.")
	}
	result := w.result
	if result == "" {
		result = "struct{}"
	}
	variable := ""
	switch {
	case name != "" && name != "_" && f.isDeclared(name):
		variable, name = name, f.temp(w.result, "")
	case name == "":
		name = f.temp(w.result, "")
	case name != "_":
		f.scope().declared[name] = true
	}
	text := strings.TrimSuffix(w.call("func("+name+" "+result+", err error) {}"), "}")
	before, after, found := strings.Cut(w.call("\x00"), "\x00")
	if found {
		text = before + "func(" + name + " " + result + ", err error) {"
	}
	f.line("%s", text)
	f.indent++
	f.scope().declared["err"] = true
	f.check()
	f.open(after)
	if variable != "" {
		f.line("%s = %s", variable, name)
		name = variable
	}
	return value{text: name, class: v.class}
}

// open notes that a callback is open until the end of the block. after is the rest of its call.
func (f *translation) open(after string) {
	f.closers = append(f.closers, "}"+after)
	f.nested[len(f.nested)-1]++
}

// checked is the value of an expression with a value and an error.
func (f *translation) checked(v value, hint string) value {
	if f.muted > 0 {
		return v
	}
	if f.style == Coroutines && f.fn != nil && f.fn.waits {
		return value{text: "callback.Must(co, future.Settled(" + v.text + "))", class: v.class}
	}
	name := f.wanted
	if name == "" {
		name = f.temp("", hint)
		f.scope().declared["err"] = true
		f.line("%s, err := %s", name, v.text)
	} else {
		op := f.assign(name, "err")
		f.scope().declared["err"] = true
		f.line("%s, err %s %s", name, op, v.text)
	}
	f.check()
	return value{text: name, class: v.class}
}

// checkedOK is the value of an expression with a value and a bool.
func (f *translation) checkedOK(v value, hint string) value {
	if f.muted > 0 {
		return v
	}
	name := f.temp("", hint)
	f.line("%s, _ := %s", name, v.text)
	return value{text: name, class: v.class}
}
