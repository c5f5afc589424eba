package python

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tabWidth is the distance of tab stops in an indentation.
const tabWidth = 8

// operators are the operators, longest first.
var operators = []string{
	"**=", "//=", ">>=", "<<=", "...",
	"**", "//", ">>", "<<", "<=", ">=", "==", "!=", "<>", "->", ":=",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=",
	"+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}",
	",", ":", ".", ";", "=", "`", "!",
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// number matches a literal of Python 2 or 3. It does not match all invalid ones, such as 1__0.
var number = regexp.MustCompile(`^(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|` +
	`(?:[0-9][0-9_]*)?\.[0-9][0-9_]*(?:[eE][-+]?[0-9_]+)?|[0-9][0-9_]*\.?(?:[eE][-+]?[0-9_]+)?)[lLjJ]?`)

// prefix matches the start of a string.
var prefix = regexp.MustCompile(`^(?i:r|u|b|f|t|br|rb|ur|fr|rf|tr|rt)?("""|'''|"|')`)

// scanner makes tokens of source code.
type scanner struct {
	file, src string
	at        Pos
	tokens    []Token
	comments  []Comment
	indents   []indent
	open      []Token // brackets that are not closed
}

// indent is the width of an indentation, with tab stops every 8 columns and with tabs of width 1. The two orders differ
// if tabs and spaces are mixed so that the block structure depends on the width of a tab.
type indent struct{ columns, characters int }

// Scan returns the tokens of a file, and its comments. The last token is EOF.
func Scan(file, src string) (tokens []Token, comments []Comment, err error) {
	if src, err = decode(file, src); err != nil {
		return nil, nil, err
	}
	return scan(file, src, Pos{Line: 1, Column: 1})
}

func scan(file, src string, at Pos) ([]Token, []Comment, error) {
	s := &scanner{file: file, src: src, at: at, indents: []indent{{}}}
	err := s.scan()
	return s.tokens, s.comments, err
}

// cookie matches the declaration of an encoding.
var cookie = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// decode returns the source in UTF-8 without a byte order mark, with "\n" at the ends of lines.
func decode(file, src string) (string, error) {
	src = strings.TrimPrefix(src, "\ufeff")
	if !utf8.ValidString(src) {
		encoding := ""
		lines := strings.SplitN(src, "\n", 3)
		for _, line := range lines[:min(2, len(lines))] {
			if m := cookie.FindStringSubmatch(line); m != nil {
				encoding = strings.ReplaceAll(strings.ToLower(m[1]), "_", "-")
			}
		}
		switch encoding {
		case "latin-1", "latin1", "iso-8859-1", "iso8859-1", "l1":
		default:
			return "", &Error{file, invalidUTF8(src), "the file is not in UTF-8, and declares no encoding that is supported (latin-1)"}
		}
		runes := make([]rune, len(src))
		for i := range len(src) {
			runes[i] = rune(src[i])
		}
		src = string(runes)
	}
	return strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n"), nil
}

// invalidUTF8 returns the position of the first byte that is not UTF-8.
func invalidUTF8(src string) Pos {
	at := Pos{Line: 1, Column: 1}
	for i, r := range src {
		if _, n := utf8.DecodeRuneInString(src[i:]); r == utf8.RuneError && n == 1 {
			break
		}
		at = after(at, src[i:i+utf8.RuneLen(r)])
	}
	return at
}

// after returns the position behind some text.
func after(at Pos, text string) Pos {
	at.Offset += len(text)
	if n := strings.Count(text, "\n"); n > 0 {
		at.Line += n
		at.Column = 1
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	at.Column += utf8.RuneCountInString(text)
	return at
}

func (s *scanner) rest() string { return s.src[s.at.Offset:] }

func (s *scanner) errorf(at Pos, format string, args ...any) error {
	return &Error{s.file, at, fmt.Sprintf(format, args...)}
}

// add appends a token with the next n bytes.
func (s *scanner) add(kind Kind, n int) {
	text := s.rest()[:n]
	end := after(s.at, text)
	s.tokens = append(s.tokens, Token{kind, text, s.at, end})
	s.at = end
}

// mark appends a token without text.
func (s *scanner) mark(kind Kind) {
	s.tokens = append(s.tokens, Token{Kind: kind, Start: s.at, End: s.at})
}

func (s *scanner) skip(n int) { s.at = after(s.at, s.rest()[:n]) }

func (s *scanner) scan() error {
	lineStart := true
	for s.rest() != "" {
		if lineStart && len(s.open) == 0 {
			blank, err := s.indentation()
			if err != nil {
				return err
			}
			if blank {
				continue
			}
		}
		lineStart = false
		if err := s.token(); err != nil {
			return err
		}
		if n := len(s.tokens); n > 0 && s.tokens[n-1].Kind == Newline && len(s.open) == 0 {
			lineStart = s.at.Column == 1
		}
	}
	if n := len(s.open); n > 0 {
		return s.errorf(s.open[n-1].Start, "%q was never closed", s.open[n-1].Text)
	}
	if n := len(s.tokens); n > 0 && s.tokens[n-1].Kind != Newline && s.tokens[n-1].Kind != Dedent {
		s.mark(Newline)
	}
	for range len(s.indents) - 1 {
		s.mark(Dedent)
	}
	s.mark(EOF)
	return nil
}

// indentation reads the start of a line. A blank line has no tokens.
func (s *scanner) indentation() (blank bool, err error) {
	var width indent
	n := 0
loop:
	for ; n < len(s.rest()); n++ {
		switch s.rest()[n] {
		case ' ':
			width.columns++
			width.characters++
		case '\t':
			width.columns = (width.columns/tabWidth + 1) * tabWidth
			width.characters++
		case '\f':
			width = indent{}
		default:
			break loop
		}
	}
	s.skip(n)
	switch rest := s.rest(); {
	case rest == "":
		return true, nil
	case rest[0] == '\n':
		s.skip(1)
		return true, nil
	case rest[0] == '#':
		s.comment()
		if s.rest() != "" {
			s.skip(1)
		}
		return true, nil
	}
	last := s.indents[len(s.indents)-1]
	if (width.columns > last.columns) != (width.characters > last.characters) ||
		(width.columns < last.columns) != (width.characters < last.characters) {
		return false, s.errorf(s.at, "inconsistent use of tabs and spaces in indentation")
	}
	if width.columns > last.columns {
		s.indents = append(s.indents, width)
		s.mark(Indent)
		return false, nil
	}
	for width.columns < s.indents[len(s.indents)-1].columns {
		s.indents = s.indents[:len(s.indents)-1]
		s.mark(Dedent)
	}
	if width != s.indents[len(s.indents)-1] {
		return false, s.errorf(s.at, "unindent does not match any outer indentation level")
	}
	return false, nil
}

func (s *scanner) comment() {
	text, _, _ := strings.Cut(s.rest(), "\n")
	s.comments = append(s.comments, Comment{text, s.at})
	s.skip(len(text))
}

// token reads one token, or white space or a comment.
func (s *scanner) token() error {
	rest := s.rest()
	first, size := utf8.DecodeRuneInString(rest)
	switch {
	case first == ' ' || first == '\t' || first == '\f':
		s.skip(1)
		return nil
	case first == '\n':
		if len(s.open) == 0 {
			s.tokens = append(s.tokens, Token{Newline, "", s.at, s.at})
		}
		s.skip(1)
		return nil
	case first == '#':
		s.comment()
		return nil
	case strings.HasPrefix(rest, "\\\n"):
		s.skip(2)
		return nil
	}
	if m := prefix.FindStringSubmatch(rest); m != nil {
		n, err := s.stringLength(rest, m)
		if err != nil {
			return err
		}
		s.add(String, n)
		return nil
	}
	if isNameStart(first) {
		n := size
		for n < len(rest) {
			r, size := utf8.DecodeRuneInString(rest[n:])
			if !isNameStart(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Mc, r) && !unicode.Is(unicode.Pc, r) {
				break
			}
			n += size
		}
		s.add(Name, n)
		return nil
	}
	if m := number.FindString(rest); m != "" {
		s.add(Number, len(m))
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return s.operator(op)
		}
	}
	return s.errorf(s.at, "invalid character %q", first)
}

func isNameStart(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r)
}

