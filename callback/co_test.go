package callback_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

type none = struct{}

// asyncio: await suspends the task, and other tasks run meanwhile.
func TestAwaitSuspendsOnlyCoroutine(t *testing.T) {
	loop := newLoop(t)
	p, f := pending[int]()
	var order []string
	run(t, loop, func(co *callback.Co) error {
		loop.AddCallback(func() {
			order = append(order, "callback")
			p.Resolve(7)
		})
		order = append(order, "before")
		v, err := f.Await(co)
		equal(t, v, 7)
		order = append(order, "after")
		return err
	})
	equalSlices(t, order, []string{"before", "callback", "after"})
}

// asyncio: awaiting a future that is done does not yield to the loop.
func TestAwaitSettledDoesNotSuspend(t *testing.T) {
	loop := newLoop(t)
	run(t, loop, func(co *callback.Co) error {
		ran := false
		loop.AddCallback(func() { ran = true })
		_, err := future.Resolved(1).Await(co)
		equal(t, ran, false)
		return err
	})
}

func TestAwaitSettledByGoroutine(t *testing.T) {
	loop := newLoop(t)
	run(t, loop, func(co *callback.Co) error {
		for i := range 1000 {
			p, f := pending[int]()
			go p.Resolve(i)
			v, err := f.Await(co)
			if v != i || err != nil {
				t.Fatalf("Await() = %v, %v; want %v, <nil>", v, err, i)
			}
		}
		return nil
	})
}

// asyncio: create_task schedules the coroutine and does not run it.
func TestSpawnStartsInLaterTurn(t *testing.T) {
	loop := newLoop(t)
	began := false
	f := callback.Spawn(loop, func(*callback.Co) (int, error) {
		began = true
		return 5, nil
	})
	equal(t, began, false)
	loop.Poll()
	v, err := f.Result()
	equal(t, v, 5)
	equal(t, err, nil)
}

func TestCoroutinesStartCoroutines(t *testing.T) {
	loop := newLoop(t)
	var fib func(n int) func(co *callback.Co) (int, error)
	fib = func(n int) func(co *callback.Co) (int, error) {
		return func(co *callback.Co) (int, error) {
			if n < 2 {
				return n, co.Sleep(0)
			}
			parts, err := callback.Gather(co, fib(n-1), fib(n-2))
			if err != nil {
				return 0, err
			}
			return parts[0] + parts[1], nil
		}
	}
	v, err := callback.RunSync(loop, fib(12))
	equal(t, v, 144)
	equal(t, err, nil)
}

// The coroutines of one loop share state without locks. With -race this test shows it.
func TestCoroutinesShareStateWithoutLock(t *testing.T) {
	loop := newLoop(t)
	shared := map[int]int{}
	total := 0
	run(t, loop, func(co *callback.Co) error {
		fs := make([]*future.Future[none], 1000)
		for i := range fs {
			fs[i] = callback.Spawn(loop, func(co *callback.Co) (none, error) {
				for j := range 5 {
					total++
					shared[(i+j)%100]++
					var err error
					if j%2 == 0 {
						err = co.Sleep(0)
					} else {
						_, err = callback.RunInExecutor(co, loop, nil, func(context.Context) (int, error) { return j, nil }).Await(co)
					}
					if err != nil {
						return none{}, err
					}
				}
				return none{}, nil
			})
		}
		_, err := future.All(fs...).Await(co)
		return err
	})
	sum := 0
	for _, n := range shared {
		sum += n
	}
	equal(t, total, 5000)
	equal(t, sum, 5000)
}

func TestSleep(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		began := time.Now()
		run(t, loop, func(co *callback.Co) error {
			equal(t, co.Sleep(time.Second), nil)
			equal(t, time.Since(began), time.Second)
			ran := false
			loop.AddCallback(func() { ran = true })
			equal(t, co.Sleep(0), nil)
			equal(t, ran, true)
			equal(t, time.Since(began), time.Second)
			return nil
		})
	})
}

