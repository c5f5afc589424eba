package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func TestDatabaseNames(t *testing.T) {
	client := newClient(t, noServerURI)
	for _, name := range []string{"", " ", "a b", "a.b", "$a", "a/b", `a\b`, "a\x00b", `a"b`} {
		db := client.Database(name)
		if !errors.Is(db.Err(), motor.InvalidName) {
			t.Errorf("%q: got %v, want InvalidName", name, db.Err())
		}
		if !errors.Is(db.Collection("c").Err(), motor.InvalidName) {
			t.Errorf("%q: collection's Err() is not InvalidName", name)
		}
		_, err := db.Command(t.Context(), "ping").Await(t.Context())
		if !errors.Is(err, motor.InvalidName) {
			t.Errorf("%q: Command() = %v, want InvalidName", name, err)
		}
	}
	for _, name := range []string{"a", "admin", "$external", "ä", "a-b_c"} {
		if err := client.Database(name).Err(); err != nil {
			t.Errorf("%q: Database() = %v, want nil", name, err)
		}
	}
}

func TestCollectionNames(t *testing.T) {
	client := newClient(t, noServerURI)
	db := client.Database("d")
	for _, name := range []string{"", ".", "..", "a..b", ".a", "a.", "$", "a$b", "a\x00b"} {
		coll := db.Collection(name)
		if !errors.Is(coll.Err(), motor.InvalidName) {
			t.Errorf("%q: got %v, want InvalidName", name, coll.Err())
		}
		_, err := coll.FindOne(t.Context(), bson.D{}).Await(t.Context())
		if !errors.Is(err, motor.InvalidName) {
			t.Errorf("%q: operation: got %v, want InvalidName", name, err)
		}
		_, err = coll.Find(bson.D{}).ToList(t.Context()).Await(t.Context())
		if !errors.Is(err, motor.InvalidName) {
			t.Errorf("%q: cursor: got %v, want InvalidName", name, err)
		}
	}
	for _, name := range []string{"a", "a.b", "oplog.$main", "$cmd", "system.profile", "with space", "ä"} {
		if err := db.Collection(name).Err(); err != nil {
			t.Errorf("%q: Collection() = %v, want nil", name, err)
		}
	}
	if sub := db.Collection("a").Collection("b"); sub.Name() != "a.b" || sub.FullName() != "d.a.b" {
		t.Errorf(`got sub-collection %q, %q, want "a.b", "d.a.b"`, sub.Name(), sub.FullName())
	}
	if err := db.Collection("a").Collection("").Err(); !errors.Is(err, motor.InvalidName) {
		t.Errorf("empty sub-collection: got %v, want InvalidName", err)
	}
}

// failing and panicked have marshalers that fail and panic.
type (
	failing  struct{}
	panicked struct{}
)

var errStubborn = errors.New("stubborn")

func (failing) MarshalBSON() ([]byte, error)  { return nil, errStubborn }
func (panicked) MarshalBSON() ([]byte, error) { panic(errStubborn) }

