package contract_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func findAndModify(ops operations, query any, opts motor.FindAndModifyOptions) (bson.M, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
		return c.FindAndModify(ctx, query, opts)
	}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
		c.FindAndModify(ctx, query, done, opts)
	})
}

func TestFindAndModify(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(3))
		noError(t, err)
		set := bson.M{"$set": bson.M{"a": bson.M{"deep": true}}}
		doc, err := findAndModify(ops, bson.M{"i": 1}, motor.FindAndModifyOptions{Update: set})
		if len(doc) != 2 || !isNumber(doc, 1) || err != nil {
			t.Errorf("updated: %v, %v; want the document before", doc, err)
		}
		doc, err = findAndModify(ops, bson.M{"i": 1}, motor.FindAndModifyOptions{Update: set, New: true})
		if deep, ok := doc["a"].(bson.M); !ok || deep["deep"] != true || err != nil {
			t.Errorf("updated: %v, %v; want the document after", doc, err)
		}
		doc, err = findAndModify(ops, bson.D{}, motor.FindAndModifyOptions{
			Remove: true, Sort: bson.D{{Key: "i", Value: motor.Descending}},
		})
		if !isNumber(doc, 2) || err != nil {
			t.Errorf("removed: %v, %v; want the last document", doc, err)
		}
		doc, err = findAndModify(ops, bson.M{"_id": "new"}, motor.FindAndModifyOptions{Update: bson.M{"i": 7}, Upsert: true, New: true})
		if doc["_id"] != "new" || !isNumber(doc, 7) || err != nil {
			t.Errorf("upserted: %v, %v; want new, 7", doc, err)
		}
		doc, err = findAndModify(ops, bson.M{"_id": "nobody"}, motor.FindAndModifyOptions{Remove: true})
		if doc != nil || err != nil {
			t.Errorf("without a match: %v, %v; want nil, nil", doc, err)
		}
	})
}

func TestFindAndModifyFullResponse(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(3))
		noError(t, err)
		full := func(query any, opts motor.FindAndModifyOptions) (bson.M, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
				return c.FindAndModifyFullResponse(ctx, query, opts)
			}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
				c.FindAndModifyFullResponse(ctx, query, done, opts)
			})
		}
		reply, err := full(bson.M{"i": 1}, motor.FindAndModifyOptions{Update: bson.M{"$set": bson.M{"a": 1}}})
		value, _ := reply["value"].(bson.M)
		done, _ := reply["lastErrorObject"].(bson.M)
		if !isNumber(value, 1) || done["updatedExisting"] != true || reply["ok"] != 1.0 || err != nil {
			t.Errorf("full response %v, %v; want value 1, updatedExisting and ok", reply, err)
		}
		reply, err = full(bson.M{"i": 100}, motor.FindAndModifyOptions{Remove: true})
		if reply["value"] != nil || reply["ok"] != 1.0 || err != nil {
			t.Errorf("without a match: %v, %v; want a nil value and ok", reply, err)
		}
	})
}

func TestFindAndModifyFields(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "projections of findAndModify")
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{"_id": 1, "a": 1, "b": 2, "c": 3})
		noError(t, err)
		doc, err := findAndModify(ops, bson.M{"_id": 1}, motor.FindAndModifyOptions{
			Update: bson.M{"$inc": bson.M{"a": 1}}, New: true, Fields: []string{"a", "b"},
		})
		if !reflect.DeepEqual(doc, bson.M{"_id": int32(1), "a": int32(2), "b": int32(2)}) || err != nil {
			t.Errorf("got %v, %v; want _id 1, a 2, b 2", doc, err)
		}
	})
}

func TestCollectionCount(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		count := func(opts ...motor.CountOptions) (int64, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[int64] {
				return c.Count(ctx, opts...)
			}, func(ctx context.Context, c callbacks, done callback.Func[int64]) {
				c.Count(ctx, done, opts...)
			})
		}
		if n, err := count(); n != 0 || err != nil {
			t.Errorf("empty collection: %d, %v; want 0", n, err)
		}
		_, err := ops.InsertMany(numbered(10))
		noError(t, err)
		for _, c := range []struct {
			name string
			opts []motor.CountOptions
			want int64
		}{
			{"all", nil, 10},
			{"some", []motor.CountOptions{{Filter: bson.M{"i": bson.M{"$gte": 4}}}}, 6},
			{"a few", []motor.CountOptions{{Filter: bson.M{"i": bson.M{"$gte": 4}}, Limit: 3}}, 3},
			{"all but two", []motor.CountOptions{{Filter: bson.D{}, Skip: 2}}, 8},
		} {
			if n, err := count(c.opts...); n != c.want || err != nil {
				t.Errorf("%s: %d, %v; want %d", c.name, n, err, c.want)
			}
		}
	})
}

