package callback_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// mainLoop is a main loop that does not use this package.
type mainLoop chan func()

func (m mainLoop) Execute(task func()) error {
	m <- task
	return nil
}

func TestLoopWithHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := make(mainLoop, 16)
		loop := newLoop(t, callback.WithHost(host))
		began := time.Now()
		var got []time.Duration
		note := func() { got = append(got, time.Since(began)) }
		done := false
		loop.AddCallback(note)
		loop.CallLater(2*time.Second, note)
		loop.CallLater(time.Second, note)
		callback.Spawn(loop, func(co *callback.Co) (none, error) {
			defer func() { done = true }()
			if err := co.Sleep(3 * time.Second); err != nil {
				return none{}, err
			}
			note()
			return none{}, nil
		})
		for !done {
			(<-host)()
		}
		equalSlices(t, got, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second})
		_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, nil })
		equal(t, err, callback.ErrLoopRunning)

		waiting := callback.Spawn(loop, func(co *callback.Co) (none, error) { return none{}, co.Sleep(time.Hour) })
		(<-host)()
		loop.Close()
		(<-host)()
		wantError(t, waiting.Err(), callback.ErrLoopClosed)
		synctest.Wait()
		equal(t, len(host), 0)
	})
}

// A host may run its tasks on many goroutines. Turns do not overlap, so callbacks share state without locks.
func TestHostedTurnsDoNotOverlap(t *testing.T) {
	host := future.ExecutorFunc(func(task func()) error {
		go task()
		return nil
	})
	loop := newLoop(t, callback.WithHost(host))
	const posters, each = 4, 2000
	unlocked := 0
	all := make(chan none)
	var wg sync.WaitGroup
	for range posters {
		wg.Go(func() {
			for i := range each {
				loop.AddCallback(func() {
					unlocked++
					if unlocked == posters*each {
						close(all)
					}
				})
				if i%10 == 0 {
					loop.SpawnCallback(func(co *callback.Co) error { return co.Sleep(0) })
				}
			}
		})
	}
	wg.Wait()
	<-all
}

func TestHostRefuses(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	tasks := make(mainLoop, 16)
	log := newLogRecorder()
	loop := callback.NewLoop(callback.WithLogger(log.logger()), callback.WithHost(future.ExecutorFunc(func(task func()) error {
		if refuse.Load() {
			return errors.New("not now")
		}
		return tasks.Execute(task)
	})))
	ran := 0
	equal(t, loop.AddCallback(func() { ran++ }), true)
	log.want(t, "refused", "not now")
	refuse.Store(false)
	loop.AddCallback(func() { ran++ })
	(<-tasks)()
	equal(t, ran, 2)
	refuse.Store(true)
	loop.AddCallback(func() { ran++ })
	loop.Close() // runs the callbacks that the host refused
	equal(t, ran, 3)
}

func TestHostedGoexit(t *testing.T) {
	host := future.ExecutorFunc(func(task func()) error {
		go task()
		return nil
	})
	loop := newLoop(t, callback.WithHost(host))
	ran := make(chan none)
	loop.AddCallback(runtime.Goexit)
	loop.AddCallback(func() { close(ran) })
	<-ran
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := newLoop(t)
		frames := 0
		done := false
		loop.SpawnCallback(func(co *callback.Co) error {
			defer func() { done = true }()
			return co.Sleep(time.Second)
		})
		for ; !done; frames++ { // the main loop of a game
			loop.Poll()
			time.Sleep(time.Second / 60)
		}
		equal(t, frames >= 60, true)
	})
}
