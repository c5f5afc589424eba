package python

import (
	"slices"
	"strings"
)

// endsList reports whether the next token cannot start another element of a list of expressions.
func (p *parser) endsList() bool {
	t := p.peek()
	switch t.Kind {
	case Newline, EOF, Indent, Dedent:
		return true
	case Op:
		return strings.Contains(") ] } : = ; ,", t.Text) || strings.HasSuffix(t.Text, "=")
	case Name:
		return t.Text == "in" || t.Text == "for" || t.Text == "from" || t.Text == "if" || t.Text == "else"
	}
	return false
}

// expressions parses an expression, or a tuple without brackets.
func (p *parser) expressions() Expr {
	start := p.peek().Start
	x := p.element()
	if !p.is(",") {
		return x
	}
	items := []Expr{x}
	for p.accept(",") {
		if p.endsList() {
			break
		}
		items = append(items, p.element())
	}
	return &Sequence{p.from(start), "(", items}
}

// element parses an element of a list: an expression, *expression or name := expression.
func (p *parser) element() Expr {
	start := p.peek().Start
	if p.is("*", "**") {
		p.next()
		x := p.binary(0)
		return &Starred{p.from(start), x}
	}
	if p.is("yield") {
		return p.yield()
	}
	return p.named()
}

// named parses name := expression, or an expression.
func (p *parser) named() Expr {
	start := p.peek().Start
	if p.peek().Kind == Name && p.peekAt(1).Kind == Op && p.peekAt(1).Text == ":=" {
		name := p.name()
		p.next()
		x := p.expression()
		return &Named{p.from(start), name, x}
	}
	x := p.expression()
	if p.pattern && p.accept("as") {
		name := p.name()
		return &Named{p.from(start), name, x}
	}
	return x
}

func (p *parser) yield() Expr {
	start := p.expect("yield").Start
	if p.accept("from") {
		x := p.expression()
		return &Yield{p.from(start), x, true}
	}
	if p.endsList() {
		return &Yield{p.from(start), nil, false}
	}
	x := p.expressions()
	return &Yield{p.from(start), x, false}
}

// expression parses a conditional, a lambda or what binds stronger.
func (p *parser) expression() Expr {
	p.enter()
	defer p.leave()
	start := p.peek().Start
	if p.is("lambda") {
		p.next()
		params := p.params(":", false)
		p.expect(":")
		body := p.expression()
		return &Lambda{p.from(start), params, body}
	}
	x := p.binary(0)
	if !p.is("if") || p.pattern {
		return x
	}
	p.next()
	test := p.binary(0)
	p.expect("else")
	other := p.expression()
	return &Conditional{p.from(start), test, x, other}
}

