package bsoncodec

import "go.mongodb.org/mongo-driver/v2/bson"

// depthWriter is a ValueWriter that refuses documents and arrays nested deeper than [MaxDepth]. It counts the levels that
// an encoder writes, so it works for every encoder, including those of the user.
type depthWriter struct {
	bson.ValueWriter
	depth int // how many documents and arrays the value is in
}

// deeper returns an error if no document or array may begin here.
func (w *depthWriter) deeper() error {
	if w.depth >= MaxDepth {
		return ErrTooDeep
	}
	return nil
}

// WriteDocument implements bson.ValueWriter.
func (w *depthWriter) WriteDocument() (bson.DocumentWriter, error) {
	if err := w.deeper(); err != nil {
		return nil, err
	}
	d, err := w.ValueWriter.WriteDocument()
	return &depthDocumentWriter{d, w.depth + 1}, err
}

// WriteCodeWithScope implements bson.ValueWriter.
func (w *depthWriter) WriteCodeWithScope(code string) (bson.DocumentWriter, error) {
	if err := w.deeper(); err != nil {
		return nil, err
	}
	d, err := w.ValueWriter.WriteCodeWithScope(code)
	return &depthDocumentWriter{d, w.depth + 1}, err
}

// WriteArray implements bson.ValueWriter.
func (w *depthWriter) WriteArray() (bson.ArrayWriter, error) {
	if err := w.deeper(); err != nil {
		return nil, err
	}
	a, err := w.ValueWriter.WriteArray()
	return &depthArrayWriter{a, w.depth + 1}, err
}

type depthDocumentWriter struct {
	bson.DocumentWriter
	depth int
}

// WriteDocumentElement implements bson.DocumentWriter.
func (d *depthDocumentWriter) WriteDocumentElement(key string) (bson.ValueWriter, error) {
	w, err := d.DocumentWriter.WriteDocumentElement(key)
	return &depthWriter{w, d.depth}, err
}

type depthArrayWriter struct {
	bson.ArrayWriter
	depth int
}

// WriteArrayElement implements bson.ArrayWriter.
func (a *depthArrayWriter) WriteArrayElement() (bson.ValueWriter, error) {
	w, err := a.ArrayWriter.WriteArrayElement()
	return &depthWriter{w, a.depth}, err
}
