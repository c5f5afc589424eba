package callback_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// pendingWait is a pending future of any type.
type pendingWait interface {
	future.Awaitable
	Err() error
	Cancel(cause ...error) bool
}

// waits has all ways to wait with a loop. Each wait is pending until serve provides what it waits for: an item, a
// permit, a notification. left counts what was provided and not taken, which another wait can have.
var waits = []struct {
	name  string
	begin func(loop *callback.Loop) (wait func(timeout ...time.Duration) pendingWait, serve func(), left func() int)
}{
	{"event", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		e := callback.NewEvent(loop)
		return func(d ...time.Duration) pendingWait { return e.Wait(d...) }, e.Set, nil
	}},
	{"condition", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		c := callback.NewCondition(loop)
		return func(d ...time.Duration) pendingWait { return c.Wait(d...) }, func() { c.Notify(1) }, nil
	}},
	{"semaphore", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		s := callback.NewSemaphore(loop, 0)
		return func(d ...time.Duration) pendingWait { return s.Acquire(d...) }, s.Release, func() (n int) {
			f := s.Acquire()
			for ; f.IsDone(); f = s.Acquire() {
				n++
			}
			f.Cancel()
			return n
		}
	}},
	{"lock", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		l := callback.NewLock(loop)
		l.Acquire()
		return func(d ...time.Duration) pendingWait { return l.Acquire(d...) }, l.Release, func() int {
			if l.Locked() {
				return 0
			}
			return 1
		}
	}},
	{"queue get", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		q := callback.NewQueue[int](loop, 0)
		return func(d ...time.Duration) pendingWait { return q.Get(d...) }, func() { q.Put(1) }, q.QSize
	}},
	{"queue put", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		q := callback.NewQueue[int](loop, 1)
		q.Put(1)
		room := func() int { return q.MaxSize() - q.QSize() }
		return func(d ...time.Duration) pendingWait { return q.Put(2, d...) }, func() { _, _ = q.GetNowait() }, room
	}},
	{"priority queue get", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		q := callback.NewPriorityQueue(loop, 0, func(a, b int) int { return a - b })
		return func(d ...time.Duration) pendingWait { return q.Get(d...) }, func() { q.Put(1) }, q.QSize
	}},
	{"queue join", func(loop *callback.Loop) (func(...time.Duration) pendingWait, func(), func() int) {
		q := callback.NewQueue[int](loop, 0)
		q.Put(1)
		return func(d ...time.Duration) pendingWait { return q.Join(d...) }, q.TaskDone, nil
	}},
}

// drives has the ways to run a loop until it is closed.
var drives = []struct {
	name  string
	start func(t *testing.T) *callback.Loop
}{
	{"on a goroutine", func(t *testing.T) *callback.Loop {
		loop := newLoop(t)
		go loop.Start()
		synctest.Wait()
		return loop
	}},
	{"not at all", func(t *testing.T) *callback.Loop { return newLoop(t) }},
	{"by a host", func(t *testing.T) *callback.Loop {
		return newLoop(t, callback.WithHost(future.ExecutorFunc(func(task func()) error {
			go task()
			return nil
		})))
	}},
}

// A wait ends with ErrLoopClosed when its loop is closed, with or without a timeout.
func TestWaitsEndOnClose(t *testing.T) {
	for _, drive := range drives {
		for _, w := range waits {
			for _, timeout := range [][]time.Duration{nil, {time.Minute}} {
				t.Run(fmt.Sprintf("%s/run %s/timeout %v", w.name, drive.name, timeout), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						loop := drive.start(t)
						wait, _, _ := w.begin(loop)
						began := time.Now()
						before := wait(timeout...)
						called := 0
						before.Notify(wakerFunc(func() { called++ }))
						synctest.Wait()
						equal(t, before.IsDone(), false)
						loop.Close()
						synctest.Wait()
						after := wait(timeout...)
						for _, f := range []pendingWait{before, after} {
							equal(t, f.IsDone(), true)
							equal(t, f.Err(), callback.ErrLoopClosed)
						}
						time.Sleep(time.Hour)
						equal(t, called, 1)
						equal(t, time.Since(began), time.Hour)
					})
				})
			}
		}
	}
}

type wakerFunc func()

func (f wakerFunc) Wake() { f() }

