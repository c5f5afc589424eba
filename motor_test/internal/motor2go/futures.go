package motor2go

import (
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// The kinds of classes that have the class of their values after " of ", such as "future of int".
const (
	futureKind   = "future"
	taskKind     = "Task"     // the future of a coroutine
	outcomeKind  = "outcome"  // a value and an error
	setsKind     = "sets"     // the result of future.Wait
	tupleKind    = "tuple"    // the result of future.Join2 or Join3; the classes stand between tupleSeparator
	sequenceKind = "sequence" // what future.AsCompleted gives
	settledKind  = "settled"  // a variable that has the value of a future, not the future
	mapKind      = "map"      // a map with strings as keys
	setKind      = "set"      // a map[T]bool
	unit         = "unit"     // no value: struct{}
)

const tupleSeparator = " & "

// kindOf splits a class into its kind and the class of its values.
func kindOf(class string) (kind, of string) {
	kind, of, _ = strings.Cut(class, " of ")
	return kind, of
}

func classOf(kind, of string) string { return kind + " of " + of }

// asFuture returns the value of an operation that nothing awaits: a future. A coroutine becomes a task.
func (f *translation) asFuture(v value) value {
	switch kind, of := kindOf(v.class); {
	case kind == taskKind && f.style == Coroutines:
		return value{text: v.text + ".Future", class: classOf(futureKind, of)}
	case kind == taskKind:
		return value{text: v.text, class: classOf(futureKind, of)}
	case v.wait == nil || v.wait.direct:
		return v
	}
	text := v.text
	if v.wait.spawn != "" {
		text = v.wait.spawn
	}
	return value{text: text, class: classOf(futureKind, f.awaitedClass(v))}
}

// started is asFuture for a value that an assignment, a return or an argument passes on. A task stays one.
func (f *translation) started(v value) value {
	if v.wait == nil {
		return v
	}
	return f.asFuture(v)
}

// awaitedClass returns the class of what an await of a value gives.
func (f *translation) awaitedClass(v value) string {
	switch {
	case v.wait.one || v.wait.result == "" || v.wait.result == "struct{}":
		return unit
	case f.typeOf(v.class) == "any" && v.wait.result != "any":
		return goClass + v.wait.result
	}
	return v.class
}

// userCoroutine returns how a call of a coroutine of the file is started without waiting for it.
func (f *translation) userCoroutine(name string, args []string, text, result string) (function, spawn string) {
	returns := result
	if returns == "" {
		returns = "struct{}"
	}
	bare := len(args) == 1
	switch {
	case f.style == Coroutines && result != "" && bare:
		function = "callback.Value(" + name + ")"
	case f.style == Coroutines && result != "":
		function = "callback.Value(func(co *callback.Co) " + result + " { return " + text + " })"
	case f.style == Coroutines && bare:
		function = "callback.Proc(" + name + ")"
	case f.style == Coroutines:
		function = "callback.Proc(func(co *callback.Co) { " + text + " })"
	case f.style == Callbacks:
		function = "func(done callback.Func[" + returns + "]) { " + name + "(" + strings.Join(append(args, "done"), ", ") + ") }"
		return function, "callback.FromCallback(loop, " + function + ")"
	case result != "" && bare:
		function = name
	case result != "":
		function = "func(ctx context.Context) (" + result + ", error) { return " + text + " }"
	default:
		function = "func(ctx context.Context) (struct{}, error) { return struct{}{}, " + text + " }"
	}
	switch {
	case f.style == Futures:
		return function, "future.Go(ctx, pool, " + function + ")"
	case f.fn != nil && f.fn.waits:
		return function, "callback.CreateTask(co, " + function + ").Future"
	}
	return function, "callback.Spawn(loop, " + function + ")"
}

// futureFunction translates the functions of asyncio and Tornado that work on futures.
func (f *translation) futureFunction(name string, call *python.Call) (value, bool) {
	if len(call.Args) == 0 {
		return value{}, false
	}
	switch name {
	case "asyncio.gather":
		return f.gather(call, "future.All"), true
	case "gen.multi":
		return f.gather(&python.Call{Args: itemsOf(call.Args[0])}, "future.Multi"), true
	case "asyncio.create_task", "asyncio.ensure_future", "loop.create_task":
		return f.createTask(call.Args[0]), true
	case "asyncio.wait_for":
		var limit python.Expr
		if limit = keyword(call, "timeout"); limit == nil && len(call.Args) > 1 {
			limit = call.Args[1]
		}
		if limit == nil || isNone(limit) {
			return f.expr(call.Args[0]), true
		}
		return f.waitFor(f.expr(call.Args[0]), f.duration(limit, "time.Second")), true
	case "gen.with_timeout":
		if len(call.Args) < 2 {
			return value{}, false
		}
		limit := f.duration(call.Args[0], "time.Second")
		v := f.futureArgument(call.Args[1])
		_, of := kindOf(v.class)
		return f.futureValue("future.WithTimeout("+v.text+", "+limit+")", of), true
	case "asyncio.shield":
		v := f.futureArgument(call.Args[0])
		_, of := kindOf(v.class)
		return f.futureValue("future.Shield("+v.text+")", of), true
	case "asyncio.wait":
		return f.wait(call), true
	case "asyncio.as_completed":
		text, of := f.futureList(itemsOf(call.Args[0]))
		context := f.context()
		if f.style == Callbacks {
			list, isSlice := strings.CutSuffix(text, "...")
			if !isSlice {
				list = "[]" + f.typeOf(classOf(futureKind, of)) + "{" + text + "}"
			}
			return value{text: list, class: classOf(sequenceKind, of)}, true
		}
		return value{text: "future.AsCompleted(" + context + ", " + text + ")", class: classOf(sequenceKind, of)}, true
	}
	return value{}, false
}

// itemsOf returns the elements of a list, or the list as a starred argument.
func itemsOf(e python.Expr) []python.Expr {
	if seq, ok := e.(*python.Sequence); ok {
		return seq.Items
	}
	return []python.Expr{&python.Starred{X: e}}
}

// futureArgument translates an argument that is a future or a coroutine.
func (f *translation) futureArgument(e python.Expr) value {
	v := f.asFuture(f.expr(e))
	if kind, _ := kindOf(v.class); kind != futureKind {
		f.note("`%s` must be a future.", oneLine(f.file.Source(e)))
		return value{text: v.text, class: classOf(futureKind, "")}
	}
	return v
}

// futureList translates arguments that are futures, for a variadic parameter. It returns the class of their results.
// Futures of several types are erased.
func (f *translation) futureList(args []python.Expr) (text, of string) {
	if len(args) == 1 {
		if star, ok := args[0].(*python.Starred); ok {
			if seq, ok := star.X.(*python.Sequence); ok {
				return f.futureList(seq.Items)
			}
			return f.futureSlice(star.X)
		}
	}
	var all []value
	for _, a := range args {
		if star, ok := a.(*python.Starred); ok {
			f.note("Translate by hand: the argument `*%s`.", oneLine(f.file.Source(star.X)))
			continue
		}
		all = append(all, f.futureArgument(a))
	}
	return f.oneType(all)
}

// futureSlice translates a list of futures.
func (f *translation) futureSlice(e python.Expr) (text, of string) {
	v := f.expr(e)
	kind, of := kindOf(elementOf(v.class))
	if kind != futureKind {
		f.note("`%s` must be a slice of futures: `[]*future.Future[T]`.", v.text)
	}
	return v.text + "...", of
}

// oneType returns futures as arguments, and the class of their results.
func (f *translation) oneType(all []value) (text, of string) {
	same := !slices.ContainsFunc(all, func(v value) bool { return f.typeOf(v.class) != f.typeOf(all[0].class) })
	var texts []string
	for _, v := range all {
		if !same {
			v.text = "future.Erase(" + v.text + ")"
		}
		texts = append(texts, v.text)
	}
	if same && len(all) > 0 {
		_, of = kindOf(all[0].class)
	}
	return strings.Join(texts, ", "), of
}

// gather translates asyncio.gather and the list of futures that Tornado awaits. function is future.All or future.Multi.
func (f *translation) gather(call *python.Call, function string) value {
	settled := keyword(call, "return_exceptions") != nil
	if settled {
		function = "future.AllSettled"
	}
	if v, ok := f.gatherCoroutines(call.Args, settled); ok {
		return v
	}
	element := func(of string) string {
		if settled {
			return listOf(classOf(outcomeKind, of))
		}
		return listOf(of)
	}
	f.doc(function)
	if n := len(call.Args); !settled && (n == 2 || n == 3) {
		var all []value
		for _, a := range call.Args {
			if _, ok := a.(*python.Starred); !ok {
				all = append(all, f.futureArgument(a))
			}
		}
		if len(all) == n {
			if text, join := f.join(all); join {
				return text
			}
			text, of := f.oneType(all)
			return f.futureValue(function+"("+text+")", element(of))
		}
	}
	text, of := f.futureList(call.Args)
	if strings.Contains(text, "future.Erase(") {
		f.note("The futures have several types. Each result is an `any`.")
	}
	return f.futureValue(function+"("+text+")", element(of))
}

// join returns the future of two or three futures of different types.
func (f *translation) join(all []value) (value, bool) {
	var texts, classes []string
	types := make(map[string]bool)
	for _, v := range all {
		_, of := kindOf(v.class)
		types[f.typeOf(of)] = true
		texts, classes = append(texts, v.text), append(classes, of)
	}
	if len(types) == 1 {
		return value{}, false
	}
	function := []string{"future.Join2", "future.Join3"}[len(all)-2]
	f.doc(function)
	return f.futureValue(function+"("+strings.Join(texts, ", ")+")", classOf(tupleKind, strings.Join(classes, tupleSeparator))), true
}

// gatherCoroutines translates asyncio.gather of coroutines of the file with results of one type.
func (f *translation) gatherCoroutines(args []python.Expr, settled bool) (value, bool) {
	if f.style != Coroutines || f.fn == nil || !f.fn.waits {
		return value{}, false
	}
	types := make(map[string]bool)
	for _, a := range args {
		def := f.userCall(a)
		if def == nil || !f.isCoroutine(def) {
			return value{}, false
		}
		types[f.typeOf(f.awaitedClass(f.quiet(a)))] = true
	}
	if len(types) > 1 {
		return value{}, false
	}
	texts, class := []string{"co"}, ""
	for _, a := range args {
		v := f.expr(a)
		texts, class = append(texts, v.wait.function), f.awaitedClass(v)
	}
	function := "callback.Gather"
	if settled {
		function, class = "callback.GatherSettled", classOf(outcomeKind, class)
	}
	f.doc(function)
	return f.settledValue(function+"("+strings.Join(texts, ", ")+")", listOf(class)), true
}

// settledValue is the value of Go code that waits, and gives a result and an error, in a coroutine.
func (f *translation) settledValue(text, class string) value {
	return value{text: text, class: class, wait: &wait{
		inCoroutine: "callback.Must(co, future.Settled(" + text + "))", withError: text, result: f.typeOf(class),
		spawn: "future.Settled(" + text + ")",
	}}
}

// createTask translates asyncio.create_task. An operation of Motor is a future already.
func (f *translation) createTask(e python.Expr) value {
	v := f.expr(e)
	switch {
	case v.wait != nil && v.wait.function != "":
		task, inCoroutine := strings.CutSuffix(v.wait.spawn, ".Future")
		kind := futureKind
		if inCoroutine || f.style != Coroutines {
			kind = taskKind
		}
		if f.style == Callbacks {
			f.note("Cancel settles the future. The function that was called goes on.")
		}
		return value{text: task, class: classOf(kind, f.awaitedClass(v))}
	case v.wait != nil && !v.wait.direct:
		f.note("An operation of Motor runs from the call on. It needs no task.")
		return f.asFuture(v)
	}
	f.note("`%s` must be a coroutine of this file, or a future.", oneLine(f.file.Source(e)))
	return value{text: v.text, class: v.class}
}

// waitFor translates asyncio.wait_for.
func (f *translation) waitFor(v value, limit string) value {
	if v.wait != nil && v.wait.function != "" && f.style == Coroutines && f.fn != nil && f.fn.waits {
		return f.settledValue("callback.WaitFor(co, "+limit+", "+v.wait.function+")", f.awaitedClass(v))
	}
	f.doc("future.WaitFor")
	v = f.asFuture(v)
	_, of := kindOf(v.class)
	return f.futureValue("future.WaitFor("+v.text+", "+limit+")", of)
}

// wait translates asyncio.wait.
func (f *translation) wait(call *python.Call) value {
	text, of := f.futureList(itemsOf(call.Args[0]))
	when := "future.AllCompleted"
	if e := keyword(call, "return_when"); e != nil {
		source := f.file.Source(e)
		for name, constant := range map[string]string{"FIRST_COMPLETED": "future.FirstCompleted", "FIRST_EXCEPTION": "future.FirstException"} {
			if strings.Contains(source, name) {
				when = constant
			}
		}
	}
	if limit := keyword(call, "timeout"); limit != nil && !isNone(limit) {
		f.doc("future.WaitTimeout")
		return f.futureValue("future.WaitTimeout("+f.duration(limit, "time.Second")+", "+when+", "+text+")", classOf(setsKind, of))
	}
	return f.futureValue("future.Wait("+when+", "+text+")", classOf(setsKind, of))
}

// multiMap translates the dict of futures that Tornado awaits.
func (f *translation) multiMap(d *python.Dict) value {
	f.mention("gen.multi")
	f.doc("future.MultiMap")
	var keys, texts []string
	var all []value
	for i, key := range d.Keys {
		if key == nil {
			return f.byHand(d)
		}
		keys = append(keys, f.expr(key).text)
		all = append(all, f.futureArgument(d.Values[i]))
	}
	text, of := f.oneType(all)
	for i, v := range all {
		if strings.Contains(text, "future.Erase(") {
			v.text = "future.Erase(" + v.text + ")"
		}
		texts = append(texts, keys[i]+": "+v.text)
	}
	return f.futureValue("future.MultiMap("+literal("map[string]"+f.typeOf(classOf(futureKind, of)), texts)+")", classOf(mapKind, of))
}

// unpacked returns the parts of a value that several variables get, or nil if its elements have indexes.
func unpacked(class string, n int) (fields, classes []string) {
	switch kind, of := kindOf(class); kind {
	case setsKind:
		tasks := listOf(classOf(futureKind, of))
		return []string{".Done", ".Pending"}[:min(n, 2)], []string{tasks, tasks}
	case tupleKind:
		classes = strings.Split(of, tupleSeparator)
		return []string{".First", ".Second", ".Third"}[:min(n, len(classes))], classes
	}
	return nil, nil
}

// futureMethod translates the methods of a future whose Go code depends on the type of its result.
func (f *translation) futureMethod(x value, kind, of, name string, call *python.Call) (value, bool) {
	switch {
	case kind == settledKind && name == "result":
		return value{text: x.text, class: of}, true
	case kind == settledKind && name == "exception":
		return value{text: "err", class: "error"}, true
	case kind != futureKind && kind != taskKind:
		return value{}, false
	case name == "cancel" && f.style == Futures:
		f.warn("Cancel settles the future at once. The function may still run its deferred functions.")
		return value{}, false
	case name == "result":
		return f.checked(value{text: x.text + ".Result()", class: of}, "result"), true
	case name == "exception":
		return value{text: x.text + ".Err()", class: "error"}, true
	case name == "add_done_callback" && len(call.Args) == 1:
		return f.doneCallback(x, kind, of, call.Args[0]), true
	}
	return value{}, false
}

// doneCallback translates add_done_callback.
func (f *translation) doneCallback(x value, kind, of string, fn python.Expr) value {
	f.mention("Task.add_done_callback")
	f.doc("future.Future.OnComplete")
	if lambda, ok := fn.(*python.Lambda); ok && len(lambda.Params) == 1 {
		name := f.goName(lambda.Params[0].Name)
		body := f.literalBody(lambda, map[string]value{lambda.Params[0].Name: {text: name, class: classOf(settledKind, of)}})
		return value{text: x.text + ".OnComplete(func(" + name + " " + f.typeOf(of) + ", err error) { " + body + " })"}
	}
	called := f.expr(fn)
	if def := f.userCall(&python.Call{Func: fn}); def != nil {
		if params := f.parameters(def); len(params) == 1 {
			learn(f.facts.params, f.key(def)+"."+params[0].Name, classOf(futureKind, of))
		}
	}
	if kind == taskKind && f.style == Coroutines {
		f.doc("callback.Task.AddDoneCallback")
		return value{text: x.text + ".AddDoneCallback(" + called.text + ")"}
	}
	return value{text: x.text + ".OnComplete(func(" + f.typeOf(of) + ", error) { " + called.text + "(" + x.text + ") })"}
}
