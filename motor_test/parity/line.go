package parity

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// A doc comment ends with the members of Motor that the symbol replaces, such as "Motor: MotorClient.open."

// term is a part of such a line.
type term struct {
	class  string // empty if text is complete without it
	member string
	text   string
}

// Lines returns the texts about Motor for the doc comments, by "package.Declaration". A symbol that replaces no
// particular member has no text.
//
// A row adds its member with the name of its class. It adds the member alone if three or more classes have it as one
// method. It adds nothing
//   - if the line column says so, or has another text;
//   - if the class had the member from another class and the same method replaces both;
//   - if it is a special method or a constructor, or the asyncio twin of a member.
//
// Symbols of package future have no texts, since the package is independent of MongoDB.
func (res *Result) Lines() map[string]string {
	terms := make(map[string][]term)
	for _, r := range res.Rows {
		for i, s := range res.symbols[r] {
			if s.pkg == "future" {
				continue
			}
			key := s.pkg + "." + s.declaredAs()
			terms[key] = append(terms[key], res.terms(r, i, s)...)
		}
	}
	lines := make(map[string]string)
	for key, all := range terms {
		lines[key] = line(all)
	}
	return lines
}

// terms returns the terms that a row adds for its i-th symbol.
func (res *Result) terms(r *Row, i int, s *symbol) []term {
	switch own := r.Lines[i]; {
	case own == "-":
		return nil
	case own != byRule:
		return []term{{text: own}}
	case r.Kind == "special" || r.Kind == "constructor" || r.Class == "(module) motor.motor_asyncio":
		return nil
	case strings.HasPrefix(r.Class, "(module) "):
		return []term{{text: r.Member}}
	case res.isInherited(r, s):
		return nil
	}
	return []term{{class: r.Class, member: r.Member, text: r.Name()}}
}

// isInherited reports whether the class of a row had the member from another class and the same method replaces both.
func (res *Result) isInherited(r *Row, s *symbol) bool {
	for _, from := range res.Rows {
		if from.Class == bases[r.Class] && from.Member == r.Member {
			return slices.ContainsFunc(res.symbols[from], func(o *symbol) bool {
				return o.pkg == s.pkg && o.declaredAs() == s.declaredAs()
			})
		}
	}
	return false
}

func line(terms []term) string {
	having := make(map[string]int) // the number of classes that have a member
	for _, t := range terms {
		if t.class != "" {
			having[t.member]++
		}
	}
	var texts []string
	for _, t := range terms {
		text := t.text
		if t.class != "" && having[t.member] >= 3 {
			text = t.member
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "Motor: " + strings.Join(texts, ", ") + "."
}

// stale is a doc comment whose line is wrong.
type stale struct {
	source.Declaration
	name, line string
}

// staleComments returns the doc comments whose last lines are wrong. It skips generated files, which copy their
// comments, and declarations without a comment.
func (res *Result) staleComments() ([]stale, error) {
	var all []stale
	for name, line := range res.Lines() {
		pkg, declared, _ := strings.Cut(name, ".")
		d := res.module.declared[pkg][declared]
		if d.Start == d.End || strings.HasSuffix(d.File, "_gen.go") {
			continue
		}
		text, err := os.ReadFile(d.File)
		if err != nil {
			return nil, err
		}
		if withLine(string(text), d, line) != string(text) {
			all = append(all, stale{d, name, line})
		}
	}
	// From the end of each file to its start, so that the other offsets stay valid.
	slices.SortFunc(all, func(a, b stale) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return b.Start - a.Start
	})
	return all, nil
}

// rewrite writes the correct line into the comment.
func (s stale) rewrite() error {
	text, err := os.ReadFile(s.File)
	if err != nil {
		return err
	}
	return os.WriteFile(s.File, []byte(withLine(string(text), s.Declaration, s.line)), 0o644)
}

var (
	// ofMotor matches the line in the last paragraph of a comment.
	ofMotor = regexp.MustCompile(`(?:^| )Motor: .*$`)
	// origin matches the start of a paragraph about the origin of a symbol.
	origin = regexp.MustCompile(`^(Legacy|Tornado|asyncio): `)
)

// withLine returns the text of a file with a line at the end of a doc comment.
func withLine(text string, d source.Declaration, line string) string {
	indent := text[strings.LastIndexByte(text[:d.Start], '\n')+1 : d.Start]
	comment := strings.Split(text[d.Start:d.End], "\n")
	for i := range comment {
		comment[i] = strings.TrimPrefix(comment[i], indent)
	}
	start := len(comment) // of the last paragraph
	for start > 0 && comment[start-1] != "//" {
		start--
	}
	var words []string
	for _, c := range comment[start:] {
		words = append(words, strings.TrimPrefix(strings.TrimPrefix(c, "//"), " "))
	}
	last := strings.Join(words, " ")
	switch at := ofMotor.FindStringIndex(last); {
	case at != nil:
		if have := strings.TrimSpace(last[at[0]:]); have == line {
			return text // the line is right, whatever its line breaks
		}
		last = strings.TrimSpace(last[:at[0]] + " " + line)
	case line == "":
		return text
	case origin.MatchString(last):
		last += " " + line
	default:
		comment, start, last = append(comment, "//"), len(comment)+1, line
	}
	comment = comment[:start]
	if last != "" {
		comment = append(comment, strings.Split(strings.TrimSuffix(source.AsComment(source.Wrap(last)), "\n"), "\n")...)
	} else if start > 0 {
		comment = comment[:start-1] // also removes the empty line before it
	}
	return text[:d.Start] + strings.Join(comment, "\n"+indent) + text[d.End:]
}

// String describes the error.
func (s stale) String() string {
	return fmt.Sprintf("the doc comment of %s must end with %q", s.name, s.line)
}
