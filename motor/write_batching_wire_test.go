package motor_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type updated = *future.Future[*motor.UpdateResult]

// startWriteBatching returns a collection with batching, on a server that has the command bulkWrite. Its first update,
// of {_id: 0}, waits for its reply.
func startWriteBatching(t *testing.T, opts ...motor.ClientOption) (peer *wiretest.Peer, c collection, first updated, held *wiretest.Request) {
	peer = wiretest.Start(t, wiretest.Primary, bson.M{"maxWireVersion": 25})
	c = newClient(t, peer.URI("retryWrites=false"), opts...).Database("d").Collection("c").WithBatching()
	succeed(t, c.Database().Command(t.Context(), "ping")) // the version of the server is known
	first = updateOf(t, c, 0)
	held = peer.Receive("update")
	t.Cleanup(func() { first.Await(context.Background()) }) // before the client closes
	return peer, c, first, held
}

// updateOf updates the document {_id: id}.
func updateOf(t *testing.T, c collection, id int) updated {
	return c.UpdateOne(t.Context(), bson.M{"_id": id}, bson.M{"$set": bson.M{"a": 1}})
}

// updatesOf updates the documents {_id: id} for each id.
func updatesOf(t *testing.T, c collection, ids ...int) (all []updated) {
	for _, id := range ids {
		all = append(all, updateOf(t, c, id))
	}
	return all
}

// filtersOf returns the ids in the filters of a command's writes.
func filtersOf(t *testing.T, command bson.Raw) (ids []int) {
	t.Helper()
	list, filter := "ops", "filter"
	if command.Lookup("bulkWrite").IsZero() {
		list, filter = "updates", "q"
	}
	ops, err := command.Lookup(list).Array().Values()
	noError(t, err)
	for _, op := range ops {
		ids = append(ids, int(op.Document().Lookup(filter, "_id").AsInt64()))
	}
	return ids
}

// matched is the reply to a bulkWrite whose n writes have each changed one document.
func matched(r *wiretest.Request, n int) {
	var results []any
	for i := range n {
		results = append(results, bson.M{"ok": 1, "idx": i, "n": 1, "nModified": 1})
	}
	r.Cursor("admin.$cmd.bulkWrite", 0, results...)
}

// succeedAlone answers updates that are sent one by one, and checks that they succeed.
func succeedAlone(t *testing.T, peer *wiretest.Peer, all []updated) {
	t.Helper()
	for range all {
		peer.Receive("update").OK(oneMatched)
	}
	for _, f := range all {
		succeed(t, f)
	}
}

var oneMatched = bson.M{"n": 1, "nModified": 1}

func TestBatchingGathersWrites(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	update := c.UpdateOne(t.Context(), bson.M{"_id": 1}, bson.M{"$set": bson.M{"l.$[x]": 1}},
		options.UpdateOne().SetArrayFilters([]any{bson.M{"x": 2}}).SetHint("i").SetSort(bson.D{{Key: "s", Value: 1}}))
	pipeline := c.UpdateOne(t.Context(), bson.M{"_id": 2}, []bson.M{{"$set": bson.M{"a": 1}}})
	replace := c.ReplaceOne(t.Context(), bson.M{"_id": 3}, bson.M{"b": 1}, options.Replace().SetUpsert(true))
	remove := c.DeleteOne(t.Context(), bson.M{"_id": 4}, options.DeleteOne().SetCollation(&options.Collation{Locale: "de"}))
	held.OK(oneMatched)
	if r := succeed(t, first); r.Matched() != 1 {
		t.Errorf("first update: got %+v, want 1 matched", r)
	}
	batch := peer.Receive("bulkWrite").Want(bson.M{
		"ordered": false, "errorsOnly": false, "nsInfo": []bson.M{{"ns": "d.c"}}, "writeConcern": wiretest.Absent,
		"ops": []bson.M{
			{
				"update": 0, "filter": bson.M{"_id": 1}, "updateMods": bson.M{"$set": bson.M{"l.$[x]": 1}}, "multi": false,
				"arrayFilters": []bson.M{{"x": 2}}, "hint": "i", "sort": bson.M{"s": 1},
			},
			{"update": 0, "filter": bson.M{"_id": 2}, "updateMods": []bson.M{{"$set": bson.M{"a": 1}}}, "multi": false},
			{"update": 0, "filter": bson.M{"_id": 3}, "updateMods": bson.M{"b": 1}, "multi": false, "upsert": true},
			{"delete": 0, "filter": bson.M{"_id": 4}, "multi": false, "collation": bson.M{"locale": "de"}},
		},
	})
	batch.Cursor("admin.$cmd.bulkWrite", 0,
		bson.M{"ok": 1, "idx": 3, "n": 1},
		bson.M{"ok": 1, "idx": 0, "n": 1, "nModified": 0},
		bson.M{"ok": 1, "idx": 1, "n": 0, "nModified": 0},
		bson.M{"ok": 1, "idx": 2, "n": 1, "nModified": 0, "upserted": bson.M{"_id": 3}},
	)
	if r := succeed(t, update); r.Matched() != 1 || r.Modified() != 0 || r.Upserted() != 0 || !r.Acknowledged {
		t.Errorf("update: got %+v, want 1 matched, 0 modified", r)
	}
	if r := succeed(t, pipeline); r.Matched() != 0 || r.Upserted() != 0 {
		t.Errorf("update by a pipeline: got %+v, want 0 matched", r)
	}
	r := succeed(t, replace)
	if id, err := r.UpsertedID(); r.Matched() != 0 || r.Modified() != 0 || r.Upserted() != 1 || id != int32(3) || err != nil {
		t.Errorf("replacement: got %+v, want the upserted _id 3 and 0 matched", r)
	}
	if r := succeed(t, remove); r.Deleted() != 1 || !r.Acknowledged {
		t.Errorf("deletion: got %+v, want 1 deleted", r)
	}
}

