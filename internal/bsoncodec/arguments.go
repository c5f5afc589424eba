package motor

import (
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// codec is how a handle makes documents of values and values of documents: by the registry and the BSON options of
// its client, or those that the handle was given itself.
//
// Arguments are encoded when an operation is called, not when it runs: a caller may go on using its map or struct at
// once, and a document that cannot be encoded is refused before anything is queued.
type codec struct {
	registry *bson.Registry
	options  *options.BSONOptions
	tzAware  bool       // a date in a bson.M or bson.D is a time.Time, not a bson.DateTime
	indexes  bool       // documents describe indexes: see orderKeys
	files    *gridFiles // documents describe files of it, and are decoded into a *GridOut
}

// with returns the codec of a handle below the one of c.
func (c codec) with(registry *bson.Registry, bsonOptions *options.BSONOptions) codec {
	if registry != nil {
		c.registry = registry
	}
	if bsonOptions != nil {
		c.options = bsonOptions
	}
	return c
}

// encode returns v as a document. argument is what the errors call it: [TypeError] for what cannot be a document,
// [InvalidDocument] for what cannot be encoded.
func (c *codec) encode(argument string, v any) (raw bson.Raw, err error) {
	if err := checkDocument(argument, v); err != nil {
		return nil, err
	}
	if raw, err = c.marshal(v); err != nil {
		return nil, &Error{class: InvalidDocument, text: argument, cause: mongo.MarshalError{Value: v, Err: err}}
	}
	return raw, nil
}

// encodeCommand is encode for a document whose order matters.
func (c *codec) encodeCommand(argument string, v any) (bson.Raw, error) {
	if value := reflect.ValueOf(v); value.Kind() == reflect.Map && value.Len() > 1 {
		return nil, newError(TypeError, "%s: the order of its keys matters, so it must be a bson.D, not a map", argument)
	}
	return c.encode(argument, v)
}

// encodeUpdate returns v, an update document or a pipeline of such, for the driver. [ValueError] if an operator is
// missing.
func (c *codec) encodeUpdate(v any) (any, error) {
	if !isPipeline(v) {
		raw, err := c.encode("update", v)
		if err != nil {
			return nil, err
		}
		return raw, checkOperators(raw)
	}
	list := reflect.ValueOf(v)
	stages := make([]bson.Raw, list.Len())
	for i := range stages {
		raw, err := c.encode("a stage of the update", list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		if err := checkOperators(raw); err != nil {
			return nil, err
		}
		stages[i] = raw
	}
	return stages, nil
}

// encodeReplacement returns v as a document. [ValueError] if it has operators.
func (c *codec) encodeReplacement(v any) (bson.Raw, error) {
	raw, err := c.encode("replacement", v)
	if err != nil {
		return nil, err
	}
	return raw, checkReplacement(raw)
}

func checkReplacement(raw bson.Raw) error {
	if e, err := raw.IndexErr(0); err == nil && strings.HasPrefix(e.Key(), "$") {
		return newError(ValueError, "replacement cannot have the operator %q: use UpdateOne for that", e.Key())
	}
	return nil
}

func checkOperators(update bson.Raw) error {
	e, err := update.IndexErr(0)
	if err != nil {
		return newError(ValueError, "update is empty")
	}
	if !strings.HasPrefix(e.Key(), "$") {
		return newError(ValueError, "update has no operator: its first key is %q; use ReplaceOne to replace a document", e.Key())
	}
	return nil
}

// encodeAll returns the documents of v, a slice.
func (c *codec) encodeAll(v any) ([]bson.Raw, error) {
	if !isPipeline(v) {
		return nil, newError(TypeError, "documents must be a slice of documents, not %T", v)
	}
	list := reflect.ValueOf(v)
	if list.Len() == 0 {
		return nil, newError(TypeError, "documents must have at least one document")
	}
	docs := make([]bson.Raw, list.Len())
	for i := range docs {
		raw, err := c.encode("a document", list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		docs[i] = raw
	}
	return docs, nil
}

// isPipeline tells slices of documents from the slices that are documents.
func isPipeline(v any) bool {
	switch v.(type) {
	case bson.D, bson.Raw, []byte, bson.Marshaler, bson.ValueMarshaler:
		return false
	}
	kind := reflect.ValueOf(v).Kind()
	return kind == reflect.Slice || kind == reflect.Array
}

// checkDocument returns TypeError if v cannot be a document.
func checkDocument(argument string, v any) error {
	switch d := v.(type) {
	case bson.D:
		if d != nil {
			return nil
		}
	case bson.M:
		if d != nil {
			return nil
		}
	case bson.Marshaler, bson.ValueMarshaler:
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			break
		}
		return nil
	}
	value := reflect.ValueOf(v)
	for hops := 0; value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface; hops++ {
		if hops > maxDepth { // a pointer to itself
			break
		}
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Invalid:
		return newError(TypeError, "%s is nil", argument)
	case reflect.Struct:
		return nil
	case reflect.Map, reflect.Slice:
		if value.IsNil() {
			return newError(TypeError, "%s is nil", argument)
		}
		if value.Kind() == reflect.Map || !isPipeline(value.Interface()) {
			return nil
		}
	}
	return newError(TypeError, "%s must be a document, not %T", argument, v)
}

func enable(on bool, set func()) {
	if on {
		set()
	}
}
