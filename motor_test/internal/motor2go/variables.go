package motor2go

import (
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// assignTo translates the assignment of an expression to a target.
func (f *translation) assignTo(target, e python.Expr) {
	if call, ok := e.(*python.Call); ok {
		if name, ok := strings.CutPrefix(f.quiet(call.Func).class, moduleOf("")); ok && strings.HasSuffix(name, "Application") {
			f.application(call)
		}
	}
	name := ""
	if ident, ok := target.(*python.Ident); ok {
		name = f.goName(ident.Name)
	}
	var v value
	if x, ok := awaitOf(e); ok {
		w := f.awaited(x)
		if w.wait != nil {
			name = f.retyped(target, name, f.awaitedClass(w))
		}
		into := name
		if f.isGlobalName(target) || untranslated(w.text) {
			into = ""
		}
		v = f.awaitInto(w, into)
		if into != "" && f.style != Coroutines && v.text == into {
			if v.class != nothing {
				learn(f.facts.stored, f.localKey(target), v.class)
			}
			f.bindAs(target, name, v)
			return
		}
	} else {
		if !f.isGlobalName(target) {
			f.wanted = name
		}
		f.makesLoop = true
		if all, ok := e.(*python.Comprehension); ok {
			v = f.comprehension(all, f.wanted)
		} else {
			v = f.started(f.expr(e))
		}
		f.wanted, f.makesLoop = "", false
		if v.class == list && isEmptyList(e) {
			v.class = listOf(f.facts.stored[f.itemsKey(target)])
		}
		if v.text != name {
			name = f.retyped(target, name, v.class)
		}
	}
	f.store(target, name, v)
}

func isEmptyList(e python.Expr) bool {
	seq, ok := e.(*python.Sequence)
	return ok && seq.Open == "[" && len(seq.Items) == 0
}

// itemsKey returns the key in facts.stored of the class of the items that the function appends to a list.
func (f *translation) itemsKey(list python.Expr) string {
	key := "items of "
	if f.fn != nil && !f.isGlobalName(list) {
		key += f.fn.key + "."
	}
	return key + f.file.Source(list)
}

// retyped returns the Go name for a variable that gets a value of a class. If the variable has a value of another type,
// it is a new variable: Go variables have one type.
func (f *translation) retyped(target python.Expr, name, class string) string {
	ident, ok := target.(*python.Ident)
	if !ok || f.isGlobalName(target) {
		return name
	}
	old := f.lookup(ident.Name)
	if old.text != "" && f.scope().names[ident.Name].text != "" {
		name = old.text
	}
	was, is := f.typeOf(old.class), f.typeOf(class)
	if !f.scope().declared[name] || old.text == "" || was == is || was == "any" || is == "any" {
		return name
	}
	fresh := f.temp("", ident.Name)
	delete(f.scope().declared, fresh)
	return fresh
}

// bindAs binds a variable that has another name in Go.
func (f *translation) bindAs(target python.Expr, name string, v value) {
	f.bind(target, v)
	if ident, ok := target.(*python.Ident); ok {
		if known, ok := f.scope().names[ident.Name]; ok {
			known.text = name
			f.scope().names[ident.Name] = known
		}
	}
}

// isGlobalName reports whether a name is assigned at the level of the package.
func (f *translation) isGlobalName(target python.Expr) bool {
	ident, ok := target.(*python.Ident)
	return ok && (f.base() == f.scopes[0] || f.scope().global[ident.Name])
}

// store assigns a translated value.
func (f *translation) store(target python.Expr, name string, v value) {
	switch target := target.(type) {
	case *python.Ident:
		if v.text != name {
			v.text = f.typed(v)
			op := "="
			if !f.isGlobalName(target) {
				op = f.assign(name)
			}
			if op == ":=" && (untranslated(v.text) || v.text == "nil") {
				f.line("var %s %s = %s", name, f.typeOf(f.facts.stored[f.localKey(target)]), v.text)
			} else {
				f.line("%s %s %s", name, op, v.text)
			}
		}
		if v.class != nothing {
			learn(f.facts.stored, f.localKey(target), v.class)
		}
		f.bindAs(target, name, v)
		if f.base() == f.scopes[0] {
			learn(f.facts.stored, target.Name, v.class)
			f.globals = appendNew(f.globals, target.Name)
		}
	case *python.Sequence:
		f.unpack(target, v)
	case *python.Subscript:
		if x := f.quiet(target.X); x.class == orderedDocument {
			f.line("motor.Set(&%s, %s, %s)", x.text, f.expr(target.Index).text, f.typed(v))
			return
		}
		f.line("%s = %s", f.quiet(target).text, f.typed(v))
		f.bind(target, v)
	case *python.Attribute:
		if x := f.quiet(target.X); f.tool.rows[x.class] != nil && f.tool.row(x.class, target.Name) != nil {
			f.note("The options of a handle do not change: use WithOptions.")
			f.line("// %s = %s", f.quiet(target).text, v.text)
			return
		}
		f.line("%s = %s", f.quiet(target).text, f.typed(v))
		f.bind(target, v)
	default:
		f.line("%s = %s", f.quiet(target).text, v.text)
		f.bind(target, v)
	}
}

// localKey returns the key in facts.stored of the class of a variable of a function.
func (f *translation) localKey(target python.Expr) string {
	key := "local "
	if f.fn != nil && f.fn.def != nil {
		key += f.key(f.fn.def) + "."
	}
	return key + f.file.Source(target)
}

// unpack assigns the elements of a list to several variables.
func (f *translation) unpack(target *python.Sequence, v value) {
	fields, classes := unpacked(v.class, len(target.Items))
	if fields != nil && len(fields) < len(target.Items) {
		f.leave(target)
		return
	}
	var names, texts []string
	for i, item := range target.Items {
		ident, ok := item.(*python.Ident)
		if !ok {
			f.leave(target)
			return
		}
		text := "[" + strconv.Itoa(i) + "]"
		if fields != nil {
			text = fields[i]
		}
		names, texts = append(names, f.goName(ident.Name)), append(texts, text)
	}
	f.bind(target, v)
	for i, class := range classes[:min(len(classes), len(names))] {
		f.bind(target.Items[i], value{class: class})
	}
	all := v.text
	if !token.IsIdentifier(all) {
		all = f.temp("", "all")
		f.line("%s := %s", all, f.typed(v))
	}
	for i := range texts {
		texts[i] = all + texts[i]
	}
	f.line("%s %s %s", strings.Join(names, ", "), f.assign(names...), strings.Join(texts, ", "))
}

// assignEach assigns a, b = x, y. It reports whether the targets are variables of the function.
func (f *translation) assignEach(targets, values *python.Sequence) bool {
	if len(targets.Items) != len(values.Items) {
		return false
	}
	var names []string
	for _, item := range targets.Items {
		ident, ok := item.(*python.Ident)
		if !ok || f.isGlobalName(item) || slices.ContainsFunc(values.Items, func(e python.Expr) bool { return mentions(f.file.Source(e), ident.Name) }) {
			return false
		}
		names = append(names, ident.Name)
	}
	for i := range names {
		f.assignTo(targets.Items[i], values.Items[i])
	}
	return true
}

// mentions reports whether Python code has a name.
func mentions(source, name string) bool {
	for at := 0; ; {
		i := strings.Index(source[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before, after := byte(' '), byte(' ')
		if from > 0 {
			before = source[from-1]
		}
		if to < len(source) {
			after = source[to]
		}
		isString := (before == '"' || before == '\'') && after == before
		if !isNamePart(before) && before != '.' && !isNamePart(after) && !isString {
			return true
		}
		at = to
	}
}

func isNamePart(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// hoist declares the variables that a compound statement assigns in its blocks, and other statements use.
func (f *translation) hoist(s python.Stmt) {
	if f.base() == f.scopes[0] {
		return
	}
	blocks := blocksOf(s)
	for i, block := range blocks {
		for _, target := range assignedIn(block) {
			name := f.goName(target.Name)
			used := slices.ContainsFunc(f.following, func(rest []python.Stmt) bool { return f.mentioned(rest, target.Name) })
			if _, ok := s.(*python.Try); ok && i == 0 {
				used = used || slices.ContainsFunc(blocks[1:], func(b []python.Stmt) bool { return f.mentioned(b, target.Name) })
			}
			if !used || f.isDeclared(name) || f.isGlobalName(target) {
				continue
			}
			class := f.facts.stored[f.localKey(target)]
			f.line("var %s %s", name, f.typeOf(class))
			f.scope().declared[name] = true
			f.scope().names[target.Name] = value{text: name, class: class, dynamic: f.typeOf(class) == "any"}
		}
	}
}

func (f *translation) mentioned(statements []python.Stmt, name string) bool {
	return slices.ContainsFunc(statements, func(s python.Stmt) bool { return mentions(f.file.Source(s), name) })
}

// blocksOf returns the blocks of a compound statement.
func blocksOf(s python.Stmt) [][]python.Stmt {
	switch s := s.(type) {
	case *python.If:
		return [][]python.Stmt{s.Body, s.Else}
	case *python.For:
		return [][]python.Stmt{s.Body, s.Else}
	case *python.While:
		return [][]python.Stmt{s.Body, s.Else}
	case *python.With:
		return [][]python.Stmt{s.Body}
	case *python.Try:
		blocks := [][]python.Stmt{s.Body}
		for _, h := range s.Handlers {
			blocks = append(blocks, h.Body)
		}
		return append(blocks, s.Else, s.Finally)
	}
	return nil
}

// assignedIn returns the variables that a block assigns, also in the blocks in it.
func assignedIn(body []python.Stmt) (all []*python.Ident) {
	add := func(target python.Expr) {
		items := []python.Expr{target}
		if seq, ok := target.(*python.Sequence); ok {
			items = seq.Items
		}
		for _, item := range items {
			if ident, ok := item.(*python.Ident); ok {
				all = append(all, ident)
			}
		}
	}
	for _, s := range body {
		switch s := s.(type) {
		case *python.Assign:
			for _, target := range s.Targets {
				add(target)
			}
		case *python.Annotated:
			add(s.Target)
		default:
			for _, block := range blocksOf(s) {
				all = append(all, assignedIn(block)...)
			}
		}
	}
	return all
}

func (f *translation) endBlock() {
	for range f.nested[len(f.nested)-1] {
		f.indent--
		f.line("%s", f.closers[len(f.closers)-1])
		f.closers = f.closers[:len(f.closers)-1]
	}
	f.nested = f.nested[:len(f.nested)-1]
}