func (s *scanner) operator(op string) error {
	s.add(Op, len(op))
	t := s.tokens[len(s.tokens)-1]
	switch op {
	case "(", "[", "{":
		s.open = append(s.open, t)
	case ")", "]", "}":
		n := len(s.open)
		if n == 0 {
			return s.errorf(t.Start, "unmatched %q", op)
		}
		if closing[s.open[n-1].Text] != op {
			return s.errorf(t.Start, "%q does not match %q of line %d", op, s.open[n-1].Text, s.open[n-1].Start.Line)
		}
		s.open = s.open[:n-1]
	}
	return nil
}

// stringLength returns the length of the string at the start of text. m is the match of its prefix.
func (s *scanner) stringLength(text string, m []string) (int, error) {
	quote := m[1]
	letters := strings.ToLower(strings.TrimSuffix(m[0], quote))
	n, ok := stringEnd(text, len(m[0]), quote, strings.ContainsAny(letters, "ft"))
	if !ok {
		return 0, s.errorf(s.at, "unterminated string")
	}
	return n, nil
}

// stringEnd returns the index behind the closing quote of a string whose text begins at index i.
func stringEnd(text string, i int, quote string, formatted bool) (int, bool) {
	for i < len(text) {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote), true
		case c == '\\' && i+1 < len(text):
			i += 2
		case c == '\n' && len(quote) == 1:
			return 0, false
		case formatted && strings.HasPrefix(text[i:], "{{"):
			i += 2
		case formatted && c == '{':
			end, _, ok := fieldEnd(text, i+1, quote)
			if !ok {
				return 0, false
			}
			i = end
		default:
			i++
		}
	}
	return 0, false
}

