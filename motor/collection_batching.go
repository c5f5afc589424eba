package motor

import (
	"context"
	"errors"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/serial"
)

// WithBatching returns a handle for the same collection and options whose InsertOne sends concurrent inserts in
// batches. While one insert is sent, the inserts that are called meanwhile collect. When its reply arrives, they are
// sent in one command. There is no timer: an insert that finds none on its way is sent at once. A thousand concurrent
// inserts make a few commands instead of a thousand.
//
//	logs := db.Collection("logs").WithBatching()
//
// Each insert has its own result or error: the server inserts the other documents of a batch even if one fails, in any
// order. Deadlines of contexts end the wait, and are not sent to the server. Cancelling one insert does not stop a
// batch that was sent. [Client.Close] waits for the collected inserts.
//
// An insert in a session, with options, with w: 0 or with a wtimeout is sent alone, as are all other operations.
// Handles made from this one do not batch.
func (c *Collection[D]) WithBatching() *Collection[D] {
	with := c.withOptions(nil)
	with.batching = &batching{coll: &with.collection}
	return (*Collection[D])(with)
}

// batching batches the inserts of a handle.
type batching struct {
	coll *collection

	mu    sync.Mutex
	batch *batch
}

// of returns the batch of a connection.
func (b *batching) of(conn *connection) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil || b.batch.conn != conn {
		b.batch = &batch{conn: conn, coll: b.coll}
	}
	return b.batch
}

// batch collects inserts for a connection while an insert, or a command with several, is sent. That command is the
// worker of the queue. A collected insert is in flight in conn.batches, which Close waits for.
type batch struct {
	conn    *connection
	coll    *collection
	inserts serial.Queue[*gatheredInsert]
}

// gatheredInsert is an insert that is sent with others.
type gatheredInsert struct {
	raw bson.Raw
	id  any
	now settings

	future *future.Future[*InsertOneResult]
	settle func() // settles the future with the outcome
	result *InsertOneResult
	err    error
}

// batchable reports whether an insert may be sent with others.
func (now settings) batchable(ctx context.Context) bool {
	return ctx != nil && mongo.SessionFromContext(ctx) == nil && now.acknowledged(ctx) && !now.byCommand(ctx)
}

// insertBatched implements InsertOne of a handle with batching.
func insertBatched(ctx context.Context, c *collection, now settings, raw bson.Raw) *future.Future[*InsertOneResult] {
	client := c.db.client
	raw, id, err := withID(raw)
	if err := firstError(err, c.err); err != nil {
		return failed[*InsertOneResult](client, err)
	}
	for {
		conn, err := client.connect()
		if err != nil {
			return failed[*InsertOneResult](client, err)
		}
		// A connection that is being closed accepts no more inserts. The next use opens the client again.
		if !conn.batches.start() {
			continue
		}
		b := c.batching.of(conn)
		if b.inserts.Enter() {
			return b.insertOne(ctx, now, raw, id)
		}
		insert := newGatheredInsert(ctx, client.loop)
		insert.raw, insert.id, insert.now = raw, id, now
		b.add(insert, client.maxQueue)
		return insert.future
	}
}

// insertOne sends an insert while no other is being sent. If the client is closed and opened again meanwhile, the
// insert goes to the new connection, and the batch still waits for it.
func (b *batch) insertOne(ctx context.Context, now settings, raw bson.Raw, id any) *future.Future[*InsertOneResult] {
	f := submit(ctx, b.coll.db.client, op[*InsertOneResult]{
		run: func(ctx context.Context, conn *connection) (*InsertOneResult, error) {
			coll, err := b.coll.on(ctx, conn, now)
			if err != nil {
				return nil, err
			}
			if _, err := coll.InsertOne(ctx, raw); err != nil {
				return resultBeside(err, id), err
			}
			return &InsertOneResult{InsertedID: id, Acknowledged: true}, nil
		},
	})
	f.Notify((*soleInsert)(b))
	return f
}

