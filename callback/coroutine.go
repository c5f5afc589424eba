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

// coroutine is the loop's side of a [Co]. Only the loop's driver and the coroutine itself use it, and one of them stands
// still while the other runs.
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
	stopParent func() bool // ends the watch over parent

	node ring.Node // among the loop's

	entry     uintptr             // of what it runs, for messages
	onSettled future.Registration // with its future: if that settles while the coroutine runs, it was cancelled

	waiting  bool  // in Suspend, or not started
	done     bool  // the function has returned
	closing  bool  // the loop was closed
	refusals int32 // awaits that failed because the coroutine has been cancelled
}

// body is the part of a coroutine that depends on the type of its result.
type body interface {
	// do performs one step of the coroutine. Parameter and result are for bodyReject and bodyReason.
	do(step bodyStep, err error) error
}

type bodyStep uint8

const (
	bodyRun    bodyStep = iota // calls the function and settles the future
	bodyReject                 // fails the future with err, since the function panicked, called runtime.Goexit, or never began
	bodyReason                 // returns the error of the future, which was cancelled
)

func (c *coroutine) reject(err error) {
	c.onSettled.Stop()
	_ = c.body.do(bodyReject, err)
}

// maxRefusals is how often a cancelled coroutine may try to wait before it is ended, because it ignores the errors of its
// awaits: for { co.Sleep(time.Second); report() }. Such a coroutine would never let the loop run again.
const maxRefusals = 1000

// resume runs the coroutine until it waits again or ends. The driver calls it. Everything that may end the wait posts it,
// so it also comes late, early, or twice, and the coroutine checks for itself.
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
		c.begin()
	}
	c.fiber.next()
	if c.done {
		cs.all.Remove(&c.node)
		cs.takeBack(c.fiber)
	}
}

// goexited is called instead of the end of resume if the coroutine has ended its goroutine.
func (c *coroutine) goexited() {
	c.loop.coroutines.all.Remove(&c.node)
	c.loop.coroutines.fibers--
}

// wait stops the coroutine until resume. The coroutine calls it.
func (c *coroutine) wait() {
	c.waiting = true
	c.fiber.yield(struct{}{})
}

// waker wakes a coroutine when the future that it awaits settles. One serves many awaits.
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

// unwatch ends the effect of watch. If the future is being settled at this moment, the waker is still to be called, and
// cannot be used again.
func (c *coroutine) unwatch() {
	if !c.waker.woken.Load() && !c.waker.registration.Stop() {
		c.waker = nil
	}
}

// cancelOnDone is a coroutine as the waker of its own future: if the future settles while the coroutine still runs, it
// was cancelled.
type cancelOnDone coroutine

// Wake implements [future.Waker].
func (w *cancelOnDone) Wake() { w.loop.post((*coroutine)(w).cancelled) }

// cancelled is called on the loop.
func (c *coroutine) cancelled() {
	if c.done {
		return
	}
	c.cancel(c.body.do(bodyReason, nil))
	c.resume()
}

// end makes the coroutine of a closed loop end.
func (c *coroutine) end() {
	defer c.loop.catch()
	c.closing = true
	c.cancel(ErrLoopClosed)
	c.resume()
}

// finished is called when the function has returned. The Co does not end here: operations that were started with it and
// not awaited go on.
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
		c.loop.log().Warn("callback: a cancelled coroutine ignores the errors of its awaits; ending it",
			slog.String("name", entryName(c.entry)))
	}
	runtime.Goexit()
}

// coroutines are those of one loop.
type coroutines struct {
	all ring.List // that have not ended, in the order of their start

	idle    []*fiber
	fibers  int        // idle or not
	home    header     // of the goroutine that made the fibers, if there are any
	driver  identity   // the last that was found to be on home's thread
	resumed *coroutine // the last that was resumed
}

// maxIdle is how many goroutines a loop keeps for the next coroutines while it runs.
const maxIdle = 64

// fiberFor returns a fiber that will run c.
func (cs *coroutines) fiberFor(c *coroutine) (f *fiber) {
	if n := len(cs.idle); n > 0 {
		f = cs.idle[n-1] // the last: its stack is in the processor's caches
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
	// A host runs many turns on the same goroutine, which is checked once.
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

var errGoexit = errors.New("runtime.Goexit was called")

func goexitError() error {
	return &future.PanicError{Value: errGoexit, Stack: debug.Stack()}
}

// fiber is a goroutine that runs coroutines, one after the other, and only while the loop's own goroutine stands
// still. It is an iter.Pull: a switch there and back costs a quarter of what a pair of channels does.
type fiber struct {
	next  func() (struct{}, bool) // the loop's: goes on with the coroutine until it waits or ends
	stop  func()                  // the loop's: ends an idle fiber
	yield func(struct{}) bool     // the coroutine's: goes on with the loop

	coroutine *coroutine // being run
	identity  identity   // of the goroutine
}

func newFiber() *fiber {
	f := new(fiber)
	f.next, f.stop = iter.Pull(f.main)
	return f
}

func (f *fiber) main(yield func(struct{}) bool) {
	f.yield = yield
	f.identity = currentIdentity()
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
			c.reject(&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
			return
		}
		// Nothing can keep this goroutine from ending. iter.Pull would pass the Goexit on to the loop's goroutine, which
		// must not end. It passes a panic on, too, and the loop can recover from that.
		c.reject(goexitError())
		panic(fiberEnded{c})
	}()
	_ = c.body.do(bodyRun, nil)
	returned = true
}

// Two mistakes corrupt memory or end the process with a fatal error, and must become panics with a clear text: a Co that
// is awaited on another goroutine than its coroutine's, and a coroutine that is resumed under another LockOSThread state
// than it was made under. Go has no function for either check. identity_test.go pins what these rely on.

// identity tells goroutines that are alive apart, and nothing else; see currentIdentity.
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

// sameThread reports whether the goroutine of o can resume coroutines that the goroutine of h has made: the runtime
// insists that both are free, or that both are locked to one thread.
func (h header) sameThread(o header) bool {
	return h.locked == o.locked && (!h.locked || h.id == o.id)
}