// fieldEnd returns the index behind the closing brace of a replacement field whose text begins at index i, and the
// index where its expression ends.
func fieldEnd(text string, i int, quote string) (end, expression int, ok bool) {
	depth := 0
	for i < len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '"':
			m := prefix.FindStringSubmatch(text[i:])
			start := i
			for start > 0 && strings.ContainsRune("rRuUbBfFtT", rune(text[start-1])) {
				start--
			}
			formatted := strings.ContainsAny(text[start:i], "fFtT")
			next, closed := stringEnd(text, i+len(m[1]), m[1], formatted)
			if !closed {
				return 0, 0, false
			}
			i = next
		case strings.ContainsRune("([{", rune(c)):
			depth++
			i++
		case depth > 0 && strings.ContainsRune(")]}", rune(c)):
			depth--
			i++
		case c == '}':
			return i + 1, i, true
		case c == ')' || c == ']':
			return 0, 0, false
		case c == '#': // a comment, in a field of several lines
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return 0, 0, false
			}
			i += n
		case depth == 0 && c == '!' && !strings.HasPrefix(text[i:], "!="):
			expression = i
			for i < len(text) && text[i] != ':' && text[i] != '}' {
				i++
			}
			if i < len(text) && text[i] == '}' {
				return i + 1, expression, true
			}
			end, ok = specEnd(text, i+1, quote)
			return end, expression, ok
		case depth == 0 && c == ':':
			end, ok = specEnd(text, i+1, quote)
			return end, i, ok
		default:
			i++
		}
	}
	return 0, 0, false
}

// specEnd returns the index behind the closing brace of a field whose format begins at index i.
func specEnd(text string, i int, quote string) (int, bool) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '}':
			return i + 1, true
		case c == '{':
			end, _, ok := fieldEnd(text, i+1, quote)
			if !ok {
				return 0, false
			}
			i = end
		case strings.HasPrefix(text[i:], quote):
			return 0, false
		default:
			i++
		}
	}
	return 0, false
}
