package motor2go

import (
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// with translates a with statement, one item at a time.
func (f *translation) with(s *python.With) {
	end := f.begin(s, f.head(s))
	f.nested = append(f.nested, 0)
	type closer struct {
		text   string
		indent int
	}
	var closers []closer
	at := len(f.lines)
	for _, item := range s.Items {
		before := f.indent
		if text := f.withItem(s, item); text != "" {
			closers = append(closers, closer{text, min(before, f.indent)})
		}
	}
	if s.Async {
		f.mention("async with")
	}
	end()
	after := f.after
	f.after = ""
	before := len(f.sessions)
	pass := func(int) {}
	switch {
	case len(closers) > 0 && f.style != Callbacks:
		leave := "return"
		if strings.HasPrefix(closers[len(closers)-1].text, "\treturn nil") {
			leave = "return nil"
		}
		was := f.fn
		if f.style == Futures && f.fn != nil {
			f.fn = &frame{def: f.fn.def, waits: f.fn.waits}
		}
		pass = f.enclose(leave, func() { f.block(s.Body) })
		f.fn = was
	case f.style == Callbacks:
		f.inBlock(func() { f.block(s.Body) })
	default:
		f.block(s.Body)
	}
	f.sessions = f.sessions[:before-f.opened]
	f.opened = 0
	for _, c := range slices.Backward(closers) {
		f.indent = c.indent
		f.line("%s", c.text)
	}
	pass(at)
	if after != "" {
		f.line("%s", after)
	}
	f.keep()
}

// withItem translates an item of a with statement. It returns the line that ends the block that it has opened.
func (f *translation) withItem(s *python.With, item python.WithItem) (closer string) {
	name := "_"
	if ident, ok := item.Var.(*python.Ident); ok {
		name = f.goName(ident.Name)
	}
	e := item.X
	x, waits := awaitOf(e)
	if waits {
		e = x
	}
	v := f.expr(e)
	if item.Var != nil {
		f.bind(item.Var, v)
	}
	call, _ := e.(*python.Call)
	member := ""
	if call != nil {
		if a, ok := call.Func.(*python.Attribute); ok {
			member = a.Name
		}
	}
	switch {
	case v.class == "MotorClientSession":
		return f.useSession(call, v, name)
	case member == "start_transaction":
		return f.useTransaction(call)
	case v.class == "Lock" || v.class == "Semaphore" || v.class == "Condition":
		return f.locked(v)
	case v.class == "MotorGridIn" && f.style == Futures:
		if waits {
			v = f.awaitInto(v, "")
		}
		if name == "_" {
			name = f.temp("", "file")
		}
		f.line("%s %s %s", name, f.assign(name), v.text)
		f.after = "if _, err := " + name + ".Close(ctx).Await(ctx); err != nil {\n\t" + strings.ReplaceAll(f.fail(), "\n", "\n\t") + "\n}"
		return ""
	case v.class == "MotorGridIn" && f.style == Coroutines:
		f.line("co.Must(%s.Scope(co, func(%s *motor.GridIn) error {", v.text, name)
		f.indent++
		return "\treturn nil\n}))"
	case v.class == "MotorChangeStream", strings.HasSuffix(v.class, "Cursor"):
		if name == "_" {
			name = v.text
		} else {
			f.line("%s := %s", name, v.text)
			f.scope().declared[name] = true
		}
		if f.style == Callbacks {
			f.note("Close it in the last callback: `%s.Close(ctx, nil)`.", name)
		} else {
			f.line("defer %s.Close(context.WithoutCancel(%s))", name, f.context())
		}
		return ""
	}
	if waits {
		v = f.awaitInto(v, "")
	}
	if name != "_" {
		f.line("%s := %s", name, v.text)
		f.scope().declared[name] = true
	} else {
		f.line("_ = %s", v.text)
	}
	f.note("Close it with `defer`, or use callback.With for a type with AEnter and AExit.")
	f.doc("callback.With")
	return ""
}

// useSession translates async with await client.start_session() as name.
func (f *translation) useSession(call *python.Call, v value, name string) string {
	client := "client"
	if call != nil {
		client = f.quiet(call.Func.(*python.Attribute).X).text
	}
	switch f.style {
	case Coroutines:
		f.doc("callback.UseSession")
		f.line("co.Must(callback.UseSession(co, %s, func(co *callback.Co, %s *motor.Session) error {", client, name)
		f.indent++
		f.sessions = append(f.sessions, name)
		f.opened++
		return "\treturn nil\n}))"
	case Futures:
		f.awaitInto(v, name)
		f.line("defer %s.EndSession(context.WithoutCancel(ctx))", name)
		return ""
	}
	f.awaitInto(v, name)
	f.note("End the session in the last callback: `%s.EndSession(ctx, nil)`.", name)
	return ""
}

// useTransaction translates async with s.start_transaction().
func (f *translation) useTransaction(call *python.Call) string {
	s := f.quiet(call.Func.(*python.Attribute).X).text
	switch f.style {
	case Coroutines:
		f.doc("callback.UseTransaction")
		f.line("co.Must(callback.UseTransaction(co, %s, func(co *callback.Co) error {", s)
		f.indent++
		return "\treturn nil\n}))"
	case Futures:
		f.doc("motor.Transact")
		f.note("motor.Transact commits if the function returns nil, and aborts if it fails.")
		f.line("if err := func() error {")
		f.indent++
		return "\treturn nil\n}(); err != nil {\n\t" + s + ".AbortTransaction(ctx)\n\t" + strings.ReplaceAll(f.fail(), "\n", "\n\t") + "\n}\n" +
			s + ".CommitTransaction(ctx)"
	}
	f.note("Commit the transaction in the last callback: `%s.CommitTransaction(ctx, ...)`.", s)
	return ""
}

// locked translates async with lock.
func (f *translation) locked(v value) string {
	switch f.style {
	case Coroutines:
		if f.last { // the lock is released at the end of the function
			f.line("defer callback.Must(co, %s.Acquire())()", v.text)
			return ""
		}
		f.line("func() {")
		f.indent++
		f.line("defer callback.Must(co, %s.Acquire())()", v.text)
		return "}()"
	case Futures:
		end := "\treturn nil\n}(); err != nil {\n\t" + strings.ReplaceAll(f.fail(), "\n", "\n\t") + "\n}"
		switch {
		case f.last:
			end = ""
		case f.fn != nil && f.fn.waits:
			f.line("if err := func() error {")
			f.indent++
		default:
			f.line("func() {")
			f.indent++
			end = "}()"
		}
		if v.class == "Semaphore" {
			f.line("%s <- struct{}{}", v.text)
			f.line("defer func() { <-%s }()", v.text)
		} else {
			f.line("%s.Lock()", v.text)
			f.line("defer %s.Unlock()", v.text)
		}
		return end
	}
	f.line("%s.Acquire().OnComplete(func(release func(), err error) {", v.text)
	f.indent++
	f.line("defer release()")
	f.note("The lock is released when this callback returns.")
	return "})"
}

// try translates a try statement.
func (f *translation) try(s *python.Try) {
	if len(s.Finally) > 0 {
		f.tryFinally(s)
		return
	}
	end := f.begin(s, "try:")
	kinds, all, own := f.kindsOf(s.Handlers)
	inCoroutine := f.style == Coroutines && f.fn != nil && f.fn.waits
	switch {
	case f.style == Callbacks && slices.ContainsFunc(s.Body, f.awaits):
		f.warn("Errors arrive in the callbacks: move the handlers there.")
		end()
		f.inBlock(func() { f.block(s.Body) })
		if !f.isDeclared("err") && len(f.closers) == 0 {
			f.scope().declared["err"] = true
			f.line("var err error")
		}
		f.handlers(s, all, own)
	case inCoroutine:
		f.doc("callback.Co.Try")
		f.mention("try")
		at := len(f.lines)
		f.line("err %s co.Try(func() {", f.assignErr())
		end()
		pass := f.enclose("return", func() { f.branch(s.Body) })
		if all || own || len(kinds) == 0 {
			f.line("})")
		} else {
			f.line("}, %s)", strings.Join(kinds, ", "))
		}
		pass(at)
		f.handlers(s, all, own)
	default:
		at := len(f.lines)
		f.line("err %s func() error {", f.assignErr())
		end()
		was := f.fn
		f.fn = &frame{key: "", waits: true, literal: true}
		if was != nil {
			f.fn.def = was.def
		}
		f.indent++
		pass := f.enclose("return nil", func() { f.block(s.Body) })
		if len(s.Body) == 0 || !ends(s.Body[len(s.Body)-1]) {
			f.line("return nil")
		}
		f.indent--
		f.fn = was
		f.line("}()")
		pass(at)
		f.handlers(s, all, own)
	}
}

// awaits reports whether a statement waits for something.
func (f *translation) awaits(s python.Stmt) bool {
	source := f.file.Source(s)
	return mentions(source, "await") || mentions(source, "yield") || mentions(source, "async")
}

// tryFinally translates a try statement with a finally clause: a function literal that defers the clause.
func (f *translation) tryFinally(s *python.Try) {
	end := f.begin(s, "try: ... finally:")
	waits := f.fn != nil && f.fn.waits
	was, loops := f.fn, f.loops
	at, leave := len(f.lines), "return"
	if f.style == Futures && waits {
		leave = "return nil"
		f.line("err %s func() error {", f.assignErr())
		f.fn = &frame{def: was.def, waits: true}
	} else {
		f.line("func() {")
		if f.style != Coroutines || !waits {
			f.fn = nil
		}
	}
	end()
	f.indent++
	pass := f.enclose(leave, func() {
		f.line("defer func() {")
		f.indent++
		finally, from := f.fn, len(f.lines)
		if f.style == Futures && f.fn != nil {
			f.fn = &frame{def: f.fn.def}
		}
		f.enclose("return", func() { f.block(s.Finally) })
		f.fn = finally
		context := map[Style]string{Coroutines: "co := co.WithoutCancel()", Futures: "ctx := context.WithoutCancel(ctx)"}[f.style]
		if name, _, _ := strings.Cut(context, " "); waits && context != "" && slices.ContainsFunc(f.lines[from:], func(l string) bool {
			return !strings.HasPrefix(strings.TrimSpace(l), "//") && mentions(l, name)
		}) {
			f.lines = slices.Insert(f.lines, from, strings.Repeat("\t", f.indent)+context)
		}
		f.indent--
		f.line("}()")
		if len(s.Handlers) == 0 {
			f.block(s.Body)
		} else {
			rest := *s
			rest.Finally = nil
			f.try(&rest)
		}
		if f.style == Futures && waits {
			f.line("return nil")
		}
	})
	f.indent--
	f.line("}()")
	f.fn, f.loops = was, loops
	if f.style == Futures && waits {
		f.check()
	}
	pass(at)
}

// assignErr returns the operator that assigns err.
func (f *translation) assignErr() string {
	if f.isDeclared("err") {
		return "="
	}
	f.scope().declared["err"] = true
	return ":="
}

// kindsOf returns the errors of the handlers, whether one takes all, and whether one takes an error type of the file.
func (f *translation) kindsOf(handlers []python.Handler) (kinds []string, all, own bool) {
	for _, h := range handlers {
		if h.Kind == nil {
			return kinds, true, own
		}
		exprs := []python.Expr{h.Kind}
		if seq, ok := h.Kind.(*python.Sequence); ok {
			exprs = seq.Items
		}
		for _, e := range exprs {
			kind := f.errorClass(e)
			if kind == "error" {
				all = true
				continue
			}
			if strings.HasPrefix(kind, "*") { // a type of the file: Try takes values
				own = true
				continue
			}
			kinds = append(kinds, kind)
		}
	}
	return kinds, all, own
}

// errorClass returns the error for an exception class.
func (f *translation) errorClass(e python.Expr) string {
	v := f.quiet(e)
	name, ok := strings.CutPrefix(v.class, moduleOf(""))
	switch {
	case v.class == "exception":
		return v.text
	case !ok:
		name = f.file.Source(e)
	}
	if known := f.errorOf(name); known != "" {
		return known
	}
	if f.classes[name] != nil {
		return "*" + exported(name)
	}
	f.note("`%s` has no counterpart: declare an error `%s`.", f.file.Source(e), "Err"+exported(strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "Error")))
	return "Err" + exported(strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "Error"))
}

