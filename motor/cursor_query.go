package motor

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

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

// query is a snapshot of a cursor's query.
type query struct {
	filter bson.Raw
	set    options.FindOptions
	chain
}

// List implements options.Lister, so that the query is an option of the driver's Find.
func (q *query) List() []func(*options.FindOptions) error {
	return []func(*options.FindOptions) error{func(all *options.FindOptions) error { *all = q.set; return nil }}
}

// byCommand reports whether the query has options that the driver's Find lacks.
func (q *query) byCommand() bool {
	return q.maxTimeMS != nil || q.maxScan != nil || q.set.CursorType != nil && *q.set.CursorType == awaitAlone
}

// spec converts the query for a command.
func (q *query) spec() *command.Query {
	flags := tailFlags(q.set.CursorType)
	return &command.Query{
		Filter: q.filter, Options: q.set, MaxTimeMS: q.maxTimeMS, MaxScan: q.maxScan,
		Tailable: flags&QueryFlagTailable != 0, AwaitData: flags&QueryFlagAwaitData != 0,
	}
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
	limited, cancel := c.db.client.limited(ctx, time.Now())
	defer cancel()
	ctx = drivercompat.HideDeadline(limited) // the command has a maxTimeMS already
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
	if err == nil || transaction {
		return result, err
	}
	for retries := c.db.client.readRetries(limited); err != nil && retries.again(limited, err); {
		before := err
		result, err = send(ctx, db, cmd, opts)
		if drivercompat.IsServerSelection(err) || drivercompat.IsWaitQueueTimeout(err) {
			return result, before // says more than that no server came back
		}
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

// readRetries decides whether a read that we send as a command is sent again after an error, as the driver does for its
// own reads. The driver already retries our command if the server is overloaded and says that the command can be
// retried, but only if the client retries reads and writes.
type readRetries struct {
	off       bool
	budget    int  // how many retries there may be, after most errors
	next      int  // how many there may be after the next error
	overload  int  // how many there may be after the error of an overloaded server, or 0 to treat it like others
	inDriver  bool // the driver has made these retries already
	done      int
	overloads int // how many were made after errors of an overloaded server
}

// defaultOverloadRetries is the driver's default for maxAdaptiveRetries.
const defaultOverloadRetries = 2

// readRetries returns the retries of a read. ctx is the context with its time limit.
func (c *Client) readRetries(ctx context.Context) *readRetries {
	r := &readRetries{
		off: !c.RetryReads(), budget: 1, overload: int(valueOr(c.driver.MaxAdaptiveRetries, defaultOverloadRetries)), inDriver: c.RetryWrites(),
	}
	if _, limited := ctx.Deadline(); limited || c.driver.Timeout != nil { // a timeout of 0 is a limit that never ends
		r.budget = math.MaxInt
	}
	r.next = r.budget
	return r
}

// again reports whether the read is sent again after err. If the server is overloaded, it waits first.
func (r *readRetries) again(ctx context.Context, err error) bool {
	own, ok := wrapError(err).(*Error)
	if r.off || !ok || ctx.Err() != nil {
		return false
	}
	budget, overloaded := r.next, own.HasErrorLabel("SystemOverloadedError")
	r.next = r.budget
	canRetry := own.HasErrorLabel("NetworkError") || slices.Contains(retryableReadCodes, own.Code()) || drivercompat.IsPoolCleared(err)
	if overloaded && r.overload > 0 {
		budget, r.next = r.overload, r.overload
		if own.HasErrorLabel("RetryableError") {
			canRetry = !r.inDriver
		}
	}
	if !canRetry || r.done >= budget {
		return false
	}
	r.done++
	if overloaded {
		r.overloads++
		return pause(ctx, overloadPause(own, r.overloads))
	}
	return true
}

// maxTimeMS returns how many milliseconds are left until the deadline of ctx, or 0 if that is no limit for the server: a
// number of 31 bits.
func maxTimeMS(ctx context.Context) int64 {
	deadline, limited := ctx.Deadline()
	left := time.Until(deadline)
	if !limited || left > math.MaxInt32*time.Millisecond {
		return 0
	}
	return max(1, left.Milliseconds())
}

// pause waits. It returns false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < d {
		return false
	}
	_, err := future.Sleep(d).Await(ctx)
	return err == nil
}

// retryableReadCodes are the codes of the specification "Retryable Reads".
var retryableReadCodes = append([]int{6, 7, 89, 134, 262, 9001}, notPrimaryCodes...)

// The driver waits for a random part of a time that doubles with each error of an overloaded server.
const (
	overloadBase = 100 * time.Millisecond // if the server names no other
	overloadMost = 10 * time.Second
)

// overloadPause returns how long to wait before a retry, the nth after an error of an overloaded server.
func overloadPause(err *Error, n int) time.Duration {
	wait := overloadBase
	if ms, ok := err.Details().Lookup("baseBackoffMS").AsInt64OK(); ok && ms > 0 {
		wait = time.Duration(min(ms, overloadMost.Milliseconds())) * time.Millisecond
	}
	for ; n > 0 && wait < overloadMost; n-- {
		wait *= 2
	}
	return time.Duration(rand.Float64() * float64(min(wait, overloadMost)))
}
