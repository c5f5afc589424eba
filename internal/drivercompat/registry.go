package drivercompat

import (
	"bytes"
	"encoding/binary"
	"io"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// insertedID is the type that the driver decodes a document into to find its _id.
type insertedID = struct {
	ID any `bson:"_id"`
}

// WholeRegistry returns the registry for handles of the driver that send encoded documents. It does what the driver's
// own does, with four exceptions:
//
//   - A bson.Raw is written in one piece, and not element by element. Its elements are not checked.
//   - A bson.Raw that is the whole document is not copied: the driver appends the bytes of the bson.Raw to its message. They
//     must not change while the driver uses them.
//   - The driver decodes each document that it inserts, to tell its _id. It finds nil instead, unless the document has no
//     _id and the driver makes one. That decoding takes as long as encoding the document.
//   - [Documents] are written one after the other.
//
// The result is nil if the driver has changed so that this does not work.
func WholeRegistry() *bson.Registry { return wholeRegistry() }

var wholeRegistry = sync.OnceValue(func() *bson.Registry {
	registry := bson.NewRegistry()
	raw, err := newWholeEncoder(registry)
	if err != nil {
		return nil
	}
	registry.RegisterTypeEncoder(reflect.TypeFor[bson.Raw](), raw)
	registry.RegisterTypeEncoder(reflect.TypeFor[Documents](), bson.ValueEncoderFunc(raw.encodeDocuments))
	registry.RegisterTypeDecoder(reflect.TypeFor[insertedID](), bson.ValueDecoderFunc(
		func(bson.DecodeContext, bson.ValueReader, reflect.Value) error { return nil }))
	if !writesWhole(registry) {
		return nil
	}
	return registry
})

// Documents are encoded documents that the driver's InsertMany takes as one element, if [JoinsDocuments] is true. Each
// must have an _id, and all must fit into one command, because the driver does not count them. The errors of the reply
// have their indexes.
//
// For each element, the driver makes an encoder, and a decoder with a buffer of 4 KB to tell its _id. A command ends with
// its documents, one after the other, so the driver can do that once for all of them.
type Documents []bson.Raw

// JoinsDocuments reports whether the driver sends [Documents].
func JoinsDocuments() bool { return tested }

// writesWhole reports whether the registry encodes documents to the same bytes.
func writesWhole(registry *bson.Registry) bool {
	inner, err := bson.Marshal(bson.D{{Key: "a", Value: bson.A{1, "b"}}, {Key: "c", Value: bson.D{}}, {Key: "d", Value: nil}})
	if err != nil {
		return false
	}
	nested := bson.D{{Key: "e", Value: bson.Raw(inner)}, {Key: "f", Value: bson.A{bson.Raw(inner)}}}
	want, err := bson.Marshal(nested)
	if err != nil {
		return false
	}
	for _, v := range []any{nested, bson.Raw(want)} {
		var got bytes.Buffer
		e := bson.NewEncoder(bson.NewDocumentWriter(&got))
		e.SetRegistry(registry)
		if err := e.Encode(v); err != nil || !bytes.Equal(got.Bytes(), want) {
			return false
		}
	}
	return true
}

// wholeEncoder encodes a bson.Raw. The driver's writer copies the bytes of a single value as they are. So the encoder
// passes the bytes of all values as those of the first: they include the names and the types of the others.
type wholeEncoder struct {
	value  bson.ValueEncoder // of a bson.RawValue
	raw    bson.ValueEncoder // the driver's, for documents that are not valid
	writer *documentWriter   // nil: unknown
}

func newWholeEncoder(registry *bson.Registry) (e *wholeEncoder, err error) {
	e = new(wholeEncoder)
	if e.value, err = registry.LookupEncoder(reflect.TypeFor[bson.RawValue]()); err != nil {
		return nil, err
	}
	e.writer = newDocumentWriter()
	e.raw, err = registry.LookupEncoder(reflect.TypeFor[bson.Raw]())
	return e, err
}

// EncodeValue implements [bson.ValueEncoder].
func (e *wholeEncoder) EncodeValue(ec bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	const empty = 5 // bytes of an empty document
	raw := v.Bytes()
	if len(raw) <= empty || int64(binary.LittleEndian.Uint32(raw)) != int64(len(raw)) || raw[len(raw)-1] != 0 {
		return e.raw.EncodeValue(ec, w, v)
	}
	key, values, found := bytes.Cut(raw[empty:len(raw)-1], []byte{0})
	if !found {
		return e.raw.EncodeValue(ec, w, v)
	}
	if e.writer.adopt(w, raw) {
		return nil
	}
	doc, err := w.WriteDocument()
	if err != nil {
		return err
	}
	element, err := doc.WriteDocumentElement(text(key))
	if err != nil {
		return err
	}
	all := bson.RawValue{Type: bson.Type(raw[empty-1]), Value: values}
	if err := e.value.EncodeValue(ec, element, reflect.ValueOf(all)); err != nil {
		return err
	}
	return doc.WriteDocumentEnd()
}

// encodeDocuments encodes [Documents].
func (e *wholeEncoder) encodeDocuments(ec bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
	docs := v.Interface().(Documents)
	if e.writer.adopt(w, slices.Concat(docs...)) {
		return nil
	}
	for _, raw := range docs {
		if err := e.EncodeValue(ec, w, reflect.ValueOf(raw)); err != nil {
			return err
		}
	}
	return nil
}

// text returns a key as a string. That of most filters is not allocated.
func text(key []byte) string {
	const id = "_id"
	if string(key) == id {
		return id
	}
	return string(key)
}

// documentWriter knows the fields of the driver's writer of documents.
//
// That writer copies a document into its own buffer, and then into that of the bytes.Buffer below it. Both start empty and
// have the size of the document in the end. For documents that are as large as chunks of GridFS, making them takes longer
// than all the rest of the encoding.
type documentWriter struct {
	kind                reflect.Type // a pointer
	sink, buffer, frame uintptr      // where an io.Writer, the bytes that it has not got yet, and the depth are
}

// newDocumentWriter returns nil if the driver may have changed these fields.
func newDocumentWriter() *documentWriter {
	if !tested {
		return nil
	}
	kind := reflect.TypeOf(bson.NewDocumentWriter(nil))
	if kind.Kind() != reflect.Pointer || kind.Elem().Kind() != reflect.Struct {
		return nil
	}
	d := &documentWriter{kind: kind}
	if !located(
		field{of: kind.Elem(), name: "w", kind: reflect.TypeFor[io.Writer](), at: &d.sink},
		field{of: kind.Elem(), name: "buf", kind: reflect.TypeFor[[]byte](), at: &d.buffer},
		field{of: kind.Elem(), name: "frame", kind: reflect.TypeFor[int64](), at: &d.frame},
	) {
		return nil
	}
	return d
}

// adopt makes raw the content of the bytes.Buffer that w writes to, without a copy. It reports false, and does nothing,
// unless w is a writer that has written nothing yet to a bytes.Buffer without memory.
func (d *documentWriter) adopt(w bson.ValueWriter, raw []byte) bool {
	if d == nil || reflect.TypeOf(w) != d.kind {
		return false
	}
	p := reflect.ValueOf(w).UnsafePointer()
	sink, ok := (*(*io.Writer)(unsafe.Add(p, d.sink))).(*bytes.Buffer)
	if !ok || sink == nil || sink.Cap() > 0 || len(*(*[]byte)(unsafe.Add(p, d.buffer))) > 0 || *(*int64)(unsafe.Add(p, d.frame)) != 0 {
		return false
	}
	*sink = *bytes.NewBuffer(raw[:len(raw):len(raw)])
	return true
}