func TestEnsureIndex(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		ensure := func(keys any, opts ...motor.EnsureIndexOptions) (string, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[string] {
				return c.EnsureIndex(ctx, keys, opts...)
			}, func(ctx context.Context, c callbacks, done callback.Func[string]) {
				c.EnsureIndex(ctx, keys, done, opts...)
			})
		}
		if name, err := ensure("a"); name != "a_1" || err != nil {
			t.Errorf("first call: %q, %v; want \"a_1\"", name, err)
		}
		if name, err := ensure("a"); name != "" || err != nil {
			t.Errorf("second call: %q, %v; want \"\"", name, err)
		}
		unique := motor.EnsureIndexOptions{Index: options.Index().SetUnique(true).SetName("n"), CacheFor: new(time.Duration(0))}
		for range 2 {
			if name, err := ensure("b", unique); name != "n" || err != nil {
				t.Errorf("index that must not be cached: %q, %v; want \"n\"", name, err)
			}
		}
		noError(t, dropIndex(ops, "a_1"))
		if name, err := ensure("a"); name != "a_1" || err != nil {
			t.Errorf("after DropIndex: %q, %v; want \"a_1\"", name, err)
		}
		if names := indexNames(t, ops); !slices.Equal(names, []string{"_id_", "a_1", "n"}) {
			t.Errorf("indexes %q, want _id_, a_1 and n", names)
		}
		noError(t, ops.Drop())
		if name, err := ensure("a"); name != "a_1" || err != nil {
			t.Errorf("after Drop: %q, %v; want \"a_1\"", name, err)
		}
	})
}

func TestGroupFailsOnCurrentServers(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "JavaScript")
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[[]bson.M] {
			return c.Group(ctx, []string{"a"}, bson.D{}, bson.M{"n": 0}, "function (d, r) { r.n++ }")
		}, func(ctx context.Context, c callbacks, done callback.Func[[]bson.M]) {
			c.Group(ctx, []string{"a"}, bson.D{}, bson.M{"n": 0}, "function (d, r) { r.n++ }", done)
		})
		var own *motor.Error
		if !errors.Is(err, motor.OperationFailure) || !errors.As(err, &own) || own.Code() != 59 {
			t.Errorf("got %v, want CommandNotFound", err)
		}
	})
}

func TestMapReduce(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "mapReduce")
	skipWithoutJavaScript(t)
	const mapping = "function () { emit(this.kind, this.n) }"
	const reducing = "function (key, values) { return Array.sum(values) }"
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany([]bson.M{{"kind": "a", "n": 1}, {"kind": "a", "n": 2}, {"kind": "b", "n": 4}, {"kind": "c", "n": 8}})
		noError(t, err)
		some := motor.MapReduceOptions{Query: bson.M{"kind": bson.M{"$ne": "c"}}}
		check := func(what string, docs []bson.M, err error) {
			t.Helper()
			slices.SortFunc(docs, func(x, y bson.M) int { return int(x["value"].(float64) - y["value"].(float64)) })
			if !reflect.DeepEqual(docs, []bson.M{{"_id": "a", "value": 3.0}, {"_id": "b", "value": 4.0}}) || err != nil {
				t.Errorf("%s: %v, %v; want a 3 and b 4", what, docs, err)
			}
		}
		docs, err := awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[[]bson.M] {
			return c.InlineMapReduce(ctx, mapping, reducing, some)
		}, func(ctx context.Context, c callbacks, done callback.Func[[]bson.M]) {
			c.InlineMapReduce(ctx, mapping, reducing, done, some)
		})
		check("InlineMapReduce", docs, err)

		var out *motor.Collection[bson.M]
		ctx := t.Context()
		switch s := ops.(type) {
		case byFutures:
			out, err = s.coll.MapReduce(ctx, mapping, reducing, "totals", some).Await(ctx)
			noError(t, err)
		case byCallbacks:
			wrapped, err := awaitOnLoop(ctx, s.loop, func(done callback.Func[*callback.Collection[bson.M]]) {
				s.coll.MapReduce(ctx, mapping, reducing, "totals", done, some)
			})
			noError(t, err)
			out = wrapped.Futures()
		}
		if out.FullName() != collectionOf(ops).Database().Name()+".totals" {
			t.Errorf("MapReduce: result collection %s, want totals", out.FullName())
		}
		docs, err = out.Find(bson.D{}).ToList(ctx).Await(ctx)
		check("MapReduce", docs, err)

		reply, err := awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
			return c.MapReduceFullResponse(ctx, mapping, reducing, bson.D{{Key: "replace", Value: "totals"}}, some)
		}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
			c.MapReduceFullResponse(ctx, mapping, reducing, bson.D{{Key: "replace", Value: "totals"}}, done, some)
		})
		if reply["ok"] != 1.0 || reply["result"] == nil || err != nil {
			t.Errorf("MapReduceFullResponse: %v, %v; want ok and a result", reply, err)
		}
		reply, err = awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
			return c.InlineMapReduceFullResponse(ctx, mapping, reducing, some)
		}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
			c.InlineMapReduceFullResponse(ctx, mapping, reducing, done, some)
		})
		if results, _ := reply["results"].(bson.A); len(results) != 2 || err != nil {
			t.Errorf("InlineMapReduceFullResponse: %v, %v; want 2 results", reply, err)
		}
	})
}
