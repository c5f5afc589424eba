package bsoncodec

import "go.mongodb.org/mongo-driver/v2/bson"

// Arena copies documents into blocks of at most 16 KiB. A document that the caller keeps then keeps its block in memory,
// and not the whole batch that it came with. The zero value is ready for use.
type Arena []byte

// Copy returns a copy of a document. left is the number of documents that will be copied after it.
func (a *Arena) Copy(raw bson.Raw, left int) bson.Raw {
	const blockSize = 16 * 1024
	if len(raw) > cap(*a)-len(*a) {
		*a = make([]byte, 0, max(len(raw), min((left+1)*len(raw), blockSize)))
	}
	from := len(*a)
	*a = append(*a, raw...)
	return bson.Raw((*a)[from:len(*a):len(*a)])
}
