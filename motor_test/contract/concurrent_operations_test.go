package contract_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// starters starts operations in one style and does not wait for them.
type starters struct {
	insertOne func(doc any) *future.Future[*motor.InsertOneResult]
	findOne   func(filter any) *future.Future[bson.M]
	updateOne func(filter, update any) *future.Future[*motor.UpdateResult]
	replace   func(filter, replacement any) *future.Future[*motor.UpdateResult]
	deleteOne func(filter any) *future.Future[*motor.DeleteResult]
	bulkWrite func(models []mongo.WriteModel) *future.Future[*motor.BulkWriteResult]
	list      func(filter any) *future.Future[[]bson.M]
	insert    func(doc any) *future.Future[any]
	update    func(spec, doc any) *future.Future[bson.M]
	remove    func(id any) *future.Future[bson.M]
	command   func(command any) *future.Future[bson.M]
	batching  func() starters
}

func startersOfFutures(ctx context.Context, coll *motor.Collection[bson.M]) starters {
	return starters{
		insertOne: func(doc any) *future.Future[*motor.InsertOneResult] { return coll.InsertOne(ctx, doc) },
		findOne:   func(filter any) *future.Future[bson.M] { return coll.FindOne(ctx, filter) },
		updateOne: func(filter, update any) *future.Future[*motor.UpdateResult] {
			return coll.UpdateOne(ctx, filter, update)
		},
		replace:   func(filter, doc any) *future.Future[*motor.UpdateResult] { return coll.ReplaceOne(ctx, filter, doc) },
		deleteOne: func(filter any) *future.Future[*motor.DeleteResult] { return coll.DeleteOne(ctx, filter) },
		bulkWrite: func(models []mongo.WriteModel) *future.Future[*motor.BulkWriteResult] {
			return coll.BulkWrite(ctx, models)
		},
		list:     func(filter any) *future.Future[[]bson.M] { return coll.Find(filter).ToList(ctx) },
		insert:   func(doc any) *future.Future[any] { return coll.Insert(ctx, doc) },
		update:   func(spec, doc any) *future.Future[bson.M] { return coll.Update(ctx, spec, doc) },
		remove:   func(id any) *future.Future[bson.M] { return coll.Remove(ctx, id) },
		command:  func(command any) *future.Future[bson.M] { return coll.Database().Command(ctx, command) },
		batching: func() starters { return startersOfFutures(ctx, coll.WithBatching()) },
	}
}

// startNow returns a future of what the callback gets.
func startNow[T any](start func(callback.Func[T])) *future.Future[T] {
	p := future.NewPromise[T]()
	start(func(v T, err error) { p.Settle(v, err) })
	return p.Future()
}

func startersOfCallbacks(ctx context.Context, coll *callback.Collection[bson.M]) starters {
	return starters{
		insertOne: func(doc any) *future.Future[*motor.InsertOneResult] {
			return startNow(func(done callback.Func[*motor.InsertOneResult]) { coll.InsertOne(ctx, doc, done) })
		},
		findOne: func(filter any) *future.Future[bson.M] {
			return startNow(func(done callback.Func[bson.M]) { coll.FindOne(ctx, filter, done) })
		},
		updateOne: func(filter, update any) *future.Future[*motor.UpdateResult] {
			return startNow(func(done callback.Func[*motor.UpdateResult]) { coll.UpdateOne(ctx, filter, update, done) })
		},
		replace: func(filter, doc any) *future.Future[*motor.UpdateResult] {
			return startNow(func(done callback.Func[*motor.UpdateResult]) { coll.ReplaceOne(ctx, filter, doc, done) })
		},
		deleteOne: func(filter any) *future.Future[*motor.DeleteResult] {
			return startNow(func(done callback.Func[*motor.DeleteResult]) { coll.DeleteOne(ctx, filter, done) })
		},
		bulkWrite: func(models []mongo.WriteModel) *future.Future[*motor.BulkWriteResult] {
			return startNow(func(done callback.Func[*motor.BulkWriteResult]) { coll.BulkWrite(ctx, models, done) })
		},
		list: func(filter any) *future.Future[[]bson.M] {
			return startNow(func(done callback.Func[[]bson.M]) { coll.Find(filter).ToList(ctx, done) })
		},
		insert: func(doc any) *future.Future[any] {
			return startNow(func(done callback.Func[any]) { coll.Insert(ctx, doc, done) })
		},
		update: func(spec, doc any) *future.Future[bson.M] {
			return startNow(func(done callback.Func[bson.M]) { coll.Update(ctx, spec, doc, done) })
		},
		remove: func(id any) *future.Future[bson.M] {
			return startNow(func(done callback.Func[bson.M]) { coll.Remove(ctx, id, done) })
		},
		command: func(command any) *future.Future[bson.M] {
			return startNow(func(done callback.Func[bson.M]) { coll.Database().Command(ctx, command, done) })
		},
		batching: func() starters { return startersOfCallbacks(ctx, coll.WithBatching()) },
	}
}

