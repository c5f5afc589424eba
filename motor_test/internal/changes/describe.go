package changes

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// description collects how an update has changed a document.
type description struct {
	updated   bson.D
	removed   bson.A
	truncated bson.A
	paths     bson.D // the components of the paths that can be misread
}

// describe returns the updateDescription of an update.
func describe(before, after bson.Raw, expanded bool) bson.D {
	d := description{updated: bson.D{}, removed: bson.A{}, truncated: bson.A{}, paths: bson.D{}}
	d.documents(nil, before, after)
	doc := bson.D{
		{Key: "updatedFields", Value: d.updated}, {Key: "removedFields", Value: d.removed},
		{Key: "truncatedArrays", Value: d.truncated},
	}
	if expanded {
		doc = append(doc, bson.E{Key: "disambiguatedPaths", Value: d.paths})
	}
	return doc
}

// documents compares documents. path holds the names of the fields and the indexes that lead to them.
func (d *description) documents(path []any, before, after bson.Raw) {
	for _, old := range elements(before) {
		if _, err := after.LookupErr(old.Key()); err != nil {
			d.removed = append(d.removed, d.name(append(path, old.Key())))
		}
	}
	for _, now := range elements(after) {
		old, err := before.LookupErr(now.Key())
		d.values(append(path, now.Key()), old, now.Value(), err == nil)
	}
}

// values compares values. had reports whether the field was there before.
func (d *description) values(path []any, before, after bson.RawValue, had bool) {
	if had && before.Equal(after) {
		return
	}
	if had && before.Type == after.Type {
		switch after.Type {
		case bson.TypeEmbeddedDocument:
			if sameOrder(before.Document(), after.Document()) {
				d.documents(path, before.Document(), after.Document())
				return
			}
		case bson.TypeArray:
			old, now := list(before), list(after)
			if len(now) < len(old) {
				d.truncated = append(d.truncated, bson.D{
					{Key: "field", Value: d.name(path)}, {Key: "newSize", Value: int32(len(now))}})
			}
			for i, v := range now {
				var was bson.RawValue
				if i < len(old) {
					was = old[i]
				}
				d.values(append(path, i), was, v, i < len(old))
			}
			return
		}
	}
	d.updated = append(d.updated, bson.E{Key: d.name(path), Value: after})
}

// sameOrder reports whether the fields that both documents have are in the same order, and new fields come last. Only
// then can the change be told field by field.
func sameOrder(before, after bson.Raw) bool {
	kept := []string{}
	for _, e := range elements(before) {
		if _, err := after.LookupErr(e.Key()); err == nil {
			kept = append(kept, e.Key())
		}
	}
	now := elements(after)
	for i, name := range kept {
		if i >= len(now) || now[i].Key() != name {
			return false
		}
	}
	return true
}

// name returns a path as text, such as "a.b.0".
func (d *description) name(path []any) string {
	var names []string
	unclear := false
	for _, part := range path {
		switch part := part.(type) {
		case int:
			names = append(names, strconv.Itoa(part))
		case string:
			names = append(names, part)
			_, err := strconv.Atoi(part)
			unclear = unclear || err == nil || strings.Contains(part, ".")
		}
	}
	text := strings.Join(names, ".")
	if unclear {
		parts := make(bson.A, len(path))
		for i, part := range path {
			parts[i] = part
			if index, ok := part.(int); ok {
				parts[i] = int32(index)
			}
		}
		d.paths = append(d.paths, bson.E{Key: text, Value: parts})
	}
	return text
}

// elements returns the fields of a valid document.
func elements(doc bson.Raw) []bson.RawElement {
	all, _ := doc.Elements()
	return all
}

func list(v bson.RawValue) []bson.RawValue {
	all, _ := v.Array().Values()
	return all
}
