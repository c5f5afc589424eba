package motor2go

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// module translates the file.
func (f *translation) module() {
	f.functions, f.classes, f.methods = map[string]*python.FuncDef{}, map[string]*python.ClassDef{}, map[string]*python.FuncDef{}
	f.scopes = []*scope{newScope()}
	f.current = &Finding{}
	for _, s := range f.file.Body {
		switch s := s.(type) {
		case *python.FuncDef:
			f.functions[s.Name] = s
		case *python.ClassDef:
			f.classes[s.Name] = s
			for _, m := range s.Body {
				if def, ok := m.(*python.FuncDef); ok {
					f.methods[s.Name+"."+def.Name] = def
				}
			}
		case *python.Import:
			f.imports(s)
		}
	}
	for name, class := range f.facts.stored {
		if !strings.ContainsAny(name, ".[") {
			f.scopes[0].names[name] = value{text: f.goName(name), class: class}
		}
	}
	var functions, main []string
	f.nested = append(f.nested, 0)
	f.indent = 1
	for _, s := range f.file.Body {
		was := f.lines
		f.lines = nil
		switch s := s.(type) {
		case *python.Import:
			f.imports(s)
		case *python.FuncDef:
			functions = append(functions, f.declaration(s, "")...)
		case *python.ClassDef:
			functions = append(functions, f.class(s)...)
		default:
			f.stmt(s)
			main = append(main, f.lines...)
		}
		f.lines = was
	}
	f.lines = nil
	f.endBlock()
	f.mainBody = valid(append(main, f.lines...), "func _() {")
	f.top = functions
	slices.SortStableFunc(f.findings, func(a, b Finding) int { return a.Line - b.Line })
}

// declaration translates a function of the module, or a method of a class.
func (f *translation) declaration(def *python.FuncDef, class string) []string {
	was := f.indent
	f.indent = 0
	end := f.begin(def, f.head(def))
	name := f.functionName(def)
	switch {
	case class != "" && def.Name == "__init__":
		name = "new" + exported(class)
	case class != "":
		name = "(" + receiver(class) + " *" + exported(class) + ") " + exported(def.Name)
	}
	signature := f.signature(def)
	if def.Name == "__init__" && class != "" {
		signature += " *" + exported(class)
	}
	f.line("func %s%s {", name, signature)
	end()
	if def.Name == "__init__" && class != "" {
		f.line("\t%s := new(%s)", receiver(class), exported(class))
	}
	f.body(def)
	if def.Name == "__init__" && class != "" {
		f.line("\treturn %s", receiver(class))
	}
	f.line("}")
	lines := append(valid(f.lines, ""), "")
	f.lines, f.indent = nil, was
	return lines
}

// valid returns the lines of a declaration, or, if they are not Go, the same as comments. head is what stands before
// them, and an end brace after them.
func valid(lines []string, head string) []string {
	text := strings.Join(lines, "\n")
	if head != "" {
		text = head + "\n" + text + "\n}"
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution); err == nil {
		return lines
	}
	commented := []string{"// NOTE: This is not Go yet. Complete it by hand."}
	for _, l := range lines {
		commented = append(commented, "// "+strings.TrimPrefix(strings.TrimLeft(l, "\t"), "// "))
	}
	return commented
}

// class translates a class: a struct with the attributes that its methods assign.
func (f *translation) class(s *python.ClassDef) (lines []string) {
	f.scopes[0].names[s.Name] = value{text: exported(s.Name), class: "type " + s.Name}
	lines = append(lines, "// "+strings.ReplaceAll(f.head(s), "\n", "\n// "))
	for _, b := range s.Bases {
		if source := f.file.Source(b); strings.Contains(source, "Handler") {
			lines = append(lines, "// NOTE: In Go a handler is a net/http.Handler.")
		}
	}
	lines = append(lines, "type "+exported(s.Name)+" struct {")
	for _, field := range f.fieldsOf(s) {
		lines = append(lines, "\t"+f.goName(field)+" "+f.typeOf(f.facts.fields[s.Name+"."+field]))
	}
	if f.isException(s) {
		lines = append(append(lines, "\tmessage string", "}", ""),
			"func ("+receiver(s.Name)+" *"+exported(s.Name)+") Error() string { return "+receiver(s.Name)+".message }", "")
		return append(lines, f.methodsOf(s)...)
	}
	lines = append(valid(append(lines, "}"), ""), "")
	if slices.ContainsFunc(s.Bases, func(e python.Expr) bool { return f.isError(f.file.Source(e)) }) {
		lines = append(lines, "func ("+receiver(s.Name)+" *"+exported(s.Name)+") Error() string { return "+quote(s.Name)+" }", "")
	}
	return append(lines, f.methodsOf(s)...)
}

// methodsOf translates the body of a class.
func (f *translation) methodsOf(s *python.ClassDef) (lines []string) {
	for _, m := range s.Body {
		switch m := m.(type) {
		case *python.FuncDef:
			lines = append(lines, f.declaration(m, s.Name)...)
		case *python.Assign:
			was := f.lines
			f.lines = nil
			f.simple(m, func() { f.note("An attribute of the class."); f.quiet(m.Value) })
			f.lines = was
		}
	}
	return lines
}

