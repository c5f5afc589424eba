package motor_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestFsyncUnlockAndIsLocked(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client, ctx := newClient(t, peer.URI()), t.Context()

	for _, test := range []struct {
		how  motor.FsyncOptions
		want bson.M
	}{
		{motor.FsyncOptions{}, bson.M{"lock": wiretest.Absent, "async": wiretest.Absent}},
		{motor.FsyncOptions{Lock: true}, bson.M{"lock": true, "async": wiretest.Absent}},
		{motor.FsyncOptions{Async: true}, bson.M{"lock": wiretest.Absent, "async": true}},
	} {
		f := client.Fsync(ctx, test.how)
		peer.Receive("fsync").Want(bson.M{"fsync": 1, "$db": "admin"}).Want(test.want).OK()
		if _, err := f.Await(ctx); err != nil {
			t.Errorf("Fsync(%+v) = %v, want nil", test.how, err)
		}
	}

	locked := client.IsLocked(ctx)
	peer.Receive("currentOp").Want(bson.M{"$db": "admin"}).OK(bson.M{"fsyncLock": true})
	if yes, err := locked.Await(ctx); !yes || err != nil {
		t.Errorf("IsLocked() = %t, %v, want true, nil", yes, err)
	}
	locked = client.IsLocked(ctx)
	peer.Receive("currentOp").OK()
	if yes, err := locked.Await(ctx); yes || err != nil {
		t.Errorf("IsLocked() = %t, %v, want false, nil", yes, err)
	}

	unlocked := client.Unlock(ctx)
	peer.Receive("fsyncUnlock").Want(bson.M{"$db": "admin"}).OK()
	if _, err := unlocked.Await(ctx); err != nil {
		t.Errorf("Unlock() = %v, want nil", err)
	}
	for _, server := range []struct {
		code int
		name string
	}{{125, "CommandFailed"}, {20, "IllegalOperation"}} { // before 4.4, and since
		unlocked = client.Unlock(ctx)
		peer.Receive("fsyncUnlock").Fail(server.code, server.name, "fsyncUnlock called when not locked")
		if _, err := unlocked.Await(ctx); err != nil {
			t.Errorf("Unlock() of an unlocked server = %v, want nil", err)
		}
	}
	unlocked = client.Unlock(ctx)
	peer.Receive("fsyncUnlock").Fail(13, "Unauthorized", "not authorized")
	if _, err := unlocked.Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("got %v, want an OperationFailure", err)
	}
}

func TestCloseCursorSendsKillCursors(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client, ctx := newClient(t, peer.URI()), t.Context()
	cursor := client.Database("d").Collection("c").Find(bson.D{})

	first := cursor.ToList(ctx, 1)
	peer.Receive("find").Want(bson.M{"find": "c", "$db": "d"}).Cursor("d.c", 42, bson.D{{Key: "_id", Value: 1}})
	if docs, err := first.Await(ctx); len(docs) != 1 || err != nil || cursor.CursorID() != 42 {
		t.Fatalf("ToList() = %v, %v, CursorID() = %d, want 1 document, nil, 42", docs, err, cursor.CursorID())
	}
	killed := make(chan bson.Raw, 1)
	peer.Handle("killCursors", func(r *wiretest.Request) {
		killed <- r.Command
		r.OK(bson.M{"cursorsKilled": bson.A{int64(42)}})
	})
	if _, err := client.CloseCursor(ctx, 42).Await(ctx); err != nil {
		t.Fatalf("CloseCursor() = %v, want nil", err)
	}
	if len(killed) == 0 {
		t.Fatal("CloseCursor sent no killCursors")
	}
	command := <-killed
	if command.Lookup("killCursors").StringValue() != "c" || fmt.Sprint(command.Lookup("cursors")) != `[{"$numberLong":"42"}]` {
		t.Errorf("got command %s, want collection c and cursor 42", command)
	}
}

func TestClientTopologyProperties(t *testing.T) {
	limits := bson.M{"maxBsonObjectSize": 1 << 20, "maxMessageSizeBytes": 2 << 20, "maxWriteBatchSize": 500}
	mongos := wiretest.Start(t, wiretest.Mongos, limits)
	client := newClient(t, mongos.URI())
	if _, err := client.Open(t.Context()).Await(t.Context()); err != nil {
		t.Fatalf("Open() = %v, want nil", err)
	}
	if !client.IsMongos() || !client.IsPrimary() {
		t.Error("got IsMongos() or IsPrimary() false for a mongos, want both true")
	}
	if client.MaxBSONSize() != 1<<20 || client.MaxMessageSize() != 2<<20 || client.MaxWriteBatchSize() != 500 {
		t.Errorf("got MaxBSONSize %d, MaxMessageSize %d, MaxWriteBatchSize %d, want %d, %d, 500", client.MaxBSONSize(), client.MaxMessageSize(), client.MaxWriteBatchSize(), 1<<20, 2<<20)
	}

	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Arbiter)
	client = newClient(t, set.URI())
	if _, err := client.Open(t.Context()).Await(t.Context()); err != nil {
		t.Fatalf("Open() = %v, want nil", err)
	}
	primary, ok := client.Primary()
	if !ok || primary.String() != set.Peers[0].Address() || client.Host() != primary.Host || client.Port() != primary.Port {
		t.Errorf("got primary %v, connected to %s:%d, want %s", primary, client.Host(), client.Port(), set.Peers[0].Address())
	}
	if !client.IsPrimary() || client.IsMongos() || len(client.Nodes()) != 3 {
		t.Errorf("got primary %t, mongos %t, nodes %v, want true, false, 3 nodes", client.IsPrimary(), client.IsMongos(), client.Nodes())
	}
}