// soleInsert is a batch as the waker of the insert that insertOne sends.
type soleInsert batch

// Wake implements [future.Waker]. The insert is settled.
func (i *soleInsert) Wake() {
	b := (*batch)(i)
	b.next()
	b.conn.batches.done()
}

func newGatheredInsert(ctx context.Context, loop future.Executor) *gatheredInsert {
	g := new(gatheredInsert)
	gather := future.ExecutorFunc(func(settle func()) error { g.settle = settle; return nil })
	g.future = future.GoVia(ctx, gather, loop, func(context.Context) (*InsertOneResult, error) { return g.result, g.err })
	return g
}

// resultBeside returns the result of an insert that failed only by its write concern, and nil for other errors.
func resultBeside(err error, id any) *InsertOneResult {
	var failed mongo.WriteException
	if !errors.As(err, &failed) || len(failed.WriteErrors) > 0 {
		return nil
	}
	return &InsertOneResult{InsertedID: id, Acknowledged: true}
}

// add queues an insert until the worker is done.
func (b *batch) add(g *gatheredInsert, limit int) {
	start, ok := b.inserts.Push(g, limit)
	if !ok {
		g.err = future.ErrQueueFull
		b.settle(g)
		return
	}
	if start { // the worker has finished meanwhile
		b.next()
	}
}

// settle settles an insert, which is then no longer in flight.
func (b *batch) settle(g *gatheredInsert) {
	g.settle()
	b.conn.batches.done()
}

// next sends the collected inserts, in their own slot. The caller is the worker of the queue. next does not block and
// runs no user code.
func (b *batch) next() {
	inserts := b.inserts.Next()
	if inserts == nil {
		return
	}
	send := func() { b.send(inserts) }
	if b.conn.pool.Execute(send) != nil { // the queue is full
		go send()
	}
}

// send sends inserts, those with equal settings in one command. A panic of the driver fails the inserts of its command.
func (b *batch) send(inserts []*gatheredInsert) {
	for rest := inserts; len(rest) > 0; {
		var same, others []*gatheredInsert
		now := rest[0].now
		for _, g := range rest {
			if g.now == now {
				same = append(same, g)
			} else {
				others = append(others, g)
			}
		}
		if err := panicOf(func() { b.insert(same, now) }); err != nil {
			lost := &Error{class: AutoReconnect, text: "the batch with this insert failed", cause: err}
			for _, g := range same {
				g.result, g.err = nil, lost
			}
		}
		rest = others
	}
	b.next()
	for _, g := range inserts {
		b.settle(g)
	}
}

// insert sends inserts in one command, except those that have been cancelled, and records the outcome of each.
func (b *batch) insert(inserts []*gatheredInsert, now settings) {
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
	coll, err := b.coll.on(ctx, b.conn, now)
	if err == nil {
		_, err = coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	}
	done := newInsertOutcome(docs)
	done.addError(err)
	bulk := done.bad
	if bad := done.check(len(docs)); bad != nil {
		err = bad
	}
	if err != nil && (bulk.WriteErrors == nil && bulk.WriteConcernError == nil || errors.Is(err, ProtocolError)) {
		err = b.conn.topology.incompatible(wrapError(err))
		for _, g := range all {
			g.err = err
		}
		return
	}
	bad := make(map[int]mongo.WriteError)
	for _, e := range bulk.WriteErrors {
		one := e.WriteError
		one.Index = 0 // its operation has one document
		bad[e.Index] = one
	}
	for i, g := range all {
		failed := mongo.WriteException{WriteConcernError: bulk.WriteConcernError, Labels: bulk.Labels}
		if e, ok := bad[i]; ok {
			failed.WriteErrors = mongo.WriteErrors{e}
		} else {
			g.result = &InsertOneResult{InsertedID: g.id, Acknowledged: true}
		}
		if failed.WriteErrors != nil || failed.WriteConcernError != nil {
			g.err = wrapError(failed)
		}
	}
}
