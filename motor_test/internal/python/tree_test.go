package python_test

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// dump writes a tree as testdata/dump.py does.
func dump(n python.Node) string {
	switch n := n.(type) {
	case nil:
		return "nil"
	case python.Expr:
		return dumpExpr(n)
	case python.Stmt:
		return dumpStmt(n)
	}
	return fmt.Sprintf("unknown %T", n)
}

func expr(x python.Expr) string {
	if x == nil {
		return "nil"
	}
	return dump(x)
}

func exprs(xs []python.Expr) string {
	var all []string
	for _, x := range xs {
		all = append(all, expr(x))
	}
	return "[" + strings.Join(all, " ") + "]"
}

func stmts(body []python.Stmt) string {
	var all []string
	for _, s := range body {
		all = append(all, dump(s))
	}
	return "[" + strings.Join(all, " ") + "]"
}

func keywords(ks []python.Keyword) string {
	var all []string
	for _, k := range ks {
		name := k.Name
		if name == "" {
			name = "**"
		}
		all = append(all, "("+name+" "+expr(k.Value)+")")
	}
	return "[" + strings.Join(all, " ") + "]"
}

func params(ps []python.Param) string {
	var all []string
	for _, p := range ps {
		if p.Name == "" && p.Parts == nil {
			all = append(all, "("+p.Star+")")
			continue
		}
		all = append(all, fmt.Sprintf("(%s%s %s %s)", p.Star, p.Name, expr(p.Annotation), expr(p.Default)))
	}
	return "[" + strings.Join(all, " ") + "]"
}

// parts joins adjacent texts, which the parser of Python does too.
func parts(ps []python.Part) string {
	var all []string
	text := ""
	flush := func() {
		if text != "" {
			all = append(all, "(text "+hex.EncodeToString([]byte(text))+")")
		}
		text = ""
	}
	for _, p := range ps {
		text += p.Text + p.Debug
		if p.Expr == nil {
			continue
		}
		flush()
		conversion := p.Conversion
		if p.Debug != "" && conversion == "" && p.Format == nil {
			conversion = "r"
		}
		all = append(all, fmt.Sprintf("(field %s %s %s)", expr(p.Expr), conversion, parts(p.Format)))
	}
	flush()
	return "[" + strings.Join(all, " ") + "]"
}

var sequences = map[string]string{"(": "tuple", "[": "list", "{": "set"}

func dumpExpr(x python.Expr) string {
	switch x := x.(type) {
	case *python.Ident:
		return x.Name
	case *python.Constant:
		switch x.Kind {
		case python.Str:
			return "(str " + hex.EncodeToString([]byte(x.Value)) + ")"
		case python.Bytes:
			return "(bytes " + hex.EncodeToString([]byte(x.Value)) + ")"
		case python.EllipsisKind:
			return "..."
		}
		return "num"
	case *python.Formatted:
		return "(f " + parts(x.Parts) + ")"
	case *python.Attribute:
		return "(. " + expr(x.X) + " " + x.Name + ")"
	case *python.Subscript:
		return "(index " + expr(x.X) + " " + expr(x.Index) + ")"
	case *python.Slice:
		return "(slice " + expr(x.Low) + " " + expr(x.High) + " " + expr(x.Step) + ")"
	case *python.Call:
		return "(call " + expr(x.Func) + " " + exprs(x.Args) + " " + keywords(x.Keywords) + ")"
	case *python.Unary:
		return "(" + x.Op + " " + expr(x.X) + ")"
	case *python.Binary:
		return "(" + x.Op + " " + expr(x.X) + " " + expr(x.Y) + ")"
	case *python.Compare:
		s := "(cmp " + expr(x.X)
		for i, op := range x.Ops {
			s += " " + op + " " + expr(x.Others[i])
		}
		return s + ")"
	case *python.Conditional:
		return "(if " + expr(x.Test) + " " + expr(x.Then) + " " + expr(x.Else) + ")"
	case *python.Lambda:
		return "(lambda " + params(x.Params) + " " + expr(x.Body) + ")"
	case *python.Sequence:
		return "(" + sequences[x.Open] + " " + exprs(x.Items) + ")"
	case *python.Dict:
		return "(dict " + exprs(x.Keys) + " " + exprs(x.Values) + ")"
	case *python.Comprehension:
		s := "(" + sequences[x.Open] + "comp " + expr(x.Key) + " " + expr(x.Value) + " ["
		for i, c := range x.Clauses {
			isAsync := ""
			if c.Async {
				isAsync = "async"
			}
			s += strings.Repeat(" ", min(i, 1)) + "(for " + isAsync + " " + expr(c.Var) + " " + expr(c.In) + " " + exprs(c.Requires) + ")"
		}
		return s + "])"
	case *python.Await:
		return "(await " + expr(x.X) + ")"
	case *python.Yield:
		if x.From {
			return "(yieldfrom " + expr(x.X) + ")"
		}
		return "(yield " + expr(x.X) + ")"
	case *python.Starred:
		return "(star " + expr(x.X) + ")"
	case *python.Named:
		return "(:= " + x.Name + " " + expr(x.X) + ")"
	case *python.Backquoted:
		return "(repr " + expr(x.X) + ")"
	}
	return fmt.Sprintf("unknown %T", x)
}

