package python

import "slices"

// statement parses a compound statement, or a line of simple ones.
func (p *parser) statement() []Stmt {
	p.enter()
	defer p.leave()
	if s := p.compound(); s != nil {
		return []Stmt{s}
	}
	if t := p.peek(); t.Kind == Indent {
		p.fail(t, "unexpected indent")
	}
	var all []Stmt
	for {
		all = append(all, p.simple())
		if !p.accept(";") || p.peek().Kind == Newline {
			break
		}
	}
	p.endLine()
	return all
}

func (p *parser) endLine() {
	if t := p.peek(); t.Kind != Newline {
		p.fail(t, "unexpected %s", t.describe())
	}
	p.next()
}

// block parses ":" and an indented block, or simple statements in the same line.
func (p *parser) block() []Stmt {
	p.expect(":")
	if p.peek().Kind != Newline {
		var all []Stmt
		for {
			all = append(all, p.simple())
			if !p.accept(";") || p.peek().Kind == Newline {
				break
			}
		}
		p.endLine()
		return all
	}
	p.next()
	if t := p.peek(); t.Kind != Indent {
		p.fail(t, "expected an indented block")
	}
	p.next()
	var body []Stmt
	for p.peek().Kind != Dedent && p.peek().Kind != EOF {
		body = append(body, p.statement()...)
	}
	if p.peek().Kind == Dedent {
		p.next()
	}
	return body
}

// compound parses a compound statement, or returns nil.
func (p *parser) compound() Stmt {
	start := p.peek().Start
	switch {
	case p.is("if"):
		return p.ifStmt()
	case p.accept("while"):
		test := p.named()
		body := p.block()
		orElse := p.elseBlock()
		return &While{p.from(start), test, body, orElse}
	case p.is("for"), p.is("async") && p.peekAt(1).Text == "for":
		isAsync := p.accept("async")
		p.expect("for")
		v := p.targets()
		p.expect("in")
		in := p.expressions()
		body := p.block()
		orElse := p.elseBlock()
		return &For{p.from(start), isAsync, v, in, body, orElse}
	case p.is("with"), p.is("async") && p.peekAt(1).Text == "with":
		isAsync := p.accept("async")
		p.expect("with")
		items := p.withItems()
		body := p.block()
		return &With{p.from(start), isAsync, items, body}
	case p.accept("try"):
		return p.try(start)
	case p.is("def"), p.is("async") && p.peekAt(1).Text == "def", p.is("class"), p.is("@"):
		return p.decorated()
	case p.is("match") && p.isMatch():
		return p.match()
	}
	return nil
}

func (p *parser) elseBlock() []Stmt {
	if p.accept("else") {
		return p.block()
	}
	return nil
}

func (p *parser) ifStmt() Stmt {
	p.enter()
	defer p.leave()
	start := p.next().Start // if or elif
	test := p.named()
	body := p.block()
	var orElse []Stmt
	if p.is("elif") {
		orElse = []Stmt{p.ifStmt()}
	} else {
		orElse = p.elseBlock()
	}
	return &If{p.from(start), test, body, orElse}
}

// withItems parses the items of a with statement, which may be in brackets.
func (p *parser) withItems() []WithItem {
	if p.is("(") {
		if items, ok := p.bracketedItems(); ok {
			return items
		}
	}
	var items []WithItem
	for {
		item := WithItem{X: p.expression()}
		if p.accept("as") {
			item.Var = p.element()
		}
		items = append(items, item)
		if !p.accept(",") {
			return items
		}
	}
}

// bracketedItems parses with (a as b, c as d):. It reads nothing if the bracket is the start of an expression.
func (p *parser) bracketedItems() (items []WithItem, ok bool) {
	start := p.i
	depth, isList := 0, false
	for i := p.i; ; i++ {
		t := p.tokens[i]
		if t.Kind == EOF || t.Kind == Newline {
			return nil, false
		}
		switch {
		case depth == 1 && (t.Kind == Name && t.Text == "as" || t.Kind == Op && t.Text == ","):
			isList = true
		case t.Kind == Op && slices.Contains([]string{"(", "[", "{"}, t.Text):
			depth++
		case t.Kind == Op && slices.Contains([]string{")", "]", "}"}, t.Text):
			depth--
		}
		if depth == 0 {
			if after := p.tokens[i+1]; !isList || after.Text != ":" {
				return nil, false
			}
			break
		}
	}
	p.i = start + 1
	for !p.is(")") {
		item := WithItem{X: p.expression()}
		if p.accept("as") {
			item.Var = p.element()
		}
		items = append(items, item)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")")
	return items, true
}

