package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// method writes the callback form of a method. It reports whether the form calls the handle's function same....
func (g *generator) method(b *strings.Builder, h *handle, m *types.Func) (same bool, err error) {
	name := h.name + "." + m.Name()
	if _, own := g.src.byHand[name]; own || m.Name() == ioLoop || g.isVia(h, m) {
		return false, nil
	}
	f, err := g.newForm(name, h, m)
	if err != nil {
		return false, err
	}
	recv, params := m.Signature().Recv().Name(), m.Signature().RecvTypeParams()
	if source.Named(m.Signature().Recv().Type()).Origin() != h.named { // a promoted method
		recv, params = h.recv(), h.named.TypeParams()
	}
	if recv == "" || recv == "_" {
		recv = h.recv()
	}
	f.recv = recv
	_, args := typeParams(params, g)
	owner, futures := h.name+args, recv+".futures"
	switch {
	case h.isInCore(m):
		owner = h.core
	case h.core != "":
		futures = recv + ".Futures()"
	}
	f.head = fmt.Sprintf("func (%s *%s) %s", recv, owner, m.Name())
	f.loop = recv + ".loop"
	if via := g.viaOf(h, m); via != nil {
		for i, p := range slices.Collect(m.Signature().Params().Variables()) {
			if _, ok := p.Type().Underlying().(*types.Signature); ok {
				f.args[i] = fmt.Sprintf("guarded(%s, %s)", f.loop, p.Name())
			}
		}
		f.args = slices.Insert(f.args, viaIndex(via), f.loop)
		f.call = futures + "." + via.Name()
	} else {
		f.call = futures + "." + m.Name()
	}
	err = f.write(b)
	return f.same, err
}

// viaOf returns the variant of m that takes an executor, named via, on which it calls functions. It returns nil if m
// has none.
func (g *generator) viaOf(h *handle, m *types.Func) *types.Func {
	i := slices.IndexFunc(h.methods, func(o *types.Func) bool { return o.Name() == m.Name()+"Via" })
	if i < 0 || viaIndex(h.methods[i]) < 0 {
		return nil
	}
	return h.methods[i]
}

func (g *generator) isVia(h *handle, m *types.Func) bool {
	return slices.ContainsFunc(h.methods, func(o *types.Func) bool { return g.viaOf(h, o) == m })
}

func viaIndex(m *types.Func) int {
	i := 0
	for p := range m.Signature().Params().Variables() {
		if p.Name() == "via" {
			return i
		}
		i++
	}
	return -1
}

// function writes the callback form of a function that returns a handle.
func (g *generator) function(b *strings.Builder, h *handle, m *types.Func) error {
	if _, own := g.src.byHand[m.Name()]; own {
		return nil
	}
	f, err := g.newForm(m.Name(), h, m)
	if err != nil {
		return err
	}
	params, args := typeParams(m.Signature().TypeParams(), g)
	f.head = "func " + m.Name() + params
	f.call = "motor." + m.Name() + args
	for p := range m.Signature().Params().Variables() {
		if g.handleOf(p.Type()) != nil {
			f.loop = p.Name() + ".loop"
			f.check = fmt.Sprintf("mustHave(%s != nil, %q, %q)\n", p.Name(), m.Name(), p.Name())
			if m.Signature().Results().Len() == 2 {
				f.check = fmt.Sprintf("if %s == nil {\n_, err := %s(nil)\nreturn nil, err\n}\n", p.Name(), f.call)
			}
			break
		}
	}
	if f.loop == "" {
		last := len(f.params) - 1
		if !m.Signature().Variadic() || f.params[last].typ != "...motor.ClientOption" {
			return fmt.Errorf("%s: no argument has or accepts a loop", m.Name())
		}
		f.loop = "loop"
		f.params = slices.Insert(f.params, 0, param{"loop", "future.Executor"})
		f.args[last] = fmt.Sprintf("onLoop(loop, %s)...", f.params[last+1].name)
		f.extra = "Callbacks run on loop, and so do continuations of futures from [Client.Futures]. With a nil loop, the error " +
			"is a [motor.TypeError]."
	}
	return f.write(b)
}

// form is the callback form of a function or method during its generation.
type form struct {
	g      *generator
	h      *handle
	name   string // for error messages
	doc    string
	extra  string // one more paragraph
	head   string // such as "func (c *Client) Open"
	recv   string // the name of the receiver; empty for a function
	loop   string // the expression for the handle's loop
	check  string // statements that refuse a nil handle; empty for a method
	call   string // the expression for the function of motor
	params []param
	args   []string // of the call
	sig    *types.Signature
	same   bool // the form calls the handle's function same...
}

