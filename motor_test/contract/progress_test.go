package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// TestProgressOnLoop follows operations whose client has a loop. The function runs on that loop, before the callbacks of
// the operation and before its coroutine goes on. So all of them use calls without a lock.
func TestProgressOnLoop(t *testing.T) {
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	coll := newCollection(t, motor.WithIOLoop(loop))
	const n = 3500
	check := func(t *testing.T, calls []motor.Progress, unit string) {
		t.Helper()
		want := motor.Progress{Done: n, Total: n, Unit: unit}
		if len(calls) == 0 || calls[len(calls)-1] != want {
			t.Errorf("got the calls %+v, want the last to be %+v", calls, want)
		}
	}
	follow := func(ctx context.Context, calls *[]motor.Progress) context.Context {
		return motor.WithProgress(ctx, func(p motor.Progress) { *calls = append(*calls, p) })
	}
	t.Run("callbacks", func(t *testing.T) {
		var calls []motor.Progress
		loop.AddCallback(func() {
			handle := callback.WrapCollection(loop, coll)
			handle.InsertMany(follow(t.Context(), &calls), numbered(n), func(_ *motor.InsertManyResult, err error) {
				defer loop.Stop()
				if err != nil {
					t.Error(err)
				}
				check(t, calls, "writes")
			})
		})
		loop.Start()
	})
	t.Run("coroutine", func(t *testing.T) {
		_, err := callback.RunSync(loop, func(co *callback.Co) (none struct{}, err error) {
			var calls []motor.Progress
			_, err = coll.Find(bson.M{}).ToList(follow(co, &calls)).Await(co)
			check(t, calls, "documents")
			return none, err
		})
		noError(t, err)
	})
}
