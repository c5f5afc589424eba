package future

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Future is the outcome of an operation that may still be running: a value of type T, an error, or both (for example
// after a bulk write that failed half way). It is made by a [Promise], by [Go], or from other futures. It is safe for
// concurrent use.
type Future[T any] struct {
	core
	value T // not part of the outcome of a cancelled future: see outcome
}

// Await waits until the future is settled and returns its outcome.
//
// When ctx ends, only this wait ends, with ctx.Err(). The future and its operation go on, and a later Await may succeed.
// To stop the operation, use [Future.Cancel]. If ctx is a [Suspender], Await suspends instead of blocking.
//
// If ctx is the same context that the operation was called with, no other caller is expected to wait. Then, when ctx
// ends, Await either returns the outcome or cancels the operation, in one step. So a result that the operation has read
// is never lost: see [Op].Undo.
func (f *Future[T]) Await(ctx context.Context) (v T, err error) {
	mustHave(f != nil, "Await", "the future")
	if !f.cell.isSettled() {
		if err := f.cell.wait(ctx); err != nil {
			return v, err
		}
	}
	has, err := f.cell.read()
	if has {
		v = f.value
	}
	return v, err
}

// Result returns the outcome, or [ErrNotDone] while the future is pending. It never waits.
func (f *Future[T]) Result() (v T, err error) {
	mustHave(f != nil, "Result", "the future")
	has, err := f.cell.result()
	if has {
		v = f.value
	}
	return v, err
}

// Err returns the error of a settled future, or nil. It returns [ErrNotDone] while the future is pending.
func (f *core) Err() error {
	_, err := f.cell.result()
	return err
}

// Done returns a channel that is closed once the future is settled. The first call makes the channel. Await is cheaper,
// since it needs no channel for a future that is settled.
func (f *core) Done() <-chan struct{} {
	return f.cell.doneChan()
}

// IsDone reports whether the future is settled: with a value, with an error, or by Cancel.
func (f *core) IsDone() bool {
	return f.cell.isSettled()
}

// Cancelled reports whether the future was settled by Cancel.
func (f *core) Cancelled() bool {
	return f.cell.state.load()&cancelled != 0
}

// Cancel settles a pending future with [ErrCancelled], joined with the cause if one is given, and reports whether
// it did. It ends the context of the future's operation, if it has one; a queued task never starts. An operation that was
// running may still have its effect, since requests that were sent cannot be recalled.
//
// Futures derived from this one get ErrCancelled as their input's outcome. The futures that this one was derived from
// are not cancelled, since other futures may wait for them; Cancel only unregisters from them.
func (f *core) Cancel(cause ...error) bool {
	err := ErrCancelled
	for _, c := range cause {
		if c != nil {
			err = &cancelError{c}
			break
		}
	}
	return f.cell.cancel(err)
}

// outcome returns the outcome of a settled future.
func outcome[T any](f *Future[T]) (v T, err error) {
	if f.cell.hasValue() {
		v = f.value
	}
	return v, f.cell.failure()
}

// settle publishes an outcome, unless the future is settled, and returns the links that waited for it.
func settle[T any](f *Future[T], v T, err error) (b batch, ok bool) {
	aux := f.cell.toStore(err)
	state := f.cell.state.lock()
	if state&settled != 0 {
		f.cell.late(state, aux)
		return batch{}, false
	}
	f.value = v
	return f.cell.publish(state, aux), true
}

// Notify arranges for w.Wake to be called once, on the stack that settles the future, or before Notify returns if it is
// settled already: see [Waker]. It is for schedulers; for results, use [Future.OnComplete].
func (f *core) Notify(w Waker) *Registration {
	mustHave(w != nil, "Notify", "w")
	return f.cell.notify(new(Registration), w)
}

// NotifyWith is Notify with a registration that the caller provides. It must be a zero Registration, or one that is no
// longer in use: its Wake has been called, or its Stop has returned true.
func (f *core) NotifyWith(r *Registration, w Waker) {
	mustHave(w != nil, "NotifyWith", "w")
	f.cell.notify(r, w)
}

// Registration is the result of [Future.Notify].
type Registration struct {
	link
	w Waker
}

func (c *cell) notify(r *Registration, w Waker) *Registration {
	r.w, r.c = w, r
	state := c.state.lock()
	if state&settled != 0 {
		c.state.unlock(state)
		w.Wake()
		return r
	}
	r.on.Store(c)
	c.links = c.links.append(&r.link)
	c.state.unlock(state)
	return r
}

// Stop cancels the registration and reports whether it prevented the call of Wake.
func (r *Registration) Stop() bool { return r.detach() }

func (r *Registration) userCode() bool { return false }

func (r *Registration) fire() batch { r.w.Wake(); return batch{} }

func (r *Registration) fail(error) batch {
	return batch{}
}

// The bits of cell.state. Once set they stay set, except draining.
const (
	settled        uint32 = 1 << iota // the outcome is published
	cancelled                         // settled by Cancel
	observed                          // the outcome has been read, or a reader is registered
	draining                          // a runner is running the callbacks, or is about to
	inPlace                           // an Await may run the task itself: see cell.runInPlace
	closing                           // the outcome is decided, and Cancel returns false
	cancelOnGiveUp                    // an Await that gives up cancels the future: see NewPromiseCancelledOnGiveUp
)

// core has the methods of a [Future] that do not depend on the type of its value. They are promoted, and compiled
// once.
//
// A generic type should declare as few methods as possible and embed nothing that has unexported methods: a program
// compiles, for every type that it can reach, all the methods of that type.
type core struct {
	_    [0]func() // makes futures incomparable, so that no comparison is compiled for each of them
	cell cell
}

// cell is the state of a future, except its value.
type cell struct {
	state state         // its lock guards the other fields until the future is settled, and links also after that
	done  chan struct{} // made at the first call of Done
	links *link         // the first link that waits for the outcome; the list is in the order of registration
	ex    Executor      // where callbacks run; nil: on a goroutine each

	// aux is the owner, which Cancel stops, while the future is pending. Then it is the error, or an *unobservedError with
	// it if the error was not observed when the future settled.
	aux any
}

// owner is notified when its pending future is cancelled.
type owner interface {
	// abandon is called once, with no lock held, after the future was settled by Cancel.
	abandon()
}

// closed is the Done channel of futures that were settled before the first call of Done.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (c *cell) isSettled() bool { return c.state.load()&settled != 0 }

// failure returns the error of a settled future.
func (c *cell) failure() error {
	if c.aux == nil { // the usual case; this function is small enough to be inlined
		return nil
	}
	return c.failureFound()
}

func (c *cell) failureFound() error {
	if u, ok := c.aux.(*unobservedError); ok {
		return u.err
	}
	return c.aux.(error)
}

// hasValue reports whether the outcome of a settled future includes the stored value. In a cancelled future the operation
// may still store one, concurrently with readers: see operation.do.
func (c *cell) hasValue() bool { return c.state.load()&cancelled == 0 }

func (c *cell) result() (has bool, err error) {
	if !c.isSettled() {
		return false, ErrNotDone
	}
	return c.read()
}

// read returns the error of a settled future, which counts as observed from now on. has reports whether the outcome
// includes the value.
func (c *cell) read() (has bool, err error) {
	c.observe()
	return c.hasValue(), c.failure()
}

// observe records that the outcome of a settled future is observed. It takes no lock after a success.
func (c *cell) observe() {
	if c.aux == nil || c.state.load()&observed != 0 {
		return
	}
	state := c.state.lock()
	c.state.unlock(state | observed)
	if state&observed == 0 {
		c.stopReport()
	}
}

// stopReport stops the report of the error of a settled future, if there will be one.
func (c *cell) stopReport() {
	if u, ok := c.aux.(*unobservedError); ok {
		u.cleanup.Stop()
	}
}

// doneChan returns the channel that is closed at settlement.
func (c *cell) doneChan() <-chan struct{} {
	if c.isSettled() {
		return closed
	}
	// Allocated before the cell is locked, since a holder must not allocate.
	made := make(chan struct{})
	state := c.state.lock()
	switch {
	case state&settled != 0:
		made = closed
	case c.done == nil:
		c.done = made
	default:
		made = c.done
	}
	c.state.unlock(state)
	return made
}

// settle publishes err as the outcome, unless the future is settled, and returns the links that waited for it. The value
// is zero, or the one that the owner has stored.
func (c *cell) settle(err error) (b batch, ok bool) {
	aux := c.toStore(err)
	state, ok := c.lockPending(aux)
	if !ok {
		return batch{}, false
	}
	return c.publish(state, aux), true
}

// reject settles the future with err and no value.
func (c *cell) reject(err error) batch {
	b, _ := c.settle(err)
	return b
}

// toStore returns the value of aux for a future that is about to be settled with err, before the cell is locked.
func (c *cell) toStore(err error) any {
	if err == nil { // the usual case; this function is small enough to be inlined
		return nil
	}
	return c.toStoreError(err)
}

func (c *cell) toStoreError(err error) any {
	if c.state.load()&(settled|observed) != 0 || isCancel(err) {
		return err
	}
	return c.watch(err)
}

// lockPending locks the cell if the future is pending. If it is not, aux, the result of toStore, is not needed.
func (c *cell) lockPending(aux any) (state uint32, ok bool) {
	state = c.state.lock()
	if state&settled == 0 {
		return state, true
	}
	c.late(state, aux)
	return 0, false
}

// late unlocks a cell that is settled already. Then aux, the result of toStore, is not needed.
func (c *cell) late(state uint32, aux any) {
	c.state.unlock(state)
	if u, ok := aux.(*unobservedError); ok {
		u.cleanup.Stop()
	}
}

// publish settles the future. The caller has stored the value and holds the lock, which publish releases. It returns the
// links that waited for the outcome, which the caller must propagate.
func (c *cell) publish(state uint32, aux any) batch {
	state |= settled
	links := c.links
	if links != nil {
		c.links = nil
		if links.anyUserCode() {
			state |= draining
		}
	}
	var observedMeanwhile *unobservedError
	if aux != nil {
		if u, ok := aux.(*unobservedError); ok && state&observed != 0 {
			observedMeanwhile, aux = u, u.err
		}
		c.aux = aux
	} else if c.aux != nil { // writes of pointers are slow while the garbage collector is marking
		c.aux = nil
	}
	done := c.done
	c.state.unlock(state)
	if done != nil {
		close(done)
	}
	if observedMeanwhile != nil {
		observedMeanwhile.cleanup.Stop()
	}
	return batch{c, links}
}

// close makes cancel return false from now on and reports whether the future is pending. The caller must settle the future
// soon: callers that could not cancel it wait for the outcome.
func (c *cell) close() bool {
	state, ok := c.lockPending(nil)
	if ok {
		c.state.unlock(state | closing)
	}
	return ok
}

// cancel settles the future as cancelled and reports whether it was pending.
func (c *cell) cancel(err error) bool {
	state := c.state.lock()
	if state&(settled|closing) != 0 {
		c.state.unlock(state)
		return false
	}
	o, _ := c.aux.(owner)
	b := c.publish(state|cancelled, err)
	if o != nil {
		o.abandon()
	}
	b.propagate(false)
	return true
}

// register adds l to the list, or fires it if the future is settled. Links with user code are fired by a runner, in the
// order of registration; other links are fired before register returns.
func (c *cell) register(l *link) {
	state := c.state.lock()
	if state&(settled|observed) == settled {
		c.state.unlock(state | observed)
		c.stopReport()
		state = c.state.lock()
	}
	c.registerLocked(l, state|observed)
}

// registerUnseen is register for links whose registration does not count as observing the outcome. They may observe it
// when they are fired.
func (c *cell) registerUnseen(l *link) { c.registerLocked(l, c.state.lock()) }

// registerLocked is register for a caller that holds the lock. It releases the lock.
func (c *cell) registerLocked(l *link, state uint32) {
	switch {
	case state&settled == 0:
		l.on.Store(c)
		c.links = c.links.append(l)
		c.state.unlock(state)
	case !l.c.userCode():
		c.state.unlock(state)
		l.c.fire().propagate(false)
	case state&draining != 0:
		// The runner reads the list under the lock before it ends (see cell.more), so it finds this link.
		c.links = c.links.append(l)
		c.state.unlock(state)
	default:
		c.state.unlock(state | draining)
		batch{c, l}.propagate(false)
	}
}

// more returns the links that were registered while the runner fired others. If it returns nil, the runner must end.
func (c *cell) more() *link {
	state := c.state.lock()
	links := c.links
	if links == nil {
		state &^= draining
	} else {
		c.links = nil
	}
	c.state.unlock(state)
	return links
}

// remove removes l from the list and reports whether it did. It returns false after the future has settled.
func (c *cell) remove(l *link) bool {
	state := c.state.lock()
	listed := state&settled == 0 && l.on.Load() == c
	if listed {
		c.links = c.links.remove(l)
		l.on.Store(nil)
	}
	c.state.unlock(state)
	return listed
}

// link is an element of the list of a future: something that waits for the outcome. It is embedded in the waiting object,
// so that for example the child of Then needs a single allocation.
type link struct {
	next, prev *link
	on         atomic.Pointer[cell] // the future that it waits for, while it is on the list of that future
	c          continuation
}

// continuation is the action of a link, once its future is settled.
type continuation interface {
	// userCode reports whether the link calls user code. Only a runner may fire such a link. Other links just pass an
	// outcome on and are fired on the stack that settled the future. The result never changes.
	userCode() bool
	// fire is called once. It settles at most one future and returns the links that waited for that one.
	fire() batch
	// fail is called instead of fire if the executor refused, or after fire if that called runtime.Goexit.
	fail(err error) batch
}

// detach removes the link from the list of its future, so that a long-lived future does not accumulate links. It reports
// whether it did; false means that the link is being fired or has been fired.
func (l *link) detach() bool {
	c := l.on.Load()
	return c != nil && c.remove(l)
}

// append adds l at the end of the list that begins at first and returns the new first link. The first link of a list has
// the last one as prev.
func (first *link) append(l *link) *link {
	if first == nil {
		l.prev = l
		return l
	}
	last := first.prev
	last.next, l.prev, first.prev = l, last, l
	return first
}

// remove removes l from the list that begins at first and returns the new first link.
func (first *link) remove(l *link) *link {
	switch {
	case l != first:
		l.prev.next = l.next
		if l.next == nil {
			first.prev = l.prev
		} else {
			l.next.prev = l.prev
		}
	case l.next == nil:
		first = nil
	default:
		first = l.next
		first.prev = l.prev
	}
	l.next, l.prev = nil, nil
	return first
}

func (first *link) anyUserCode() bool {
	for l := first; l != nil; l = l.next {
		if l.c.userCode() {
			return true
		}
	}
	return false
}

// take unlinks l and returns the next link: a chain must not keep its beginning alive.
func (l *link) take() (next *link) {
	next = l.next
	l.next, l.prev = nil, nil
	l.on.Store(nil)
	return next
}

// batch is a settled future with the links to fire for it.
type batch struct {
	c     *cell
	links *link
}

// propagate fires the links of b that do not call user code, and the links of the futures that these settle. Links that
// call user code are dispatched to the executor, with a separate runner for each settled future. So a callback that
// blocks, or waits for another future, delays only the later callbacks of the same future.
//
// With keep, one batch is returned instead of dispatched. A runner that has no other links continues with it. So it walks
// a chain without recursion and without switching goroutines at each link.
func (b batch) propagate(keep bool) (kept batch) {
	if b.links == nil { // the usual case; this function is small enough to be inlined
		return batch{}
	}
	return b.propagateAll(keep)
}

func (b batch) propagateAll(keep bool) (kept batch) {
	// A single link without user code, such as that of an Await, needs no list of what is left to do. A future that is not
	// draining has no links with user code: see publish.
	for b.links.next == nil && b.c.state.load()&draining == 0 {
		l := b.links
		l.take()
		if b = l.c.fire(); b.links == nil {
			return batch{}
		}
	}
	var room [4]batch
	todo := append(room[:0], b)
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var first, last *link // user code
		for l := b.links; l != nil; {
			if l.c.userCode() {
				if last == nil {
					first = l
				} else {
					last.next = l
				}
				last, l = l, l.next
				last.next = nil
				continue
			}
			next := l.take()
			if then := l.c.fire(); then.links != nil {
				todo = append(todo, then)
			}
			l = next
		}
		b.links = first
		switch {
		case first == nil:
		case keep && kept.links == nil && b.c.ex == nil:
			kept = b
		default:
			b.dispatch()
		}
	}
	return kept
}