func TestBatchingErrorPerWrite(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	all := updatesOf(t, c, 1, 2)
	bad := c.DeleteOne(t.Context(), bson.M{"_id": 3})
	held.OK(oneMatched)
	succeed(t, first)
	late := bson.M{"code": 64, "errmsg": "waiting for replication timed out"}
	peer.Receive("bulkWrite").OK(bson.M{"nErrors": 2, "writeConcernError": late, "cursor": bson.M{
		"id": int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": []bson.M{
			{"ok": 0, "idx": 0, "n": 0, "code": 11000, "errmsg": "E11000 duplicate key", "keyValue": bson.M{"a": 1}},
			{"ok": 1, "idx": 1, "n": 1, "nModified": 1},
			{"ok": 0, "idx": 2, "n": 0, "code": 121, "errmsg": "no"},
		},
	}})
	r, err := all[0].Await(t.Context())
	var failed mongo.WriteException
	if r != nil || !errors.Is(err, motor.DuplicateKeyError) || !errors.As(err, &failed) {
		t.Fatalf("duplicate: got %+v, %v, want nil, DuplicateKeyError", r, err)
	}
	if len(failed.WriteErrors) != 1 || failed.WriteErrors[0].Index != 0 || failed.WriteErrors[0].Code != 11000 {
		t.Errorf("duplicate: got write errors %+v, want one with index 0 and code 11000", failed)
	}
	if r, err := all[1].Await(t.Context()); r == nil || r.Modified() != 1 || !errors.Is(err, motor.WTimeoutError) {
		t.Errorf("update: got %+v, %v, want its result beside WTimeoutError", r, err)
	}
	var own *motor.Error
	if r, err := bad.Await(t.Context()); r != nil || !errors.As(err, &own) || own.Class() != motor.WriteError || own.Code() != 121 {
		t.Errorf("deletion: got %+v, %v, want nil, WriteError with code 121", r, err)
	}
}

// Before MongoDB 8.0 there is no command that has the result of each write.
func TestBatchingWritesOfOldServers(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary, bson.M{"maxWireVersion": 24})
	c := newClient(t, peer.URI()).Database("d").Collection("c").WithBatching()
	succeed(t, c.Database().Command(t.Context(), "ping"))
	all := updatesOf(t, c, 1, 2, 3)
	succeedAlone(t, peer, all)
}

func TestBatchingSeparateWrites(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	s := sessionOf(t, c.Database().Client())
	filter, change := bson.M{"_id": 1}, bson.M{"$set": bson.M{"a": 1}}
	for _, test := range []struct {
		name, command string
		start         func() interface{ IsDone() bool }
	}{
		{"session", "update", func() interface{ IsDone() bool } { return c.UpdateOne(s.Context(t.Context()), filter, change) }},
		{"comment", "update", func() interface{ IsDone() bool } {
			return c.UpdateOne(t.Context(), filter, change, options.UpdateOne().SetComment("c"))
		}},
		{"variables", "delete", func() interface{ IsDone() bool } {
			return c.DeleteOne(t.Context(), filter, options.DeleteOne().SetLet(bson.M{"v": 1}))
		}},
		{"validation", "update", func() interface{ IsDone() bool } {
			return c.ReplaceOne(t.Context(), filter, bson.M{}, options.Replace().SetBypassDocumentValidation(true))
		}},
		{"upsert of null", "update", func() interface{ IsDone() bool } {
			return c.UpdateOne(t.Context(), bson.M{"_id": nil}, change, options.UpdateOne().SetUpsert(true))
		}},
		{"many", "update", func() interface{ IsDone() bool } { return c.UpdateMany(t.Context(), filter, change) }},
		{"delete many", "delete", func() interface{ IsDone() bool } { return c.DeleteMany(t.Context(), filter) }},
		{"legacy", "update", func() interface{ IsDone() bool } { return c.Update(t.Context(), filter, change) }},
	} {
		f := test.start()
		peer.Receive(test.command).OK(oneMatched)
		eventually(t, f.IsDone)
	}
	noError(t, c.SetWriteConcern(bson.M{"w": 0}))
	unacknowledged := updateOf(t, c, 1)
	peer.Receive("update").Want(bson.M{"writeConcern": bson.M{"w": 0}}).Nothing()
	succeed(t, unacknowledged)
	noError(t, c.SetWriteConcern(bson.M{"w": 1, "wtimeout": 50}))
	timed := updateOf(t, c, 1)
	peer.Receive("update").OK(oneMatched)
	succeed(t, timed)

	noError(t, c.SetWriteConcern(bson.M{"w": 2}))
	all := updatesOf(t, c, 1, 2)
	held.OK(oneMatched)
	succeed(t, first)
	matched(peer.Receive("bulkWrite").Want(bson.M{"writeConcern": bson.M{"w": 2}}), 2)
	for _, f := range all {
		succeed(t, f)
	}
}

