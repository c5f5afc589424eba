package main

import (
	"bytes"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
)

func TestGeneratedCodeIsFresh(t *testing.T) {
	src, err := load()
	if err != nil {
		t.Fatal(err)
	}
	// What another process has looked at, such as the go command, the cache of test results does not know of.
	if _, err := os.ReadDir(filepath.Join(src.dir, "..", "motor")); err != nil {
		t.Fatal(err)
	}
	want, err := generate(src)
	if err != nil {
		t.Fatal(err)
	}
	have, err := src.generatedFiles()
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(maps.Keys(want)); !slices.Equal(names, have) {
		t.Errorf("generated files: %v, want %v", have, names)
	}
	for _, name := range have {
		got, err := os.ReadFile(filepath.Join(src.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want[name]) {
			t.Errorf("%s is stale: run go generate in callback", name)
		}
	}
}

// api is a package's exported API, as the compiler has it. The tests below look at nothing else, so that they do not
// take the generator's word for anything.
func api(t *testing.T, path string) *types.Package {
	t.Helper()
	packages, err := source.List("-deps", "-export", path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := source.Importer(packages).Import(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// methodsOf returns the exported methods of a pointer to t by their names.
func methodsOf(t types.Type) map[string]*types.Signature {
	all := make(map[string]*types.Signature)
	for m := range types.NewMethodSet(types.NewPointer(t)).Methods() {
		if m.Obj().Exported() {
			all[m.Obj().Name()] = m.Obj().(*types.Func).Signature()
		}
	}
	return all
}

const aFuture = "*" + source.Future + ".Future["

// isAsync reports whether sig returns a future, and of what.
func isAsync(sig *types.Signature) (of string, ok bool) {
	if sig.Results().Len() != 1 {
		return "", false
	}
	of, ok = strings.CutPrefix(sig.Results().At(0).Type().String(), aFuture)
	return strings.TrimSuffix(of, "]"), ok
}

// tuple writes parameters or results: names, if they matter, and types.
func tuple(vars *types.Tuple, variadic bool) []string {
	var all []string
	for v := range vars.Variables() {
		all = append(all, strings.TrimSpace(v.Name()+" "+v.Type().String()))
	}
	if variadic {
		all[len(all)-1] += " ..."
	}
	return all
}

func TestEveryMethodOfMotorHasItsCallbackForm(t *testing.T) {
	motor, callback := api(t, source.Motor).Scope(), api(t, source.Callback).Scope()

	handles := make(map[string]*types.Named)
	for _, name := range motor.Names() {
		named, ok := types.Unalias(motor.Lookup(name).Type()).(*types.Named)
		if _, isType := motor.Lookup(name).(*types.TypeName); !isType || !ok || !motor.Lookup(name).Exported() {
			continue
		}
		for _, sig := range methodsOf(named) {
			if _, ok := isAsync(sig); ok {
				handles[name] = named
			}
		}
	}
	for _, name := range []string{"Client", "Database", "Collection", "Cursor"} {
		if handles[name] == nil {
			t.Fatalf("motor.%s is not among the handle types %v", name, slices.Sorted(maps.Keys(handles)))
		}
	}
	// own turns motor's handle types into those of callback.
	names := regexp.MustCompile(regexp.QuoteMeta(source.Motor) + `\.(` + strings.Join(slices.Collect(maps.Keys(handles)), "|") + `)\b`)
	own := func(s string) string { return names.ReplaceAllString(s, source.Callback+".$1") }

	for name, named := range handles {
		object := callback.Lookup(name)
		if object == nil {
			t.Errorf("package callback has no %s", name)
			continue
		}
		want, have := methodsOf(named), methodsOf(object.Type())
		for method, sig := range want {
			if strings.HasSuffix(method, "Via") && want[strings.TrimSuffix(method, "Via")] != nil {
				delete(want, method)
				continue
			}
			got := have[method]
			if got == nil {
				t.Errorf("package callback has no %s.%s", name, method)
				continue
			}
			params, results := tuple(sig.Params(), sig.Variadic()), tuple(sig.Results(), false)
			if of, ok := isAsync(sig); ok {
				i := len(params)
				if sig.Variadic() {
					i--
				}
				params = slices.Insert(params, i, "callback "+source.Callback+".Func["+of+"]")
				results = nil
			}
			for _, side := range []struct {
				what      string
				got, want []string
			}{
				{"takes", tuple(got.Params(), got.Variadic()), params},
				{"returns", tuple(got.Results(), false), results},
			} {
				if want := own(strings.Join(side.want, ", ")); strings.Join(side.got, ", ") != want {
					t.Errorf("%s.%s %s\n%s, want\n%s", name, method, side.what, strings.Join(side.got, ", "), want)
				}
			}
		}
		for method := range have {
			if want[method] == nil && method != "Futures" && method != "IOLoop" {
				t.Errorf("motor.%s has no method %s", name, method)
			}
		}
		if object.(*types.TypeName).IsAlias() {
			continue // of a handle type, which is looked at under its own name
		}
		if f := have["Futures"]; f == nil || !strings.HasPrefix(f.Results().At(0).Type().String(), "*"+source.Motor+"."+name) {
			t.Errorf("%s.Futures is %v", name, f)
		}
		if wrap, ok := callback.Lookup("Wrap" + name).(*types.Func); !ok {
			t.Errorf("package callback has no Wrap%s", name)
		} else if p := wrap.Signature().Params(); p.Len() != 2 || p.At(0).Type().String() != source.Future+".Executor" {
			t.Errorf("Wrap%s is %v", name, wrap)
		}
	}
}
