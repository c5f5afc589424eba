package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// decoded is what has become of documents that came together.
type decoded[D any] struct {
	docs  []D
	bad   error      // what follows docs is a document that cannot be decoded,
	after []bson.Raw // and then come these
}

// decodeBatch decodes what the driver has fetched. It keeps nothing of that memory, which is the driver's to reuse.
func decodeBatch[D any](c *Collection[D], driver *mongo.Cursor) (b decoded[D]) {
	switch any((*D)(nil)).(type) {
	case *bson.Raw, *RawBatch:
		return decodeList(c, batchOf(driver))
	}
	r := c.codec.reader()
	defer r.release()
	b.docs = make([]D, driver.RemainingBatchLength()+1)
	for i := range b.docs {
		if i > 0 && !driver.Next(context.Background()) { // within the batch: no I/O
			b.docs = b.docs[:i]
			break
		}
		if b.bad = decodeInto(&c.codec, r, driver.Current, &b.docs[i]); b.bad != nil {
			b.docs = b.docs[:i]
			if driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) {
				b.after = batchOf(driver)
			}
			break
		}
	}
	return b
}

// decodeList decodes documents whose memory is not used for anything else: they may keep it. Those of a batch that
// is wanted as it is become one.
func decodeList[D any](c *Collection[D], raws []bson.Raw) (b decoded[D]) {
	if whole, ok := any(&b.docs).(*[]RawBatch); ok && len(raws) > 0 {
		*whole = []RawBatch{RawBatch(slices.Concat(raws...))}
		return b
	}
	r := c.codec.reader()
	defer r.release()
	b.docs = make([]D, len(raws))
	for i, raw := range raws {
		if b.bad = decodeInto(&c.codec, r, raw, &b.docs[i]); b.bad != nil {
			b.docs, b.after = b.docs[:i], raws[i+1:]
			break
		}
	}
	return b
}

// batchOf copies what the driver has fetched, in pieces: a document that is kept keeps its piece, not the whole batch.
func batchOf(driver *mongo.Cursor) []bson.Raw {
	const most = 16 * 1024 // bytes of a piece
	docs := make([]bson.Raw, 0, driver.RemainingBatchLength()+1)
	var piece []byte
	for more := true; more; more = driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) { // no I/O
		raw := driver.Current
		if len(raw) > cap(piece)-len(piece) {
			left := driver.RemainingBatchLength() + 1
			piece = make([]byte, 0, max(len(raw), min(left*len(raw), most)))
		}
		from := len(piece)
		piece = append(piece, raw...)
		docs = append(docs, bson.Raw(piece[from:len(piece):len(piece)]))
	}
	return docs
}
