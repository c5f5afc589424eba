package motor

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

// gridFile is the document of a file.
type gridFile struct {
	doc       bson.Raw
	length    int64
	chunkSize int64
}

func newGridFile(doc bson.Raw) *gridFile {
	f := &gridFile{doc: doc}
	f.length, _ = doc.Lookup("length").AsInt64OK()
	f.chunkSize, _ = doc.Lookup("chunkSize").AsInt64OK()
	return f
}

// check returns CorruptGridFile if the document cannot be that of a file with chunks.
func (f *gridFile) check() error {
	switch {
	case f.length < 0:
		return newError(CorruptGridFile, "the file's length is %d", f.length)
	case f.length > 0 && f.chunkSize <= 0:
		return newError(CorruptGridFile, "the file has no chunk size")
	}
	return nil
}

// last returns the number of the last chunk, or -1 if there is none.
func (f *gridFile) last() int64 {
	if f.length == 0 {
		return -1
	}
	return (f.length - 1) / f.chunkSize
}

// sizeOf returns how many bytes chunk n must have.
func (f *gridFile) sizeOf(n int64) int64 {
	if n == f.last() {
		return f.length - n*f.chunkSize
	}
	return f.chunkSize
}

// text returns a string of the document, or "".
func (f *gridFile) text(key string) string {
	s, _ := f.doc.Lookup(key).StringValueOK()
	return s
}

// fieldNames are the names of a file's fields as Motor's attributes are called, where the document has others.
var fieldNames = map[string]string{
	"name": "filename", "content_type": "contentType", "chunk_size": "chunkSize", "upload_date": "uploadDate",
}

// fieldName returns the name that a field has in the document.
func fieldName(name string) string {
	if own, ok := fieldNames[name]; ok {
		return own
	}
	return name
}