// check waits for the outcome of an operation. It describes a wrong outcome, and returns "" for a correct one.
type check func(context.Context) string

func checked[T any](what string, f *future.Future[T], wrong func(T, error) bool) check {
	return func(ctx context.Context) string {
		v, err := f.Await(ctx)
		if !wrong(v, err) {
			return ""
		}
		return fmt.Sprintf("%s: %v, %v", what, v, err)
	}
}

// countIsNot reports whether a count fails or differs from n.
func countIsNot(n int64, count func() (int64, error)) bool {
	got, err := count()
	return got != n || err != nil
}

// kinds has functions that start operation i. No other operation uses the document {_id: fmt.Sprint(i), n: i}.
var kinds = []func(s starters, i int) check{
	func(s starters, i int) check {
		return checked("FindOne", s.findOne(byNumber(i)), func(doc bson.M, err error) bool {
			return err != nil || doc["n"] != int32(i)
		})
	},
	func(s starters, i int) check {
		return checked("FindOne without a match", s.findOne(bson.M{"_id": fmt.Sprint("no ", i)}), func(doc bson.M, err error) bool {
			return err != nil || doc != nil
		})
	},
	func(s starters, i int) check {
		id := fmt.Sprint("new ", i)
		return checked("InsertOne", s.insertOne(bson.M{"_id": id}), func(r *motor.InsertOneResult, err error) bool {
			return err != nil || r.InsertedID != id
		})
	},
	func(s starters, i int) check {
		return checked("InsertOne of an existing _id", s.insertOne(byNumber(i)), func(r *motor.InsertOneResult, err error) bool {
			return !errors.Is(err, motor.DuplicateKeyError) || r != nil
		})
	},
	func(s starters, i int) check {
		return checked("UpdateOne", s.updateOne(byNumber(i), bson.M{"$inc": bson.M{"n": 1}}), func(r *motor.UpdateResult, err error) bool {
			return err != nil || countIsNot(1, r.ModifiedCount)
		})
	},
	func(s starters, i int) check {
		return checked("ReplaceOne", s.replace(byNumber(i), bson.M{"n": -i}), func(r *motor.UpdateResult, err error) bool {
			return err != nil || countIsNot(1, r.MatchedCount)
		})
	},
	func(s starters, i int) check {
		return checked("DeleteOne", s.deleteOne(byNumber(i)), func(r *motor.DeleteResult, err error) bool {
			return err != nil || countIsNot(1, r.DeletedCount)
		})
	},
	func(s starters, i int) check {
		return checked("BulkWrite", s.bulkWrite([]mongo.WriteModel{
			mongo.NewUpdateOneModel().SetFilter(byNumber(i)).SetUpdate(bson.M{"$set": bson.M{"x": 1}}),
			mongo.NewDeleteOneModel().SetFilter(byNumber(i)),
		}), func(r *motor.BulkWriteResult, err error) bool {
			return err != nil || countIsNot(1, r.ModifiedCount) || countIsNot(1, r.DeletedCount)
		})
	},
	func(s starters, i int) check {
		return checked("ToList", s.list(byNumber(i)), func(docs []bson.M, err error) bool {
			return err != nil || len(docs) != 1 || docs[0]["n"] != int32(i)
		})
	},
	func(s starters, i int) check {
		id := fmt.Sprint("old ", i)
		return checked("Insert", s.insert(bson.M{"_id": id}), func(got any, err error) bool { return err != nil || got != id })
	},
	func(s starters, i int) check {
		return checked("Update", s.update(byNumber(i), bson.M{"$set": bson.M{"x": 1}}), func(r bson.M, err error) bool {
			return err != nil || r["n"] != int32(1) || r["updatedExisting"] != true
		})
	},
	func(s starters, i int) check {
		return checked("Remove", s.remove(fmt.Sprint(i)), func(r bson.M, err error) bool { return err != nil || r["n"] != int32(1) })
	},
	func(s starters, i int) check {
		return checked("Command", s.command("ping"), func(r bson.M, err error) bool { return err != nil || r["ok"] != 1.0 })
	},
	func(s starters, i int) check {
		return checked("unknown command", s.command("noSuchCommand"), func(r bson.M, err error) bool {
			return !errors.Is(err, motor.OperationFailure) || r != nil
		})
	},
	func(s starters, i int) check {
		return checked("InsertOne of what is no document", s.insertOne(i), func(r *motor.InsertOneResult, err error) bool {
			return !errors.Is(err, motor.TypeError) || r != nil
		})
	},
}

