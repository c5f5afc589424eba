package python

import (
	"slices"
	"strings"
)

// simple parses a simple statement.
func (p *parser) simple() Stmt {
	t := p.peek()
	start := t.Start
	if t.Kind == Name {
		switch t.Text {
		case "pass", "break", "continue":
			p.next()
			return &Simple{p.from(start), t.Text}
		case "return":
			p.next()
			x := p.optional()
			return &Return{p.from(start), x}
		case "raise":
			return p.raise()
		case "del":
			p.next()
			x := p.expressions()
			return &Delete{p.from(start), x}
		case "assert":
			p.next()
			s := &Assert{X: p.expression()}
			if p.accept(",") {
				s.Message = p.expression()
			}
			s.span = p.from(start)
			return s
		case "global", "nonlocal":
			p.next()
			names := []string{p.name()}
			for p.accept(",") {
				names = append(names, p.name())
			}
			return &Scope{p.from(start), t.Text, names}
		case "import", "from":
			return p.imports()
		case "print":
			if p.isPrint() {
				return p.print()
			}
		case "exec":
			if after := p.peekAt(1); after.Kind == String || after.Kind == Name && !keywords[after.Text] {
				p.next()
				args := []Expr{p.binary(compareLevel + 1)}
				if p.accept("in") {
					args = append(args, p.expression())
					if p.accept(",") {
						args = append(args, p.expression())
					}
				}
				return &Exec{p.from(start), args}
			}
		case "type":
			if p.peekAt(1).Kind == Name && !keywords[p.peekAt(1).Text] {
				p.next()
				s := &TypeAlias{Name: p.name()}
				p.typeParams()
				p.expect("=")
				s.Value = p.expressions()
				s.span = p.from(start)
				return s
			}
		}
	}
	return p.assignment()
}

// optional parses the expressions of a statement that may have none.
func (p *parser) optional() Expr {
	if p.endsList() {
		return nil
	}
	return p.expressions()
}

// assignment parses an assignment, or an expression as a statement.
func (p *parser) assignment() Stmt {
	start := p.peek().Start
	x := p.expressions()
	switch t := p.peek(); {
	case p.accept(":"):
		s := &Annotated{Target: x, Annotation: p.expression()}
		if p.accept("=") {
			s.Value = p.expressions()
		}
		s.span = p.from(start)
		return s
	case p.is("="):
		targets := []Expr{x}
		for p.accept("=") {
			x = p.expressions()
			targets = append(targets, x)
		}
		n := len(targets) - 1
		return &Assign{p.from(start), targets[:n:n], targets[n]}
	case t.Kind == Op && strings.HasSuffix(t.Text, "=") && !slices.Contains([]string{"==", "!=", "<=", ">=", ":="}, t.Text):
		p.next()
		y := p.expressions()
		return &Augment{p.from(start), x, t.Text, y}
	}
	return &ExprStmt{p.from(start), x}
}

func (p *parser) raise() Stmt {
	s := &Raise{}
	start := p.next().Start
	if !p.endsList() {
		s.X = p.expression()
		switch {
		case p.accept("from"):
			s.From = p.expression()
		default:
			for p.accept(",") {
				s.Rest = append(s.Rest, p.expression())
			}
		}
	}
	s.span = p.from(start)
	return s
}

func (p *parser) imports() Stmt {
	s := &Import{}
	t := p.next()
	if s.From = t.Text == "from"; s.From {
		for p.is(".", "...") {
			s.Module += p.next().Text
		}
		if !p.is("import") {
			s.Module += p.dotted()
		}
		p.expect("import")
		if p.accept("*") {
			s.Names = []Alias{{Name: "*"}}
			s.span = p.from(t.Start)
			return s
		}
	}
	bracket := s.From && p.accept("(")
	for {
		a := Alias{Name: p.dotted()}
		if p.accept("as") {
			a.As = p.name()
		}
		s.Names = append(s.Names, a)
		if !p.accept(",") || bracket && p.is(")") {
			break
		}
	}
	if bracket {
		p.expect(")")
	}
	s.span = p.from(t.Start)
	return s
}

func (p *parser) dotted() string {
	name := p.name()
	for p.accept(".") {
		name += "." + p.name()
	}
	return name
}

// isPrint reports whether "print" is a statement of Python 2 and not a name.
func (p *parser) isPrint() bool {
	switch t := p.peekAt(1); t.Kind {
	case Newline, EOF, Number, String:
		return true
	case Name:
		return !keywords[t.Text] || t.Text == "not" || t.Text == "lambda"
	case Op:
		switch t.Text {
		case ";", ">>", "[", "{", "`", "-", "~":
			return t.Text != "[" || !p.isAssigned()
		case "(":
			return p.continuesAfterBracket()
		}
	}
	return false
}

// isAssigned reports whether the line has an assignment.
func (p *parser) isAssigned() bool {
	for i := p.i; p.tokens[i].Kind != Newline && p.tokens[i].Kind != EOF; i++ {
		if p.tokens[i].Kind == Op && p.tokens[i].Text == "=" {
			return true
		}
	}
	return false
}

// continuesAfterBracket reports whether the bracket after "print" is only the first operand, as in print ("%s") % x.
func (p *parser) continuesAfterBracket() bool {
	depth := 0
	for i := p.i + 1; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.Kind != Op {
			continue
		}
		switch t.Text {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
		if depth == 0 {
			after := p.tokens[i+1]
			return after.Kind == Op && slices.Contains([]string{"%", "+", "-", "*", "/", ","}, after.Text)
		}
	}
	return false
}

func (p *parser) print() Stmt {
	s := &Print{}
	start := p.next().Start
	if p.accept(">>") {
		s.To = p.expression()
		if !p.accept(",") {
			s.span = p.from(start)
			return s
		}
	}
	for !p.endsList() {
		s.Args = append(s.Args, p.expression())
		if s.NoLine = p.accept(","); !s.NoLine {
			break
		}
	}
	s.span = p.from(start)
	return s
}
