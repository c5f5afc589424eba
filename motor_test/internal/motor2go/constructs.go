package motor2go

import (
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// constructsTSV has a line for each construct of asyncio and Tornado:
//
//	name       of a function, without "tornado", or of a method with the kind of its object
//	result     the kind of its result; "future" is awaited; after "await", the code itself waits, and gives an error,
//	           or a value and an error
//	coroutine, future, callback
//	           the code for each style, - for none, or = for code that futures.go makes. $0 is the object, $1 the first
//	           argument, $* all, $d1 a duration in seconds, $ms1 one in milliseconds, $maxsize a keyword, $item the
//	           type of the items of queues; and the first argument as $f1 a func(), $p1 a
//	           function for a coroutine, $m1 one without a result, $e1 one that returns an error, $g1 one for a goroutine, $k1 one that takes
//	           a callback, $call1 its call
//	docs       what go doc describes
//	note       what to watch for
//
//go:embed constructs.tsv
var constructsTSV string

// construct is a line of constructsTSV.
type construct struct {
	result, docs, note string
	code               map[Style]string
}

var constructs = func() map[string]construct {
	all := make(map[string]construct)
	for line := range strings.SplitSeq(strings.TrimSpace(constructsTSV), "\n") {
		c := strings.Split(strings.ReplaceAll(line, `\n`, "\n"), "\t")
		all[c[0]] = construct{c[1], c[5], c[6], map[Style]string{Coroutines: c[2], Futures: c[3], Callbacks: c[4]}}
	}
	return all
}()

// kinds are the classes of objects that constructs make, by the last part of their result or name.
var kinds = map[string]bool{
	"loop": true, "Event": true, "Lock": true, "Condition": true, "Semaphore": true, "Queue": true, taskKind: true, "Future": true,
	"PeriodicCallback": true,
}

// construct translates a call of asyncio or Tornado. name is that of a function, or a kind and a method. It reports
// whether there is such a construct.
func (f *translation) construct(name, on string, call *python.Call) (value, bool) {
	name = strings.TrimPrefix(name, "tornado.")
	for _, prefix := range []string{"locks.", "queues.", "ioloop.IOLoop", "motor.frameworks."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = map[string]string{"locks.": "asyncio.", "queues.": "asyncio.", "ioloop.IOLoop": "IOLoop"}[prefix] + rest
		}
	}
	c, ok := constructs[name]
	if !ok {
		return value{}, false
	}
	f.mention(name)
	if c.docs != "" {
		f.doc(c.docs)
	}
	if c.note != "" {
		f.note("%s", c.note)
	}
	if v, ok := f.futureFunction(name, call); ok {
		return v, true
	}
	if strings.HasSuffix(name, "ueue.put") || strings.HasSuffix(name, "ueue.put_nowait") {
		for _, a := range call.Args {
			if isNone(a) { // the items have no common type but any
				f.facts.stored[queueItems] = ""
				continue
			}
			learn(f.facts.stored, queueItems, f.quiet(a).class)
		}
	}
	code := c.code[f.style]
	if f.style == Futures && code == "$call1" && len(call.Args) > 0 {
		if v, def := f.called(call.Args[0], call.Args[1:]); def != nil && f.isCoroutine(def) {
			return f.await(v), true
		}
	}
	if code == "-" || code == "=" {
		return f.comment(call), true
	}
	last := 0 // the last argument that has a placeholder; those after it are arguments of the function
	for _, m := range placeholder.FindAllStringSubmatch(code, -1) {
		n, _ := strconv.Atoi(m[2])
		last = max(last, n)
	}
	text := placeholder.ReplaceAllStringFunc(code, func(p string) string { return f.fill(p, on, call, last) })
	if c.result == "loop" && (f.fn == nil || f.style != Coroutines) {
		text = "loop"
		if f.makesLoop {
			text = "callback.NewLoop()"
		}
	} else if f.style == Coroutines && (f.fn == nil || !f.fn.waits) { // there is no Co
		if strings.Contains(text, "co.Loop()") && !slices.Contains(f.globals, "loop") {
			f.note("It belongs to one loop. With callback.Main, make it in the coroutine, with co.Loop().")
		}
		text = strings.NewReplacer("co.Loop()", "loop", "callback.CreateTask(co, ", "callback.Spawn(loop, ").Replace(text)
	}
	if direct, ok := strings.CutPrefix(text, "!"); ok {
		v := value{text: direct}
		if c.result == "future item" {
			v.class = f.facts.stored[queueItems]
		}
		v.wait = &wait{inCoroutine: direct, withError: direct, direct: true}
		return v, true
	}
	if f.style == Callbacks {
		text = strings.ReplaceAll(text, "(co, ", "(loop, ")
	}
	return f.constructed(c, text), true
}

