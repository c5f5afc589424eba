package motor

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// BulkOptions are the options of InitializeOrderedBulkOp and InitializeUnorderedBulkOp.
type BulkOptions struct {
	BypassDocumentValidation bool // true: the server does not validate what is written
}

// InitializeOrderedBulkOp returns a builder of several writes. The server runs them in order and stops at the first
// that fails. It does no I/O.
//
// Legacy: use BulkWrite. Motor: MotorCollection.initialize_ordered_bulk_op.
func (c *collection) InitializeOrderedBulkOp(opts ...BulkOptions) *BulkOperationBuilder {
	return newBulkBuilder(c, "InitializeOrderedBulkOp", true, opts)
}

// InitializeUnorderedBulkOp returns a builder of several writes. The server tries all of them, in any order. It does no
// I/O.
//
// Legacy: use BulkWrite. Motor: MotorCollection.initialize_unordered_bulk_op.
func (c *collection) InitializeUnorderedBulkOp(opts ...BulkOptions) *BulkOperationBuilder {
	return newBulkBuilder(c, "InitializeUnorderedBulkOp", false, opts)
}

// BulkOperationBuilder collects writes of a collection. Its Execute sends them:
//
//	bulk := coll.InitializeOrderedBulkOp()
//	bulk.Insert(bson.M{"_id": 1})
//	bulk.Find(bson.M{"_id": 2}).Upsert().UpdateOne(bson.M{"$set": bson.M{"a": 1}})
//	bulk.Find(bson.M{"a": 2}).Remove()
//	result, err := bulk.Execute(ctx).Await(ctx)
//
// Err returns the error of an invalid write at once. Execute fails with the same error. A builder is safe for
// concurrent use.
//
// Motor: MotorBulkOperationBuilder.
type BulkOperationBuilder struct {
	client *Client
	name   string
	bulk   bulk // without the writes
	// start starts bulkOp for the collection.
	start func(context.Context, *bulk, []any) *future.Future[bson.M]

	mu       sync.Mutex
	args     *arguments
	models   []mongo.WriteModel
	executed bool
}

func newBulkBuilder(c *collection, method string, ordered bool, opts []BulkOptions) *BulkOperationBuilder {
	o, err := atMostOne(method, opts)
	e := c.arguments()
	e.Check(c.err)
	e.Check(err)
	b := &BulkOperationBuilder{client: c.db.client, name: c.FullName(), args: e}
	b.bulk = bulk{client: c.db.client, codec: &c.codec, ordered: ordered, options: options.BulkWriteOptions{Ordered: &ordered}}
	if o.BypassDocumentValidation {
		b.bulk.options.BypassDocumentValidation = &o.BypassDocumentValidation
	}
	b.start = func(ctx context.Context, all *bulk, concern []any) *future.Future[bson.M] {
		now := c.snapshot()
		dictionary, err := atMostOne("Execute", concern)
		if err == nil && dictionary != nil {
			now, err = settingsOf(c, dictionary)
		}
		if err != nil {
			return failed[bson.M](c.db.client, err)
		}
		return submit(ctx, c.db.client, bulkOp(ctx, c, all, now, (*bulkOutcome).oldResult))
	}
	return b
}

// Insert adds an insert of a document. A document without an _id gets a bson.ObjectID.
//
// Errors of Execute: [TypeError] for nil and for a value that is not a document, [InvalidDocument] for a document that
// cannot be encoded and for keys that begin with '$' or contain a '.', [DocumentTooLarge].
//
// Motor: MotorBulkOperationBuilder.insert.
func (b *BulkOperationBuilder) Insert(document any) {
	b.add(func(e *arguments) mongo.WriteModel {
		raw := e.Inserted(document)
		e.keysOf("document", raw, nil)
		return &mongo.InsertOneModel{Document: raw}
	})
}

// Find selects the documents that match selector. The result adds writes of these documents to the builder. bson.D{}
// matches all documents. collation says how strings compare; it may be given once.
//
// Errors of Execute: [TypeError] for a nil selector, [InvalidDocument] for one that cannot be encoded.
//
// Motor: MotorBulkOperationBuilder.find.
func (b *BulkOperationBuilder) Find(selector any, collation ...*options.Collation) *BulkWriteOperation {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, err := atMostOne("Find", collation)
	b.args.Check(err)
	return &BulkWriteOperation{bulkSelection{b, b.args.Document("selector", selector), command.Copy(one)}}
}

// add adds the write that make returns.
func (b *BulkOperationBuilder) add(make func(*arguments) mongo.WriteModel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if model := make(b.args); b.args.err() == nil {
		b.models = append(b.models, model)
	}
}

// Err returns the error that Execute will fail with because a write is invalid, or nil.
func (b *BulkOperationBuilder) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.args.err()
}

