package hostile

import (
	"cmp"
	"context"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// operation is an operation with a valid reply. Both functions return the number of documents that they have read.
type operation struct {
	name    string
	replies map[string]bson.D // by the command; one of them is changed
	ours    func(context.Context, *motor.Collection[bson.M]) (int, error)
	driver  func(context.Context, *mongo.Collection) (int, error) // nil: there is no counterpart
}

func reply(fields ...bson.E) bson.D {
	return append(bson.D(fields), bson.E{Key: "ok", Value: 1.0},
		bson.E{Key: "$clusterTime", Value: bson.D{{Key: "clusterTime", Value: bson.Timestamp{T: 1, I: 1}}}},
		bson.E{Key: "operationTime", Value: bson.Timestamp{T: 1, I: 1}})
}

func documents(n int) bson.A {
	docs := bson.A{}
	for i := range n {
		docs = append(docs, bson.D{{Key: "_id", Value: int32(i)}, {Key: "s", Value: "text"}, {Key: "in", Value: bson.D{{Key: "a", Value: bson.A{1, 2}}}}})
	}
	return docs
}

func batch(name string, id int64, docs bson.A) bson.D {
	return reply(bson.E{Key: "cursor", Value: bson.D{
		{Key: "id", Value: id}, {Key: "ns", Value: "d.c"}, {Key: name, Value: docs}, {Key: "postBatchResumeToken", Value: bson.D{{Key: "_data", Value: "8"}}},
	}})
}

func writeErrors() bson.E {
	return bson.E{Key: "writeErrors", Value: bson.A{bson.D{
		{Key: "index", Value: 0}, {Key: "code", Value: 11000}, {Key: "errmsg", Value: "E11000"}, {Key: "errInfo", Value: bson.D{{Key: "a", Value: 1}}},
	}}}
}

func one[T any](_ T, err error) (int, error) { return 0, err }

func count[T any](list []T, err error) (int, error) { return len(list), err }

// all reads all documents of a driver's cursor. Documents that came before an error count.
func all(ctx context.Context, cursor *mongo.Cursor, err error) (n int, _ error) {
	if err != nil {
		return 0, err
	}
	defer cursor.Close(context.WithoutCancel(ctx))
	for cursor.Next(ctx) {
		var doc bson.M
		if err := cursor.Decode(&doc); err != nil {
			return n, err
		}
		n++
	}
	return n, cursor.Err()
}

// planned and unplanned are types for documents. The library decodes the first itself.
type (
	planned   struct{ S string }
	unplanned struct {
		S string
		R bson.Regex
	}
)

// Operations.
var operations = []operation{
	{"find", map[string]bson.D{"find": batch("firstBatch", 0, documents(4))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return count(c.Find(bson.D{}).ToList(ctx).Await(ctx))
		},
		func(ctx context.Context, c *mongo.Collection) (int, error) {
			cursor, err := c.Find(ctx, bson.D{})
			return all(ctx, cursor, err)
		}},
	// The driver's decoder of structs does not end for some replies. So these have no counterpart.
	{"find into a struct", map[string]bson.D{"find": batch("firstBatch", 0, documents(2))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return count(motor.CollectionOf[planned](c.Database(), c.Name()).Find(bson.D{}).ToList(ctx).Await(ctx))
		}, nil},
	{"find into a struct that the driver decodes", map[string]bson.D{"find": batch("firstBatch", 0, documents(2))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return count(motor.CollectionOf[unplanned](c.Database(), c.Name()).Find(bson.D{}).ToList(ctx).Await(ctx))
		}, nil},
	{"getMore", map[string]bson.D{"find": batch("firstBatch", 9, documents(2)), "getMore": batch("nextBatch", 0, documents(3))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (n int, err error) {
			for _, e := range c.Find(bson.D{}).All(ctx) {
				if e != nil {
					return n, e
				}
				n++
			}
			return n, nil
		},
		func(ctx context.Context, c *mongo.Collection) (int, error) {
			cursor, err := c.Find(ctx, bson.D{})
			return all(ctx, cursor, err)
		}},
	{"raw batches", map[string]bson.D{"find": batch("firstBatch", 0, documents(2))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.FindRawBatches(bson.D{}).Next(ctx).Await(ctx))
		}, nil},
	{"findOne", map[string]bson.D{"find": batch("firstBatch", 0, documents(1))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			doc, err := c.FindOne(ctx, bson.D{}).Await(ctx)
			if doc == nil {
				return 0, err
			}
			return 1, err
		},
		func(ctx context.Context, c *mongo.Collection) (int, error) {
			err := c.FindOne(ctx, bson.D{}).Decode(new(bson.M))
			switch err {
			case nil:
				return 1, nil
			case mongo.ErrNoDocuments:
				return 0, nil
			}
			return 0, err
		}},
	{"aggregate", map[string]bson.D{"aggregate": batch("firstBatch", 0, documents(3))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return count(c.Aggregate(bson.A{}).ToList(ctx).Await(ctx))
		},
		func(ctx context.Context, c *mongo.Collection) (int, error) {
			cursor, err := c.Aggregate(ctx, bson.A{})
			return all(ctx, cursor, err)
		}},
	{"listIndexes", map[string]bson.D{"listIndexes": batch("firstBatch", 0, bson.A{bson.D{{Key: "name", Value: "a_1"}, {Key: "key", Value: bson.D{{Key: "a", Value: 1}}}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.IndexInformation(ctx).Await(ctx))
		}, nil},
	{"count", map[string]bson.D{"aggregate": batch("firstBatch", 0, bson.A{bson.D{{Key: "n", Value: 3}}}), "count": reply(bson.E{Key: "n", Value: 3})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			if _, err := c.EstimatedDocumentCount(ctx).Await(ctx); err != nil {
				return 0, err
			}
			return one(c.CountDocuments(ctx, bson.D{}).Await(ctx))
		}, nil},
	{"distinct", map[string]bson.D{"distinct": reply(bson.E{Key: "values", Value: bson.A{1, "a", bson.D{{Key: "b", Value: 2}}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return count(c.Distinct(ctx, "k", bson.D{}).Await(ctx))
		},
		func(ctx context.Context, c *mongo.Collection) (int, error) {
			var list []any
			err := c.Distinct(ctx, "k", bson.D{}).Decode(&list)
			return len(list), err
		}},
	{"insertOne", map[string]bson.D{"insert": reply(bson.E{Key: "n", Value: 1})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.InsertOne(ctx, bson.D{}).Await(ctx))
		}, nil},
	{"insertMany that fails", map[string]bson.D{"insert": reply(bson.E{Key: "n", Value: 0}, writeErrors())},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			_, err := c.InsertMany(ctx, []bson.D{{}, {}}).Await(ctx)
			if own := motor.AsError(err); own != nil {
				_, _ = own.Details(), own.PartialResult()
			}
			return 0, err
		}, nil},
	{"insert with batching", map[string]bson.D{"insert": reply(bson.E{Key: "n", Value: 1}, writeErrors())},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			b := c.WithBatching()
			first, second := b.InsertOne(ctx, bson.D{}), b.InsertOne(ctx, bson.D{})
			if _, err := first.Await(ctx); err != nil {
				_, _ = second.Await(ctx)
				return 0, err
			}
			return one(second.Await(ctx))
		}, nil},
	{"find with batching", map[string]bson.D{"find": batch("firstBatch", 0, documents(2))},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			b := c.WithBatching()
			first := b.FindOne(ctx, bson.D{{Key: "_id", Value: 0}})
			second, third := b.FindOne(ctx, bson.D{{Key: "_id", Value: 1}}), b.FindOne(ctx, bson.D{{Key: "_id", Value: "1"}})
			_, err := first.Await(ctx)
			_, err2 := second.Await(ctx)
			_, err3 := third.Await(ctx)
			return 0, cmp.Or(err, err2, err3)
		}, nil},
	{"updateOne", map[string]bson.D{"update": reply(bson.E{Key: "n", Value: 1}, bson.E{Key: "nModified", Value: 1},
		bson.E{Key: "upserted", Value: bson.A{bson.D{{Key: "index", Value: 0}, {Key: "_id", Value: bson.D{{Key: "a", Value: 1}}}}}},
		bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "m"}, {Key: "errInfo", Value: bson.D{}}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.UpdateOne(ctx, bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}).Await(ctx))
		}, nil},
	{"bulkWrite", map[string]bson.D{"delete": reply(bson.E{Key: "n", Value: 1}), "update": reply(bson.E{Key: "n", Value: 1}, writeErrors())},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			_, err := c.BulkWrite(ctx, []mongo.WriteModel{
				mongo.NewDeleteOneModel().SetFilter(bson.D{}),
				mongo.NewReplaceOneModel().SetFilter(bson.D{}).SetReplacement(bson.D{}),
			}, options.BulkWrite().SetOrdered(false)).Await(ctx)
			if own := motor.AsError(err); own != nil {
				_ = own.Details()
			}
			return 0, err
		}, nil},
	{"client bulkWrite", map[string]bson.D{"bulkWrite": append(batch("firstBatch", 0, bson.A{bson.D{{Key: "ok", Value: 1.0}, {Key: "idx", Value: 0}, {Key: "n", Value: 1}}}),
		bson.E{Key: "nErrors", Value: 0}, bson.E{Key: "nInserted", Value: 1}, bson.E{Key: "nMatched", Value: 0}, bson.E{Key: "nModified", Value: 0},
		bson.E{Key: "nUpserted", Value: 0}, bson.E{Key: "nDeleted", Value: 0})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
				{Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.D{})},
			}).Await(ctx))
		}, nil},
	{"findAndModify", map[string]bson.D{"findAndModify": reply(bson.E{Key: "value", Value: bson.D{{Key: "a", Value: 1}}},
		bson.E{Key: "lastErrorObject", Value: bson.D{{Key: "n", Value: 1}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.FindOneAndDelete(ctx, bson.D{}).Await(ctx))
		}, nil},
	{"command that fails", map[string]bson.D{"ping": {{Key: "ok", Value: 0.0}, {Key: "code", Value: 13}, {Key: "codeName", Value: "Unauthorized"}, {Key: "errmsg", Value: "no"},
		{Key: "errorLabels", Value: bson.A{"TransientTransactionError"}}, {Key: "topologyVersion", Value: bson.D{{Key: "processId", Value: bson.ObjectID{}}, {Key: "counter", Value: int64(1)}}}}},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			_, err := c.Database().Command(ctx, "ping").Await(ctx)
			if err != nil {
				_ = err.Error()
			}
			return 0, err
		}, nil},
	{"listDatabases", map[string]bson.D{"listDatabases": reply(bson.E{Key: "databases", Value: bson.A{bson.D{{Key: "name", Value: "a"}, {Key: "sizeOnDisk", Value: 1}, {Key: "empty", Value: false}}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.Database().Client().ListDatabaseNames(ctx, bson.D{}).Await(ctx))
		}, nil},
	{"listCollections", map[string]bson.D{"listCollections": batch("firstBatch", 0, bson.A{bson.D{{Key: "name", Value: "a"}, {Key: "type", Value: "collection"}, {Key: "options", Value: bson.D{}}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			return one(c.Options(ctx).Await(ctx))
		}, nil},
	{"change stream", map[string]bson.D{"aggregate": batch("firstBatch", 9, bson.A{bson.D{{Key: "_id", Value: bson.D{{Key: "_data", Value: "1"}}}, {Key: "operationType", Value: "insert"}}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			stream := c.Watch(nil)
			defer stream.Close(ctx)
			return one(stream.TryNext(ctx).Await(ctx))
		}, nil},
	{"GridFS", map[string]bson.D{"find": batch("firstBatch", 0, bson.A{bson.D{
		{Key: "_id", Value: 1}, {Key: "length", Value: int64(3)}, {Key: "chunkSize", Value: 3}, {Key: "uploadDate", Value: bson.DateTime(0)}, {Key: "filename", Value: "f"},
		{Key: "n", Value: 0}, {Key: "files_id", Value: 1}, {Key: "data", Value: bson.Binary{Data: []byte("abc")}},
	}})},
		func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			bucket, err := motor.NewGridFSBucket(c.Database())
			if err != nil {
				return 0, err
			}
			n, err := bucket.DownloadToStream(ctx, 1, io.Discard).Await(ctx)
			return int(n), err
		}, nil},
}
