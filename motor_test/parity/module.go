package parity

import (
	"fmt"
	"go/constant"
	"go/types"
	"path/filepath"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// Module is this module: its compiled packages and its source code.
type Module struct {
	root     string // the module's directory
	packages map[string]*types.Package
	options  *types.Package // the driver's options
	declared map[string]map[string]source.Declaration
	methods  map[*types.Named]*types.MethodSet // methods of pointers to types, cached because the lookup is slow
	importer types.Importer
}

// optionsPath is the driver's package of options.
const optionsPath = "go.mongodb.org/mongo-driver/v2/mongo/options"

// Load reads the current module, which must compile.
func Load() (*Module, error) {
	listed, err := source.List("-deps", "-export", source.Callback, source.Web)
	if err != nil {
		return nil, err
	}
	m := newModule()
	importer := source.Importer(listed)
	m.importer = importer
	for _, path := range []string{source.Future, source.Motor, source.Web, source.Callback} {
		p, err := importer.Import(path)
		if err != nil {
			return nil, err
		}
		m.packages[p.Name()] = p
		if m.declared[p.Name()], err = listed[path].Declarations(); err != nil {
			return nil, err
		}
	}
	if m.options, err = importer.Import(optionsPath); err != nil {
		return nil, err
	}
	m.root = filepath.Dir(listed[source.Motor].Dir)
	return m, nil
}

func newModule() *Module {
	return &Module{
		packages: make(map[string]*types.Package), declared: make(map[string]map[string]source.Declaration),
		methods: make(map[*types.Named]*types.MethodSet),
	}
}

// Importer returns an importer for the packages of the module and for all packages that they import.
func (m *Module) Importer() types.Importer { return m.importer }

// symbol is a symbol in the ledger.
type symbol struct {
	name   string // "motor.Client.Open"
	pkg    string
	object types.Object
	owner  *types.Named // the type of a method or field, or nil
}

// lookup returns the symbol of a name, or an error that says what is missing.
func (m *Module) lookup(name string) (*symbol, error) {
	parts := strings.Split(name, ".")
	p := m.packages[parts[0]]
	if p == nil || len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("invalid symbol name %s", name)
	}
	s := &symbol{name: name, pkg: parts[0], object: p.Scope().Lookup(parts[1])}
	if s.object == nil || !s.object.Exported() {
		return nil, fmt.Errorf("package %s has no %s", parts[0], parts[1])
	}
	if len(parts) == 2 {
		return s, nil
	}
	s.owner = source.Named(s.object.Type())
	if _, isType := s.object.(*types.TypeName); !isType || s.owner == nil {
		return nil, fmt.Errorf("%s.%s has no methods", parts[0], parts[1])
	}
	method := m.methodsOf(s.owner).Lookup(nil, parts[2])
	if method == nil || !method.Obj().Exported() {
		return nil, fmt.Errorf("%s.%s has no method %s", parts[0], parts[1], parts[2])
	}
	s.object = method.Obj()
	return s, nil
}

// methodsOf returns the methods of *t.
func (m *Module) methodsOf(t *types.Named) *types.MethodSet {
	set := m.methods[t]
	if set == nil {
		set = types.NewMethodSet(types.NewPointer(t))
		m.methods[t] = set
	}
	return set
}

// function returns the symbol as a function or method, or nil.
func (s *symbol) function() *types.Func {
	f, _ := s.object.(*types.Func)
	return f
}

// declaredAs returns the key of the symbol in the declarations of its package.
func (s *symbol) declaredAs() string {
	if f := s.function(); f != nil {
		return source.DeclaredAs(f)
	}
	return s.object.Name()
}

// isAsync reports whether the symbol is a function that returns a future.
func (s *symbol) isAsync() bool { return s.function() != nil && source.ReturnsFuture(s.function()) }

// isHandle reports whether s is a type of motor with a method that returns a future. Package callback has its own form
// of such types.
func (m *Module) isHandle(s *symbol) bool {
	if _, isType := s.object.(*types.TypeName); !isType || s.pkg != "motor" {
		return false
	}
	named := source.Named(s.object.Type())
	if named == nil {
		return false
	}
	for method := range m.methodsOf(named).Methods() {
		if f := method.Obj().(*types.Func); f.Exported() && source.ReturnsFuture(f) {
			return true
		}
	}
	return false
}

// callsBack reports whether a function takes a callback with a result and an error.
func callsBack(f *types.Func) bool {
	for p := range f.Signature().Params().Variables() {
		sig, ok := p.Type().Underlying().(*types.Signature)
		if ok && sig.Params().Len() == 2 && sig.Params().At(1).Type().String() == "error" {
			return true
		}
	}
	return false
}

// callbackForm returns the symbol of package callback that corresponds to a symbol of motor. It is nil if none is
// needed. Needed are the forms of handles, of their methods, and of functions that return a handle or a future.
func (m *Module) callbackForm(s *symbol) (*symbol, error) {
	if s.pkg != "motor" {
		return nil, nil
	}
	if s.owner == nil {
		f := s.function()
		if !m.isHandle(s) && (f == nil || !m.returnsHandle(f) && !s.isAsync()) {
			return nil, nil
		}
	} else if !m.isHandle(&symbol{pkg: s.pkg, object: s.owner.Obj()}) {
		return nil, nil
	}
	form, err := m.lookup("callback." + strings.TrimPrefix(s.name, "motor."))
	if err != nil {
		return nil, err
	}
	if s.isAsync() && (form.function().Signature().Results().Len() > 0 || !callsBack(form.function())) {
		return nil, fmt.Errorf("%s must take a callback", form.name)
	}
	return form, nil
}

// returnsHandle reports whether the first result of f is a handle.
func (m *Module) returnsHandle(f *types.Func) bool {
	results := f.Signature().Results()
	if results.Len() == 0 {
		return false
	}
	named := source.Named(results.At(0).Type())
	return named != nil && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == source.Motor &&
		m.isHandle(&symbol{pkg: "motor", object: named.Obj()})
}

// value returns the value of a constant.
func value(c *types.Const) string {
	if c.Val().Kind() == constant.String {
		return c.Val().ExactString()
	}
	return c.Val().String()
}
