package contract_test

import (
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestCollectionCreateListDrop(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		db := collectionOf(ops).Database()
		create := func(name string) (*motor.Collection[bson.M], error) {
			coll, err := startMethod(ops, "Database.CreateCollection", name).Await(t.Context())
			if c, ok := coll.(callbacks); ok && c != nil {
				return c.Futures(), err
			}
			c, _ := coll.(futures)
			return c, err
		}
		drop := func(which any) error {
			_, err := startMethod(ops, "Database.DropCollection", which).Await(t.Context())
			return err
		}
		list := func(method string, args ...any) []string {
			t.Helper()
			names, err := startMethod(ops, "Database."+method, args...).Await(t.Context())
			noError(t, err)
			return slices.Sorted(slices.Values(names.([]string)))
		}
		names := func() []string {
			t.Helper()
			all, again := list("ListCollectionNames", bson.D{}), list("CollectionNames")
			if !slices.Equal(all, again) {
				t.Errorf("got names %q, then %q; want the same", all, again)
			}
			return all
		}
		for _, name := range []string{"a", "b", "c"} {
			coll, err := create(name)
			noError(t, err)
			if coll.Name() != name || coll.Database() != db {
				t.Errorf("created %s, want %s in the test's database", coll.FullName(), name)
			}
		}
		if got := names(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("collections %q, want a, b and c", got)
		}
		if got := list("ListCollectionNames", bson.M{"name": "b"}); !slices.Equal(got, []string{"b"}) {
			t.Errorf("collections named b: %q, want b", got)
		}
		if _, err := create("b"); !errors.Is(err, motor.CollectionInvalid) {
			t.Errorf("got %v, want CollectionInvalid", err)
		}
		typed := motor.CollectionOf[*struct{}](db, "b")
		for _, which := range []any{"a", typed, callback.WrapCollection(callback.NewLoop(), db.Collection("c")), "nothing"} {
			noError(t, drop(which))
		}
		if got := names(); len(got) != 0 {
			t.Errorf("collections after the drops: %q, want none", got)
		}
		for _, which := range []any{nil, 1, db, bson.D{}} {
			if err := drop(which); !errors.Is(err, motor.TypeError) {
				t.Errorf("%T: got %v, want a TypeError", which, err)
			}
		}
		for _, name := range []string{"", "a..b", "$"} {
			if _, err := create(name); !errors.Is(err, motor.InvalidName) {
				t.Errorf("%q: got %v, want InvalidName", name, err)
			}
			if err := drop(name); !errors.Is(err, motor.InvalidName) {
				t.Errorf("%q: got %v, want InvalidName", name, err)
			}
		}
	})
}

func TestCreateCollectionOptions(t *testing.T) {
	db, ctx := newCollection(t).Database(), t.Context()
	coll, err := db.CreateCollection(ctx, "capped", options.CreateCollection().SetCapped(true).SetSizeInBytes(4096)).Await(ctx)
	noError(t, err)
	list, err := db.Command(ctx, bson.D{{Key: "listCollections", Value: 1}, {Key: "filter", Value: bson.M{"name": coll.Name()}}}).Await(ctx)
	noError(t, err)
	batch := list["cursor"].(bson.M)["firstBatch"].(bson.A)
	if len(batch) != 1 || batch[0].(bson.M)["options"].(bson.M)["capped"] != true {
		t.Errorf("got collections %v, want one capped", batch)
	}
}

func TestValidateCollection(t *testing.T) {
	withDocuments(t, 3, func(t *testing.T, ops operations) {
		validate := func(which any) (bson.M, error) {
			reply, err := startMethod(ops, "Database.ValidateCollection", which).Await(t.Context())
			return reply.(bson.M), err
		}
		for _, which := range []any{collectionOf(ops).Name(), collectionOf(ops)} {
			if reply, err := validate(which); reply["valid"] != true || err != nil {
				t.Errorf("ValidateCollection() = %v, %v; want valid: true", reply, err)
			}
		}
		if _, err := validate("nothing"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want an OperationFailure", err)
		}
		if _, err := validate(1); !errors.Is(err, motor.TypeError) {
			t.Errorf("got %v, want a TypeError", err)
		}
	})
}

func TestCommandAllowingErrorIsResult(t *testing.T) {
	const noSuchCommand = 59
	inBothStyles(t, func(t *testing.T, ops operations) {
		allowing := func(allowed motor.AllowedErrors) (reply bson.M, err error) {
			switch s := ops.(type) {
			case byFutures:
				return s.coll.Database().CommandAllowing(s.ctx, "noSuch", allowed).Await(s.ctx)
			case byCallbacks:
				return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) {
					s.coll.Database().CommandAllowing(s.ctx, "noSuch", allowed, done)
				})
			}
			return nil, nil
		}
		for _, allowed := range []motor.AllowedErrors{{Codes: []int{1, noSuchCommand}}, {All: true}} {
			if reply, err := allowing(allowed); reply["code"] != int32(noSuchCommand) || err != nil {
				t.Errorf("got %v, %v; want the error reply as the result", reply, err)
			}
		}
		for _, allowed := range []motor.AllowedErrors{{}, {Codes: []int{1}, Messages: []string{"no"}}} {
			if reply, err := allowing(allowed); !errors.Is(err, motor.OperationFailure) {
				t.Errorf("got %v, %v; want an OperationFailure", reply, err)
			}
		}
	})
}