func TestBatchingBadWrites(t *testing.T) {
	_, c, first, held := startWriteBatching(t)
	for _, test := range []struct {
		filter, update any
		want           error
	}{{nil, bson.M{"$set": bson.M{}}, motor.TypeError}, {bson.M{}, bson.M{"a": 1}, motor.ValueError}, {bson.M{}, nil, motor.TypeError}} {
		if _, err := c.UpdateOne(t.Context(), test.filter, test.update).Await(t.Context()); !errors.Is(err, test.want) {
			t.Errorf("UpdateOne(%v, %v) = %v, want %v", test.filter, test.update, err, test.want)
		}
	}
	held.OK(oneMatched)
	succeed(t, first)
}

// The server refuses every command that has write culprit.
func TestBatchingRefusedWrites(t *testing.T) {
	for _, test := range []struct {
		name    string
		refuse  func(*wiretest.Request)
		want    *motor.ErrorClass
		oneOnly bool // only the culprit fails
	}{
		{"refused", func(r *wiretest.Request) { r.Fail(2, "BadValue", "bad") }, motor.OperationFailure, true},
		{"possibly executed", func(r *wiretest.Request) { r.Fail(11601, "Interrupted", "killed") }, motor.OperationFailure, false},
		{"not the primary", func(r *wiretest.Request) { r.Fail(10107, "NotWritablePrimary", "no") }, motor.NotPrimaryError, false},
		{"connection lost", func(r *wiretest.Request) { r.HangUp() }, motor.AutoReconnect, false},
		{"malformed reply", func(r *wiretest.Request) { r.OK(bson.M{"cursor": 7}) }, motor.ProtocolError, false},
		{"no reply", func(r *wiretest.Request) { r.OK() }, motor.ProtocolError, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, c, first, held := startWriteBatching(t)
			const n, culprit = 10, 7
			ids := make([]int, n)
			for i := range ids {
				ids[i] = i + 1
			}
			all := updatesOf(t, c, ids...)
			server := refusing{culprit: culprit, refuse: test.refuse}
			answer := func(r *wiretest.Request) {
				server.answer(r, filtersOf(t, r.Command), func(n int) {
					if r.Name == "update" {
						r.OK(oneMatched)
					} else {
						matched(r, n)
					}
				})
			}
			peer.Handle("bulkWrite", answer)
			peer.Handle("update", answer)
			held.OK(oneMatched)
			succeed(t, first)
			checkRefused(t, &server, ids, all, test.oneOnly, test.want)
		})
	}
}

// A proxy may hide that it lacks the command. The writes of the first batch, and all later ones, are sent alone.
func TestBatchingWithoutBulkWrite(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	all := updatesOf(t, c, 1, 2, 3, 4)
	held.OK(oneMatched)
	succeed(t, first)
	peer.Receive("bulkWrite").Fail(59, "CommandNotFound", "no such command")
	succeedAlone(t, peer, all)
	all = updatesOf(t, c, 1, 2)
	succeedAlone(t, peer, all)
}

