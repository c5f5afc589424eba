package motor_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The server refuses every command that has document culprit.
func TestBatchingRefusedCommand(t *testing.T) {
	for _, test := range []struct {
		name    string
		n       int
		refuse  func(*wiretest.Request)
		want    *motor.ErrorClass
		oneOnly bool // only the insert of the culprit fails
	}{
		{"six", 6, func(r *wiretest.Request) { r.Fail(15, "Overflow", "nested too deep") }, motor.OperationFailure, true},
		{"two", 2, func(r *wiretest.Request) { r.Fail(15, "Overflow", "nested too deep") }, motor.OperationFailure, true},
		{"hundred", 100, func(r *wiretest.Request) { r.Fail(2, "BadValue", "bad") }, motor.OperationFailure, true},
		{"possibly executed", 6, func(r *wiretest.Request) { r.Fail(11601, "Interrupted", "killed") }, motor.OperationFailure, false},
		{"not the primary", 6, func(r *wiretest.Request) { r.Fail(10107, "NotWritablePrimary", "no") }, motor.NotPrimaryError, false},
		{"connection lost", 6, func(r *wiretest.Request) { r.HangUp() }, motor.AutoReconnect, false},
		{"malformed reply", 6, func(r *wiretest.Request) { r.OK(bson.M{"n": "x"}) }, motor.ProtocolError, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, c, first, held := startBatching(t)
			ids := make([]int, test.n)
			for i := range ids {
				ids[i] = i + 1
			}
			culprit := test.n / 2
			all := insertAll(t, c, ids...)
			server := refusing{culprit: culprit, refuse: test.refuse}
			peer.Handle("insert", func(r *wiretest.Request) {
				server.answer(r, idsOf(t, r.Command), func(n int) { r.OK(bson.M{"n": n}) })
			})
			held.OK(bson.M{"n": 1})
			succeed(t, first)
			checkRefused(t, &server, ids, all, test.oneOnly, test.want)
		})
	}
}

// refusing is a server that refuses every command that has write culprit. It counts how often each write is sent and
// executed.
type refusing struct {
	culprit int
	refuse  func(*wiretest.Request)

	mu         sync.Mutex
	sent, done map[int]int
}

// answer answers a command with these writes. accept sends the reply for n executed writes.
func (s *refusing) answer(r *wiretest.Request, ids []int, accept func(n int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent == nil {
		s.sent, s.done = make(map[int]int), make(map[int]int)
	}
	for _, id := range ids {
		s.sent[id]++
	}
	if slices.Contains(ids, s.culprit) {
		s.refuse(r)
		return
	}
	for _, id := range ids {
		s.done[id]++
	}
	accept(len(ids))
}

// checkRefused checks the outcomes of writes on a refusing server: only the culprit fails, or all of them. No write is
// executed twice, or sent again if it may have been executed.
func checkRefused[R any](t *testing.T, s *refusing, ids []int, all []*future.Future[*R], oneOnly bool, want *motor.ErrorClass) {
	t.Helper()
	for i, f := range all {
		r, err := f.Await(t.Context())
		if bad := ids[i] == s.culprit || !oneOnly; bad != (err != nil) || bad != (r == nil) || bad && !errors.Is(err, want) {
			t.Errorf("write %d: got %v, %v, want failed %t with %s", ids[i], r, err, bad, want.Name())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if want := oneOnly && id != s.culprit; (s.done[id] == 1) != want || s.done[id] > 1 {
			t.Errorf("write %d: got executed %d times, want executed %t", id, s.done[id], want)
		}
		if s.sent[id] > 3 || !oneOnly && s.sent[id] > 1 {
			t.Errorf("write %d: got sent %d times, want at most 3, or 1 if it may have been executed", id, s.sent[id])
		}
	}
}

// A batch that needs several commands: the failure of one does not change the outcome of the others.
func TestBatchingSplitBatch(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	limited := func(r *wiretest.Request) { r.OK(peer.Hello(), bson.M{"maxWriteBatchSize": 2}) }
	peer.Handle("hello", limited)
	peer.Handle("isMaster", limited)
	c := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c").WithBatching()
	first := c.InsertOne(t.Context(), bson.M{"_id": 0})
	held := peer.Receive("insert")
	all := insertAll(t, c, 1, 2, 3, 4, 5)
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	one, two := peer.Receive("insert"), (*wiretest.Request)(nil)
	if ids := idsOf(t, one.Command); !slices.Equal(ids, []int{1, 2}) {
		t.Errorf("got first command %v, want [1 2]", ids)
	}
	one.OK(bson.M{"n": 2})
	two = peer.Receive("insert")
	two.HangUp()
	peer.Receive("insert").OK(bson.M{"n": 1})
	for i, f := range all {
		r, err := f.Await(t.Context())
		if lost := i == 2 || i == 3; lost != errors.Is(err, motor.AutoReconnect) || lost != (r == nil) {
			t.Errorf("insert %d: got %v, %v, want lost %t", i+1, r, err, lost)
		}
	}
}

func TestBatchingCancelledInQueue(t *testing.T) {
	peer, c, first, held := startBatching(t, motor.WithMaxQueue(2))
	all := insertAll(t, c, 1, 2)
	if _, err := c.InsertOne(t.Context(), bson.M{"_id": 9}).Await(t.Context()); !errors.Is(err, future.ErrQueueFull) {
		t.Errorf("third insert in the queue: got %v, want ErrQueueFull", err)
	}
	all[0].Cancel()
	third := c.InsertOne(t.Context(), bson.M{"_id": 3}) // the place is free at once
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	batch := peer.Receive("insert")
	if ids := idsOf(t, batch.Command); !slices.Equal(ids, []int{2, 3}) {
		t.Errorf("got batch %v, want [2 3]", ids)
	}
	batch.OK(bson.M{"n": 2})
	succeed(t, all[1])
	succeed(t, third)
}

// When no insert waits for a batch any longer, its command ends, and the next batch is sent.
func TestBatchingServerHangs(t *testing.T) {
	peer, c, first, held := startBatching(t)
	ctx, cancel := context.WithCancel(t.Context())
	one, two := c.InsertOne(ctx, bson.M{"_id": 1}), c.InsertOne(t.Context(), bson.M{"_id": 2})
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	hanging := peer.Receive("insert")
	three := c.InsertOne(t.Context(), bson.M{"_id": 3})
	cancel()
	if _, err := one.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if three.IsDone() || two.IsDone() {
		t.Error("an insert that was not cancelled has settled")
	}
	two.Cancel()
	batch := peer.Receive("insert") // without a reply to the one before
	if ids := idsOf(t, batch.Command); !slices.Equal(ids, []int{3}) {
		t.Errorf("got batch %v, want [3]", ids)
	}
	hanging.Nothing()
	batch.OK(bson.M{"n": 1})
	succeed(t, three)
}

// An insert whose context has ended before the call is not sent, and the batch goes on without it.
func TestBatchingEndedContext(t *testing.T) {
	peer, c, first, held := startBatching(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	never := c.InsertOne(ended, bson.M{"_id": 1})
	second := c.InsertOne(t.Context(), bson.M{"_id": 2})
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	batch := peer.Receive("insert")
	if ids := idsOf(t, batch.Command); !slices.Equal(ids, []int{2}) {
		t.Errorf("got batch %v, want [2]", ids)
	}
	batch.OK(bson.M{"n": 1})
	succeed(t, second)
	if _, err := never.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
