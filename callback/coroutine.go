package callback

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/ring"
)

// coroutine is the state of a coroutine. Only the loop's driver and the coroutine itself use it, never both at a time.
type coroutine struct {
	loop  *Loop
	body  body
	co    Co // the one that the function was given
	fiber *fiber
	step  func()  // resume, made once, so that waking the coroutine allocates nothing
	timer Timeout // of the Sleep that it is in
	waker *waker  // of the await that it is in

	parent     context.Context
	cancel     context.CancelCauseFunc
	stopParent func() bool // unregisters from parent

	node ring.Node // in the list of the loop's coroutines

	entry     uintptr             // address of its function, for messages
	onSettled future.Registration // with its future: if that settles while the coroutine runs, it was cancelled

	waiting  bool  // in Suspend, or not started
	done     bool  // the function has returned
	closing  bool  // the loop was closed
	refusals int32 // awaits that failed because the coroutine has been cancelled
}

// body is the part of a coroutine that depends on the type of its result.
type body interface {
	// do performs one step of the coroutine. The parameter is for bodyReject and bodyUnwound, the result for bodyReason.
	do(step bodyStep, err error) error
}

type bodyStep uint8

const (
	bodyRun     bodyStep = iota // calls the function and settles the future
	bodyReject                  // fails the future with err: the function panicked, called runtime.Goexit, or never began
	bodyUnwound                 // fails the future with err, with which Must has unwound the function
	bodyReason                  // returns the error of the future, which was cancelled
)

func (c *coroutine) reject(err error) {
	c.onSettled.Stop()
	_ = c.body.do(bodyReject, err)
}

// maxRefusals is how often a cancelled coroutine may try to wait before it is ended. A coroutine that ignores the errors of
// its awaits, as in for { co.Sleep(time.Second); report() }, would never let the loop run again.
const maxRefusals = 1000

// resume runs the coroutine until it waits again or ends. The driver calls it. Every event that may end the wait posts it,
// so it may be called late, early or twice; the coroutine checks whether its wait is over.
func (c *coroutine) resume() {
	if !c.waiting {
		return
	}
	c.waiting = false
	cs := &c.loop.coroutines
	if c.loop.slow != nil {
		cs.resumed = c
	}
	if c.fiber == nil {
		if reason := c.endedBeforeStart(); reason != nil {
			c.finished()
			c.reject(reason)
			return
		}
		c.begin()
	}
	c.fiber.next()
	if c.done {
		cs.all.Remove(&c.node)
		cs.takeBack(c.fiber)
	}
}

// goexited replaces the end of resume if the coroutine has called runtime.Goexit.
func (c *coroutine) goexited() {
	c.loop.coroutines.all.Remove(&c.node)
	c.loop.coroutines.fibers--
}

// wait suspends the coroutine until resume. The coroutine calls it.
func (c *coroutine) wait() {
	c.waiting = true
	c.fiber.yield(struct{}{})
}

// waker wakes a coroutine when the future that it awaits settles. It is reused for later awaits.
type waker struct {
	registration future.Registration
	c            *coroutine
	woken        atomic.Bool
}

// Wake implements [future.Waker].
func (w *waker) Wake() {
	w.woken.Store(true)
	w.c.loop.post(w.c.step)
}

// watch wakes the coroutine when on settles.
func (c *coroutine) watch(on future.Awaitable) {
	if c.waker == nil {
		c.waker = &waker{c: c}
	}
	c.waker.woken.Store(false)
	on.NotifyWith(&c.waker.registration, c.waker)
}

// unwatch undoes watch. If the future is just being settled, the waker will still be called and cannot be reused.
func (c *coroutine) unwatch() {
	if !c.waker.woken.Load() && !c.waker.registration.Stop() {
		c.waker = nil
	}
}

// cancelOnDone is the waker of a coroutine's own future. If the future settles while the coroutine still runs, it was
// cancelled.
type cancelOnDone coroutine

