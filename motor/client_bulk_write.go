package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// BulkWrite sends writes to several collections, of several databases even, in as few commands as possible.
//
// Errors: [ClientBulkWriteException]: errors.As finds its [Error], whose PartialResult has the result of the writes
// that were done, if any. A future also holds it beside the error. [OperationFailure] from servers before MongoDB 8.0,
// which do not know the command; [ConfigurationError] if the write concern has wtimeout or fsync; [InvalidOperation]
// for an empty list, and for w: 0 with ordered writes, or with verbose results; [InvalidName]; [TypeError] for a nil
// list, for a nil in it, and for a nil filter, document or update; [ValueError] for an update without operators and
// for a replacement with some; [InvalidDocument] for what cannot be encoded, and [DocumentTooLarge]: nothing is sent
// then, of none of the writes.
//
// Motor: MotorClient.bulk_write.
func (c *Client) BulkWrite(ctx context.Context, writes []mongo.ClientBulkWrite, opts ...options.Lister[options.ClientBulkWriteOptions]) *future.Future[*mongo.ClientBulkWriteResult] {
	encoded, o, err := c.encodeWrites(ctx, writes, opts)
	if err != nil {
		return failed[*mongo.ClientBulkWriteResult](c, err)
	}
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (*mongo.ClientBulkWriteResult, error) {
		r, err := d.BulkWrite(ctx, encoded, &command.Literal[options.ClientBulkWriteOptions]{Options: o})
		return r, clientBulkError(err, func(i int) any {
			s, _ := command.StatementOf(c.codec.Codec, command.CollectionModel(encoded[i].Model))
			return s.Doc
		})
	}))
}

// encodeWrites checks and encodes what BulkWrite is given.
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
		now := c.now()
		o.WriteConcern = now.write.driver
		e.Check(now.write.refuse("BulkWrite"))
	}
	if !o.WriteConcern.Acknowledged() && ctx != nil && mongo.SessionFromContext(ctx) != nil {
		e.Check(newError(ConfigurationError, "a write with w: 0 cannot be in a session"))
	}
	if !o.WriteConcern.Acknowledged() && (valueOr(o.Ordered, true) || valueOr(o.VerboseResults, false)) {
		e.Check(newError(InvalidOperation, "BulkWrite with w: 0 can have neither an order nor verbose results"))
	}
	return encoded, o, e.err()
}

// clientBulkError gives the driver's error its class, and the result that it has.
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
