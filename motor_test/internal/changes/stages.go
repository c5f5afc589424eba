package changes

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Stage is a stage of the pipeline of a change stream.
type Stage struct {
	Match   bson.Raw                  // of $match, which the server evaluates; nil for other stages
	Project func(doc bson.Raw) bson.D // of other stages
}

// The stages that a server allows in a change stream, and Stages does not evaluate.
var unevaluated = []string{"$replaceRoot", "$replaceWith", "$redact"}

const codeUnknownStage = 40324

// Stages reads a pipeline of $match, $project, $addFields, $set and $unset. It refuses other stages, and expressions with
// operators.
func Stages(pipeline []bson.RawValue) ([]Stage, error) {
	stages := make([]Stage, len(pipeline))
	for i, v := range pipeline {
		doc, _ := v.DocumentOK()
		parts := elements(doc)
		if len(parts) != 1 {
			return nil, &Error{codeUnknownStage, "a pipeline stage must be a document with one field"}
		}
		name, arg := parts[0].Key(), parts[0].Value()
		spec, isDoc := arg.DocumentOK()
		tree, err := new(node), error(nil)
		switch {
		case slices.Contains(unevaluated, name):
			return nil, &Error{codeIllegal, fmt.Sprintf("the proxy does not evaluate %s in a change stream", name)}
		case name == "$unset":
			err = tree.unset(arg)
			stages[i].Project = tree.exclude
		case !slices.Contains([]string{"$match", "$project", "$addFields", "$set"}, name):
			return nil, &Error{codeUnknownStage, fmt.Sprintf("Unrecognized pipeline stage name: %q", name)}
		case !isDoc:
			return nil, &Error{codeWrongType, name + " must be a document"}
		case name == "$match":
			stages[i].Match = spec
		case name == "$project":
			err = tree.add(spec, true)
			stages[i].Project = tree.exclude
			if tree.includes() {
				stages[i].Project = tree.includeDoc
			}
		default:
			err = tree.add(spec, false)
			stages[i].Project = tree.set
		}
		if err != nil {
			return nil, err
		}
	}
	return stages, nil
}

const codeIllegal = 20

// node says what happens to a field: it is kept, left out, or set to a value, or that happens to its own fields.
type node struct {
	name     string
	keep     bool
	drop     bool
	value    bson.RawValue // if not zero
	children []*node
}

// at returns the node of a path, and makes it if need be.
func (n *node) at(path string) *node {
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		if i < 0 {
			i = len(n.children)
			n.children = append(n.children, &node{name: name})
		}
		n = n.children[i]
	}
	return n
}

// add adds the fields of a stage. flags reports whether numbers and booleans say if the field is kept.
func (n *node) add(spec bson.Raw, flags bool) error {
	for _, e := range elements(spec) {
		field, v := n.at(e.Key()), e.Value()
		number, isNumber := v.AsFloat64OK()
		yes, isBool := v.BooleanOK()
		text, _ := v.StringValueOK()
		doc, isDoc := v.DocumentOK()
		switch {
		case strings.HasPrefix(e.Key(), "$"):
			return &Error{codeIllegal, fmt.Sprintf("the proxy does not evaluate %s in a change stream", e.Key())}
		case strings.HasPrefix(text, "$$"), v.Type == bson.TypeArray:
			return &Error{codeIllegal, fmt.Sprintf("the proxy does not evaluate %s in a change stream", v)}
		case isDoc:
			if err := field.add(doc, flags); err != nil {
				return err
			}
		case flags && (isNumber || isBool):
			field.keep, field.drop = yes || number != 0, !yes && number == 0
		default:
			field.value = v
		}
	}
	return nil
}

// unset adds the fields of $unset: a name, or a list of names.
func (n *node) unset(v bson.RawValue) error {
	names := []bson.RawValue{v}
	if v.Type == bson.TypeArray {
		names = list(v)
	}
	for _, name := range names {
		text, ok := name.StringValueOK()
		if !ok {
			return &Error{codeWrongType, "$unset must be a name, or a list of names"}
		}
		n.at(text).drop = true
	}
	return nil
}

// includes reports whether a projection says what to keep, and not only what to leave out. The _id does not count.
func (n *node) includes() bool {
	for _, c := range n.children {
		if c.name != "_id" && (c.keep || !c.value.IsZero() || c.includes()) {
			return true
		}
	}
	return false
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// includeDoc keeps the fields of a document that the projection names, and the _id.
func (n *node) includeDoc(doc bson.Raw) bson.D {
	if n.child("_id") == nil {
		n.children = append(n.children, &node{name: "_id", keep: true})
	}
	return n.include(doc, doc)
}

func (n *node) include(whole, doc bson.Raw) (kept bson.D) {
	for _, e := range elements(doc) {
		c := n.child(e.Key())
		switch inner, isDoc := e.Value().DocumentOK(); {
		case c == nil || c.drop || !c.value.IsZero():
		case c.keep:
			kept = append(kept, bson.E{Key: e.Key(), Value: e.Value()})
		case isDoc:
			kept = append(kept, bson.E{Key: e.Key(), Value: c.include(whole, inner)})
		}
	}
	return n.computed(whole, doc, kept, (*node).include)
}

// exclude leaves fields out.
func (n *node) exclude(doc bson.Raw) (kept bson.D) {
	for _, e := range elements(doc) {
		c := n.child(e.Key())
		inner, isDoc := e.Value().DocumentOK()
		switch {
		case c != nil && c.drop:
		case c != nil && isDoc && len(c.children) > 0:
			kept = append(kept, bson.E{Key: e.Key(), Value: c.exclude(inner)})
		default:
			kept = append(kept, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return kept
}

// set sets fields, and keeps the others.
func (n *node) set(doc bson.Raw) bson.D { return n.setIn(doc, doc) }

func (n *node) setIn(whole, doc bson.Raw) (all bson.D) {
	for _, e := range elements(doc) {
		var v any = e.Value()
		if c := n.child(e.Key()); c != nil {
			if inner, isDoc := e.Value().DocumentOK(); isDoc && len(c.children) > 0 {
				v = c.setIn(whole, inner)
			} else if v = evaluate(whole, c.value); v == nil {
				continue
			}
		}
		all = append(all, bson.E{Key: e.Key(), Value: v})
	}
	return n.computed(whole, doc, all, (*node).setIn)
}

// computed adds the fields with values that are not there yet. whole is the event, to which paths such as "$ns.db" refer.
func (n *node) computed(whole, doc bson.Raw, all bson.D, apply func(n *node, whole, doc bson.Raw) bson.D) bson.D {
	for _, c := range n.children {
		if slices.ContainsFunc(all, func(e bson.E) bool { return e.Key == c.name }) {
			continue
		}
		if v := evaluate(whole, c.value); v != nil {
			all = append(all, bson.E{Key: c.name, Value: v})
		} else if _, err := doc.LookupErr(c.name); err != nil && len(c.children) > 0 {
			if inner := apply(c, whole, marshal(bson.D{})); len(inner) > 0 {
				all = append(all, bson.E{Key: c.name, Value: inner})
			}
		}
	}
	return all
}

// evaluate returns a literal, or the field that a path names. It returns nil if there is none.
func evaluate(doc bson.Raw, v bson.RawValue) any {
	if text, _ := v.StringValueOK(); strings.HasPrefix(text, "$") {
		found, err := doc.LookupErr(strings.Split(text[1:], ".")...)
		if err != nil {
			return nil
		}
		return found
	}
	if v.IsZero() {
		return nil
	}
	return v
}
