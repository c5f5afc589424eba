package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// BulkWrite sends several writes, in as few commands as possible. They are done in their order, up to the first that
// fails; with options.BulkWrite().SetOrdered(false) all are tried, in any order.
//
//	coll.BulkWrite(ctx, []mongo.WriteModel{
//		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
//		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 2}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}),
//		mongo.NewDeleteManyModel().SetFilter(bson.M{"a": 2}),
//	})
//
// Errors: [BulkWriteError]: errors.As finds its [Error], whose Details tell which writes failed and whose
// PartialResult has the result of the others. A future also holds it beside the error. [InvalidOperation] for an empty
// list; [TypeError] for a nil one, for a nil in it, and for a nil filter, document or update; [ValueError] for an
// update without operators and for a replacement with some; [InvalidDocument] for what cannot be encoded, and
// [DocumentTooLarge]: nothing is sent then, of none of the writes. An error of the network has the result of the
// commands before it, in the same way.
//
// Motor: MotorCollection.bulk_write.
func (c *collection) BulkWrite(ctx context.Context, models []mongo.WriteModel, opts ...options.Lister[options.BulkWriteOptions]) *future.Future[*BulkWriteResult] {
	b, err := c.newBulk(models, opts)
	if err != nil {
		return failed[*BulkWriteResult](c.db.client, err)
	}
	return submit(ctx, c.db.client, bulkOp(ctx, c, b, c.now(), (*bulkOutcome).bulkWriteResult))
}

// checkWrites checks that there are any.
func checkWrites(n int, isNil bool) error {
	switch {
	case isNil:
		return newError(TypeError, "the list of writes is nil")
	case n == 0:
		return newError(InvalidOperation, "there is no operation to execute")
	}
	return nil
}

// bulk is several writes on their way.
type bulk struct {
	client  *Client
	codec   *codec
	models  []mongo.WriteModel // encoded
	callers []mongo.WriteModel // the same, as the caller knows them
	ordered bool
	options options.BulkWriteOptions // Let and Comment are encoded
}

func (c *collection) newBulk(models []mongo.WriteModel, opts []options.Lister[options.BulkWriteOptions]) (*bulk, error) {
	if err := checkWrites(len(models), models == nil); err != nil {
		return nil, err
	}
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	b := &bulk{
		client: c.db.client, codec: &c.codec,
		models: make([]mongo.WriteModel, len(models)), callers: slices.Clone(models),
		ordered: valueOr(o.Ordered, true), options: o,
	}
	e := c.arguments()
	for i, m := range models {
		b.models[i] = e.Model(m)
	}
	b.options.Ordered, b.options.Let, b.options.Comment = &b.ordered, e.OptionalDocument("let", o.Let), e.OptionalValue("comment", o.Comment)
	return b, e.err()
}

// bulkOp returns the operation that sends a bulk with the settings now. The future resolves to result of the outcome.
func bulkOp[T any](ctx context.Context, c *collection, b *bulk, now moment, result func(*bulkOutcome) T) op[T] {
	send, acknowledged := b.byDriver, now.acknowledged(ctx)
	if now.byCommand(ctx) {
		send = func(ctx context.Context, coll *mongo.Collection, done *bulkOutcome) error {
			return b.byCommands(ctx, coll, now.write.wire, done)
		}
	}
	return writeOp(ctx, c, now, nil, func(ctx context.Context, coll *mongo.Collection) (T, error) {
		done := &bulkOutcome{
			op:     func(i int) any { s, _ := command.StatementOf(b.codec.Codec, b.models[i]); return s.Doc },
			result: BulkWriteResult{Acknowledged: acknowledged},
		}
		err := send(ctx, coll, done)
		for i, e := range done.bad.WriteErrors {
			done.bad.WriteErrors[i].Request = b.callers[e.Index]
		}
		v := result(done)
		return v, done.failed(err, v)
	})
}

// byDriver sends the writes by the driver's method.
func (b *bulk) byDriver(ctx context.Context, coll *mongo.Collection, done *bulkOutcome) error {
	r, err := coll.BulkWrite(ctx, b.models, &command.Literal[options.BulkWriteOptions]{Options: b.options})
	if r == nil {
		return err
	}
	done.result.inserted, done.result.matched, done.result.modified = r.InsertedCount, r.MatchedCount, r.ModifiedCount
	done.result.deleted, done.result.upserted, done.result.upsertedIDs = r.DeletedCount, r.UpsertedCount, r.UpsertedIDs
	if err != nil && b.ordered {
		// The driver counts what was upserted as matched, until the end, which it has not reached.
		done.result.matched -= r.UpsertedCount
	}
	done.take(err)
	return err
}
