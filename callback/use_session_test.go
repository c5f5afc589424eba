package callback_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestUseTransaction(t *testing.T) {
	peer, loop, wrapped := transactional(t) // the first insert fails
	client := wrapped.Futures()
	coll := client.Database("d").Collection("c")
	var sessions []*motor.Session
	transact := func(fn func(co *callback.Co, s *motor.Session) error) func(co *callback.Co) error {
		return func(co *callback.Co) error {
			return callback.UseSession(co, client, func(co *callback.Co, s *motor.Session) error {
				sessions = append(sessions, s)
				return callback.UseTransaction(co, s, func(co *callback.Co) error { return fn(co, s) })
			})
		}
	}
	inserts := func(co *callback.Co, _ *motor.Session) error {
		callback.Must(co, coll.InsertOne(co, bson.M{}))
		return nil
	}
	for _, test := range []struct {
		name string
		fn   func(co *callback.Co, s *motor.Session) error
		want error
		sent map[string]int // so far
	}{
		{"unwinds", inserts, motor.OperationFailure, map[string]int{"insert": 1, "abortTransaction": 1, "commitTransaction": 0}},
		{"succeeds", inserts, nil, map[string]int{"insert": 2, "abortTransaction": 1, "commitTransaction": 1}},
		{"fails", func(co *callback.Co, s *motor.Session) error {
			_ = inserts(co, s)
			return errOdd
		}, errOdd, map[string]int{"insert": 3, "abortTransaction": 2, "commitTransaction": 1}},
		{"commits itself", func(co *callback.Co, s *motor.Session) error {
			_ = inserts(co, s)
			callback.Must(co, s.CommitTransaction(co))
			return nil
		}, nil, map[string]int{"insert": 4, "abortTransaction": 2, "commitTransaction": 2}},
		{"is in a transaction already", func(co *callback.Co, s *motor.Session) error {
			_ = inserts(co, s)
			return callback.UseTransaction(co, s, func(*callback.Co) error { return nil })
		}, motor.InvalidOperation, map[string]int{"insert": 5, "abortTransaction": 3, "commitTransaction": 2}},
	} {
		_, err := callback.RunSyncContext(t.Context(), loop, callback.Proc(transact(test.fn)))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error = %v, want %v", test.name, err, test.want)
		}
		sent(t, peer, test.sent)
	}

	// A coroutine that is cancelled aborts its transaction before its task settles.
	run(t, loop, func(co *callback.Co) error {
		inside := callback.NewEvent(loop)
		task := callback.CreateTask(co, callback.Proc(transact(func(co *callback.Co, s *motor.Session) error {
			_ = inserts(co, s)
			inside.Set()
			return co.Sleep(time.Hour)
		})))
		callback.Must(co, inside.Wait())
		task.Cancel()
		_, err := task.Await(co)
		wantError(t, err, future.ErrCancelled)
		sent(t, peer, map[string]int{"insert": 6, "abortTransaction": 4, "commitTransaction": 2})
		return nil
	})
	equal(t, len(sessions), 6)
	for i, s := range sessions {
		if !s.HasEnded() {
			t.Errorf("session %d has not ended", i)
		}
	}
	for _, insert := range peer.Seen("insert") {
		if insert.Lookup("startTransaction").String() != "true" {
			t.Errorf("insert has no startTransaction, want true: %s", insert)
		}
	}
}

// cursor.All with the context of a session compiles. It must not block the loop.
func TestCursorInSessionOfCoroutine(t *testing.T) {
	peer, loop, wrapped := transactional(t)
	peer.Handle("find", func(r *wiretest.Request) {
		r.OK(bson.M{"cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{}}})
	})
	client := wrapped.Futures()
	_, err := callback.RunSyncContext(t.Context(), loop, callback.Proc(func(co *callback.Co) error {
		return callback.UseSession(co, client, func(co *callback.Co, s *motor.Session) error {
			for range client.Database("d").Collection("c").Find(bson.D{}).All(s.Context(co)) {
				break
			}
			return nil
		})
	}))
	p, ok := errors.AsType[*future.PanicError](err)
	if !ok {
		t.Fatalf("error = %v, want a PanicError", err)
	}
	text, _ := p.Value.(string)
	wantText(t, text, "use Co.With")
}
