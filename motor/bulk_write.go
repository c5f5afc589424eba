package motor

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/progress"
	"github.com/gomotor/gomotor/internal/usercode"
)

// BulkWrite sends several writes, in as few commands as possible. The server runs them in order and stops at the first
// that fails. With options.BulkWrite().SetOrdered(false) it tries all of them, in any order.
//
//	coll.BulkWrite(ctx, []mongo.WriteModel{
//		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
//		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 2}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}),
//		mongo.NewDeleteManyModel().SetFilter(bson.M{"a": 2}),
//	})
//
// Errors: [BulkWriteError]: errors.As finds its [Error], whose Details list the writes that failed and whose
// PartialResult has the result of the others. A future also has that result beside the error. An error of the network
// has the result of the commands before it in the same way.
//
// Nothing is sent after these errors: [InvalidOperation] for an empty list; [TypeError] for a nil list, for a nil
// element, and for a nil filter, document or update; [ValueError] for an update without operators and for a replacement
// with operators; [InvalidDocument] for a value that cannot be encoded; [DocumentTooLarge].
//
// Motor: MotorCollection.bulk_write.
func (c *collection) BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) *future.Future[*BulkWriteResult] {
	b, err := newBulk(c, models, opts)
	if err != nil {
		return failed[*BulkWriteResult](c.db.client, err)
	}
	return submit(ctx, c.db.client, bulkOp(ctx, c, b, c.snapshot(), (*bulkOutcome).bulkWriteResult))
}

// checkWrites returns an error for a list without writes.
func checkWrites(n int, isNil bool) error {
	switch {
	case isNil:
		return newError(TypeError, "the list of writes is nil")
	case n == 0:
		return newError(InvalidOperation, "no operations to execute")
	}
	return nil
}

// bulk is a list of writes to be sent, with its options.
type bulk struct {
	client    *Client
	codec     *codec
	models    []mongo.WriteModel // encoded
	originals []mongo.WriteModel // as the caller passed them
	ordered   bool
	joined    bool                     // the driver gets the documents of a command as one; see [drivercompat.Documents]
	options   options.BulkWriteOptions // Let and Comment are encoded
}

func newBulk(c *collection, models []mongo.WriteModel, opts []options.Lister[options.BulkWriteOptions]) (*bulk, error) {
	if err := checkWrites(len(models), models == nil); err != nil {
		return nil, err
	}
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	b := &bulk{
		client: c.db.client, codec: &c.codec,
		models: make([]mongo.WriteModel, len(models)), originals: slices.Clone(models),
		ordered: valueOr(o.Ordered, true), options: o,
	}
	e := c.arguments()
	for i, m := range models {
		b.models[i] = e.Model(m)
	}
	b.options.Ordered, b.options.Let, b.options.Comment = &b.ordered, e.OptionalDocument("let", o.Let), e.OptionalValue("comment", o.Comment)
	return b, e.err()
}

// bulkOp returns the operation that sends a bulk with the settings now. Its result is the result of result.
func bulkOp[T any](ctx context.Context, c *collection, b *bulk, now settings, result func(*bulkOutcome) T) op[T] {
	send, sent, acknowledged := (*bulk).byDriver, b, now.acknowledged(ctx)
	runEnd, order := b.runEnd, []int(nil)
	switch {
	case now.byCommand(ctx):
		send = func(b *bulk, ctx context.Context, coll *mongo.Collection, done *bulkOutcome) error {
			return b.byCommands(ctx, coll, now.write.wire, done)
		}
		runEnd = func(int) int { return len(b.models) } // byCommands does not stop between commands
	case acknowledged && joins(c, b.inserted(), b.options.Comment):
		sent, order = b.joinable()
		runEnd = sent.runEnd
	}
	report := c.db.client.reportOf(ctx, unitWrites)
	o := writeOp(ctx, c, now, now.refuseHint(ctx, b.hint), func(ctx context.Context, coll *mongo.Collection) (none T, _ error) {
		done := &bulkOutcome{
			op:     func(i int) any { return command.OpOf(b.codec.Codec, b.models[i]) },
			result: BulkWriteResult{Acknowledged: acknowledged},
		}
		ctx, cancel := c.db.client.limited(ctx, time.Now()) // the timeout of the client limits all commands together
		defer cancel()
		err, invalid := sendParts(len(sent.models), sent.ordered, runEnd, report, done, func(first, end int, part *bulkOutcome) error {
			these := *sent
			these.models = sent.models[first:end]
			return send(&these, ctx, coll, part)
		})
		done.reorder(order)
		if invalid != nil {
			return none, invalid
		}
		for i, e := range done.bad.WriteErrors {
			done.bad.WriteErrors[i].Request = b.originals[e.Index]
		}
		v := result(done)
		return v, done.failed(err, v)
	})
	o.ending = c.db.client.ending(report)
	return o
}