type param struct{ name, typ string }

// callbackName is the name of the parameter that takes the callback.
const callbackName = "callback"

func (g *generator) newForm(name string, h *handle, m *types.Func) (*form, error) {
	f := &form{g: g, h: h, name: name, sig: m.Signature(), doc: g.declaration(m).Doc}
	if f.doc == "" {
		return nil, fmt.Errorf("%s needs a doc comment", name)
	}
	for i, p := range slices.Collect(f.sig.Params().Variables()) {
		switch p.Name() {
		case "", "_", callbackName, "loop":
			return nil, fmt.Errorf("%s: a parameter must not be named %q", name, p.Name())
		}
		typ, arg := g.typeName(p.Type()), p.Name()
		switch {
		case g.handleOf(p.Type()) != nil:
			arg += ".Futures()"
		case g.mentionsHandle(p.Type()):
			return nil, f.unfit()
		case f.sig.Variadic() && i == f.sig.Params().Len()-1:
			typ, arg = "..."+strings.TrimPrefix(typ, "[]"), arg+"..."
		}
		f.params = append(f.params, param{p.Name(), typ})
		f.args = append(f.args, arg)
	}
	return f, nil
}

// mentionsHandle reports whether t contains a handle type.
func (g *generator) mentionsHandle(t types.Type) bool {
	return g.refs.MatchString(types.TypeString(t, (*types.Package).Name))
}

func (f *form) unfit() error {
	return fmt.Errorf("%s does not fit the generator's rules: write its callback form by hand", f.name)
}

// write writes the function.
func (f *form) write(b *strings.Builder) error {
	call := f.call + "(" + strings.Join(f.args, ", ") + ")"
	var first types.Type // the first result of the function of motor
	if f.sig.Results().Len() > 0 {
		first = f.sig.Results().At(0).Type()
	}
	var result, body string
	var err error
	switch {
	case first == nil:
		body = call
	case source.FutureOf(first) != nil:
		body, err = f.deliver(call, source.FutureOf(first))
	case f.g.handleOf(first) != nil:
		result, body, err = f.wrap(call, first)
	default:
		result, body, err = f.passOn(call)
	}
	if err != nil {
		return err
	}
	var extra []string
	if f.extra != "" {
		extra = []string{source.Wrap(f.extra)}
	}
	fmt.Fprintf(b, "\n%s%s {\n%s%s\n}\n", f.g.comment(f.doc, extra...), f.signature(result), f.check, body)
	return nil
}

// deliver makes the function take a callback instead of returning a future of t.
func (f *form) deliver(call string, t types.Type) (body string, err error) {
	if f.sig.Results().Len() != 1 {
		return "", f.unfit()
	}
	callback := callbackName
	own := f.g.typeName(t)
	switch of := f.g.handleOf(t); {
	case of == nil && f.g.mentionsHandle(t):
		return "", f.unfit()
	case f.isOwn(t):
		f.same = true
		callback = fmt.Sprintf("wrapped(callback, func(m *motor.%s) %s { return same%s(%s, m) })",
			strings.TrimPrefix(own, "*"), own, of.name, f.recv)
	case of != nil:
		callback = fmt.Sprintf("wrapped(callback, func(m *motor.%s) %s { return %s(%s, m) })",
			strings.TrimPrefix(own, "*"), own, of.wrap(), f.loop)
	}
	i := len(f.params)
	if f.sig.Variadic() {
		i--
	}
	f.params = slices.Insert(f.params, i, param{callbackName, "Func[" + own + "]"})
	f.doc = withCallback(f.doc, f.name[strings.LastIndexByte(f.name, '.')+1:], i)
	return fmt.Sprintf("deliver(%s, %s, %s)", f.loop, call, callback), nil
}

// isOwn reports whether t is the type of the receiver, with the same type arguments.
func (f *form) isOwn(t types.Type) bool {
	return f.recv != "" && f.g.handleOf(t) == f.h && slices.EqualFunc(
		slices.Collect(source.Named(t).TypeArgs().Types()), slices.Collect(source.Named(f.sig.Recv().Type()).TypeArgs().Types()),
		types.Identical)
}

// wrap makes the function return the handle in callback style.
func (f *form) wrap(call string, t types.Type) (result, body string, err error) {
	of := f.g.handleOf(t)
	wrap := fmt.Sprintf("%s(%s, ", of.wrap(), f.loop)
	if f.isOwn(t) {
		f.same = true
		wrap = fmt.Sprintf("same%s(%s, ", of.name, f.recv)
	}
	result = f.g.typeName(t)
	switch results := f.sig.Results(); {
	case results.Len() == 1:
		return result, "return " + wrap + call + ")", nil
	case results.Len() == 2 && types.Identical(results.At(1).Type(), types.Universe.Lookup("error").Type()):
		body = fmt.Sprintf("m, err := %s\nif err != nil {\nreturn nil, err\n}\nreturn %sm), nil", call, wrap)
		return "(" + result + ", error)", body, nil
	}
	return "", "", f.unfit()
}

