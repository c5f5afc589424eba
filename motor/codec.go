package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

// codec encodes and decodes documents of a handle, with the registry and the BSON options of its client, or its own.
// Its methods give the errors of bsoncodec their class.
type codec struct{ bsoncodec.Codec }

// with returns the codec of a handle that is derived from the handle of c.
func (c codec) with(registry *bson.Registry, bsonOptions *options.BSONOptions) codec {
	return codec{c.Codec.With(registry, bsonOptions)}
}

// encode returns v as a document. argument is the name of v in errors: [TypeError] for a value that is not a document,
// [InvalidDocument] for a value that cannot be encoded.
func (c *codec) encode(argument string, v any) (bson.Raw, error) {
	raw, err := c.Document(argument, v)
	return raw, codecError(err)
}

// encodeCommand is encode for a document whose order matters.
func (c *codec) encodeCommand(argument string, v any) (bson.Raw, error) {
	raw, err := c.Ordered(argument, v)
	return raw, codecError(err)
}

// encodeUpdate returns v, an update document or a pipeline, for the driver. It fails with [ValueError] if an operator
// is missing.
func (c *codec) encodeUpdate(v any) (any, error) {
	update, err := c.Update(v)
	return update, codecError(err)
}

// encodeReplacement returns v as a document. It fails with [ValueError] if v has operators.
func (c *codec) encodeReplacement(v any) (bson.Raw, error) {
	raw, err := c.Replacement(v)
	return raw, codecError(err)
}

// encodePipeline returns the stages of v, a slice of documents.
func (c *codec) encodePipeline(v any) ([]bson.Raw, error) {
	stages, err := c.Pipeline(v)
	return stages, codecError(err)
}

// decodeValues returns the elements of a list, with documents as bson.M. It fails with [InvalidBSON] if one cannot be
// decoded.
func (c *codec) decodeValues(list bson.RawArray) ([]any, error) {
	values, err := c.Values(list)
	return values, codecError(err)
}

// decode returns raw as a D. It fails with [InvalidBSON] if raw cannot be decoded.
func decode[D any](c *codec, raw bson.Raw) (D, error) {
	doc := new(D)
	err := c.Decode(raw, doc)
	return *doc, codecError(err)
}

// countOf returns the field n of a reply.
func countOf(reply bson.Raw) (int64, error) {
	v := reply.Lookup("n")
	n, ok := v.AsInt64OK()
	if f, double := v.DoubleOK(); !ok || n < 0 || double && f != float64(n) {
		return 0, newError(ProtocolError, "invalid count %v in the reply: need a number of at least 0", v)
	}
	return n, nil
}

// withID returns the document with an _id, and that _id.
func withID(doc bson.Raw) (bson.Raw, any, error) {
	with, id, err := bsoncodec.WithID(doc)
	return with, id, codecError(err)
}

// withField returns doc with a field set.
func withField(doc bson.Raw, key string, value any) (bson.Raw, error) {
	with, err := bsoncodec.WithField(doc, key, value)
	return with, codecError(err)
}

// arguments encodes the arguments of a method, or collects the fields of a command. Its error has a class.
type arguments struct{ *command.Builder }

// arguments returns an empty arguments that encodes with a codec.
func (c *Client) arguments(codec *codec) *arguments {
	return &arguments{&command.Builder{Codec: codec.Codec, Limit: c.MaxBSONSize()}}
}

func (c *collection) arguments() *arguments { return c.db.client.arguments(&c.codec) }

// addConcern adds the write concern of the settings now to a command that the driver has no method for. The server
// always replies to such a command, so w: 0 is left out. In a transaction, commands have no write concern.
func (a *arguments) addConcern(ctx context.Context, now settings) {
	if all := now.write.ordered(); len(all) > 0 && now.write.acknowledged() && !inTransaction(ctx) {
		a.Add("writeConcern", all)
	}
}

func (a *arguments) err() error { return codecError(a.Err()) }

// encodeOptions returns options for the driver, with their values encoded. It fails with [ConfigurationError] if an
// option cannot be set, and with [TypeError], [InvalidDocument] or [InvalidStringData] for a value that cannot be
// encoded.
func encodeOptions[T any](c *codec, opts []options.Lister[T]) ([]options.Lister[T], error) {
	if len(opts) == 0 {
		return nil, nil
	}
	encoded, err := command.Encoded(c.Codec, opts)
	return encoded, codecError(err)
}

