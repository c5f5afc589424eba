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

func TestClientOpenReturnsClient(t *testing.T) {
	client := newClient(t)
	if got, err := client.Open(t.Context()).Await(t.Context()); got != client || err != nil {
		t.Errorf("Open() = %v, %v; want the client itself", got, err)
	}
}

func TestClientServerPropertiesNeedNoIO(t *testing.T) {
	events := make(chan struct{}, 100)
	monitor := &event.ServerMonitor{TopologyDescriptionChanged: func(*event.TopologyDescriptionChangedEvent) {
		events <- struct{}{}
	}}
	client := newClient(t, motor.WithClientOptions(options.Client().SetServerMonitor(monitor)))
	check := func(when string, connected bool) {
		t.Helper()
		_, known := client.Address()
		if client.Connected() != connected || known != connected || (client.Host() != "") != connected || (client.Port() != 0) != connected {
			t.Errorf("%s: connected %t, address %q:%d; want connected %t", when, client.Connected(), client.Host(), client.Port(), connected)
		}
		if client.MaxBSONSize() != 16<<20 || client.MaxWriteBatchSize() < 1000 || client.MaxMessageSize() < 32<<20 {
			t.Errorf("%s: limits %d, %d, %d; want 16777216, at least 1000, at least 33554432", when, client.MaxBSONSize(), client.MaxWriteBatchSize(), client.MaxMessageSize())
		}
		if (client.MaxWireVersion() > 0) != connected {
			t.Errorf("%s: wire version %d; want it only when connected", when, client.MaxWireVersion())
		}
		if len(client.Nodes()) == 0 || len(client.Seeds()) == 0 {
			t.Errorf("%s: got nodes %v and seeds %v, want some", when, client.Nodes(), client.Seeds())
		}
		if connected && len(client.TopologyDescription().Servers) == 0 {
			t.Errorf("%s: got no servers in the topology, want some", when)
		}
	}
	check("before the first operation", false)
	_, err := client.ServerInfo(t.Context()).Await(t.Context())
	noError(t, err)
	check("when connected", true)
	if !client.IsPrimary() && !client.IsMongos() {
		t.Error("IsPrimary() and IsMongos() = false for a server that accepts writes")
	}
	noError(t, client.Close(context.Background()))
	check("after Close", false)
	if len(events) == 0 {
		t.Error("the user's server monitor got no event")
	}
}

func TestClientDatabaseNames(t *testing.T) {
	withDocuments(t, 1, func(t *testing.T, ops operations) {
		name := collectionOf(ops).Database().Name()
		for _, c := range []struct {
			method string
			args   []any
		}{{"Client.ListDatabaseNames", []any{bson.D{}}}, {"Client.DatabaseNames", nil}} {
			names, err := startMethod(ops, c.method, c.args...).Await(t.Context())
			if err != nil || !slices.Contains(names.([]string), name) {
				t.Errorf("%s: got %q, %v; want %q among them", c.method, names, err, name)
			}
		}
	})
}

func TestClientDropDatabase(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		db := collectionOf(ops).Database()
		drop := func(which any) error {
			_, err := startMethod(ops, "Client.DropDatabase", which).Await(t.Context())
			return err
		}
		for _, which := range []any{db.Name(), db, callback.WrapDatabase(callback.NewLoop(), db)} {
			_, err := ops.InsertOne(bson.M{})
			noError(t, err)
			noError(t, drop(which))
			if n, err := ops.CountDocuments(bson.D{}); n != 0 || err != nil {
				t.Errorf("%T: %d documents left, %v; want 0", which, n, err)
			}
		}
		for _, which := range []any{nil, 1, (*motor.Database)(nil), collectionOf(ops)} {
			if err := drop(which); !errors.Is(err, motor.TypeError) {
				t.Errorf("%T: got %v, want a TypeError", which, err)
			}
		}
		if err := drop("a b"); !errors.Is(err, motor.InvalidName) {
			t.Errorf("got %v, want InvalidName", err)
		}
	})
}

func TestClientAlive(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the test stops its server")
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
		t.Error("Alive() = false while the server runs, want true")
	}
	noError(t, server.Close())
	_, err = client.ServerInfo(t.Context()).Await(t.Context())
	if !errors.Is(err, motor.ConnectionFailure) {
		t.Errorf("got %v, want a ConnectionFailure", err)
	}
	if alive() {
		t.Error("Alive() = true after the server stopped, want false")
	}
}

func TestClientCloseCursorAndKillCursors(t *testing.T) {
	withDocuments(t, 30, func(t *testing.T, ops operations) {
		var cursors []queryReader[bson.M]
		var ids []int64
		for range 3 {
			r := ops.Find(bson.D{})
			r.cursor.BatchSize(10)
			_, err := r.ToList(5)
			noError(t, err)
			cursors, ids = append(cursors, r), append(ids, r.CursorID())
		}
		_, err := startMethod(ops, "Client.CloseCursor", ids[0]).Await(t.Context())
		noError(t, err)
		_, err = startMethod(ops, "Client.KillCursors", ids[1:]).Await(t.Context())
		noError(t, err)
		for i, r := range cursors {
			docs, err := r.ToList()
			if len(docs) != 5 || err != nil || r.CursorID() != 0 {
				t.Errorf("killed cursor %d: %d documents, %v, id %d; want the 5 of its batch", i, len(docs), err, r.CursorID())
			}
		}
		for _, id := range []int64{ids[0], 12345} {
			if _, err := startMethod(ops, "Client.CloseCursor", id).Await(t.Context()); !errors.Is(err, motor.CursorNotFound) {
				t.Errorf("got %v, want CursorNotFound", err)
			}
		}
		if _, err := startMethod(ops, "Client.KillCursors", []int64{12345, 67890}).Await(t.Context()); !errors.Is(err, motor.CursorNotFound) {
			t.Errorf("got %v, want CursorNotFound", err)
		}
	})
}

func TestClientFsyncAndUnlock(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "fsync")
	client, ctx := newClient(t), t.Context()
	_, err := client.Fsync(ctx, motor.FsyncOptions{Lock: true}).Await(ctx)
	noError(t, err)
	t.Cleanup(func() { _, _ = client.Unlock(context.WithoutCancel(ctx)).Await(context.Background()) }) // after a failure
	locked, err := client.IsLocked(ctx).Await(ctx)
	if !locked || err != nil {
		t.Errorf("got locked %t, %v; want true", locked, err)
	}
	for range 2 { // unlocking twice is not an error
		_, err = client.Unlock(ctx).Await(ctx)
		noError(t, err)
	}
}