// passOn makes the function return the results of motor's function.
func (f *form) passOn(call string) (result, body string, err error) {
	var types []string
	var named bool
	for r := range f.sig.Results().Variables() {
		if source.FutureOf(r.Type()) != nil || f.g.mentionsHandle(r.Type()) {
			return "", "", f.unfit()
		}
		types = append(types, strings.TrimSpace(r.Name()+" "+f.g.typeName(r.Type())))
		named = named || r.Name() != ""
	}
	result = strings.Join(types, ", ")
	if len(types) > 1 || named {
		result = "(" + result + ")"
	}
	return result, "return " + call, nil
}

// signature returns the first line of the function, or several lines if it would be too long.
func (f *form) signature(result string) string {
	var parts []string
	for i, p := range f.params {
		part := p.name
		if i+1 == len(f.params) || f.params[i+1].typ != p.typ {
			part += " " + p.typ
		}
		parts = append(parts, part)
	}
	if result != "" {
		result = " " + result
	}
	line := f.head + "(" + strings.Join(parts, ", ") + ")" + result
	if len(line)+len(" {") <= source.Width+len("// ") {
		return line
	}
	last := len(parts) - 1
	if joined := "\t" + strings.Join(parts, ", ") + ","; len(joined) <= source.Width {
		return f.head + "(\n" + joined + "\n)" + result
	}
	return f.head + "(\n" + strings.Join(parts[:last], ", ") + ",\n" + parts[last] + ",\n)" + result
}

// withCallback adds the callback, as the argument with index i, to the calls of a function in the snippets of its doc
// comment. It does not change snippets that are not statements of Go.
func withCallback(doc, function string, i int) string {
	paragraphs := strings.Split(doc, "\n\n")
	for n, p := range paragraphs {
		if !strings.HasPrefix(p, "\t") {
			continue
		}
		const before = "package p; func _() {\n"
		parsed, err := parser.ParseFile(token.NewFileSet(), "", before+p+"\n}", parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		type insertion struct {
			at   int
			text string
		}
		var all []insertion
		ast.Inspect(parsed, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || len(call.Args) < i {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); !ok || method.Sel.Name != function {
				return true
			}
			at, text := call.Lparen+1, callbackName
			switch {
			case i > 0:
				at, text = call.Args[i-1].End(), ", "+text
			case len(call.Args) > 0:
				text += ", "
			}
			all = append(all, insertion{int(at-parsed.FileStart) - len(before), text})
			return true
		})
		for _, in := range slices.Backward(all) {
			p = p[:in.at] + in.text + p[in.at:]
		}
		paragraphs[n] = p
	}
	return strings.Join(paragraphs, "\n\n")
}

// link matches a doc link to a symbol of the same package.
var link = regexp.MustCompile(`\[(\*?)([A-Z]\w*)((?:\.\w+)*)\]`)

// comment returns motor's doc comment for the callback form. It adds the paragraphs extra before the one that names
// the Motor member, and changes doc links. The sentences stay unchanged: they are true in both styles.
func (g *generator) comment(doc string, extra ...string) string {
	var paragraphs []string
	for original := range strings.SplitSeq(strings.TrimSpace(doc), "\n\n") {
		p := original
		if verbatim := strings.HasPrefix(p, "\t") || strings.HasPrefix(p, " "); !verbatim {
			joined := strings.ReplaceAll(p, "\n", " ")
			if linked := g.relink(joined); linked != joined {
				p = source.Wrap(linked)
			}
		}
		if strings.HasPrefix(p, "Motor:") {
			paragraphs, extra = append(paragraphs, extra...), nil
		}
		paragraphs = append(paragraphs, p)
	}
	return source.AsComment(strings.Join(append(paragraphs, extra...), "\n\n"))
}

// relink adds the package name to symbols that only package motor has.
func (g *generator) relink(text string) string {
	text = link.ReplaceAllStringFunc(text, func(l string) string {
		parts := link.FindStringSubmatch(l)
		name := parts[2]
		if g.mirrored[name] || g.src.motor.Scope().Lookup(name) == nil {
			return l
		}
		return "[" + parts[1] + "motor." + name + parts[3] + "]"
	})
	return strings.ReplaceAll(text, " an [motor.", " a [motor.")
}
