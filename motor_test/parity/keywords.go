package parity

import (
	_ "embed"
	"fmt"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// keywordsTSV says what the ledger and the types of the module do not say about the keywords of Motor's methods. Its
// columns are
//
//	member    the method, such as MotorCollection.find, or * for all methods
//	keywords  separated by spaces, or - for a method that has no more keywords; "as" and a member means its keywords
//	go        the symbols of the module that replace them, or the name of a setter of the method's options, separated
//	          by commas; if it is empty, the rules of resolve apply
//	remark    what a user should know; necessary if there is no symbol
//
//go:embed keywords.tsv
var keywordsTSV string

var keywordColumns = []string{"member", "keywords", "go", "remark"}

// allMethods in the member column means a row that applies to a keyword of any method for which no other rule does.
const allMethods = "*"

// Keyword is a keyword argument of a method of Motor.
type Keyword struct {
	Name   string
	Go     []string // what replaces it: "options.Find().SetSort", "Cursor.Sort", "InsertOptions.W", "argument filter"
	Remark string
}

// note is a row of keywordsTSV, for one keyword.
type note struct {
	keyword, symbols, remark string
}

// notes are the rows of keywordsTSV, by member. The first keyword of a member without keywords is "-".
type notes map[string][]note

func parseNotes(tsv string) (notes, error) {
	lines := strings.Split(strings.TrimSuffix(tsv, "\n"), "\n")
	if head := strings.Join(keywordColumns, "\t"); lines[0] != head {
		return nil, fmt.Errorf("got the columns %q, want %q", lines[0], head)
	}
	all := make(notes)
	var as [][2]string
	for i, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) != len(keywordColumns) || fields[1] == "" {
			return nil, fmt.Errorf("line %d of the keywords: got %d columns, want %d, with a keyword", i+2, len(fields), len(keywordColumns))
		}
		if from, is := strings.CutPrefix(fields[1], "as "); is {
			as = append(as, [2]string{fields[0], from})
			continue
		}
		for name := range strings.FieldsSeq(fields[1]) {
			all[fields[0]] = append(all[fields[0]], note{name, fields[2], fields[3]})
		}
	}
	for _, pair := range as {
		if len(all[pair[1]]) == 0 {
			return nil, fmt.Errorf("%s has the keywords of %s, which has none", pair[0], pair[1])
		}
		all[pair[0]] = append(all[pair[0]], all[pair[1]]...)
	}
	return all, nil
}

// of returns the row for a keyword of a member.
func (n notes) of(member, keyword string) (note, bool) {
	for _, row := range n[member] {
		if row.keyword == keyword {
			return row, true
		}
	}
	return note{}, false
}

// A signature in the params column of the ledger.
var (
	eraPrefix  = regexp.MustCompile(`^(?:seed|\d\.\d): `)
	parenGroup = regexp.MustCompile(`\*\*kwargs\(([^)]*)\)`)
	namedParam = regexp.MustCompile(`^\w+$`)
)

// keywordNames returns the names of the keywords of a row: the parameters with a default value of all eras, and those
// that keywordsTSV lists for **kwargs. kwargs reports whether the method has **kwargs.
func (n notes) keywordNames(r *Row) (names []string, kwargs bool) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for signature := range strings.SplitSeq(r.Params, " || ") {
		signature = eraPrefix.ReplaceAllString(signature, "")
		kwargs = kwargs || strings.Contains(signature, "**kwargs")
		for param := range strings.SplitSeq(parenGroup.ReplaceAllString(signature, "**kwargs"), ", ") {
			name, _, hasDefault := strings.Cut(param, "=")
			if namedParam.MatchString(name) && (hasDefault || name == "callback") {
				add(name)
			}
		}
	}
	for _, row := range n[r.Name()] {
		if row.keyword != "-" {
			add(row.keyword)
		}
	}
	return names, kwargs
}

// checkKeywords reports keywords without a replacement, and rows of keywordsTSV for unknown members.
func (res *Result) checkKeywords() {
	known := map[string]bool{allMethods: true}
	for _, r := range res.Rows {
		known[r.Name()] = true
		if res.Missing[r] == nil {
			if _, err := res.Keywords(r); err != nil {
				res.problem("%w", err)
			}
		}
	}
	for member := range res.notes {
		if !known[member] && len(res.Rows) == members {
			res.problem("keywords.tsv has %s, but the ledger has no such member", member)
		}
	}
}