// levels are the binary operators by increasing strength. Between "and" and "|" there are "not" and the comparisons.
var levels = [][]string{
	{"or"}, {"and"}, {"not"}, {"comparison"},
	{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"},
}

const (
	notLevel     = 2
	compareLevel = 3
)

func (p *parser) binary(level int) Expr {
	start := p.peek().Start
	switch {
	case level == len(levels):
		return p.unary()
	case level == notLevel:
		if p.is("not") {
			p.enter()
			defer p.leave()
			p.next()
			x := p.binary(level)
			return &Unary{p.from(start), "not", x}
		}
		return p.binary(level + 1)
	case level == compareLevel:
		return p.compare()
	}
	x := p.binary(level + 1)
	for p.is(levels[level]...) {
		op := p.next().Text
		y := p.binary(level + 1)
		x = &Binary{p.from(start), op, x, y}
	}
	return x
}

func (p *parser) compare() Expr {
	start := p.peek().Start
	x := p.binary(compareLevel + 1)
	var c *Compare
	for {
		op := p.comparison()
		if op == "" {
			break
		}
		if c == nil {
			c = &Compare{X: x}
		}
		c.Ops = append(c.Ops, op)
		c.Others = append(c.Others, p.binary(compareLevel+1))
	}
	if c == nil {
		return x
	}
	c.span = p.from(start)
	return c
}

// comparison reads a comparison operator, or returns "".
func (p *parser) comparison() string {
	switch {
	case p.is("<", ">", "==", "!=", "<=", ">="):
		return p.next().Text
	case p.accept("<>"):
		return "!="
	case p.is("in") && !p.noIn:
		return p.next().Text
	case p.is("not") && p.peekAt(1).Text == "in" && !p.noIn:
		p.next()
		p.next()
		return "not in"
	case p.accept("is"):
		if p.accept("not") {
			return "is not"
		}
		return "is"
	}
	return ""
}

func (p *parser) unary() Expr {
	start := p.peek().Start
	if p.is("-", "+", "~") {
		p.enter()
		defer p.leave()
		op := p.next().Text
		x := p.unary()
		return &Unary{p.from(start), op, x}
	}
	return p.power()
}

func (p *parser) power() Expr {
	start := p.peek().Start
	var x Expr
	if p.is("await") && startsOperand(p.peekAt(1)) {
		p.next()
		x = p.primary()
		x = &Await{p.from(start), x}
	} else {
		x = p.primary()
	}
	if p.accept("**") {
		y := p.unary()
		return &Binary{p.from(start), "**", x, y}
	}
	return x
}

// primary parses an atom with attributes, calls and subscripts.
func (p *parser) primary() Expr {
	p.enter()
	defer p.leave()
	start := p.peek().Start
	x := p.atom()
	for {
		switch {
		case p.accept("."):
			t := p.next()
			if t.Kind != Name { // also a keyword, as in Python 2
				p.fail(t, "unexpected %s, want the name of an attribute", t.describe())
			}
			x = &Attribute{p.from(start), x, t.Text}
		case p.is("("):
			args, keywords := p.arguments()
			x = &Call{p.from(start), x, args, keywords}
		case p.accept("["):
			index := p.inside("]", p.index)
			x = &Subscript{p.from(start), x, index}
		default:
			return x
		}
	}
}

// inside parses something in brackets, whose opening one has been read.
func (p *parser) inside(end string, parse func() Expr) Expr {
	noIn := p.noIn
	p.noIn = false
	x := parse()
	p.expect(end)
	p.noIn = noIn
	return x
}

func (p *parser) index() Expr {
	start := p.peek().Start
	x := p.slice()
	items := []Expr{x}
	if _, isStarred := x.(*Starred); isStarred && !p.is(",") {
		return &Sequence{p.from(start), "(", items}
	}
	if !p.is(",") {
		return x
	}
	for p.accept(",") && !p.is("]") {
		items = append(items, p.slice())
	}
	return &Sequence{p.from(start), "(", items}
}

func (p *parser) slice() Expr {
	start := p.peek().Start
	var parts [3]Expr
	colons := 0
	for !p.is("]", ",") {
		if p.accept(":") {
			if colons++; colons > 2 {
				p.fail(p.peek(), "too many colons in a slice")
			}
			continue
		}
		if parts[colons] != nil {
			p.fail(p.peek(), "unexpected %s in a subscript", p.peek().describe())
		}
		parts[colons] = p.element()
	}
	switch {
	case colons > 0:
		return &Slice{p.from(start), parts[0], parts[1], parts[2]}
	case parts[0] == nil:
		p.fail(p.peek(), "unexpected %s, want an index", p.peek().describe())
	}
	return parts[0]
}

func (p *parser) arguments() (args []Expr, keywords []Keyword) {
	p.inside2("(", ")", func() {
		for !p.is(")") {
			t := p.peek()
			switch {
			case p.accept("**"):
				keywords = append(keywords, Keyword{"", p.expression(), t.Start})
			case t.Kind == Name && p.peekAt(1).Kind == Op && p.peekAt(1).Text == "=":
				p.next() // also a word that is a keyword in another version
				p.next()
				keywords = append(keywords, Keyword{t.Text, p.named(), t.Start})
			default:
				x := p.element()
				if p.is("for", "async") {
					x = p.comprehension("(", t.Start, nil, x)
				}
				args = append(args, x)
			}
			if !p.accept(",") {
				break
			}
		}
	})
	return args, keywords
}

func (p *parser) inside2(open, end string, parse func()) {
	p.expect(open)
	p.inside(end, func() Expr { parse(); return nil })
}

func (p *parser) atom() Expr {
	t := p.peek()
	switch t.Kind {
	case Name:
		name := p.name()
		return &Ident{span{t.Start, t.End}, name}
	case Number:
		p.next()
		return &Constant{span{t.Start, t.End}, Num, t.Text}
	case String:
		return p.strings()
	case Op:
		switch t.Text {
		case "...":
			p.next()
			return &Constant{span{t.Start, t.End}, EllipsisKind, t.Text}
		case "(", "[":
			p.next()
			x := p.inside(closing[t.Text], func() Expr { return p.list(t) })
			switch x := x.(type) { // the brackets belong to the node
			case *Sequence:
				if x.Start == t.Start {
					x.span = p.from(t.Start)
				}
			case *Comprehension:
				if x.Start == t.Start {
					x.span = p.from(t.Start)
				}
			}
			return x
		case "{":
			p.next()
			x := p.inside("}", func() Expr { return p.braces(t) })
			switch x := x.(type) {
			case *Sequence:
				x.span = p.from(t.Start)
			case *Comprehension:
				x.span = p.from(t.Start)
			case *Dict:
				x.span = p.from(t.Start)
			}
			return x
		case "`":
			p.next()
			x := p.inside("`", p.expressions)
			return &Backquoted{p.from(t.Start), x}
		}
	}
	p.fail(t, "unexpected %s", t.describe())
	return nil
}

// list parses the content of ( ) or [ ].
func (p *parser) list(open Token) Expr {
	end := closing[open.Text]
	if p.is(end) {
		return &Sequence{p.from(open.Start), open.Text, nil}
	}
	x := p.element()
	if p.is("for", "async") {
		return p.comprehension(open.Text, open.Start, nil, x)
	}
	if open.Text == "(" && !p.is(",") {
		return x
	}
	items := []Expr{x}
	for p.accept(",") && !p.is(end) {
		items = append(items, p.element())
	}
	return &Sequence{p.from(open.Start), open.Text, items}
}

// braces parses the content of { }.
func (p *parser) braces(open Token) Expr {
	dict := &Dict{span: p.from(open.Start)}
	var items []Expr
	for !p.is("}") {
		switch {
		case len(items) == 0 && p.accept("**"):
			dict.Keys, dict.Values = append(dict.Keys, nil), append(dict.Values, p.binary(0))
		default:
			x := p.element()
			if len(items) == 0 && p.accept(":") {
				value := p.named()
				if len(dict.Keys) == 0 && p.is("for", "async") {
					return p.comprehension("{", open.Start, x, value)
				}
				dict.Keys, dict.Values = append(dict.Keys, x), append(dict.Values, value)
				break
			}
			if len(dict.Keys) > 0 {
				p.fail(p.peek(), "unexpected %s, want \":\"", p.peek().describe())
			}
			if len(items) == 0 && p.is("for", "async") {
				return p.comprehension("{", open.Start, nil, x)
			}
			items = append(items, x)
		}
		if !p.accept(",") {
			break
		}
	}
	if items != nil {
		return &Sequence{dict.span, "{", items}
	}
	return dict
}

func (p *parser) comprehension(open string, start Pos, key, value Expr) Expr {
	c := &Comprehension{Open: open, Key: key, Value: value}
	for p.is("for") || p.is("async") && p.peekAt(1).Text == "for" {
		var clause Clause
		clause.Async = p.accept("async")
		p.expect("for")
		clause.Var = p.targets()
		p.expect("in")
		clause.In = p.inSource()
		for p.accept("if") {
			clause.Requires = append(clause.Requires, p.condition())
		}
		c.Clauses = append(c.Clauses, clause)
	}
	if len(c.Clauses) == 0 {
		p.fail(p.peek(), "unexpected %s", p.peek().describe())
	}
	c.span = p.from(start)
	return c
}

// inSource parses what the clause of a comprehension goes over. Python 2 also allows a list: [x for x in 1, 2].
func (p *parser) inSource() Expr {
	start := p.peek().Start
	x := p.condition()
	if !p.is(",") || p.endsAfterComma() {
		return x
	}
	items := []Expr{x}
	for p.is(",") && !p.endsAfterComma() {
		p.next()
		items = append(items, p.condition())
	}
	return &Sequence{p.from(start), "(", items}
}

// endsAfterComma reports whether the comma is not within the clause of a list comprehension.
func (p *parser) endsAfterComma() bool {
	depth := 0
	for i := p.i; i < len(p.tokens); i++ {
		switch t := p.tokens[i]; {
		case t.Kind != Op:
		case slices.Contains([]string{"(", "[", "{"}, t.Text):
			depth++
		case slices.Contains([]string{")", "]", "}"}, t.Text):
			if depth--; depth < 0 {
				return t.Text != "]"
			}
		}
	}
	return true
}

// condition parses an expression that an "if" ends.
func (p *parser) condition() Expr {
	if p.is("lambda") {
		return p.expression()
	}
	if p.peek().Kind == Name && p.peekAt(1).Text == ":=" {
		return p.named()
	}
	return p.binary(0)
}

// targets parses the variables of a "for".
func (p *parser) targets() Expr {
	noIn := p.noIn
	p.noIn = true
	x := p.expressions()
	p.noIn = noIn
	return x
}

// strings parses adjacent strings, which are one.
func (p *parser) strings() Expr {
	start := p.peek().Start
	var parts []Part
	var only *Constant
	isFormatted := false
	for n := 0; p.peek().Kind == String; n++ {
		t := p.next()
		letters, _ := unquote(t.Text)
		if strings.ContainsAny(letters, "ft") {
			x, err := p.formatted(t)
			if err != nil {
				panic(err)
			}
			isFormatted = true
			parts = append(parts, x.(*Formatted).Parts...)
			continue
		}
		c := constant(t)
		if only == nil {
			only = c
		} else {
			only = &Constant{only.span, only.Kind, only.Value + c.Value}
		}
		parts = append(parts, Part{Text: c.Value})
	}
	if isFormatted {
		return &Formatted{p.from(start), parts}
	}
	only.span = p.from(start)
	return only
}

// params parses the parameters of a function up to the token end.
func (p *parser) params(end string, annotations bool) []Param {
	var params []Param
	for !p.is(end) {
		var q Param
		switch {
		case p.is("*", "**"):
			q.Star = p.next().Text
			if q.Star == "*" && p.is(",") {
				break
			}
			q.Name = p.name()
		case p.accept("/"):
			q.Star = "/"
		case p.is("("): // Python 2
			q.Parts = p.atom()
		default:
			q.Name = p.name()
		}
		if annotations && p.accept(":") {
			q.Annotation = p.element()
		}
		if p.accept("=") {
			q.Default = p.expression()
		}
		params = append(params, q)
		if !p.accept(",") {
			break
		}
	}
	return params
}
