package motor2go

import (
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
	"github.com/gomotor/gomotor/motor_test/parity"
)

// wait says how a value is awaited.
type wait struct {
	inCoroutine string                   // gives the result
	withError   string                   // gives the result and an error, or only an error if there is no result
	call        func(done string) string // calls a callback; nil if there is no such form
	result      string                   // the Go type of the result, or "" if there is none
	direct      bool                     // the code waits by itself, and has no error
	one         bool                     // withError gives only an error
	function    string                   // a coroutine of the file, as an argument of CreateTask, Go or FromCallback
	spawn       string                   // the future of the result, if the code itself is not that future
	later       func(done string) string // calls a func(); instead of call
}

// argument is an argument of a call in Python.
type argument struct {
	name string // of the parameter
	expr python.Expr
}

// motorCall translates the call of a member of Motor, or its use as a property.
func (f *translation) motorCall(m *member, call *python.Call) value {
	f.use(m)
	name, plain, inCallback := f.tool.ledger.Function(m.row)
	if plain == nil {
		f.note("%s has no counterpart: %s", m.row.Name(), m.row.Remark)
		return value{text: "nil /* " + m.row.Name() + " */"}
	}
	given, rest := f.arguments(m.row, call)
	b := &binding{translation: f, row: m.row, filled: map[string]string{}, context: f.context()}
	if m.row.Member == "command" || m.row.Member == "cursor_command" {
		given = b.command(given)
	}
	b.take(plain.Signature(), given)
	for _, e := range rest {
		f.note("Translate by hand: the argument `%s`.", oneLine(f.file.Source(e)))
	}
	method := name[strings.LastIndexByte(name, '.')+1:]
	target := m.on + "." + method
	if plain.Signature().Recv() == nil {
		target = f.pkg(name) + "." + method
	}
	class := resultClass(m.row, m.class)
	call1 := func(sig *types.Signature, target, done string) string {
		return target + "(" + strings.Join(b.list(sig, done), ", ") + ")" + b.chained
	}
	if result, ok := futureOf(plain.Signature()); ok {
		v := f.pending(m, b, class, result, plain, inCallback, target, call1)
		if m.row.Kind == "sync-method" && m.row.Member == "open_sync" { // it blocks in Motor
			return f.await(v)
		}
		return v
	}
	sig := plain.Signature()
	if f.style == Callbacks && inCallback != nil {
		sig = inCallback.Signature()
	}
	v := value{text: call1(sig, target, b.done), class: class}
	if results := plain.Signature().Results(); results.Len() > 0 {
		v.class = f.trueClass(class, typeText(results.At(0).Type()))
	}
	switch results := plain.Signature().Results(); {
	case results.Len() == 2 && results.At(1).Type().String() == "error":
		return f.checked(v, m.row.Member)
	case results.Len() == 2:
		f.note("%s has a second result, which says whether there is a first.", method)
		return f.checkedOK(v, m.row.Member)
	}
	return v
}

// pending is the value of an operation: a future, or a call with a callback.
func (f *translation) pending(
	m *member, b *binding, class, result string, plain, inCallback *types.Func, target string,
	call func(*types.Signature, string, string) string,
) value {
	class = f.trueClass(class, result)
	operation := target
	if f.style == Callbacks && m.on != "" {
		operation = m.on + ".Futures()" + strings.TrimPrefix(target, m.on)
	}
	text := call(plain.Signature(), operation, "")
	v := value{text: text, class: class, wait: &wait{
		inCoroutine: "callback.Must(" + b.context + ", " + text + ")", withError: text + ".Await(" + b.context + ")", result: result,
	}}
	if inCallback != nil && slices.ContainsFunc(params(inCallback.Signature()), isCallback) {
		v.wait.call = func(done string) string { return call(inCallback.Signature(), target, done) }
		if f.style == Callbacks {
			v.wait.result = callbackResult(inCallback.Signature())
		}
	}
	switch {
	case b.done == "":
	case v.wait.call != nil && f.style == Callbacks:
		return value{text: v.wait.call(b.done)}
	default:
		return value{text: text + ".OnComplete(" + b.done + ")"}
	}
	return v
}

// trueClass returns the class of a result whose type in Go is known: a document may be raw, and a class may be unknown.
func (f *translation) trueClass(class, t string) string {
	switch {
	case t == "bson.Raw":
		return rawDocument
	case t == "bson.D":
		return orderedDocument
	case t != "any" && t != "" && t != "struct{}" && !strings.Contains(t, "motor.") && f.typeOf(class) != t:
		return f.classOfType(t)
	case class == document && t == "any":
		return ""
	}
	return class
}

