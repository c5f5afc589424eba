package bsoncodec

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// CheckKeys returns an error of kind [InvalidDocument] if a key of a document, or of a document within it, begins with
// '$' or contains a '.'. The keys of a DBRef may.
//
// PyMongo: bson.BSON.encode(check_keys=True), as it was until 2.9.
func CheckKeys(argument string, doc bson.Raw) error {
	elements, err := doc.Elements()
	if err != nil {
		return &Error{Kind: InvalidDocument, Text: argument, Cause: err}
	}
	for _, e := range elements {
		key := e.Key()
		switch {
		case strings.HasPrefix(key, "$"):
			return Errorf(InvalidDocument, "%s: the key %q must not start with '$'", argument, key)
		case strings.Contains(key, "."):
			return Errorf(InvalidDocument, "%s: the key %q must not contain '.'", argument, key)
		}
		if err := checkKeysOf(argument, e.Value()); err != nil {
			return err
		}
	}
	return nil
}

// checkKeysOf is CheckKeys for a value within a document.
func checkKeysOf(argument string, value bson.RawValue) error {
	if doc, ok := value.DocumentOK(); ok && !isDBRef(doc) {
		return CheckKeys(argument, doc)
	}
	list, _ := value.ArrayOK()
	values, _ := list.Values()
	for _, v := range values {
		if err := checkKeysOf(argument, v); err != nil {
			return err
		}
	}
	return nil
}

// isDBRef reports whether a document is a DBRef, which begins with $ref and $id in this order.
func isDBRef(doc bson.Raw) bool {
	ref, err := doc.IndexErr(0)
	if err != nil || ref.Key() != "$ref" {
		return false
	}
	id, err := doc.IndexErr(1)
	return err == nil && id.Key() == "$id"
}
