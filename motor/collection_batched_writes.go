package motor

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/gather"
	"github.com/gomotor/gomotor/internal/usercode"
)

// gatheredWrite is a write of one document that is sent with others.
type gatheredWrite struct {
	gather.Item
	now          settings
	size         int // bytes that it adds to a command
	registration future.Registration

	raw bson.Raw // the document of an insert, and its _id
	id  any

	model  mongo.ClientWriteModel   // another write
	update writeFunc[*UpdateResult] // sends it alone, if it is an update or a replacement
	remove writeFunc[*DeleteResult] // sends it alone, if it is a deletion

	inserted *InsertOneResult
	updated  *UpdateResult
	deleted  *DeleteResult
	err      error
}

// fail records the outcome of a write that was not sent, or whose outcome is unknown.
func (g *gatheredWrite) fail(err error) {
	g.inserted, g.updated, g.deleted, g.err = nil, nil, nil, err
}

// writeQueue collects writes, and sends those that one command can do together.
type writeQueue struct {
	gather.Queue[*gatheredWrite]
	batch *batch

	// command sends writes in one command and records the outcome of each. It returns the error of the whole command.
	command func(ctx context.Context, writes []*gatheredWrite, now settings) error

	missing atomic.Bool // the server does not have the command bulkWrite
}

// Wake implements [future.Waker]. The write that was sent alone is settled.
func (q *writeQueue) Wake() {
	q.next()
	q.batch.conn.batches.done()
}

// gatherWrite queues a write until the worker is done. result returns the result after that.
func gatherWrite[T any](ctx context.Context, q *writeQueue, g *gatheredWrite, result func(*gatheredWrite) T) *future.Future[T] {
	client := q.batch.coll.db.client
	if !q.Reserve(ctx, g, client.maxQueue) {
		q.batch.conn.batches.done()
		return failed[T](client, future.ErrQueueFull)
	}
	f := future.GoVia(ctx, g, client.loop, func(context.Context) (T, error) { return result(g), firstError(g.Ended(), g.err) })
	f.NotifyWith(&g.registration, g)
	if q.Push(g) { // the worker has finished meanwhile
		q.next()
	}
	return f
}

// next sends the collected writes, in their own slot. The caller is the worker of the queue. next does not block and
// runs no user code.
func (q *writeQueue) next() {
	writes := q.Next()
	if writes == nil {
		return
	}
	q.batch.run(func() {
		gather.Send(writes, func(g *gatheredWrite) settings { return g.now }, q.sendParts)
		q.next()
		for _, g := range writes {
			g.Settle()
			q.batch.conn.batches.done()
		}
	})
}

// sendParts sends writes in as many commands as the limits of the server require, and records the outcome of each. A
// command that fails does not affect the others.
func (q *writeQueue) sendParts(command *gather.Command, now settings, writes []*gatheredWrite) {
	client := q.batch.coll.db.client
	for len(writes) > 0 {
		n := client.fitting(len(writes), client.messageLimit(), func(i int) int { return writes[i].size })
		q.sendPart(command.Context(), writes[:n], now)
		writes = writes[n:]
	}
}

