package future_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

// inSequence starts an operation that waits for its turn in each of the tickets.
func inSequence(ctx context.Context, ex future.Executor, run func(context.Context) (int, error), undo func(int), tickets ...*future.Ticket) *future.Future[int] {
	f, err := future.Start(ctx, ex, future.Op[int]{
		Run: func(ctx context.Context) (int, error) {
			for _, ticket := range tickets {
				if err := ticket.Wait(ctx); err != nil {
					return 0, err
				}
			}
			return run(ctx)
		},
		Undo: undo,
		Ended: func() {
			for _, ticket := range tickets {
				ticket.Release()
			}
		},
	})
	if err != nil {
		return future.Rejected[int](err)
	}
	return f
}

func TestSequence(t *testing.T) {
	t.Run("runs operations in the order of their calls", func(t *testing.T) {
		pool := newPool(t, 3)
		var s future.Sequence
		var order record[int]
		var all []*future.Future[int]
		for i := range 100 {
			all = append(all, inSequence(t.Context(), pool, func(context.Context) (int, error) { order.add(i); return i, nil }, nil, s.Reserve()))
		}
		got, err := await(t, future.All(all...))
		if err != nil || !slices.Equal(got, order.all()) || !slices.IsSorted(got) {
			t.Errorf("got %v, %v in the order %v", got, err, order.all())
		}
		if !s.Idle() {
			t.Error("the sequence is not idle")
		}
	})

	t.Run("waiting holds no slot", func(t *testing.T) {
		pool := newPool(t, 1)
		var s future.Sequence
		first := s.Reserve()
		waits := inSequence(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }, nil, s.Reserve())
		wantValue(t, future.Go(t.Context(), pool, func(context.Context) (int, error) { return 2, nil }), 2)
		first.Release()
		wantValue(t, waits, 1)
	})

	t.Run("cancelling frees the place, with no slot to be had", func(t *testing.T) {
		pool := newPool(t, 1)
		var s future.Sequence
		first := s.Reserve()
		cancelled := inSequence(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }, nil, s.Reserve())
		hold, held := make(chan int), make(chan int)
		other := future.Go(t.Context(), pool, func(context.Context) (int, error) { close(held); return <-hold, nil })
		<-held // so the first operation waits for its turn, and has lent its slot
		last := s.Reserve()
		cancelled.Cancel()
		first.Release()
		if err := last.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		last.Release()
		close(hold)
		wantValue(t, other, 0)
	})

	t.Run("a context that ends gives up the place", func(t *testing.T) {
		var s future.Sequence
		first, second, third := s.Reserve(), s.Reserve(), s.Reserve()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := second.Wait(ctx); err != context.Canceled {
			t.Errorf("got %v; want context.Canceled", err)
		}
		first.Release()
		if err := third.Wait(ctx); err != nil { // its turn has come
			t.Error(err)
		}
	})

	t.Run("a cancelled operation keeps its turn until it has been undone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s future.Sequence
			var order record[string]
			running, end := make(chan int), make(chan int)
			f := inSequence(t.Context(), onGoroutines, func(context.Context) (int, error) { close(running); <-end; return 1, nil },
				func(int) { order.add("undo") }, s.Reserve())
			<-running
			next := inSequence(t.Context(), onGoroutines, func(context.Context) (int, error) { order.add("next"); return 1, nil }, nil, s.Reserve())
			f.Cancel()
			synctest.Wait()
			if next.IsDone() {
				t.Error("the next operation ran before the cancelled one had ended")
			}
			close(end)
			wantValue(t, next, 1)
			if got := order.all(); !slices.Equal(got, []string{"undo", "next"}) {
				t.Errorf("got %v; want undo, next", got)
			}
		})
	})

	t.Run("places in two sequences make no circle", func(t *testing.T) {
		pool := newPool(t, 2)
		var a, b future.Sequence
		var all []*future.Future[int]
		for range 500 {
			inA, inB := future.ReserveBoth(&a, &b)
			all = append(all, inSequence(t.Context(), pool, func(context.Context) (int, error) { return 0, nil }, nil, inA, inB))
			all = append(all, inSequence(t.Context(), pool, func(context.Context) (int, error) { return 0, nil }, nil, b.Reserve()))
		}
		if _, err := await(t, future.All(all...)); err != nil {
			t.Error(err)
		}
	})

	t.Run("lends the turns of both", func(t *testing.T) {
		pool := newPool(t, 1)
		var a, b future.Sequence
		pair := func(run func(context.Context, *future.Ticket, *future.Ticket) (int, error)) *future.Future[int] {
			inA, inB := future.ReserveBoth(&a, &b)
			return inSequence(t.Context(), pool, func(ctx context.Context) (int, error) { return run(ctx, inA, inB) }, nil, inA, inB)
		}
		f := pair(func(ctx context.Context, inA, inB *future.Ticket) (v int, err error) {
			inB.Lend(ctx, func() {
				inA.Lend(ctx, func() {
					pair(func(context.Context, *future.Ticket, *future.Ticket) (int, error) { return 0, nil })
					v, err = pair(func(context.Context, *future.Ticket, *future.Ticket) (int, error) { return 1, nil }).Await(ctx)
					pair(func(context.Context, *future.Ticket, *future.Ticket) (int, error) { return 0, nil })
				})
			})
			return v, err
		})
		wantValue(t, f, 1)
	})

	t.Run("gives a lent turn back before the places that have not begun", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s future.Sequence
			var order record[string]
			first, second, third := s.Reserve(), s.Reserve(), s.Reserve()
			wait := func(ticket *future.Ticket, name string) {
				if err := ticket.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				order.add(name)
				time.Sleep(time.Second)
				ticket.Release()
			}
			_ = first.Wait(t.Context())
			go wait(third, "third")
			go wait(second, "second")
			first.Lend(t.Context(), synctest.Wait)
			order.add("first")
			first.Release()
			time.Sleep(time.Hour)
			if got := order.all(); !slices.Equal(got, []string{"second", "first", "third"}) {
				t.Errorf("got the order %v", got)
			}
		})
	})

	t.Run("a lent turn comes back to a cancelled operation, with one slot", func(t *testing.T) {
		pool := newPool(t, 1)
		var s future.Sequence
		lent := make(chan int)
		var had record[string]
		ticket := s.Reserve()
		f := inSequence(t.Context(), pool, func(ctx context.Context) (int, error) {
			ticket.Lend(ctx, func() { close(lent); <-ctx.Done() })
			had.add("cancelled")
			return 0, ctx.Err()
		}, nil, ticket)
		<-lent
		user := s.Reserve()
		_ = user.Wait(t.Context())
		f.Cancel()
		had.add("user")
		user.Release()
		eventually(t, "the turn did not come back", s.Idle)
		if got := had.all(); !slices.Equal(got, []string{"user", "cancelled"}) {
			t.Errorf("got the order %v", got)
		}
	})

	t.Run("Do", func(t *testing.T) {
		var s future.Sequence
		var order record[int]
		first := s.Reserve()
		_ = first.Wait(t.Context())
		for i := range 100_000 {
			if s.Reserve().Do(func() { order.add(i) }) {
				t.Fatal("Do did not wait for its turn")
			}
		}
		first.Release()
		if got := order.all(); len(got) != 100_000 || !slices.IsSorted(got) {
			t.Errorf("%d functions were called", len(got))
		}
		if !s.Reserve().Do(func() {}) || !s.Idle() {
			t.Error("Do waited, or kept its place")
		}
	})

	t.Run("TryReserve", func(t *testing.T) {
		var s future.Sequence
		ticket := s.TryReserve()
		if ticket == nil || s.TryReserve() != nil {
			t.Fatal("the sequence was free, and then taken")
		}
		ticket.Lend(t.Context(), func() {
			if inner := s.TryReserve(); inner == nil {
				t.Error("a lent turn is not free")
			} else {
				inner.Release()
			}
		})
		ticket.Release()
		ticket.Release()
		if !s.Idle() {
			t.Error("the sequence is not idle")
		}
	})

	t.Run("Withdraw", func(t *testing.T) {
		var s future.Sequence
		first, second := s.Reserve(), s.Reserve()
		waited := make(chan error)
		go func() { waited <- second.Wait(context.Background()) }()
		if !second.Withdraw() || second.Withdraw() {
			t.Error("a place can be withdrawn once")
		}
		if err := <-waited; err != future.ErrCancelled {
			t.Errorf("got %v; want ErrCancelled", err)
		}
		_ = first.Wait(t.Context())
		if first.Withdraw() {
			t.Error("a turn that has begun was withdrawn")
		}
	})

	t.Run("a nil ticket shares nothing", func(t *testing.T) {
		var none *future.Ticket
		called := 0
		none.Lend(t.Context(), func() { called++ })
		if none.Wait(t.Context()) != nil || !none.Do(func() { called++ }) || none.Withdraw() || called != 2 {
			t.Error("a nil ticket's turn has not come")
		}
		none.Release()
	})
}