// constructed is the value of the code of a construct.
func (f *translation) constructed(c construct, text string) value {
	switch kind, waits := strings.CutPrefix(c.result, "await "); {
	case waits && kind == "error":
		v := value{text: text, class: unit, wait: &wait{inCoroutine: "co.Must(" + text + ")", withError: text, one: f.style == Coroutines, result: "struct{}"}}
		if f.style == Callbacks {
			v.wait.later = func(done string) string { return strings.Replace(text, "func() {}", done, 1) }
		}
		if limit, ok := strings.CutPrefix(text, "co.Sleep("); ok {
			v.wait.spawn = "future.Sleep(" + limit
		} else if limit, ok := strings.CutPrefix(text, "loop.CallLater("); ok {
			v.wait.spawn = "future.Sleep(" + strings.TrimSuffix(limit, ", func() {})") + ")"
		} else {
			v.wait.spawn = strings.TrimSuffix(text, ".Await(ctx)")
		}
		return v
	case waits:
		return value{text: text, class: kind, wait: &wait{
			inCoroutine: "callback.Must(co, future.Settled(" + text + "))", withError: text, result: "any",
		}}
	case c.result == "future taken":
		_, t, _ := strings.Cut(text, "callback.Func[")
		t, _, _ = strings.Cut(t, "])")
		if t == "any" {
			return f.futureValue(text, "")
		}
		return f.futureValue(text, goClass+t)
	case c.result == "future item":
		return f.futureValue(text, f.facts.stored[queueItems])
	case c.result == "item":
		return f.checked(value{text: text, class: f.facts.stored[queueItems]}, "item")
	case strings.HasPrefix(c.result, "future"):
		class := ""
		if t := strings.TrimSpace(strings.TrimPrefix(c.result, "future")); t == "struct{}" {
			class = unit
		} else if t != "" {
			class = goClass + t
		}
		return f.futureValue(text, class)
	case kinds[c.result]:
		return value{text: text, class: c.result}
	case c.result == truth, c.result == number:
		return value{text: text, class: c.result}
	}
	return value{text: text}
}

// futureValue is the value of a Go expression that is a future.
func (f *translation) futureValue(text, class string) value {
	context := f.context()
	return value{text: text, class: class, wait: &wait{
		inCoroutine: "callback.Must(co, " + text + ")", withError: text + ".Await(" + context + ")", result: f.typeOf(class),
		call: func(done string) string { return text + ".OnComplete(" + done + ")" },
	}}
}

func keyword(call *python.Call, name string) python.Expr {
	for _, k := range call.Keywords {
		if k.Name == name {
			return k.Value
		}
	}
	return nil
}

// placeholder is a place in the code of a construct.
var placeholder = regexp.MustCompile(`\$(d|ms|f|m|p|e|g|k|call)?(\d|\*)|\$maxsize|\$done|\$item`)

// fill returns the text for a placeholder.
func (f *translation) fill(p, on string, call *python.Call, last int) string {
	switch p {
	case "$0":
		return on
	case "$maxsize":
		if e := keyword(call, "maxsize"); e != nil {
			return f.expr(e).text
		}
		if len(call.Args) > 0 {
			return f.expr(call.Args[0]).text
		}
		return "0"
	case "$done":
		return "func() {}"
	case "$item":
		return f.typeOf(f.facts.stored[queueItems])
	}
	m := placeholder.FindStringSubmatch(p)
	if m[2] == "*" {
		var all []string
		for _, a := range call.Args {
			if star, ok := a.(*python.Starred); ok {
				all = append(all, f.expr(star.X).text+"...")
				continue
			}
			all = append(all, f.as(m[1], a, nil))
		}
		return strings.Join(all, ", ")
	}
	n, _ := strconv.Atoi(m[2])
	if n > len(call.Args) {
		for _, k := range call.Keywords { // the parameters of these functions have several names
			return f.as(m[1], k.Value, nil)
		}
		f.note("The argument %d is necessary.", n)
		return "nil"
	}
	return f.as(m[1], call.Args[n-1], call.Args[min(max(n, last), len(call.Args)):])
}

