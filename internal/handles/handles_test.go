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
	// The go command reads the source in another process. Reading it here makes it part of the test cache's key.
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
		t.Errorf("got the generated files %v, want %v", have, names)
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

// api returns the types of a package, as the compiler has them. The tests below use nothing else, so that they do not
// depend on the generator.
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

// methodsOf returns the exported methods of *t by name.
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

// isAsync reports whether sig returns a future, and the type of its result.
func isAsync(sig *types.Signature) (of string, ok bool) {
	if sig.Results().Len() != 1 {
		return "", false
	}
	of, ok = strings.CutPrefix(sig.Results().At(0).Type().String(), aFuture)
	return strings.TrimSuffix(of, "]"), ok
}

// tuple returns the parameters or results of a function, each with its name, if it has one, and type.
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

func TestCallbackFormOfEveryMethod(t *testing.T) {
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
			t.Fatalf("want the handle type motor.%s, got only %v", name, slices.Sorted(maps.Keys(handles)))
		}
	}
	// own replaces motor's handle types with those of callback.
	names := regexp.MustCompile(regexp.QuoteMeta(source.Motor) + `\.(` + strings.Join(slices.Collect(maps.Keys(handles)), "|") + `)\b`)
	own := func(s string) string { return names.ReplaceAllString(s, source.Callback+".$1") }

	for name, named := range handles {
		object := callback.Lookup(name)
		if object == nil {
			t.Errorf("callback.%s: got no such type, want one", name)
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
				t.Errorf("callback.%s.%s: got no such method, want one", name, method)
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
					t.Errorf("%s.%s %s\n%s\nwant\n%s", name, method, side.what, strings.Join(side.got, ", "), want)
				}
			}
		}
		for method := range have {
			if want[method] == nil && method != "Futures" && method != "IOLoop" {
				t.Errorf("callback.%s has the method %s, want none: motor does not have it", name, method)
			}
		}
		if f := have["Futures"]; f == nil || !strings.HasPrefix(f.Results().At(0).Type().String(), "*"+source.Motor+"."+name) {
			t.Errorf("got %s.Futures of type %v, want a method that returns *motor.%s", name, f, name)
		}
		if wrap, ok := callback.Lookup("Wrap" + name).(*types.Func); !ok {
			t.Errorf("callback.Wrap%s: got no such function, want one", name)
		} else if p := wrap.Signature().Params(); p.Len() != 2 || p.At(0).Type().String() != source.Future+".Executor" {
			t.Errorf("got Wrap%s of type %v, want two parameters, the first a future.Executor", name, wrap)
		}
	}
}

// A name of motor that callback does not have must be a doc link. The generator adds the package name to links only.
func TestDocsLinkNamesOfMotor(t *testing.T) {
	src, err := load()
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(src)
	if err != nil {
		t.Fatal(err)
	}
	motor, callback := api(t, source.Motor).Scope(), api(t, source.Callback).Scope()
	members := make(map[string]bool) // methods may have the same name, as in "WriteConcern returns ..."
	for _, h := range newGenerator(src).handles {
		for _, m := range h.methods {
			members[m.Name()] = true
		}
	}
	links := regexp.MustCompile(`\[[^\]]*\]`)
	names := regexp.MustCompile(`(^|[^\w.])(\*?)([A-Z]\w*[a-z][A-Z]\w*)`)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for line := range strings.Lines(string(files[name])) {
			if !strings.HasPrefix(line, "// ") {
				continue
			}
			for _, found := range names.FindAllStringSubmatch(links.ReplaceAllString(line, ""), -1) {
				star, word := found[2], found[3]
				if motor.Lookup(word) != nil && callback.Lookup(word) == nil && (star != "" || !members[word]) {
					t.Errorf("%s: got %s without a link, want [%s%s] in the comment of motor:\n%s", name, word, star, word, line)
				}
			}
		}
	}
}
