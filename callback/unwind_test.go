package callback_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

var errOdd = errors.New("odd")

// unwindsWith runs fn as a coroutine and checks that it ends with exactly want, without a report of a panic.
func unwindsWith(t *testing.T, want error, fn func(co *callback.Co)) {
	t.Helper()
	loop := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) { t.Errorf("a panic was reported: %v", p) }))
	if _, err := callback.RunSyncContext(t.Context(), loop, callback.Proc(fn)); err != want {
		t.Errorf("RunSyncContext() error = %v, want %v", err, want)
	}
}

func TestMustUnwindsCoroutine(t *testing.T) {
	odd := future.Rejected[int](errOdd)
	t.Run("through nested functions and their defers", func(t *testing.T) {
		var order []string
		unwindsWith(t, errOdd, func(co *callback.Co) {
			defer func() { order = append(order, "outer") }()
			func() {
				defer func() {
					co.Must(co.Sleep(0)) // a deferred function may await
					order = append(order, "inner")
				}()
				callback.Must(co, odd)
			}()
			order = append(order, "never")
		})
		equalSlices(t, order, []string{"inner", "outer"})
	})
	t.Run("after it was suspended", func(t *testing.T) {
		unwindsWith(t, errOdd, func(co *callback.Co) {
			p, f := pending[int]()
			co.Loop().AddCallback(func() { p.Reject(errOdd) })
			callback.Must(co, f)
		})
	})
	t.Run("into its parents", func(t *testing.T) {
		fails := callback.Value(func(co *callback.Co) int { return callback.Must(co, odd) })
		unwindsWith(t, errOdd, func(co *callback.Co) {
			for range 3 { // the loop reuses the goroutine
				_, err := callback.Spawn(co.Loop(), fails).Await(co)
				equal(t, err, errOdd)
				_, err = callback.Gather(co, fails, fails)
				equal(t, err, errOdd)
				_, err = callback.CreateTask(co, fails).Await(co)
				equal(t, err, errOdd)
				_, err = callback.WaitFor(co, time.Hour, fails)
				equal(t, err, errOdd)
			}
			callback.Must(co, callback.Spawn(co.Loop(), fails))
		})
	})
	t.Run("replaces an error of the body in its defer", func(t *testing.T) {
		unwindsWith(t, errOdd, func(co *callback.Co) {
			defer co.Must(errOdd)
			co.Must(errors.New("first"))
		})
	})
	t.Run("nil error continues", func(t *testing.T) {
		unwindsWith(t, nil, func(co *callback.Co) { co.Must(nil) })
	})
	t.Run("through an iterator, which is closed", func(t *testing.T) {
		closed := false
		numbers := func(yield func(int, error) bool) {
			defer func() { closed = true }()
			_ = yield(1, nil) && yield(0, errOdd)
		}
		var got []int
		unwindsWith(t, errOdd, func(co *callback.Co) {
			for n := range callback.Range(co, iter.Seq2[int, error](numbers)) {
				got = append(got, n)
			}
		})
		equalSlices(t, got, []int{1})
		equal(t, closed, true)
	})
}

func TestMustInBackgroundIsLogged(t *testing.T) {
	log := newLogRecorder()
	loop := callback.NewLoop(callback.WithLogger(log.logger()),
		callback.WithPanicHandler(func(p *future.PanicError) { t.Errorf("a panic was reported: %v", p) }))
	loop.SpawnCallback(func(co *callback.Co) error { co.Must(errOdd); return nil })
	loop.SpawnCallback(func(co *callback.Co) error { co.Must(co.Sleep(time.Hour)); return nil })
	loop.Poll()
	loop.Close()
	log.want(t, "a coroutine failed", "error=odd")
	equal(t, log.contains("loop is closed"), false)
}