// Execute sends the writes, in as few commands as possible. The result counts the documents that the writes have
// changed: nInserted, nMatched, nModified, nRemoved and nUpserted. It also has upserted, a list of index and _id, and
// writeErrors and writeConcernErrors, which are empty. With w: 0 the result is nil. writeConcern is a dictionary as in
// SetWriteConcern, used instead of the collection's write concern; it may be given once.
//
// Errors: [BulkWriteError]: errors.As finds its [Error], whose PartialResult is the result, with the failed writes in
// writeErrors. A future also has that result beside the error. [InvalidOperation] for a builder without writes, and
// for the second Execute. Nothing is sent if a write was invalid (see [BulkOperationBuilder.Err]), or for an invalid
// write concern, a [ConfigurationError].
//
// Motor: MotorBulkOperationBuilder.execute.
func (b *BulkOperationBuilder) Execute(ctx context.Context, writeConcern ...any) *future.Future[bson.M] {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.args.err() != nil:
		return failed[bson.M](b.client, b.args.err())
	case b.executed:
		return failed[bson.M](b.client, newError(InvalidOperation, "bulk operations can only be executed once"))
	case len(b.models) == 0:
		return failed[bson.M](b.client, newError(InvalidOperation, "no operations to execute"))
	}
	b.executed = true
	all := b.bulk
	all.models = slices.Clone(b.models)
	all.originals = all.models
	return b.start(ctx, &all, writeConcern)
}

// IOLoop returns the executor on which callbacks run: that of the client.
//
// Motor: MotorBulkOperationBuilder.get_io_loop, MotorBulkOperationBuilder.io_loop.
func (b *BulkOperationBuilder) IOLoop() future.Executor { return b.client.loop }

// String names the builder by its collection.
func (b *BulkOperationBuilder) String() string {
	return fmt.Sprintf("motor.BulkOperationBuilder(%q)", b.name)
}

// bulkSelection selects the documents of a write that is to be added to a builder.
type bulkSelection struct {
	builder   *BulkOperationBuilder
	selector  bson.Raw
	collation *options.Collation
}

// BulkWriteOperation adds writes of the documents that the selector of [BulkOperationBuilder.Find] matches.
//
// Motor: BulkWriteOperation.
type BulkWriteOperation struct{ bulkSelection }

// Update adds an update of all documents that match: bson.M{"$set": ...}. Execute fails with [ValueError] for an update
// without operators.
//
// Motor: BulkWriteOperation.update.
func (o *BulkWriteOperation) Update(update any) { o.update(update, nil) }

// UpdateOne adds an update of the first document that matches. Otherwise it is like Update.
//
// Motor: BulkWriteOperation.update_one.
func (o *BulkWriteOperation) UpdateOne(update any) { o.updateOne(update, nil) }

// ReplaceOne adds a replacement of the first document that matches. Execute fails with [ValueError] for a replacement
// with operators.
//
// Motor: BulkWriteOperation.replace_one.
func (o *BulkWriteOperation) ReplaceOne(replacement any) { o.replaceOne(replacement, nil) }

// Remove adds a deletion of all documents that match.
//
// Motor: BulkWriteOperation.remove.
func (o *BulkWriteOperation) Remove() {
	o.builder.add(func(*arguments) mongo.WriteModel {
		return &mongo.DeleteManyModel{Filter: o.selector, Collation: o.collation}
	})
}

// RemoveOne adds a deletion of the first document that matches.
//
// Motor: BulkWriteOperation.remove_one.
func (o *BulkWriteOperation) RemoveOne() {
	o.builder.add(func(*arguments) mongo.WriteModel {
		return &mongo.DeleteOneModel{Filter: o.selector, Collation: o.collation}
	})
}

// Upsert returns an operation whose writes insert a document if none matches the selector.
//
// Motor: BulkWriteOperation.upsert.
func (o *BulkWriteOperation) Upsert() *BulkUpsertOperation {
	return &BulkUpsertOperation{o.bulkSelection}
}

// BulkUpsertOperation adds writes that insert a document if none matches the selector.
//
// Motor: BulkUpsertOperation.
type BulkUpsertOperation struct{ bulkSelection }

// Update adds an update of all documents that match, or an insert. See [BulkWriteOperation.Update].
//
// Motor: BulkUpsertOperation.update.
func (o *BulkUpsertOperation) Update(update any) { o.update(update, new(true)) }

// UpdateOne adds an update of the first document that matches, or an insert.
//
// Motor: BulkUpsertOperation.update_one.
func (o *BulkUpsertOperation) UpdateOne(update any) { o.updateOne(update, new(true)) }

// ReplaceOne adds a replacement of the first document that matches, or an insert.
//
// Motor: BulkUpsertOperation.replace_one.
func (o *BulkUpsertOperation) ReplaceOne(replacement any) { o.replaceOne(replacement, new(true)) }

func (s bulkSelection) update(update any, upsert *bool) {
	s.builder.add(func(e *arguments) mongo.WriteModel {
		return &mongo.UpdateManyModel{Filter: s.selector, Update: e.Update(update), Collation: s.collation, Upsert: upsert}
	})
}

func (s bulkSelection) updateOne(update any, upsert *bool) {
	s.builder.add(func(e *arguments) mongo.WriteModel {
		return &mongo.UpdateOneModel{Filter: s.selector, Update: e.Update(update), Collation: s.collation, Upsert: upsert}
	})
}

func (s bulkSelection) replaceOne(replacement any, upsert *bool) {
	s.builder.add(func(e *arguments) mongo.WriteModel {
		return &mongo.ReplaceOneModel{
			Filter: s.selector, Replacement: e.Replacement(replacement), Collation: s.collation, Upsert: upsert,
		}
	})
}