// as translates an argument as a function of a form. rest are the arguments for the function.
func (f *translation) as(form string, e python.Expr, rest []python.Expr) string {
	switch form {
	case "d":
		return f.duration(e, "time.Second")
	case "ms":
		return f.duration(e, "time.Millisecond")
	case "":
		return f.expr(e).text
	case "k":
		return f.callbackTaker(e, rest)
	}
	call, def := f.called(e, rest)
	if def == nil { // a name or expression that is not a function of the file
		if _, isLambda := e.(*python.Lambda); form == "f" && !isLambda {
			return "func() { " + f.call(&python.Call{Func: e, Args: rest}).text + " }"
		}
		if form == "f" {
			return f.expr(e).text
		}
		f.note("`%s` must be a function of the form that go doc shows.", f.expr(e).text)
		return f.expr(e).text
	}
	text, result := call.text, f.facts.values[f.key(def)]
	if call.wait != nil && f.style == Callbacks {
		text = call.wait.call("func(_ " + cmp.Or(call.wait.result, "struct{}") + ", err error) {\nif err != nil {\nlog.Print(err)\n}\n}")
	} else if call.wait != nil {
		text = call.wait.inCoroutine
		if f.style == Futures || form == "g" || form == "call" {
			text = call.wait.withError
		}
	}
	asynchronous := f.isCoroutine(def)
	if f.style == Callbacks && asynchronous && form != "f" && form != "call" && form != "m" {
		f.note("In the style of callbacks, call `%s` with a callback that goes on.", oneLine(f.file.Source(e)))
		return f.comment(e).text
	}
	bare := strings.HasSuffix(text, "(co)") && asynchronous
	switch {
	case form == "f" && !asynchronous && strings.HasSuffix(text, "()"):
		return strings.TrimSuffix(text, "()")
	case form == "f" && asynchronous && f.style == Futures: // it must not block the loop
		return "func() { go " + text + " }"
	case form == "f" && asynchronous && f.style == Coroutines:
		return "func() { callback.Spawn(loop, " + f.as("p", e, rest) + ") }"
	case form == "f":
		return "func() { " + text + " }"
	case form == "call":
		return text
	case form == "m" && bare:
		return strings.TrimSuffix(text, "(co)")
	case form == "m" && f.style == Coroutines:
		return "func(co *callback.Co) { " + text + " }"
	case form == "e" && f.style == Coroutines:
		return "func(co *callback.Co) error { " + text + "; return nil }"
	case form == "e":
		return "func(co *callback.Co) error { return " + text + " }"
	case form == "g" || f.style == Coroutines && asynchronous:
		return call.wait.function
	case f.style != Coroutines:
		return "func(co *callback.Co) (any, error) { return " + text + " }"
	case result:
		return "callback.Value(func(co *callback.Co) any { return " + text + " })"
	}
	return "callback.Proc(func(co *callback.Co) { " + text + " })"
}

func (f *translation) texts(all []python.Expr) (texts []string) {
	for _, e := range all {
		texts = append(texts, f.expr(e).text)
	}
	return texts
}

// called returns the call of a function of the file: e is its name, a call of it, or a method of self.
func (f *translation) called(e python.Expr, args []python.Expr) (value, *python.FuncDef) {
	call, ok := e.(*python.Call)
	if !ok {
		call = &python.Call{Func: e, Args: args}
	}
	def := f.userCall(call)
	if def == nil {
		return value{}, nil
	}
	return f.callUser(def, call), def
}

// callbackTaker translates the arguments of gen.Task: a function that takes a callback, and its other arguments.
func (f *translation) callbackTaker(e python.Expr, rest []python.Expr) string {
	result := ""
	args := f.texts(rest)
	target := f.expr(e)
	if def := f.userCall(&python.Call{Func: e}); def != nil {
		for i, p := range f.parameters(def) {
			if i < len(rest) && p.Name != "callback" {
				learn(f.facts.params, f.key(def)+"."+p.Name, f.quiet(rest[i]).class)
			}
		}
		result = f.facts.stored[callbackKey(f.key(def))]
		if f.isCoroutine(def) {
			context := "ctx"
			if f.style == Coroutines {
				context = "co"
			}
			args = append([]string{context}, args...)
		}
		if f.isCoroutine(def) && f.style == Callbacks {
			args = append(args, "done", "func(_ struct{}, err error) {\nif err != nil {\nlog.Print(err)\n}\n}")
			return fmt.Sprintf("func(done callback.Func[%s]) { %s(%s) }", f.typeOf(result), target.text, strings.Join(args, ", "))
		}
		if f.isCoroutine(def) && f.style == Coroutines {
			args = append(args, "done")
			return fmt.Sprintf("func(done callback.Func[%s]) { callback.CreateTask(co, callback.Proc(func(co *callback.Co) { %s(%s) })) }",
				f.typeOf(result), target.text, strings.Join(args, ", "))
		}
	}
	args = append(args, "done")
	return fmt.Sprintf("func(done callback.Func[%s]) { %s(%s) }", f.typeOf(result), target.text, strings.Join(args, ", "))
}