// Wake implements [future.Waker].
func (w *cancelOnDone) Wake() { w.loop.post((*coroutine)(w).cancelled) }

// endedBeforeStart returns why a coroutine that has not begun must not begin, or nil.
func (c *coroutine) endedBeforeStart() error {
	if reason := c.body.do(bodyReason, nil); reason != nil && reason != future.ErrNotDone {
		return reason
	}
	if c.co.ctx.Err() != nil {
		return context.Cause(c.co.ctx)
	}
	if c.parent.Err() != nil {
		return context.Cause(c.parent)
	}
	return nil
}

// cancelled is called on the loop.
func (c *coroutine) cancelled() {
	if c.done {
		return
	}
	c.cancel(c.body.do(bodyReason, nil))
	c.resume()
}

// end ends the coroutine of a closed loop.
func (c *coroutine) end() {
	defer c.loop.catch()
	c.closing = true
	c.cancel(ErrLoopClosed)
	c.resume()
}

// finished is called when the function has returned. It does not end the Co, since operations that were started with it
// and not awaited go on.
func (c *coroutine) finished() {
	c.done = true
	if c.stopParent != nil {
		c.stopParent()
	}
}

// countRefusal ends a coroutine that ignores that it was cancelled.
func (c *coroutine) countRefusal() {
	if c.refusals++; c.refusals <= maxRefusals {
		return
	}
	if c.refusals == maxRefusals+1 {
		c.loop.log().Warn("callback: ending a cancelled coroutine that ignores the errors of its awaits",
			slog.String("name", entryName(c.entry)))
	}
	runtime.Goexit()
}

// coroutines are the coroutines of one loop.
type coroutines struct {
	all ring.List // those that have not ended, in the order of their start

	idle    []*fiber
	fibers  int        // idle or not
	home    header     // of the goroutine that made the fibers, if there are any
	driver  identity   // the last goroutine that rightThread accepted
	resumed *coroutine // the last one that was resumed
}

// maxIdle is how many goroutines a loop keeps for the next coroutines while it runs.
const maxIdle = 64

// fiberFor returns a fiber that will run c.
func (cs *coroutines) fiberFor(c *coroutine) (f *fiber) {
	if n := len(cs.idle); n > 0 {
		f = cs.idle[n-1] // the last one, whose stack is still in the processor's caches
		cs.idle[n-1] = nil
		cs.idle = cs.idle[:n-1]
	} else {
		if cs.fibers == 0 {
			cs.home = currentHeader()
			cs.driver = currentIdentity()
		}
		cs.fibers++
		f = newFiber()
	}
	f.coroutine = c
	return f
}

func (cs *coroutines) takeBack(f *fiber) {
	if len(cs.idle) < maxIdle {
		cs.idle = append(cs.idle, f)
		return
	}
	cs.fibers--
	f.stop()
}

func (cs *coroutines) stopIdle() {
	cs.fibers -= len(cs.idle)
	for _, f := range cs.idle {
		f.stop()
	}
	clear(cs.idle)
	cs.idle = cs.idle[:0]
}

// endAll ends the coroutines of a closed loop.
func (cs *coroutines) endAll() {
	for n := cs.all.First(); n != nil; n = cs.all.First() {
		n.Owner.(*coroutine).end()
	}
}

// rightThread reports whether this goroutine can resume the loop's coroutines.
func (l *Loop) rightThread() bool {
	cs := &l.coroutines
	if cs.fibers == 0 {
		return true
	}
	// A host mostly runs its turns on the same goroutine, so the last one is remembered.
	me := currentIdentity()
	if l.host != nil && me == cs.driver {
		return true
	}
	if !cs.home.sameThread(currentHeader()) {
		return false
	}
	cs.driver = me
	return true
}

var (
	errGoexit  = errors.New("runtime.Goexit was called")
	errRefused = errors.New("the coroutine was ended because it ignored that it was cancelled")
)

