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
	ctx context.Context, c *collection, f *arguments, to destination, answer func(reply bson.Raw) (T, error),
) *future.Future[T] {
	now, cmd := c.now(), f.Raw()
	if f.err() != nil {
		return failed[T](c.db.client, f.err())
	}
	opts := options.RunCmd()
	if to == toPreferred && !inTransaction(ctx) { // a transaction has a read preference of its own
		opts.SetReadPreference(now.read.pref)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, nil, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		reply, err := coll.Database().RunCommand(ctx, cmd, opts).Raw()
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
func readConcern(ctx context.Context, f *arguments, c *collection) {
	if concern := c.ReadConcern(); concern != nil && concern.Level != "" && !inTransaction(ctx) {
		f.Add("readConcern", bson.D{{Key: "level", Value: concern.Level}})
	}
}