// mustHave panics if an argument that must not be nil is nil.
func mustHave(ok bool, function, argument string) {
	if !ok {
		panicNil(function, argument)
	}
}

//go:noinline
func panicNil(function, argument string) { panic("future: " + function + ": " + argument + " is nil") }

// state is a set of bits that is also a lock. The holder of the lock changes the bits when it unlocks. They may be read at
// any time.
//
// With both in one word, a future is 8 bytes smaller than with a sync.Mutex, and is settled with two atomic operations
// instead of three. Holders must neither block, nor allocate, nor call unknown code. So they need some nanoseconds, unless
// the scheduler interrupts them. A goroutine that finds the lock taken tries again, then yields, and then parks.
type state struct {
	bits uint32 // not an atomic.Uint32, so that lock can be inlined
}

// The bits of the lock. The others belong to the user of the state.
const (
	locked   uint32 = 1 << 31
	parked   uint32 = 1 << 30 // a goroutine is parked until the state is unlocked
	lockBits        = locked | parked
)

func (s *state) load() uint32 { return atomic.LoadUint32(&s.bits) }

// init sets the bits of a state that is not shared yet.
func (s *state) init(bits uint32) { atomic.StoreUint32(&s.bits, bits) }

// lock locks the state and returns its bits.
func (s *state) lock() (bits uint32) {
	bits = atomic.LoadUint32(&s.bits) &^ lockBits
	if atomic.CompareAndSwapUint32(&s.bits, bits, bits|locked) { // fails if the state is locked
		return bits
	}
	return s.lockBusy()
}