func TestCoroutineErrorsReachFuture(t *testing.T) {
	loop := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) {
		t.Errorf("the panic handler got %v, want it only in the future", p)
	}))
	failure := errors.New("failure")
	_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, failure })
	equal(t, err, failure)
	for range 3 { // the loop reuses goroutines of coroutines, also after a panic or Goexit
		_, err = callback.RunSync(loop, func(co *callback.Co) (int, error) {
			_ = co.Sleep(0)
			panic(failure)
		})
		p, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok, true)
		equal(t, p.Value, any(failure))
		wantText(t, string(p.Stack), "TestCoroutineErrors")

		deferred := false
		_, err = callback.RunSyncFuture(loop, func() *future.Future[int] {
			return callback.Spawn(loop, func(co *callback.Co) (int, error) {
				defer func() { deferred = true }()
				_ = co.Sleep(0)
				runtime.Goexit()
				return 1, nil
			})
		})
		_, ok = errors.AsType[*future.PanicError](err)
		equal(t, ok, true)
		equal(t, deferred, true)
	}
}

func TestSpawnContext(t *testing.T) {
	type key struct{}
	t.Run("ends with the context and has its values", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), time.Second)
			defer cancel()
			began := time.Now()
			f := callback.SpawnContext(ctx, loop, func(co *callback.Co) (none, error) {
				equal(t, co.Value(key{}), any("v"))
				deadline, ok := co.Deadline()
				equal(t, ok, true)
				equal(t, deadline, began.Add(time.Second))
				return none{}, co.Sleep(time.Hour)
			})
			_, err := callback.RunSyncFuture(loop, func() *future.Future[none] { return f })
			wantError(t, err, context.DeadlineExceeded)
			equal(t, time.Since(began), time.Second)
		})
	})
	t.Run("children end with their parent", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			ended := 0
			child := func(co *callback.Co) (none, error) {
				err := co.Sleep(time.Hour)
				if errors.Is(err, context.Canceled) {
					ended++
				}
				return none{}, err
			}
			parent := callback.Spawn(loop, func(co *callback.Co) (none, error) {
				_, err := callback.Gather(co, child, child, child)
				return none{}, err
			})
			run(t, loop, func(co *callback.Co) error {
				if err := co.Sleep(time.Second); err != nil {
					return err
				}
				parent.Cancel()
				return co.Sleep(time.Second)
			})
			equal(t, ended, 3)
		})
	})
}

func TestCoWith(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		_, never := pending[int]()
		run(t, loop, func(co *callback.Co) error {
			ctx, cancel := context.WithTimeout(co, time.Second)
			defer cancel()
			_, err := never.Await(co.With(ctx))
			wantError(t, err, context.DeadlineExceeded)
			wantError(t, co.With(ctx).Sleep(time.Hour), context.DeadlineExceeded)
			return co.Err()
		})
		// A cancelled coroutine can wait in its cleanup.
		cleaned := false
		f := callback.Spawn(loop, func(co *callback.Co) (none, error) {
			defer func() { cleaned = co.With(context.WithoutCancel(co)).Sleep(time.Second) == nil }()
			return none{}, co.Sleep(time.Hour)
		})
		run(t, loop, func(co *callback.Co) error {
			f.Cancel()
			return co.Sleep(2 * time.Second)
		})
		equal(t, cleaned, true)
	})
}

func TestAwaitAtManyStackDepths(t *testing.T) {
	loop := newLoop(t)
	var deep func(co *callback.Co, n int) error
	deep = func(co *callback.Co, n int) error {
		var pad [200]byte
		pad[n%200] = 1
		if n > 0 {
			if err := deep(co, n-1); err != nil {
				return err
			}
		}
		if n%50 == 0 {
			runtime.GC() // moves stacks
		}
		return co.Sleep(0)
	}
	run(t, loop, func(co *callback.Co) error { return deep(co, 500) })
}