func TestTry(t *testing.T) {
	t.Run("returns the error itself", func(t *testing.T) {
		unwindsWith(t, nil, func(co *callback.Co) {
			equal(t, co.Try(func() { co.Must(errOdd) }), errOdd)
			equal(t, co.Try(func() {}), nil)
		})
	})
	t.Run("catches only the kinds that are named", func(t *testing.T) {
		wrapped := fmt.Errorf("wrapped: %w", errOdd)
		unwindsWith(t, errOdd, func(co *callback.Co) {
			equal(t, co.Try(func() { co.Must(wrapped) }, os.ErrExist, errOdd), wrapped)
			_ = co.Try(func() { co.Must(errOdd) }, os.ErrExist)
			t.Error("Try has caught an error of another kind")
		})
	})
	t.Run("nests", func(t *testing.T) {
		unwindsWith(t, nil, func(co *callback.Co) {
			outer := co.Try(func() {
				inner := co.Try(func() { co.Must(errOdd) })
				co.Must(fmt.Errorf("outer: %w", inner))
			})
			equal(t, outer.Error(), "outer: odd")
		})
	})
	t.Run("lets panics and Goexit pass", func(t *testing.T) {
		err := callback.Run(t.Context(), func(co *callback.Co) {
			_ = co.Try(func() { panic(errOdd) })
			t.Error("Try has caught a panic")
		})
		p, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok && p.Value == any(errOdd), true)
		wantText(t, string(p.Stack), "TestTry")

		loop := newLoop(t)
		_, err = callback.RunSyncFuture(loop, func() *future.Future[none] {
			return callback.Spawn(loop, callback.Proc(func(co *callback.Co) { _ = co.Try(runtime.Goexit) }))
		})
		wantText(t, err.Error(), "runtime.Goexit was called")
	})
}

// A recover between Must and the end of the coroutine stops the unwinding, as "except BaseException" does.
func TestRecoverStopsUnwinding(t *testing.T) {
	unwindsWith(t, nil, func(co *callback.Co) {
		defer func() {
			err, ok := recover().(error)
			equal(t, ok && errors.Is(err, errOdd) && err.Error() == "odd", true)
		}()
		co.Must(errOdd)
	})
	unwindsWith(t, errOdd, func(co *callback.Co) {
		defer func() { panic(recover()) }()
		co.Must(errOdd)
	})
	t.Run("outside of the coroutine it is a panic", func(t *testing.T) {
		_ = callback.Run(t.Context(), func(co *callback.Co) {
			var value any
			func() {
				defer func() { value = recover() }()
				co.Must(errOdd)
			}()
			_, err := callback.Spawn(co.Loop(), callback.Proc(func(*callback.Co) { panic(value) })).Await(co)
			_, ok := errors.AsType[*future.PanicError](err)
			equal(t, ok, true)
		})
	})
}

func TestCancelUnwinds(t *testing.T) {
	endless := func(order *[]string) func(co *callback.Co) {
		return func(co *callback.Co) {
			defer func() { *order = append(*order, "finally") }()
			for {
				if err := co.Try(func() { co.Must(co.Sleep(time.Hour)) }); err != nil {
					*order = append(*order, "caught")
					return
				}
			}
		}
	}
	t.Run("past a Try without kinds", func(t *testing.T) {
		var order []string
		unwindsWith(t, nil, func(co *callback.Co) {
			task := callback.CreateTask(co, callback.Proc(endless(&order)))
			co.Must(co.Sleep(0))
			equal(t, task.Cancel(errOdd), true)
			equal(t, task.IsDone(), false)
			_, err := task.Await(co)
			wantError(t, err, future.ErrCancelled)
			wantError(t, err, errOdd)
			equal(t, task.Cancelled(), true)
			equal(t, task.Cancel(), false)
		})
		equalSlices(t, order, []string{"finally"})
	})
	t.Run("into a Try that names it", func(t *testing.T) {
		unwindsWith(t, nil, func(co *callback.Co) {
			task := callback.CreateTask(co, callback.Value(func(co *callback.Co) string {
				err := co.Try(func() { co.Must(co.Sleep(time.Hour)) }, future.ErrCancelled)
				return "swallowed " + err.Error()
			}))
			co.Must(co.Sleep(0))
			task.Cancel()
			equal(t, callback.Must(co, task.Future), "swallowed future: cancelled")
		})
	})
	t.Run("a task that has not begun does not begin", func(t *testing.T) {
		var order []string
		unwindsWith(t, nil, func(co *callback.Co) {
			task := callback.CreateTask(co, callback.Proc(endless(&order)))
			task.Cancel()
			_, err := task.Await(co)
			wantError(t, err, future.ErrCancelled)
		})
		equal(t, len(order), 0)
	})
	t.Run("an operation that was called with the Co", func(t *testing.T) {
		unwindsWith(t, nil, func(co *callback.Co) {
			caught := false
			task := callback.CreateTask(co, callback.Proc(func(co *callback.Co) {
				f := callback.RunInExecutor(co, co.Loop(), nil, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, fmt.Errorf("operation: %w", ctx.Err())
				})
				caught = co.Try(func() { callback.Must(co, f) }) != nil
			}))
			co.Must(co.Sleep(0))
			task.Cancel()
			_, err := task.Await(co)
			equal(t, err != nil, true)
			equal(t, caught, false)
		})
	})
}

