package main

import (
	"regexp"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// link is a doc link to a symbol of the package itself.
var link = regexp.MustCompile(`\[(\*?)([A-Z]\w*)((?:\.\w+)*)\]`)

// comment returns a doc comment of motor for the callback form, with the paragraphs extra before the one that names
// the Motor member. The sentences stay as they are: motor's are true in both styles. Only doc links change.
func (g *generator) comment(doc string, extra ...string) string {
	var paragraphs []string
	for original := range strings.SplitSeq(strings.TrimSpace(doc), "\n\n") {
		p := original
		if verbatim := strings.HasPrefix(p, "\t") || strings.HasPrefix(p, " "); !verbatim {
			joined := strings.ReplaceAll(p, "\n", " ")
			if linked := g.relink(joined); linked != joined {
				p = source.Wrap(linked)
			}
		}
		if strings.HasPrefix(p, "Motor:") {
			paragraphs, extra = append(paragraphs, extra...), nil
		}
		paragraphs = append(paragraphs, p)
	}
	return source.AsComment(strings.Join(append(paragraphs, extra...), "\n\n"))
}

// relink qualifies the names of motor that package callback does not have.
func (g *generator) relink(text string) string {
	text = link.ReplaceAllStringFunc(text, func(l string) string {
		parts := link.FindStringSubmatch(l)
		name := parts[2]
		if g.mirrored[name] || g.src.motor.Scope().Lookup(name) == nil {
			return l
		}
		return "[" + parts[1] + "motor." + name + parts[3] + "]"
	})
	return strings.ReplaceAll(text, " an [motor.", " a [motor.")
}
