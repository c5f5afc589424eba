package motor

import (
	"bytes"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// marshal returns v as a document in memory of its own. A document that comes encoded is copied, maps and lists of
// plain values are written by a writer, and all else by the driver's encoder.
func (c *codec) marshal(v any) (raw bson.Raw, err error) {
	if b, ok := v.([]byte); ok {
		v = bson.Raw(b)
	}
	if given, ok := v.(bson.Raw); ok && c.registry == nil {
		if err := checkBSON(given); err != nil {
			return nil, err
		}
		return bytes.Clone(given), nil
	}
	plain := c.registry == nil && !c.encodesOtherwise()
	if plain {
		if raw, ok := write(v); ok {
			return raw, nil
		}
	}
	if err := c.checkDepth(v); err != nil {
		return nil, err
	}
	// Values may have marshalers of the user's.
	p := panics.Try(func() {
		if plain {
			raw, err = bson.Marshal(v)
		} else {
			raw, err = c.encoded(v)
		}
	})
	if p != nil {
		return nil, p.AsError()
	}
	return raw, err
}

// encodesOtherwise reports whether an option has values encoded in another way than the usual one.
func (c *codec) encodesOtherwise() bool {
	o := c.options
	return o != nil && (o.ErrorOnInlineDuplicates || o.IntMinSize || o.NilByteSliceAsEmpty || o.NilMapAsEmpty ||
		o.NilSliceAsEmpty || o.OmitEmpty || o.OmitZeroStruct || o.StringifyMapKeysWithFmt || o.UseJSONStructTags)
}

// encoded returns v as a document by the registry and the options.
func (c *codec) encoded(v any) (bson.Raw, error) {
	var buf bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&buf))
	if c.registry != nil {
		e.SetRegistry(c.registry)
	}
	if o := c.options; o != nil {
		enable(o.ErrorOnInlineDuplicates, e.ErrorOnInlineDuplicates)
		enable(o.IntMinSize, e.IntMinSize)
		enable(o.NilByteSliceAsEmpty, e.NilByteSliceAsEmpty)
		enable(o.NilMapAsEmpty, e.NilMapAsEmpty)
		enable(o.NilSliceAsEmpty, e.NilSliceAsEmpty)
		enable(o.OmitEmpty, e.OmitEmpty)
		enable(o.OmitZeroStruct, e.OmitZeroStruct)
		enable(o.StringifyMapKeysWithFmt, e.StringifyMapKeysWithFmt)
		enable(o.UseJSONStructTags, e.UseJSONStructTags)
	}
	err := e.Encode(v)
	return buf.Bytes(), err
}