// sendParts sends n writes. If there is a report, it sends them in parts, and reports the progress after each. send sends
// the writes with the indexes from first, and before end. Its outcome has their indexes in the part.
//
// A part ends at runEnd of its first write at the latest. A write error ends an ordered list. A write concern error does
// not, since the server has tried all writes of its command. The driver ends the list between two commands after such an
// error, and does not say where. So runEnd of an ordered list returns where the next command starts.
//
// err is that of the server for the writes of all parts, or the first error of another kind, which ends sendParts. If
// there is no outcome, because the first reply is wrong, the error is invalid.
func sendParts(
	n int, ordered bool, runEnd func(first int) int, report *progress.Report, done *bulkOutcome,
	send func(first, end int, part *bulkOutcome) error,
) (err, invalid error) {
	size := partSize(report, n)
	report.Start(int64(n))
	for first, end := 0, 0; first < n; first = end {
		end = min(first+size, runEnd(first))
		var part bulkOutcome
		bad := usercode.Try(func() { err = send(first, end, &part) }) // the driver panics on some replies
		if bad == nil {
			bad = part.check(end - first)
		}
		if bad != nil && first == 0 {
			return nil, bad
		} else if bad != nil {
			return bad, nil
		}
		done.merge(&part, first)
		var failed mongo.BulkWriteException
		if err != nil && !errors.As(err, &failed) {
			return err, nil
		}
		done.tried = end
		if len(failed.WriteErrors) > 0 && ordered {
			for _, e := range failed.WriteErrors { // the server has not tried the writes after this one
				end = first + e.Index + 1
			}
			report.Set(int64(end))
			break
		}
		report.Set(int64(end))
	}
	return done.err(), nil
}

// runEnd returns the index after the last write that may be sent together with the write first: in one command if the
// order matters or if the documents are joined.
func (b *bulk) runEnd(first int) int {
	rest := b.models[first:]
	inserts := b.joined && insertedBy(rest[0]) != nil
	n := 1
	for n < len(rest) && (driverKind(rest[n]) == driverKind(rest[0]) || !b.ordered && !inserts) {
		n++
	}
	if inserts {
		n = b.client.fitting(n, b.client.messageLimit(), func(i int) int { return len(insertedBy(rest[i])) })
	}
	return first + n
}

// insertedBy returns the document of an insert, or nil for other writes.
func insertedBy(m mongo.WriteModel) bson.Raw {
	insert, _ := m.(*mongo.InsertOneModel)
	if insert == nil {
		return nil
	}
	return insert.Document.(bson.Raw) // encoded
}

// inserted returns the documents of all inserts.
func (b *bulk) inserted() (docs []bson.Raw) {
	for _, m := range b.models {
		if doc := insertedBy(m); doc != nil {
			docs = append(docs, doc)
		}
	}
	return docs
}

// joinable returns the bulk with joined inserts. If the order does not matter, the inserts come first. order then has the
// index in b of each write.
func (b *bulk) joinable() (joined *bulk, order []int) {
	copied := *b
	copied.joined = true
	if b.ordered {
		return &copied, nil
	}
	copied.models = nil
	for _, isInsert := range []bool{true, false} {
		for i, m := range b.models {
			if (insertedBy(m) != nil) == isInsert {
				copied.models, order = append(copied.models, m), append(order, i)
			}
		}
	}
	return &copied, order
}

// driverKind returns the type of a write. Writes that the driver sends in one command have the same.
func driverKind(m mongo.WriteModel) reflect.Type {
	if _, ok := m.(*mongo.ReplaceOneModel); ok {
		return reflect.TypeFor[*mongo.UpdateOneModel]()
	}
	return reflect.TypeOf(m)
}

// hint returns the first hint of the writes, or nil.
func (b *bulk) hint() any {
	for _, m := range b.models {
		if hint := command.HintOf(m); hint != nil {
			return hint
		}
	}
	return nil
}

