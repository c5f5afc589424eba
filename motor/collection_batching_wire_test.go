package motor_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type inserted = *future.Future[*motor.InsertOneResult]

// startBatching returns a collection with batching whose first insert, {_id: 0}, waits for its reply.
func startBatching(t *testing.T, opts ...motor.ClientOption) (peer *wiretest.Peer, c collection, first inserted, held *wiretest.Request) {
	peer = wiretest.Start(t, wiretest.Primary)
	c = newClient(t, peer.URI("retryWrites=false"), opts...).Database("d").Collection("c").WithBatching()
	first = c.InsertOne(t.Context(), bson.M{"_id": 0})
	held = peer.Receive("insert").Want(bson.M{"documents": []bson.M{{"_id": 0}}, "ordered": true})
	t.Cleanup(func() { first.Await(context.Background()) }) // before the client closes
	return peer, c, first, held
}

// insertAll inserts {_id: id} for each id.
func insertAll(t *testing.T, c collection, numbers ...int) (all []inserted) {
	for _, n := range numbers {
		all = append(all, c.InsertOne(t.Context(), bson.M{"_id": n}))
	}
	return all
}

// idsOf returns the ids of the documents in an insert command.
func idsOf(t *testing.T, command bson.Raw) (ids []int) {
	t.Helper()
	docs, err := command.Lookup("documents").Array().Values()
	noError(t, err)
	for _, doc := range docs {
		ids = append(ids, int(doc.Document().Lookup("_id").AsInt64()))
	}
	return ids
}

func TestBatchingGathersInserts(t *testing.T) {
	peer, c, first, held := startBatching(t)
	all := insertAll(t, c, 1, 2, 3)
	if n := len(peer.Seen("insert")); n != 1 {
		t.Errorf("got %d insert commands, want 1", n)
	}
	held.OK(bson.M{"n": 1})
	if r := succeed(t, first); r.InsertedID != int32(0) || !r.Acknowledged {
		t.Errorf("first insert: got %+v, want InsertedID 0", r)
	}
	batch := peer.Receive("insert").Want(bson.M{"insert": "c", "ordered": false})
	if ids := idsOf(t, batch.Command); !slices.Equal(ids, []int{1, 2, 3}) {
		t.Errorf("got batch %v, want %v", ids, []int{1, 2, 3})
	}
	late := c.InsertOne(t.Context(), bson.M{"a": 1})
	batch.OK(bson.M{"n": 3})
	for i, f := range all {
		if r := succeed(t, f); r.InsertedID != int32(i+1) || !r.Acknowledged {
			t.Errorf("insert %d: got %+v, want its own InsertedID", i+1, r)
		}
	}
	last := peer.Receive("insert")
	id := last.Command.Lookup("documents", "0", "_id").ObjectID()
	last.OK(bson.M{"n": 1})
	if r := succeed(t, late); r.InsertedID != id {
		t.Errorf("InsertedID = %v, want the sent _id %v", r.InsertedID, id)
	}
}

func TestBatchingResultPerInsert(t *testing.T) {
	peer, c, first, held := startBatching(t)
	all := insertAll(t, c, 1, 2, 3)
	duplicate := bson.M{"index": 0, "code": 11000, "errmsg": "E11000 duplicate key", "keyValue": bson.M{"_id": 2}}
	late := bson.M{"code": 64, "errmsg": "waiting for replication timed out"}
	held.OK(bson.M{"n": 0, "writeErrors": []bson.M{duplicate}, "writeConcernError": late})
	if r, err := first.Await(t.Context()); r != nil || !errors.Is(err, motor.DuplicateKeyError) {
		t.Errorf("first insert: got %+v, %v, want nil, DuplicateKeyError", r, err)
	}
	duplicate["index"] = 1
	peer.Receive("insert").OK(bson.M{"n": 2, "writeErrors": []bson.M{duplicate}})
	succeed(t, all[0])
	succeed(t, all[2])
	r, err := all[1].Await(t.Context())
	var failed mongo.WriteException
	if r != nil || !errors.Is(err, motor.DuplicateKeyError) || !errors.As(err, &failed) {
		t.Fatalf("duplicate insert: got %+v, %v, want nil, DuplicateKeyError", r, err)
	}
	if len(failed.WriteErrors) != 1 || failed.WriteErrors[0].Index != 0 || failed.WriteErrors[0].Code != 11000 {
		t.Errorf("duplicate insert: got write errors %+v, want one with index 0 and code 11000", failed)
	}
}

