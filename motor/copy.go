package motor

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
)

const (
	// copyWidth is how many collections are copied at once. Each has at most two batches of documents in memory, of
	// 16 MiB at most: one that is written and one that is read meanwhile.
	copyWidth = 4
	// copyBatch is how many documents go into one batch: as many as no server finds too many.
	copyBatch = 1000
	// copyCleanup is how long closing what a copy has opened may take.
	copyCleanup = 5 * time.Second
)

// CopyDatabase copies a database to another one, of the same server or, with [CopyFromHost], from another: the
// collections with their options, their documents, their indexes, and at last the views. The result says what was
// copied. A source that does not exist is an empty one.
//
// On the same server, the server copies the documents itself ($out, from MongoDB 4.4 on) where it can. Capped and
// time series collections, and all that it refuses, are read and written in batches. Nothing keeps others from writing
// to the source meanwhile; what they write may be copied or not.
//
// Of the system collections, system.js alone is copied: system.views and system.buckets are what views and time
// series are made of and come with these, system.profile belongs to its server. Users are not part of a database any
// more.
//
// A collection of the target that has the name of one of the source's is never touched, unless [CopyReplace] says so,
// nor is any other.
//
// Errors: [InvalidName] for either name; [ValueError] if the source is the target; [InvalidURI] and
// [ConfigurationError] for what the options say of the other host; [CollectionInvalid] if the target has one of the
// collections; with all of these, nothing has been written. [CopyError] for what fails later: it has what was copied
// until then, and the cause, with its class.
//
// It is never in a session, not even in that of ctx.
//
// Legacy: the server's own command, copydb, is gone since MongoDB 4.2. Motor: MotorClient.copy_database.
func (c *Client) CopyDatabase(ctx context.Context, from, to string, opts ...CopyOption) *future.Future[*CopyResult] {
	cp, err := c.newCopy(from, to, opts)
	if err != nil {
		return failed[*CopyResult](c, err)
	}
	if ctx != nil {
		var none *Session // its steps run at the same time, which those of a session cannot
		ctx = none.in(ctx)
	}
	return submit(ctx, c, op[*CopyResult]{run: cp.run})
}

// databaseCopy is one call of CopyDatabase.
type databaseCopy struct {
	from, to *Database
	other    *Client // reads the source, if the client itself is not to: only for this copy
	replace  bool
	report   *copyReport

	// While it runs.
	pool           *future.Pool // the client's executor
	spare          *future.Pool // takes the steps that it refuses: see copyStep
	source, target *mongo.Database
	parts          []*copyPart // the collections and then the views
}

