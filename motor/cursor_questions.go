package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// Explain asks the server how it would carry out the query. It reads no document and leaves the cursor as it is.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Motor: MotorCursor.explain.
func (c *cursor) Explain(ctx context.Context) *future.Future[bson.M] {
	return queryCommand(ctx, c, func(q *query) *fields {
		if q.set.Limit != nil {
			hard := min(*q.set.Limit, -*q.set.Limit)
			q.set.Limit = &hard
		}
		find := q.command(&c.coll.codec, c.coll.name)
		return &fields{codec: find.codec, err: find.err, doc: bson.D{{Key: "explain", Value: find.doc}}}
	}, func(reply bson.Raw) (bson.M, error) { return decode[bson.M](&c.coll.codec, reply) })
}

// Distinct returns the values that the field key has in the documents of the query, each of them once. It leaves the
// cursor as it is; its order, limit and skip do not count.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Motor: MotorCursor.distinct.
func (c *cursor) Distinct(ctx context.Context, key string) *future.Future[[]any] {
	return queryCommand(ctx, c, func(q *query) *fields {
		f := q.question(&c.coll.codec, "distinct", c.coll.name)
		f.doc = append(bson.D{f.doc[0], {Key: "key", Value: key}}, f.doc[1:]...)
		return f
	}, func(reply bson.Raw) ([]any, error) {
		list, ok := reply.Lookup("values").ArrayOK()
		if !ok {
			return nil, newError(InvalidBSON, "the server's answer to distinct has no values")
		}
		return c.coll.codec.decodeValues(list)
	})
}

// question returns a command about the documents of the query.
func (q *query) question(codec *codec, name, collection string) *fields {
	f := &fields{codec: codec}
	f.add(name, collection)
	f.add("query", q.filter)
	f.collation(q.set.Collation)
	f.value("comment", q.set.Comment)
	if q.maxTimeMS != nil {
		f.add("maxTimeMS", *q.maxTimeMS)
	}
	return f
}

// queryCommand starts a command about a query. The result is what answer makes of the reply. The command is made at once.
func queryCommand[T any](
	ctx context.Context, c *cursor, command func(*query) *fields, answer func(bson.Raw) (T, error),
) *future.Future[T] {
	err := c.Err()
	q, e := c.currentQuery()
	if err == nil {
		err = e
	}
	if err != nil {
		return failed[T](c.coll.db.client, err)
	}
	f, now := command(&q), c.coll.now()
	if q.flags&QueryFlagSecondaryOkay != 0 {
		now = now.secondaryOkay()
	}
	if f.err != nil {
		return failed[T](c.coll.db.client, f.err)
	}
	return run(ctx, c.coll.db.client, func(ctx context.Context, client *mongo.Client) (none T, err error) {
		reply, err := readCommand(ctx, c.coll, client, now, f, func(
			ctx context.Context, db *mongo.Database, command bson.Raw, opts options.Lister[options.RunCmdOptions],
		) (bson.Raw, error) {
			return db.RunCommand(ctx, command, opts).Raw()
		})
		if err != nil {
			return none, err
		}
		return answer(reply)
	})
}
