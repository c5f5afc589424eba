package python

import "fmt"

// Pos is a position in the source code.
type Pos struct {
	Line   int // from 1
	Column int // in characters, from 1
	Offset int // in bytes, from 0
}

// Error is a syntax error.
type Error struct {
	File    string
	Pos     Pos
	Message string
}

// Error returns the place and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Column, e.Message)
}

// Kind is the kind of a token.
type Kind int

// The kinds of tokens.
const (
	EOF     Kind = iota
	Newline      // the end of a logical line
	Indent       // the first token of a deeper block
	Dedent       // the end of a block
	Name         // an identifier or keyword
	Number
	String // a string, with its prefix and quotes
	Op     // an operator or delimiter
)

var kindNames = [...]string{"end of file", "end of line", "indent", "dedent", "name", "number", "string", "operator"}

// String returns the name of the kind.
func (k Kind) String() string { return kindNames[k] }

// Token is a token of the source code.
type Token struct {
	Kind       Kind
	Text       string // empty for Newline, Indent, Dedent and EOF
	Start, End Pos
}

// describe names the token in an error.
func (t Token) describe() string {
	if t.Text == "" {
		return t.Kind.String()
	}
	return fmt.Sprintf("%q", t.Text)
}

// Comment is a comment, with its #.
type Comment struct {
	Text string
	Pos  Pos
}