// handlers translates the except clauses. The error is in err.
func (f *translation) handlers(s *python.Try, all, own bool) {
	f.line("switch {")
	for _, h := range s.Handlers {
		tests, any := f.testsOf(h)
		if any || len(tests) == 0 {
			tests = []string{"err != nil"}
		}
		f.line("case %s:", strings.Join(tests, ", "))
		f.indent++
		if h.Name != "" {
			f.scope().names[h.Name] = value{text: "err", class: "error"}
		}
		f.indent--
		f.branch(h.Body)
	}
	switch waits := f.fn != nil && f.fn.waits; {
	case !all && waits && f.style != Coroutines:
		f.line("case err != nil:")
		f.indented(f.fail())
	case !all && own && waits && f.style == Coroutines:
		f.line("default:")
		f.indented("co.Must(err)")
	}
	f.line("}")
	if len(s.Else) > 0 {
		f.line("if err == nil {")
		f.branch(s.Else)
		f.line("}")
	}
}

// testsOf returns the conditions for an except clause, and whether it takes all errors.
func (f *translation) testsOf(h python.Handler) (tests []string, all bool) {
	if h.Kind == nil {
		return nil, true
	}
	exprs := []python.Expr{h.Kind}
	if seq, ok := h.Kind.(*python.Sequence); ok {
		exprs = seq.Items
	}
	for _, e := range exprs {
		switch kind := f.errorClass(e); {
		case kind == "error":
			all = true
		case strings.HasPrefix(kind, "*"):
			tests = append(tests, "errors.As(err, new("+kind+"))")
		default:
			tests = append(tests, "errors.Is(err, "+kind+")")
		}
	}
	return tests, all
}

