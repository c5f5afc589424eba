package motor

import (
	"context"
	"errors"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// WithBatching returns a handle for the same collection, with the same options, whose InsertOne sends together what is
// inserted at the same time: while one insert is on its way to the server, those called meanwhile gather, and go as one
// command when it is back. Nothing waits for a time, so that an insert on its own goes at once; a thousand in flight make
// a few commands instead of a thousand.
//
//	logs := db.Collection("logs").WithBatching()
//
// Each insert has a result, or an error, of its own: the server takes the other documents whatever it thinks of one. In
// which order it takes them is open. Deadlines of contexts end the waiting, and are not told to the server. What has been
// sent with others goes on when one of them is cancelled. [Client.Close] waits for what has gathered.
//
// An insert in a session, with options, or with a write concern of w: 0 or one with wtimeout goes by itself, as do all
// other operations. Handles made from this one do not gather.
func (c *Collection[D]) WithBatching() *Collection[D] {
	with := c.withOptions(nil)
	with.batching = &batching{coll: with.at}
	return (*Collection[D])(with)
}

// batching is where the inserts of a handle gather.
type batching struct {
	coll func(*mongo.Client, moment) *mongo.Collection // the driver's handle

	mu    sync.Mutex
	batch *batch
}

// of returns the batch for a connection.
func (b *batching) of(conn *connection) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil || b.batch.conn != conn {
		b.batch = &batch{conn: conn, coll: b.coll}
	}
	return b.batch
}

// batch is what has gathered for a connection while an insert is on its way.
type batch struct {
	conn *connection
	coll func(*mongo.Client, moment) *mongo.Collection

	mu      sync.Mutex
	busy    bool // an insert, or a command of several, is on its way
	inserts []*gatheredInsert
}

// gatheredInsert is an insert that is to go with others.
type gatheredInsert struct {
	raw bson.Raw
	id  any
	now moment

	future *future.Future[*InsertOneResult]
	settle func() // gives the future what came of it
	result *InsertOneResult
	err    error
}

// batchable reports whether an insert may go with others.
func (now moment) batchable(ctx context.Context) bool {
	return ctx != nil && mongo.SessionFromContext(ctx) == nil && now.acknowledged(ctx) && !now.byCommand(ctx)
}

// insertBatched is InsertOne of a handle with batching.
func (c *collection) insertBatched(ctx context.Context, now moment, raw bson.Raw) *future.Future[*InsertOneResult] {
	client := c.db.client
	raw, id, err := withID(raw)
	if err == nil {
		err = c.err
	}
	if err != nil {
		return failed[*InsertOneResult](client, err)
	}
	var insert *gatheredInsert
	for {
		conn, err := client.connect()
		if err != nil {
			return failed[*InsertOneResult](client, err)
		}
		b := c.batching.of(conn)
		if insert == nil && b.begin() {
			f, ok := startOn(ctx, client, conn, shortLane, func(ctx context.Context, conn *connection) (*InsertOneResult, error) {
				driver, err := conn.client(ctx)
				if err != nil {
					return nil, err
				}
				if _, err := c.at(driver, now).InsertOne(ctx, raw); err != nil {
					return resultBeside(err, id), err
				}
				return &InsertOneResult{InsertedID: id, Acknowledged: true}, nil
			})
			f.Notify(waker(b.next))
			if ok {
				return f
			}
			continue
		}
		if insert == nil {
			insert = newGatheredInsert(ctx, client.loop)
			insert.raw, insert.id, insert.now = raw, id, now
		}
		if insert.future.IsDone() || b.add(insert, client.maxQueue) {
			return insert.future
		}
	}
}

func newGatheredInsert(ctx context.Context, loop future.Executor) *gatheredInsert {
	g := &gatheredInsert{err: errBatchLost}
	gather := future.ExecutorFunc(func(settle func()) error { g.settle = settle; return nil })
	g.future = future.GoVia(ctx, gather, loop, func(context.Context) (*InsertOneResult, error) { return g.result, g.err })
	return g
}

// errBatchLost is the outcome of what is not known to have been sent, or not.
var errBatchLost = newError(AutoReconnect, "the batch of the insert was lost")

// resultBeside returns the result of an insert that has failed, if only what the write concern asks for was missed.
func resultBeside(err error, id any) *InsertOneResult {
	var failed mongo.WriteException
	if !errors.As(err, &failed) || len(failed.WriteErrors) > 0 {
		return nil
	}
	return &InsertOneResult{InsertedID: id, Acknowledged: true}
}

// begin reports whether nothing is on its way, which the caller then sees to.
func (b *batch) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return false
	}
	b.busy = true
	return true
}

// add has an insert wait for what is on its way. It reports false if the connection is being closed.
func (b *batch) add(g *gatheredInsert, limit int) bool {
	b.mu.Lock()
	if limit >= 0 && len(b.inserts) >= limit {
		b.mu.Unlock()
		g.err = future.ErrQueueFull
		g.settle()
		return true
	}
	if len(b.inserts) == 0 && !b.conn.batches.enter() {
		b.mu.Unlock()
		return false
	}
	b.inserts = append(b.inserts, g)
	idle := !b.busy
	b.busy = true
	b.mu.Unlock()
	if idle {
		b.next()
	}
	return true
}

// next has what has gathered sent, if anything has. Nothing is on its way any more. It neither blocks nor runs anybody
// else's code.
func (b *batch) next() {
	b.mu.Lock()
	b.busy = len(b.inserts) > 0
	busy := b.busy
	b.mu.Unlock()
	if busy && b.conn.pool.Execute(b.send) != nil { // the queue is full
		go b.send()
	}
}

// send sends those that have gathered and have the concerns of the first.
func (b *batch) send() {
	b.mu.Lock()
	var sent, left []*gatheredInsert
	now := b.inserts[0].now
	for _, g := range b.inserts {
		if g.now == now {
			sent = append(sent, g)
		} else {
			left = append(left, g)
		}
	}
	b.inserts = left
	b.mu.Unlock()
	defer func() {
		b.next()
		for _, g := range sent {
			g.settle()
		}
		if len(left) == 0 {
			b.conn.batches.leave()
		}
	}()
	b.insert(sent, now)
}

// insert sends inserts, but for those that have been cancelled, and notes what has come of each.
func (b *batch) insert(inserts []*gatheredInsert, now moment) {
	var all []*gatheredInsert
	var docs []bson.Raw
	for _, g := range inserts {
		if !g.future.IsDone() {
			all, docs = append(all, g), append(docs, g.raw)
		}
	}
	if len(all) == 0 {
		return
	}
	ctx := context.Background()
	driver, err := b.conn.client(ctx)
	if err == nil {
		_, err = b.coll(driver, now).InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	}
	var bulk mongo.BulkWriteException
	if err != nil && !errors.As(err, &bulk) {
		err = b.conn.topology.incompatible(wrapError(err))
		for _, g := range all {
			g.err = err
		}
		return
	}
	bad := make(map[int]mongo.WriteError)
	for _, e := range bulk.WriteErrors {
		one := e.WriteError
		one.Index = 0 // it is the only document of its operation
		bad[e.Index] = one
	}
	for i, g := range all {
		failed := mongo.WriteException{WriteConcernError: bulk.WriteConcernError, Labels: bulk.Labels}
		if e, ok := bad[i]; ok {
			failed.WriteErrors = mongo.WriteErrors{e}
		} else {
			g.result = &InsertOneResult{InsertedID: g.id, Acknowledged: true}
		}
		g.err = nil
		if failed.WriteErrors != nil || failed.WriteConcernError != nil {
			g.err = wrapError(failed)
		}
	}
}
