package contract_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestOpenResolvesToTheClientItself(t *testing.T) {
	client := newClient(t)
	if got, err := client.Open(t.Context()).Await(t.Context()); got != client || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestServerFactsNeedNoIO(t *testing.T) {
	told := make(chan struct{}, 100)
	monitor := &event.ServerMonitor{TopologyDescriptionChanged: func(*event.TopologyDescriptionChangedEvent) {
		told <- struct{}{}
	}}
	client := newClient(t, motor.WithClientOptions(options.Client().SetServerMonitor(monitor)))
	check := func(when string, connected bool) {
		t.Helper()
		_, known := client.Address()
		if client.Connected() != connected || known != connected || (client.Host() != "") != connected || (client.Port() != 0) != connected {
			t.Errorf("%s: connected %t, address %q:%d", when, client.Connected(), client.Host(), client.Port())
		}
		if client.MaxBSONSize() != 16<<20 || client.MaxWriteBatchSize() < 1000 || client.MaxMessageSize() < 32<<20 {
			t.Errorf("%s: limits %d, %d, %d", when, client.MaxBSONSize(), client.MaxWriteBatchSize(), client.MaxMessageSize())
		}
		if (client.MaxWireVersion() > 0) != connected {
			t.Errorf("%s: wire version %d", when, client.MaxWireVersion())
		}
		if len(client.Nodes()) == 0 || len(client.Seeds()) == 0 {
			t.Errorf("%s: no nodes: %v of %v", when, client.Nodes(), client.Seeds())
		}
		if connected && len(client.TopologyDescription().Servers) == 0 {
			t.Errorf("%s: no topology", when)
		}
	}
	check("before the first operation", false)
	_, err := client.ServerInfo(t.Context()).Await(t.Context())
	noError(t, err)
	check("when connected", true)
	if !client.IsPrimary() && !client.IsMongos() {
		t.Error("it takes writes, and is neither a primary nor a mongos")
	}
	noError(t, client.Close(context.Background()))
	check("after Close", false)
	if len(told) == 0 {
		t.Error("the user's own monitor was not told")
	}
}

func TestDatabaseNames(t *testing.T) {
	coll := newCollection(t)
	client, name := coll.Database().Client(), coll.Database().Name()
	fill(t, coll, 1)
	for _, f := range []func() ([]string, error){
		func() ([]string, error) { return client.ListDatabaseNames(t.Context(), bson.D{}).Await(t.Context()) },
		func() ([]string, error) { return client.DatabaseNames(t.Context()).Await(t.Context()) },
	} {
		if names, err := f(); !slices.Contains(names, name) || err != nil {
			t.Errorf("%q is not among %q, %v", name, names, err)
		}
	}
}

func TestDropDatabaseTakesANameOrADatabase(t *testing.T) {
	coll := newCollection(t)
	db, ctx := coll.Database(), t.Context()
	client := db.Client()
	for _, which := range []any{db.Name(), db, callback.WrapDatabase(callback.NewLoop(), db)} {
		fill(t, coll, 1)
		_, err := client.DropDatabase(ctx, which).Await(ctx)
		noError(t, err)
		if n, err := coll.CountDocuments(ctx, bson.D{}).Await(ctx); n != 0 || err != nil {
			t.Errorf("%T: %d documents are left, %v", which, n, err)
		}
	}
	for _, which := range []any{nil, 1, (*motor.Database)(nil), coll} {
		if _, err := client.DropDatabase(ctx, which).Await(ctx); !errors.Is(err, motor.TypeError) {
			t.Errorf("%T: got %v, want a TypeError", which, err)
		}
	}
	if _, err := client.DropDatabase(ctx, "a b").Await(ctx); !errors.Is(err, motor.InvalidName) {
		t.Errorf("got %v, want InvalidName", err)
	}
}

func TestAlive(t *testing.T) {
	if !mongotest.Embedded() {
		t.Skip("needs a server of its own, to stop it; MONGODB_URI names one that is shared")
	}
	server, err := mongotest.Run(t.Context())
	noError(t, err)
	client, err := motor.NewClient(server.URI() + "?serverSelectionTimeoutMS=100")
	noError(t, err)
	defer client.Close(context.Background())
	alive := func() bool {
		yes, err := client.Alive(t.Context()).Await(t.Context())
		noError(t, err)
		return yes
	}
	if !alive() { // with nothing connected, it tries to connect
		t.Error("the server is there, and the client is not alive")
	}
	noError(t, server.Close())
	_, err = client.ServerInfo(t.Context()).Await(t.Context())
	if !errors.Is(err, motor.ConnectionFailure) {
		t.Errorf("got %v, want a ConnectionFailure", err)
	}
	if alive() {
		t.Error("the server is gone, an operation has failed, and the client is alive")
	}
}

func TestCursorsAreClosedByTheirNumber(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 30)
	client, ctx := coll.Database().Client(), t.Context()
	var cursors []*motor.Cursor[bson.M]
	var ids []int64
	for range 3 {
		cursor := coll.Find(bson.D{}).BatchSize(10)
		_, err := cursor.ToList(ctx, 5).Await(ctx)
		noError(t, err)
		cursors, ids = append(cursors, cursor), append(ids, cursor.CursorID())
	}
	_, err := client.CloseCursor(ctx, ids[0]).Await(ctx)
	noError(t, err)
	_, err = client.KillCursors(ctx, ids[1:]).Await(ctx)
	noError(t, err)
	for i, cursor := range cursors {
		docs, err := cursor.ToList(ctx).Await(ctx)
		if len(docs) != 5 || err != nil || cursor.CursorID() != 0 {
			t.Errorf("cursor %d goes on: %d documents, %v, number %d", i, len(docs), err, cursor.CursorID())
		}
	}
	for _, id := range []int64{ids[0], 12345} {
		if _, err := client.CloseCursor(ctx, id).Await(ctx); !errors.Is(err, motor.CursorNotFound) {
			t.Errorf("got %v, want CursorNotFound", err)
		}
	}
	if _, err := client.KillCursors(ctx, []int64{12345, 67890}).Await(ctx); !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("got %v, want CursorNotFound", err)
	}
}

func TestFsync(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "fsync")
	client, ctx := newClient(t), t.Context()
	_, err := client.Fsync(ctx, motor.FsyncOptions{Lock: true}).Await(ctx)
	noError(t, err)
	locked, err := client.IsLocked(ctx).Await(ctx)
	if !locked || err != nil {
		t.Errorf("locked: %t, %v", locked, err)
	}
	for range 2 { // the second time there is nothing to unlock
		_, err = client.Unlock(ctx).Await(ctx)
		noError(t, err)
	}
}