// Keywords returns the keywords of a method of Motor and what replaces them. It returns an error if the ledger, the
// types and keywordsTSV do not say what replaces one. The keywords of clients are not here, but in the text of
// MIGRATION.md.
func (res *Result) Keywords(r *Row) ([]Keyword, error) {
	isClient := r.Member == "__init__" && strings.HasSuffix(r.Class, "Client")
	if r.Mark != "" || len(res.symbols[r]) == 0 || isClient || !strings.HasSuffix(r.Kind, "method") && r.Kind != "constructor" {
		return nil, nil
	}
	names, kwargs := res.notes.keywordNames(r)
	if kwargs && len(res.notes[r.Name()]) == 0 {
		return nil, fmt.Errorf("%s has **kwargs, but keywords.tsv has no keywords for it", r.Name())
	}
	var all []Keyword
	for _, name := range names {
		k, err := res.keyword(r, name)
		if err != nil {
			return nil, err
		}
		all = append(all, k)
	}
	return all, nil
}

// keyword finds what replaces a keyword. A row of keywordsTSV for the method comes first, then the types, then a row for
// all methods.
func (res *Result) keyword(r *Row, name string) (Keyword, error) {
	k := Keyword{Name: name}
	row, own := res.notes.of(r.Name(), name)
	if own && (row.symbols != "" || row.remark != "") {
		return res.noted(r, k, row)
	}
	for _, s := range res.symbols[r] {
		if f := s.function(); f != nil && len(k.Go) == 0 {
			k.Go, k.Remark = res.module.replacements(f, name)
		}
	}
	if len(k.Go) > 0 {
		return k, nil
	}
	if row, ok := res.notes.of(allMethods, name); ok {
		return res.noted(r, k, row)
	}
	return k, fmt.Errorf("%s: nothing replaces the keyword %s", r.Name(), name)
}

// noted returns a keyword with the replacements of a row of keywordsTSV, which must exist.
func (res *Result) noted(r *Row, k Keyword, row note) (Keyword, error) {
	k.Remark = row.remark
	if row.symbols == "" {
		return k, nil
	}
	for symbol := range strings.SplitSeq(row.symbols, ", ") {
		found, err := res.module.named(r, res.symbols[r], symbol)
		if err != nil {
			return k, fmt.Errorf("%s: keyword %s: %w", r.Name(), k.Name, err)
		}
		k.Go = append(k.Go, found)
	}
	return k, nil
}

// named returns the text for a symbol in keywordsTSV, if it exists.
func (m *Module) named(r *Row, replacing []*symbol, name string) (string, error) {
	if strings.HasPrefix(name, "Set") {
		for _, s := range replacing {
			if f := s.function(); f != nil {
				if setter := m.setterOf(optionsOf(f), strings.TrimPrefix(name, "Set")); setter != "" {
					return setter, nil
				}
			}
		}
		return "", fmt.Errorf("the options of %s have no %s", strings.Join(r.Go, ", "), name)
	}
	if typeName, field, isField := strings.Cut(strings.TrimPrefix(name, "motor."), "."); isField && strings.HasSuffix(typeName, "Options") {
		object := m.packages["motor"].Scope().Lookup(typeName)
		if object == nil || fieldOf(source.Named(object.Type()), field) == "" {
			return "", fmt.Errorf("there is no field %s", name)
		}
		return name, nil
	}
	_, err := m.lookup(name)
	return name, err
}

