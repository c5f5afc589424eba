package motor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type found = *future.Future[bson.M]

// startFinds returns a collection with batching whose first read, of {_id: 0}, waits for its reply.
func startFinds(t *testing.T, opts ...motor.ClientOption) (peer *wiretest.Peer, c collection, held *wiretest.Request) {
	t.Helper()
	peer = wiretest.Start(t, wiretest.Primary)
	c = newClient(t, peer.URI("retryReads=false"), opts...).Database("d").Collection("c").WithBatching()
	first := c.FindOne(t.Context(), bson.M{"_id": 0})
	held = peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 0}, "limit": 1, "singleBatch": true})
	t.Cleanup(func() { first.Await(context.Background()) }) // before the client closes
	return peer, c, held
}

// findAll reads {_id: id} for each id.
func findAll(t *testing.T, c collection, ids ...any) (all []found) {
	for _, id := range ids {
		all = append(all, c.FindOne(t.Context(), bson.M{"_id": id}))
	}
	return all
}

// in is the filter of a command for several ids.
func in(ids ...any) bson.M { return bson.M{"filter": bson.M{"_id": bson.M{"$in": ids}}} }

// wantFound checks that each read has found the document with this value of a, or none for nil.
func wantFound(t *testing.T, all []found, want ...any) {
	t.Helper()
	for i, f := range all {
		if doc := succeed(t, f); (doc == nil) != (want[i] == nil) || doc["a"] != want[i] {
			t.Errorf("read %d: got %v, want a document with a: %v", i+1, doc, want[i])
		}
	}
}

func TestBatchingGathersFinds(t *testing.T) {
	id, missing := bson.NewObjectID(), bson.NewObjectID()
	peer, c, held := startFinds(t)
	all := findAll(t, c, id, 2, missing, 2, "s")
	if n := len(peer.Seen("find")); n != 1 {
		t.Errorf("got %d find commands, want 1", n)
	}
	held.Cursor("d.c", 0, bson.M{"_id": 0})
	batch := peer.Receive("find").Want(in(id, 2, missing, "s"))
	batch.Want(bson.M{"batchSize": 4, "limit": wiretest.Absent})
	late := c.FindOne(t.Context(), bson.M{"_id": 3})
	batch.Cursor("d.c", 0, bson.M{"_id": "s", "a": "string"}, bson.M{"_id": int32(2), "a": "two"}, bson.M{"_id": id, "a": "id"})
	wantFound(t, all, "id", "two", nil, "two", "string")
	succeed(t, all[1])["a"] = "changed"
	wantFound(t, all[3:4], "two") // it is a document of its own
	peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 3}, "limit": 1}).Cursor("d.c", 0)
	wantFound(t, []found{late}, nil)
}

func TestBatchingSharesNoDocument(t *testing.T) {
	peer, c, held := startFinds(t)
	raws := motor.CollectionOf[bson.Raw](c.Database(), "c").WithBatching()
	held.Cursor("d.c", 0)
	first := raws.FindOne(t.Context(), bson.M{"_id": 0})
	held = peer.Receive("find")
	same := []*future.Future[bson.Raw]{raws.FindOne(t.Context(), bson.M{"_id": 1}), raws.FindOne(t.Context(), bson.M{"_id": 1})}
	held.Cursor("d.c", 0)
	succeed(t, first)
	peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 1}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": 1})
	clear(succeed(t, same[0]))
	if id, ok := succeed(t, same[1]).Lookup("_id").Int32OK(); !ok || id != 1 {
		t.Errorf("got _id %v after a change of the other read's document, want 1", id)
	}
}

func TestBatchingFindInSession(t *testing.T) {
	peer, c, held := startFinds(t)
	s := succeed(t, c.Database().Client().StartSession(t.Context()))
	defer s.EndSession(context.Background())
	f := c.FindOne(s.Context(t.Context()), bson.M{"_id": 1})
	peer.Receive("find").Want(bson.M{"lsid": s.SessionID()}).Cursor("d.c", 0, bson.M{"_id": 1, "a": 1})
	wantFound(t, []found{f}, int32(1))
	held.Cursor("d.c", 0)
}

