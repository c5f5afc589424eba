package hostile

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Mutator makes wrong replies from valid ones. Equal seeds make equal replies.
type Mutator struct{ rand *rand.Rand }

// NewMutator returns a mutator.
func NewMutator(seed uint64) *Mutator { return &Mutator{rand.New(rand.NewPCG(seed, seed))} }

// Mutate returns a wrong form of a reply. Most have one mistake. Some are no valid BSON.
func (m *Mutator) Mutate(reply bson.D) []byte {
	for m.rand.IntN(4) == 0 {
		reply = m.document(reply)
	}
	reply = m.document(reply)
	raw := encode(reply)
	if m.rand.IntN(3) == 0 {
		raw = m.corrupt(raw)
	}
	return raw
}

// document changes a field of a document, at any depth.
func (m *Mutator) document(doc bson.D) bson.D {
	doc = append(bson.D{}, doc...)
	if len(doc) == 0 {
		return append(doc, bson.E{Key: "x", Value: m.value(0)})
	}
	i := m.rand.IntN(len(doc))
	switch inner := doc[i].Value.(type) {
	case bson.D:
		if m.rand.IntN(4) > 0 {
			doc[i].Value = m.document(inner)
			return doc
		}
	case bson.A:
		if m.rand.IntN(4) > 0 {
			doc[i].Value = m.list(inner)
			return doc
		}
	}
	switch m.rand.IntN(8) {
	case 0: // remove
		return append(doc[:i:i], doc[i+1:]...)
	case 1: // repeat
		return append(doc, bson.E{Key: doc[i].Key, Value: m.value(0)})
	case 2: // rename
		doc[i].Key += "x"
	default:
		doc[i].Value = m.value(0)
	}
	return doc
}

func (m *Mutator) list(list bson.A) bson.A {
	list = append(bson.A{}, list...)
	if len(list) == 0 {
		return append(list, m.value(0))
	}
	i := m.rand.IntN(len(list))
	switch inner := list[i].(type) {
	case bson.D:
		if m.rand.IntN(3) > 0 {
			list[i] = m.document(inner)
			return list
		}
	}
	if m.rand.IntN(3) == 0 {
		return append(list[:i:i], list[i+1:]...)
	}
	list[i] = m.value(0)
	return list
}

// value returns a value of any type.
func (m *Mutator) value(depth int) any {
	if depth > 3 {
		return int32(1)
	}
	switch m.rand.IntN(22) {
	case 0:
		return nil
	case 1:
		return m.rand.IntN(2) == 0
	case 2:
		return int32(m.rand.Int32())
	case 3:
		return -m.rand.Int64()
	case 4:
		return [...]float64{0, -1, 1.5, math.NaN(), math.Inf(1), 1e300}[m.rand.IntN(6)]
	case 5:
		return [...]string{"", "x", "\xff\xfe", "a.b.c", "$cmd"}[m.rand.IntN(5)]
	case 6:
		return bson.D{}
	case 7:
		return bson.D{{Key: "a", Value: m.value(depth + 1)}, {Key: "", Value: m.value(depth + 1)}}
	case 8:
		return bson.A{}
	case 9:
		return bson.A{m.value(depth + 1), m.value(depth + 1)}
	case 10:
		return bson.Binary{Subtype: byte(m.rand.IntN(256)), Data: []byte("abc")}
	case 11:
		return bson.ObjectID{1, 2, 3}
	case 12:
		return bson.Timestamp{T: m.rand.Uint32(), I: 1}
	case 13:
		return bson.NewDateTimeFromTime(time.UnixMilli(m.rand.Int64()))
	case 14:
		return bson.Regex{Pattern: "(", Options: "zz"}
	case 15:
		return bson.NewDecimal128(math.MaxUint64, m.rand.Uint64())
	case 16:
		return bson.MinKey{}
	case 17:
		return bson.Symbol("s")
	case 18:
		return bson.CodeWithScope{Code: "x", Scope: bson.D{}}
	case 19:
		return deep(20_000)
	case 20:
		return int64(math.MaxInt64)
	}
	return int64(0)
}

// deep returns a document of many levels.
func deep(levels int) bson.RawValue {
	const level = 8 // type, key "a" with NUL, length, and the NUL at the end
	size := 5 + level*levels
	doc := make([]byte, size)
	for i := range levels + 1 {
		at := i * 7
		binary.LittleEndian.PutUint32(doc[at:], uint32(size-i*level))
		if i < levels {
			copy(doc[at+4:], "\x03a\x00")
		}
	}
	return bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: doc}
}

// corrupt changes bytes of an encoded reply. Its length stays right, so that the reply reaches its decoder.
func (m *Mutator) corrupt(raw []byte) []byte {
	raw = bytes.Clone(raw)
	switch m.rand.IntN(4) {
	case 0: // any byte after the length
		if len(raw) > 5 {
			raw[4+m.rand.IntN(len(raw)-4)] = byte(m.rand.IntN(256))
		}
	case 1: // a bit
		if len(raw) > 5 {
			raw[4+m.rand.IntN(len(raw)-4)] ^= 1 << m.rand.IntN(8)
		}
	case 2: // cut off
		raw = raw[:m.rand.IntN(len(raw)+1)]
		if len(raw) >= 4 {
			binary.LittleEndian.PutUint32(raw, uint32(len(raw)))
		}
	default: // random bytes
		for i := 4; i < len(raw); i++ {
			raw[i] = byte(m.rand.IntN(256))
		}
	}
	return raw
}
