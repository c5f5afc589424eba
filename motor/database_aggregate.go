package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Aggregate returns a cursor over the documents that a pipeline makes of no collection: one that begins with a stage
// such as $currentOp or $documents. It does no I/O: the pipeline is sent when the cursor is first read. A pipeline
// that is wrong shows then.
//
// Errors of reading: [TypeError] for what is no slice of documents, [InvalidDocument] for a stage that cannot be
// encoded, [OperationFailure].
//
// Motor: MotorDatabase.aggregate.
func (d *Database) Aggregate(pipeline any, opts ...options.Lister[options.AggregateOptions]) *CommandCursor[bson.M] {
	at := func(client *mongo.Client, now moment) aggregator { return d.at(client, now) }
	cursor := new(CommandCursor[bson.M])
	cursor.aggregate(d.Collection("$cmd.aggregate"), (*docs[bson.M])(nil), &d.concerns, &d.codec, at, pipeline, opts)
	return cursor
}

// aggregator is the driver's database or collection.
type aggregator interface {
	Aggregate(context.Context, any, ...options.Lister[options.AggregateOptions]) (*mongo.Cursor, error)
}

// aggregate makes the cursor one that reads coll, and sends its pipeline to the handle that at returns.
func (cursor *commandCursor) aggregate(
	coll *Collection[bson.M], none docList, c *concerns, codec *codec, at func(*mongo.Client, moment) aggregator,
	pipeline any, opts []options.Lister[options.AggregateOptions],
) {
	stages, err := codec.encodePipeline(pipeline)
	if _, e := applied(opts); err == nil {
		err = e
	}
	cursor.init(coll, none, err, func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		now := c.now()
		if writes(stages) {
			if err := now.write.refuse("Aggregate with $out or $merge"); err != nil {
				return nil, err
			}
		}
		return at(client, now).Aggregate(ctx, stages, sized(opts, size)...)
	})
}

// writes reports whether a pipeline writes what it finds.
func writes(stages []bson.Raw) bool {
	if len(stages) == 0 {
		return false
	}
	last, err := stages[len(stages)-1].IndexErr(0)
	return err == nil && (last.Key() == "$out" || last.Key() == "$merge")
}

// sized returns opts with the batch size that a cursor was given, if it was.
func sized(opts []options.Lister[options.AggregateOptions], size *int32) []options.Lister[options.AggregateOptions] {
	if size == nil {
		return opts
	}
	return append(opts[:len(opts):len(opts)], options.Aggregate().SetBatchSize(*size))
}