func TestWaitFor(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		began := time.Now()
		run(t, loop, func(co *callback.Co) error {
			_, err := callback.WaitFor(co, time.Second, callback.Proc(func(co *callback.Co) {
				defer func() { co.Must(co.WithoutCancel().Sleep(time.Second)) }()
				co.Must(co.Sleep(time.Hour))
			}))
			wantError(t, err, future.ErrTimeout)
			equal(t, time.Since(began), 2*time.Second) // with the time of the deferred function

			// The inner limit is over first, or the outer one: each belongs to its own call.
			_, err = callback.WaitFor(co, time.Hour, func(co *callback.Co) (int, error) {
				_, err := callback.WaitFor(co, time.Second, callback.Proc(func(co *callback.Co) error { return co.Sleep(time.Minute) }))
				equal(t, err.Error(), "callback: operation timed out after 1s")
				return 1, nil
			})
			equal(t, err, nil)
			_, err = callback.WaitFor(co, time.Second, func(co *callback.Co) (int, error) {
				_, err := callback.WaitFor(co, time.Hour, callback.Proc(func(co *callback.Co) { co.Must(co.Sleep(time.Minute)) }))
				return 1, err
			})
			equal(t, err.Error(), "callback: operation timed out after 1s")

			v, err := callback.WaitFor(co, time.Second, func(*callback.Co) (int, error) { return 5, nil })
			equal(t, v, 5)
			return err
		})
	})
}

func TestUnwindOutsideCoroutinePanics(t *testing.T) {
	const outside = "outside its coroutine"
	wantPanic := func(want string, fn func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if text, _ := recover().(string); !containsString(text, want) {
				t.Errorf("panic = %q, want a text with %q", text, want)
			}
		}()
		fn()
	}
	uses := func(co *callback.Co) []func() {
		return []func(){
			func() { callback.Must(co, future.Resolved(1)) },
			func() { callback.Must(co, future.Rejected[int](errOdd)) },
			func() { co.Must(errOdd) },
			func() { co.Must(nil) },
			func() { _ = co.Try(func() {}) },
		}
	}
	loop := newLoop(t)
	var kept *callback.Co
	run(t, loop, func(co *callback.Co) error {
		kept = co
		for _, use := range uses(co) {
			done := future.NewPromise[none]()
			go func() {
				defer done.Resolve(none{})
				wantPanic(outside, use)
			}()
			callback.Must(co, done.Future())
			loop.AddCallback(func() { wantPanic(outside, use) })
			callback.Must(co, callback.Spawn(loop, callback.Proc(func(*callback.Co) { wantPanic(outside, use) })))
		}
		return nil
	})
	for _, use := range uses(kept) {
		wantPanic("its coroutine", use)
		run(t, loop, func(*callback.Co) error { // runs on the goroutine of the coroutine that has ended
			wantPanic("its coroutine", use)
			return nil
		})
	}
	wantPanic("Must: co is nil", func() { callback.Must(nil, future.Resolved(1)) })
}

