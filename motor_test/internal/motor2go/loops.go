package motor2go

import (
	"slices"
	"strings"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

// The kinds of what a loop ranges over: enumerate(x), and range(...), whose text is the head of the loop.
const (
	enumerateKind = "enumerate"
	rangeKind     = "range"
	rangeVariable = "\x01"
	rowsKind      = "rows" // a slice of structs, whose fields have the names of the variables of the loop
)

// rows translates a list of tuples that a loop unpacks to a slice of structs.
func (f *translation) rows(target, e python.Expr) (value, bool) {
	names, ok := target.(*python.Sequence)
	seq, ok2 := e.(*python.Sequence)
	if !ok || !ok2 || len(seq.Items) == 0 {
		return value{}, false
	}
	known := make(map[string]string)
	var lines []string
	for _, row := range seq.Items {
		tuple, ok := row.(*python.Sequence)
		if !ok || len(tuple.Items) != len(names.Items) {
			return value{}, false
		}
		var texts []string
		for i, item := range tuple.Items {
			ident, ok := names.Items[i].(*python.Ident)
			if !ok || ident.Name == "_" {
				return value{}, false
			}
			v := f.quiet(item)
			learn(known, ident.Name, v.class)
			texts = append(texts, f.typed(v))
		}
		lines = append(lines, "{"+strings.Join(texts, ", ")+"}")
	}
	var fields, classes []string
	for _, item := range names.Items {
		name := item.(*python.Ident).Name
		fields, classes = append(fields, f.goName(name)+" "+f.typeOf(known[name])), append(classes, known[name])
	}
	t := "[]struct{" + strings.Join(fields, "; ") + "}"
	return value{text: "(" + literal(t, lines) + ")", class: classOf(rowsKind, strings.Join(classes, tupleSeparator))}, true
}

func (f *translation) while(s *python.While) {
	end := f.begin(s, f.head(s))
	x, waits := awaitOf(s.Test)
	f.nested = append(f.nested, 0)
	f.loops++
	closing := "}"
	wasEach, outside := f.inEach, f.outside
	f.inEach, f.outside = false, len(f.closers)
	switch {
	case waits && f.style != Callbacks: // while (yield cursor.fetch_next)
		f.line("for {")
		f.indent++
		v := f.awaited(x)
		v = f.awaitInto(v, "")
		f.line("if !%s {", v.text)
		f.indented("break")
		f.line("}")
		f.indent--
	case waits && f.eachFetched(x):
		closing = eachEnd
		f.inEach = true
	case waits:
		f.awaited(x)
		f.warn("A loop does not wait for a callback: use Each, or a function that the callback calls again.")
		f.line("for {")
	default:
		from := len(f.lines)
		f.indent++
		test := f.test(f.expr(s.Test), false)
		f.indent--
		before := slices.Clone(f.lines[from:]) // what the condition needs is done before each iteration
		f.lines = f.lines[:from]
		if len(before) > 0 {
			f.opening("for {")
			f.lines = append(f.lines, before...)
			f.indent++
			f.opening("if !(" + test + ") {")
			f.indented("break")
			f.line("}")
			f.indent--
			break
		}
		if test == "true" {
			test = ""
		}
		f.opening(strings.TrimSuffix("for "+test, " ") + " {")
	}
	end()
	f.branch(s.Body)
	f.inEach, f.outside = wasEach, outside
	f.loops--
	f.line("%s", closing)
	f.keep()
	f.loopElse(s.Else)
}

// eachFetched opens while (yield cursor.fetch_next) as a call of Each, whose document next_object gives.
func (f *translation) eachFetched(e python.Expr) bool {
	a, ok := e.(*python.Attribute)
	if !ok || a.Name != "fetch_next" {
		return false
	}
	cursor := f.expr(a.X)
	element := elementOf(cursor.class)
	if !strings.HasPrefix(cursor.class, "Motor") || element == "" {
		return false
	}
	f.mention(cursor.class + ".fetch_next")
	name := f.temp(f.typeOf(element), "")
	f.openEach(cursor, name)
	f.fetched[cursor.text] = name
	return true
}

// openEach opens a function literal that gets each document of a cursor.
func (f *translation) openEach(cursor value, name string) {
	t := f.typeOf(elementOf(cursor.class))
	if strings.Contains(cursor.class, "RawBatch") {
		t = "motor.RawBatch"
	}
	f.line("%s.Each(ctx, func(%s %s, err error) bool {", cursor.text, name, t)
	f.indent++
	f.line("if err != nil || %s == nil {", name)
	f.indented("return false // the end, or an error")
	f.line("}")
	f.indent--
	f.warn("Each returns at once. What follows the loop belongs where the document is nil.")
}

func (f *translation) loopElse(body []python.Stmt) {
	if len(body) > 0 {
		f.line("// NOTE: Translate the else of the loop by hand.")
		f.block(body)
	}
}

func (f *translation) forStmt(s *python.For) {
	end := f.begin(s, f.head(s))
	f.nested = append(f.nested, 0)
	in, ok := f.rows(s.Var, s.In)
	if !ok {
		in = f.expr(s.In)
	}
	f.loops++
	closing := f.loop(s.Async, s.Var, in)
	if s.Async {
		f.mention("async for")
	}
	end()
	was, outside := f.inEach, f.outside
	f.inEach, f.outside = closing == eachEnd, len(f.closers)
	f.branch(s.Body)
	f.inEach, f.outside = was, outside
	f.loops--
	f.line("%s", closing)
	f.keep()
	f.loopElse(s.Else)
}

// loop opens a loop over the elements of a value, and binds its variables. It returns the line that ends the loop.
func (f *translation) loop(async bool, target python.Expr, in value) (end string) {
	name := "item"
	if ident, ok := target.(*python.Ident); ok {
		name = f.goName(ident.Name)
	}
	kind, of := kindOf(in.class)
	element := value{class: elementOf(in.class)}
	element.dynamic = f.typeOf(element.class) == "any" && kind == list
	f.bind(target, element)
	switch {
	case async && f.style == Coroutines:
		f.opening("for " + name + " := range callback.Range(co, " + in.text + ".All(co)) {")
		f.doc("callback.Range")
	case async && f.style == Futures:
		f.opening("for " + name + ", err := range " + in.text + ".All(ctx) {")
		f.indent++
		f.check()
		f.indent--
	case async && strings.HasPrefix(in.class, "Motor"):
		f.openEach(in, name)
		return eachEnd
	case in.class == "items":
		key, val := f.twoNames(target, "key", "value")
		f.note("A bson.M has no order. A bson.D keeps it.")
		f.opening("for " + key + ", " + val + " := range " + in.text + " {")
	case kind == enumerateKind:
		at, val := f.twoNames(target, "i", "item")
		if pair, ok := target.(*python.Sequence); ok && len(pair.Items) == 2 {
			f.bind(pair.Items[0], value{class: number})
			f.bind(pair.Items[1], value{class: of})
		}
		f.opening("for " + at + ", " + val + " := range " + f.ranged(value{text: in.text, class: listOf(of)}) + " {")
	case kind == rangeKind:
		f.bind(target, value{class: number})
		f.opening("for " + rangeHead(in.text, name) + " {")
	case kind == sequenceKind && f.style == Coroutines:
		f.bind(target, value{class: classOf(settledKind, of)})
		f.opening("for " + name + " := range callback.Range(co, " + in.text + ") {")
	case kind == sequenceKind && f.style == Futures:
		f.bind(target, value{class: classOf(settledKind, of)})
		f.opening("for " + name + ", err := range " + in.text + " {")
		f.indent++
		f.check()
		f.indent--
	case kind == sequenceKind:
		f.bind(target, value{class: classOf(settledKind, of)})
		one := "f"
		if one == name {
			one = "f2"
		}
		f.line("for _, %s := range %s {", one, in.text)
		f.line("\t%s.OnComplete(func(%s %s, err error) {", one, name, f.typeOf(of))
		f.indent++
		f.indent++
		f.check()
		f.indent--
		f.indent--
		f.warn("The callbacks come later. What follows the loop belongs where the last of them is.")
		return "\t})\n}"
	case kind == rawKind:
		all := f.temp("", "values")
		f.line("%s, _ := %s.Array().Values()", all, in.text)
		f.bind(target, value{class: rawElement})
		f.opening("for _, " + name + " := range " + all + " {")
	case kind == rowsKind:
		classes := strings.Split(of, tupleSeparator)
		seq := target.(*python.Sequence)
		f.opening("for _, item := range " + in.text + " {")
		f.indent++
		var names, texts []string
		for i, item := range seq.Items {
			n := f.quiet(item).text
			names, texts = append(names, n), append(texts, "item."+n)
			f.bind(item, value{class: classes[i]})
		}
		f.line("%s := %s", strings.Join(names, ", "), strings.Join(texts, ", "))
		f.indent--
	case kind == setKind, in.class == document, kind == mapKind:
		f.opening("for " + name + " := range " + in.text + " {")
	default:
		if seq, ok := target.(*python.Sequence); ok {
			f.opening("for _, item := range " + f.ranged(in) + " {")
			f.indent++
			f.unpack(seq, value{text: "item", class: element.class})
			f.indent--
			return "}"
		}
		f.opening("for _, " + name + " := range " + f.ranged(in) + " {")
	}
	return "}"
}

// eachEnd ends the function literal for Each.
const eachEnd = "\treturn true\n})"

// twoNames returns the names of the two variables of a loop, or others.
func (f *translation) twoNames(target python.Expr, first, second string) (string, string) {
	if pair, ok := target.(*python.Sequence); ok && len(pair.Items) == 2 {
		return f.quiet(pair.Items[0]).text, f.quiet(pair.Items[1]).text
	}
	return first, second
}

// rangeOf translates range(low, high, step). Its text is the head of a loop over rangeVariable.
func (f *translation) rangeOf(args []python.Expr) value {
	texts := f.texts(args)
	const v = rangeVariable
	switch len(texts) {
	case 1:
		return value{text: v + " := range " + texts[0], class: classOf(rangeKind, number)}
	case 2:
		return value{text: v + " := " + texts[0] + "; " + v + " < " + texts[1] + "; " + v + "++", class: classOf(rangeKind, number)}
	}
	compare := "<"
	if strings.HasPrefix(texts[2], "-") {
		compare = ">"
	}
	text := v + " := " + texts[0] + "; " + v + " " + compare + " " + texts[1] + "; " + v + " += " + texts[2]
	return value{text: text, class: classOf(rangeKind, number)}
}

// rangeHead returns the head of a loop over a range with a variable.
func rangeHead(text, name string) string {
	if name == "_" {
		if limit, ok := strings.CutPrefix(text, rangeVariable+" := range "); ok {
			return "range " + limit
		}
		name = "i"
	}
	return strings.ReplaceAll(text, rangeVariable, name)
}

// rangeSlice returns a range as a slice.
func (f *translation) rangeSlice(v value) value {
	if kind, _ := kindOf(v.class); kind != rangeKind {
		return v
	}
	name := f.temp("", "numbers")
	f.line("var %s []int", name)
	f.line("for %s {", rangeHead(v.text, "i"))
	f.indented(name + " = append(" + name + ", i)")
	f.line("}")
	return value{text: name, class: listOf(number)}
}
