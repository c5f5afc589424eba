package bsoncodec_test

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// node is a type that a registered encoder encodes. It mostly contains itself.
type node struct {
	Left, Right *node
	Any         any
}

func TestDepth(t *testing.T) {
	loop := &node{}
	loop.Left, loop.Right = loop, loop // 2 paths at every step
	var pointer any
	pointer = &pointer
	scope := bson.D{{Key: "a", Value: nil}}
	scope[0].Value = bson.CodeWithScope{Scope: scope}

	leaf := bson.NewRegistry()
	leaf.RegisterTypeEncoder(reflect.TypeFor[node](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, _ reflect.Value) error { return w.WriteString("node") }))
	again := bson.NewRegistry()
	again.RegisterTypeEncoder(reflect.TypeFor[node](), bson.ValueEncoderFunc(
		func(c bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			d, err := w.WriteDocument()
			if err != nil {
				return err
			}
			e, err := d.WriteDocumentElement("left")
			if err != nil {
				return err
			}
			encoder, err := c.LookupEncoder(v.Type())
			if err != nil {
				return err
			}
			return encoder.EncodeValue(c, e, v)
		}))

	for _, c := range []struct {
		name     string
		registry *bson.Registry
		value    any
		want     error
	}{
		{"loop, no registry", nil, loop, bsoncodec.ErrTooDeep},
		{"loop, driver's encoders", bson.NewRegistry(), loop, bsoncodec.ErrTooDeep},
		{"loop, encoder that stops", leaf, loop, nil},
		{"loop, encoder that goes on", again, loop, bsoncodec.ErrTooDeep},
		{"pointer to itself beside a loop", leaf, bson.D{{Key: "loop", Value: loop}, {Key: "pointer", Value: pointer}}, bsoncodec.ErrTooDeep},
		{"scope of itself beside a loop", leaf, bson.D{{Key: "loop", Value: loop}, {Key: "scope", Value: scope}}, bsoncodec.ErrTooDeep},
	} {
		t.Run(c.name, func(t *testing.T) {
			codec := bsoncodec.Codec{Registry: c.registry}
			_, err := codec.Document("document", bson.D{{Key: "a", Value: c.value}})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestDepthLimit(t *testing.T) {
	for _, levels := range []int{bsoncodec.MaxDepth, bsoncodec.MaxDepth + 1} {
		doc := bson.D{}
		for range levels - 1 {
			doc = bson.D{{Key: "a", Value: doc}}
		}
		fits := levels <= bsoncodec.MaxDepth
		for _, c := range []struct {
			name  string
			codec bsoncodec.Codec
		}{
			{"driver's encoder", bsoncodec.Codec{}},
			{"registry", bsoncodec.Codec{Registry: bson.NewRegistry()}},
		} {
			raw, err := c.codec.Document("document", doc)
			if isTooDeep(err) == fits {
				t.Errorf("%d levels, %s: error = %v, want ErrTooDeep: %t", levels, c.name, err, !fits)
			}
			if err == nil && bsoncodec.Check(raw) != nil {
				t.Errorf("%d levels, %s: Check() = %v, want nil", levels, c.name, bsoncodec.Check(raw))
			}
		}
	}
}