// fold returns the form in which names of Python and of Go are compared.
func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// replacements returns what replaces a keyword of a method that f replaces: a setter or a field of its options and a
// method of the cursor that it returns, or else an argument. A time in milliseconds becomes a time.Duration.
func (m *Module) replacements(f *types.Func, keyword string) (found []string, remark string) {
	opts := optionsOf(f)
	duration, isMS := strings.CutSuffix(fold(keyword), "ms")
	for _, name := range []string{fold(keyword), duration} {
		if setter := m.setterOf(opts, name); setter != "" {
			found = append(found, setter)
		} else if field := fieldOf(opts, name); field != "" && opts.Obj().Pkg().Name() == "motor" {
			found = append(found, "motor."+opts.Obj().Name()+"."+field)
		}
		if len(found) > 0 {
			if isMS && name == duration {
				remark = "A `time.Duration`."
			}
			break
		}
	}
	if results := f.Signature().Results(); results.Len() == 1 {
		if cursor := source.Named(results.At(0).Type()); cursor != nil && strings.HasSuffix(cursor.Obj().Name(), "Cursor") {
			for method := range m.methodsOf(cursor).Methods() {
				if g := method.Obj().(*types.Func); g.Exported() && fold(g.Name()) == fold(keyword) && isChained(g, cursor) {
					if remark != "" {
						remark = "The option takes a `time.Duration`, the method milliseconds."
					}
					found = append(found, "motor."+cursor.Obj().Name()+"."+g.Name())
				}
			}
		}
	}
	if len(found) > 0 {
		return found, remark
	}
	for p := range f.Signature().Params().Variables() {
		if fold(p.Name()) == fold(keyword) {
			return []string{"argument " + p.Name()}, ""
		}
	}
	return nil, ""
}

// isChained reports whether a method of a cursor returns the cursor.
func isChained(f *types.Func, cursor *types.Named) bool {
	results := f.Signature().Results()
	if results.Len() != 1 {
		return false
	}
	result := source.Named(results.At(0).Type())
	return result != nil && result.Origin() == cursor.Origin()
}

// optionsOf returns the type of the options of a function, of the driver or of motor, or nil.
func optionsOf(f *types.Func) *types.Named {
	params := f.Signature().Params()
	for i := params.Len() - 1; i >= 0; i-- {
		t := params.At(i).Type()
		if list, ok := t.(*types.Slice); ok && f.Signature().Variadic() && i == params.Len()-1 {
			t = list.Elem()
		}
		named, ok := types.Unalias(t).(*types.Named)
		if !ok {
			continue
		}
		if named.Obj().Name() == "Lister" {
			return source.Named(named.TypeArgs().At(0))
		}
		if strings.HasSuffix(named.Obj().Name(), "Options") {
			return named
		}
	}
	return nil
}

// setterOf returns the setter of options of the driver, or of those that options of motor contain, or "".
func (m *Module) setterOf(opts *types.Named, name string) string {
	if opts == nil {
		return ""
	}
	if opts.Obj().Pkg().Path() == optionsPath {
		return m.setter(opts, name)
	}
	if s, ok := opts.Underlying().(*types.Struct); ok {
		for field := range s.Fields() {
			if list, ok := types.Unalias(field.Type()).(*types.Named); ok && list.Obj().Name() == "Lister" {
				return m.setter(source.Named(list.TypeArgs().At(0)), name)
			}
		}
	}
	return ""
}

// setter returns the setter of a type of the driver's options, such as "options.Find().SetSort", or "".
func (m *Module) setter(opts *types.Named, name string) string {
	builder := m.options.Scope().Lookup(opts.Obj().Name() + "Builder")
	if builder == nil {
		return ""
	}
	for method := range m.methodsOf(source.Named(builder.Type())).Methods() {
		if fold(method.Obj().Name()) != "set"+fold(name) {
			continue
		}
		for _, constructor := range m.options.Scope().Names() {
			f, ok := m.options.Scope().Lookup(constructor).(*types.Func)
			if ok && f.Exported() && f.Signature().Params().Len() == 0 && f.Signature().Results().Len() == 1 &&
				source.Named(f.Signature().Results().At(0).Type()) == builder.Type() {
				return "options." + constructor + "()." + method.Obj().Name()
			}
		}
	}
	return ""
}

// fieldOf returns the name of a field of a struct, or "".
func fieldOf(t *types.Named, name string) string {
	if t == nil {
		return ""
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return ""
	}
	for field := range s.Fields() {
		if field.Exported() && fold(field.Name()) == fold(name) {
			return field.Name()
		}
	}
	return ""
}