func TestAwaitWithDerivedContextPanics(t *testing.T) {
	loop := newLoop(t)
	const want = "use Co.With"
	blocks := func(co *callback.Co, f *future.Future[int]) (text string) {
		defer func() {
			if v := recover(); v != nil {
				text = fmt.Sprint(v)
			}
		}()
		ctx, cancel := context.WithCancel(co)
		defer cancel()
		_, _ = f.Await(ctx)
		return "returned"
	}
	run(t, loop, func(co *callback.Co) error {
		_, never := pending[int]()
		wantText(t, blocks(co, never), want)
		equal(t, blocks(co, future.Resolved(1)), "returned")
		// Other goroutines may wait with it, and an operation may have it as its context.
		p, f := pending[string]()
		ctx, cancel := context.WithCancel(co)
		cancel()
		go func() {
			_, err := never.Await(ctx)
			p.Resolve(err.Error())
		}()
		equal(t, callback.Must(co, f), "context canceled")
		_, err := never.Await(co.With(ctx))
		equal(t, err, context.Canceled)
		return nil
	})
}

func TestGoexitReachesCallerOfRunSync(t *testing.T) {
	loop := newLoop(t)
	skips := func(co *callback.Co) (int, error) {
		defer func() { _ = co.Sleep(0) }()
		runtime.Goexit()
		return 0, nil
	}
	for _, fn := range []func(co *callback.Co) (int, error){
		skips,
		func(co *callback.Co) (int, error) { return callback.Spawn(loop, skips).Await(co) },
		callback.Value(func(co *callback.Co) int { return callback.Must(co, callback.Spawn(loop, skips)) }),
	} {
		ended, returned := make(chan struct{}), false
		go func() {
			defer close(ended)
			_, _ = callback.RunSync(loop, fn)
			returned = true
		}()
		<-ended
		equal(t, returned, false)
	}
	t.Run("t.Skip skips the test", func(t *testing.T) {
		t.Cleanup(func() { equal(t, t.Skipped(), true) })
		run(t, loop, func(*callback.Co) error { t.Skip("not here"); return nil })
		t.Error("the test has gone on")
	})
	v, err := callback.RunSync(loop, func(co *callback.Co) (int, error) { return 1, co.Sleep(0) }) // the loop still runs
	equal(t, v, 1)
	equal(t, err, nil)
}

func TestRunSyncContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := callback.Run(ctx, func(co *callback.Co) {
			defer func() { co.Must(co.WithoutCancel().Sleep(time.Second)) }()
			co.Must(co.Sleep(time.Hour))
		})
		wantError(t, err, context.DeadlineExceeded)
		equal(t, time.Since(began), 2*time.Second)
		ran := false
		err = callback.Run(ctx, func(*callback.Co) { ran = true })
		wantError(t, err, context.DeadlineExceeded)
		equal(t, ran, false)
	})
}

func TestGatherSettled(t *testing.T) {
	unwindsWith(t, nil, func(co *callback.Co) {
		outcomes, err := callback.GatherSettled(co,
			func(co *callback.Co) (int, error) { return 1, co.Sleep(time.Millisecond) },
			func(*callback.Co) (int, error) { return 2, errOdd })
		equal(t, err, nil)
		equalSlices(t, outcomes, []future.Outcome[int]{{Value: 1}, {Value: 2, Err: errOdd}})
	})
}

func TestFromCallback(t *testing.T) {
	unwindsWith(t, errOdd, func(co *callback.Co) {
		later := func(v int, err error) *future.Future[int] {
			return callback.FromCallback(co.Loop(), func(done callback.Func[int]) {
				go func() {
					done(v, err)
					done(0, nil)
				}()
			})
		}
		equal(t, callback.Must(co, later(3, nil)), 3)
		callback.Must(co, later(0, errOdd))
	})
}

