package motor_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestDelegate(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client, ctx := newClient(t, peer.URI()), t.Context()
	peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
	peer.Handle("drop", func(r *wiretest.Request) {
		r.Want(bson.M{"drop": "c", "$db": "d", "writeConcern": bson.M{"w": 2}}).OK()
	})

	driver, err := client.Delegate(ctx).Await(ctx)
	noError(t, err)
	noError(t, driver.Ping(ctx, nil))

	db := client.Database("d")
	noError(t, db.SetWriteConcern(bson.M{"w": 2}))
	driverDB, err := db.Delegate(ctx).Await(ctx)
	noError(t, err)
	if driverDB.Name() != "d" || driverDB.Client() != driver {
		t.Errorf(`got database %q, want "d" of the same client`, driverDB.Name())
	}
	coll, err := db.Collection("c").Delegate(ctx).Await(ctx)
	noError(t, err)
	if coll.Name() != "c" || coll.Database().Client() != driver {
		t.Errorf(`got collection %q of %q, want "c" of the same client`, coll.Name(), coll.Database().Name())
	}
	noError(t, coll.Drop(ctx))

	noError(t, client.Close(ctx))
	again, err := client.Delegate(ctx).Await(ctx)
	noError(t, err)
	if again == driver {
		t.Error("Delegate() = the closed driver client, want a new one")
	}
	noError(t, again.Ping(ctx, nil))
}

func TestDelegateBadName(t *testing.T) {
	client, ctx := newClient(t, noServerURI), t.Context()
	if _, err := client.Database("a b").Delegate(ctx).Await(ctx); !errors.Is(err, motor.InvalidName) {
		t.Errorf("database's Delegate() = %v, want InvalidName", err)
	}
	if _, err := client.Database("d").Collection("").Delegate(ctx).Await(ctx); !errors.Is(err, motor.InvalidName) {
		t.Errorf("collection's Delegate() = %v, want InvalidName", err)
	}
}

func TestHandleEqual(t *testing.T) {
	client, other := newClient(t, noServerURI), newClient(t, noServerURI)
	db := client.Database("d")
	for _, test := range []struct {
		name      string
		got, want bool
	}{
		{"a database", db.Equal(client.Database("d")), true},
		{"with options", db.Equal(client.Database("d", options.Database().SetReadPreference(readpref.Nearest()))), true},
		{"another name", db.Equal(client.Database("e")), false},
		{"another client", db.Equal(other.Database("d")), false},
		{"no database", db.Equal(nil), false},
		{"a collection", db.Collection("c").Equal(client.Database("d").Collection("c")), true},
		{"a collection of another name", db.Collection("c").Equal(db.Collection("e")), false},
		{"a collection of another place", db.Collection("c").Equal(client.Database("e").Collection("c")), false},
		{"no collection", db.Collection("c").Equal(nil), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, test.got, test.want)
		}
	}
	if got := db.String(); got != `motor.Database("d")` {
		t.Errorf(`String() = %v, want "motor.Database(\"d\")"`, got)
	}
	if got := db.Collection("c").String(); got != `motor.Collection("d.c")` {
		t.Errorf(`String() = %v, want "motor.Collection(\"d.c\")"`, got)
	}
}

func TestCodecOptionsInherited(t *testing.T) {
	registry, own := bson.NewRegistry(), bson.NewRegistry()
	given := &options.BSONOptions{ObjectIDAsHexString: true}
	client := newClient(t, noServerURI, motor.WithTZAware(true),
		motor.WithClientOptions(options.Client().SetRegistry(registry).SetBSONOptions(given)))
	db := client.Database("d")
	client.SetTZAware(false)
	for _, test := range []struct {
		name      string
		got, want motor.CodecOptions
	}{
		{"client", client.CodecOptions(), motor.CodecOptions{Registry: registry, BSONOptions: given}},
		{"database", db.CodecOptions(), motor.CodecOptions{Registry: registry, BSONOptions: given, TZAware: true}},
		{"collection",
			db.Collection("c", options.Collection().SetRegistry(own)).CodecOptions(),
			motor.CodecOptions{Registry: own, BSONOptions: given, TZAware: true},
		},
		{"none", newClient(t, noServerURI).Database("d").CodecOptions(), motor.CodecOptions{}},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, test.got, test.want)
		}
	}
}
