package python

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unquote splits a string token into its prefix in lower case and the text between its quotes.
func unquote(text string) (letters, body string) {
	m := prefix.FindStringSubmatch(text)
	return strings.ToLower(strings.TrimSuffix(m[0], m[1])), text[len(m[0]) : len(text)-len(m[1])]
}

// simple are the escape sequences of one character.
var simple = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape replaces the escape sequences of a string that is not raw. It keeps those that Python keeps, and \N{name}.
func unescape(body string, bytes bool) string {
	if !strings.Contains(body, "\\") {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			i++
			continue
		}
		c := body[i+1]
		if s, ok := simple[c]; ok {
			b.WriteString(s)
			i += 2
			continue
		}
		digits, base := 0, 16
		switch {
		case c == 'x':
			digits = 2
		case c == 'u' && !bytes:
			digits = 4
		case c == 'U' && !bytes:
			digits = 8
		case c >= '0' && c <= '7':
			base = 8
		}
		start := i + 2
		if base == 8 {
			start = i + 1
			for digits < 3 && start+digits < len(body) && body[start+digits] >= '0' && body[start+digits] <= '7' {
				digits++
			}
		}
		n, err := strconv.ParseUint(body[start:min(start+digits, len(body))], base, 32)
		if digits == 0 || start+digits > len(body) || err != nil {
			b.WriteString(body[i : i+2])
			i += 2
			continue
		}
		if bytes {
			b.WriteByte(byte(n))
		} else {
			b.WriteRune(rune(n))
		}
		i = start + digits
	}
	return b.String()
}

// constant returns the node of a string token that has no replacement fields.
func constant(t Token) *Constant {
	letters, body := unquote(t.Text)
	isBytes := strings.Contains(letters, "b")
	if !strings.Contains(letters, "r") {
		body = unescape(body, isBytes)
	}
	kind := Str
	if isBytes {
		kind = Bytes
	}
	return &Constant{span{t.Start, t.End}, kind, body}
}

// formatted returns the node of a string token with replacement fields.
func (p *parser) formatted(t Token) (Expr, error) {
	letters, body := unquote(t.Text)
	node := &Formatted{span: span{t.Start, t.End}}
	m := prefix.FindStringSubmatch(t.Text)
	at := after(t.Start, m[0])
	parts, err := p.parts(body, at, m[1], strings.Contains(letters, "r"), false)
	node.Parts = parts
	return node, err
}

// parts returns the parts of a formatted string or of a format.
func (p *parser) parts(body string, at Pos, quote string, raw, spec bool) ([]Part, error) {
	var parts []Part
	literal := ""
	flush := func() {
		if literal == "" {
			return
		}
		text := literal
		if !raw {
			text = unescape(text, false)
		}
		parts = append(parts, Part{Text: text})
		literal = ""
	}
	for i := 0; i < len(body); {
		switch c := body[i]; {
		case !spec && (strings.HasPrefix(body[i:], "{{") || strings.HasPrefix(body[i:], "}}")):
			literal += body[i : i+1]
			i += 2
		case c == '\\' && !raw && strings.HasPrefix(body[i:], `\N{`) && strings.Contains(body[i:], "}"):
			n := strings.IndexByte(body[i:], '}') + 1
			literal += body[i : i+n]
			i += n
		case c == '{':
			flush()
			end, expression, ok := fieldEnd(body, i+1, quote)
			if !ok {
				return nil, &Error{p.file, after(at, body[:i]), "replacement field was never closed"}
			}
			part, err := p.field(body[i+1:end-1], expression-i-1, after(at, body[:i+1]), quote, raw)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
			i = end
		default:
			_, n := utf8.DecodeRuneInString(body[i:])
			literal += body[i : i+n]
			i += n
		}
	}
	flush()
	return parts, nil
}

// field parses a replacement field. n is the length of its expression.
func (p *parser) field(text string, n int, at Pos, quote string, raw bool) (Part, error) {
	source, rest := text[:n], text[n:]
	var part Part
	if trimmed := trimBlank(source); strings.HasSuffix(trimmed, "=") && !endsComparison(trimmed) {
		part.Debug = source
		source = strings.TrimSuffix(trimmed, "=")
	}
	if after, ok := strings.CutPrefix(rest, "!"); ok {
		conversion, format, found := strings.Cut(after, ":")
		part.Conversion, rest = strings.TrimSpace(conversion), ""
		if found {
			rest = ":" + format
		}
	}
	if format, ok := strings.CutPrefix(rest, ":"); ok {
		var err error
		if part.Format, err = p.parts(format, at, quote, raw, true); err != nil {
			return part, err
		}
	}
	if strings.TrimSpace(source) == "" {
		return part, &Error{p.file, at, "unexpected end of a replacement field, want an expression"}
	}
	// In brackets, so that line breaks do not end the expression. The positions are relative to the whole file.
	inner := Pos{Line: at.Line, Column: at.Column - 1, Offset: 0}
	tokens, _, err := scan(p.file, "("+source+")", inner)
	if err != nil {
		return part, err
	}
	for i := range tokens {
		tokens[i].Start.Offset += at.Offset - 1
		tokens[i].End.Offset += at.Offset - 1
	}
	sub := &parser{file: p.file, src: p.src, tokens: tokens}
	part.Expr, err = sub.whole()
	return part, err
}

// trimBlank removes white space and continued lines from the end of an expression.
func trimBlank(text string) string {
	for {
		text = strings.TrimRight(text, " \t\f\n")
		rest, ok := strings.CutSuffix(text, "\\")
		if !ok {
			return text
		}
		text = rest
	}
}

func endsComparison(text string) bool {
	for _, op := range []string{"==", "!=", "<=", ">="} {
		if strings.HasSuffix(text, op) {
			return true
		}
	}
	return false
}
