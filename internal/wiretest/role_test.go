package wiretest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// watch starts a client and returns the descriptions of the topology that it sees.
func watch(t *testing.T, uri string) <-chan event.TopologyDescription {
	t.Helper()
	seen := make(chan event.TopologyDescription, 1000)
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetServerMonitor(&event.ServerMonitor{
		TopologyDescriptionChanged: func(e *event.TopologyDescriptionChangedEvent) { seen <- e.NewDescription },
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return seen
}

// awaitKinds waits until a client sees a topology with servers of these kinds.
func awaitKinds(t *testing.T, seen <-chan event.TopologyDescription, topology string, kinds map[*wiretest.Peer]string) {
	t.Helper()
	var last event.TopologyDescription
	for {
		select {
		case last = <-seen:
		case <-t.Context().Done():
			t.Fatalf("got the topology %+v, want %s with %v", last, topology, kinds)
		}
		matching := 0
		for peer, kind := range kinds {
			if slices.ContainsFunc(last.Servers, func(s event.ServerDescription) bool {
				return s.Addr.String() == peer.Address() && s.Kind == kind
			}) {
				matching++
			}
		}
		if last.Kind == topology && matching == len(kinds) && len(last.Servers) == len(kinds) {
			return
		}
	}
}

func TestDriverSeesRole(t *testing.T) {
	for _, test := range []struct {
		name           string
		role           wiretest.Role
		topology, kind string
	}{
		{"standalone", wiretest.Standalone, "Single", "Standalone"},
		{"mongos", wiretest.Mongos, "Sharded", "Mongos"},
		{"primary", wiretest.Primary, "ReplicaSetWithPrimary", "RSPrimary"},
		{"secondary", wiretest.Secondary, "ReplicaSetNoPrimary", "RSSecondary"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, test.role)
			awaitKinds(t, watch(t, peer.URI()), test.topology, map[*wiretest.Peer]string{peer: test.kind})
		})
	}
}

func TestDriverSeesFailover(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Arbiter)
	a, b, arbiter := set.Peers[0], set.Peers[1], set.Peers[2]
	seen := watch(t, set.URI())
	awaitKinds(t, seen, "ReplicaSetWithPrimary",
		map[*wiretest.Peer]string{a: "RSPrimary", b: "RSSecondary", arbiter: "RSArbiter"})
	set.Elect(b)
	awaitKinds(t, seen, "ReplicaSetWithPrimary",
		map[*wiretest.Peer]string{a: "RSSecondary", b: "RSPrimary", arbiter: "RSArbiter"})
	set.StepDown()
	awaitKinds(t, seen, "ReplicaSetNoPrimary",
		map[*wiretest.Peer]string{a: "RSSecondary", b: "RSSecondary", arbiter: "RSArbiter"})
	a.SetRole(wiretest.Primary)
	awaitKinds(t, seen, "ReplicaSetWithPrimary",
		map[*wiretest.Peer]string{a: "RSPrimary", b: "RSSecondary", arbiter: "RSArbiter"})
}

func TestReadPreferenceSelectsMember(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Secondary)
	set.Peers[2].SetHello(bson.M{"tags": bson.M{"dc": "far"}})
	tagged := options.Collection().SetReadPreference(readpref.Secondary(readpref.WithTags("dc", "far")))
	coll := connect(t, set.URI()).Database("d").Collection("c", tagged)
	found := sending(t, func(ctx context.Context) error { return coll.FindOne(ctx, bson.M{}).Err() })
	set.Peers[2].Receive("find").
		Want(bson.M{"$readPreference": bson.M{"mode": "secondary", "tags": []bson.M{{"dc": "far"}}}}).
		Cursor("d.c", 0, bson.M{"_id": 1})
	if err := found(); err != nil {
		t.Error(err)
	}
}

func TestSetHello(t *testing.T) {
	t.Run("maxWriteBatchSize", func(t *testing.T) {
		t.Parallel()
		peer := wiretest.Start(t, wiretest.Standalone, bson.M{"maxWriteBatchSize": 2})
		coll := newClient(t, peer.URI()).Database("d").Collection("c")
		inserted := coll.InsertMany(t.Context(), []bson.M{{"_id": 1}, {"_id": 2}, {"_id": 3}})
		peer.Receive("insert").Want(bson.M{"documents": []bson.M{{"_id": 1}, {"_id": 2}}}).OK(bson.M{"n": 2})
		peer.Receive("insert").Want(bson.M{"documents": []bson.M{{"_id": 3}}}).OK(bson.M{"n": 1})
		if res, err := inserted.Await(t.Context()); err != nil || len(res.InsertedIDs) != 3 {
			t.Errorf("got %v, %v, want three inserted IDs", res, err)
		}
	})
	t.Run("logicalSessionTimeoutMinutes", func(t *testing.T) {
		t.Parallel()
		peer := wiretest.Start(t, wiretest.Standalone, bson.M{"logicalSessionTimeoutMinutes": wiretest.Absent})
		sent := newClient(t, peer.URI()).Database("d").Command(t.Context(), "fsync")
		peer.Receive("fsync").Want(bson.M{"lsid": wiretest.Absent}).OK()
		if _, err := sent.Await(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("maxWireVersion", func(t *testing.T) {
		t.Parallel()
		peer := wiretest.Start(t, wiretest.Standalone, bson.M{"maxWireVersion": 5})
		_, err := newClient(t, peer.URI("serverSelectionTimeoutMS=200")).Open(t.Context()).Await(t.Context())
		if !errors.Is(err, motor.PyMongoError) {
			t.Errorf("Open() = %v, want an error, because the driver does not support wire version 5", err)
		}
	})
}