// encoded is encodeOptions. It records the error.
func encoded[T any](a *arguments, opts []options.Lister[T]) []options.Lister[T] {
	if len(opts) == 0 {
		return nil
	}
	opts, err := command.Encoded(a.Codec, opts)
	a.Check(err)
	return opts
}

// command returns an arguments that collects the fields of a command and has its first ones.
func (c *codec) command(fields ...bson.E) *arguments {
	return &arguments{command.New(c.Codec, fields...)}
}

// index returns the index of keys. Its name is that of the options, or made from the keys.
func (c *codec) index(keys any, opts []options.Lister[options.IndexOptions]) (command.Index, error) {
	o, err := mergeOptions(opts)
	index, bad := command.NewIndex(c.Codec, keys, o)
	if bad != nil {
		return index, codecError(bad)
	}
	return index, err
}

// indexes converts index models of the driver.
func (c *codec) indexes(models []mongo.IndexModel) ([]command.Index, error) {
	if len(models) == 0 {
		return nil, newError(TypeError, "must specify at least one index")
	}
	all := make([]command.Index, len(models))
	for i, m := range models {
		var opts []options.Lister[options.IndexOptions]
		if m.Options != nil {
			opts = append(opts, m.Options)
		}
		var err error
		if all[i], err = c.index(m.Keys, opts); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// codecErrorClasses maps the kinds of bsoncodec's errors to classes.
var codecErrorClasses = map[bsoncodec.Kind]*ErrorClass{
	bsoncodec.WrongType:       TypeError,
	bsoncodec.WrongValue:      ValueError,
	bsoncodec.CannotEncode:    InvalidDocument,
	bsoncodec.InvalidDocument: InvalidDocument,
	bsoncodec.InvalidText:     InvalidStringData,
	bsoncodec.TooLarge:        DocumentTooLarge,
	bsoncodec.CannotDecode:    InvalidBSON,
}

// codecError gives an error of bsoncodec or command its class, and returns other errors as they are.
func codecError(err error) error {
	if option, ok := err.(*command.OptionError); ok {
		return &Error{class: ConfigurationError, cause: option.Cause}
	}
	own, ok := err.(*bsoncodec.Error)
	if !ok {
		return err
	}
	cause := own.Cause
	if own.Kind == bsoncodec.CannotEncode {
		cause = mongo.MarshalError{Value: own.Value, Err: cause}
	}
	return &Error{class: codecErrorClasses[own.Kind], text: own.Text, cause: cause}
}

// decodeIndexKeys returns a hook for descriptions of indexes. It decodes the keys of an index as a bson.D, also within
// a bson.M, since their order matters.
func decodeIndexKeys(c bsoncodec.Codec) bsoncodec.Hook {
	c.Hook = nil
	return func(raw bson.Raw, doc any) (bool, error) {
		index, ok := doc.(*bson.M)
		keys, found := raw.Lookup("key").DocumentOK()
		if !ok || !found {
			return false, nil
		}
		if err := c.Decode(raw, index); err != nil {
			return true, err
		}
		var ordered bson.D
		err := c.Decode(keys, &ordered)
		(*index)["key"] = ordered
		return true, err
	}
}

// CodecOptions say how a handle encodes and decodes documents. The type parameter of the collection is the type of its
// documents.
type CodecOptions struct {
	Registry    *bson.Registry       // the codecs of Go types; nil: the driver's registry
	BSONOptions *options.BSONOptions // nil: the driver's defaults
	TZAware     bool                 // see [Client.TZAware]
}

func (c codec) public() CodecOptions {
	return CodecOptions{Registry: c.Registry, BSONOptions: c.Options, TZAware: c.TZAware}
}

// CodecOptions returns how documents are encoded and decoded, as set by [WithClientOptions] and [Client.SetTZAware]. A
// new database copies these, except where its own options differ.
//
// Motor: MotorClient.codec_options.
func (c *Client) CodecOptions() CodecOptions {
	now := c.codec
	now.TZAware = c.TZAware()
	return now.public()
}

// CodecOptions returns how documents are encoded and decoded. The database copies the client's options when it is made,
// except where its own differ.
//
// Motor: MotorDatabase.codec_options.
func (d *Database) CodecOptions() CodecOptions { return d.codec.public() }

// CodecOptions returns how documents are encoded and decoded. The collection copies the database's options, except
// where its own differ.
//
// Motor: MotorCollection.codec_options.
func (c *collection) CodecOptions() CodecOptions { return c.codec.public() }
