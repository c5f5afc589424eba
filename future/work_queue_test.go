package future_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomotor/gomotor/future"
)

// Functions and operations are queued, operations cancelled, and what is left runs in the order of its submission.
func TestTheQueueKeepsItsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		pool, release := blocked(t)
		var got, want []int // got is written by one worker at a time
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
			t.Fatalf("%d are queued, want %d", s.Queued, len(want))
		}
		release()
		await(t, future.All(all...))
		pool.Shutdown()
		if !slices.Equal(got, want) {
			t.Fatalf("the order was %v, want %v", got, want)
		}
	}
}

// As when a server hangs, and one operation after the other is given up.
func TestCancelledTasksLeaveTheQueue(t *testing.T) {
	pool, release := blocked(t)
	wait := func(context.Context) (int, error) { return 1, nil }
	first := future.Go(t.Context(), pool, wait)
	for range 100_000 {
		future.Go(t.Context(), pool, wait).Cancel()
	}
	if n := future.QueuePlaces(pool); n > 64 {
		t.Errorf("the queue of one task has %d places", n)
	}
	var many []*future.Future[int]
	for range 1000 {
		many = append(many, future.Go(t.Context(), pool, wait))
	}
	for _, f := range many {
		f.Cancel()
	}
	if n := future.QueuePlaces(pool); n > 64 {
		t.Errorf("the queue of one task has %d places", n)
	}
	release()
	wantValue(t, first, 1)
}