// A bad argument fails at the call. The future is settled when the method returns, so nothing can have been sent.
func TestBadArguments(t *testing.T) {
	ctx := context.Background()
	coll := newClient(t, noServerURI).Database("d").Collection("c")
	var nilMap bson.M
	var nilStruct *struct{}
	good := bson.M{"a": 1}
	set := bson.M{"$set": good}

	documents := []struct {
		name  string
		value any
		class *motor.ErrorClass
	}{
		{"nil", nil, motor.TypeError},
		{"nil map", nilMap, motor.TypeError},
		{"nil pointer", nilStruct, motor.TypeError},
		{"number", 1, motor.TypeError},
		{"string", "a", motor.TypeError},
		{"list", []bson.M{good}, motor.TypeError},
		{"channel in it", bson.M{"c": make(chan int)}, motor.InvalidDocument},
		{"failing marshaler", failing{}, motor.InvalidDocument},
		{"panicking marshaler", panicked{}, motor.InvalidDocument},
	}
	type settled interface {
		IsDone() bool
		Err() error
	}
	check := func(t *testing.T, f settled, class *motor.ErrorClass) {
		t.Helper()
		if !f.IsDone() {
			t.Fatal("operation was started, want an error at the call")
		}
		if !errors.Is(f.Err(), class) {
			t.Errorf("got %v, want a %v", f.Err(), class)
		}
	}
	for _, d := range documents {
		for _, test := range []struct {
			name string
			f    func() settled
		}{
			{"InsertOne", func() settled { return coll.InsertOne(ctx, d.value) }},
			{"InsertMany", func() settled { return coll.InsertMany(ctx, []any{good, d.value}) }},
			{"FindOne", func() settled { return coll.FindOne(ctx, d.value) }},
			{"Find", func() settled { return coll.Find(d.value).ToList(ctx) }},
			{"CountDocuments", func() settled { return coll.CountDocuments(ctx, d.value) }},
			{"UpdateOne filter", func() settled { return coll.UpdateOne(ctx, d.value, set) }},
			{"UpdateMany filter", func() settled { return coll.UpdateMany(ctx, d.value, set) }},
			{"ReplaceOne filter", func() settled { return coll.ReplaceOne(ctx, d.value, good) }},
			{"ReplaceOne", func() settled { return coll.ReplaceOne(ctx, good, d.value) }},
			{"DeleteOne", func() settled { return coll.DeleteOne(ctx, d.value) }},
			{"DeleteMany", func() settled { return coll.DeleteMany(ctx, d.value) }},
			{"UpdateOne in pipeline", func() settled { return coll.UpdateOne(ctx, good, []any{set, d.value}) }},
		} {
			t.Run(test.name+"/"+d.name, func(t *testing.T) { check(t, test.f(), d.class) })
		}
	}
	for _, test := range []struct {
		name  string
		f     func() settled
		class *motor.ErrorClass
	}{
		{"update is nil", func() settled { return coll.UpdateOne(ctx, good, nil) }, motor.TypeError},
		{"update without operators", func() settled { return coll.UpdateOne(ctx, good, good) }, motor.ValueError},
		{"update is empty", func() settled { return coll.UpdateMany(ctx, good, bson.M{}) }, motor.ValueError},
		{"replacement with operators", func() settled { return coll.ReplaceOne(ctx, good, set) }, motor.ValueError},
		{"insert of no documents", func() settled { return coll.InsertMany(ctx, []any{}) }, motor.TypeError},
		{"insert of many: a document", func() settled { return coll.InsertMany(ctx, bson.D{{Key: "a", Value: 1}}) }, motor.TypeError},
		{"insert of many: nil", func() settled { return coll.InsertMany(ctx, nil) }, motor.TypeError},
		{"command is nil", func() settled { return coll.Database().Command(ctx, nil) }, motor.TypeError},
		{"unordered command", func() settled { return coll.Database().Command(ctx, bson.M{"a": 1, "b": 2}) }, motor.TypeError},
		{"unordered sort", func() settled { return coll.Find(good).Sort(bson.M{"a": 1, "b": 2}).ToList(ctx) }, motor.TypeError},
		{"sort with two directions", func() settled { return coll.Find(good).Sort(bson.D{{Key: "a", Value: 1}}, 1).ToList(ctx) }, motor.TypeError},
		{"negative skip", func() settled { return coll.Find(good).Skip(-1).ToList(ctx) }, motor.ValueError},
		{"negative batch size", func() settled { return coll.Find(good).BatchSize(-1).FetchNext(ctx) }, motor.ValueError},
		{"negative length", func() settled { return coll.Find(good).ToList(ctx, -1) }, motor.ValueError},
		{"two lengths", func() settled { return coll.Find(good).ToList(ctx, 1, 2) }, motor.TypeError},
	} {
		t.Run(test.name, func(t *testing.T) { check(t, test.f(), test.class) })
	}
}

func TestMarshalerPanicKeepsError(t *testing.T) {
	coll := newClient(t, noServerURI).Database("d").Collection("c")
	for _, doc := range []any{failing{}, panicked{}} {
		if _, err := coll.InsertOne(t.Context(), doc).Await(t.Context()); !errors.Is(err, errStubborn) {
			t.Errorf("%T: got %v, want one that wraps %v", doc, err, errStubborn)
		}
	}
}
