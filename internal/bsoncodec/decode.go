package motor

import (
	"bytes"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// decode returns raw as a D. A document within a bson.M is a bson.M too, as a dict within a dict is. A bson.Raw is raw
// itself; nothing else keeps the memory. [InvalidBSON] if that cannot be.
func decode[D any](c *codec, raw bson.Raw) (D, error) {
	doc := new(D)
	r := c.reader()
	err := decodeInto(c, r, raw, doc)
	r.release()
	return *doc, err
}

// decodeInto is decode with a reader, or nil if the documents are not for one.
func decodeInto(c *codec, r *reader, raw bson.Raw, doc any) (err error) {
	if d, ok := doc.(*bson.Raw); ok {
		*d = raw
		return nil
	}
	if r == nil || !readInto(r, raw, doc, &err) {
		// Types may have unmarshalers of the user's.
		if p := panics.Try(func() { err = c.unmarshal(raw, doc) }); p != nil {
			err = p.AsError()
		}
	}
	if err != nil {
		return &Error{class: InvalidBSON, cause: err}
	}
	if c.indexes {
		return c.orderKeys(raw, doc)
	}
	return nil
}

// readInto makes *doc of raw, if that is a type that a reader makes.
func readInto(r *reader, raw bson.Raw, doc any, err *error) bool {
	switch d := doc.(type) {
	case *bson.M:
		*d, *err = r.readM(raw)
	case *any:
		var m bson.M
		if m, *err = r.readM(raw); *err == nil {
			*d = m
		}
	case *bson.D:
		*d, *err = r.readD(raw)
	default:
		return false
	}
	return true
}

// unmarshal makes *doc of raw by the driver's decoder.
func (c *codec) unmarshal(raw bson.Raw, doc any) error {
	if tooDeep(raw) {
		return errDepth
	}
	switch d := doc.(type) {
	case **GridOut:
		*d = c.files.found(bytes.Clone(raw))
		return nil
	case *any:
		var m bson.M
		if err := c.decoder(raw, true).Decode(&m); err != nil {
			return err
		}
		*d = c.dates(m)
		return nil
	case *bson.M:
		err := c.decoder(raw, true).Decode(d)
		c.dates(*d)
		return err
	case *bson.D:
		err := c.decoder(raw, false).Decode(d)
		c.dates(*d)
		return err
	}
	if c.registry == nil && c.options == nil {
		return bson.Unmarshal(raw, doc) // whose readers and decoders are used again
	}
	return c.decoder(raw, false).Decode(doc)
}

// dates puts times in the place of the dates in a document or a list, if they are to be aware of their zone. It is
// done after the decoding, not by the registry, which may be the user's. It returns what becomes of a value.
func (c *codec) dates(value any) any {
	if !c.tzAware {
		return value
	}
	switch v := value.(type) {
	case bson.DateTime:
		return v.Time().UTC()
	case bson.M:
		for key := range v {
			v[key] = c.dates(v[key])
		}
	case map[string]any:
		for key := range v {
			v[key] = c.dates(v[key])
		}
	case bson.D:
		for i := range v {
			v[i].Value = c.dates(v[i].Value)
		}
	case bson.A:
		for i := range v {
			v[i] = c.dates(v[i])
		}
	case bson.CodeWithScope:
		c.dates(v.Scope)
	}
	return value
}

func (c *codec) decoder(raw bson.Raw, nestedMaps bool) *bson.Decoder {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	if c.registry != nil {
		d.SetRegistry(c.registry)
	}
	o := c.options
	enable(nestedMaps && (o == nil || !o.DefaultDocumentMap), d.DefaultDocumentM)
	if o != nil {
		enable(o.AllowTruncatingDoubles, d.AllowTruncatingDoubles)
		enable(o.BinaryAsSlice, d.BinaryAsSlice)
		enable(o.DefaultDocumentM, d.DefaultDocumentM)
		enable(o.DefaultDocumentMap, d.DefaultDocumentMap)
		enable(o.ObjectIDAsHexString, d.ObjectIDAsHexString)
		enable(o.UseJSONStructTags, d.UseJSONStructTags)
		enable(o.UseLocalTimeZone, d.UseLocalTimeZone)
		enable(o.ZeroMaps, d.ZeroMaps)
		enable(o.ZeroStructs, d.ZeroStructs)
	}
	return d
}
