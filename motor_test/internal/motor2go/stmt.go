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
	for _, s := range body {
		f.stmt(s)
	}
	f.endBlock()
}

func (f *translation) endBlock() {
	for range f.nested[len(f.nested)-1] {
		f.indent--
		f.line("%s", f.closers[len(f.closers)-1])
		f.closers = f.closers[:len(f.closers)-1]
	}
	f.nested = f.nested[:len(f.nested)-1]
}

// stmt translates a statement.
func (f *translation) stmt(s python.Stmt) {
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
			f.assignTo(target, s.Value)
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
		if s.Word != "pass" {
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
	seq, ok := e.(*python.Sequence)
	if !ok || seq.Open == "{" {
		return f.expr(e)
	}
	var texts []string
	class := ""
	for _, item := range seq.Items {
		v := f.expr(item)
		texts, class = append(texts, v.text), v.class
	}
	f.mention("gen.multi")
	f.doc("future.Multi")
	f.note("future.Multi takes futures of one type. For several types use future.Join2, future.Join3 or future.Erase.")
	return f.futureValue("future.Multi("+strings.Join(texts, ", ")+")", listOf(class))
}

func (f *translation) exprStmt(e python.Expr) {
	if c, ok := e.(*python.Constant); ok && c.Kind == python.Str { // a doc string
		return
	}
	if x, ok := awaitOf(e); ok {
		v := f.awaited(x)
		if v = f.awaitInto(v, "_"); f.style == Coroutines {
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
	case v.wait != nil && f.style == Callbacks && v.wait.call != nil:
		f.note("Nothing waits for this operation.")
		f.line("%s", v.wait.call("nil"))
	case strings.HasPrefix(v.text, "nil /*"):
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

func (f *translation) assignTo(target, e python.Expr) {
	if call, ok := e.(*python.Call); ok {
		if name, ok := strings.CutPrefix(f.quiet(call.Func).class, moduleOf("")); ok && strings.HasSuffix(name, "Application") {
			f.application(call)
		}
	}
	name := ""
	if ident, ok := target.(*python.Ident); ok {
		name = goName(ident.Name)
	}
	var v value
	if x, ok := awaitOf(e); ok {
		into := name
		if f.isGlobalName(target) {
			into = ""
		}
		w := f.awaited(x)
		v = f.awaitInto(w, into)
		if into != "" && f.style != Coroutines {
			f.bind(target, v)
			return
		}
	} else {
		if !f.isGlobalName(target) {
			f.wanted = name
		}
		f.makesLoop = true
		v = f.expr(e)
		f.wanted, f.makesLoop = "", false
	}
	f.store(target, name, v)
}

// isGlobalName reports whether a name is assigned at the level of the package.
func (f *translation) isGlobalName(target python.Expr) bool {
	ident, ok := target.(*python.Ident)
	return ok && (f.base() == f.scopes[0] || f.scope().global[ident.Name])
}

// store assigns a translated value.
func (f *translation) store(target python.Expr, name string, v value) {
	switch target := target.(type) {
	case *python.Ident:
		if v.text != name {
			v.text = typed(v)
			op := "="
			if !f.isGlobalName(target) {
				op = f.assign(name)
			}
			if strings.HasPrefix(v.text, "nil /*") && op == ":=" {
				f.line("var %s any = %s", name, v.text)
			} else {
				f.line("%s %s %s", name, op, v.text)
			}
		}
		f.bind(target, v)
		if f.base() == f.scopes[0] {
			learn(f.facts.stored, target.Name, v.class)
			f.globals = appendNew(f.globals, target.Name)
		}
	case *python.Sequence:
		f.unpack(target, v)
	default:
		f.line("%s = %s", f.quiet(target).text, v.text)
		f.bind(target, v)
	}
}

// unpack assigns the elements of a list to several variables.
func (f *translation) unpack(target *python.Sequence, v value) {
	var names, texts []string
	for i, item := range target.Items {
		ident, ok := item.(*python.Ident)
		if !ok {
			f.leave(target)
			return
		}
		names = append(names, goName(ident.Name))
		texts = append(texts, "["+string(rune('0'+i%10))+"]")
	}
	f.bind(target, v)
	all := f.temp("", "all")
	for i := range texts {
		texts[i] = all + texts[i]
	}
	f.line("%s := %s", all, v.text)
	f.line("%s %s %s", strings.Join(names, ", "), f.assign(names...), strings.Join(texts, ", "))
}

func (f *translation) annotated(s *python.Annotated) {
	class := f.annotation(s.Annotation)
	if s.Value == nil {
		if ident, ok := s.Target.(*python.Ident); ok {
			f.line("var %s %s", goName(ident.Name), f.typeOf(class))
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
	if s.X == nil || isNone(s.X) && (f.fn == nil || !f.fn.result) {
		f.returning("")
		return
	}
	v := f.expr(s.X)
	if f.fn != nil {
		f.facts.values[f.fn.key] = true
		learn(f.facts.results, f.fn.key, v.class)
	}
	f.returning(v.text)
}

// returning adds the return of a value, or of none.
func (f *translation) returning(text string) {
	if f.scope().closure && f.muted == 0 {
		f.note("This return ends only the function literal around it. Leave the function after that, with the result.")
		if text != "" {
			f.line("result = %s", text)
		}
		if f.style == Futures && f.fn != nil && f.fn.waits {
			f.line("return nil")
		} else {
			f.line("return")
		}
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
		f.line("done(%s, nil)\nreturn", text)
	case waits && f.style == Callbacks:
		f.line("done(struct{}{}, nil)\nreturn")
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
	f.block(body)
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

// isMain reports whether a statement is if __name__ == "__main__".
func isMain(s *python.If) bool {
	c, ok := s.Test.(*python.Compare)
	if !ok {
		return false
	}
	name, ok := c.X.(*python.Ident)
	return ok && name.Name == "__name__"
}

func (f *translation) while(s *python.While) {
	end := f.begin(s, f.head(s))
	x, waits := awaitOf(s.Test)
	f.nested = append(f.nested, 0)
	f.loops++
	switch {
	case waits && f.style != Callbacks: // while (yield cursor.fetch_next)
		f.line("for {")
		f.indent++
		v := f.awaited(x)
		v = f.awaitInto(v, "")
		f.line("if !%s {", v.text)
		f.indented("break")
		f.line("}")
		f.indent--
	case waits:
		f.awaited(x)
		f.note("A loop does not wait for a callback: use Each, or a function that the callback calls again.")
		f.line("for {")
	default:
		test := f.test(f.expr(s.Test), false)
		if test == "true" {
			test = ""
		}
		f.opening(strings.TrimSuffix("for "+test, " ") + " {")
	}
	end()
	f.branch(s.Body)
	f.loops--
	f.line("}")
	f.keep()
	f.loopElse(s.Else)
}

func (f *translation) loopElse(body []python.Stmt) {
	if len(body) > 0 {
		f.line("// NOTE: Translate the else of the loop by hand.")
		f.block(body)
	}
}

func (f *translation) forStmt(s *python.For) {
	end := f.begin(s, f.head(s))
	in := f.expr(s.In)
	name := "item"
	if ident, ok := s.Var.(*python.Ident); ok {
		name = goName(ident.Name)
	}
	f.nested = append(f.nested, 0)
	f.loops++
	f.bind(s.Var, value{class: elementOf(in.class)})
	isCursor := s.Async && strings.HasPrefix(in.class, "Motor")
	closing := "}"
	switch {
	case s.Async && f.style == Coroutines:
		f.opening("for " + name + " := range callback.Range(co, " + in.text + ".All(co)) {")
		f.doc("callback.Range")
	case s.Async && f.style == Futures:
		f.opening("for " + name + ", err := range " + in.text + ".All(ctx) {")
		f.indent++
		f.check()
		f.indent--
	case isCursor:
		element := f.typeOf(elementOf(in.class))
		f.line("%s.Each(ctx, func(%s %s, err error) bool {", in.text, name, element)
		f.indent++
		f.line("if err != nil || %s == nil {", name)
		f.indented("return false // the end, or an error")
		f.line("}")
		f.indent--
		f.note("Each returns at once. What follows the loop belongs where the document is nil.")
		closing = "\treturn true\n})"
	case in.class == "items":
		key, val := "key", "value"
		if pair, ok := s.Var.(*python.Sequence); ok && len(pair.Items) == 2 {
			key, val = f.quiet(pair.Items[0]).text, f.quiet(pair.Items[1]).text
		}
		f.note("A bson.M has no order. A bson.D keeps it.")
		f.opening("for " + key + ", " + val + " := range " + in.text + " {")
	case in.class == "range":
		f.opening("for " + name + " := range " + in.text + " {")
	case in.class == "sequence":
		f.line("for %s, err := range %s {", name, in.text)
		f.indent++
		f.line("_, _ = %s, err", name)
		f.indent--
	default:
		f.opening("for _, " + name + " := range " + ranged(in) + " {")
	}
	if s.Async {
		f.mention("async for")
	}
	end()
	f.branch(s.Body)
	f.loops--
	f.line("%s", closing)
	f.keep()
	f.loopElse(s.Else)
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
