package motor2go

import (
	"go/types"
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
	return goName(def.Name)
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
	for i, a := range call.Args {
		v := f.expr(a)
		if i >= len(params) || params[i].Star != "" {
			more = append(more, v.text)
			continue
		}
		learn(f.facts.params, key+"."+params[i].Name, v.class)
		byName[params[i].Name] = v.text
	}
	for _, k := range call.Keywords {
		v := f.expr(k.Value)
		learn(f.facts.params, key+"."+k.Name, v.class)
		byName[k.Name] = v.text
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
		result = goType(class)
	}
	return value{text: text, class: class, wait: &wait{
		inCoroutine: text, withError: text, result: result, one: result == "",
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
	case "Queue":
		return "*callback.Queue[any]"
	case "PeriodicCallback":
		return "*callback.Periodic"
	case "Task":
		return "*callback.Task[any]"
	}
	if element, ok := strings.CutPrefix(class, listOf("")); ok {
		return "[]" + goType(element)
	}
	if strings.HasPrefix(class, "Motor") {
		return "*motor." + strings.TrimPrefix(class, "Motor")
	}
	if owner, ok := strings.CutPrefix(class, "self "); ok {
		return "*" + exported(owner)
	}
	return "any"
}

// typeOf is goType in the style of the translation.
func (f *translation) typeOf(class string) string {
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
	"Event": "chan struct{}", "Lock": "*sync.Mutex", "Condition": "*sync.Cond", "Semaphore": "chan struct{}", "Queue": "chan any",
	"Task": "*future.Future[any]",
}

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
	s := newScope()
	s.closure = true
	names := []string{"_", "_"}
	for i, p := range e.Params {
		if i < len(names) {
			names[i] = goName(p.Name)
			s.names[p.Name] = value{text: names[i], class: []string{"", "error"}[i]}
		}
	}
	f.scopes = append(f.scopes, s)
	body := f.expr(e.Body).text
	f.scopes = f.scopes[:len(f.scopes)-1]
	return "func(" + names[0] + " " + result + ", " + names[1] + " error) { " + body + " }"
}