func TestCloseEndsCoroutines(t *testing.T) {
	loop := newLoop(t)
	_, never := pending[int]()
	var ended atomic.Int32
	fs := make([]*future.Future[int], 200) // more than the loop keeps for reuse
	for i := range fs {
		fs[i] = callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer ended.Add(1)
			if i%2 == 0 {
				return never.Await(co)
			}
			return 0, co.Sleep(time.Hour)
		})
	}
	loop.Poll()
	loop.Close()
	equal(t, ended.Load(), 200)
	for _, f := range fs {
		if err := f.Err(); !errors.Is(err, callback.ErrLoopClosed) {
			t.Fatalf("Err() = %v, want ErrLoopClosed", err)
		}
	}
	equal(t, errors.Is(callback.Spawn(loop, func(*callback.Co) (int, error) { return 0, nil }).Err(),
		callback.ErrLoopClosed), true)
}

func TestCoroutineClosesItsLoop(t *testing.T) {
	loop := newLoop(t)
	_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
		loop.Close()
		return 0, co.Sleep(time.Hour)
	})
	wantError(t, err, callback.ErrLoopClosed)
}

func TestSpawnCallback(t *testing.T) {
	log := newLogRecorder()
	panics := 0
	loop := callback.NewLoop(callback.WithLogger(log.logger()),
		callback.WithPanicHandler(func(*future.PanicError) { panics++ }))
	equal(t, loop.SpawnCallback(func(*callback.Co) error { return errors.New("went wrong") }), true)
	equal(t, loop.SpawnCallback(func(*callback.Co) error { panic("boom") }), true)
	equal(t, loop.SpawnCallback(func(co *callback.Co) error { return co.Sleep(time.Hour) }), true)
	loop.Poll()
	loop.Close()
	log.want(t, "a coroutine failed", "went wrong")
	equal(t, log.contains("loop is closed"), false)
	equal(t, panics, 1)
	equal(t, loop.SpawnCallback(func(*callback.Co) error { return nil }), false)
}

func TestCoroutinesUnderFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := newLoop(t)
		began := time.Now()
		run(t, loop, func(co *callback.Co) error {
			var fns []func(co *callback.Co) (int, error)
			for i := range 100 {
				fns = append(fns, func(co *callback.Co) (int, error) { return i, co.Sleep(time.Duration(i) * time.Second) })
			}
			_, err := callback.Gather(co, fns...)
			return err
		})
		equal(t, time.Since(began), 99*time.Second)
	})
}

// asyncio: Task.cancel.
func TestCancelCoroutine(t *testing.T) {
	t.Run("ends the current await and runs deferred functions", func(t *testing.T) {
		loop := newLoop(t)
		_, never := pending[int]()
		var seen, inDefer error
		cause := errors.New("no longer wanted")
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer func() { inDefer = co.Err() }()
			_, seen = never.Await(co)
			return 0, seen
		})
		loop.Poll()
		equal(t, f.Cancel(cause), true)
		equal(t, f.Cancelled(), true) // at once
		equal(t, seen, nil)           // the coroutine gets the error in a turn of the loop
		loop.Poll()
		wantError(t, seen, future.ErrCancelled)
		wantError(t, seen, cause)
		equal(t, inDefer, context.Canceled)
		equal(t, never.IsDone(), false) // the end of a wait does not change the future
	})
	t.Run("before its start does not run it", func(t *testing.T) {
		loop := newLoop(t)
		ran := false
		fn := func(co *callback.Co) (int, error) { ran = true; return 0, nil }
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		f, child := callback.Spawn(loop, fn), callback.SpawnContext(ctx, loop, fn)
		f.Cancel()
		for loop.Poll() {
		}
		equal(t, ran, false)
		equal(t, f.Cancelled(), true)
		equal(t, child.Err(), cause)
	})
	t.Run("does not discard an outcome", func(t *testing.T) {
		loop := newLoop(t)
		p, f := pending[int]()
		var got int
		c := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			var err error
			got, err = f.Await(co)
			return got, err
		})
		loop.Poll()
		p.Resolve(3)
		c.Cancel()
		for loop.Poll() {
		}
		equal(t, got, 3)
	})
	t.Run("ends every further await", func(t *testing.T) {
		loop := newLoop(t)
		_, never := pending[int]()
		awaits := 0
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			for range 10 {
				if _, err := never.Await(co); err != nil {
					awaits++
				}
			}
			return 0, nil
		})
		loop.Poll()
		f.Cancel()
		loop.Poll()
		equal(t, awaits, 10)
	})
	t.Run("ends a coroutine that ignores errors", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		deferred := false
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer func() {
				_ = co.Sleep(time.Second)
				deferred = true
			}()
			defer func() { deferred = true }()
			for {
				_ = co.Sleep(time.Second)
			}
		})
		loop.Poll()
		f.Cancel()
		loop.Poll()
		equal(t, deferred, true)
		log.want(t, "ignores the errors of its awaits")
		loop.Close()
	})
	t.Run("does not end a Co after its coroutine", func(t *testing.T) {
		loop := newLoop(t)
		var kept *callback.Co
		run(t, loop, func(co *callback.Co) error {
			kept = co
			return nil
		})
		equal(t, kept.Err(), nil)
	})
}

