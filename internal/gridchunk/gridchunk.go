// Package gridchunk builds the documents of GridFS chunks from the bytes of a file.
//
// The package follows MongoDB's GridFS specification. It knows neither servers nor files.
//
// # Cost
//
// A byte is copied once, from its source into the document that is sent. A buffer doubles its size until it has reached
// its limit, and keeps its memory for the next documents.
package gridchunk

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	int32Size   = 4
	subtypeSize = 1
	idAt        = int32Size + len("\x07_id\x00") // where the _id of a chunk starts
	// minGrowth is the number of bytes for which an empty buffer has room.
	minGrowth = 4096
	// maxIdle is how many times in a row a reader may return neither bytes nor an error.
	maxIdle = 100
)

// Buffer collects the bytes of a file as documents of chunks. It is not safe for concurrent use.
type Buffer struct {
	header   []byte // of each document: everything before the data
	numberAt int    // where the number of the chunk starts
	size     int    // how many bytes of data a chunk has
	most     int    // how many chunks the buffer holds

	docs   []bson.Raw // all but the last one are full
	length int        // bytes of data in docs
}

// New returns a buffer for at most n chunks of a file. A chunk has size bytes of data. Both must be at least 1. id is
// the _id of the file.
func New(id bson.RawValue, size, n int) *Buffer {
	b := &Buffer{size: size, most: n}
	header := append(make([]byte, int32Size), "\x07_id\x00"...)
	header = append(header, make([]byte, len(bson.ObjectID{}))...)
	header = append(append(header, byte(id.Type)), "files_id\x00"...)
	header = append(header, id.Value...)
	header = append(header, "\x10n\x00"...)
	b.numberAt = len(header)
	header = append(header, make([]byte, int32Size)...)
	header = append(header, "\x05data\x00"...)
	b.header = append(header, make([]byte, int32Size+subtypeSize)...) // of the subtype 0
	return b
}

// Len returns how many bytes of data the buffer has.
func (b *Buffer) Len() int { return b.length }

// Room returns how many bytes of data can be added.
func (b *Buffer) Room() int { return b.most*b.size - b.length }

// Append adds data, or as much of it as there is room for. It returns the number of bytes that it has added.
func (b *Buffer) Append(data []byte) (n int) {
	for n < len(data) && b.Room() > 0 {
		n += b.extend(copy(b.space(len(data)-n), data[n:]))
	}
	return n
}

// Fill adds the bytes of a reader until there is no room. It returns the number of bytes that it has added, and the
// error of the reader: io.EOF if the reader has ended.
//
// Errors: those of the reader; io.ErrNoProgress; an error for a reader that returns an impossible number of bytes.
func (b *Buffer) Fill(r io.Reader) (n int, err error) {
	for idle := 0; err == nil && b.Room() > 0; {
		space, more := b.space(1), 0
		more, err = r.Read(space)
		if more < 0 || more > len(space) {
			return n, fmt.Errorf("invalid result %d of Read: need at least 0 and at most %d", more, len(space))
		}
		if n += b.extend(more); more > 0 {
			idle = 0
		} else if idle++; idle == maxIdle && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

// space returns where the next bytes of data go: at least one and, if they fit into the chunk, at least n. There must be
// room.
func (b *Buffer) space(n int) []byte {
	used := b.length % b.size // of the last chunk
	if used == 0 && b.length == len(b.docs)*b.size {
		b.addChunk()
	}
	doc := b.docs[len(b.docs)-1]
	left := b.size - used
	free := cap(doc) - len(doc) - 1 // the last byte of a document is 0
	if need := min(n, left); free < need {
		grown := make(bson.Raw, len(doc), len(doc)+max(need, min(left, max(b.length, minGrowth)))+1)
		copy(grown, doc)
		b.docs[len(b.docs)-1] = grown
		doc, free = grown, cap(grown)-len(grown)-1
	}
	end := len(doc) + min(free, left)
	return doc[len(doc):end:end]
}

// addChunk adds a chunk without data. It uses the memory of an earlier one, if there is any.
func (b *Buffer) addChunk() {
	if len(b.docs) < cap(b.docs) {
		b.docs = b.docs[:len(b.docs)+1]
	} else {
		b.docs = append(b.docs, nil)
	}
	last := &b.docs[len(b.docs)-1]
	*last = append((*last)[:0], b.header...)
}

// extend adds the first n bytes of the result of space. It returns n.
func (b *Buffer) extend(n int) int {
	last := &b.docs[len(b.docs)-1]
	*last = (*last)[:len(*last)+n]
	b.length += n
	return n
}

// Documents returns the chunks. The first one has the number n. The last one may have less data than the others. The
// result is valid until Reset, which must be called before more data is added.
func (b *Buffer) Documents(n int) []bson.Raw {
	docs := b.withData()
	for i, doc := range docs {
		size := b.sizeOf(i)
		doc = append(doc[:len(b.header)+size], 0)
		binary.LittleEndian.PutUint32(doc, uint32(len(doc)))
		id := bson.NewObjectID()
		copy(doc[idAt:], id[:])
		binary.LittleEndian.PutUint32(doc[b.numberAt:], uint32(n+i))
		binary.LittleEndian.PutUint32(doc[len(b.header)-subtypeSize-int32Size:], uint32(size))
		docs[i] = doc
	}
	return docs
}

// Data returns the data of the chunks.
func (b *Buffer) Data() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i, doc := range b.withData() {
			if !yield(doc[len(b.header):][:b.sizeOf(i)]) {
				return
			}
		}
	}
}

// withData returns the chunks that have data. Only the last chunk may have none, after a reader that had none.
func (b *Buffer) withData() []bson.Raw { return b.docs[:(b.length+b.size-1)/b.size] }

// sizeOf returns how many bytes of data chunk i has.
func (b *Buffer) sizeOf(i int) int { return min(b.size, b.length-i*b.size) }

// Reset removes all data.
func (b *Buffer) Reset() { b.docs, b.length = b.docs[:0], 0 }
