package future_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomotor/gomotor/future"
)

// Some of the queued operations are cancelled. The others run in the order of submission.
func TestQueueKeepsItsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		pool, release := blocked(t)
		var got, want []int // one worker at a time writes got
		var all []*future.Future[int]
		for i := range random.IntN(300) {
			if random.IntN(3) == 0 {
				if err := pool.Execute(func() { got = append(got, i) }); err != nil {
					t.Fatal(err)
				}
				want = append(want, i)
				continue
			}
			f := future.Go(t.Context(), pool, func(context.Context) (int, error) { got = append(got, i); return 0, nil })
			if random.IntN(2) == 0 {
				f.Cancel()
				continue
			}
			want, all = append(want, i), append(all, f)
		}
		if s := pool.Stats(); s.Queued != len(want) {
			t.Fatalf("Queued = %d, want %d", s.Queued, len(want))
		}
		release()
		await(t, future.All(all...))
		pool.Shutdown()
		if !slices.Equal(got, want) {
			t.Fatalf("order = %v, want %v", got, want)
		}
	}
}

// If a server hangs, many operations are cancelled while they are queued. The queue must not grow.
func TestCancelledTasksLeaveTheQueue(t *testing.T) {
	pool, release := blocked(t)
	wait := func(context.Context) (int, error) { return 1, nil }
	first := future.Go(t.Context(), pool, wait)
	for range 100_000 {
		future.Go(t.Context(), pool, wait).Cancel()
	}
	if n := future.QueuePlaces(pool); n > 64 {
		t.Errorf("capacity of the queue of one task = %d, want at most 64", n)
	}
	var many []*future.Future[int]
	for range 1000 {
		many = append(many, future.Go(t.Context(), pool, wait))
	}
	for _, f := range many {
		f.Cancel()
	}
	if n := future.QueuePlaces(pool); n > 64 {
		t.Errorf("capacity of the queue of one task = %d, want at most 64", n)
	}
	release()
	wantValue(t, first, 1)
}
