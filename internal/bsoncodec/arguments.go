package bsoncodec

import (
	"encoding/binary"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Document returns v as a document. argument is the name of v in errors.
//
// Errors: [WrongType] for a value that cannot be a document; [CannotEncode].
func (c *Codec) Document(argument string, v any) (raw bson.Raw, err error) {
	if err := CheckType(argument, v); err != nil {
		return nil, err
	}
	if raw, err = c.marshal(v); err != nil {
		return nil, &Error{Kind: CannotEncode, Text: argument, Value: v, Cause: err}
	}
	return raw, nil
}

// Ordered is [Codec.Document] for a document whose keys have an order that matters. A map of several keys is an error
// of kind [WrongType].
func (c *Codec) Ordered(argument string, v any) (bson.Raw, error) {
	if value := reflect.ValueOf(v); value.Kind() == reflect.Map && value.Len() > 1 {
		return nil, Errorf(WrongType, "%s: the order of its keys matters, so it must be a bson.D, not a map", argument)
	}
	return c.Document(argument, v)
}

// Update returns an update as the driver takes it: a document, or a list of documents of a pipeline.
//
// Errors: as in [Codec.Document]; [WrongValue] if an operator is missing.
func (c *Codec) Update(v any) (any, error) {
	if !IsList(v) {
		raw, err := c.Document("update", v)
		if err != nil {
			return nil, err
		}
		return raw, checkOperators(raw)
	}
	list := reflect.ValueOf(v)
	stages := make([]bson.Raw, list.Len())
	for i := range stages {
		raw, err := c.Document("a stage of the update", list.Index(i).Interface())
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

func checkOperators(update bson.Raw) error {
	e, err := update.IndexErr(0)
	if err != nil {
		return Errorf(WrongValue, "update is empty")
	}
	if !strings.HasPrefix(e.Key(), "$") {
		return Errorf(WrongValue, "update has no operator: its first key is %q; use ReplaceOne to replace a document", e.Key())
	}
	return nil
}

// Replacement returns v as a document.
//
// Errors: as in [Codec.Document]; [WrongValue] if it has operators.
func (c *Codec) Replacement(v any) (bson.Raw, error) {
	raw, err := c.Document("replacement", v)
	if err != nil {
		return nil, err
	}
	return raw, CheckReplacement(raw)
}

// CheckReplacement returns an error of kind [WrongValue] if a replacement has operators.
func CheckReplacement(raw bson.Raw) error {
	if e, err := raw.IndexErr(0); err == nil && strings.HasPrefix(e.Key(), "$") {
		return Errorf(WrongValue, "replacement cannot have the operator %q: use UpdateOne for that", e.Key())
	}
	return nil
}

// Documents returns the documents of v, a slice.
//
// Errors: as in [Codec.Document]; [WrongType] if v is not a slice of documents, or empty.
func (c *Codec) Documents(v any) ([]bson.Raw, error) {
	if !IsList(v) {
		return nil, Errorf(WrongType, "documents must be a slice of documents, not %T", v)
	}
	list := reflect.ValueOf(v)
	if list.Len() == 0 {
		return nil, Errorf(WrongType, "documents must have at least one document")
	}
	docs := make([]bson.Raw, list.Len())
	for i := range docs {
		raw, err := c.Document("a document", list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		docs[i] = raw
	}
	return docs, nil
}

// Pipeline returns the stages of v, a slice of documents whose order matters.
//
// Errors: as in [Codec.Ordered]; [WrongType] if v is not a slice.
func (c *Codec) Pipeline(v any) ([]bson.Raw, error) {
	if !IsList(v) {
		return nil, Errorf(WrongType, "pipeline must be a slice of stages, not %T", v)
	}
	list := reflect.ValueOf(v)
	stages := make([]bson.Raw, list.Len())
	for i := range stages {
		var err error
		if stages[i], err = c.Ordered("a stage of the pipeline", list.Index(i).Interface()); err != nil {
			return nil, err
		}
	}
	return stages, nil
}

// IsList reports whether v is a slice of documents. Some documents are slices too, such as a bson.D.
func IsList(v any) bool {
	switch v.(type) {
	case bson.D, bson.Raw, []byte, bson.Marshaler, bson.ValueMarshaler:
		return false
	}
	kind := reflect.ValueOf(v).Kind()
	return kind == reflect.Slice || kind == reflect.Array
}

// CheckType returns an error of kind [WrongType] if v cannot be a document.
func CheckType(argument string, v any) error {
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
		if hops > MaxDepth { // a pointer to itself
			break
		}
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Invalid:
		return Errorf(WrongType, "%s is nil", argument)
	case reflect.Struct:
		return nil
	case reflect.Map, reflect.Slice:
		if value.IsNil() {
			return Errorf(WrongType, "%s is nil", argument)
		}
		if value.Kind() == reflect.Map || !IsList(value.Interface()) {
			return nil
		}
	}
	return Errorf(WrongType, "%s must be a document, not %T", argument, v)
}

// WithID returns the document with an _id, and the _id. A document without one gets an ObjectID, as its first element.
//
// Errors: [InvalidDocument].
func WithID(doc bson.Raw) (bson.Raw, any, error) {
	if value, err := doc.LookupErr("_id"); err == nil {
		var id any
		if err := value.Unmarshal(&id); err != nil {
			return nil, nil, &Error{Kind: InvalidDocument, Text: "_id", Cause: err}
		}
		return doc, id, nil
	}
	id := bson.NewObjectID()
	element := append([]byte("\x07_id\x00"), id[:]...)
	with := make(bson.Raw, 4, len(doc)+len(element))
	with = append(append(with, element...), doc[4:]...)
	binary.LittleEndian.PutUint32(with, uint32(len(with)))
	return with, id, nil
}

// WithField returns doc with a field set.
//
// Errors: [InvalidDocument].
func WithField(doc bson.Raw, key string, value any) (bson.Raw, error) {
	elements, err := doc.Elements()
	if err != nil {
		return nil, &Error{Kind: InvalidDocument, Cause: err}
	}
	with := make(bson.D, 0, len(elements)+1)
	for _, e := range elements {
		if e.Key() != key {
			with = append(with, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return bson.Marshal(append(with, bson.E{Key: key, Value: value}))
}
