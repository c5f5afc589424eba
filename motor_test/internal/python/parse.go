package python

import "fmt"

// File is a parsed file.
type File struct {
	Name     string
	Text     string // in UTF-8, with "\n" at the ends of lines
	Body     []Stmt
	Comments []Comment
}

// Source returns the text of a node.
func (f *File) Source(n Node) string {
	start, end := n.Span()
	return f.Text[start.Offset:end.Offset]
}

// Parse parses a file. An error is an *Error.
func Parse(name, src string) (*File, error) {
	text, err := decode(name, src)
	if err != nil {
		return nil, err
	}
	tokens, comments, err := scan(name, text, Pos{Line: 1, Column: 1})
	if err != nil {
		return nil, err
	}
	p := &parser{file: name, src: text, tokens: tokens}
	body, err := p.module()
	if err != nil {
		return nil, err
	}
	return &File{Name: name, Text: text, Body: body, Comments: comments}, nil
}

// parser is a recursive descent parser. Its methods panic with a *Error, which module and whole recover.
type parser struct {
	file, src string
	tokens    []Token
	i         int
	depth     int  // of nested expressions and statements
	pattern   bool // X as Name is an expression
	noIn      bool // "in" ends the expression: it is the variable of a for
}

// maxDepth limits the nesting, so that no input exhausts the stack.
const maxDepth = 400

func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek(), "too many nested blocks and brackets: the limit is %d", maxDepth)
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) fail(at Token, format string, args ...any) {
	panic(&Error{p.file, at.Start, fmt.Sprintf(format, args...)})
}

func catch(err *error) {
	if v := recover(); v != nil {
		e, ok := v.(*Error)
		if !ok {
			panic(v)
		}
		*err = e
	}
}

func (p *parser) module() (body []Stmt, err error) {
	defer catch(&err)
	for p.peek().Kind != EOF {
		body = append(body, p.statement()...)
	}
	return body, nil
}

// whole parses the tokens as one expression.
func (p *parser) whole() (x Expr, err error) {
	defer catch(&err)
	x = p.expressions()
	if p.peek().Kind == Newline {
		p.next()
	}
	if t := p.peek(); t.Kind != EOF {
		p.fail(t, "unexpected %s", t.describe())
	}
	return x, nil
}

func (p *parser) peek() Token { return p.tokens[p.i] }

// peekAt returns the n-th token from here.
func (p *parser) peekAt(n int) Token {
	return p.tokens[min(p.i+n, len(p.tokens)-1)]
}

func (p *parser) next() Token {
	t := p.tokens[p.i]
	if t.Kind != EOF {
		p.i++
	}
	return t
}

// last returns the end of the last token that was read.
func (p *parser) last() Pos {
	for i := p.i - 1; i >= 0; i-- {
		if t := p.tokens[i]; t.Text != "" {
			return t.End
		}
	}
	return Pos{Line: 1, Column: 1}
}

// from returns the span from a position to here.
func (p *parser) from(start Pos) span { return span{start, p.last()} }

// is reports whether the next token is one of these operators or words.
func (p *parser) is(texts ...string) bool {
	t := p.peek()
	if t.Kind != Op && t.Kind != Name {
		return false
	}
	for _, text := range texts {
		if t.Text == text {
			return true
		}
	}
	return false
}

// accept reads the next token if it is this operator or word.
func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(text string) Token {
	if !p.is(text) {
		p.fail(p.peek(), "unexpected %s, want %q", p.peek().describe(), text)
	}
	return p.next()
}

// keywords are the words that are not names. print, exec, async and await are names in some versions of Python, and
// match, case and type in all.
var keywords = map[string]bool{
	"and": true, "as": true, "assert": true, "break": true, "class": true, "continue": true, "def": true, "del": true,
	"elif": true, "else": true, "except": true, "finally": true, "for": true, "from": true, "global": true, "if": true,
	"import": true, "in": true, "is": true, "lambda": true, "nonlocal": true, "not": true, "or": true, "pass": true,
	"raise": true, "return": true, "try": true, "while": true, "with": true, "yield": true,
}

func (p *parser) name() string {
	t := p.peek()
	if t.Kind != Name || keywords[t.Text] {
		p.fail(t, "unexpected %s, want a name", t.describe())
	}
	return p.next().Text
}

// startsOperand reports whether a token can start the operand of await.
func startsOperand(t Token) bool {
	switch t.Kind {
	case Number, String:
		return true
	case Name:
		return !keywords[t.Text] || t.Text == "lambda" || t.Text == "not"
	case Op:
		return t.Text == "(" || t.Text == "[" || t.Text == "{" || t.Text == "..."
	}
	return false
}