// byDriver sends the writes with the driver's BulkWrite, or with its InsertMany if they are joined inserts.
func (b *bulk) byDriver(ctx context.Context, coll *mongo.Collection, done *bulkOutcome) error {
	if b.joined && insertedBy(b.models[0]) != nil { // then all of them are: see runEnd
		docs := b.inserted()
		all := &inserts{client: b.client, docs: docs, ids: make([]any, len(docs)), ordered: b.ordered, joined: true}
		all.options.Ordered, all.options.BypassDocumentValidation = b.options.Ordered, b.options.BypassDocumentValidation
		return all.byDriver(ctx, coll, 0, len(docs), done)
	}
	r, err := coll.BulkWrite(ctx, b.models, &command.Literal[options.BulkWriteOptions]{Options: b.options})
	if r == nil {
		return err
	}
	done.result.setCounts(r)
	if err != nil && b.ordered {
		// The driver corrects the matched count for upserts only at the end, which it has not reached.
		done.result.matched -= r.UpsertedCount
	}
	done.addError(err)
	return err
}

// BulkWrite sends writes to several collections, also of several databases, in as few commands as possible.
// [WithProgress] follows it, and then it sends more commands.
//
// Errors: [ClientBulkWriteException]: errors.As finds its [Error], whose PartialResult has the result of the writes
// that succeeded, if any. A future also has that result beside the error. [OperationFailure] from servers before
// MongoDB 8.0, which do not know the command. With progress, an error that is not of a write has the result of the
// commands before it in the same way, and its Details list the writes that failed before.
//
// Nothing is sent after these errors: [ConfigurationError] if the write concern has wtimeout or fsync;
// [InvalidOperation] for an empty list, and for w: 0 with ordered writes or verbose results; [InvalidName]; [TypeError]
// for a nil list, for a nil element, and for a nil filter, document or update; [ValueError] for an update without
// operators and for a replacement with operators; [InvalidDocument] for a value that cannot be encoded;
// [DocumentTooLarge].
//
// Motor: MotorClient.bulk_write.
func (c *Client) BulkWrite(ctx context.Context, writes []mongo.ClientBulkWrite, opts ...options.Lister[options.ClientBulkWriteOptions]) *future.Future[*mongo.ClientBulkWriteResult] {
	encoded, o, err := c.encodeWrites(ctx, writes, opts)
	if err != nil {
		return failed[*mongo.ClientBulkWriteResult](c, err)
	}
	report := c.reportOf(ctx, unitWrites)
	write := driverOp(func(ctx context.Context, d *mongo.Client) (*mongo.ClientBulkWriteResult, error) {
		ctx, cancel := c.limited(ctx, time.Now()) // the timeout of the client limits all commands together
		defer cancel()
		b := &clientBulk{op: func(i int) any { return command.OpOf(c.codec.Codec, command.CollectionModel(encoded[i].Model)) }}
		err := b.sendParts(len(encoded), valueOr(o.Ordered, true), report, func(first, end int) (*mongo.ClientBulkWriteResult, error) {
			return d.BulkWrite(ctx, encoded[first:end], &command.Literal[options.ClientBulkWriteOptions]{Options: o})
		})
		return b.result, err
	})
	write.ending = c.ending(report)
	return submit(ctx, c, write)
}

// clientBulk is the outcome of the writes of Client.BulkWrite.
type clientBulk struct {
	result *mongo.ClientBulkWriteResult // nil before the first reply
	bad    mongo.ClientBulkWriteException
	failed bool                // bad is an error; the driver may not say of which write
	op     func(index int) any // returns a write as a statement of its command
}

// sendParts sends n writes, in parts if there is a report. It continues after a part as the server does between two
// writes: a write error ends an ordered list, and a write concern error does not. An error of another kind ends any list.
// It has the result of the parts before it.
func (b *clientBulk) sendParts(
	n int, ordered bool, report *progress.Report, send func(first, end int) (*mongo.ClientBulkWriteResult, error),
) error {
	size := partSize(report, n)
	report.Start(int64(n))
	for first, end := 0, 0; first < n; first = end {
		end = min(first+size, n)
		var (
			r   *mongo.ClientBulkWriteResult
			err error
		)
		if bad := usercode.Try(func() { r, err = send(first, end) }); bad != nil { // the driver panics on some replies
			err = bad
		}
		var failed mongo.ClientBulkWriteException
		other := err != nil && (!errors.As(err, &failed) || failed.WriteError != nil)
		if other && first == 0 {
			b.result = r
			return clientBulkError(err, b.op)
		}
		b.add(r, failed, first)
		if other {
			return withResult(wrapError(err), b.outcome(), b.result)
		}
		b.failed = b.failed || err != nil
		if err == nil || failed.PartialResult != nil {
			b.bad.PartialResult = b.result
		}
		if err != nil && ordered && (len(failed.WriteErrors) > 0 || len(failed.WriteConcernErrors) == 0) {
			for i := range failed.WriteErrors { // the server has not tried the writes after this one
				report.Set(int64(first + i + 1))
			}
			break
		}
		report.Set(int64(end))
	}
	if b.failed {
		return clientBulkError(b.bad, b.op)
	}
	return nil
}