// Writes that are sent alone, because the server lacks the command, end independently. An operationTime of the wrong type
// makes the driver panic.
func TestBatchingWithoutBulkWriteOutcomes(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	all := updatesOf(t, c, 1, 2, 3, 4)
	held.OK(oneMatched)
	succeed(t, first)
	peer.Receive("bulkWrite").Fail(59, "CommandNotFound", "no such command")
	peer.Receive("update").OK(oneMatched)
	second := peer.Receive("update")
	all[2].Cancel()
	second.OK(bson.M{"operationTime": 1})
	fourth := peer.Receive("update")
	if ids := filtersOf(t, fourth.Command); !slices.Equal(ids, []int{4}) {
		t.Errorf("after the cancelled write 3: got an update of %v, want [4]", ids)
	}
	fourth.OK(oneMatched)
	succeed(t, all[0])
	var p *future.PanicError
	if r, err := all[1].Await(t.Context()); r != nil || !errors.Is(err, motor.ProtocolError) || !errors.As(err, &p) {
		t.Errorf("write 2: got %v, %v, want nil, a ProtocolError around the panic", r, err)
	}
	succeed(t, all[3])
}

// A write without a result may have been executed, and is not sent again.
func TestBatchingWriteWithoutResult(t *testing.T) {
	peer, c, first, held := startWriteBatching(t)
	all := updatesOf(t, c, 1, 2)
	held.OK(oneMatched)
	succeed(t, first)
	held = peer.Receive("bulkWrite")
	rest := updatesOf(t, c, 3, 4)
	held.Cursor("admin.$cmd.bulkWrite", 0, bson.M{"ok": 1, "idx": 1, "n": 1, "nModified": 1})
	succeed(t, all[1])
	if r, err := all[0].Await(t.Context()); r != nil || !errors.Is(err, motor.ProtocolError) {
		t.Errorf("write that the reply leaves out: got %v, %v, want nil, ProtocolError", r, err)
	}
	peer.Receive("bulkWrite").Cursor("admin.$cmd.bulkWrite", 7, bson.M{"ok": 1, "idx": 0, "n": 1, "nModified": 1})
	peer.Receive("getMore").Fail(43, "CursorNotFound", "gone")
	succeed(t, rest[0])
	if r, err := rest[1].Await(t.Context()); r != nil || !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("write whose result is lost: got %v, %v, want nil, AutoReconnect", r, err)
	}
}

func TestBatchingCancelledWrites(t *testing.T) {
	peer, c, first, held := startWriteBatching(t, motor.WithMaxQueue(2))
	all := updatesOf(t, c, 1, 2)
	if _, err := updateOf(t, c, 9).Await(t.Context()); !errors.Is(err, future.ErrQueueFull) {
		t.Errorf("third write in the queue: got %v, want ErrQueueFull", err)
	}
	all[0].Cancel()
	third := updateOf(t, c, 3) // the place is free at once
	held.OK(oneMatched)
	succeed(t, first)
	batch := peer.Receive("bulkWrite")
	if ids := filtersOf(t, batch.Command); !slices.Equal(ids, []int{2, 3}) {
		t.Errorf("got batch %v, want [2 3]", ids)
	}
	all[1].Cancel()
	third.Cancel()
	next := updateOf(t, c, 4)
	batch.Nothing() // no write waits for it
	peer.Receive("update").OK(oneMatched)
	succeed(t, next)
}

// Writes that do not fit into one command.
func TestBatchingSplitWrites(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary, bson.M{"maxWireVersion": 25, "maxWriteBatchSize": 3, "maxMessageSizeBytes": 64 << 10})
	c := newClient(t, peer.URI()).Database("d").Collection("c").WithBatching()
	succeed(t, c.Database().Command(t.Context(), "ping"))
	first := updateOf(t, c, 0)
	held := peer.Receive("update")
	all := updatesOf(t, c, 1, 2, 3, 4)
	large := bson.M{"$set": bson.M{"text": string(make([]byte, 40<<10))}}
	all = append(all, c.UpdateOne(t.Context(), bson.M{"_id": 5}, large), c.UpdateOne(t.Context(), bson.M{"_id": 6}, large))
	held.OK(oneMatched)
	succeed(t, first)
	for _, want := range [][]int{{1, 2, 3}, {4, 5}} {
		r := peer.Receive("bulkWrite")
		if ids := filtersOf(t, r.Command); !slices.Equal(ids, want) {
			t.Errorf("got batch %v, want %v", ids, want)
		}
		matched(r, len(want))
	}
	peer.Receive("update").OK(oneMatched)
	for _, f := range all {
		succeed(t, f)
	}
}

func TestBatchingWritesClientClose(t *testing.T) {
	peer, c, first, held := startWriteBatching(t, motor.WithMaxWorkers(1))
	client := c.Database().Client()
	all := updatesOf(t, c, 1, 2)
	closed := make(chan error, 1)
	go func() { closed <- client.Close(context.Background()) }()
	eventually(t, func() bool { return !client.Connected() })
	held.OK(oneMatched)
	succeed(t, first)
	batch := peer.Receive("bulkWrite")
	select {
	case <-closed:
		t.Error("Close returned before the gathered writes")
	default:
	}
	matched(batch, 2)
	for _, f := range all {
		succeed(t, f)
	}
	noError(t, <-closed)
}
