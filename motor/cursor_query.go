package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// Explain asks the server how it would carry out the query. It reads no document and leaves the cursor as it is.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Motor: MotorCursor.explain.
func (c *cursor) Explain(ctx context.Context) *future.Future[bson.M] {
	return queryCommand(ctx, c, func(q *command.Query) *command.Builder {
		return q.Explain(c.coll.codec.Codec, c.coll.name)
	}, func(reply bson.Raw) (bson.M, error) { return decode[bson.M](&c.coll.codec, reply) })
}

// Distinct returns the values that the field key has in the documents of the query, each of them once. It leaves the
// cursor as it is; its order, limit and skip do not count.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Motor: MotorCursor.distinct.
func (c *cursor) Distinct(ctx context.Context, key string) *future.Future[[]any] {
	return queryCommand(ctx, c, func(q *command.Query) *command.Builder {
		return q.Distinct(c.coll.codec.Codec, c.coll.name, key)
	}, func(reply bson.Raw) ([]any, error) {
		list, ok := reply.Lookup("values").ArrayOK()
		if !ok {
			return nil, newError(InvalidBSON, "the server's answer to distinct has no values")
		}
		return c.coll.codec.decodeValues(list)
	})
}

// queryCommand starts a command about a query. The result is what answer makes of the reply. The command is made at once.
func queryCommand[T any](
	ctx context.Context, c *cursor, build func(*command.Query) *command.Builder, answer func(bson.Raw) (T, error),
) *future.Future[T] {
	err := c.Err()
	q, e := c.currentQuery()
	if err == nil {
		err = e
	}
	if err != nil {
		return failed[T](c.coll.db.client, err)
	}
	f, now := &arguments{build(q.spec())}, c.coll.snapshot()
	if q.flags&QueryFlagSecondaryOkay != 0 {
		now = now.secondaryOkay()
	}
	if f.err() != nil {
		return failed[T](c.coll.db.client, f.err())
	}
	return run(ctx, c.coll.db.client, func(ctx context.Context, client *mongo.Client) (none T, err error) {
		reply, err := readCommand(ctx, c.coll, client, now, f, func(
			ctx context.Context, db *mongo.Database, cmd bson.Raw, opts options.Lister[options.RunCmdOptions],
		) (bson.Raw, error) {
			return db.RunCommand(ctx, cmd, opts).Raw()
		})
		if err != nil {
			return none, err
		}
		return answer(reply)
	})
}