// add adds the outcome of a part, whose first write has the index first in the whole list.
func (b *clientBulk) add(r *mongo.ClientBulkWriteResult, failed mongo.ClientBulkWriteException, first int) {
	b.bad.WriteConcernErrors = append(b.bad.WriteConcernErrors, failed.WriteConcernErrors...)
	addShifted(&b.bad.WriteErrors, failed.WriteErrors, first)
	switch {
	case r == nil:
	case b.result == nil:
		b.result = r
	default:
		b.result.InsertedCount += r.InsertedCount
		b.result.MatchedCount += r.MatchedCount
		b.result.ModifiedCount += r.ModifiedCount
		b.result.DeletedCount += r.DeletedCount
		b.result.UpsertedCount += r.UpsertedCount
		addShifted(&b.result.InsertResults, r.InsertResults, first)
		addShifted(&b.result.UpdateResults, r.UpdateResults, first)
		addShifted(&b.result.DeleteResults, r.DeleteResults, first)
	}
}

// outcome returns the errors of all writes, or nil if there are none.
func (b *clientBulk) outcome() *bulkOutcome {
	if !b.failed {
		return nil
	}
	return clientBulkOutcome(b.bad, b.op)
}

// addShifted adds the elements of from, with first added to their keys.
func addShifted[V any](into *map[int]V, from map[int]V, first int) {
	if *into == nil && from != nil {
		*into = make(map[int]V, len(from))
	}
	for i, v := range from {
		(*into)[first+i] = v
	}
}

// encodeWrites checks and encodes the arguments of BulkWrite.
func (c *Client) encodeWrites(
	ctx context.Context, writes []mongo.ClientBulkWrite, opts []options.Lister[options.ClientBulkWriteOptions],
) ([]mongo.ClientBulkWrite, options.ClientBulkWriteOptions, error) {
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, o, err
	}
	e := c.arguments(&c.codec)
	e.Check(checkWrites(len(writes), writes == nil))
	encoded := make([]mongo.ClientBulkWrite, len(writes))
	for i, w := range writes {
		e.Check(checkDatabaseName(w.Database))
		e.Check(checkCollectionName(w.Collection))
		encoded[i] = mongo.ClientBulkWrite{Database: w.Database, Collection: w.Collection, Model: e.ClientModel(w.Model)}
	}
	o.Let, o.Comment = e.OptionalDocument("let", o.Let), e.OptionalValue("comment", o.Comment)
	if o.WriteConcern == nil && !inTransaction(ctx) {
		now := c.snapshot()
		o.WriteConcern = now.write.driver
		e.Check(now.write.refuse("BulkWrite"))
	}
	for _, w := range encoded {
		if !o.WriteConcern.Acknowledged() && command.HintOf(command.CollectionModel(w.Model)) != nil {
			e.Check(errUnacknowledgedHint())
		}
	}
	if !o.WriteConcern.Acknowledged() && ctx != nil && mongo.SessionFromContext(ctx) != nil {
		e.Check(newError(ConfigurationError, "explicit sessions are incompatible with unacknowledged write concern"))
	}
	if !o.WriteConcern.Acknowledged() && (valueOr(o.Ordered, true) || valueOr(o.VerboseResults, false)) {
		e.Check(newError(InvalidOperation, "cannot request unacknowledged write concern and ordered writes or verbose results"))
	}
	return encoded, o, e.err()
}

// clientBulkError gives the driver's error its class and its partial result.
func clientBulkError(err error, op func(int) any) error {
	err = wrapError(err)
	var bulk mongo.ClientBulkWriteException
	if !errors.As(err, &bulk) {
		return err
	}
	var partial any
	if bulk.PartialResult != nil {
		partial = bulk.PartialResult
	}
	return withResult(err, clientBulkOutcome(bulk, op), partial)
}
