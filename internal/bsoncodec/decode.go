package bsoncodec

import (
	"bytes"
	"encoding/binary"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// Decode decodes raw into doc, a pointer. A document within a bson.M is a bson.M too. A bson.Raw is raw itself;
// nothing else keeps the memory of raw.
//
// Errors: [CannotDecode].
func (c *Codec) Decode(raw bson.Raw, doc any) error {
	d := c.Decoder()
	err := d.Decode(raw, doc)
	d.Release()
	return err
}

// Decoder decodes several documents one after another. It holds memory that serves them all, so it must be released,
// and it is for one goroutine.
type Decoder struct {
	codec  *Codec
	reader *reader // nil if the registry or the options need the driver's decoder
}

// Decoder returns a decoder.
func (c *Codec) Decoder() Decoder { return Decoder{c, c.reader()} }

// Release ends the use of the decoder.
func (d Decoder) Release() {
	if d.reader != nil {
		d.reader.release()
	}
}

// Decode is [Codec.Decode].
func (d Decoder) Decode(raw bson.Raw, doc any) error {
	switch doc := doc.(type) {
	case *bson.Raw:
		*doc = raw
		return nil
	case *bson.M, *bson.D, *any:
		if d.reader != nil && d.codec.Hook == nil {
			return decodeError(d.reader.decode(raw, doc))
		}
	}
	var err error
	// Types may have unmarshalers of the user.
	if p := panics.Try(func() { err = d.slow(raw, doc) }); p != nil {
		err = p.AsError()
	}
	return decodeError(err)
}

// slow is Decode for everything but the most common types.
func (d Decoder) slow(raw bson.Raw, doc any) error {
	if d.codec.Hook != nil {
		if tooDeep(raw) {
			return ErrTooDeep
		}
		if decoded, err := d.codec.Hook(raw, doc); decoded || err != nil {
			return err
		}
	}
	if d.reader != nil && d.reader.canDecode(doc) {
		return d.reader.decode(raw, doc)
	}
	return d.codec.unmarshal(raw, doc)
}

func decodeError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*Error); ok { // of a hook, which has decoded with a codec
		return err
	}
	return &Error{Kind: CannotDecode, Cause: err}
}

// unmarshal decodes raw with the driver's decoder.
func (c *Codec) unmarshal(raw bson.Raw, doc any) error {
	if tooDeep(raw) {
		return ErrTooDeep
	}
	switch d := doc.(type) {
	case *any:
		var m bson.M
		if err := c.driverDecoder(raw, true).Decode(&m); err != nil {
			return err
		}
		*d = c.convertDates(m)
		return nil
	case *bson.M:
		err := c.driverDecoder(raw, true).Decode(d)
		c.convertDates(*d)
		return err
	case *bson.D:
		err := c.driverDecoder(raw, false).Decode(d)
		c.convertDates(*d)
		return err
	}
	if c.Registry == nil && c.Options == nil {
		return bson.Unmarshal(raw, doc) // uses pools of readers and decoders
	}
	return c.driverDecoder(raw, false).Decode(doc)
}

// convertDates replaces the dates in a document or a list by times, if TZAware is set, and returns the new value. It
// runs after the decoding: a registry, which could do it, may belong to the user.
func (c *Codec) convertDates(value any) any {
	if !c.TZAware {
		return value
	}
	switch v := value.(type) {
	case bson.DateTime:
		return v.Time().UTC()
	case bson.M:
		for key := range v {
			v[key] = c.convertDates(v[key])
		}
	case map[string]any:
		for key := range v {
			v[key] = c.convertDates(v[key])
		}
	case bson.D:
		for i := range v {
			v[i].Value = c.convertDates(v[i].Value)
		}
	case bson.A:
		for i := range v {
			v[i] = c.convertDates(v[i])
		}
	case bson.CodeWithScope:
		c.convertDates(v.Scope)
	}
	return value
}

func (c *Codec) driverDecoder(raw bson.Raw, nestedMaps bool) *bson.Decoder {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	if c.Registry != nil {
		d.SetRegistry(c.Registry)
	}
	o := c.Options
	setIf(nestedMaps && (o == nil || !o.DefaultDocumentMap), d.DefaultDocumentM)
	if o != nil {
		setIf(o.AllowTruncatingDoubles, d.AllowTruncatingDoubles)
		setIf(o.BinaryAsSlice, d.BinaryAsSlice)
		setIf(o.DefaultDocumentM, d.DefaultDocumentM)
		setIf(o.DefaultDocumentMap, d.DefaultDocumentMap)
		setIf(o.ObjectIDAsHexString, d.ObjectIDAsHexString)
		setIf(o.UseJSONStructTags, d.UseJSONStructTags)
		setIf(o.UseLocalTimeZone, d.UseLocalTimeZone)
		setIf(o.ZeroMaps, d.ZeroMaps)
		setIf(o.ZeroStructs, d.ZeroStructs)
	}
	return d
}

// Values decodes the elements of a list. Documents among them are bson.M.
//
// Errors: [CannotDecode].
func (c *Codec) Values(list bson.RawArray) ([]any, error) {
	elements, err := list.Values()
	if err != nil {
		return nil, &Error{Kind: CannotDecode, Cause: err}
	}
	d := c.Decoder()
	defer d.Release()
	values := make([]any, len(elements))
	for i, e := range elements {
		// A decoder takes documents, so the element goes into one, under an empty key.
		doc := append(make(bson.Raw, 4, len(e.Value)+7), byte(e.Type), 0)
		doc = append(append(doc, e.Value...), 0)
		binary.LittleEndian.PutUint32(doc, uint32(len(doc)))
		var decoded bson.M
		if err := d.Decode(doc, &decoded); err != nil {
			return nil, err
		}
		values[i] = decoded[""]
	}
	return values, nil
}
