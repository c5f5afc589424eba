package contract_test

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

func TestCollectionsAreCreatedListedAndDropped(t *testing.T) {
	db, ctx := newCollection(t).Database(), t.Context()
	names := func() []string {
		t.Helper()
		all, err := db.ListCollectionNames(ctx, bson.D{}).Await(ctx)
		noError(t, err)
		again, err := db.CollectionNames(ctx).Await(ctx)
		noError(t, err)
		slices.Sort(all)
		slices.Sort(again)
		if !slices.Equal(all, again) {
			t.Errorf("%q, and then %q", all, again)
		}
		return all
	}
	for _, name := range []string{"a", "b", "c"} {
		coll, err := db.CreateCollection(ctx, name).Await(ctx)
		noError(t, err)
		if coll.Name() != name || coll.Database() != db {
			t.Errorf("created %s", coll.FullName())
		}
	}
	if got := names(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("collections: %q", got)
	}
	if got, err := db.ListCollectionNames(ctx, bson.M{"name": "b"}).Await(ctx); !slices.Equal(got, []string{"b"}) || err != nil {
		t.Errorf("collections of the name b: %q, %v", got, err)
	}
	if _, err := db.CreateCollection(ctx, "b").Await(ctx); !errors.Is(err, motor.CollectionInvalid) {
		t.Errorf("got %v, want CollectionInvalid", err)
	}
	typed := motor.CollectionOf[*struct{}](db, "b")
	for _, which := range []any{"a", typed, callback.WrapCollection(callback.NewLoop(), db.Collection("c")), "nothing"} {
		_, err := db.DropCollection(ctx, which).Await(ctx)
		noError(t, err)
	}
	if got := names(); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	for _, which := range []any{nil, 1, db, bson.D{}} {
		if _, err := db.DropCollection(ctx, which).Await(ctx); !errors.Is(err, motor.TypeError) {
			t.Errorf("%T: got %v, want a TypeError", which, err)
		}
	}
	for _, name := range []string{"", "a..b", "$"} {
		if _, err := db.CreateCollection(ctx, name).Await(ctx); !errors.Is(err, motor.InvalidName) {
			t.Errorf("%q: got %v, want InvalidName", name, err)
		}
		if _, err := db.DropCollection(ctx, name).Await(ctx); !errors.Is(err, motor.InvalidName) {
			t.Errorf("%q: got %v, want InvalidName", name, err)
		}
	}
}

func TestCreateCollectionTakesTheDriversOptions(t *testing.T) {
	db, ctx := newCollection(t).Database(), t.Context()
	coll, err := db.CreateCollection(ctx, "capped", options.CreateCollection().SetCapped(true).SetSizeInBytes(4096)).Await(ctx)
	noError(t, err)
	list, err := db.Command(ctx, bson.D{{Key: "listCollections", Value: 1}, {Key: "filter", Value: bson.M{"name": coll.Name()}}}).Await(ctx)
	noError(t, err)
	batch := list["cursor"].(bson.M)["firstBatch"].(bson.A)
	if len(batch) != 1 || batch[0].(bson.M)["options"].(bson.M)["capped"] != true {
		t.Errorf("the collection is %v", batch)
	}
}

func TestValidateCollection(t *testing.T) {
	coll := newCollection(t)
	db, ctx := coll.Database(), t.Context()
	fill(t, coll, 3)
	for _, which := range []any{coll.Name(), coll} {
		reply, err := db.ValidateCollection(ctx, which, motor.ValidateOptions{}).Await(ctx)
		if reply["valid"] != true || err != nil {
			t.Errorf("%v, %v", reply, err)
		}
	}
	if _, err := db.ValidateCollection(ctx, "nothing", motor.ValidateOptions{}).Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("got %v, want an OperationFailure", err)
	}
	if _, err := db.ValidateCollection(ctx, 1, motor.ValidateOptions{}).Await(ctx); !errors.Is(err, motor.TypeError) {
		t.Errorf("got %v, want a TypeError", err)
	}
}
