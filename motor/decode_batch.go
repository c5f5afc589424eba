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
func decodeBatch[D any](c *codec, driver *mongo.Cursor) (b decoded[D]) {
	switch any(&b.docs).(type) {
	case *[]bson.Raw, *[]RawBatch:
		return decodeAll[D](c, batchOf(driver))
	}
	r := c.reader()
	defer r.release()
	b.docs = make([]D, driver.RemainingBatchLength()+1)
	for i := range b.docs {
		if i > 0 && !driver.Next(context.Background()) { // within the batch: no I/O
			b.docs = b.docs[:i]
			break
		}
		if b.bad = decodeInto(c, r, driver.Current, &b.docs[i]); b.bad != nil {
			b.docs = b.docs[:i]
			if driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) {
				b.after = batchOf(driver)
			}
			break
		}
	}
	return b
}

// decodeAll decodes documents whose memory is not used for anything else: they may keep it. A [RawBatch] is all of them.
func decodeAll[D any](c *codec, raws []bson.Raw) (b decoded[D]) {
	if docs, ok := any(&b.docs).(*[]RawBatch); ok && len(raws) > 0 {
		*docs = []RawBatch{RawBatch(slices.Concat(raws...))}
		return b
	}
	r := c.reader()
	defer r.release()
	b.docs = make([]D, len(raws))
	for i, raw := range raws {
		if b.bad = decodeInto(c, r, raw, &b.docs[i]); b.bad != nil {
			b.docs, b.after = b.docs[:i], raws[i+1:]
			break
		}
	}
	return b
}

// batchOf copies what the driver has fetched, in pieces: a document that is kept keeps its piece, not the whole batch.
func batchOf(driver *mongo.Cursor) []bson.Raw {
	docs := make([]bson.Raw, 0, driver.RemainingBatchLength()+1)
	var piece pieces
	for more := true; more; more = driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) { // no I/O
		docs = append(docs, piece.copy(driver.Current, driver.RemainingBatchLength()))
	}
	return docs
}

// pieces is memory for copies of documents.
type pieces []byte

// copy returns a copy of a document that is followed by others, of which left are left.
func (p *pieces) copy(raw bson.Raw, left int) bson.Raw {
	const most = 16 * 1024 // bytes of a piece
	if len(raw) > cap(*p)-len(*p) {
		*p = make([]byte, 0, max(len(raw), min((left+1)*len(raw), most)))
	}
	from := len(*p)
	*p = append(*p, raw...)
	return bson.Raw((*p)[from:len(*p):len(*p)])
}
