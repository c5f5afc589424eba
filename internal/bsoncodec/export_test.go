package bsoncodec

import "reflect"

import "go.mongodb.org/mongo-driver/v2/bson"

// Documents are decoded in two ways: by a reader, and by the driver's decoder where a registry or an option asks for
// it. The tests compare them.

// ReadDocument decodes with a reader.
func ReadDocument[D bson.M | bson.D](raw []byte, tzAware bool) (doc D, err error) {
	c := &Codec{TZAware: tzAware}
	r := c.reader()
	defer r.release()
	err = r.decode(raw, &doc)
	return doc, err
}

// UnmarshalDocument decodes with the driver's decoder.
func UnmarshalDocument[D bson.M | bson.D](raw []byte, tzAware bool) (doc D, err error) {
	c := &Codec{TZAware: tzAware}
	err = c.unmarshal(raw, &doc)
	return doc, err
}

// WriteDocument encodes without the driver's encoder. ok is false if only the driver's encoder can encode v.
func WriteDocument(v any) (raw bson.Raw, ok bool) { return write(v) }

// HasPlan reports whether there is a plan for a type.
func HasPlan(t reflect.Type) bool { return planOf(t) != nil }