// localFunction translates a function inside of a function.
func (f *translation) localFunction(def *python.FuncDef) {
	f.functions[def.Name] = def
	end := f.begin(def, f.head(def))
	name := f.goName(def.Name)
	f.scope().declared[name] = true
	f.line("%s := func%s {", name, f.signature(def))
	end()
	f.body(def)
	f.line("}")
}

// signature returns the parameters and results of a function.
func (f *translation) signature(def *python.FuncDef) string {
	key := f.key(def)
	var params []string
	waits := f.isCoroutine(def)
	if waits && f.style == Coroutines {
		params = append(params, "co *callback.Co")
	} else if waits {
		params = append(params, "ctx context.Context")
	}
	callbackTypes := f.facts.called[key]
	for i, p := range f.parameters(def) {
		switch {
		case len(callbackTypes) >= 2 && i < 2 && len(f.parameters(def)) == 2:
			params = append(params, f.goName(p.Name)+" "+callbackTypes[i])
		case p.Star == "*" && i == len(f.parameters(def))-1 && (!waits || f.style != Callbacks):
			params = append(params, f.goName(p.Name)+" ...any")
		case p.Star == "*":
			params = append(params, f.goName(p.Name)+" []any")
		case p.Star == "**":
			params = append(params, f.goName(p.Name)+" map[string]any")
		case p.Name == "callback":
			params = append(params, "callback_ callback.Func["+f.typeOf(f.facts.stored[callbackKey(key)])+"]")
		default:
			params = append(params, f.goName(p.Name)+" "+f.typeOf(f.paramClass(key, p)))
		}
	}
	result := ""
	if len(callbackTypes) == 3 {
		result = callbackTypes[2]
	} else if f.facts.values[key] {
		result = f.typeOf(f.facts.results[key])
	}
	switch {
	case waits && f.style == Callbacks && result != "":
		params = append(params, f.doneOf(def)+" callback.Func["+result+"]")
		result = ""
	case waits && f.style == Callbacks:
		params = append(params, f.doneOf(def)+" callback.Func[struct{}]")
	case waits && f.style == Futures && result != "":
		result = "(" + result + ", error)"
	case waits && f.style == Futures:
		result = "error"
	}
	return strings.TrimSpace("(" + strings.Join(params, ", ") + ") " + result)
}