func TestDereference(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		var db *motor.Database
		var dereference func(any) (bson.M, error)
		switch s := ops.(type) {
		case byFutures:
			db = s.coll.Database()
			dereference = func(ref any) (bson.M, error) { return db.Dereference(s.ctx, ref).Await(s.ctx) }
		case byCallbacks:
			db = s.coll.Database().Futures()
			dereference = func(ref any) (bson.M, error) {
				return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Database().Dereference(s.ctx, ref, done) })
			}
		}
		_, err := ops.InsertOne(bson.M{"_id": "ann"})
		noError(t, err)
		for _, ref := range []any{
			bson.M{"$ref": "documents", "$id": "ann"}, // the form in which a read returns a DBRef
			motor.DBRef{Collection: "documents", ID: "ann"},
			&motor.DBRef{Collection: "documents", ID: "ann", Database: db.Name()},
			bson.D{{Key: "$ref", Value: "documents"}, {Key: "$id", Value: "ann"}},
		} {
			if doc, err := dereference(ref); doc["_id"] != "ann" || err != nil {
				t.Errorf("%v: got %v, %v; want ann", ref, doc, err)
			}
		}
		if doc, err := dereference(motor.DBRef{Collection: "documents", ID: "nobody"}); doc != nil || err != nil {
			t.Errorf("unknown _id: got %v, %v; want nil, nil", doc, err)
		}
		if _, err := dereference(motor.DBRef{Collection: "documents", ID: "ann", Database: "other"}); !errors.Is(err, motor.ValueError) {
			t.Errorf("another database: got %v, want a ValueError", err)
		}
	})
}

func TestDereferenceStoredDBRef(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "references within documents")
	coll := newCollection(t)
	ctx := t.Context()
	_, err := coll.InsertMany(ctx, []bson.M{
		{"_id": "ann"},
		{"_id": "bob", "boss": motor.DBRef{Collection: coll.Name(), ID: "ann"}},
	}).Await(ctx)
	noError(t, err)
	bob, err := coll.FindOne(ctx, bson.M{"_id": "bob"}).Await(ctx)
	noError(t, err)
	if boss, err := coll.Database().Dereference(ctx, bob["boss"]).Await(ctx); boss["_id"] != "ann" || err != nil {
		t.Errorf("got %v, %v; want ann", boss, err)
	}
}

func TestEvalFailsOnServer(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "JavaScript: it closes the connection")
	db, ctx := newCollection(t).Database(), t.Context()
	if _, err := db.Eval(ctx, "1").Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("got %v, want an OperationFailure", err)
	}
}

func TestRemovedCommandsFailOnServer(t *testing.T) {
	db, ctx := newCollection(t).Database(), t.Context()
	removed := serverIs(t, db.Client(), 5, 0) // 4.4 still has resetError
	_, previous := db.PreviousError(ctx).Await(ctx)
	_, reset := db.ResetErrorHistory(ctx).Await(ctx)
	for _, test := range []struct {
		name string
		err  error
	}{{"PreviousError", previous}, {"ResetErrorHistory", reset}} {
		var own *motor.Error
		refused := errors.Is(test.err, motor.OperationFailure) && errors.As(test.err, &own) && own.Code() == codeCommandNotFound
		if removed && !refused || !refused && test.err != nil {
			t.Errorf("%s() = %v, want an OperationFailure with code %d", test.name, test.err, codeCommandNotFound)
		}
	}
}

func TestAddUserAndRemoveUser(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "users")
	db, ctx := newCollection(t).Database(), t.Context()
	roles := func() any {
		t.Helper()
		info, err := db.Command(ctx, bson.D{{Key: "usersInfo", Value: "ann"}}).Await(ctx)
		noError(t, err)
		return info["users"].(bson.A)[0].(bson.M)["roles"].(bson.A)[0].(bson.M)["role"]
	}
	_, err := db.AddUser(ctx, "ann", "secret").Await(ctx)
	noError(t, err)
	if role := roles(); role != "dbOwner" {
		t.Errorf("a new user has the role %v, want dbOwner", role)
	}
	_, err = db.AddUser(ctx, "ann", "", motor.UserOptions{ReadOnly: true}).Await(ctx)
	noError(t, err)
	if role := roles(); role != "read" {
		t.Errorf("a user changed to read-only has the role %v, want read", role)
	}
	_, err = db.RemoveUser(ctx, "ann").Await(ctx)
	noError(t, err)
	if _, err := db.RemoveUser(ctx, "ann").Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("removing a user twice: got %v, want an OperationFailure", err)
	}
}

func TestProfiling(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "the profiler")
	coll := newCollection(t)
	db, ctx := coll.Database(), t.Context()
	_, err := db.SetProfilingLevel(ctx, motor.ProfilingAll).Await(ctx)
	noError(t, err)
	if level, err := db.ProfilingLevel(ctx).Await(ctx); level != motor.ProfilingAll || err != nil {
		t.Errorf("the level is %d, %v; want ProfilingAll", level, err)
	}
	fill(t, coll, 1)
	_, err = db.SetProfilingLevel(ctx, motor.ProfilingOff).Await(ctx)
	noError(t, err)
	if info, err := db.ProfilingInfo(ctx).Await(ctx); len(info) == 0 || err != nil {
		t.Errorf("ProfilingInfo() = %v, %v; want some", info, err)
	}
}
