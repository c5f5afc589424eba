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
//	           the code for each style, or - for none. $0 is the object, $1 the first argument, $* all, $d1 a duration
//	           in seconds, $ms1 one in milliseconds, $maxsize a keyword; and the first argument as $f1 a func(), $p1 a
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
	"loop": true, "Event": true, "Lock": true, "Condition": true, "Semaphore": true, "Queue": true, "Task": true, "Future": true,
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
	if v, ok := f.ofOperations(name, call); ok {
		return v, true
	}
	code := c.code[f.style]
	if code == "-" {
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
		return value{text: text, wait: &wait{inCoroutine: "co.Must(" + text + ")", withError: text, one: f.style == Coroutines}}
	case waits && f.style == Futures && strings.HasPrefix(text, "future.All("), waits && strings.HasPrefix(text, "future.Multi("):
		return f.futureValue(text, kind)
	case waits:
		return value{text: text, class: kind, wait: &wait{
			inCoroutine: "callback.Must(co, future.Settled(" + text + "))", withError: text, result: "any",
		}}
	case strings.HasPrefix(c.result, "future"):
		v := f.futureValue(text, "")
		if t := strings.TrimSpace(strings.TrimPrefix(c.result, "future")); t != "" {
			v.wait.result = t
		}
		return v
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
		inCoroutine: "callback.Must(co, " + text + ")", withError: text + ".Await(" + context + ")", result: "any",
		call: func(done string) string { return text + ".OnComplete(" + done + ")" },
	}}
}

// ofOperations translates constructs whose arguments are operations of Motor, which are futures already.
func (f *translation) ofOperations(name string, call *python.Call) (value, bool) {
	var texts []string
	class := ""
	for _, a := range call.Args {
		if star, ok := a.(*python.Starred); ok {
			texts = append(texts, f.expr(star.X).text+"...")
			f.note("`%s` is a slice of futures: `[]*future.Future[T]`.", f.expr(star.X).text)
			continue
		}
		v := f.quiet(a)
		if v.wait == nil || v.wait.result == "" || f.userCall(a) != nil {
			if len(texts) == 0 || name == "asyncio.gather" {
				return value{}, false
			}
		}
		v = f.expr(a)
		texts, class = append(texts, v.text), v.class
	}
	if len(texts) == 0 {
		return value{}, false
	}
	switch name {
	case "asyncio.gather":
		for _, k := range call.Keywords {
			if k.Name == "return_exceptions" {
				f.doc("future.AllSettled")
				return f.futureValue("future.AllSettled("+strings.Join(texts, ", ")+")", list), true
			}
		}
		f.doc("future.All")
		f.note("future.All takes futures of one type. For several types use future.Join2, future.Join3 or future.Erase.")
		return f.futureValue("future.All("+strings.Join(texts, ", ")+")", listOf(class)), true
	case "asyncio.wait_for":
		f.doc("future.WaitFor")
		timeout := "0"
		if len(call.Args) > 1 {
			timeout = f.duration(call.Args[1], "time.Second")
		} else if e := keyword(call, "timeout"); e != nil {
			timeout = f.duration(e, "time.Second")
		}
		return f.futureValue("future.WaitFor("+texts[0]+", "+timeout+")", class), true
	case "asyncio.create_task", "asyncio.ensure_future", "loop.create_task":
		f.note("An operation of Motor runs from the call on. It needs no task.")
		return value{text: texts[0], class: "Task"}, true
	}
	return value{}, false
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
var placeholder = regexp.MustCompile(`\$(d|ms|f|m|p|e|g|k|call)?(\d|\*)|\$maxsize|\$done`)

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
	case form == "g" && result:
		return "func(ctx context.Context) (any, error) { return " + text + " }"
	case form == "g":
		return "func(ctx context.Context) (struct{}, error) { return struct{}{}, " + text + " }"
	case f.style != Coroutines:
		return "func(co *callback.Co) (any, error) { return " + text + " }"
	case result && bare:
		return "callback.Value(" + strings.TrimSuffix(text, "(co)") + ")"
	case result:
		return "callback.Value(func(co *callback.Co) any { return " + text + " })"
	case bare:
		return "callback.Proc(" + strings.TrimSuffix(text, "(co)") + ")"
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
	args := append(f.texts(rest), "done")
	return fmt.Sprintf("func(done callback.Func[any]) { %s(%s) }", f.expr(e).text, strings.Join(args, ", "))
}
