package motor2go

import (
	"go/types"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// key returns the name of a function, with that of its class.
func (f *translation) key(def *python.FuncDef) string {
	for name, m := range f.methods {
		if m == def {
			return name
		}
	}
	return def.Name
}

// functionName returns the Go name of a function of the module.
func (f *translation) functionName(def *python.FuncDef) string {
	if def.Name == "main" {
		return "run"
	}
	return f.goName(def.Name)
}

// isCoroutine reports whether a function is a coroutine of asyncio or Tornado.
func (f *translation) isCoroutine(def *python.FuncDef) bool {
	if def.Async {
		return true
	}
	for _, d := range def.Decorators {
		switch name := f.file.Source(d); name[strings.LastIndexByte(name, '.')+1:] {
		case "coroutine", "engine":
			return true
		}
	}
	return false
}

// userCall returns the function of the file that an expression calls, or nil.
func (f *translation) userCall(e python.Expr) *python.FuncDef {
	call, ok := e.(*python.Call)
	if !ok {
		return nil
	}
	switch fn := call.Func.(type) {
	case *python.Ident:
		return f.functions[fn.Name]
	case *python.Attribute:
		if owner, ok := strings.CutPrefix(f.quiet(fn.X).class, "self "); ok {
			return f.methods[owner+"."+fn.Name]
		}
	}
	return nil
}

// parameters returns the parameters of a function, without self and the separators.
func (f *translation) parameters(def *python.FuncDef) []python.Param {
	params := def.Params
	if _, isMethod := f.methods[f.key(def)]; isMethod && len(params) > 0 {
		params = params[1:]
	}
	var named []python.Param
	for _, p := range params {
		if p.Name != "" {
			named = append(named, p)
		}
	}
	return named
}

// callUser translates the call of a function of the file.
func (f *translation) callUser(def *python.FuncDef, call *python.Call) value {
	key, params := f.key(def), f.parameters(def)
	byName := make(map[string]string)
	var more []string
	argument := func(p python.Param, e python.Expr) string {
		v := f.started(f.expr(e))
		if v.class != listOf("") {
			learn(f.facts.params, key+"."+p.Name, v.class)
		}
		known := f.paramClass(key, p)
		if kind, of := kindOf(known); kind == list && v.class == listOf("") {
			learn(f.facts.stored, f.itemsKey(e), of)
		}
		f.infer(e, known)
		return f.asserted(v, f.typeOf(known))
	}
	for i, a := range call.Args {
		if i >= len(params) || params[i].Star != "" {
			more = append(more, f.expr(a).text)
			continue
		}
		byName[params[i].Name] = argument(params[i], a)
	}
	for _, k := range call.Keywords {
		at := slices.IndexFunc(params, func(p python.Param) bool { return p.Name == k.Name })
		if at < 0 {
			f.note("Translate by hand: the keyword `%s`.", k.Name)
			continue
		}
		byName[k.Name] = argument(params[at], k.Value)
	}
	var args []string
	for _, p := range params {
		text, given := byName[p.Name]
		switch {
		case given:
			args = append(args, text)
		case p.Star == "" && p.Default != nil:
			args = append(args, f.expr(p.Default).text)
		case p.Star == "" && p.Name != "callback":
			f.note("A value for the parameter %s is necessary.", p.Name)
			args = append(args, "nil")
		}
	}
	args = append(args, more...)
	name := f.expr(call.Func).text
	class := f.facts.results[key]
	if !f.isCoroutine(def) {
		return value{text: name + "(" + strings.Join(args, ", ") + ")", class: class}
	}
	context := "ctx"
	if f.style == Coroutines {
		context = "co"
	}
	args = append([]string{context}, args...)
	text := name + "(" + strings.Join(args, ", ") + ")"
	result := ""
	if f.facts.values[key] {
		result = f.typeOf(class)
	}
	function, spawn := f.userCoroutine(name, args, text, result)
	return value{text: text, class: class, wait: &wait{
		inCoroutine: text, withError: text, result: result, one: result == "", function: function, spawn: spawn,
		call: func(done string) string { return name + "(" + strings.Join(append(args, done), ", ") + ")" },
	}}
}

// goType returns the Go type of a class.
func goType(class string) string {
	switch class {
	case document:
		return "bson.M"
	case rawDocument:
		return "bson.Raw"
	case stringy:
		return "string"
	case number:
		return "int"
	case wide:
		return "int64"
	case "float":
		return "float64"
	case truth:
		return "bool"
	case "error":
		return "error"
	case bytesText:
		return "[]byte"
	case "MotorCollection", "MotorCursor", "MotorCommandCursor", "MotorChangeStream":
		return "*motor." + strings.TrimPrefix(class, "Motor") + "[bson.M]"
	case "MotorLatentCommandCursor", "MotorAggregationCursor":
		return "*motor.CommandCursor[bson.M]"
	case "MotorClientSession":
		return "*motor.Session"
	case "loop":
		return "*callback.Loop"
	case "Event", "Lock", "Condition", "Semaphore":
		return "*callback." + class
	case "PeriodicCallback":
		return "*callback.Periodic"
	case "Future":
		return "*future.Promise[any]"
	case unit:
		return "struct{}"
	case "model":
		return "mongo.WriteModel"
	case "index":
		return "mongo.IndexModel"
	case orderedDocument:
		return "bson.D"
	case rawKind, rawElement:
		return "bson.RawValue"
	}
	if t, ok := strings.CutPrefix(class, goClass); ok {
		return t
	}
	if strings.HasPrefix(class, "Motor") {
		return "*motor." + strings.TrimPrefix(class, "Motor")
	}
	if owner, ok := strings.CutPrefix(class, "self "); ok {
		return "*" + exported(owner)
	}
	return "any"
}

// goClass begins a class that is a Go type.
const goClass = "Go "

// typeOf returns the Go type of a class in the style of the translation.
func (f *translation) typeOf(class string) string {
	switch kind, of := kindOf(class); kind {
	case list:
		return "[]" + f.typeOf(of)
	case taskKind:
		if f.style == Coroutines {
			return "*callback.Task[" + f.typeOf(of) + "]"
		}
		return "*future.Future[" + f.typeOf(of) + "]"
	case futureKind:
		return "*future.Future[" + f.typeOf(of) + "]"
	case outcomeKind:
		return "future.Outcome[" + f.typeOf(of) + "]"
	case setsKind:
		return "future.Sets[" + f.typeOf(of) + "]"
	case tupleKind:
		var types []string
		for part := range strings.SplitSeq(of, tupleSeparator) {
			types = append(types, f.typeOf(part))
		}
		return []string{"future.Pair", "future.Triple"}[len(types)-2] + "[" + strings.Join(types, ", ") + "]"
	case mapKind:
		return "map[string]" + f.typeOf(of)
	case setKind:
		return "map[" + f.typeOf(of) + "]bool"
	case "Queue":
		item := f.typeOf(f.facts.stored[queueItems])
		if f.style == Futures {
			return "chan " + item
		}
		return "*callback.Queue[" + item + "]"
	}
	if object := f.tool.module.Object("motor", class); object != nil && strings.HasSuffix(class, "Result") {
		return "*motor." + class
	}
	t := goType(class)
	if own, ok := ofGoroutines[class]; ok && f.style == Futures {
		return own
	}
	if f.style == Callbacks && strings.HasPrefix(class, "Motor") {
		return strings.Replace(t, "*motor.", "*callback.", 1)
	}
	return t
}

// ofGoroutines are the types that replace those of event loops in the style of futures.
var ofGoroutines = map[string]string{
	"Event": "chan struct{}", "Lock": "*sync.Mutex", "Condition": "*sync.Cond", "Semaphore": "chan struct{}",
}

// queueItems is the key in facts.stored of the class of the items of all queues of the file.
const queueItems = "(items of queues)"

// callbackOf translates a function that is passed as a callback.
func (f *translation) callbackOf(e python.Expr, sig *types.Signature) string {
	if e, ok := e.(*python.Lambda); ok {
		return f.lambda(e, sig)
	}
	v := f.expr(e)
	if call := f.userCall(&python.Call{Func: e}); call != nil && sig != nil {
		if result, ok := futureOf(sig); ok {
			f.facts.called[f.key(call)] = []string{result, "error"}
		}
	} else if call != nil {
		f.facts.called[f.key(call)] = []string{"bson.M", "error", "bool"} // each, tail
	}
	return v.text
}

// lambda translates a lambda that is a callback with a result and an error.
func (f *translation) lambda(e *python.Lambda, sig *types.Signature) string {
	result := "any"
	if sig != nil {
		if known, ok := futureOf(sig); ok {
			result = known
		}
	}
	names := []string{"_", "_"}
	params := make(map[string]value)
	for i, p := range e.Params {
		if i < len(names) {
			names[i] = f.goName(p.Name)
			params[p.Name] = value{text: names[i], class: []string{"", "error"}[i]}
		}
	}
	body := f.literalBody(e, params)
	return "func(" + names[0] + " " + result + ", " + names[1] + " error) { " + body + " }"
}

// infer learns the class of a parameter of the function from a use of it.
func (f *translation) infer(e python.Expr, class string) {
	ident, ok := e.(*python.Ident)
	if !ok || class == "" || class == nothing || f.function == nil || f.function.def == nil {
		return
	}
	if f.facts.params[f.function.key+"."+ident.Name] != "" || f.lookup(ident.Name).class != "" {
		return
	}
	if slices.ContainsFunc(f.parameters(f.function.def), func(p python.Param) bool { return p.Name == ident.Name && p.Star == "" }) {
		learn(f.facts.inferred, f.function.key+"."+ident.Name, class)
	}
}

// callbackKey returns the key in facts.stored of the class that a function passes to its parameter callback.
func callbackKey(function string) string { return "callback of " + function }
