package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// The commands of the callback era that the driver has no methods for. The driver does not retry them.

// destination is which server a command goes to.
type destination int

const (
	toPrimary   destination = iota
	toPreferred             // by the collection's read preference
)

// legacyCommand starts a command. The result is what answer makes of the reply.
func legacyCommand[T any](
	ctx context.Context, c *collection, f fields, to destination, answer func(reply bson.Raw) (T, error),
) *future.Future[T] {
	now, command := c.now(), f.statement()
	if f.err != nil {
		return failed[T](c.db.client, f.err)
	}
	opts := options.RunCmd()
	if to == toPreferred && !inTransaction(ctx) { // a transaction has a read preference of its own
		opts.SetReadPreference(now.read.pref)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, nil, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		reply, err := coll.Database().RunCommand(ctx, command, opts).Raw()
		if err != nil {
			return none, err
		}
		return answer(reply)
	}))
}

// reply is legacyCommand's answer where it is the whole reply.
func (c *codec) reply(reply bson.Raw) (bson.M, error) { return decode[bson.M](c, reply) }

// documentsOf returns legacyCommand's answer where it is a list of documents in the reply.
func (c *codec) documentsOf(key string) func(reply bson.Raw) ([]bson.M, error) {
	return func(reply bson.Raw) ([]bson.M, error) {
		list, ok := reply.Lookup(key).ArrayOK()
		if !ok {
			return nil, newError(ProtocolError, "the reply has no list %q", key)
		}
		values, err := list.Values()
		if err != nil {
			return nil, &Error{class: InvalidBSON, cause: err}
		}
		docs := make([]bson.M, len(values))
		for i, v := range values {
			doc, ok := v.DocumentOK()
			if !ok {
				return nil, newError(ProtocolError, "%q has a %s where a document is due", key, v.Type)
			}
			if docs[i], err = decode[bson.M](c, doc); err != nil {
				return nil, err
			}
		}
		return docs, nil
	}
}

// readConcern adds the collection's read concern.
func readConcern(ctx context.Context, f *fields, c *collection) {
	if concern := c.ReadConcern(); concern != nil && concern.Level != "" && !inTransaction(ctx) {
		f.add("readConcern", bson.D{{Key: "level", Value: concern.Level}})
	}
}

// javaScript adds code: a string, a bson.JavaScript or a bson.CodeWithScope. Nil is left out.
func (f *fields) javaScript(key string, code any) {
	if code != nil {
		code, err := asJavaScript(key, code)
		f.check(err)
		f.value(key, code)
	}
}

// asJavaScript returns code as the server takes it, or [TypeError].
func asJavaScript(argument string, code any) (any, error) {
	switch c := code.(type) {
	case string:
		return bson.JavaScript(c), nil
	case bson.JavaScript, bson.CodeWithScope:
		return c, nil
	}
	return nil, newError(TypeError, "%s must be JavaScript, not %T", argument, code)
}

// fieldNames adds a document, or a list of names, each of which stands for 1.
func (f *fields) fieldNames(key string, value any) {
	if names, ok := value.([]string); ok {
		doc := make(bson.D, len(names))
		for i, name := range names {
			doc[i] = bson.E{Key: name, Value: 1}
		}
		value = doc
	}
	f.document(key, value)
}

// positive adds a number, unless it is 0.
func (f *fields) positive(key string, n int64) {
	switch {
	case n < 0:
		f.check(newError(ValueError, "%s must be at least 0, not %d", key, n))
	case n > 0:
		f.add(key, n)
	}
}
