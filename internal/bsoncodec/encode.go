package bsoncodec

import (
	"bytes"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// marshal returns v as a document in its own memory. A document that comes encoded is checked and copied, a writer
// encodes maps and lists of plain values, and the driver encodes everything else.
func (c *Codec) marshal(v any) (raw bson.Raw, err error) {
	if b, ok := v.([]byte); ok {
		v = bson.Raw(b)
	}
	if encoded, ok := v.(bson.Raw); ok && c.Registry == nil {
		if err := Check(encoded); err != nil {
			return nil, err
		}
		return bytes.Clone(encoded), nil
	}
	plain := c.Registry == nil && !c.hasEncodingOptions()
	if plain {
		if raw, ok := write(v); ok {
			return raw, nil
		}
	}
	// Values may have marshalers of the user.
	p := panics.Try(func() {
		switch depthOf(v) {
		case endless:
			err = ErrTooDeep
		case shallow:
			if plain {
				raw, err = bson.Marshal(v)
			} else {
				raw, err = c.encode(v, false)
			}
		default:
			raw, err = c.encode(v, true)
		}
	})
	if p != nil {
		return nil, p.AsError()
	}
	return raw, err
}

// hasEncodingOptions reports whether an option changes how values are encoded.
func (c *Codec) hasEncodingOptions() bool {
	o := c.Options
	return o != nil && (o.ErrorOnInlineDuplicates || o.IntMinSize || o.NilByteSliceAsEmpty || o.NilMapAsEmpty ||
		o.NilSliceAsEmpty || o.OmitEmpty || o.OmitZeroStruct || o.StringifyMapKeysWithFmt || o.UseJSONStructTags)
}

// encode returns v as a document, with the registry and the options. With limited, documents nested deeper than
// [MaxDepth] are ErrTooDeep.
func (c *Codec) encode(v any, limited bool) (bson.Raw, error) {
	var buf bytes.Buffer
	w := bson.NewDocumentWriter(&buf)
	if limited {
		w = &depthWriter{ValueWriter: w}
	}
	e := bson.NewEncoder(w)
	if c.Registry != nil {
		e.SetRegistry(c.Registry)
	}
	if o := c.Options; o != nil {
		setIf(o.ErrorOnInlineDuplicates, e.ErrorOnInlineDuplicates)
		setIf(o.IntMinSize, e.IntMinSize)
		setIf(o.NilByteSliceAsEmpty, e.NilByteSliceAsEmpty)
		setIf(o.NilMapAsEmpty, e.NilMapAsEmpty)
		setIf(o.NilSliceAsEmpty, e.NilSliceAsEmpty)
		setIf(o.OmitEmpty, e.OmitEmpty)
		setIf(o.OmitZeroStruct, e.OmitZeroStruct)
		setIf(o.StringifyMapKeysWithFmt, e.StringifyMapKeysWithFmt)
		setIf(o.UseJSONStructTags, e.UseJSONStructTags)
	}
	err := e.Encode(v)
	return buf.Bytes(), err
}