// resultClass returns the class of the result of a member of class.
func resultClass(r *parity.Row, class string) string {
	result := r.Result
	for _, prefix := range []string{"Future -> ", "awaitable -> ", "PyMongo "} {
		result = strings.TrimPrefix(result, prefix)
	}
	first, _, _ := strings.Cut(result, " ")
	switch {
	case r.Member == "__init__", first == "self", first == "unevaluated":
		return class
	case first == "GridOut":
		return "MotorGridOut"
	case first == "doc", first == "document", first == "dict", first == "change", first == "command":
		return document
	case first == "list", strings.HasPrefix(first, "list["):
		return listClass(r, first)
	case first == "int":
		return wide
	case first == "truthy/False":
		return truth
	case first == "bytes", first == "_id", first == "any":
		return map[string]string{"bytes": bytesText}[first]
	}
	return first
}

// listClass returns the class of a list.
func listClass(r *parity.Row, result string) string {
	switch element := strings.TrimSuffix(strings.TrimPrefix(result, "list["), "]"); {
	case r.Member == "to_list" && r.Class == "MotorGridOutCursor":
		return listOf("MotorGridOut")
	case r.Member == "to_list", element == "dict":
		return listOf(document)
	case element != "list":
		return listOf(element)
	}
	return list
}

// futureOf returns the type of the result of a function that returns a future.
func futureOf(sig *types.Signature) (result string, ok bool) {
	if sig.Results().Len() != 1 {
		return "", false
	}
	p, ok := types.Unalias(sig.Results().At(0).Type()).(*types.Pointer)
	if !ok {
		return "", false
	}
	named, ok := types.Unalias(p.Elem()).(*types.Named)
	if !ok || named.Obj().Name() != "Future" || named.TypeArgs().Len() != 1 {
		return "", false
	}
	return typeText(named.TypeArgs().At(0)), true
}

// callbackResult returns the type of the result that a function passes to its callback.
func callbackResult(sig *types.Signature) string {
	for _, p := range params(sig) {
		if isCallback(p) {
			return typeText(p.Type().Underlying().(*types.Signature).Params().At(0).Type())
		}
	}
	return ""
}

// typeText returns a type in Go. The document type of a collection is bson.M.
func typeText(t types.Type) string {
	text := types.TypeString(t, func(p *types.Package) string { return p.Name() })
	text = strings.ReplaceAll(text, "[D]", "[bson.M]")
	if text == "D" {
		return "bson.M"
	}
	if text == "[]D" {
		return "[]bson.M"
	}
	return text
}

// arguments binds the arguments of a call to the parameters of a member.
func (f *translation) arguments(r *parity.Row, call *python.Call) (given []argument, rest []python.Expr) {
	if call == nil {
		return nil, nil
	}
	signatures := r.Signatures()
	if strings.HasPrefix(r.Params, "filter=None, *args") || strings.HasPrefix(r.Params, "as find") {
		signatures = append(f.tool.row("MotorCollection", "find").Signatures(), signatures...)
	}
	names := signatures[0]
	for _, s := range signatures {
		if len(s) >= len(call.Args) && f.haveKeywords(s, call) {
			names = s
			break
		}
	}
	for i, a := range call.Args {
		_, starred := a.(*python.Starred)
		switch {
		case starred || i >= len(names) || strings.HasPrefix(names[i].Name, "*"):
			rest = append(rest, a)
		default:
			given = append(given, argument{names[i].Name, a})
		}
	}
	for _, k := range call.Keywords {
		if k.Name == "" {
			rest = append(rest, k.Value)
			continue
		}
		given = append(given, argument{k.Name, k.Value})
	}
	return given, rest
}

// haveKeywords reports whether no keyword of a call is a parameter that a positional argument has.
func (f *translation) haveKeywords(params []parity.Param, call *python.Call) bool {
	for _, k := range call.Keywords {
		if i := slices.IndexFunc(params, func(p parity.Param) bool { return p.Name == k.Name }); i >= 0 && i < len(call.Args) {
			return false
		}
	}
	return true
}

// binding builds the arguments of a call in Go.
type binding struct {
	*translation
	row     *parity.Row
	filled  map[string]string // by the name of the parameter in Go
	extra   []string          // for the variadic parameter
	options []*optionChain
	chained string // methods of the result
	done    string // the callback
	context string
}

// optionChain is options.Find().SetSort(...) or motor.InsertOptions{W: ...}.
type optionChain struct {
	root     string
	parts    []string
	isStruct bool
}