// A server may consider values with other bytes as equal. Each read must have the result that it has without batching.
func TestBatchingEqualIDs(t *testing.T) {
	t.Run("missing", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, "a", "b", "c")
		held.Cursor("d.c", 0)
		peer.Receive("find").Want(in("a", "b", "c")).Cursor("d.c", 0, bson.M{"_id": "a", "a": 1})
		peer.Receive("find").Want(in("b", "c")).Cursor("d.c", 0)
		wantFound(t, all, int32(1), nil, nil)
	})
	t.Run("none", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, "a", "b")
		held.Cursor("d.c", 0)
		peer.Receive("find").Want(in("a", "b")).Cursor("d.c", 0)
		wantFound(t, all, nil, nil)
	})
	t.Run("number of another type", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, 1.0)
		held.Cursor("d.c", 0)
		peer.Receive("find").Want(in(1, 1.0)).Cursor("d.c", 0, bson.M{"_id": int32(1), "a": 1})
		peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 1.0}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": int32(1), "a": 1})
		wantFound(t, all, int32(1), int32(1))
	})
	t.Run("collation", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, "A", "b", "C")
		held.Cursor("d.c", 0)
		peer.Receive("find").Want(in("A", "b", "C")).Cursor("d.c", 0, bson.M{"_id": "a", "a": 1}, bson.M{"_id": "b", "a": 2})
		peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": "A"}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": "a", "a": 1})
		peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": "C"}, "limit": 1}).Cursor("d.c", 0)
		wantFound(t, all, int32(1), int32(2), nil)
	})
	t.Run("two documents with an id", func(t *testing.T) { // on two shards
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, 2, bson.NewObjectID())
		held.Cursor("d.c", 0)
		peer.Receive("find").Cursor("d.c", 0, bson.M{"_id": 1, "a": 1}, bson.M{"_id": 1, "a": 3}, bson.M{"_id": 2, "a": 2})
		wantFound(t, all, int32(1), int32(2), nil)
	})
}

func TestBatchingSeparateFinds(t *testing.T) {
	for _, test := range []struct {
		name   string
		filter any
		opts   []options.Lister[options.FindOneOptions]
	}{
		{"another field", bson.M{"a": 1}, nil},
		{"two fields", bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: 1}}, nil},
		{"null", bson.M{"_id": nil}, nil},
		{"operator", bson.M{"_id": bson.M{"$gt": 1}}, nil},
		{"regular expression", bson.M{"_id": bson.Regex{Pattern: "a"}}, nil},
		{"list", bson.M{"_id": bson.A{1}}, nil},
		{"projection without _id", bson.M{"_id": 1}, []options.Lister[options.FindOneOptions]{options.FindOne().SetProjection(bson.M{"_id": 0})}},
		{"projection that changes _id", bson.M{"_id": 1}, []options.Lister[options.FindOneOptions]{options.FindOne().SetProjection(bson.M{"_id": "$a"})}},
		{"another option", bson.M{"_id": 1}, []options.Lister[options.FindOneOptions]{options.FindOne().SetSkip(1)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, c, held := startFinds(t)
			f := c.FindOne(t.Context(), test.filter, test.opts...)
			peer.Receive("find").Want(bson.M{"limit": 1}).Cursor("d.c", 0, bson.M{"_id": 1, "a": 1})
			wantFound(t, []found{f}, int32(1))
			held.Cursor("d.c", 0)
		})
	}
	t.Run("linearizable", func(t *testing.T) {
		peer := wiretest.Start(t, wiretest.Primary)
		linearizable := options.Collection().SetReadConcern(readconcern.Linearizable())
		c := newClient(t, peer.URI()).Database("d").Collection("c", linearizable).WithBatching()
		first, second := c.FindOne(t.Context(), bson.M{"_id": 1}), c.FindOne(t.Context(), bson.M{"_id": 2})
		requests := []*wiretest.Request{peer.Receive("find"), peer.Receive("find")} // none waits for the other
		for _, r := range requests {
			r.Want(bson.M{"limit": 1}).Cursor("d.c", 0, bson.M{"_id": 1, "a": 1})
		}
		wantFound(t, []found{first, second}, int32(1), int32(1))
	})
	t.Run("size", func(t *testing.T) {
		peer, c, held := startFinds(t)
		a, b, more := strings.Repeat("a", 1<<20/3), strings.Repeat("b", 1<<20/3), strings.Repeat("c", 1<<20/3)
		all := findAll(t, c, a, 1, b, a, more, 2)
		held.Cursor("d.c", 0)
		peer.Receive("find").Want(in(a, 1, b)).Cursor("d.c", 0)
		peer.Receive("find").Want(in(more, 2)).Cursor("d.c", 0)
		wantFound(t, all, nil, nil, nil, nil, nil, nil)
	})
	t.Run("projections", func(t *testing.T) {
		peer, c, held := startFinds(t)
		var all []found
		for i := range 6 {
			opts := options.FindOne().SetProjection(bson.D{{Key: []string{"a", "b", "c"}[i%3], Value: 1}, {Key: "_id", Value: true}})
			if i%3 == 2 {
				opts = options.FindOne()
			}
			all = append(all, c.FindOne(t.Context(), bson.M{"_id": i}, opts))
		}
		held.Cursor("d.c", 0)
		for i := range 3 {
			want := in(i, i+3)
			want["projection"] = bson.M{[]string{"a", "b", "c"}[i]: 1, "_id": true}
			if i == 2 {
				want["projection"] = wiretest.Absent
			}
			peer.Receive("find").Want(want).Cursor("d.c", 0, bson.M{"_id": i, "a": i}, bson.M{"_id": i + 3, "a": i + 3})
		}
		wantFound(t, all, int32(0), int32(1), int32(2), int32(3), int32(4), int32(5))
	})
}