func (p *parser) try(start Pos) Stmt {
	s := &Try{Body: p.block()}
	for p.is("except") {
		h := Handler{Pos: p.next().Start}
		h.Star = p.accept("*")
		if !p.is(":") {
			h.Kind = p.expression()
			switch {
			case p.accept("as"):
				h.Name = p.name()
			case p.accept(","): // Python 2: except Kind, name. Python 3.14: except A, B.
				h.Kind, h.Name = p.exceptRest(h.Kind)
			}
		}
		h.Body = p.block()
		s.Handlers = append(s.Handlers, h)
	}
	s.Else = p.elseBlock()
	if p.accept("finally") {
		s.Finally = p.block()
	} else if len(s.Handlers) == 0 {
		p.fail(p.peek(), "unexpected %s, want \"except\" or \"finally\"", p.peek().describe())
	}
	s.span = p.from(start)
	return s
}

// exceptRest parses what follows the first comma of an except clause. A name in lower case is the variable of Python 2.
func (p *parser) exceptRest(first Expr) (kind Expr, name string) {
	start, _ := first.Span()
	second := p.expression()
	if id, ok := second.(*Ident); ok && p.is(":") && !isUpper(id.Name) {
		return first, id.Name
	}
	items := []Expr{first, second}
	for p.accept(",") {
		items = append(items, p.expression())
	}
	return &Sequence{p.from(start), "(", items}, ""
}

func isUpper(name string) bool { return name[0] >= 'A' && name[0] <= 'Z' }

func (p *parser) decorated() Stmt {
	start := p.peek().Start
	var decorators []Expr
	for p.accept("@") {
		decorators = append(decorators, p.named())
		p.endLine()
	}
	if p.accept("class") {
		c := &ClassDef{Name: p.name(), Decorators: decorators}
		p.typeParams()
		if p.is("(") {
			c.Bases, c.Keywords = p.arguments()
		}
		c.Body = p.block()
		c.span = p.from(start)
		return c
	}
	f := &FuncDef{Async: p.accept("async"), Decorators: decorators}
	p.expect("def")
	f.Name = p.name()
	p.typeParams()
	p.inside2("(", ")", func() { f.Params = p.params(")", true) })
	if p.accept("->") {
		f.Returns = p.expressions()
	}
	f.Body = p.block()
	f.span = p.from(start)
	return f
}

// typeParams skips [T] of a generic function, class or type.
func (p *parser) typeParams() {
	if !p.accept("[") {
		return
	}
	for depth := 1; depth > 0; {
		switch t := p.next(); {
		case t.Kind == EOF:
			p.fail(t, "unexpected %s", t.describe())
		case t.Kind == Op && t.Text == "[":
			depth++
		case t.Kind == Op && t.Text == "]":
			depth--
		}
	}
}

// isMatch reports whether "match" starts a statement: its line ends with ":", and the next one starts with "case".
func (p *parser) isMatch() bool {
	i := p.i + 1
	for p.tokens[i].Kind != Newline && p.tokens[i].Kind != EOF {
		i++
	}
	return i > p.i+2 && i+2 < len(p.tokens) && p.tokens[i-1].Text == ":" &&
		p.tokens[i+1].Kind == Indent && p.tokens[i+2].Text == "case"
}

func (p *parser) match() Stmt {
	m := &Match{}
	start := p.next().Start
	m.X = p.expressions()
	p.expect(":")
	p.endLine()
	p.next() // the indent
	for p.is("case") {
		c := Case{Pos: p.next().Start}
		p.pattern = true
		c.Pattern = p.expressions()
		p.pattern = false
		if p.accept("if") {
			c.Guard = p.named()
		}
		c.Body = p.block()
		m.Cases = append(m.Cases, c)
	}
	if t := p.peek(); t.Kind != Dedent {
		p.fail(t, "unexpected %s, want \"case\"", t.describe())
	}
	p.next()
	m.span = p.from(start)
	return m
}