func TestBatchingWriteConcernError(t *testing.T) {
	peer, c, first, held := startBatching(t)
	all := insertAll(t, c, 1, 2)
	late := bson.M{"n": 1, "writeConcernError": bson.M{"code": 64, "errmsg": "waiting for replication timed out"}}
	held.OK(late)
	peer.Receive("insert").OK(late)
	for i, f := range append([]inserted{first}, all...) {
		if r, err := f.Await(t.Context()); r == nil || r.InsertedID != int32(i) || !errors.Is(err, motor.WTimeoutError) {
			t.Errorf("insert %d: got %+v, %v, want %v, WTimeoutError", i, r, err, int32(i))
		}
	}
}

func TestBatchingCommandError(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*wiretest.Request)
		want   error
	}{
		{"refused", func(r *wiretest.Request) { r.Fail(13, "Unauthorized", "not allowed") }, motor.OperationFailure},
		{"lost", func(r *wiretest.Request) { r.HangUp() }, motor.AutoReconnect},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer, coll, first, held := startBatching(t)
			all := insertAll(t, coll, 1, 2)
			c.answer(held)
			if r, err := first.Await(t.Context()); r != nil || !errors.Is(err, c.want) {
				t.Errorf("first insert: got %+v, %v, want nil, %v", r, err, c.want)
			}
			c.answer(peer.Receive("insert"))
			for _, f := range all {
				if r, err := f.Await(t.Context()); r != nil || !errors.Is(err, c.want) {
					t.Errorf("got %+v, %v, want nil, %v", r, err, c.want)
				}
			}
		})
	}
}

func TestBatchingCancelledInsert(t *testing.T) {
	peer, c, first, held := startBatching(t)
	ctx, cancel := context.WithCancel(t.Context())
	over := c.InsertOne(ctx, bson.M{"_id": 9})
	all := insertAll(t, c, 1, 2, 3)
	all[0].Cancel()
	cancel()
	if _, err := over.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("InsertOne() with an ended context = %v, want context.Canceled", err)
	}
	first.Cancel() // Its command has been sent. The next batch need not wait for the reply.
	batch := peer.Receive("insert")
	if ids := idsOf(t, batch.Command); !slices.Equal(ids, []int{2, 3}) {
		t.Errorf("got batch %v, want %v", ids, []int{2, 3})
	}
	all[1].Cancel()
	batch.OK(bson.M{"n": 2})
	succeed(t, all[2])
	held.Nothing()
}

func TestBatchingSeparateInserts(t *testing.T) {
	peer, c, first, held := startBatching(t)
	s := sessionOf(t, c.Database().Client())
	alone := func(f inserted) {
		t.Helper()
		r := peer.Receive("insert")
		if ids := idsOf(t, r.Command); len(ids) != 1 {
			t.Errorf("got batch %v, want one document", ids)
		}
		r.OK(bson.M{"n": 1})
		f.Await(t.Context())
	}
	alone(c.InsertOne(s.Context(t.Context()), bson.M{"_id": 1}))
	alone(c.InsertOne(t.Context(), bson.M{"_id": 2}, options.InsertOne().SetComment("c")))
	alone(c.WithOptions().InsertOne(t.Context(), bson.M{"_id": 3}))
	alone(c.WithOptions(options.Collection().SetWriteConcern(writeconcern.W1())).WithBatching().InsertOne(t.Context(), bson.M{"_id": 4}))
	noError(t, c.SetWriteConcern(bson.M{"w": 0}))
	unacknowledged := c.InsertOne(t.Context(), bson.M{"_id": 5})
	peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": 0}}).Nothing()
	unacknowledged.Await(t.Context())

	noError(t, c.SetWriteConcern(bson.M{"w": 1, "wtimeout": 50}))
	alone(c.InsertOne(t.Context(), bson.M{"_id": 10}))

	noError(t, c.SetWriteConcern(bson.M{"w": 1}))
	one := insertAll(t, c, 6, 7)
	noError(t, c.SetWriteConcern(bson.M{"w": 2}))
	two := insertAll(t, c, 8)
	one = append(one, c.InsertOne(t.Context(), bson.M{"_id": 9}))
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	for w, want := range [][]int{{6, 7}, {8, 9}} {
		r := peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": w + 1}})
		if ids := idsOf(t, r.Command); !slices.Equal(ids, want) {
			t.Errorf("with w: %d: got batch %v, want %v", w+1, ids, want)
		}
		r.OK(bson.M{"n": len(want)})
	}
	for _, f := range append(one, two...) {
		succeed(t, f)
	}
}