// goexitError returns the error of a coroutine that has called runtime.Goexit, or that countRefusal has ended.
func (c *coroutine) goexitError() error {
	reason := errGoexit
	if c.refusals > maxRefusals {
		reason = errRefused
	}
	return &future.PanicError{Value: reason, Stack: debug.Stack()}
}

// passGoexit repeats the runtime.Goexit of a coroutine, if err is the error of one, so that t.Fatal and t.Skip of a
// coroutine end the test that has called RunSync.
func passGoexit(err error) {
	if p, ok := errors.AsType[*future.PanicError](err); ok && p.Value == any(errGoexit) {
		runtime.Goexit()
	}
}

// fiber is a goroutine that runs coroutines, one after another, and only while the loop's own goroutine waits. It uses
// iter.Pull, whose switch there and back takes a quarter of the time of a pair of channels.
type fiber struct {
	next  func() (struct{}, bool) // called by the loop: runs the coroutine until it waits or ends
	stop  func()                  // called by the loop: ends an idle fiber
	yield func(struct{}) bool     // called by the coroutine: returns to the loop

	coroutine *coroutine     // being run
	goroutine atomic.Uintptr // the identity of the goroutine; 0 once it has ended
}

func (f *fiber) identity() identity { return identity(f.goroutine.Load()) }

func newFiber() *fiber {
	f := new(fiber)
	f.next, f.stop = iter.Pull(f.main)
	return f
}

func (f *fiber) main(yield func(struct{}) bool) {
	f.yield = yield
	f.goroutine.Store(uintptr(currentIdentity()))
	for {
		f.run(f.coroutine)
		f.coroutine = nil
		if !yield(struct{}{}) {
			return
		}
	}
}

// fiberEnded is the panic value of a fiber whose coroutine has called runtime.Goexit: see Loop.catch.
type fiberEnded struct{ c *coroutine }

func (f *fiber) run(c *coroutine) {
	returned := false
	defer func() {
		c.finished()
		if returned {
			return
		}
		if v := recover(); v != nil {
			if u, ok := v.(*unwinding); ok && u.c == c {
				c.onSettled.Stop()
				_ = c.body.do(bodyUnwound, u.err)
				return
			}
			c.reject(&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
			return
		}
		// The Goexit cannot be stopped. iter.Pull would repeat it on the loop's goroutine, which must not end. It also
		// repeats a panic, from which the loop can recover. The goroutine ends, and a later one may get its identity.
		f.goroutine.Store(0)
		c.reject(c.goexitError())
		panic(fiberEnded{c})
	}()
	_ = c.body.do(bodyRun, nil)
	returned = true
}

// Two mistakes would corrupt memory or end the process with a fatal error, so they are detected and panic with a clear
// text: a Co is awaited outside its coroutine, or a coroutine is resumed under another LockOSThread state than it was
// started under. Go has no function for either check. identity_test.go tests the assumptions made here.

// identity is equal for two goroutines only if they are the same, as long as both are alive: see currentIdentity.
type identity uintptr

// header is the first line of the current goroutine's stack trace: "goroutine 7 [running, locked to thread]:". Reading it
// takes microseconds.
type header struct {
	id     identity
	locked bool // to its OS thread
}

func currentHeader() (h header) {
	var buf [128]byte
	line := buf[:runtime.Stack(buf[:], false)]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	for _, c := range bytes.TrimPrefix(line, []byte("goroutine ")) {
		if c < '0' || c > '9' {
			break
		}
		h.id = h.id*10 + identity(c-'0')
	}
	h.locked = bytes.Contains(line, []byte("locked to thread"))
	return h
}

// sameThread reports whether the goroutine of o can resume coroutines that the goroutine of h has made. The runtime
// requires that both are unlocked, or that both are locked to the same thread.
func (h header) sameThread(o header) bool {
	return h.locked == o.locked && (!h.locked || h.id == o.id)
}
