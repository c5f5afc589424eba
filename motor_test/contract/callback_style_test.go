package contract_test

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/motor"
)

// onLoop runs test, a program in callback style, on a loop until test stops the loop. The collection is empty.
func onLoop(t *testing.T, test func(loop *callback.Loop, coll *callback.Collection[bson.M])) {
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	coll := callback.WrapCollection(loop, newCollection(t))
	loop.AddCallback(func() { test(loop, coll) })
	loop.Start()
}

func TestCallbacksNest(t *testing.T) {
	ctx := t.Context()
	var steps []string // no lock: only the loop's callbacks use it
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		check := func(step string, err error) {
			if err != nil {
				t.Errorf("%s: %v", step, err)
			}
			steps = append(steps, step)
		}
		coll.InsertMany(ctx, numbered(25), func(r *motor.InsertManyResult, err error) {
			check("insert", err)
			coll.FindOne(ctx, bson.M{"i": 7}, func(doc bson.M, err error) {
				check("find", err)
				if !isNumber(doc, 7) {
					t.Errorf("FindOne() = %v, want document 7", doc)
				}
				next := 0
				cursor := coll.Find(bson.D{}).Sort("_id").BatchSize(10)
				cursor.Each(ctx, func(doc bson.M, err error) bool {
					if next < 12 {
						if !isNumber(doc, next) || err != nil {
							t.Errorf("Each: %v, %v; want document %d", doc, err, next)
						}
						next++
						return next < 12
					}
					t.Error("Each called the function after it returned false")
					return false
				})
				loop.AddCallback(func() { steps = append(steps, "others go on") })
				var poll func()
				poll = func() {
					if next < 12 {
						loop.AddCallback(poll)
						return
					}
					check("each", nil)
					cursor.ToList(ctx, func(docs []bson.M, err error) {
						check("to list", err)
						if len(docs) != 5 || !isNumber(docs[0], 12) {
							t.Errorf("ToList() after Each = %v, want 5 documents from number 12", docs)
						}
						coll.UpdateOne(ctx, bson.M{"i": 7}, bson.M{"$set": bson.M{"i": -7}}, func(r *motor.UpdateResult, err error) {
							check("update", err)
							coll.DeleteMany(ctx, bson.M{"i": bson.M{"$lt": 5}}, func(r *motor.DeleteResult, err error) {
								check("delete", err)
								if n, err := r.DeletedCount(); n != 6 || err != nil {
									t.Errorf("DeletedCount() = %d, %v; want 6", n, err)
								}
								loop.Stop()
							})
						})
					}, 5)
				}
				poll()
			})
		})
		steps = append(steps, "call")
	})
	want := []string{"call", "insert", "find", "others go on", "each", "to list", "update", "delete"}
	if !slices.Equal(steps, want) {
		t.Errorf("got steps\n%q, want\n%q", steps, want)
	}
}

func TestDriveLoopInCallbackStyle(t *testing.T) {
	ctx := t.Context()
	n := 0
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		coll.InsertMany(ctx, numbered(25), func(_ *motor.InsertManyResult, err error) {
			if err != nil {
				t.Error(err)
			}
			cursor := coll.Find(bson.D{}).Sort("_id").BatchSize(10)
			var step func(more bool, err error)
			step = func(more bool, err error) {
				if !more || err != nil {
					if err != nil {
						t.Error(err)
					}
					loop.Stop()
					return
				}
				if doc := cursor.NextObject(); !isNumber(doc, n) {
					t.Errorf("NextObject() = %v, want document %d", doc, n)
				}
				n++
				cursor.FetchNext(ctx, step)
			}
			cursor.FetchNext(ctx, step)
		})
	})
	if n != 25 {
		t.Errorf("read %d documents, want 25", n)
	}
}

