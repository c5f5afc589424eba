package main

import (
	"go/types"
	"strings"
	"text/template"

	"github.com/gomotor/gomotor/internal/source"
)

// frames has the part that is the same for all handle types: the type, Wrap..., Futures and IOLoop. "same" is for
// types with methods that return the type itself.
var frames = template.Must(template.New("frame").Parse(`
{{- $futures := .Motor}}{{if .Core}}{{$futures = .CoreMotor}}{{end}}
{{.Doc}}type {{.Name}}{{.Params}} struct {{if .Core}}{ {{.Core}} }

// {{.Core}} is the part of a [{{.Name}}] that does not depend on the type parameters. Its methods are compiled
// once, in this package.
type {{.Core}} struct {{end}}{
{{- if .Params}}
	_       [0]func(*instances) // see instances
{{- end}}
{{- with .Embedded}}
	{{.}}
{{- else}}
	loop    future.Executor
{{- end}}
	futures *{{$futures}}
}

{{.WrapDoc}}func Wrap{{.Name}}{{.Params}}(loop future.Executor, {{.Recv}} *{{.Motor}}) *{{.Own}} {
	mustHave(loop != nil, "Wrap{{.Name}}", "loop")
	mustHave({{.Recv}} != nil, "Wrap{{.Name}}", "{{.Recv}}")
	return {{.Wrap}}(loop, {{.Recv}})
}

// {{.Wrap}} is like [Wrap{{.Name}}], and returns nil for nil.
func {{.Wrap}}{{.Params}}(loop future.Executor, {{.Recv}} *{{.Motor}}) *{{.Own}} {
	if {{.Recv}} == nil {
		return nil
	}
	return &{{.Own}}{ {{- with .Core}}{{.}}{ {{- end}}
	{{- with .Embeds}}{{.}}: Wrap{{.}}(loop, {{$.Recv}}.{{.}}){{else}}loop: loop{{end}}, futures: {{if .Core}}(*{{$futures}})({{.Recv}})}{{else}}{{.Recv}}{{end}}}
}

// Futures returns the same handle in the style of futures. If its client is bound to a loop, the continuations of its
// futures run on that loop, while it runs. Await does not need the loop. For nil it returns nil.
func ({{.Recv}} *{{.Own}}) Futures() *{{.Motor}} {
	if {{.Recv}} == nil {
		return nil
	}
	return {{if .Core}}(*{{.Motor}})({{.Recv}}.futures){{else}}{{.Recv}}.futures{{end}}
}

// IOLoop returns the loop on which callbacks run.
//
// Motor: get_io_loop.
func ({{.Recv}} *{{or .Core .Own}}) IOLoop() future.Executor { return {{.Recv}}.loop }
{{define "same"}}
// same{{.Name}} returns the callback-style handle of m, which is {{.Recv}} if m is {{.Recv}}.Futures().
{{- if .Params}}
// It is not inlined: every program would compile its code once for each method that calls it.
//
//go:noinline
{{- end}}
func same{{.Name}}{{.Params}}({{.Recv}} *{{.Own}}, m *{{.Motor}}) *{{.Own}} {
	if m == {{.Recv}}.Futures() {
		return {{.Recv}}
	}
	return {{.Wrap}}({{.Recv}}.loop, m)
}
{{end}}`))

// ioLoop is a method of the frame. It replaces a method of motor with the same name, which returns another loop.
const ioLoop = "IOLoop"

// documentType is the type parameter that stands for the type of the documents, in all handles.
const documentType = "D"

type frame struct {
	Name, Recv   string
	Params       string // declared type parameters: "[D any]"
	Own, Motor   string // types: "Cursor[D]", "motor.Cursor[D]"
	Doc, WrapDoc string
	Wrap         string // the function that makes the handle

	Core, CoreMotor string // the struct without type parameters, and the type of its futures field; or empty

	Embeds, Embedded string // the embedded handle, which has the loop: its name, and the type of the field
}

func (g *generator) newFrame(h *handle) frame {
	params, args := typeParams(h.named.TypeParams(), g)
	paragraphs := []string{
		source.Wrap(h.name + " is [motor." + h.name + "] in callback style. Its methods take a callback where those of motor " +
			"return a future. Everything else is the same."),
		source.Wrap("A callback is called exactly once, with the result and nil, or with the zero value and the error. It " +
			"runs on the handle's loop, never inside the call. Callbacks run in the order in which their operations " +
			"end. A partial result is not delivered with an error. [motor.Error.PartialResult] returns that of a write."),
		source.Wrap("If a callback panics, the loop's panic handler receives the panic. On an executor that is not a " +
			"[*Loop], the handler of [future.SetUnobservedHandler] does. That handler also receives the error of an " +
			"operation whose callback is nil, and a [*future.UndeliveredError] if a callback cannot run because the " +
			"loop is closed."),
	}
	switch args {
	case "":
	case "[" + documentType + "]":
		paragraphs[0] = source.Wrap(paragraphs[0] + " Documents are of type " + documentType + ".")
	default:
		paragraphs[0] = source.Wrap(paragraphs[0] + " So are the type parameters " + strings.Trim(args, "[]") + ".")
	}
	doc := strings.Split(strings.TrimSpace(g.src.declared[h.name].Doc), "\n\n")
	if last := doc[len(doc)-1]; strings.HasPrefix(last, "Motor:") {
		paragraphs = append(paragraphs, last)
	}
	f := frame{
		Name: h.name, Recv: h.recv(), Params: params, Own: h.name + args, Motor: "motor." + h.name + args,
		Wrap: h.wrap(),
		Doc:  source.AsComment(strings.Join(paragraphs, "\n\n")),
		WrapDoc: source.AsComment(source.Wrap("Wrap" + h.name + " returns " + h.recv() + " in callback style. Its callbacks " +
			"run on loop, a [*Loop] or another executor that runs functions one at a time.")),
	}
	if h.core != "" {
		f.Core = h.core
		f.CoreMotor = g.motorName(h.standIn)
	}
	if h.embeds != nil {
		f.Embeds, f.Embedded = h.embeds.Name(), g.typeName(h.embeds.Type())
	}
	return f
}

func (g *generator) frame(b *strings.Builder, h *handle) error {
	return frames.Execute(b, g.newFrame(h))
}

func (g *generator) same(b *strings.Builder, h *handle) error {
	return frames.ExecuteTemplate(b, "same", g.newFrame(h))
}

// typeParams returns type parameters as they are declared, such as "[D any]", and as they are used, "[D]".
func typeParams(list *types.TypeParamList, g *generator) (params, args string) {
	if list.Len() == 0 {
		return "", ""
	}
	var ps, as []string
	for p := range list.TypeParams() {
		ps = append(ps, p.Obj().Name()+" "+g.typeName(p.Constraint()))
		as = append(as, p.Obj().Name())
	}
	return "[" + strings.Join(ps, ", ") + "]", "[" + strings.Join(as, ", ") + "]"
}
