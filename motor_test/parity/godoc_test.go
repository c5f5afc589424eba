package parity

import (
	"go/types"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// packageNames are the packages that users import.
var packageNames = []string{"future", "motor", "web", "callback"}

// goDoc returns what "go doc" prints for its arguments.
func goDoc(t *testing.T, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command("go", append([]string{"doc"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("go doc %s: %v: %s", strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

// A method in the text of "go doc -all": "func (c *Cursor[D]) Next(...".
var documentedMethod = regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?(\w+)(?:\[.*?\])?\) (\w+)\(`)

// TestGoDocFindsMethods holds that a user finds each method with go doc under the type that has it. Package go/doc
// leaves out methods that a type gets by embedding an exported type or an alias.
func TestGoDocFindsMethods(t *testing.T) {
	m := check(t, nil).module
	for _, pkg := range packageNames {
		p := m.packages[pkg]
		t.Run(pkg, func(t *testing.T) {
			documented := make(map[string]bool)
			for _, match := range documentedMethod.FindAllStringSubmatch(goDoc(t, "-all", p.Path()), -1) {
				documented[match[1]+"."+match[2]] = true
			}
			if len(documented) == 0 {
				t.Fatal("go doc -all shows no method, want some")
			}
			for _, name := range p.Scope().Names() {
				object, isType := p.Scope().Lookup(name).(*types.TypeName)
				if !isType || !object.Exported() || object.IsAlias() {
					continue
				}
				named, isNamed := object.Type().(*types.Named)
				if !isNamed || types.IsInterface(named) {
					continue
				}
				for method := range m.methodsOf(named).Methods() {
					if f := method.Obj(); f.Exported() && !documented[name+"."+f.Name()] {
						t.Errorf("go doc %s.%s.%s finds no method, want one", pkg, name, f.Name())
					}
				}
			}
		})
	}
}

// TestGoDocExplainsTypeParameters holds that the doc comment of a generic type says what its type parameters are, since
// go doc shows them in each of its methods.
func TestGoDocExplainsTypeParameters(t *testing.T) {
	m := check(t, nil).module
	for _, pkg := range packageNames {
		for _, name := range m.packages[pkg].Scope().Names() {
			object, isType := m.packages[pkg].Scope().Lookup(name).(*types.TypeName)
			if !isType || !object.Exported() {
				continue
			}
			generic, isGeneric := object.Type().(interface{ TypeParams() *types.TypeParamList })
			if !isGeneric {
				continue
			}
			doc := m.declared[pkg][name].Doc
			for p := range generic.TypeParams().TypeParams() {
				if param := p.Obj().Name(); !regexp.MustCompile(`\b` + param + `\b`).MatchString(doc) {
					t.Errorf("the doc comment of %s.%s does not mention its type parameter %s", pkg, name, param)
				}
			}
		}
	}
}