// The reads of a batch wait for the server if the pool is paused before their getMore.
func TestBatchingFindsWaitForServer(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"_id": 3}) })
	ctx, c := t.Context(), newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
	batching := c.WithBatching()
	first := batching.FindOne(ctx, bson.M{"_id": 1})
	one := peer.Receive("find")
	second, third := batching.FindOne(ctx, bson.M{"_id": 2}), batching.FindOne(ctx, bson.M{"_id": 3})
	one.Cursor("d.c", 0, bson.M{"_id": 1})
	succeed(t, first)
	all := peer.Receive("find")
	pausePool(t, peer, c)
	all.Cursor("d.c", 7, bson.M{"_id": 2})
	for i, f := range []*future.Future[bson.M]{second, third} {
		if doc := succeed(t, f); doc["_id"] != int32(i+2) {
			t.Errorf("got %v, want _id %d", doc, i+2)
		}
	}
}

func TestBatchingFindErrors(t *testing.T) {
	t.Run("command", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, "s", bson.NewObjectID(), bson.DateTime(1), bson.Binary{Data: []byte{1}})
		held.Cursor("d.c", 0)
		peer.Receive("find").Fail(13, "Unauthorized", "not allowed")
		for _, f := range all {
			if doc, err := f.Await(t.Context()); doc != nil || !errors.Is(err, motor.OperationFailure) || motor.Code(err) != 13 {
				t.Errorf("got %v, %v, want OperationFailure 13", doc, err)
			}
		}
	})
	t.Run("later batch", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, 2, bson.NewObjectID())
		held.Cursor("d.c", 0)
		peer.Receive("find").Cursor("d.c", 7, bson.M{"_id": 1, "a": 1})
		peer.Receive("getMore").Fail(13, "Unauthorized", "not allowed")
		wantFound(t, all[:1], int32(1))
		for _, f := range all[1:] {
			if doc, err := f.Await(t.Context()); doc != nil || motor.Code(err) != 13 {
				t.Errorf("got %v, %v, want code 13", doc, err)
			}
		}
	})
	t.Run("lost cursor", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, 2, 3)
		held.Cursor("d.c", 0)
		peer.Receive("find").Cursor("d.c", 7, bson.M{"_id": 1, "a": 1})
		peer.Receive("getMore").Fail(43, "CursorNotFound", "gone")
		for i := 2; i <= 3; i++ {
			peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": i}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": i, "a": i})
		}
		wantFound(t, all, int32(1), int32(2), int32(3))
	})
	t.Run("projection fails for one document", func(t *testing.T) {
		peer, c, held := startFinds(t)
		all := findAll(t, c, 1, 2, 3, 4, 5)
		held.Cursor("d.c", 0)
		refuse := func(r *wiretest.Request) { r.Fail(16554, "Location16554", "$add only supports numeric or date types") }
		refuse(peer.Receive("find").Want(in(1, 2, 3, 4, 5)))
		peer.Receive("find").Want(in(1, 2)).Cursor("d.c", 0, bson.M{"_id": 1, "a": 1}, bson.M{"_id": 2, "a": 2})
		refuse(peer.Receive("find").Want(in(3, 4)))
		refuse(peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 3}, "limit": 1}))
		for i := 4; i <= 5; i++ {
			peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": i}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": i, "a": i})
		}
		wantFound(t, all[:2], int32(1), int32(2))
		wantFound(t, all[3:], int32(4), int32(5))
		if doc, err := all[2].Await(t.Context()); doc != nil || motor.Code(err) != 16554 {
			t.Errorf("got %v, %v, want code 16554", doc, err)
		}
	})
	t.Run("document that cannot be decoded", func(t *testing.T) {
		peer, c, held := startFinds(t)
		typed := motor.CollectionOf[*struct{ A int }](c.Database(), "c").WithBatching()
		first := typed.FindOne(t.Context(), bson.M{"_id": 0})
		held.Cursor("d.c", 0)
		held = peer.Receive("find")
		bad, good := typed.FindOne(t.Context(), bson.M{"_id": 1}), typed.FindOne(t.Context(), bson.M{"_id": 2})
		held.Cursor("d.c", 0)
		succeed(t, first)
		peer.Receive("find").Cursor("d.c", 0, bson.M{"_id": 1, "a": "x"}, bson.M{"_id": 2, "a": 2})
		if _, err := bad.Await(t.Context()); !errors.Is(err, motor.InvalidBSON) {
			t.Errorf("got %v, want InvalidBSON", err)
		}
		if doc := succeed(t, good); doc == nil || doc.A != 2 {
			t.Errorf("got %v, want a: 2", doc)
		}
	})
	t.Run("queue", func(t *testing.T) {
		_, c, held := startFinds(t, motor.WithMaxQueue(1))
		all := findAll(t, c, 1, 2)
		if _, err := all[1].Await(t.Context()); !errors.Is(err, future.ErrQueueFull) {
			t.Errorf("with a full queue: got %v, want ErrQueueFull", err)
		}
		all[0].Cancel()
		held.Cursor("d.c", 0)
	})
}