func (f *translation) paramClass(key string, p python.Param) string {
	if p.Annotation != nil {
		if class := f.annotation(p.Annotation); class != "" {
			return class
		}
	}
	if class := f.facts.params[key+"."+p.Name]; class != "" && class != listOf("") && class != nothing {
		return class
	}
	if p.Default != nil && !isNone(p.Default) {
		if class := f.quiet(p.Default).class; class != "" {
			return class
		}
	}
	return f.facts.inferred[key+"."+p.Name]
}

// body translates the body of a function, in a scope of its own.
func (f *translation) body(def *python.FuncDef) {
	key := f.key(def)
	was, loops, sessions, outer, following, inEach := f.fn, f.loops, f.sessions, f.function, f.following, f.inEach
	f.fn = &frame{def: def, key: key, waits: f.isCoroutine(def), result: f.facts.values[key]}
	f.loops, f.sessions, f.function, f.following, f.inEach = 0, nil, f.fn, nil, false
	outside, closers := f.outside, f.closers
	f.outside, f.closers = 0, nil
	s := newScope()
	f.scopes = append(f.scopes, s)
	callbackTypes := f.facts.called[key]
	for i, p := range f.parameters(def) {
		class := f.paramClass(key, p)
		if len(callbackTypes) >= 2 && len(f.parameters(def)) == 2 && i < 2 {
			class = []string{map[string]string{"bson.M": document, "[]bson.M": listOf(document), "int64": number}[callbackTypes[0]], "error"}[i]
		}
		s.names[p.Name] = value{text: f.goName(p.Name), class: class, dynamic: p.Star == "" && f.typeOf(class) == "any"}
		if p.Name == "callback" {
			s.names[p.Name] = value{text: "callback_", class: callbackParam}
		}
		s.declared[f.goName(p.Name)] = true
	}
	if owner, _, ok := strings.Cut(key, "."); ok && len(def.Params) > 0 {
		s.names[def.Params[0].Name] = value{text: receiver(owner), class: "self " + owner}
	}
	f.indent++
	f.nested = append(f.nested, 0)
	f.following = append(f.following, nil)
	for i, st := range def.Body {
		f.following[0] = def.Body[i+1:]
		f.last = i == len(def.Body)-1
		f.stmt(st)
		f.last = false
	}
	if n := len(def.Body); f.returnsMore() {
		if !ends(def.Body[n-1]) {
			f.returning("")
		}
	} else if f.fn.waits || f.fn.result {
		if !ends(def.Body[n-1]) && (f.style != Coroutines || f.fn.result) {
			f.returning("")
		}
	}
	f.endBlock()
	f.indent--
	f.scopes = f.scopes[:len(f.scopes)-1]
	f.fn, f.loops, f.sessions, f.function, f.following, f.inEach = was, loops, sessions, outer, following, inEach
	f.outside, f.closers = outside, closers
}

// ends reports whether a statement at the end of a function returns in each case.
func ends(s python.Stmt) bool {
	switch s := s.(type) {
	case *python.Return, *python.Raise:
		return true
	case *python.With:
		return len(s.Body) > 0 && ends(s.Body[len(s.Body)-1])
	}
	return false
}

func receiver(class string) string { return strings.ToLower(exported(class)[:1]) }