func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func params(sig *types.Signature) (all []*types.Var) {
	for p := range sig.Params().Variables() {
		all = append(all, p)
	}
	return all
}

func isContext(p *types.Var) bool { return p.Type().String() == "context.Context" }

func isCallback(p *types.Var) bool {
	sig, ok := p.Type().Underlying().(*types.Signature)
	return ok && sig.Params().Len() == 2 && sig.Params().At(1).Type().String() == "error"
}

// take binds the arguments of a call in Python to the parameters of a function.
func (b *binding) take(sig *types.Signature, given []argument) {
	var open []*types.Var // required parameters without an argument
	all := params(sig)
	for i, p := range all {
		if !isContext(p) && !(sig.Variadic() && i == len(all)-1) {
			open = append(open, p)
		}
	}
	fill := func(p *types.Var, e python.Expr) {
		b.filled[p.Name()] = b.convert(p.Name(), p.Type(), e)
		open = slices.DeleteFunc(open, func(q *types.Var) bool { return q == p })
	}
	var later []argument
	for _, a := range given {
		switch i := slices.IndexFunc(open, func(p *types.Var) bool { return fold(p.Name()) == fold(a.name) }); {
		case i >= 0 && !isNone(a.expr):
			fill(open[i], a.expr)
		case i >= 0: // None: the default
		default:
			later = append(later, a)
		}
	}
	keywords, _ := b.tool.ledger.Keywords(b.row)
	var required []string
	for _, s := range b.row.Signatures() {
		for _, p := range s {
			if !p.Optional {
				required = append(required, p.Name)
			}
		}
	}
	for _, a := range later {
		k := slices.IndexFunc(keywords, func(k parity.Keyword) bool { return k.Name == a.name })
		switch {
		case a.name == "callback":
			if len(open) > 0 && isCallback(open[0]) { // each, tail
				fill(open[0], a.expr)
			} else {
				b.done = b.callbackOf(a.expr, sig)
			}
		case a.name == "session":
			b.session(a.expr)
		case isNone(a.expr):
		case k >= 0 && len(keywords[k].Go) > 0 && !(slices.Contains(required, a.name) && len(open) > 0):
			b.keyword(keywords[k], a.expr, sig)
		case len(open) > 0:
			fill(open[0], a.expr)
		case sig.Variadic() && !isOptions(all[len(all)-1]):
			b.extra = append(b.extra, b.convert(a.name, elem(all[len(all)-1].Type()), a.expr))
		case k >= 0:
			b.note("%s: %s", a.name, keywords[k].Remark)
		default:
			b.note("Translate by hand: the keyword `%s=%s`.", a.name, oneLine(b.file.Source(a.expr)))
		}
	}
	for i, p := range open {
		b.filled[p.Name()] = b.missing(p, i)
	}
}

func elem(t types.Type) types.Type {
	if s, ok := t.Underlying().(*types.Slice); ok {
		return s.Elem()
	}
	return t
}

// isOptions reports whether a variadic parameter is for options.
func isOptions(p *types.Var) bool {
	text := typeText(elem(p.Type()))
	return strings.Contains(text, "Lister[") || strings.Contains(text, "Option")
}

func isNone(e python.Expr) bool {
	ident, ok := e.(*python.Ident)
	return ok && ident.Name == "None"
}

// missing returns the value of the i-th parameter that the call in Python leaves out. It is the default of the parameter
// with its name, or with its place.
func (b *binding) missing(p *types.Var, i int) string {
	switch p.Name() {
	case "filter", "query", "spec":
		return "bson.M{}"
	case "pipeline":
		return "nil"
	}
	for _, s := range b.row.Signatures() {
		for at, param := range s {
			if fold(param.Name) != fold(p.Name()) && at != i || param.Default == "" {
				continue
			}
			if _, err := strconv.Atoi(param.Default); err == nil {
				return param.Default
			}
			if strings.HasPrefix(param.Default, `"`) || strings.HasPrefix(param.Default, "'") {
				return quote(strings.Trim(param.Default, `"'`))
			}
			switch param.Default {
			case "True", "False":
				return strings.ToLower(param.Default)
			case "None":
				return "nil"
			}
		}
	}
	if types.TypeString(p.Type(), nil) == "any" {
		return "nil"
	}
	b.note("A value for the parameter %s is necessary.", p.Name())
	return b.goName(p.Name())
}

// session makes the context of a call that of a session. In a block of UseSession it is already.
func (b *binding) session(e python.Expr) {
	if isNone(e) {
		return
	}
	s := b.expr(e).text
	if slices.Contains(b.sessions, s) {
		return
	}
	b.context = s + ".Context(" + b.translation.context() + ")"
	if b.style == Coroutines {
		b.context = "co.With(" + b.context + ")"
	}
}