// Tornado: IOLoop.run_sync.
func TestRunSync(t *testing.T) {
	hour := func(co *callback.Co) (int, error) { return 1, co.Sleep(time.Hour) }
	t.Run("returns the result of the coroutine", func(t *testing.T) {
		v, err := callback.RunSync(newLoop(t), func(*callback.Co) (int, error) { return 5, nil }, time.Second)
		equal(t, v, 5)
		equal(t, err, nil)
	})
	t.Run("returns the value and the error of the future", func(t *testing.T) {
		loop, failure := newLoop(t), errors.New("failure")
		v, err := callback.RunSyncFuture(loop, func() *future.Future[int] {
			p, f := pending[int]()
			loop.AddCallback(func() { p.Settle(6, failure) })
			return f
		})
		equal(t, v, 6)
		equal(t, err, failure)
	})
	t.Run("returns a panic of the function", func(t *testing.T) {
		_, err := callback.RunSyncFuture(newLoop(t), func() *future.Future[int] { panic("boom") })
		p, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok && p.Value == "boom", true)
	})
	t.Run("timeout cancels the coroutine", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			began := time.Now()
			var seen error
			_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
				seen = co.Sleep(time.Hour)
				return 0, seen
			}, 3*time.Second)
			equal(t, time.Since(began), 3*time.Second)
			wantError(t, err, future.ErrTimeout)
			equal(t, err.Error(), "callback: operation timed out after 3s")
			wantError(t, seen, future.ErrCancelled)
			wantError(t, seen, future.ErrTimeout)
		})
	})
	t.Run("timeout cancels the future", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			_, f := pending[int]()
			_, err := callback.RunSyncFuture(loop, func() *future.Future[int] { return f }, time.Second)
			wantError(t, err, future.ErrTimeout)
			equal(t, f.Cancelled(), true)
		})
	})
	t.Run("removes its timeout", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, nil }, time.Hour)
		equal(t, err, nil)
		loop.Close()
		equal(t, log.contains("timeouts"), false)
	})
	t.Run("loop stopped, coroutine continues later", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			done := false
			loop.CallLater(time.Second, loop.Stop)
			_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
				err := co.Sleep(2 * time.Second)
				done = true
				return 0, err
			})
			equal(t, err, callback.ErrLoopStopped)
			loop.CallLater(2*time.Second, loop.Stop)
			loop.Start()
			equal(t, done, true)
		})
	})
	t.Run("loop closed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			loop.CallLater(time.Second, loop.Close)
			_, err := callback.RunSync(loop, hour)
			wantError(t, err, callback.ErrLoopClosed)
			_, err = callback.RunSync(loop, hour)
			equal(t, err, callback.ErrLoopClosed)
		})
	})
	t.Run("can be called again", func(t *testing.T) {
		loop := newLoop(t)
		for i := range 100 {
			v, err := callback.RunSync(loop, func(co *callback.Co) (int, error) { return i, co.Sleep(0) })
			equal(t, v, i)
			equal(t, err, nil)
		}
	})
}