// A wait that ends early takes nothing. The next wait gets what is provided.
func TestEndedWaitsTakeNothing(t *testing.T) {
	ends := []struct {
		name string
		want error
		end  func(t *testing.T, f pendingWait)
	}{
		{"timeout", future.ErrTimeout, func(_ *testing.T, _ pendingWait) { time.Sleep(2 * time.Second) }},
		{"Cancel", future.ErrCancelled, func(_ *testing.T, f pendingWait) { f.Cancel() }},
		{"context of Await", future.ErrCancelled, func(t *testing.T, f pendingWait) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			awaitAny(ctx, f)
		}},
	}
	for _, w := range waits {
		for _, end := range ends {
			t.Run(w.name+"/"+end.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					loop := drives[0].start(t)
					wait, serve, left := w.begin(loop)
					first, second := wait(time.Second), wait()
					end.end(t, first)
					synctest.Wait()
					equal(t, first.IsDone(), true)
					if w.name != "condition" || end.name != "timeout" { // as in Tornado, its result is false and no error
						wantError(t, first.Err(), end.want)
					}
					equal(t, second.IsDone(), false)
					serve()
					equal(t, second.IsDone(), true)
					equal(t, second.Err(), nil)
					if left != nil {
						equal(t, left(), 0) // the second wait has taken it
						third := wait()
						third.Cancel()
						serve()
						equal(t, left(), 1)
					}
					loop.Close()
				})
			})
		}
	}
}

// awaitAny awaits a future of any of the types of waits.
func awaitAny(ctx context.Context, f pendingWait) {
	switch f := f.(type) {
	case *future.Future[none]:
		_, _ = f.Await(ctx)
	case *future.Future[bool]:
		_, _ = f.Await(ctx)
	case *future.Future[int]:
		_, _ = f.Await(ctx)
	case *future.Future[func()]:
		_, _ = f.Await(ctx)
	}
}

// Close runs the accepted callbacks, which can still end waits.
func TestCallbacksOfCloseServeWaits(t *testing.T) {
	loop := newLoop(t)
	q := callback.NewQueue[int](loop, 0)
	get, next := q.Get(time.Hour), q.Get()
	loop.AddCallback(func() { q.Put(7) })
	loop.Close()
	v, err := get.Result()
	equal(t, v, 7)
	equal(t, err, nil)
	equal(t, next.Err(), callback.ErrLoopClosed)
	equal(t, q.PutNowait(8), nil)
	equal(t, q.Get().IsDone(), true) // an item is there, so Get does not wait
}

func TestWaitWithTwoTimeoutsPanics(t *testing.T) {
	sem := callback.NewSemaphore(newLoop(t), 0)
	equal(t, panicOf(func() { sem.Acquire(1, 2) }) != nil, true)
	equal(t, callback.Waiting(sem), 0)
}

// asyncio: a task that is cancelled while it waits for a lock leaves the queue of the lock.
func TestCancelledWaitsLoseNothing(t *testing.T) {
	cancelWait := func(t *testing.T, loop *callback.Loop, wait func(co *callback.Co) error) {
		t.Helper()
		f := callback.Spawn(loop, func(co *callback.Co) (none, error) { return none{}, wait(co) })
		loop.Poll()
		f.Cancel()
		for loop.Poll() {
		}
		wantError(t, f.Err(), future.ErrCancelled)
	}
	t.Run("a permit", func(t *testing.T) {
		loop := newLoop(t)
		sem := callback.NewSemaphore(loop, 0)
		cancelWait(t, loop, func(co *callback.Co) error {
			_, err := sem.Acquire().Await(co)
			return err
		})
		equal(t, callback.Waiting(sem), 0)
		sem.Release()
		equal(t, sem.Acquire().IsDone(), true)
	})
	t.Run("an item", func(t *testing.T) {
		loop := newLoop(t)
		q := callback.NewQueue[int](loop, 1)
		cancelWait(t, loop, func(co *callback.Co) error {
			_, err := q.Get().Await(co)
			return err
		})
		q.Put(1)
		cancelWait(t, loop, func(co *callback.Co) error {
			_, err := q.Put(2).Await(co)
			return err
		})
		equal(t, len(drain(q)), 1)
	})
	t.Run("deadline of a context", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			sem := callback.NewSemaphore(loop, 0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := sem.Acquire().Await(ctx)
			wantError(t, err, context.DeadlineExceeded)
			equal(t, callback.Waiting(sem), 0)
		})
	})
}