// keyword adds what replaces a keyword.
func (b *binding) keyword(k parity.Keyword, e python.Expr, sig *types.Signature) {
	if k.Remark != "" && k.Remark != "A `time.Duration`." {
		b.note("%s: %s", k.Name, k.Remark)
	}
	replacement := k.Go[0]
	last := replacement[strings.LastIndexByte(replacement, '.')+1:]
	if name, ok := strings.CutPrefix(replacement, "argument "); ok {
		b.filled[name] = b.convert(name, nil, e)
		return
	}
	text := b.convert(k.Name, nil, e)
	if k.Remark == "A `time.Duration`." {
		text = b.duration(e, "time.Millisecond")
	}
	switch {
	case strings.HasPrefix(replacement, "options."):
		root := strings.TrimSuffix(replacement, "."+last)
		b.option(root, false).parts = append(b.option(root, false).parts, last+"("+text+")")
	case strings.Contains(replacement, "Options."):
		root := strings.TrimSuffix(replacement, "."+last)
		o := b.option(root, true)
		if b.isPointer(root, last) {
			text = "new(" + text + ")"
		}
		o.parts = append(o.parts, last+": "+text)
	case strings.Contains(replacement, "Cursor."):
		b.chained += "." + last + "(" + text + ")"
	case strings.Count(replacement, ".") == 1 && sig.Variadic():
		b.extra = append(b.extra, replacement+"("+text+")")
	default:
		b.note("The keyword %s is %s.", k.Name, replacement)
	}
}

// isPointer reports whether a field of an option struct is a pointer.
func (b *binding) isPointer(root, field string) bool {
	pkg, name, _ := strings.Cut(root, ".")
	object := b.tool.module.Object(pkg, name)
	if object == nil {
		return false
	}
	s, ok := object.Type().Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		if f.Name() == field {
			_, ok := f.Type().Underlying().(*types.Pointer)
			return ok
		}
	}
	return false
}

func (b *binding) option(root string, isStruct bool) *optionChain {
	for _, o := range b.options {
		if o.root == root {
			return o
		}
	}
	o := &optionChain{root: root, isStruct: isStruct}
	b.options = append(b.options, o)
	return o
}

// list returns the arguments in the order of a signature, which may have a callback.
func (b *binding) list(sig *types.Signature, done string) (args []string) {
	all := params(sig)
	for i, p := range all {
		switch {
		case isContext(p):
			context := b.context
			if b.style == Callbacks && strings.HasPrefix(context, "co") {
				context = "ctx"
			}
			args = append(args, context)
		case sig.Variadic() && i == len(all)-1:
			if text := b.filled[p.Name()]; text != "" {
				args = append(args, text)
			}
		case isCallback(p) && b.filled[p.Name()] == "":
			if done == "" {
				done = "nil"
			}
			args = append(args, done)
		default:
			args = append(args, b.filled[p.Name()])
		}
	}
	args = append(args, b.extra...)
	for _, o := range b.options {
		if o.isStruct {
			args = append(args, o.root+"{"+strings.Join(o.parts, ", ")+"}")
		} else {
			args = append(args, o.root+"."+strings.Join(o.parts, "."))
		}
	}
	return args
}

// convert translates an argument for a parameter.
func (b *binding) convert(name string, t types.Type, e python.Expr) string {
	if d, ok := e.(*python.Dict); ok {
		if ordered[fold(name)] && len(d.Keys) > 1 {
			return b.dict(d, "bson.D").text
		}
	}
	if t != nil && isFunction(t) {
		return b.callbackOf(e, nil)
	}
	if t != nil && t.String() == "time.Duration" {
		return b.duration(e, "time.Second")
	}
	v := b.asFuture(b.expr(e))
	if d, ok := e.(*python.Dict); ok && fold(name) == "collation" {
		return b.collation(d)
	}
	if rest, ok := strings.CutPrefix(v.text, "bson.A{"); ok {
		switch {
		case fold(name) == "arrayfilters":
			return "[]any{" + rest
		case v.class == listOf(stringy) && !strings.Contains(fold(name), "filter"):
			return "[]string{" + rest
		case v.class == listOf("model"):
			return "[]mongo.WriteModel{" + rest
		case v.class == listOf("index"):
			return "[]mongo.IndexModel{" + rest
		case fold(name) == "documents":
			return "[]bson.M{" + strings.ReplaceAll(rest, "bson.M{", "{")[:len(rest)-strings.Count(rest, "bson.M{")*len("bson.M")]
		}
	}
	if t != nil && t.String() == "io.Reader" {
		switch {
		case strings.HasPrefix(v.text, "[]byte("):
			return "strings.NewReader(" + strings.TrimPrefix(v.text, "[]byte(")
		case v.class == bytesText:
			return "bytes.NewReader(" + v.text + ")"
		}
	}
	if t == nil {
		return v.text
	}
	wanted := typeText(t)
	if wanted != "any" && wanted != "struct{}" {
		b.infer(e, b.classOfType(wanted))
	}
	if _, generic := types.Unalias(t).(*types.TypeParam); generic {
		return v.text
	}
	if _, isInterface := t.Underlying().(*types.Interface); isInterface {
		return v.text
	}
	return b.asserted(v, wanted)
}