func TestBatchingBadDocuments(t *testing.T) {
	_, c, first, held := startBatching(t)
	for _, test := range []struct {
		doc  any
		want error
	}{{nil, motor.TypeError}, {7, motor.TypeError}, {&struct{ A chan int }{}, motor.InvalidDocument}} {
		if _, err := c.InsertOne(t.Context(), test.doc).Await(t.Context()); !errors.Is(err, test.want) {
			t.Errorf("InsertOne(%v) = %v, want %v", test.doc, err, test.want)
		}
	}
	var none context.Context
	if _, err := c.InsertOne(none, bson.M{}).Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("InsertOne() without a context = %v, want TypeError", err)
	}
	bad := c.Database().Collection("$bad").WithBatching()
	if _, err := bad.InsertOne(t.Context(), bson.M{}).Await(t.Context()); !errors.Is(err, motor.InvalidName) {
		t.Errorf("InsertOne() into a collection with a bad name = %v, want InvalidName", err)
	}
	held.OK(bson.M{"n": 1})
	succeed(t, first)
}

func TestBatchingLimit(t *testing.T) {
	peer, c, first, held := startBatching(t, motor.WithMaxQueue(2))
	all := insertAll(t, c, 1, 2, 3)
	if _, err := all[2].Await(t.Context()); !errors.Is(err, future.ErrQueueFull) {
		t.Errorf("insert beyond the limit: got %v, want future.ErrQueueFull", err)
	}
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	peer.Receive("insert").OK(bson.M{"n": 2})
	succeed(t, all[0])
	succeed(t, all[1])
}

func TestBatchingClientClose(t *testing.T) {
	peer, c, first, held := startBatching(t, motor.WithMaxWorkers(1))
	client := c.Database().Client()
	all := insertAll(t, c, 1, 2)
	closed := make(chan error, 1)
	go func() { closed <- client.Close(context.Background()) }()
	eventually(t, func() bool { return !client.Connected() })
	next := c.InsertOne(t.Context(), bson.M{"_id": 3}) // reopens the client
	peer.Receive("insert").Want(bson.M{"documents": []bson.M{{"_id": 3}}}).OK(bson.M{"n": 1})
	succeed(t, next)
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	batch := peer.Receive("insert").Want(bson.M{"ordered": false})
	select {
	case <-closed:
		t.Error("Close returned before the gathered inserts")
	default:
	}
	batch.OK(bson.M{"n": 2})
	for _, f := range all {
		succeed(t, f)
	}
	noError(t, <-closed)
}

// An operationTime of the wrong type makes the driver panic.
func TestBatchingDriverPanic(t *testing.T) {
	peer, c, first, held := startBatching(t)
	all := insertAll(t, c, 1, 2)
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	peer.Receive("insert").OK(bson.M{"n": 2, "operationTime": "x"})
	for i, f := range all {
		r, err := f.Await(t.Context())
		var p *future.PanicError
		if r != nil || !errors.Is(err, motor.ProtocolError) || !errors.As(err, &p) {
			t.Errorf("insert %d: got %+v, %v; want a ProtocolError around the panic", i+1, r, err)
		}
	}
	last := c.InsertOne(t.Context(), bson.M{"_id": 3})
	peer.Receive("insert").OK(bson.M{"n": 1})
	succeed(t, last)
}