func TestAddSignalHandler(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send itself a signal on Windows")
	}
	loop := newLoop(t)
	me, err := os.FindProcess(os.Getpid())
	equal(t, err, nil)
	got := callback.NewEvent(loop)
	remove := loop.AddSignalHandler(got.Set, syscall.SIGHUP)
	defer remove()
	run(t, loop, func(co *callback.Co) error {
		for range 2 {
			equal(t, me.Signal(syscall.SIGHUP), nil)
			callback.Must(co, got.Wait())
			got.Clear()
		}
		return nil
	})
	t.Run("remove drops a queued call", func(t *testing.T) {
		loop, calls := newLoop(t), 0
		remove := loop.AddSignalHandler(func() { calls++ }, syscall.SIGHUP)
		run(t, loop, func(co *callback.Co) error {
			before := loop.Stats().Queued
			equal(t, me.Signal(syscall.SIGHUP), nil)
			for end := time.Now().Add(hang); loop.Stats().Queued == before; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the signal has not come")
				}
			}
			remove()
			return co.Sleep(0)
		})
		equal(t, calls, 0)
	})
	// Removing the handler, or closing the loop, ends its goroutine: see TestMain.
	_ = newLoop(t).AddSignalHandler(got.Set, syscall.SIGHUP)
}

// TestMainFunction runs this test in another process, which calls Main.
func TestMainFunction(t *testing.T) {
	programs := map[string]func(co *callback.Co){
		"succeeds": func(co *callback.Co) { co.Must(co.Sleep(0)) },
		"fails":    func(co *callback.Co) { co.Must(errOdd) },
		"panics":   func(*callback.Co) { panic("boom") },
		"interrupted": func(co *callback.Co) {
			defer fmt.Fprintln(os.Stderr, "cleaned up")
			me, err := os.FindProcess(os.Getpid())
			co.Must(err)
			co.Must(me.Signal(os.Interrupt))
			co.Must(co.Sleep(hang))
		},
	}
	const variable = "CALLBACK_TEST_MAIN"
	if fn := programs[os.Getenv(variable)]; fn != nil {
		callback.Main(fn)
		return
	}
	for _, test := range []struct {
		name, want string
		status     int
	}{
		{"succeeds", "", 0}, {"fails", "odd", 1}, {"panics", "TestMainFunction", 1}, {"interrupted", "cleaned up", 1},
	} {
		if test.name == "interrupted" && runtime.GOOS == "windows" {
			continue // a process cannot send itself a signal on Windows
		}
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMainFunction$")
		command.Env = append(os.Environ(), variable+"="+test.name)
		var stderr strings.Builder
		command.Stderr = &stderr
		_ = command.Run()
		if status := command.ProcessState.ExitCode(); status != test.status || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%s: exit status %d, error output %q; want %d and %q", test.name, status, &stderr, test.status, test.want)
		}
	}
}

// door records what With passes to it, and handles errOdd.
type door struct {
	enter error
	exits *[]error
}

func (d door) AEnter(*callback.Co) (int, error) { return 7, d.enter }

func (d door) AExit(co *callback.Co, err error) error {
	*d.exits = append(*d.exits, err, co.Sleep(0))
	if err == errOdd {
		return nil
	}
	return err
}

func TestWith(t *testing.T) {
	var exits []error
	other := errors.New("other")
	d := door{exits: &exits}
	unwindsWith(t, other, func(co *callback.Co) {
		equal(t, callback.With(co, d, func(v int) error { equal(t, v, 7); return nil }), nil)
		equal(t, callback.With(co, d, func(int) error { return errOdd }), nil)
		equal(t, callback.With(co, d, func(int) error { return other }), other)
		equal(t, callback.With(co, d, func(int) error { co.Must(errOdd); return nil }), nil)
		equal(t, callback.With(co, door{errOdd, &exits}, func(int) error { t.Error("fn was called"); return nil }), errOdd)
		_, err := callback.Spawn(co.Loop(), callback.Proc(func(co *callback.Co) error {
			return callback.With(co, d, func(int) error { panic("boom") })
		})).Await(co)
		_, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok, true)
		task := callback.CreateTask(co, callback.Proc(func(co *callback.Co) error {
			return callback.With(co, d, func(int) error { co.Must(co.Sleep(time.Hour)); return nil })
		}))
		co.Must(co.Sleep(0))
		task.Cancel()
		_, err = task.Await(co)
		equal(t, err, future.ErrCancelled)
		_ = callback.With(co, d, func(int) error { co.Must(other); return nil })
		t.Error("With has returned after it has unwound")
	})
	equalSlices(t, exits, []error{nil, nil, errOdd, nil, other, nil, errOdd, nil, callback.ErrPanicking, nil,
		future.ErrCancelled, nil, other, nil})
}