// classOfType returns the class of a Go type.
func (f *translation) classOfType(t string) string {
	if name, ok := strings.CutPrefix(t, "*motor."); ok && f.tool.rows["Motor"+name] != nil {
		return "Motor" + name
	}
	switch t {
	case "string":
		return stringy
	case "int":
		return number
	case "int64":
		return wide
	case "bool":
		return truth
	case "bson.M":
		return document
	case "[]byte":
		return bytesText
	case "[]string":
		return listOf(stringy)
	case "[]bson.M":
		return listOf(document)
	}
	return goClass + t
}

// collation translates the document of a collation.
func (b *binding) collation(d *python.Dict) string {
	var fields []string
	for i, key := range d.Keys {
		c, ok := key.(*python.Constant)
		if !ok || c.Kind != python.Str {
			return b.byHand(d).text
		}
		fields = append(fields, exported(c.Value)+": "+b.expr(d.Values[i]).text)
	}
	return "&options.Collation{" + strings.Join(fields, ", ") + "}"
}

// ordered are the parameters whose documents have an order.
var ordered = map[string]bool{"command": true, "sort": true, "keys": true, "keyorlist": true, "hint": true, "index": true}

func isFunction(t types.Type) bool {
	_, ok := t.Underlying().(*types.Signature)
	return ok
}

// duration translates a number of seconds or milliseconds, a timedelta, or loop.time() + a number of seconds.
func (f *translation) duration(e python.Expr, unit string) string {
	switch e := e.(type) {
	case *python.Binary:
		if call, ok := e.X.(*python.Call); ok && e.Op == "+" {
			if a, ok := call.Func.(*python.Attribute); ok && a.Name == "time" {
				f.quiet(call)
				return f.duration(e.Y, unit)
			}
		}
	case *python.Call:
		if v := f.quiet(e); v.class == goClass+"time.Duration" {
			return f.expr(e).text
		}
	}
	if c, ok := e.(*python.Constant); ok && c.Kind == python.Num {
		n, err := strconv.ParseFloat(c.Value, 64)
		if err == nil {
			for _, u := range []struct {
				name string
				of   float64
			}{{"time.Second", 1000}, {"time.Millisecond", 1}, {"time.Microsecond", 1.0 / 1000}} {
				ms := n
				if unit == "time.Second" {
					ms = n * 1000
				}
				if whole := ms / u.of; whole == float64(int64(whole)) {
					if whole == 1 {
						return u.name
					}
					return strconv.FormatInt(int64(whole), 10) + "*" + u.name
				}
			}
		}
	}
	return "time.Duration(float64(" + f.expr(e).text + ") * float64(" + unit + "))"
}

// command makes one document of the arguments of database.command.
func (b *binding) command(given []argument) (rest []argument) {
	name := ""
	items := []string{}
	var unused []argument
	for _, a := range given {
		constant, isString := a.expr.(*python.Constant)
		switch {
		case a.name == "command" && isString && constant.Kind == python.Str:
			name = constant.Value
		case a.name == "session", a.name == "read_preference", a.name == "codec_options", a.name == "callback", a.name == "command":
			rest = append(rest, a)
		default:
			unused = append(unused, a)
		}
	}
	if name == "" {
		return given
	}
	value := "1"
	for _, a := range unused {
		if a.name == "value" {
			value = b.expr(a.expr).text
			continue
		}
		items = append(items, "{Key: "+quote(a.name)+", Value: "+b.expr(a.expr).text+"}")
	}
	items = append([]string{"{Key: " + quote(name) + ", Value: " + value + "}"}, items...)
	b.filled["command"] = literal("bson.D", items)
	return append(rest, argument{"command", &translated{text: b.filled["command"]}})
}

// translated is an expression that has been translated already.
type translated struct {
	python.Ident
	text string
}
