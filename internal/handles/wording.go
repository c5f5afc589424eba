package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// wordings make comments that speak of futures right for callbacks. They are tried in this order, on paragraphs
// without their line breaks. One that is not found any more, or a comment that speaks of futures in other words,
// fails the generator.
var wordings = []wording{
	{
		motor:    "In a defer it goes without an Await, which would call Close at once:",
		callback: "In a defer the callback may be nil:",
	},
	{
		motor:    "\tdefer cursor.Close(ctx)",
		callback: "\tdefer cursor.Close(ctx, nil)",
	},
	{
		motor:    "\tdefer stream.Close(ctx)",
		callback: "\tdefer stream.Close(ctx, nil)",
	},
	{
		motor:    "resolves to the next change, when there is one.",
		callback: "gives its callback the next change, when there is one.",
	},
	{
		motor: "All returns the changes for a range loop, which ends when",
		callback: "All returns the changes for a range loop, which waits for them: give it the [Co] of a coroutine as ctx, " +
			"or keep it off the handle's loop. It ends when",
	},
	{
		motor:    "\tdefer s.EndSession(ctx)",
		callback: "\tdefer s.EndSession(ctx, nil)",
	},
	{
		motor: "[BulkWriteError], with the result beside it: both of the future's values are to be read.",
		callback: "[BulkWriteError], of which errors.As finds the [Error]: its Details tell which writes failed, and " +
			"its PartialResult has the result of the others.",
	},
	{
		motor: "[ClientBulkWriteException], with the result beside it if part of the writes was done: both of the " +
			"future's values are to be read.",
		callback: "[ClientBulkWriteException], of which errors.As finds the [Error]: its PartialResult has the result " +
			"of the writes that were done.",
	},
	{
		motor: "[BulkWriteError], with the result beside it, in which writeErrors are not empty: both of the future's " +
			"values are to be read.",
		callback: "[BulkWriteError], of which errors.As finds the [Error]: its PartialResult is the result, in which " +
			"writeErrors are not empty.",
	},
	{
		motor:    "or, if there is none, to the zero D",
		callback: "or, if there is none, the zero D",
	},
	{
		motor:    `Command(ctx, "ping").`,
		callback: `Command(ctx, "ping", callback).`,
	},
	{
		motor: "ToList resolves to the next documents, at most length of them; without a length, to all. " +
			"At the end it is an empty list.",
		callback: "ToList gives its callback the next documents, at most length of them, or all without a length. " +
			"At the end that is an empty list.",
	},
	{
		motor:    "the documents that had been read stand beside the error",
		callback: "the callback is given the error alone; the documents that had been read are gone",
	},
	{
		motor:    "fn is called where the callbacks of the client's futures run, never on this stack.",
		callback: "fn is called on the handle's loop, never on this stack.",
	},
	{
		motor: "All returns the documents for a range loop.",
		callback: "All returns the documents for a range loop, which waits for them: give it the [Co] of a coroutine " +
			"as ctx, or keep it off the handle's loop.",
	},
	{
		motor: "All returns the chunks for a range loop.",
		callback: "All returns the chunks for a range loop, which waits for them: give it the [Co] of a coroutine as " +
			"ctx, or keep it off the handle's loop.",
	},
	{
		motor:    "What is short resolves at once: it is sent later, with what follows.",
		callback: "What is short is sent later, with what follows.",
	},
	{
		motor:    ":= motor.CollectionOf[",
		callback: ":= callback.CollectionOf[",
	},
	{
		motor:    "\tmotor.NewReplicaSetClient(",
		callback: "\tcallback.NewReplicaSetClient(loop, ",
	},
	{
		motor:    "resolves to whether",
		callback: "tells its callback whether",
	},
	{
		motor:    "resolves to",
		callback: "gives its callback",
	},
}

type wording struct{ motor, callback string }

var (
	link         = regexp.MustCompile(`\[(\*?)([A-Z]\w*)((?:\.\w+)*)\]`)
	ofFutures    = regexp.MustCompile(`(?i)\bfutures?\b|\bresolv|\bawait`)
	foreignLinks = regexp.MustCompile(`\[\*?[a-z]\w*\.[\w.]+\]`)
)

// comment returns a doc comment of motor for the callback form, with the paragraphs extra before the one that names
// the Motor member.
func (g *generator) comment(name, doc string, extra ...string) (string, error) {
	var paragraphs []string
	for original := range strings.SplitSeq(strings.TrimSpace(doc), "\n\n") {
		p := original
		verbatim := strings.HasPrefix(p, "\t") || strings.HasPrefix(p, " ")
		if !verbatim {
			p = strings.ReplaceAll(p, "\n", " ")
		}
		before := p
		for i, w := range wordings {
			if strings.Contains(p, w.motor) {
				p = strings.ReplaceAll(p, w.motor, w.callback)
				g.worded[i] = true
			}
		}
		if ofFutures.MatchString(foreignLinks.ReplaceAllString(p, "")) {
			return "", fmt.Errorf("%s: the comment speaks of futures: %q; say how in wordings", name, p)
		}
		if !verbatim {
			p = g.relink(p)
		}
		switch {
		case p == before:
			p = original
		case !verbatim:
			p = source.Wrap(p)
		}
		if strings.HasPrefix(p, "Motor:") {
			paragraphs, extra = append(paragraphs, extra...), nil
		}
		paragraphs = append(paragraphs, p)
	}
	text := strings.Join(append(paragraphs, extra...), "\n\n")
	return source.AsComment(text), nil
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

// unused returns the wordings that no comment needed.
func (g *generator) unused() error {
	for i, w := range wordings {
		if !g.worded[i] {
			return fmt.Errorf("no comment of motor says %q any more: see wordings", w.motor)
		}
	}
	return nil
}
