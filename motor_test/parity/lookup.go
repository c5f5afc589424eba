package parity

import (
	"go/types"
	"strings"
)

// Function returns a function or method that replaces a member of Motor, as in "motor.Collection.FindOne", and the same
// one of package callback. Each may be nil.
func (res *Result) Function(r *Row) (name string, inMotor, inCallback *types.Func) {
	for _, s := range res.symbols[r] {
		f := s.function()
		if f == nil {
			continue
		}
		if form, err := res.module.callbackForm(s); err == nil && form != nil {
			inCallback = form.function()
		}
		return s.name, f, inCallback
	}
	return "", nil, nil
}

// Base returns the class from which a class has inherited, or "".
func Base(class string) string { return bases[class] }

// Signatures returns the parameters of a row, for each form that the member has had, the current one first. The
// name of *args has its star. Names of keywords that only **kwargs takes are not there.
func (r *Row) Signatures() (all [][]Param) {
	for signature := range strings.SplitSeq(r.Params, " || ") {
		signature = eraPrefix.ReplaceAllString(signature, "")
		var params []Param
		for param := range strings.SplitSeq(parenGroup.ReplaceAllString(signature, "**kwargs"), ", ") {
			name, def, optional := strings.Cut(param, "=")
			if namedParam.MatchString(strings.TrimLeft(name, "*")) {
				params = append(params, Param{name, optional, def})
			}
		}
		all = append(all, params)
	}
	return all
}

// Param is a parameter of a member of Motor.
type Param struct {
	Name     string
	Optional bool
	Default  string // in Python
}

// Object returns an exported object of a package of the module, such as future, "Sleep", or nil.
func (m *Module) Object(pkg, name string) types.Object {
	if p := m.packages[pkg]; p != nil {
		if o := p.Scope().Lookup(name); o != nil && o.Exported() {
			return o
		}
	}
	return nil
}
