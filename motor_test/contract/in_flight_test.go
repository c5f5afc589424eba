package contract_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// inserting starts an insert.
func inserting(ops operations, doc any) *future.Future[*motor.InsertOneResult] {
	return startInStyle(ops, func(ctx context.Context, c futures) *future.Future[*motor.InsertOneResult] {
		return c.InsertOne(ctx, doc)
	}, func(ctx context.Context, c callbacks, done callback.Func[*motor.InsertOneResult]) {
		c.InsertOne(ctx, doc, done)
	})
}

// finding starts a FindOne.
func finding(ops operations, filter any) futureOfDocument {
	return startInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
		return c.FindOne(ctx, filter)
	}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
		c.FindOne(ctx, filter, done)
	})
}

// counting starts a CountDocuments.
func counting(ops operations) *future.Future[int64] {
	return startInStyle(ops, func(ctx context.Context, c futures) *future.Future[int64] {
		return c.CountDocuments(ctx, bson.D{})
	}, func(ctx context.Context, c callbacks, done callback.Func[int64]) {
		c.CountDocuments(ctx, bson.D{}, done)
	})
}

func TestDocumentIsCopiedAtTheCall(t *testing.T) {
	t.Run("futures", func(t *testing.T) {
		coll := newCollection(t)
		doc := bson.M{}
		var inserts []*future.Future[*motor.InsertOneResult]
		for i := range 100 { // the race detector reports a document that is read after the call
			doc["_id"] = fmt.Sprint(i)
			inserts = append(inserts, coll.InsertOne(t.Context(), doc))
		}
		for i, f := range inserts {
			r, err := f.Await(t.Context())
			if err != nil || r.InsertedID != fmt.Sprint(i) {
				t.Fatalf("insert %d: %+v, %v; want InsertedID %[1]d", i, r, err)
			}
		}
	})
	t.Run("callbacks", func(t *testing.T) {
		onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
			doc, left := bson.M{}, 100
			for i := range 100 {
				doc["_id"] = fmt.Sprint(i)
				coll.InsertOne(t.Context(), doc, func(r *motor.InsertOneResult, err error) {
					if err != nil || r.InsertedID != fmt.Sprint(i) {
						t.Errorf("insert %d: %+v, %v; want InsertedID %[1]d", i, r, err)
					}
					if left--; left == 0 {
						loop.Stop()
					}
				})
			}
		})
	})
}

// A callback may wait for an operation of the same client although the executor has a single slot. Here that operation
// chains another one, five levels deep. A bounded executor without this property deadlocks.
func TestNestedAwaitNeedsOneSlot(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(1))
	ctx := t.Context()
	depth := make(chan int, 10)
	var deeper func(level int) error
	deeper = func(level int) error {
		depth <- level
		if level == 5 {
			return nil
		}
		inCallback := make(chan error, 1)
		inserted := coll.InsertOne(ctx, bson.M{"level": level})
		chained := future.ThenFuture(inserted, func(r *motor.InsertOneResult) *future.Future[bson.M] {
			return coll.FindOne(ctx, bson.M{"_id": r.InsertedID})
		})
		chained.OnComplete(func(doc bson.M, err error) {
			if err == nil {
				_, err = coll.CountDocuments(ctx, bson.D{}).Await(ctx) // blocks the callback
			}
			if err == nil {
				err = deeper(level + 1)
			}
			inCallback <- err
		})
		return <-inCallback
	}
	noError(t, deeper(0))
	if len(depth) != 6 {
		t.Errorf("reached %d levels, want 6", len(depth))
	}
}

func TestThousandConcurrentReads(t *testing.T) {
	withDocuments(t, 100, func(t *testing.T, ops operations) {
		var finds []futureOfDocument
		for i := range 1000 {
			finds = append(finds, finding(ops, bson.M{"_id": fmt.Sprintf("%04d", i%100)}))
		}
		for i, f := range finds {
			doc, err := f.Await(t.Context())
			if err != nil || !isNumber(doc, i%100) {
				t.Fatalf("FindOne: %v, %v; want document %d", doc, err, i%100)
			}
		}
		if s := collectionOf(ops).Database().Client().Stats(); s.Completed != 1001 || s.Running != 0 || s.Queued != 0 {
			t.Errorf("got %+v, want 1001 completed, none running or queued", s)
		}
	}, motor.WithMaxWorkers(8))
}

func TestFullQueueRejectsOperations(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		refused := 0
		var all []*future.Future[int64]
		for range 50 {
			all = append(all, counting(ops))
		}
		for _, f := range all {
			_, err := f.Await(t.Context())
			if errors.Is(err, future.ErrQueueFull) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused == 0 || refused > 48 {
			t.Errorf("%d of 50 were rejected, want 1 to 48: one runs and one waits", refused)
		}
	}, motor.WithMaxWorkers(1), motor.WithMaxQueue(1))
}

func TestClientCloseWaitsAndNextUseReopens(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		for round := range 20 {
			var inserts []*future.Future[*motor.InsertOneResult]
			for range 20 {
				inserts = append(inserts, inserting(ops, bson.M{"round": round}))
			}
			noError(t, collectionOf(ops).Database().Client().Close(t.Context()))
			for _, f := range inserts {
				// In callback style, the loop may not have run the call or the callback yet.
				if _, futures := ops.(byFutures); futures && !f.IsDone() {
					t.Fatal("Close returned before a running operation ended")
				}
				if _, err := f.Await(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n, err := ops.CountDocuments(bson.D{}); n != 400 || err != nil {
			t.Errorf("CountDocuments() = %d, %v; want 400", n, err)
		}
	})
}
