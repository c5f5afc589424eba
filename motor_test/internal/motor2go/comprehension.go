package motor2go

import (
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// comprehension translates a comprehension or a generator expression to loops before the statement, which fill a
// variable. name is the variable that the statement assigns, or "".
func (f *translation) comprehension(e *python.Comprehension, name string) value {
	if all := f.listOf(e); all != nil {
		return *all
	}
	if slices.ContainsFunc(e.Clauses, func(c python.Clause) bool { return c.Async && !f.isIterable(c.In) }) {
		return f.byHand(e)
	}
	if name == "" || f.isDeclared(name) {
		name = f.temp("", map[string]string{"[": "items", "(": "items", "{": "keys"}[e.Open])
	} else {
		f.scope().declared[name] = true
	}
	at, indent := len(f.lines), f.indent
	s := newScope()
	s.block = true
	f.scopes = append(f.scopes, s)
	f.nested = append(f.nested, 0)
	var ends []string
	for _, c := range e.Clauses {
		f.loops++
		in, ok := f.rows(c.Var, c.In)
		if !ok {
			in = f.expr(c.In)
		}
		if c.Async && f.style == Callbacks {
			in = f.await(f.motorCall(&member{in.class, f.tool.row(in.class, "to_list"), in.text}, nil))
		}
		ends = append(ends, f.loop(c.Async && f.style != Callbacks, c.Var, in))
		f.indent++
		for _, r := range c.Requires {
			f.opening("if " + f.test(f.expr(r), false) + " {")
			ends = append(ends, "}")
			f.indent++
		}
	}
	made := f.element(e, name)
	for _, end := range slices.Backward(ends) {
		f.indent--
		f.line("%s", end)
	}
	f.loops -= len(e.Clauses)
	f.scopes = f.scopes[:len(f.scopes)-1]
	f.keep()
	declaration := strings.Repeat("\t", indent) + "var " + name + " " + f.typeOf(made.class)
	if made.text != "" {
		declaration = strings.Repeat("\t", indent) + name + " := " + made.text
	}
	f.lines = slices.Insert(f.lines, at, declaration)
	return value{text: name, class: made.class}
}

// isIterable reports whether a loop can range over an asynchronous iterable.
func (f *translation) isIterable(e python.Expr) bool {
	class := f.quiet(e).class
	return elementOf(class) != "" && (f.style != Callbacks || f.tool.row(class, "to_list") != nil)
}

// element adds the line that adds an element to the result of a comprehension. It returns the class of the result, and
// its first value if that is not the zero value.
func (f *translation) element(e *python.Comprehension, name string) value {
	v := f.asFuture(f.expr(e.Value))
	switch {
	case e.Key != nil:
		key := f.expr(e.Key)
		if kind, _ := kindOf(v.class); key.class == stringy && kind == futureKind {
			f.line("%s[%s] = %s", name, key.text, v.text)
			class := classOf(mapKind, v.class)
			return value{text: f.typeOf(class) + "{}", class: class}
		}
		f.line("%s[%s] = %s", name, key.text, v.text)
		if key.class == stringy {
			return value{text: "bson.M{}", class: document}
		}
		class := goClass + "map[" + f.typeOf(key.class) + "]" + f.typeOf(v.class)
		return value{text: f.typeOf(class) + "{}", class: class}
	case e.Open == "{":
		f.line("%s[%s] = true", name, v.text)
		class := classOf(setKind, v.class)
		return value{text: f.typeOf(class) + "{}", class: class}
	}
	f.line("%s = append(%s, %s)", name, name, f.typed(v))
	return value{class: listOf(v.class)}
}
