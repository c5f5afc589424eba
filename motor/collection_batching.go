package motor

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/gather"
	"github.com/gomotor/gomotor/internal/usercode"
)

// WithBatching returns a handle for the same collection and options whose InsertOne sends concurrent inserts in
// batches. While one insert is sent, the inserts that are called meanwhile collect. When its reply arrives, they are
// sent in one command. There is no timer: an insert that finds none on its way is sent at once. A thousand concurrent
// inserts make a few commands instead of a thousand.
//
//	logs := db.Collection("logs").WithBatching()
//
// Each insert has its own result or error: the server inserts the other documents of a batch even if one fails, in any
// order. If the server refuses the whole command because of one document, the others are sent again without it. An
// insert that is cancelled, or whose context ends, is not sent if it is still collected. It does not stop a batch that
// was sent, unless no other insert waits for that batch. Deadlines are not sent to the server. [Client.Close] waits for
// the collected inserts.
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
	inserts gather.Queue[*gatheredInsert]
}

// gatheredInsert is an insert that is sent with others.
type gatheredInsert struct {
	gather.Item
	raw          bson.Raw
	id           any
	now          settings
	registration future.Registration
	result       *InsertOneResult
	err          error
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
		return b.gather(ctx, &gatheredInsert{raw: raw, id: id, now: now})
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

// gather queues an insert until the worker is done.
func (b *batch) gather(ctx context.Context, g *gatheredInsert) *future.Future[*InsertOneResult] {
	client := b.coll.db.client
	if !b.inserts.Reserve(ctx, g, client.maxQueue) {
		b.conn.batches.done()
		return failed[*InsertOneResult](client, future.ErrQueueFull)
	}
	f := future.GoVia(ctx, g, client.loop, func(context.Context) (*InsertOneResult, error) { return g.result, firstError(g.Ended(), g.err) })
	f.NotifyWith(&g.registration, g)
	if b.inserts.Push(g) { // the worker has finished meanwhile
		b.next()
	}
	return f
}

// resultBeside returns the result of an insert that failed only by its write concern, and nil for other errors.
func resultBeside(err error, id any) *InsertOneResult {
	var failed mongo.WriteException
	if !errors.As(err, &failed) || len(failed.WriteErrors) > 0 {
		return nil
	}
	return &InsertOneResult{InsertedID: id, Acknowledged: true}
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

// send sends inserts, those with equal settings together.
func (b *batch) send(inserts []*gatheredInsert) {
	gather.Send(inserts, func(g *gatheredInsert) settings { return g.now }, b.sendParts)
	b.next()
	for _, g := range inserts {
		g.Settle()
		b.conn.batches.done()
	}
}

// sendParts sends inserts in as many commands as the limits of the server require, and records the outcome of each. A
// command that fails does not affect the others.
func (b *batch) sendParts(command *gather.Command, now settings, inserts []*gatheredInsert) {
	for len(inserts) > 0 {
		n := b.fitting(inserts)
		b.sendPart(command.Context(), inserts[:n], now)
		inserts = inserts[n:]
	}
}

// fitting returns how many of the inserts fit into one command.
func (b *batch) fitting(inserts []*gatheredInsert) int {
	const overhead = 16 << 10 // bytes for the rest of the message
	size, limit, most := 0, b.coll.db.client.MaxMessageSize()-overhead, b.coll.db.client.MaxWriteBatchSize()
	for n, g := range inserts {
		if size += len(g.raw); n > 0 && (size > limit || n == most) {
			return n
		}
	}
	return len(inserts)
}

// sendPart sends inserts that fit into one command. If the server refuses the command, none of them was executed, and it
// is unknown which one is the reason. They are then sent in groups, and those of a refused group one by one. So an
// insert is sent at most three times.
func (b *batch) sendPart(ctx context.Context, part []*gatheredInsert, now settings) {
	err := b.insert(ctx, part, now)
	if err == nil || len(part) == 1 || !refusesCommand(err) {
		return
	}
	size := int(math.Sqrt(float64(len(part))))
	for group := range slices.Chunk(part, size) {
		err := b.insert(ctx, group, now)
		if err == nil || len(group) == 1 || !refusesCommand(err) {
			continue
		}
		for one := range slices.Chunk(group, 1) {
			_ = b.insert(ctx, one, now) // the insert has its error
		}
	}
}

// refusesCommand reports whether a command was refused because of its content: the server has executed no part of it,
// and may execute a command with other documents.
func refusesCommand(err error) bool {
	var own *Error
	if !errors.As(err, &own) || own.Timeout() || own.HasErrorLabel("RetryableWriteError") {
		return false
	}
	switch own.class {
	case DocumentTooLarge, InvalidDocument, TypeError: // not sent
		return true
	case OperationFailure:
		return !slices.Contains(interruptedCodes, own.Code())
	}
	return false
}

// interruptedCodes are the codes of commands that a server may have executed in part, or would refuse with any document:
// Unauthorized, LockTimeout, MaxTimeMSExpired, WriteConflict, ExceededTimeLimit, Interrupted.
var interruptedCodes = []int{13, 24, codeMaxTimeMSExpired, 112, 262, 11601}

// insert sends inserts in one command, except those that no longer wait, and records the outcome of each. It returns the
// error of the whole command. A panic of the driver is such an error.
func (b *batch) insert(ctx context.Context, inserts []*gatheredInsert, now settings) (err error) {
	var all []*gatheredInsert
	var docs []bson.Raw
	for _, g := range inserts {
		if g.Waits() {
			all, docs = append(all, g), append(docs, g.raw)
		}
	}
	if len(all) == 0 {
		return nil
	}
	done := newInsertOutcome(docs)
	if p := usercode.Try(func() { err = b.insertMany(ctx, docs, now, done) }); p != nil {
		err = p
	}
	if err != nil {
		err = b.conn.topology.incompatible(wrapError(err))
		for _, g := range all {
			g.result, g.err = nil, err
		}
		return err
	}
	bad := make(map[int]mongo.WriteError)
	for _, e := range done.bad.WriteErrors {
		one := e.WriteError
		one.Index = 0 // its operation has one document
		bad[e.Index] = one
	}
	for i, g := range all {
		g.result, g.err = nil, nil
		failed := mongo.WriteException{WriteConcernError: done.bad.WriteConcernError, Labels: done.bad.Labels}
		if e, ok := bad[i]; ok {
			failed.WriteErrors = mongo.WriteErrors{e}
		} else {
			g.result = &InsertOneResult{InsertedID: g.id, Acknowledged: true}
		}
		if failed.WriteErrors != nil || failed.WriteConcernError != nil {
			g.err = wrapError(failed)
		}
	}
	return nil
}

// insertMany sends documents in one command. It records failed writes in done, and returns only other errors.
func (b *batch) insertMany(ctx context.Context, docs []bson.Raw, now settings, done *bulkOutcome) error {
	coll, err := b.coll.on(ctx, b.conn, now)
	if err != nil {
		return err
	}
	_, err = coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	done.addError(err)
	if bad := done.check(len(docs)); bad != nil {
		return bad
	}
	if done.err() != nil {
		return nil
	}
	return err
}
