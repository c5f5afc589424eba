package motor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// indexPeer is a peer that accepts all index commands.
func indexPeer(t *testing.T) *wiretest.Peer {
	peer := wiretest.Start(t, wiretest.Standalone)
	for _, command := range []string{"createIndexes", "dropIndexes", "drop", "dropDatabase", "renameCollection"} {
		peer.Handle(command, ok())
	}
	return peer
}

// ensure calls EnsureIndex and reports whether it sent createIndexes.
func ensure(t *testing.T, peer *wiretest.Peer, c collection, keys any, opts ...motor.EnsureIndexOptions) bool {
	t.Helper()
	before := len(peer.Seen("createIndexes"))
	name, err := c.EnsureIndex(t.Context(), keys, opts...).Await(t.Context())
	sent := len(peer.Seen("createIndexes")) > before
	if err != nil || sent != (name != "") {
		t.Errorf("EnsureIndex() = %q, %v, sent %t, want a name only if sent, nil", name, err, sent)
	}
	return sent
}

func TestEnsureIndexCacheTime(t *testing.T) {
	peer := indexPeer(t)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	byPointer := func(d time.Duration) motor.EnsureIndexOptions { return motor.EnsureIndexOptions{CacheFor: &d} }
	for i, step := range []struct {
		what string
		keys any
		opts []motor.EnsureIndexOptions
		want bool
	}{
		{"the first time", "a", nil, true},
		{"the second time", "a", nil, false},
		{"other keys", "b", nil, true},
		{"the same keys, as a document", bson.D{{Key: "a", Value: 1}}, nil, false},
		{"another name", "a", []motor.EnsureIndexOptions{{Index: options.Index().SetName("n").SetUnique(true)}}, true},
		{"other keys of a cached name", "x", []motor.EnsureIndexOptions{{Index: options.Index().SetName("n")}}, false},
		{"never cached", "never", []motor.EnsureIndexOptions{byPointer(0)}, true},
		{"never cached, again", "never", nil, true},
		{"now it is", "never", nil, false},
		{"known for a nanosecond", "moment", []motor.EnsureIndexOptions{byPointer(time.Nanosecond)}, true},
		{"after the nanosecond", "moment", []motor.EnsureIndexOptions{byPointer(time.Hour)}, true},
		{"known for an hour", "moment", nil, false},
	} {
		if got := ensure(t, peer, coll, step.keys, step.opts...); got != step.want {
			t.Errorf("step %d, %s: created = %t, want %t", i, step.what, got, step.want)
		}
	}
	named := peer.Seen("createIndexes")[2].Lookup("indexes", "0")
	if doc := named.Document(); doc.Lookup("name").StringValue() != "n" || !doc.Lookup("unique").Boolean() {
		t.Errorf(`got index %v, want the name "n" and unique`, doc)
	}
}

func TestEnsureIndexAfterDrop(t *testing.T) {
	for _, c := range []struct {
		name   string
		drop   func(context.Context, *motor.Client) outcome
		wanted map[string]bool // indexes that EnsureIndex creates again
	}{
		{"an index", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").Collection("c").DropIndex(ctx, "a_1"))
		}, map[string]bool{"d.c.a": true}},
		{"an index by its keys", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").Collection("c").DropIndex(ctx, bson.D{{Key: "a", Value: 1}}))
		}, map[string]bool{"d.c.a": true}},
		{"all indexes", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").Collection("c").DropIndexes(ctx))
		}, map[string]bool{"d.c.a": true, "d.c.b": true}},
		{"a collection", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").Collection("c").Drop(ctx))
		}, map[string]bool{"d.c.a": true, "d.c.b": true}},
		{"a collection by name", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").DropCollection(ctx, "c"))
		}, map[string]bool{"d.c.a": true, "d.c.b": true}},
		{"a database", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.DropDatabase(ctx, "d"))
		}, map[string]bool{"d.c.a": true, "d.c.b": true, "d.x.a": true}},
		{"a name", func(ctx context.Context, c *motor.Client) outcome {
			return started(c.Database("d").Collection("c").Rename(ctx, "x", motor.RenameOptions{DropTarget: true}))
		}, map[string]bool{"d.c.a": true, "d.c.b": true, "d.x.a": true}},
		{"nothing", func(ctx context.Context, c *motor.Client) outcome { return started(c.Alive(ctx)) }, nil},
	} {
		for _, concern := range []bson.M{{}, {"wtimeout": 100}} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				peer := indexPeer(t)
				client := newClient(t, peer.URI())
				if err := client.SetWriteConcern(concern); err != nil {
					t.Fatalf("SetWriteConcern() = %v, want nil", err)
				}
				created := func() map[string]bool {
					all := make(map[string]bool)
					for _, where := range [][3]string{{"d", "c", "a"}, {"d", "c", "b"}, {"d", "x", "a"}, {"e", "c", "a"}} {
						if ensure(t, peer, client.Database(where[0]).Collection(where[1]), where[2]) {
							all[where[0]+"."+where[1]+"."+where[2]] = true
						}
					}
					return all
				}
				if first := created(); len(first) != 4 {
					t.Errorf("got first indexes %v, want 4", first)
				}
				if err := c.drop(t.Context(), client)(t.Context()); err != nil {
					t.Fatalf("got error %v, want nil", err)
				}
				again := created()
				for where := range again {
					if !c.wanted[where] {
						t.Errorf("%s: created again, want a cached index", where)
					}
				}
				if len(again) != len(c.wanted) {
					t.Errorf("got indexes created again %v, want %v", again, c.wanted)
				}
			})
		}
	}
}

// The server creates the index and drops it again before the reply to createIndexes arrives.
func TestEnsureIndexOvertakenByDrop(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx, coll := t.Context(), newClient(t, peer.URI()).Database("d").Collection("c")
	ensuring := coll.EnsureIndex(ctx, "a")
	create := peer.Receive("createIndexes")
	dropping := coll.Drop(ctx)
	peer.Receive("drop").OK()
	if _, err := dropping.Await(ctx); err != nil {
		t.Fatalf("Drop() = %v, want nil", err)
	}
	create.OK()
	if name, err := ensuring.Await(ctx); name != "a_1" || err != nil {
		t.Errorf(`EnsureIndex() = %q, %v, want "a_1", nil`, name, err)
	}
	peer.Handle("createIndexes", ok())
	if !ensure(t, peer, coll, "a") {
		t.Error("index is cached, want createIndexes again")
	}
}

func TestEnsureIndexErrorIsNotCached(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx, coll := t.Context(), newClient(t, peer.URI()).Database("d").Collection("c")
	ensuring := coll.EnsureIndex(ctx, "a")
	peer.Receive("createIndexes").Fail(85, "IndexOptionsConflict", "no")
	if _, err := ensuring.Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("got %v, want an OperationFailure", err)
	}
	peer.Handle("createIndexes", ok())
	if !ensure(t, peer, coll, "a") {
		t.Error("index is cached, want createIndexes again")
	}
}
