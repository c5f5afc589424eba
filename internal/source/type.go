package source

import "go/types"

// Named returns the type that t is or points to, or nil.
func Named(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// FutureOf returns the type of the result of a future, or nil if t is none.
func FutureOf(t types.Type) types.Type {
	n := Named(t)
	if n == nil || n.Obj().Name() != "Future" || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != Future {
		return nil
	}
	return n.TypeArgs().At(0)
}

// ReturnsFuture reports whether a function returns a future.
func ReturnsFuture(f *types.Func) bool {
	for r := range f.Signature().Results().Variables() {
		if FutureOf(r.Type()) != nil {
			return true
		}
	}
	return false
}

// DeclaredAs returns the name of a function or method among the declarations of its package. A method that came by
// embedding is declared with the embedded type.
func DeclaredAs(f *types.Func) string {
	if recv := f.Signature().Recv(); recv != nil {
		return Named(recv.Type()).Obj().Name() + "." + f.Name()
	}
	return f.Name()
}
