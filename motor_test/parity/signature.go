package parity

import (
	"go/types"
	"strings"
)

// signature returns the signature of a symbol for MIGRATION.md. It is Go syntax without the parts that are the same
// everywhere: the types of contexts and of the driver's options, and the package name motor.
func signature(s *symbol) string {
	switch object := s.object.(type) {
	case *types.TypeName:
		return "type " + typeName(types.NewPointer(object.Type()))[1:]
	case *types.Const:
		return "const " + object.Name() + " = " + value(object)
	case *types.Var:
		return "var " + object.Name()
	}
	f := s.function()
	var b strings.Builder
	if s.owner != nil {
		b.WriteString(strings.Split(s.name, ".")[1] + ".")
	}
	b.WriteString(f.Name() + typeParams(f.Signature().TypeParams()) + "(")
	params := f.Signature().Params()
	for i := range params.Len() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(param(params.At(i), f.Signature().Variadic() && i == params.Len()-1))
	}
	b.WriteString(")" + results(f.Signature().Results()))
	return b.String()
}

func param(p *types.Var, variadic bool) string {
	name := typeName(p.Type())
	switch {
	case name == "context.Context":
		return p.Name()
	case variadic && strings.HasPrefix(name, "[]options.Lister["):
		return p.Name() + " ..."
	case variadic:
		return p.Name() + " ..." + strings.TrimPrefix(name, "[]")
	}
	return strings.TrimSpace(p.Name() + " " + name)
}

func results(all *types.Tuple) string {
	var names []string
	for r := range all.Variables() {
		names = append(names, strings.TrimSpace(r.Name()+" "+typeName(r.Type())))
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) == 1 && all.At(0).Name() == "":
		return " " + names[0]
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var names []string
	for p := range list.TypeParams() {
		names = append(names, p.Obj().Name()+" "+typeName(p.Constraint()))
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// typeName returns the name of a type. Futures and callbacks are frequent, so they have no package name either.
func typeName(t types.Type) string {
	name := types.TypeString(t, func(p *types.Package) string {
		switch p.Name() {
		case "motor", "callback":
			return ""
		}
		return p.Name()
	})
	return strings.ReplaceAll(name, "future.Future[", "Future[")
}
