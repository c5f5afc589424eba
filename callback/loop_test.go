package callback_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func TestCallbacksAreFIFO(t *testing.T) {
	loop := newLoop(t)
	var got []int
	for i := range 1000 {
		loop.AddCallback(func() { got = append(got, i) })
	}
	loop.AddCallback(loop.Stop)
	loop.Start()
	equal(t, len(got), 1000)
	equal(t, slices.IsSorted(got), true)
}

// asyncio: callbacks that a callback adds run in the next iteration (BaseEventLoop._run_once).
func TestTurnRunsReadyCallbacksOnly(t *testing.T) {
	loop := newLoop(t)
	var got []string
	add := func(name string, then ...func()) {
		loop.AddCallback(func() {
			got = append(got, name)
			for _, f := range then {
				f()
			}
		})
	}
	add("a", func() { add("a2") })
	add("b")
	equal(t, loop.Poll(), true)
	equalSlices(t, got, []string{"a", "b"})
	equal(t, loop.Poll(), false)
	equalSlices(t, got, []string{"a", "b", "a2"})
}

// Tornado: after IOLoop.stop, the current iteration is finished and the next one does not run.
func TestStopAfterCurrentTurn(t *testing.T) {
	loop := newLoop(t)
	var got []int
	loop.AddCallback(func() {
		got = append(got, 1)
		loop.Stop()
		loop.AddCallback(func() { got = append(got, 3) })
	})
	loop.AddCallback(func() { got = append(got, 2) })
	loop.Start()
	equalSlices(t, got, []int{1, 2})
	loop.AddCallback(loop.Stop)
	loop.Start()
	equalSlices(t, got, []int{1, 2, 3})
}

// Tornado: "If the event loop is not currently running, the next call to start() will return immediately."
func TestStopBeforeStart(t *testing.T) {
	loop := newLoop(t)
	ran := false
	loop.AddCallback(func() { ran = true })
	loop.Stop()
	loop.Start()
	equal(t, ran, false)
	loop.AddCallback(loop.Stop)
	loop.Start()
	equal(t, ran, true)
}

func TestStopFromGoroutine(t *testing.T) {
	loop := newLoop(t)
	wait := background(loop)
	loop.Stop()
	wait()
}

func TestStartRunningLoopPanics(t *testing.T) {
	var got error
	loop := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) { got = p }))
	loop.AddCallback(func() {
		defer loop.Stop()
		loop.Start()
	})
	loop.Start()
	wantError(t, got, callback.ErrLoopRunning)
	loop.AddCallback(func() {
		defer loop.Stop()
		_, got = callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, nil })
	})
	loop.Start()
	wantError(t, got, callback.ErrLoopRunning)
}

func TestClose(t *testing.T) {
	t.Run("runs accepted callbacks, refuses later ones", func(t *testing.T) {
		loop := newLoop(t)
		var got []int
		loop.AddCallback(func() {
			got = append(got, 1)
			loop.Close()
			equal(t, loop.AddCallback(func() { got = append(got, 9) }), false)
			wantError(t, loop.Execute(func() {}), callback.ErrLoopClosed)
		})
		loop.AddCallback(func() { got = append(got, 2) })
		loop.Start()
		equalSlices(t, got, []int{1, 2})
		loop.Start() // returns at once
		equal(t, loop.Poll(), false)
	})
	t.Run("runs callbacks added earlier in the same turn", func(t *testing.T) {
		loop := newLoop(t)
		ran := false
		loop.AddCallback(func() {
			loop.AddCallback(func() { ran = true })
			loop.Close()
		})
		loop.Start()
		equal(t, ran, true)
	})
	t.Run("runs callbacks itself if no driver does", func(t *testing.T) {
		loop := newLoop(t)
		ran := false
		loop.AddCallback(func() { ran = true })
		loop.Close()
		equal(t, ran, true)
		loop.Close()
	})
	t.Run("wakes a sleeping loop", func(t *testing.T) {
		loop := newLoop(t)
		wait := background(loop)
		loop.Close()
		wait()
	})
	t.Run("drops and logs timeouts", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		loop.CallLater(time.Hour, func() { t.Error("a timeout fired after Close") })
		loop.RemoveTimeout(loop.CallLater(time.Hour, func() {}))
		loop.Close()
		log.want(t, "closed before all timeouts fired", "timeouts=1")
		equal(t, loop.CallLater(0, func() {}) == nil, true)
	})
	t.Run("runs all callbacks despite Goexit", func(t *testing.T) {
		loop := newLoop(t)
		ran := 0
		for range 3 {
			loop.AddCallback(func() {
				ran++
				runtime.Goexit()
			})
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			loop.Close()
		}()
		<-done
		equal(t, ran, 3)
	})
}