func TestEnqueue(t *testing.T) {
	var s, other future.Sequence
	first := future.NewPromise[int]()
	f := future.Enqueue(&s, first.Future)
	cancelled := future.Enqueue(&s, func() *future.Future[int] { t.Error("a cancelled start was called"); return nil })
	both := future.Enqueue(&s, func() *future.Future[int] { return future.Resolved(3) }, &other)
	fails := future.Enqueue(&other, func() *future.Future[int] { return future.Rejected[int](errBoom) })
	panics := future.Enqueue(&s, func() *future.Future[int] { panic(errBang) })
	none := future.Enqueue(&s, func() *future.Future[int] { return nil })
	last := future.Enqueue(&s, func() *future.Future[int] { return future.Resolved(4) })
	cancelled.Cancel()
	first.Resolve(1)
	wantValue(t, f, 1)
	wantValue(t, both, 3)
	wantError(t, fails, errBoom)
	wantPanic(t, panics, errBang)
	wantError(t, none, future.ErrNilFuture)
	wantValue(t, last, 4)
	if !s.Idle() || !other.Idle() {
		t.Error("a place was left behind")
	}
	// Cancelling while start is about to be called leaves nothing behind.
	for range 1000 {
		f := future.Enqueue(&s, func() *future.Future[int] { return future.Resolved(1) })
		f.Cancel()
		if _, err := await(t, f); err != nil && !errors.Is(err, future.ErrCancelled) {
			t.Fatal(err)
		}
	}
	wantValue(t, future.Enqueue(&s, func() *future.Future[int] { return future.Resolved(5) }), 5)
}

func BenchmarkSequence(b *testing.B) {
	var s future.Sequence
	b.ReportAllocs()
	for b.Loop() {
		ticket := s.Reserve()
		_ = ticket.Wait(b.Context())
		ticket.Release()
	}
}