// unlock sets the bits and unlocks the state.
func (s *state) unlock(bits uint32) {
	if atomic.SwapUint32(&s.bits, bits)&parked != 0 {
		s.unpark()
	}
}

// change sets the bits, without a lock, if they are from and the state is not locked. It reports whether it did.
func (s *state) change(from, to uint32) bool { return atomic.CompareAndSwapUint32(&s.bits, from, to) }

const (
	triesBeforeYield = 16
	triesBeforePark  = 4 * triesBeforeYield
)

// lockBusy is lock for a state that was locked a moment ago.
func (s *state) lockBusy() (bits uint32) {
	for tries := 1; ; tries++ {
		bits = s.load()
		if bits&locked == 0 && atomic.CompareAndSwapUint32(&s.bits, bits, bits|locked) {
			return bits
		}
		switch {
		case tries >= triesBeforePark:
			s.park()
		case tries%triesBeforeYield == 0:
			runtime.Gosched()
		}
	}
}

// parking has the goroutines that wait for a state which stays locked, because its holder was interrupted. That is rare, so
// there is one list for all states.
var parking struct {
	mu    sync.Mutex
	first *parkedGoroutine
}

// parkedGoroutine is a goroutine that waits for its mutex, which is unlocked when s is. Unlike a channel, a mutex may be
// used by one synctest bubble after another, and waiting for it is not taken for a goroutine that only time can wake.
type parkedGoroutine struct {
	s    *state
	wake sync.Mutex
	next *parkedGoroutine
}

// park returns when the state was unlocked, or at once if it is not locked.
//
// The bit parked is set only while the state is locked, and under parking.mu. So the holder, which swaps the bits when it
// unlocks, either comes first, and the bit is not set, or it sees the bit. Then it waits for parking.mu and finds this
// goroutine on the list.
func (s *state) park() {
	parking.mu.Lock()
	bits := s.load()
	if bits&locked == 0 || !atomic.CompareAndSwapUint32(&s.bits, bits, bits|parked) {
		parking.mu.Unlock()
		return
	}
	p := &parkedGoroutine{s: s, next: parking.first}
	p.wake.Lock() // does not block, since p is new
	parking.first = p
	parking.mu.Unlock()
	p.wake.Lock()
}

// unpark wakes the goroutines that wait for s.
func (s *state) unpark() {
	parking.mu.Lock()
	defer parking.mu.Unlock()
	for at := &parking.first; *at != nil; {
		p := *at
		if p.s == s {
			*at = p.next
			p.wake.Unlock()
		} else {
			at = &p.next
		}
	}
}
