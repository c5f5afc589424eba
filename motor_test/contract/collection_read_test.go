package contract_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func TestEstimatedDocumentCount(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		count := func() (int64, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[int64] {
				return c.EstimatedDocumentCount(ctx)
			}, func(ctx context.Context, c callbacks, done callback.Func[int64]) {
				c.EstimatedDocumentCount(ctx, done)
			})
		}
		if n, err := count(); n != 0 || err != nil {
			t.Errorf("missing collection: %d, %v; want 0", n, err)
		}
		_, err := ops.InsertMany(numbered(7))
		noError(t, err)
		if n, err := count(); n != 7 || err != nil {
			t.Errorf("%d, %v; want 7", n, err)
		}
	})
}

func TestDistinct(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		distinct := func(key string, filter any) ([]any, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[[]any] {
				return c.Distinct(ctx, key, filter)
			}, func(ctx context.Context, c callbacks, done callback.Func[[]any]) {
				c.Distinct(ctx, key, filter, done)
			})
		}
		if values, err := distinct("a", bson.D{}); values == nil || len(values) != 0 || err != nil {
			t.Errorf("missing collection: %#v, %v; want an empty list", values, err)
		}
		_, err := ops.InsertMany([]bson.M{{"a": 1}, {"a": 2}, {"a": 1}, {"a": bson.A{2, 3}}, {"b": bson.M{"c": bson.M{"d": 1}}}})
		noError(t, err)
		values, err := distinct("a", bson.D{})
		slices.SortFunc(values, func(x, y any) int { return int(x.(int32) - y.(int32)) })
		if !reflect.DeepEqual(values, []any{int32(1), int32(2), int32(3)}) || err != nil {
			t.Errorf("%v, %v; want 1, 2 and 3", values, err)
		}
		values, err = distinct("a", bson.M{"a": 1})
		if !reflect.DeepEqual(values, []any{int32(1)}) || err != nil {
			t.Errorf("with a filter: %v, %v; want 1", values, err)
		}
		// Documents are bson.M at every depth.
		values, err = distinct("b", bson.D{})
		if !reflect.DeepEqual(values, []any{bson.M{"c": bson.M{"d": int32(1)}}}) || err != nil {
			t.Errorf("documents: %#v, %v; want bson.M", values, err)
		}
	})
}

func TestAggregateReadMethods(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(25))
		noError(t, err)
		r := aggregate(ops, bson.A{bson.M{"$match": bson.M{"i": bson.M{"$gte": 3}}}, bson.M{"$sort": bson.M{"_id": 1}}},
			options.Aggregate().SetBatchSize(4))
		if !r.Alive() || r.CursorID() != 0 || r.NextObject() != nil {
			t.Error("the cursor is started before its first read")
		}
		if more, err := r.FetchNext(); !more || err != nil {
			t.Errorf("FetchNext() = %t, %v; want true", more, err)
		}
		if doc := r.NextObject(); !isNumber(doc, 3) {
			t.Errorf("NextObject() = %v, want document 3", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 4) || err != nil {
			t.Errorf("Next() = %v, %v; want document 4", doc, err)
		}
		docs, err := r.ToList(6)
		if len(docs) != 6 || !isNumber(docs[5], 10) || err != nil {
			t.Errorf("ToList() = %v, %v; want documents 5 to 10", docs, err)
		}
		for doc, err := range r.All() {
			if !isNumber(doc, 11) || err != nil {
				t.Errorf("All: %v, %v; want document 11", doc, err)
			}
			break
		}
		if docs, err = r.ToList(); len(docs) != 13 || !isNumber(docs[12], 24) || err != nil {
			t.Errorf("ToList() of the rest = %v, %v; want documents 12 to 24", docs, err)
		}
		if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) || r.Alive() {
			t.Errorf("at the end: %v, want StopAsyncIteration", err)
		}
		if r.cursor.Collection() != collectionOf(ops) {
			t.Error("Collection() is another collection")
		}
	})
}

func TestAggregateInvalidPipelineFailsOnRead(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		r := aggregate(ops, bson.A{bson.M{"$noSuchStage": 1}})
		if err := r.Err(); err != nil {
			t.Errorf("Err() before the first read = %v, want nil", err)
		}
		if _, err := r.ToList(); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want an OperationFailure", err)
		}
	})
}

func TestCollectionOptions(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		optionsOf := func() (bson.M, error) {
			return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
				return c.Options(ctx)
			}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
				c.Options(ctx, done)
			})
		}
		if set, err := optionsOf(); set == nil || len(set) != 0 || err != nil {
			t.Errorf("missing collection: %v, %v; want an empty map", set, err)
		}
		ctx, coll := t.Context(), collectionOf(ops)
		_, err := coll.Database().CreateCollection(ctx, coll.Name(), options.CreateCollection().SetCapped(true).SetSizeInBytes(4096)).Await(ctx)
		noError(t, err)
		if set, err := optionsOf(); set["capped"] != true || set["size"] == nil || err != nil {
			t.Errorf("Options() = %v, %v; want capped with a size", set, err)
		}
	})
}

func TestCollectionWithOptions(t *testing.T) {
	coll := newCollection(t)
	if err := coll.SetWriteConcern(bson.M{"w": 2, "wtimeout": 5}); err != nil {
		t.Fatal(err)
	}
	same := coll.WithOptions()
	if same == coll || same.FullName() != coll.FullName() || same.WriteConcern().String() != "{w: 2, wtimeout: 5}" {
		t.Errorf("WithOptions() without options: %s, %v; want another handle with the same write concern", same.FullName(), same.WriteConcern())
	}
	other := coll.WithOptions(options.Collection().SetWriteConcern(writeconcern.W1()).SetReadPreference(readpref.Nearest()))
	if other.WriteConcern().String() != "{w: 1}" || other.ReadPreference() != readpref.NearestMode {
		t.Errorf("with options: %v, %v; want {w: 1}, nearest", other.WriteConcern(), other.ReadPreference())
	}
	if coll.WriteConcern().String() != "{w: 2, wtimeout: 5}" || coll.ReadPreference() != readpref.PrimaryMode {
		t.Errorf("the first handle has %v, %v; want {w: 2, wtimeout: 5}, primary", coll.WriteConcern(), coll.ReadPreference())
	}
	wrapped := callback.WrapCollection(callback.NewLoop(), coll)
	if wrapped.WithOptions().FullName() != coll.FullName() {
		t.Error("callback style: WithOptions() has another name")
	}
}

func TestHandleIOLoopIsThatOfClient(t *testing.T) {
	loop := callback.NewLoop()
	defer loop.Close()
	db := newClient(t, motor.WithIOLoop(loop)).Database("d")
	if db.IOLoop() != loop || db.Collection("c").IOLoop() != loop {
		t.Error("IOLoop() is not the client's loop")
	}
	if db = newClient(t).Database("d"); db.IOLoop() != nil || db.Collection("c").IOLoop() != nil {
		t.Error("IOLoop() is not nil for a client without a loop")
	}
}
