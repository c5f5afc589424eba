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

// inSequence starts an operation that waits for the turns of all tickets.
func inSequence(ctx context.Context, ex future.Executor, run func(context.Context) (int, error), undo func(int, error), tickets ...*future.Ticket) *future.Future[int] {
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
			t.Errorf("All() = %v, %v, run in the order %v; want the order of the calls", got, err, order.all())
		}
		if !s.Idle() {
			t.Error("Idle() = false, want true")
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

	t.Run("cancel frees the place without a free slot", func(t *testing.T) {
		pool := newPool(t, 1)
		var s future.Sequence
		first := s.Reserve()
		cancelled := inSequence(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }, nil, s.Reserve())
		hold, held := make(chan int), make(chan int)
		other := future.Go(t.Context(), pool, func(context.Context) (int, error) { close(held); return <-hold, nil })
		<-held // now the first operation waits for its turn and has lent its slot
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

	t.Run("the end of the context frees the place", func(t *testing.T) {
		var s future.Sequence
		first, second, third := s.Reserve(), s.Reserve(), s.Reserve()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := second.Wait(ctx); err != context.Canceled {
			t.Errorf("Wait() = %v, want context.Canceled", err)
		}
		first.Release()
		if err := third.Wait(ctx); err != nil {
			t.Errorf("Wait() = %v in its turn, want <nil>", err)
		}
	})

	t.Run("a cancelled operation keeps its turn until Undo", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var s future.Sequence
			var order record[string]
			running, end := make(chan int), make(chan int)
			f := inSequence(t.Context(), onGoroutines, func(context.Context) (int, error) { close(running); <-end; return 1, nil },
				func(int, error) { order.add("undo") }, s.Reserve())
			<-running
			next := inSequence(t.Context(), onGoroutines, func(context.Context) (int, error) { order.add("next"); return 1, nil }, nil, s.Reserve())
			f.Cancel()
			synctest.Wait()
			if next.IsDone() {
				t.Error("the next operation is done before the cancelled one has ended, want it pending")
			}
			close(end)
			wantValue(t, next, 1)
			if got := order.all(); !slices.Equal(got, []string{"undo", "next"}) {
				t.Errorf("order = %v, want [undo next]", got)
			}
		})
	})

	t.Run("places in two sequences do not deadlock", func(t *testing.T) {
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

	t.Run("an operation lends its turns in two sequences", func(t *testing.T) {
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

	t.Run("a lent turn returns before later places", func(t *testing.T) {
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
				t.Errorf("order = %v, want [second first third]", got)
			}
		})
	})

	t.Run("a lent turn returns to a cancelled operation", func(t *testing.T) {
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
		eventually(t, "the turn did not return", s.Idle)
		if got := had.all(); !slices.Equal(got, []string{"user", "cancelled"}) {
			t.Errorf("order = %v, want [user cancelled]", got)
		}
	})

	t.Run("Do", func(t *testing.T) {
		var s future.Sequence
		var order record[int]
		first := s.Reserve()
		_ = first.Wait(t.Context())
		for i := range 100_000 {
			if s.Reserve().Do(func() { order.add(i) }) {
				t.Fatal("Do() = true before its turn, want false")
			}
		}
		first.Release()
		if got := order.all(); len(got) != 100_000 || !slices.IsSorted(got) {
			t.Errorf("%d functions were called, want 100000 in order", len(got))
		}
		if !s.Reserve().Do(func() {}) || !s.Idle() {
			t.Error("Do() = false in its turn or kept its place, want true and an idle sequence")
		}
	})

	t.Run("TryReserve", func(t *testing.T) {
		var s future.Sequence
		ticket := s.TryReserve()
		if ticket == nil || s.TryReserve() != nil {
			t.Fatal("TryReserve() of a free sequence failed, or a second one succeeded")
		}
		ticket.Lend(t.Context(), func() {
			if inner := s.TryReserve(); inner == nil {
				t.Error("TryReserve() = nil while the turn is lent, want a ticket")
			} else {
				inner.Release()
			}
		})
		ticket.Release()
		ticket.Release()
		if !s.Idle() {
			t.Error("Idle() = false, want true")
		}
	})

	t.Run("Withdraw", func(t *testing.T) {
		var s future.Sequence
		first, second := s.Reserve(), s.Reserve()
		waited := make(chan error)
		go func() { waited <- second.Wait(context.Background()) }()
		if !second.Withdraw() || second.Withdraw() {
			t.Error("Withdraw() twice did not return true, then false")
		}
		if err := <-waited; err != future.ErrCancelled {
			t.Errorf("Wait() = %v, want ErrCancelled", err)
		}
		_ = first.Wait(t.Context())
		if first.Withdraw() {
			t.Error("Withdraw() = true during the turn, want false")
		}
	})

	t.Run("Lend has the turn again after a panic", func(t *testing.T) {
		var s future.Sequence
		lender := s.Reserve()
		_ = lender.Wait(t.Context())
		func() {
			defer func() {
				if got := recover(); got != errBang {
					t.Errorf("recovered %v, want %v", got, errBang)
				}
			}()
			lender.Lend(t.Context(), func() { panic(errBang) })
		}()
		if next := s.TryReserve(); next != nil {
			t.Error("TryReserve() returned a ticket, want nil: the lender has its turn again")
		}
		lender.Release()
		if !s.Idle() {
			t.Error("Idle() = false, want true")
		}
	})

	t.Run("ReserveBoth reserves one place in one sequence", func(t *testing.T) {
		var s future.Sequence
		a, b := future.ReserveBoth(&s, &s)
		if err := a.Wait(t.Context()); err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
		if err := b.Wait(t.Context()); err != nil {
			t.Errorf("second Wait() = %v, want nil", err)
		}
		b.Release()
		a.Release()
		if !s.Idle() {
			t.Error("Idle() = false, want true")
		}
	})

	t.Run("a nil ticket always has its turn", func(t *testing.T) {
		var none *future.Ticket
		called := 0
		none.Lend(t.Context(), func() { called++ })
		if none.Wait(t.Context()) != nil || !none.Do(func() { called++ }) || none.Withdraw() || called != 2 {
			t.Errorf("a nil ticket had to wait or made %d of 2 calls", called)
		}
		none.Release()
	})
}

func TestEnqueue(t *testing.T) {
	var s, other future.Sequence
	first := future.NewPromise[int]()
	f := future.Enqueue(&s, first.Future)
	cancelled := future.Enqueue(&s, func() *future.Future[int] { t.Error("start was called after Cancel"); return nil })
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
	wantValue(t, future.Enqueue(&s, func() *future.Future[int] { return future.Resolved(6) }, &other, &s, &other), 6)
	if !s.Idle() || !other.Idle() {
		t.Error("Idle() = false, want both sequences idle")
	}
	// Cancel just before the call of start must not leave a place behind.
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
