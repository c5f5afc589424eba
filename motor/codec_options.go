package motor

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// CodecOptions say how a handle makes documents of values and values of documents. What type the documents have is the
// collection's type parameter.
type CodecOptions struct {
	Registry    *bson.Registry       // of the codecs of single types; nil stands for the driver's own
	BSONOptions *options.BSONOptions // nil stands for none
	TZAware     bool                 // as of [Client.TZAware]
}

func (c codec) public() CodecOptions {
	return CodecOptions{Registry: c.Registry, BSONOptions: c.Options, TZAware: c.TZAware}
}

// CodecOptions returns how documents are encoded and decoded: as [WithClientOptions] and [Client.SetTZAware] say.
// Databases take this over when they are made, but for what their own options say.
//
// Motor: MotorClient.codec_options.
func (c *Client) CodecOptions() CodecOptions {
	now := c.codec
	now.TZAware = c.TZAware()
	return now.public()
}

// CodecOptions returns how documents are encoded and decoded: as the client did when the database was made, but for
// what the database's options say.
//
// Motor: MotorDatabase.codec_options.
func (d *Database) CodecOptions() CodecOptions { return d.codec.public() }

// CodecOptions returns how documents are encoded and decoded: as the database does, but for what the collection's
// options say.
//
// Motor: MotorCollection.codec_options.
func (c *collection) CodecOptions() CodecOptions { return c.codec.public() }
