package callback_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

type none = struct{}

// asyncio: "await suspends the task, other tasks run meanwhile".
func TestAwaitSuspendsTheCoroutineAndNotTheLoop(t *testing.T) {
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
	equal(t, slices.Equal(order, []string{"before", "callback", "after"}), true)
}

// asyncio: awaiting a future that is done does not yield to the loop.
func TestAwaitOfASettledFutureDoesNotSuspend(t *testing.T) {
	loop := newLoop(t)
	run(t, loop, func(co *callback.Co) error {
		ran := false
		loop.AddCallback(func() { ran = true })
		_, err := future.Resolved(1).Await(co)
		equal(t, ran, false)
		return err
	})
}

func TestAwaitOfAFutureSettledByAnotherGoroutine(t *testing.T) {
	loop := newLoop(t)
	run(t, loop, func(co *callback.Co) error {
		for i := range 1000 {
			p, f := pending[int]()
			go p.Resolve(i)
			v, err := f.Await(co)
			if v != i || err != nil {
				t.Fatal(v, err)
			}
		}
		return nil
	})
}

// asyncio: create_task schedules, it does not run.
func TestSpawnedCoroutineBeginsInALaterTurn(t *testing.T) {
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

func TestCoroutinesThatStartCoroutines(t *testing.T) {
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

// The coroutines of one loop share state without locks. Under -race this says so.
func TestAThousandCoroutinesShareAnUnlockedStructure(t *testing.T) {
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

func TestErrorsOfACoroutineReachItsFuture(t *testing.T) {
	loop := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) { t.Error("reported twice:", p) }))
	failure := errors.New("failure")
	_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, failure })
	equal(t, err, failure)
	for range 3 { // what ran a coroutine that panicked or ended its goroutine is none the worse for it
		_, err = callback.RunSync(loop, func(co *callback.Co) (int, error) {
			_ = co.Sleep(0)
			panic(failure)
		})
		p, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok, true)
		equal(t, p.Value, any(failure))
		equal(t, containsString(string(p.Stack), "TestErrorsOfACoroutine"), true)

		deferred := false
		_, err = callback.RunSync(loop, func(co *callback.Co) (int, error) {
			defer func() { deferred = true }()
			_ = co.Sleep(0)
			runtime.Goexit()
			return 1, nil
		})
		_, ok = errors.AsType[*future.PanicError](err)
		equal(t, ok, true)
		equal(t, deferred, true)
	}
}

func TestSpawnContext(t *testing.T) {
	type key struct{}
	t.Run("ends with the context, has its values and its deadline", func(t *testing.T) {
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
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
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
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
			equal(t, errors.Is(co.With(ctx).Sleep(time.Hour), context.DeadlineExceeded), true)
			return co.Err()
		})
		// A cancelled coroutine can still wait for its cleaning up.
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

func TestAwaitsAtManyDepthsOfTheStack(t *testing.T) {
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
	fs := make([]*future.Future[int], 200) // more than are kept for later
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
			t.Fatal(err)
		}
	}
	equal(t, errors.Is(callback.Spawn(loop, func(*callback.Co) (int, error) { return 0, nil }).Err(),
		callback.ErrLoopClosed), true)
}

func TestCoroutineThatClosesItsLoop(t *testing.T) {
	loop := newLoop(t)
	_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
		loop.Close()
		return 0, co.Sleep(time.Hour)
	})
	equal(t, errors.Is(err, callback.ErrLoopClosed), true)
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
	equal(t, log.contains("a coroutine failed", "went wrong"), true)
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