func TestCallbackErrorHasNoPartialResult(t *testing.T) {
	ctx := t.Context()
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		docs := []bson.M{{"_id": "a"}, {"_id": "b"}, {"_id": "a"}}
		coll.InsertMany(ctx, docs, func(r *motor.InsertManyResult, err error) {
			if r != nil {
				t.Errorf("got result %v with an error, want nil", r)
			}
			var driver mongo.BulkWriteException
			switch {
			case !errors.Is(err, motor.BulkWriteError):
				t.Errorf("got %v, want a BulkWriteError", err)
			case !errors.As(err, &driver) || len(driver.WriteErrors) != 1 || driver.WriteErrors[0].Index != 2:
				t.Errorf("the driver's error is %+v, want one write error at index 2", driver)
			}
			coll.CountDocuments(ctx, bson.D{}, func(n int64, err error) {
				if n != 2 || err != nil {
					t.Errorf("CountDocuments() = %d, %v; want 2", n, err)
				}
				loop.Stop()
			})
		})
	})
}

func TestClientOpenCallbackGetsClient(t *testing.T) {
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		client := coll.Database().Client()
		client.Open(t.Context(), func(opened *callback.Client, err error) {
			if opened != client || err != nil {
				t.Errorf("Open: %v, %v; want the client itself", opened, err)
			}
			loop.Stop()
		})
	})
}

func TestOperationWithoutCallback(t *testing.T) {
	ctx := t.Context()
	reports := reporttest.Reports(t, motor.DuplicateKeyError)
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		coll.InsertOne(ctx, bson.M{"_id": "a"}, nil)
		var look func(doc bson.M, err error)
		look = func(doc bson.M, err error) {
			if doc == nil && err == nil {
				coll.FindOne(ctx, bson.M{"_id": "a"}, look)
				return
			}
			if err != nil {
				t.Error(err)
			}
			coll.InsertOne(ctx, bson.M{"_id": "a"}, nil)
			loop.Stop()
		}
		look(nil, nil)
	})
	if err := receive(t, reports); !errors.Is(err, motor.DuplicateKeyError) {
		t.Errorf("reported %v, want a DuplicateKeyError", err)
	}
}

func TestBothStylesOnOneCollection(t *testing.T) {
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	coll := callback.WrapCollection(loop, newCollection(t))
	n, err := callback.RunSync(loop, func(co *callback.Co) (int64, error) {
		if _, err := coll.Futures().InsertMany(co, numbered(3)).Await(co); err != nil {
			return 0, err
		}
		inserted := callback.NewEvent(loop)
		coll.InsertOne(co, bson.M{"_id": "by callback"}, func(_ *motor.InsertOneResult, err error) {
			if err != nil {
				t.Error(err)
			}
			inserted.Set()
		})
		if _, err := inserted.Wait().Await(co); err != nil {
			return 0, err
		}
		return coll.Futures().CountDocuments(co, bson.D{}).Await(co)
	})
	if n != 4 || err != nil {
		t.Errorf("got %d documents, %v; want 4", n, err)
	}
}

func TestCursorAllInCoroutineYieldsToLoop(t *testing.T) {
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	coll := callback.WrapCollection(loop, newCollection(t))
	fill(t, coll.Futures(), 25)
	var waits []int // documents read when the other callback ran
	n, err := callback.RunSync(loop, func(co *callback.Co) (n int, err error) {
		loop.AddCallback(func() { waits = append(waits, n) })
		for doc, err := range coll.Find(bson.D{}).Sort("_id").BatchSize(10).All(co) {
			if !isNumber(doc, n) || err != nil {
				t.Errorf("got %v, %v; want document %d", doc, err, n)
			}
			n++
		}
		return n, nil
	})
	// On a slow machine, a fetch may be done when it is awaited. The loop then runs no other callback.
	if n != 25 || err != nil || len(waits) != 1 || waits[0] > 20 || waits[0]%10 != 0 {
		t.Errorf("%d documents, %v, other callback after %v; want 25 documents, and 0, 10 or 20", n, err, waits)
	}
}

func TestOptionsFollowTheCallback(t *testing.T) {
	ctx := t.Context()
	onLoop(t, func(loop *callback.Loop, coll *callback.Collection[bson.M]) {
		coll.InsertMany(ctx, numbered(5), func(*motor.InsertManyResult, error) {
			last := options.FindOne().SetSort(bson.D{{Key: "i", Value: motor.Descending}})
			coll.FindOne(ctx, bson.D{}, func(doc bson.M, err error) {
				if !isNumber(doc, 4) || err != nil {
					t.Errorf("FindOne() = %v, %v; want document 4", doc, err)
				}
				loop.Stop()
			}, last)
		})
	})
}
