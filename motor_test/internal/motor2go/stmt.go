package motor2go

import (
	"go/parser"
	"go/token"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// block translates the statements of a block. Callbacks that it opens end with it.
func (f *translation) block(body []python.Stmt) {
	f.nested = append(f.nested, 0)
	f.statements(body)
	f.endBlock()
}

func (f *translation) statements(body []python.Stmt) {
	f.following = append(f.following, nil)
	for i, s := range body {
		f.following[len(f.following)-1] = body[i+1:]
		f.stmt(s)
	}
	f.following = f.following[:len(f.following)-1]
}

// inBlock translates a block, whose variables end with it.
func (f *translation) inBlock(translate func()) {
	s := newScope()
	s.block, s.global = true, f.scope().global
	f.scopes = append(f.scopes, s)
	translate()
	f.scopes = f.scopes[:len(f.scopes)-1]
	for name, v := range s.names {
		f.scope().names[name] = v
	}
}

// stmt translates a statement.
func (f *translation) stmt(s python.Stmt) {
	if !isMainStatement(s) {
		f.hoist(s)
	}
	switch s := s.(type) {
	case *python.If:
		f.ifStmt(s)
	case *python.While:
		f.while(s)
	case *python.For:
		f.forStmt(s)
	case *python.With:
		f.with(s)
	case *python.Try:
		f.try(s)
	case *python.FuncDef:
		f.localFunction(s)
	case *python.ClassDef:
		f.simple(s, func() { f.line("// NOTE: Move this class to the level of the package.") })
	case *python.Match:
		f.simple(s, func() { f.leave(s) })
	case *python.Import:
		f.imports(s)
	case *python.Scope:
		for _, name := range s.Names {
			f.scope().global[name] = true
		}
	default:
		f.simple(s, func() { f.simpleStmt(s) })
	}
}

// simple translates a statement without a body.
func (f *translation) simple(s python.Node, translate func()) {
	end := f.begin(s, f.file.Source(s))
	from, open := len(f.lines), len(f.closers)
	translate()
	if len(f.closers) == open && !parses(f.lines[from:]) {
		f.note("Translate by hand.")
		for i, l := range f.lines[from:] {
			f.lines[from+i] = strings.Repeat("\t", f.indent) + "// " + strings.TrimSpace(l)
		}
	}
	end()
}

// opening adds the line that opens a block. If it is not Go, the block has no condition, and a note says so.
func (f *translation) opening(text string) {
	if !parses([]string{text, "}"}) {
		f.note("Translate by hand: `%s`.", text)
		text = "for { // by hand"
	}
	f.line("%s", text)
}

// parses reports whether lines are statements of Go.
func parses(lines []string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc _() {\n"+strings.Join(lines, "\n")+"\n}\n", parser.SkipObjectResolution)
	return err == nil
}

// leave says that a statement is not translated.
func (f *translation) leave(n python.Node) {
	f.line("// NOTE: Translate by hand.")
	f.note("Translate by hand.")
}

func (f *translation) simpleStmt(s python.Stmt) {
	switch s := s.(type) {
	case *python.ExprStmt:
		f.exprStmt(s.X)
	case *python.Assign:
		for _, target := range s.Targets {
			targets, ok := target.(*python.Sequence)
			values, both := s.Value.(*python.Sequence)
			if !ok || !both || !f.assignEach(targets, values) {
				f.assignTo(target, s.Value)
			}
		}
	case *python.Annotated:
		f.annotated(s)
	case *python.Augment:
		v := f.expr(s.Value)
		f.line("%s %s= %s", f.expr(s.Target).text, strings.TrimSuffix(s.Op, "="), v.text)
	case *python.Return:
		f.returnStmt(s)
	case *python.Raise:
		f.raise(s)
	case *python.Simple:
		switch {
		case s.Word == "pass":
		case f.style == Callbacks && len(f.closers) > f.outside: // in a callback in the loop
			f.line("return // %s", s.Word)
		case f.inEach && s.Word == "break":
			f.line("return false")
		case f.inEach && s.Word == "continue":
			f.line("return true")
		default:
			f.line("%s", s.Word)
		}
	case *python.Print:
		f.line("fmt.Println(%s)", strings.Join(f.texts(s.Args), ", "))
	case *python.Delete:
		if x, ok := s.X.(*python.Subscript); ok {
			f.line("delete(%s, %s)", f.expr(x.X).text, f.expr(x.Index).text)
			return
		}
		f.leave(s)
	case *python.Assert:
		f.line("if !(%s) {", f.expr(s.X).text)
		f.indented(`panic("assertion failed")`)
		f.line("}")
	default:
		f.leave(s)
	}
}

// awaitOf returns what an expression awaits, if it is an await.
func awaitOf(e python.Expr) (python.Expr, bool) {
	switch e := e.(type) {
	case *python.Await:
		return e.X, true
	case *python.Yield:
		return e.X, e.X != nil
	}
	return nil, false
}

// awaited translates the operand of an await. A list or a dict of futures of Tornado is one future.
func (f *translation) awaited(e python.Expr) value {
	if d, ok := e.(*python.Dict); ok {
		return f.multiMap(d)
	}
	if list, ok := e.(*python.Comprehension); ok {
		f.mention("gen.multi")
		return f.gather(&python.Call{Args: []python.Expr{&python.Starred{X: list}}}, "future.Multi")
	}
	seq, ok := e.(*python.Sequence)
	if !ok || seq.Open == "{" {
		return f.expr(e)
	}
	f.mention("gen.multi")
	return f.gather(&python.Call{Args: seq.Items}, "future.Multi")
}

// untranslated reports whether code stands for Python code that is not translated.
func untranslated(text string) bool { return strings.HasPrefix(text, "nil /*") }

func (f *translation) exprStmt(e python.Expr) {
	if c, ok := e.(*python.Constant); ok && c.Kind == python.Str { // a doc string
		return
	}
	if x, ok := awaitOf(e); ok {
		v := f.awaitInto(f.awaited(x), "_")
		switch {
		case untranslated(v.text):
			f.line("%s", "// "+v.text)
		case f.style == Coroutines:
			f.line("%s", v.text)
		}
		return
	}
	if call, ok := e.(*python.Call); ok {
		if name, ok := strings.CutPrefix(f.quiet(call.Func).class, moduleOf("")); ok && strings.HasSuffix(name, "Application") {
			f.application(call)
		}
	}
	v := f.expr(e)
	switch {
	case v.wait != nil && v.wait.function != "" && f.style != Callbacks:
		f.line("%s", strings.TrimSuffix(v.wait.spawn, ".Future"))
	case v.wait != nil && f.style == Callbacks && v.wait.call != nil:
		f.note("Nothing waits for this operation.")
		f.line("%s", v.wait.call("nil"))
	case untranslated(v.text):
		f.line("%s", "// "+v.text)
	case v.text != "" && isStatement(v.text):
		f.line("%s", v.text)
	case v.text != "":
		f.line("_ = %s", v.text)
	}
}

// isStatement reports whether an expression may stand alone.
func isStatement(text string) bool {
	return strings.HasSuffix(text, ")") && !strings.HasPrefix(text, "bson.") && !strings.HasPrefix(text, "len(") || strings.Contains(text, " = ") ||
		strings.HasPrefix(text, "/*")
}

func (f *translation) annotated(s *python.Annotated) {
	class := f.annotation(s.Annotation)
	if s.Value == nil {
		if ident, ok := s.Target.(*python.Ident); ok {
			f.line("var %s %s", f.goName(ident.Name), f.typeOf(class))
		}
		f.bind(s.Target, value{class: class})
		return
	}
	f.assignTo(s.Target, s.Value)
	if class != "" {
		f.bind(s.Target, value{class: class})
	}
}

// annotation returns the class that an annotation means, or "".
func (f *translation) annotation(e python.Expr) string {
	switch e := e.(type) {
	case *python.Ident, *python.Attribute:
		v := f.quiet(e)
		if class, ok := strings.CutPrefix(v.class, "type "); ok && f.tool.rows[class] != nil {
			return class
		}
		if name, ok := strings.CutPrefix(v.class, moduleOf("")); ok {
			return f.motorClass(name)
		}
		if ident, ok := e.(*python.Ident); ok {
			return map[string]string{"str": stringy, "int": number, "float": "float", "bool": truth, "bytes": bytesText, "dict": document}[ident.Name]
		}
	case *python.Constant:
		if e.Kind == python.Str {
			return f.annotation(&python.Ident{Name: e.Value})
		}
	case *python.Subscript:
		return f.annotation(e.X)
	}
	return ""
}

func (f *translation) returnStmt(s *python.Return) {
	if s.X == nil || isNone(s.X) && (f.function == nil || !f.function.result) {
		f.returning("")
		return
	}
	v := f.started(f.expr(s.X))
	text := f.typed(v)
	if fn := f.function; fn != nil {
		f.facts.values[fn.key] = true
		if v.class != nothing {
			learn(f.facts.results, fn.key, v.class)
		}
		text = f.asserted(v, f.typeOf(f.facts.results[fn.key]))
	}
	f.returning(text)
}

// returning adds the return of a value, or of none.
func (f *translation) returning(text string) {
	if c := f.literal(); c != nil {
		f.leaveLiteral(c, text)
		return
	}
	waits := f.fn != nil && f.fn.waits
	if f.returnsMore() && (text == "" || text == "nil") {
		text = "true"
	}
	if text == "" && f.fn != nil && f.fn.result {
		text = zero(f.resultType())
	}
	switch {
	case waits && f.style == Futures && text != "":
		f.line("return %s, nil", text)
	case waits && f.style == Futures:
		f.line("return nil")
	case waits && f.style == Callbacks && text != "":
		f.line("%s(%s, nil)\nreturn", f.done(), text)
	case waits && f.style == Callbacks:
		f.line("%s(struct{}{}, nil)\nreturn", f.done())
	case text != "":
		f.line("return %s", text)
	default:
		f.line("return")
	}
}

// returnsMore reports whether the function is a callback that returns whether it wants more, as that of Each.
func (f *translation) returnsMore() bool { return f.fn != nil && len(f.facts.called[f.fn.key]) == 3 }

func (f *translation) raise(s *python.Raise) {
	if call, ok := s.X.(*python.Call); ok {
		source := f.file.Source(call.Func)
		if strings.HasSuffix(source, "Return") { // gen.Return(x)
			f.mention("gen.Return")
			x := python.Expr(nil)
			if len(call.Args) > 0 {
				x = call.Args[0]
			}
			f.returnStmt(&python.Return{X: x})
			return
		}
	}
	text := "err"
	if s.X != nil {
		v := f.expr(s.X)
		text = v.text
		if v.class == "" || v.class == "exception" && strings.HasPrefix(text, "nil") {
			text = "errors.New(" + quote(oneLine(f.file.Source(s.X))) + ")"
		}
	}
	switch {
	case f.style == Coroutines && f.fn != nil && f.fn.waits:
		f.line("co.Must(%s)", text)
	case f.fn != nil && f.fn.waits && text != "err":
		f.line("%s", strings.Replace(f.fail(), "err", text, 1))
	case f.fn != nil && f.fn.waits:
		f.line("%s", f.fail())
	default:
		f.line("panic(%s)", text)
	}
}

func (f *translation) ifStmt(s *python.If) {
	if isMain(s) {
		f.block(s.Body)
		return
	}
	end := f.begin(s, f.head(s))
	f.nested = append(f.nested, 0)
	test := f.test(f.expr(s.Test), false)
	f.opening("if " + test + " {")
	end()
	f.branch(s.Body)
	f.orElse(s.Else)
	f.line("}")
	f.keep()
}

// keep ends a statement whose head may have opened callbacks: they stay open until the end of the block around it.
func (f *translation) keep() {
	n := f.nested[len(f.nested)-1]
	f.nested = f.nested[:len(f.nested)-1]
	if len(f.nested) > 0 {
		f.nested[len(f.nested)-1] += n
	}
}

func (f *translation) branch(body []python.Stmt) {
	f.indent++
	f.inBlock(func() { f.block(body) })
	f.indent--
}

func (f *translation) orElse(body []python.Stmt) {
	if len(body) == 0 {
		return
	}
	if next, ok := body[0].(*python.If); ok && len(body) == 1 && !strings.Contains(f.file.Source(next.Test), "await") &&
		!strings.Contains(f.file.Source(next.Test), "yield") {
		f.current = &Finding{}
		test := f.test(f.expr(next.Test), false)
		if !parses([]string{"if " + test + " {", "}"}) {
			test = "false"
			f.line("// NOTE: Translate by hand: the condition `%s`.", oneLine(f.file.Source(next.Test)))
		}
		f.line("} else if %s {", test)
		f.branch(next.Body)
		f.orElse(next.Else)
		return
	}
	f.line("} else {")
	f.branch(body)
}

func isMainStatement(s python.Stmt) bool {
	i, ok := s.(*python.If)
	return ok && isMain(i)
}

// isMain reports whether a statement is if __name__ == "__main__".
func isMain(s *python.If) bool {
	c, ok := s.Test.(*python.Compare)
	if !ok {
		return false
	}
	name, ok := c.X.(*python.Ident)
	return ok && name.Name == "__name__"
}

// imports binds the imported names.
func (f *translation) imports(s *python.Import) {
	for _, a := range s.Names {
		switch name := a.As; {
		case s.From && a.Name == "*":
		case s.From:
			if name == "" {
				name = a.Name
			}
			f.scope().names[name] = value{class: moduleOf(s.Module + "." + a.Name)}
		case name != "":
			f.scope().names[name] = value{class: moduleOf(a.Name)}
		default:
			root, _, _ := strings.Cut(a.Name, ".")
			f.scope().names[root] = value{class: moduleOf(root)}
		}
	}
}
