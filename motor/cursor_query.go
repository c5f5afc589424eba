package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// Explain returns the server's plan for the query. It reads no document and does not change the cursor.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Motor: MotorCursor.explain.
func (c *cursor) Explain(ctx context.Context) *future.Future[bson.M] {
	return queryCommand(ctx, c, func(q *command.Query) *command.Builder {
		return q.Explain(c.coll.codec.Codec, c.coll.name)
	}, func(reply bson.Raw) (bson.M, error) { return decode[bson.M](&c.coll.codec, reply) })
}

// Distinct returns the distinct values of key in the documents of the query. It does not change the cursor, and ignores
// its sort, limit and skip.
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
			return nil, newError(InvalidBSON, "distinct: the reply has no values")
		}
		return c.coll.codec.decodeValues(list)
	})
}

// queryCommand starts a command about a query. Its result is answer(reply). The command is built at once.
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
	return submit(ctx, c.coll.db.client, driverOp(func(ctx context.Context, client *mongo.Client) (none T, err error) {
		reply, err := readCommand(ctx, c.coll, client, now, f, func(
			ctx context.Context, db *mongo.Database, cmd bson.Raw, opts options.Lister[options.RunCmdOptions],
		) (bson.Raw, error) {
			return db.RunCommand(ctx, cmd, opts).Raw()
		})
		if err != nil {
			return none, err
		}
		return answer(reply)
	}))
}

// Some reads are sent as commands that we build, because the driver's methods do not have all of their options. They
// use the read preference and the read concern that the driver's methods would send, and are retried in the same cases.

// readCommand sends a read command with send, a method of the driver.
func readCommand[T any](
	ctx context.Context, c *collection, client *mongo.Client, now settings, f *arguments,
	send func(ctx context.Context, db *mongo.Database, command bson.Raw, opts options.Lister[options.RunCmdOptions]) (T, error),
) (result T, err error) {
	_, limited := ctx.Deadline()
	limited = limited || c.db.client.driver.Timeout != nil // a timeout of 0 is a limit that never ends
	ctx, cancel := c.db.client.noMaxTimeContext(ctx)
	defer cancel()
	session := mongo.SessionFromContext(ctx)
	transaction := session != nil && session.TransactionRunning()
	doc := f.Fields()
	explain := len(doc) > 0 && doc[0].Key == "explain" // explain has no read concern
	if concern := c.readConcern(session); len(concern) > 0 && !transaction && !explain {
		doc = append(doc[:len(doc):len(doc)], bson.E{Key: "readConcern", Value: concern})
	}
	cmd, err := bson.Marshal(doc)
	if f.err() != nil {
		err = f.err()
	}
	if err != nil {
		return result, err
	}
	opts := options.RunCmd()
	if !transaction { // a transaction has its own read preference
		opts.SetReadPreference(now.read.pref)
	}
	db := client.Database(c.db.name, c.db.opts...)
	result, err = send(ctx, db, cmd, opts)
	again := !transaction && c.db.client.RetryReads()
	for again && retryable(err) && ctx.Err() == nil {
		result, err = send(ctx, db, cmd, opts)
		again = limited // without a time limit, the driver retries once
	}
	return result, err
}

// readCursor sends a read command that has a cursor in its reply.
func readCursor(ctx context.Context, c *collection, client *mongo.Client, now settings, f *arguments) (*mongo.Cursor, error) {
	return readCommand(ctx, c, client, now, f, func(
		ctx context.Context, db *mongo.Database, cmd bson.Raw, opts options.Lister[options.RunCmdOptions],
	) (*mongo.Cursor, error) {
		return db.RunCommandCursor(ctx, cmd, opts)
	})
}

// readConcern returns the read concern that the driver would send, or nil.
func (c *collection) readConcern(session *mongo.Session) bson.D {
	var doc bson.D
	if concern := c.concern(); concern != nil && concern.Level != "" {
		doc = bson.D{{Key: "level", Value: concern.Level}}
	}
	switch snapshot, causal := readsOf(session); {
	case snapshot:
		return nil // the driver adds it to each command itself
	case causal && session.OperationTime() != nil:
		doc = append(doc, bson.E{Key: "afterClusterTime", Value: *session.OperationTime()})
	}
	return doc
}

// retryableReadCodes are the codes of the specification "Retryable Reads".
var retryableReadCodes = append([]int{6, 7, 89, 134, 262, 9001}, notPrimaryCodes...)

// retryable reports whether a read that failed is retried.
func retryable(err error) bool {
	if err == nil {
		return false
	}
	own, ok := wrapError(err).(*Error)
	return ok && (own.HasErrorLabel("NetworkError") || slices.Contains(retryableReadCodes, own.Code()) ||
		drivercompat.IsPoolCleared(err))
}

// noMaxTimeContext returns ctx with the time limit that the driver would give it. The driver does not add a maxTimeMS
// for the returned context; the command has one already.
func (c *Client) noMaxTimeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	cancel := context.CancelFunc(func() {})
	if limit := c.driver.Timeout; limit != nil && *limit > 0 {
		if _, has := ctx.Deadline(); !has {
			ctx, cancel = context.WithTimeout(ctx, *limit)
		}
	}
	return drivercompat.HideDeadline(ctx), cancel
}