func TestBatchingCancelledFind(t *testing.T) {
	peer, c, held := startFinds(t)
	ending, end := context.WithCancel(t.Context())
	all := findAll(t, c, 1, 2)
	ended := c.FindOne(ending, bson.M{"_id": 3})
	all[0].Cancel()
	end()
	held.Cursor("d.c", 0)
	peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 2}, "limit": 1}).Cursor("d.c", 0, bson.M{"_id": 2, "a": 2})
	wantFound(t, all[1:], int32(2))
	if _, err := all[0].Await(t.Context()); !errors.Is(err, future.ErrCancelled) {
		t.Errorf("got %v, want ErrCancelled", err)
	}
	if _, err := ended.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if n := len(peer.Seen("find")); n != 2 {
		t.Errorf("got %d find commands, want 2", n)
	}
}

func TestBatchingFindAfterClose(t *testing.T) {
	peer, c, held := startFinds(t)
	all := findAll(t, c, 1, 2)
	closed := make(chan error, 1)
	go func() { closed <- c.Database().Client().Close(context.Background()) }()
	held.Cursor("d.c", 0)
	peer.Receive("find").Want(in(1, 2)).Cursor("d.c", 0, bson.M{"_id": 1, "a": 1}, bson.M{"_id": 2, "a": 2})
	wantFound(t, all, int32(1), int32(2))
	noError(t, <-closed)
	again := findAll(t, c, 5)
	peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 5}}).Cursor("d.c", 0, bson.M{"_id": 5, "a": 5})
	wantFound(t, again, int32(5))
}

func TestBatchingManyFinds(t *testing.T) {
	peer, c, held := startFinds(t)
	var all []found
	for i := range 2500 {
		all = append(all, c.FindOne(t.Context(), bson.M{"_id": fmt.Sprintf("%04d", i)}))
	}
	held.Cursor("d.c", 0)
	for _, want := range []int{1000, 1000, 500} {
		request := peer.Receive("find")
		ids, err := request.Command.Lookup("filter", "_id", "$in").Array().Values()
		noError(t, err)
		if len(ids) != want {
			t.Errorf("got %d ids in a command, want %d", len(ids), want)
		}
		var docs []any
		for _, id := range ids {
			docs = append(docs, bson.M{"_id": id, "a": id})
		}
		request.Cursor("d.c", 0, docs...)
	}
	for i, f := range all {
		if doc := succeed(t, f); doc["a"] != fmt.Sprintf("%04d", i) {
			t.Errorf("read %d: got %v", i, doc)
		}
	}
}

// A cursor is closed on the server, also after its reader was cancelled.
func TestCancelledReadClosesCursor(t *testing.T) {
	for _, test := range []struct {
		name, command string
		start         func(t *testing.T, peer *wiretest.Peer) (cancel func())
	}{
		{"IndexInformation", "listIndexes", func(t *testing.T, peer *wiretest.Peer) func() {
			f := newClient(t, peer.URI()).Database("d").Collection("c").IndexInformation(t.Context())
			return func() { f.Cancel() }
		}},
		{"ListCollectionNames", "listCollections", func(t *testing.T, peer *wiretest.Peer) func() {
			f := newClient(t, peer.URI()).Database("d").ListCollectionNames(t.Context(), bson.M{})
			return func() { f.Cancel() }
		}},
		{"batched FindOne", "find", func(t *testing.T, peer *wiretest.Peer) func() {
			c := newClient(t, peer.URI()).Database("d").Collection("c").WithBatching()
			first := c.FindOne(t.Context(), bson.M{"_id": 0})
			held := peer.Receive("find")
			all := findAll(t, c, 1, 2)
			held.Cursor("d.c", 0)
			succeed(t, first)
			return func() {
				for _, f := range all {
					f.Cancel()
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			cancel := test.start(t, peer)
			killed := make(chan *wiretest.Request, 1)
			peer.Handle("killCursors", func(r *wiretest.Request) { r.OK(); killed <- r })
			peer.Receive(test.command).Cursor("d.c", 7, bson.M{"_id": 9, "name": "i", "key": bson.M{}})
			held := peer.Receive("getMore")
			cancel()
			(<-killed).Want(bson.M{"cursors": []int64{7}})
			held.Nothing()
		})
	}
}