func byNumber(i int) bson.M { return bson.M{"_id": fmt.Sprint(i)} }

// inStartedStyles runs test in both styles on an empty collection. Operations are to be started within a call of start,
// which runs on the loop in callback style.
func inStartedStyles(
	t *testing.T, test func(t *testing.T, coll *motor.Collection[bson.M], start func(func(of startersOf))), opts ...motor.ClientOption,
) {
	t.Run("futures", func(t *testing.T) {
		test(t, newCollection(t, opts...), func(start func(startersOf)) {
			start(func(c *motor.Collection[bson.M]) starters { return startersOfFutures(t.Context(), c) })
		})
	})
	t.Run("callbacks", func(t *testing.T) {
		loop := runningLoop(t)
		test(t, newCollection(t, opts...), func(start func(startersOf)) {
			started := make(chan struct{})
			loop.AddCallback(func() {
				defer close(started)
				start(func(c *motor.Collection[bson.M]) starters {
					return startersOfCallbacks(t.Context(), callback.WrapCollection(loop, c))
				})
			})
			<-started
		})
	})
}

// startersOf is a function that returns the starters of a collection.
type startersOf func(*motor.Collection[bson.M]) starters

func TestTenThousandConcurrentOperations(t *testing.T) {
	n := 10_000
	if raceDetector {
		n = 1_000
	}
	// The database of the embedded server runs one write at a time. A write that waits too long for the others fails.
	workers := motor.WithMaxWorkers(4)
	inStartedStyles(t, func(t *testing.T, coll *motor.Collection[bson.M], start func(func(startersOf))) {
		// The embedded server scans the whole collection for each write, so many collections have few documents each.
		const parts = 100
		colls := make([]*motor.Collection[bson.M], parts)
		for p := range colls {
			colls[p] = coll.Collection(fmt.Sprint(p))
			var docs []bson.M
			for i := p; i < n; i += parts {
				docs = append(docs, bson.M{"_id": fmt.Sprint(i), "n": i})
			}
			_, err := colls[p].InsertMany(t.Context(), docs).Await(t.Context())
			noError(t, err)
		}
		all := make([]check, n)
		start(func(of startersOf) {
			for i := range all {
				all[i] = kinds[i%len(kinds)](of(colls[i%parts]), i)
			}
		})
		bad := 0
		for i, check := range all {
			if wrong := check(t.Context()); wrong != "" {
				if bad++; bad <= 10 {
					t.Errorf("operation %d: %s", i, wrong)
				}
			}
		}
		if bad > 0 {
			t.Errorf("%d of %d operations have a wrong outcome, want 0", bad, n)
		}
		if s := coll.Database().Client().Stats(); s.Queued != 0 || s.Panics != 0 {
			t.Errorf("at the end: %+v, want nothing queued and no panics", s)
		}
	}, workers)
}
