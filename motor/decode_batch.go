package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// docList is a list of documents whose type only the generic methods of a cursor know: a pointer to docs[D]. It has few
// methods, since the compiler builds each of them for each type of documents in the package of the user.
type docList interface {
	// pair returns two new lists of the same type, without documents. The receiver may be a nil pointer.
	pair() (docList, docList)
	// size returns the number of documents.
	size() int
	// reset makes it a list of n zero documents.
	reset(n int)
	// at returns a pointer to document i.
	at(i int) any
	// move moves the first n documents behind those of another list of the same type, or before them.
	move(n int, to docList, before bool)
}

type docs[D any] []D

func (l *docs[D]) pair() (docList, docList) {
	var both struct{ one, other docs[D] }
	return &both.one, &both.other
}

func (l *docs[D]) size() int { return len(*l) }

func (l *docs[D]) at(i int) any { return &(*l)[i] }

func (l *docs[D]) reset(n int) {
	if *l = nil; n > 0 {
		*l = make(docs[D], n)
	}
}

func (l *docs[D]) move(n int, to docList, before bool) {
	from, other := *l, to.(*docs[D])
	switch {
	case len(*other) == 0 && n == len(from): // as it is: no copy of documents that came in one batch
		*other, *l = from, nil
		return
	case before:
		*other = append(append(make(docs[D], 0, n+len(*other)), from[:n]...), *other...)
	default:
		*other = append(*other, from[:n]...)
	}
	clear(from[:n])
	if *l = from[n:]; n == len(from) {
		*l = nil
	}
}

// docBatch is a batch of documents, decoded as far as that is possible.
type docBatch struct {
	docs      docList
	decodeErr error      // the document that follows docs cannot be decoded,
	undecoded []bson.Raw // and these come after it
}

// decodeBatch decodes, into a list, the documents that the driver has fetched. It keeps nothing of their memory, which
// the driver uses again.
func decodeBatch(c *codec, driver *mongo.Cursor, list docList) docBatch {
	switch list.(type) {
	case *docs[bson.Raw], *docs[RawBatch]:
		return decodeAll(c, cloneBatch(driver), list)
	}
	b := docBatch{docs: list}
	d := c.Decoder()
	defer d.Release()
	n := driver.RemainingBatchLength() + 1
	list.reset(n)
	for i := range n {
		if i > 0 && !driver.Next(context.Background()) { // within the batch: no I/O
			b.keep(i)
			break
		}
		if b.decodeErr = codecError(d.Decode(driver.Current, list.at(i))); b.decodeErr != nil {
			b.keep(i)
			if driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) {
				b.undecoded = cloneBatch(driver)
			}
			break
		}
	}
	return b
}

// decodeAll decodes, into a list, documents whose memory is used for nothing else, so that the result may keep it. A
// [RawBatch] is all of them.
func decodeAll(c *codec, raws []bson.Raw, list docList) docBatch {
	b := docBatch{docs: list}
	if batches, ok := list.(*docs[RawBatch]); ok && len(raws) > 0 {
		*batches = docs[RawBatch]{RawBatch(slices.Concat(raws...))}
		return b
	}
	d := c.Decoder()
	defer d.Release()
	list.reset(len(raws))
	for i, raw := range raws {
		if b.decodeErr = codecError(d.Decode(raw, list.at(i))); b.decodeErr != nil {
			b.keep(i)
			b.undecoded = raws[i+1:]
			break
		}
	}
	return b
}

// keep drops all documents except the first n.
func (b *docBatch) keep(n int) {
	kept, _ := b.docs.pair()
	b.docs.move(n, kept, false)
	b.docs.reset(0)
	kept.move(n, b.docs, false)
}

// cloneBatch copies the documents that the driver has fetched, in blocks: a document that is kept keeps its block, not
// the whole batch.
func cloneBatch(driver *mongo.Cursor) []bson.Raw {
	docs := make([]bson.Raw, 0, driver.RemainingBatchLength()+1)
	var memory bsoncodec.Arena
	for more := true; more; more = driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) { // no I/O
		docs = append(docs, memory.Copy(driver.Current, driver.RemainingBatchLength()))
	}
	return docs
}