// fieldsOf returns the attributes that the methods of a class assign to self.
func (f *translation) fieldsOf(s *python.ClassDef) (fields []string) {
	for _, m := range s.Body {
		def, ok := m.(*python.FuncDef)
		if !ok || len(def.Params) == 0 {
			continue
		}
		walk(def.Body, func(st python.Stmt) {
			var targets []python.Expr
			switch st := st.(type) {
			case *python.Assign:
				targets = st.Targets
			case *python.Annotated:
				targets = []python.Expr{st.Target}
			}
			for _, target := range targets {
				a, ok := target.(*python.Attribute)
				if !ok {
					continue
				}
				if self, ok := a.X.(*python.Ident); ok && self.Name == def.Params[0].Name && !slices.Contains(fields, a.Name) {
					fields = append(fields, a.Name)
				}
			}
		})
	}
	return fields
}

// walk calls fn for the statements of a block and of the blocks in it, except those of functions and classes.
func walk(body []python.Stmt, fn func(python.Stmt)) {
	for _, s := range body {
		fn(s)
		switch s := s.(type) {
		case *python.If:
			walk(s.Body, fn)
			walk(s.Else, fn)
		case *python.For:
			walk(s.Body, fn)
		case *python.While:
			walk(s.Body, fn)
		case *python.With:
			walk(s.Body, fn)
		case *python.Try:
			walk(s.Body, fn)
			walk(s.Finally, fn)
		}
	}
}

// skeleton returns the whole file in Go.
func (f *translation) skeleton() string {
	var b strings.Builder
	if code := strings.Join(append(f.mainBody, f.top...), "\n"); usesLoop.MatchString(code) && !slices.Contains(f.globals, "loop") {
		b.WriteString("var loop = callback.NewLoop()\n")
	}
	for _, name := range f.globals {
		b.WriteString(strings.Join(valid([]string{"var " + f.goName(name) + " " + f.typeOf(f.facts.stored[name])}, ""), "\n") + "\n")
	}
	code := strings.Join(append(f.mainBody, f.top...), "\n")
	if usesContext.MatchString(code) {
		b.WriteString("var ctx = context.Background()\n")
	}
	if strings.Contains(code, "(ctx, pool, ") {
		b.WriteString("\n// pool starts a goroutine for each task: asyncio does not limit tasks either.\n")
		b.WriteString("var pool = future.ExecutorFunc(func(task func()) error { go task(); return nil })\n\n")
	}
	for _, name := range sortedKeys(f.facts.errors) {
		b.WriteString("// " + name + " stands for " + f.facts.errors[name] + ".\nvar " + name + " = errors.New(" + quote(f.facts.errors[name]) + ")\n\n")
	}
	b.WriteString("\nfunc main() {\n")
	b.WriteString(strings.Join(f.mainBody, "\n") + "\n}\n\n")
	b.WriteString(strings.Join(f.top, "\n"))
	body := b.String()
	head := "// Translated from " + f.file.Name + ". Read each NOTE.\npackage main\n\n" + importsOf(body)
	source, err := format.Source([]byte(head + body))
	if err != nil { // the lines that do not parse are found by hand
		return head + body
	}
	return string(source)
}

// usesContext matches a use of ctx as an argument.
var usesContext = regexp.MustCompile(`[(]ctx[,)]`)

// usesLoop matches a use of the loop.
var usesLoop = regexp.MustCompile(`\bloop[.,)]`)

// packages are the packages that translated code uses.
var packages = map[string]string{
	"bson": "go.mongodb.org/mongo-driver/v2/bson", "mongo": "go.mongodb.org/mongo-driver/v2/mongo",
	"options": "go.mongodb.org/mongo-driver/v2/mongo/options", "readpref": "go.mongodb.org/mongo-driver/v2/mongo/readpref",
	"motor": "github.com/gomotor/gomotor/motor", "callback": "github.com/gomotor/gomotor/callback",
	"future": "github.com/gomotor/gomotor/future", "web": "github.com/gomotor/gomotor/motor/web",
	"fmt": "fmt", "context": "context", "time": "time", "errors": "errors", "log": "log", "strings": "strings", "bytes": "bytes",
	"slices": "slices", "os": "os", "cmp": "cmp", "sync": "sync", "maps": "maps", "math": "math", "strconv": "strconv",
}

// importsOf returns the import declaration for the packages that code uses.
func importsOf(code string) string {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+code, parser.SkipObjectResolution)
	if err != nil {
		return ""
	}
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && packages[x.Name] != "" {
				used[packages[x.Name]] = true
			}
		}
		return true
	})
	if len(used) == 0 {
		return ""
	}
	var groups [3][]string
	for _, path := range sortedKeys(used) {
		group := 0
		if strings.HasPrefix(path, "go.mongodb.org/") {
			group = 1
		} else if strings.HasPrefix(path, "github.com/") {
			group = 2
		}
		groups[group] = append(groups[group], "\t\""+path+"\"")
	}
	var blocks []string
	for _, g := range groups {
		if len(g) > 0 {
			blocks = append(blocks, strings.Join(g, "\n"))
		}
	}
	return "import (\n" + strings.Join(blocks, "\n\n") + "\n)\n\n"
}
