package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// cursorKinds has functions that return cursors over all documents of a collection, sorted, in batches of ten.
var cursorKinds = map[string]func(t *testing.T, ops operations) reader[bson.M]{
	"of a query": func(_ *testing.T, ops operations) reader[bson.M] {
		r := ops.Find(bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		return r.reader
	},
	"of a pipeline": func(_ *testing.T, ops operations) reader[bson.M] {
		return aggregate(ops, bson.A{bson.M{"$sort": bson.M{"_id": 1}}}, options.Aggregate().SetBatchSize(10)).reader
	},
	"of a command": func(t *testing.T, ops operations) reader[bson.M] { return cursorOfFind(t, ops).reader },
}

// withEveryCursor runs test in both styles on each kind of cursor over n documents.
func withEveryCursor(t *testing.T, n int, test func(t *testing.T, r reader[bson.M]), opts ...motor.ClientOption) {
	for kind, cursor := range cursorKinds {
		t.Run(kind, func(t *testing.T) {
			withDocuments(t, n, func(t *testing.T, ops operations) {
				r := cursor(t, ops)
				t.Cleanup(func() { _ = r.Close() })
				test(t, r)
			}, opts...)
		})
	}
}

// withCursor runs test in both styles on the cursor of a query over n sorted documents, in batches of ten.
func withCursor(t *testing.T, n int, test func(t *testing.T, r queryReader[bson.M]), opts ...motor.ClientOption) {
	withDocuments(t, n, func(t *testing.T, ops operations) {
		r := ops.Find(bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	}, opts...)
}

// withCommandCursor runs test in both styles on the cursor of a command over n documents, in batches of ten.
func withCommandCursor(t *testing.T, n int, test func(t *testing.T, r commandReader[bson.M])) {
	withDocuments(t, n, func(t *testing.T, ops operations) {
		r := cursorOfFind(t, ops)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	})
}

// withDocuments runs test in both styles on a collection of n numbered documents.
func withDocuments(t *testing.T, n int, test func(t *testing.T, ops operations), opts ...motor.ClientOption) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		if n > 0 {
			_, err := ops.InsertMany(numbered(n))
			noError(t, err)
		}
		test(t, ops)
	}, opts...)
}

// aggregate returns the cursor of a pipeline.
func aggregate(ops operations, pipeline any, opts ...options.Lister[options.AggregateOptions]) commandReader[bson.M] {
	return commandOf(ops, func(c futures) *motor.CommandCursor[bson.M] {
		return c.Aggregate(pipeline, opts...)
	}, func(c callbacks) *callback.CommandCursor[bson.M] {
		return c.Aggregate(pipeline, opts...)
	})
}

// cursorOf returns the cursor of a command of the database.
func cursorOf(ops operations, command any) (commandReader[bson.M], error) {
	return sentCommandOf(ops, func(ctx context.Context, c futures) *future.Future[*motor.CommandCursor[bson.M]] {
		return c.Database().CursorCommand(ctx, command)
	}, func(ctx context.Context, c callbacks, done callback.Func[*callback.CommandCursor[bson.M]]) {
		c.Database().CursorCommand(ctx, command, done)
	})
}

// cursorOfFind sends a find command for the sorted documents, in batches of ten.
func cursorOfFind(t *testing.T, ops operations) commandReader[bson.M] {
	t.Helper()
	r, err := cursorOf(ops, bson.D{
		{Key: "find", Value: collectionOf(ops).Name()}, {Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}},
		{Key: "batchSize", Value: 10},
	})
	noError(t, err)
	r.cursor.BatchSize(10)
	return r
}

// rawBatchReader reads a raw batch cursor of a query or of a pipeline.
type rawBatchReader[C any] struct {
	reader[motor.RawBatch]
	cursor C // the part common to both styles
}

// findRawBatches returns the raw batch cursor of a query.
func findRawBatches(ops operations, filter any) rawBatchReader[*motor.RawBatchCursor] {
	switch s := ops.(type) {
	case byFutures:
		return rawBatchesOf(s, s.coll.FindRawBatches(filter))
	case byCallbacks:
		return calledRawBatchesOf(s, s.coll.FindRawBatches(filter))
	}
	panic(unknownStyle(ops))
}

// rawBatchesOf reads a raw batch cursor in the style of ops.
func rawBatchesOf(ops operations, c *motor.RawBatchCursor) rawBatchReader[*motor.RawBatchCursor] {
	switch s := ops.(type) {
	case byFutures:
		return rawBatchReader[*motor.RawBatchCursor]{reader[motor.RawBatch]{c, s.ctx}, c}
	case byCallbacks:
		return calledRawBatchesOf(s, callback.WrapRawBatchCursor(s.loop, c))
	}
	panic(unknownStyle(ops))
}

func calledRawBatchesOf(s byCallbacks, c *callback.RawBatchCursor) rawBatchReader[*motor.RawBatchCursor] {
	return rawBatchReader[*motor.RawBatchCursor]{reader[motor.RawBatch]{calledBy(s.loop, c), s.ctx}, c.Futures()}
}

// aggregateRawBatches returns the raw batch cursor of a pipeline.
func aggregateRawBatches(ops operations, pipeline mongo.Pipeline) rawBatchReader[*motor.RawBatchCommandCursor] {
	switch s := ops.(type) {
	case byFutures:
		c := s.coll.AggregateRawBatches(pipeline)
		return rawBatchReader[*motor.RawBatchCommandCursor]{reader[motor.RawBatch]{c, s.ctx}, c}
	case byCallbacks:
		c := s.coll.AggregateRawBatches(pipeline)
		return rawBatchReader[*motor.RawBatchCommandCursor]{reader[motor.RawBatch]{calledBy(s.loop, c), s.ctx}, c.Futures()}
	}
	panic(unknownStyle(ops))
}

// parallelScan returns n cursors that together read the documents of the collection.
func parallelScan(ops operations, n int) (all []commandReader[bson.M], err error) {
	switch s := ops.(type) {
	case byFutures:
		cursors, err := s.coll.ParallelScan(s.ctx, n).Await(s.ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range cursors {
			all = append(all, commandReader[bson.M]{reader[bson.M]{c, s.ctx}, c})
		}
	case byCallbacks:
		cursors, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[[]*callback.CommandCursor[bson.M]]) {
			s.coll.ParallelScan(s.ctx, n, done)
		})
		if err != nil {
			return nil, err
		}
		for _, c := range cursors {
			all = append(all, calledCommandOf(s, c))
		}
	}
	return all, nil
}