func TestPanicInCallback(t *testing.T) {
	t.Run("handler gets it once with its stack", func(t *testing.T) {
		var got []*future.PanicError
		loop := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) { got = append(got, p) }))
		calls := 0
		loop.AddCallback(func() {
			calls++
			explode()
		})
		ran := false
		loop.AddCallback(func() { ran = true })
		loop.AddCallback(loop.Stop)
		loop.Start()
		equal(t, calls, 1)
		equal(t, ran, true)
		equal(t, len(got), 1)
		equal(t, got[0].Value, "boom")
		wantText(t, string(got[0].Stack), "explode")
	})
	t.Run("is logged by default", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		loop.AddCallback(explode)
		loop.Close()
		log.want(t, "a callback panicked", "boom", "explode")
	})
	t.Run("panic of the handler is logged", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()),
			callback.WithPanicHandler(func(*future.PanicError) { panic("worse") }))
		loop.AddCallback(explode)
		ran := false
		loop.AddCallback(func() { ran = true })
		loop.Close()
		log.want(t, "boom", "worse")
		equal(t, ran, true)
	})
}

func explode() { panic("boom") }

// Goexit ends the goroutine that runs the loop. The loop can be started again.
func TestGoexitInCallback(t *testing.T) {
	loop := newLoop(t)
	ran := 0
	loop.AddCallback(func() { ran++; runtime.Goexit() })
	loop.AddCallback(func() { ran++ })
	loop.AddCallback(loop.Stop)
	background(loop)()
	equal(t, ran, 1)
	background(loop)()
	equal(t, ran, 2)
}

func TestBlockingCallback(t *testing.T) {
	loop := newLoop(t)
	release := make(chan struct{})
	loop.AddCallback(func() { <-release })
	wait := background(loop)
	ran := make(chan struct{})
	for range 1000 {
		loop.AddCallback(func() {}) // AddCallback never blocks
	}
	loop.AddCallback(func() { close(ran) })
	select {
	case <-ran:
		t.Error("a callback ran during another one, want one at a time")
	default:
	}
	close(release)
	<-ran
	loop.Stop()
	wait()
}

func TestCallbackAddsManyCallbacks(t *testing.T) {
	loop := newLoop(t)
	const n = 1_000_000
	last := -1
	loop.AddCallback(func() {
		for i := range n {
			loop.AddCallback(func() {
				if i != last+1 {
					t.Errorf("callback %d ran after %d, want %d", i, last, last+1)
				}
				last = i
			})
		}
		loop.AddCallback(loop.Stop)
	})
	loop.Start()
	equal(t, last, n-1)
}

func TestCallbackOrderPerGoroutine(t *testing.T) {
	loop := newLoop(t)
	const posters, each = 8, 5000
	var last [posters]int // needs no lock: only callbacks use it
	total := 0
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				loop.AddCallback(func() {
					if last[p] != i {
						t.Errorf("poster %d: callback %d, want %d", p, i, last[p])
					}
					last[p]++
					total++
				})
			}
		})
	}
	wait := background(loop)
	wg.Wait()
	loop.AddCallback(loop.Stop)
	wait()
	equal(t, total, posters*each)
}

func TestSlowCallbackIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []callback.SlowCallback
		loop := newLoop(t, callback.WithSlowCallback(time.Second, func(s callback.SlowCallback) { got = append(got, s) }))
		loop.AddCallback(func() { time.Sleep(time.Second) }) // the limit itself is not slow
		loop.AddCallback(dawdle)
		run(t, loop, func(*callback.Co) error {
			time.Sleep(3 * time.Second)
			return nil
		})
		equal(t, len(got), 2)
		equal(t, got[0].Took, 2*time.Second)
		wantText(t, got[0].Name, "dawdle (", "loop_test.go:")
		equal(t, got[1].Took, 3*time.Second)
		wantText(t, got[1].Name, "main_test.go:") // names the function of the coroutine
	})
}

func dawdle() { time.Sleep(2 * time.Second) }
