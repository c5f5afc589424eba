package motor

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Aggregate returns a cursor over the documents that a pipeline makes of the collection's. It does no I/O: the
// pipeline is sent when the cursor is first read, and so a pipeline that ends with $out or $merge writes nothing until
// then. A pipeline that is wrong shows then, too.
//
// Errors of reading: [TypeError] for what is no slice of documents, [InvalidDocument] for a stage that cannot be
// encoded, [OperationFailure]; of a pipeline that writes, [WriteConcernError], and [ConfigurationError] if the write
// concern has wtimeout or fsync.
//
// Motor: MotorCollection.aggregate.
func (c *Collection[D]) Aggregate(pipeline any, opts ...options.Lister[options.AggregateOptions]) *CommandCursor[D] {
	cursor := new(CommandCursor[D])
	coll := (*Collection[bson.M])(c)
	at := func(client *mongo.Client, now moment) aggregator { return coll.at(client, now) }
	cursor.aggregate(coll, (*docs[D])(nil), &c.concerns, &c.codec, at, pipeline, opts)
	return cursor
}