func aliases(names []python.Alias) string {
	var all []string
	for _, a := range names {
		all = append(all, a.Name+":"+a.As)
	}
	return strings.Join(all, " ")
}

func dumpStmt(s python.Stmt) string {
	switch s := s.(type) {
	case *python.ExprStmt:
		return "(expr " + expr(s.X) + ")"
	case *python.Assign:
		return "(= " + exprs(s.Targets) + " " + expr(s.Value) + ")"
	case *python.Augment:
		return "(aug " + expr(s.Target) + " " + s.Op + " " + expr(s.Value) + ")"
	case *python.Annotated:
		return "(ann " + expr(s.Target) + " " + expr(s.Annotation) + " " + expr(s.Value) + ")"
	case *python.Simple:
		return s.Word
	case *python.Return:
		return "(return " + expr(s.X) + ")"
	case *python.Raise:
		if s.Rest != nil {
			return "(raise " + expr(s.X) + " " + exprs(s.Rest) + ")"
		}
		return "(raise " + expr(s.X) + " " + expr(s.From) + ")"
	case *python.Delete:
		if list, ok := s.X.(*python.Sequence); ok && list.Open == "(" && len(list.Items) > 0 {
			if start, _ := list.Span(); start == func() python.Pos { p, _ := list.Items[0].Span(); return p }() {
				return "(del " + exprs(list.Items) + ")"
			}
		}
		return "(del " + exprs([]python.Expr{s.X}) + ")"
	case *python.Assert:
		return "(assert " + expr(s.X) + " " + expr(s.Message) + ")"
	case *python.Scope:
		return "(" + s.Word + " " + strings.Join(s.Names, " ") + ")"
	case *python.Import:
		if s.From {
			return "(from " + s.Module + " " + aliases(s.Names) + ")"
		}
		return "(import " + aliases(s.Names) + ")"
	case *python.Print:
		return fmt.Sprintf("(print %s %s %t)", expr(s.To), exprs(s.Args), s.NoLine)
	case *python.Exec:
		return "(exec " + exprs(s.Args) + ")"
	case *python.TypeAlias:
		return "(type " + s.Name + " " + expr(s.Value) + ")"
	case *python.If:
		return "(ifstmt " + expr(s.Test) + " " + stmts(s.Body) + " " + stmts(s.Else) + ")"
	case *python.While:
		return "(while " + expr(s.Test) + " " + stmts(s.Body) + " " + stmts(s.Else) + ")"
	case *python.For:
		return "(" + async(s.Async) + "for " + expr(s.Var) + " " + expr(s.In) + " " + stmts(s.Body) + " " + stmts(s.Else) + ")"
	case *python.With:
		var items []string
		for _, item := range s.Items {
			items = append(items, "("+expr(item.X)+" "+expr(item.Var)+")")
		}
		return "(" + async(s.Async) + "with [" + strings.Join(items, " ") + "] " + stmts(s.Body) + ")"
	case *python.Try:
		var handlers []string
		for _, h := range s.Handlers {
			star := strings.Repeat("*", map[bool]int{true: 1}[h.Star])
			handlers = append(handlers, fmt.Sprintf("(except%s %s %s %s)", star, expr(h.Kind), h.Name, stmts(h.Body)))
		}
		return "(try " + stmts(s.Body) + " [" + strings.Join(handlers, " ") + "] " + stmts(s.Else) + " " + stmts(s.Finally) + ")"
	case *python.FuncDef:
		return fmt.Sprintf("(%sdef %s %s %s %s %s)", async(s.Async), s.Name, exprs(s.Decorators), params(s.Params), expr(s.Returns), stmts(s.Body))
	case *python.ClassDef:
		return fmt.Sprintf("(class %s %s %s %s %s)", s.Name, exprs(s.Decorators), exprs(s.Bases), keywords(s.Keywords), stmts(s.Body))
	case *python.Match:
		var cases []string
		for _, c := range s.Cases {
			cases = append(cases, "(case "+expr(c.Guard)+" "+stmts(c.Body)+")")
		}
		return "(match " + expr(s.X) + " " + strings.Join(cases, " ") + ")"
	}
	return fmt.Sprintf("unknown %T", s)
}

func async(is bool) string {
	if is {
		return "async"
	}
	return ""
}