// newCopy checks the arguments, without any I/O.
func (c *Client) newCopy(from, to string, opts []CopyOption) (*databaseCopy, error) {
	var s copySettings
	for _, opt := range opts {
		if opt == nil {
			return nil, newError(TypeError, "CopyDatabase: an option is nil")
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	if err := c.now().write.refuse("CopyDatabase"); err != nil {
		return nil, err
	}
	for _, name := range []string{from, to} {
		if err := checkDatabaseName(name); err != nil {
			return nil, err
		}
	}
	other, err := s.sourceClient(c)
	if err != nil {
		return nil, err
	}
	if from == to && (other == nil || shareSeed(c, other)) {
		return nil, newError(ValueError, "CopyDatabase: %q cannot be copied to itself", from)
	}
	cp := &databaseCopy{to: c.Database(to), from: c.Database(from), other: other, replace: s.replace}
	if other != nil {
		cp.from = other.Database(from)
	}
	if s.progress != nil {
		cp.report = &copyReport{fn: s.progress, loop: c.loop}
	}
	return cp, nil
}

// shareSeed reports whether two clients were made for the same server.
func shareSeed(a, b *Client) bool {
	for _, one := range a.Seeds() {
		for _, other := range b.Seeds() {
			if one == other {
				return true
			}
		}
	}
	return false
}

// run is the operation. Its slot is lent most of the time, to its own steps as well as to other operations.
func (cp *databaseCopy) run(ctx context.Context, conn *connection) (*CopyResult, error) {
	defer cp.report.end()
	writer, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	reader := writer
	if cp.other != nil {
		defer cp.closeOther(ctx)
		c, err := cp.other.connect()
		if err != nil {
			return nil, err
		}
		if reader, err = c.client(ctx); err != nil {
			return nil, err
		}
	}
	cp.source = copyHandle(reader, cp.from)
	cp.target = copyHandle(writer, cp.to)
	spare, err := future.NewPool(1)
	if err != nil {
		return nil, err
	}
	defer spare.Close()
	cp.pool, cp.spare = conn.pool, spare

	if err := cp.plan(ctx); err != nil {
		return nil, err
	}
	err = cp.copyAll(ctx)
	result := cp.result()
	if err == nil {
		return result, nil
	}
	var half *CopyError
	if !errors.As(err, &half) { // ctx has ended before the first step or between two
		half = &CopyError{err: wrapError(err)}
	}
	half.Result = result
	return result, half
}

// closeOther leaves nothing running, even when the copy was cancelled. What was copied is copied, so an error is of no
// interest any more.
func (cp *databaseCopy) closeOther(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyCleanup)
	defer cancel()
	_ = cp.other.Close(ctx)
}

// copyHandle returns the driver's handle of a database, with a write concern that has the server tell what it has
// written: a copy has to know.
func copyHandle(c *mongo.Client, d *Database) *mongo.Database {
	now := d.now()
	concern := now.write.driver
	if !concern.Acknowledged() {
		concern = writeconcern.W1()
	}
	return c.Database(d.name, options.Database().SetWriteConcern(concern).SetReadPreference(now.read.pref))
}

// copyAll copies what was planned: the views when all that they may show is there.
func (cp *databaseCopy) copyAll(ctx context.Context) error {
	views := len(cp.parts)
	for views > 0 && cp.parts[views-1].view() {
		views--
	}
	if cp.report != nil {
		if err := cp.each(ctx, cp.parts[:views], cp.count); err != nil {
			return err
		}
		cp.report.begin(cp.parts)
	}
	if err := cp.each(ctx, cp.parts[:views], cp.copy); err != nil {
		return err
	}
	return cp.each(ctx, cp.parts[views:], cp.copy)
}

// each calls fn for every part, several at a time, and returns when all calls have. The first error ends the context
// of the others.
func (cp *databaseCopy) each(ctx context.Context, parts []*copyPart, fn func(context.Context, *copyPart) error) error {
	all := future.Map(ctx, copyWidth, parts, func(ctx context.Context, p *copyPart) (none struct{}, err error) {
		return none, fn(ctx, p)
	})
	// ctx is the operation's own: waiting with it lends the slot to the steps. Those wait with contexts derived from
	// it, since only this goroutine may lend.
	if _, err := all.Await(ctx); err == nil {
		return nil
	}
	// If it was ctx that ended the wait, the steps have ended with it, or are about to: none needs the slot, which is
	// held here.
	<-all.Done()
	return all.Err()
}

// inStep runs op as a step and waits for it.
func inStep[T any](ctx context.Context, cp *databaseCopy, op func(context.Context) (T, error)) (T, error) {
	return awaited(ctx, copyStep(ctx, cp, op))
}

// copyStep starts one conversation with a server, in a slot of the client's executor, so that other operations have
// their turn between two of them.
//
// A full queue, or a client that is being closed and waits for the copy to end, takes no more steps, yet has taken the
// copy. These steps go where the slot of the copy itself would be, had it not been lent: one at a time.
func copyStep[T any](ctx context.Context, cp *databaseCopy, op func(context.Context) (T, error)) *future.Future[T] {
	f := future.Go(ctx, cp.pool, op)
	if f.IsDone() && (errors.Is(f.Err(), future.ErrQueueFull) || errors.Is(f.Err(), future.ErrPoolClosed)) {
		return future.Go(ctx, cp.spare, op)
	}
	return f
}

// awaited waits for a step until it has ended, which it soon does when ctx, its own, does: it may be using a cursor or
// a client that is to be closed, and have written something after all.
func awaited[T any](ctx context.Context, f *future.Future[T]) (T, error) {
	_, _ = f.Await(ctx) // rather than by Done: it may run the step on this goroutine
	<-f.Done()
	return f.Result()
}
