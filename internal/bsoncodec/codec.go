package bsoncodec

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Codec encodes values to documents and decodes documents to values. The zero value uses the driver's registry and no
// options. It may be copied, and is safe for concurrent use.
//
// Arguments are encoded when an operation is called, not when it runs. So the caller may change its map or struct after
// the call, and a document that cannot be encoded is refused before the operation is queued.
type Codec struct {
	Registry *bson.Registry       // nil stands for the driver's
	Options  *options.BSONOptions // nil stands for none
	TZAware  bool                 // a date in a bson.M or bson.D is a time.Time, not a bson.DateTime
	Hook     Hook                 // may be nil
}

// Hook decodes raw into doc, a pointer, for types that the codec does not know. It returns false to leave the document to
// the codec. raw is nested at most [MaxDepth] deep.
type Hook func(raw bson.Raw, doc any) (decoded bool, err error)

// With returns the codec of a handle that is derived from the handle of c and may have its own registry and options.
func (c Codec) With(registry *bson.Registry, bsonOptions *options.BSONOptions) Codec {
	if registry != nil {
		c.Registry = registry
	}
	if bsonOptions != nil {
		c.Options = bsonOptions
	}
	return c
}

// setIf calls set, the setter of a boolean option of the driver, if the option is on.
func setIf(on bool, set func()) {
	if on {
		set()
	}
}