// sendPart sends writes that fit into one command. If the server refuses the command, none of them was executed, and it
// is unknown which one is the reason. They are then sent in groups, and those of a refused group one by one. So a write
// is sent at most three times. If the server does not have the command, they are sent one by one.
func (q *writeQueue) sendPart(ctx context.Context, part []*gatheredWrite, now settings) {
	if !q.missing.Load() {
		err := q.send(ctx, part, now)
		if err == nil || len(part) == 1 || !refusesCommand(err) {
			return
		}
	}
	size := int(math.Sqrt(float64(len(part))))
	if q.missing.Load() {
		size = 1
	}
	for group := range slices.Chunk(part, size) {
		err := q.send(ctx, group, now)
		if err == nil || len(group) == 1 || !refusesCommand(err) {
			continue
		}
		for one := range slices.Chunk(group, 1) {
			_ = q.send(ctx, one, now) // the write has its error
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

// send sends writes in one command, except those that no longer wait, and records the outcome of each. It returns the
// error of the whole command. A panic of the driver is such an error.
func (q *writeQueue) send(ctx context.Context, writes []*gatheredWrite, now settings) (err error) {
	var waiting []*gatheredWrite
	for _, g := range writes {
		if g.Waits() {
			g.fail(nil)
			waiting = append(waiting, g)
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	if p := usercode.Try(func() { err = q.command(ctx, waiting, now) }); p != nil {
		err = p
	}
	if err != nil {
		err = q.batch.conn.topology.incompatible(wrapError(err))
		for _, g := range waiting {
			g.fail(err)
		}
	}
	return err
}

// The updates, replacements and deletions of a batch are sent with the command bulkWrite, because its reply has the
// result of each write. Servers have it since MongoDB 8.0.
const bulkWriteVersion = 25

// codeCommandNotFound is the server's error CommandNotFound. Proxies and hosted servers may lack the command.
const codeCommandNotFound = 59

// writes reports whether an update, a replacement or a deletion may be sent with others.
func (b *batching) writes(ctx context.Context, now settings) bool {
	if b == nil {
		return false
	}
	client := b.coll.db.client
	return now.batchable(ctx) && client.MaxWireVersion() >= bulkWriteVersion && client.driver.AutoEncryptionOptions == nil
}

// startWrite starts a write that may be sent with others. o sends it alone.
func startWrite[T any](
	ctx context.Context, c *collection, o op[T], g *gatheredWrite, result func(*gatheredWrite) T,
) *future.Future[T] {
	b, err := c.batching.open(ctx)
	if err != nil {
		return failed[T](c.db.client, err)
	}
	q := &b.writes
	if q.missing.Load() {
		b.conn.batches.done()
		return submit(ctx, c.db.client, o)
	}
	if q.Enter() {
		f := submit(ctx, c.db.client, o)
		f.Notify(q)
		return f
	}
	return gatherWrite(ctx, q, g, result)
}

// bulkWrite sends writes in one command. It is the command of batch.writes.
func (b *batch) bulkWrite(ctx context.Context, writes []*gatheredWrite, now settings) error {
	client, err := b.conn.client(ctx)
	if err != nil {
		return err
	}
	if len(writes) == 1 {
		writes[0].send(ctx, writerAt(b.coll, client, now), &b.conn.topology)
		return nil
	}
	list := make([]mongo.ClientBulkWrite, len(writes))
	for i, g := range writes {
		list[i] = mongo.ClientBulkWrite{Database: b.coll.db.name, Collection: b.coll.name, Model: g.model}
	}
	opts := options.ClientBulkWrite().SetOrdered(false).SetVerboseResults(true).SetWriteConcern(now.write.driver)
	r, err := client.BulkWrite(ctx, list, opts)
	var done mongo.ClientBulkWriteException
	if err != nil && !errors.As(err, &done) { // the server has not executed it, or the outcome is unknown
		var refused mongo.CommandError
		if errors.As(err, &refused) && refused.Code == codeCommandNotFound {
			b.writes.missing.Store(true)
		}
		return err
	}
	var concern *mongo.WriteConcernError
	if len(done.WriteConcernErrors) > 0 {
		concern = &done.WriteConcernErrors[0]
	}
	for i, g := range writes {
		e, failed := done.WriteErrors[i]
		if !failed && !g.setResult(r, i) {
			g.err = noResult(done)
			continue
		}
		g.err = oneError(e, failed, concern, nil)
	}
	return nil
}

// noResult returns the error of a write that the server has executed without telling its result.
func noResult(done mongo.ClientBulkWriteException) error {
	if done.WriteError != nil { // the rest of the reply was lost
		return &Error{class: AutoReconnect, text: "the result of the write was lost", cause: done}
	}
	return newError(ProtocolError, "the server's reply has no result for the write")
}

// setResult records the result of the write with an index in a command. It reports whether there is one.
func (g *gatheredWrite) setResult(r *mongo.ClientBulkWriteResult, index int) bool {
	if g.remove != nil {
		one, ok := r.DeleteResults[index]
		if ok {
			g.deleted = &DeleteResult{Acknowledged: true, deleted: one.DeletedCount}
		}
		return ok
	}
	one, ok := r.UpdateResults[index]
	if !ok {
		return false
	}
	g.updated = &UpdateResult{Acknowledged: true, matched: one.MatchedCount, modified: one.ModifiedCount}
	if one.UpsertedID != nil { // the server counts it as matched
		g.updated.matched, g.updated.upserted, g.updated.upsertedID = 0, 1, one.UpsertedID
	}
	return true
}

// send sends the write without others, and records its outcome.
func (g *gatheredWrite) send(ctx context.Context, coll *mongo.Collection, t *topology) {
	var err error
	if g.remove != nil {
		g.deleted, err = g.remove(ctx, coll)
	} else {
		g.updated, err = g.update(ctx, coll)
	}
	g.err = t.incompatible(wrapError(err))
}

// gatheredUpdate returns an update or a replacement that may be sent with others, or nil if it must be sent alone.
func (c *collection) gatheredUpdate(now settings, query bson.Raw, a updateArgs, write writeFunc[*UpdateResult]) *gatheredWrite {
	o, err := a.kind.options()
	if err != nil || a.many {
		return nil
	}
	_, replace := a.kind.(replaceKind)
	g := c.gathered(now, command.UpdateModel(query, a.change, replace, o))
	if g != nil {
		g.update = write
	}
	return g
}

// gatheredDelete is gatheredUpdate for a deletion.
func (c *collection) gatheredDelete(now settings, query bson.Raw, a deleteArgs, write writeFunc[*DeleteResult]) *gatheredWrite {
	o, err := a.kind.options()
	if err != nil || a.many {
		return nil
	}
	g := c.gathered(now, command.DeleteModel(query, o))
	if g != nil {
		g.remove = write
	}
	return g
}

// gathered returns a write with a model, or nil if there is no model.
func (c *collection) gathered(now settings, model mongo.ClientWriteModel) *gatheredWrite {
	if model == nil {
		return nil
	}
	size, err := command.ModelSize(c.codec.Codec, model)
	if err != nil {
		return nil
	}
	return &gatheredWrite{now: now, model: model, size: size}
}
