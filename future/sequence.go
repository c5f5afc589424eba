package future

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Sequence runs asynchronous operations one at a time, in the order of their calls. It is for operations that share
// something which only one of them may use at a time: a socket, a cursor, a file. The zero value is ready for use.
//
// An operation reserves its place with [Sequence.Reserve] when it is called, and waits for its turn with [Ticket.Wait]
// when it runs. [Enqueue] does both for a function that returns a future. A ticket is one object; waiting takes one
// future.
//
// JavaScript: p-queue with a concurrency of 1. asyncio: Lock, for which calls line up instead of tasks.
type Sequence struct {
	mu          sync.Mutex
	first, last *Ticket // those that are not released, in order
	current     *Ticket // has the turn
}

// Ticket is a place in a [Sequence]. A nil ticket is valid, for an operation that shares nothing: its turn has come, and
// Release does nothing.
type Ticket struct {
	sequence   *Sequence
	next, prev *Ticket
	state      ticketState
	turn       *Future[struct{}] // resolved when the turn comes; nil until something waits for it
	do         func()            // from Do; called when the turn comes
}

type ticketState uint8

const (
	ticketReserved ticketState = iota
	ticketCurrent              // has the turn
	ticketLent                 // has lent the turn and will want it back
	ticketReleased
)

// Reserve reserves the last place in the sequence.
func (s *Sequence) Reserve() *Ticket {
	t := &Ticket{sequence: s}
	s.mu.Lock()
	s.append(t)
	s.mu.Unlock()
	return t
}

// TryReserve reserves a place and begins its turn if the sequence is free. Otherwise it returns nil.
func (s *Sequence) TryReserve() *Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil || s.firstWaiting() != nil {
		return nil
	}
	t := &Ticket{sequence: s, state: ticketCurrent}
	s.append(t)
	s.current = t
	return t
}

// Idle reports whether no place is reserved.
func (s *Sequence) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first == nil
}

// together is held while places in several sequences are reserved. So two operations with places in the same sequences
// have the same order in all of them, and cannot deadlock.
var together sync.Mutex

// ReserveBoth reserves a place in a and one in b, in one step. Operations that do so cannot deadlock if each waits for its
// turn in a before its turn in b. The ticket of a nil sequence is nil. If a and b are the same sequence, inB is nil: an
// operation has one place in a sequence.
func ReserveBoth(a, b *Sequence) (inA, inB *Ticket) {
	if a == b {
		b = nil
	}
	if a != nil && b != nil {
		together.Lock()
		defer together.Unlock()
	}
	if a != nil {
		inA = a.Reserve()
	}
	if b != nil {
		inB = b.Reserve()
	}
	return inA, inB
}

// Wait waits until the turn has come: all places before this one are released or lent. If ctx ends first, Wait releases
// the place and returns ctx.Err(). If the place was released by [Ticket.Withdraw] or [Ticket.Release], Wait returns
// [ErrCancelled].
//
// In an operation that runs on a [Pool], ctx should be the operation's context. Then the slot is lent meanwhile.
func (t *Ticket) Wait(ctx context.Context) error {
	mustHave(ctx != nil, "Ticket.Wait", "ctx")
	if t == nil {
		return nil
	}
	turn := t.whenTurn()
	if turn == nil {
		return nil
	}
	err := t.await(ctx, &turn.cell)
	if err != nil {
		t.Withdraw() // returns false if the turn has come before ctx ended
	}
	t.sequence.mu.Lock()
	defer t.sequence.mu.Unlock()
	switch {
	case t.state == ticketCurrent:
		return nil
	case err == nil:
		return ErrCancelled
	}
	return err
}

func (t *Ticket) await(ctx context.Context, c *cell) error {
	if s, ok := ctx.(Suspender); ok {
		return s.Suspend(turnWait{waited{c}, t})
	}
	if ctx.Done() == nil {
		c.block()
		return nil
	}
	select {
	case <-c.doneChan():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turnWait is the Awaitable of a turn.
type turnWait struct {
	waited
	ticket *Ticket
}

// gaveUp implements quitter. It releases the place at once, since it may take long until the operation has its slot back.
// If the turn has come, the operation has not used it yet: it still waits.
func (w turnWait) gaveUp() { w.ticket.Release() }

// quitter is an Awaitable that is notified when the operation that waits for it is cancelled.
type quitter interface{ gaveUp() }

// whenTurn begins the turn and returns nil if the turn has come. Otherwise it returns a future that resolves when it comes.
func (t *Ticket) whenTurn() *Future[struct{}] {
	s := t.sequence
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case t.state == ticketCurrent:
		return nil
	case t.state == ticketReleased:
		return Rejected[struct{}](ErrCancelled)
	case s.current == nil && s.firstWaiting() == t:
		s.begin(t)
		return nil
	}
	if t.turn == nil {
		t.turn = new(Future[struct{}])
	}
	return t.turn
}

// Do calls fn when the turn comes, and then releases the place. It reports whether it called fn before it returned.
// Otherwise fn is called on the stack that passes the turn on. So fn must neither block nor run unknown code.
func (t *Ticket) Do(fn func()) bool {
	mustHave(fn != nil, "Ticket.Do", "fn")
	if t == nil {
		fn()
		return true
	}
	s := t.sequence
	s.mu.Lock()
	switch {
	case t.state == ticketCurrent:
	case t.state == ticketReserved && s.current == nil && s.firstWaiting() == t:
		s.begin(t)
	default:
		t.do = fn
		s.mu.Unlock()
		return false
	}
	s.mu.Unlock()
	defer t.Release()
	fn()
	return true
}

// Release gives up the place, whether or not its turn has come. If the ticket has the turn, Release passes it on. A second
// call does nothing.
func (t *Ticket) Release() {
	if t == nil {
		return
	}
	t.sequence.mu.Lock()
	if t.state == ticketReleased {
		t.sequence.mu.Unlock()
		return
	}
	t.releaseLocked()
}

// Withdraw gives up the place if its turn has not begun, and reports whether it did.
func (t *Ticket) Withdraw() bool {
	if t == nil {
		return false
	}
	t.sequence.mu.Lock()
	if t.state != ticketReserved {
		t.sequence.mu.Unlock()
		return false
	}
	t.releaseLocked()
	return true
}

// Lend calls fn and lets other operations have the turn meanwhile. It is for user code that may itself use what the
// sequence guards. After fn, even if fn panics, it waits until it has the turn again, before all operations that have not
// begun theirs. It waits even if ctx has ended, since the operation needs the turn for its cleanup. A ticket that does not
// have the turn has nothing to lend: Lend only calls fn.
//
// As with [Ticket.Wait], ctx should be the operation's context. An operation with places in two sequences lends the turn
// in the second first: inB.Lend(ctx, func() { inA.Lend(ctx, fn) }).
func (t *Ticket) Lend(ctx context.Context, fn func()) {
	mustHave(ctx != nil, "Ticket.Lend", "ctx")
	mustHave(fn != nil, "Ticket.Lend", "fn")
	if t == nil || !t.lend() {
		fn()
		return
	}
	defer t.takeBack(ctx) // also if fn panics or ends its goroutine
	fn()
}

// takeBack waits until a ticket whose turn is lent has it again.
func (t *Ticket) takeBack(ctx context.Context) {
	t.sequence.mu.Lock()
	if t.state == ticketLent {
		t.state = ticketReserved
	}
	t.sequence.mu.Unlock()
	turn := t.whenTurn()
	if turn == nil {
		return
	}
	switch ctx := ctx.(type) {
	case *job:
		ctx.suspend(waited{&turn.cell}, nil)
	case Suspender:
		_ = ctx.Suspend(waited{&turn.cell})
	}
	turn.cell.block()
}

// lend passes the turn on until Lend wants it back. It returns false if the ticket does not have the turn.
func (t *Ticket) lend() bool {
	s := t.sequence
	s.mu.Lock()
	if t.state != ticketCurrent {
		s.mu.Unlock()
		return false
	}
	t.state, t.turn, s.current = ticketLent, nil, nil
	s.passLocked()
	return true
}

// releaseLocked gives up the place. The caller holds mu; releaseLocked unlocks it.
func (t *Ticket) releaseLocked() {
	s := t.sequence
	s.remove(t)
	if t.state == ticketReserved && t.turn != nil {
		defer rejectTurn(t.turn)
	}
	t.state, t.turn, t.do = ticketReleased, nil, nil
	if s.current == t {
		s.current = nil
	}
	s.passLocked()
}

func rejectTurn(turn *Future[struct{}]) { turn.cell.reject(ErrCancelled).propagate(false) }

// passLocked gives a free turn to the first place, if something waits there. Otherwise the turn begins when something
// starts to wait: see whenTurn. The caller holds mu; passLocked unlocks it.
//
// The functions of Do are called in this loop, not recursively, so that any number of them needs little stack.
func (s *Sequence) passLocked() {
	for s.current == nil {
		t := s.firstWaiting()
		if t == nil || t.turn == nil && t.do == nil {
			break
		}
		s.begin(t)
		turn, do := t.turn, t.do
		if do == nil {
			s.mu.Unlock()
			turn.cell.reject(nil).propagate(false)
			return
		}
		s.mu.Unlock()
		do()
		s.mu.Lock()
		if t.state != ticketReleased {
			s.remove(t)
			t.state, t.do = ticketReleased, nil
		}
		if s.current == t {
			s.current = nil
		}
	}
	s.mu.Unlock()
}

// firstWaiting returns the place that gets the turn next. The caller holds mu.
func (s *Sequence) firstWaiting() *Ticket {
	t := s.first
	for t != nil && t.state != ticketReserved {
		t = t.next
	}
	return t
}

// begin gives t the turn. The caller holds mu.
func (s *Sequence) begin(t *Ticket) { t.state, s.current = ticketCurrent, t }

func (s *Sequence) append(t *Ticket) {
	t.prev = s.last
	if s.last == nil {
		s.first = t
	} else {
		s.last.next = t
	}
	s.last = t
}

func (s *Sequence) remove(t *Ticket) {
	if t.prev == nil {
		s.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		s.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}

// Enqueue calls start when its turn in s has come, and returns a future with the outcome of the future that start returns.
// The turn ends when that future settles. start runs on a new goroutine. The future fails with a [*PanicError] if start
// panics, and with [ErrNilFuture] if start returns nil.
//
// If the future is cancelled before start was called, the place is released at once. The future that start returned is
// not cancelled and keeps the turn. With several sequences, Enqueue reserves the places in all of them in one step, and
// calls start when all turns have come.
func Enqueue[T any](s *Sequence, start func() *Future[T], also ...*Sequence) *Future[T] {
	mustHave(s != nil, "Enqueue", "s")
	mustHave(start != nil, "Enqueue", "start")
	for _, s := range also {
		mustHave(s != nil, "Enqueue", "also")
	}
	e := enqueue(s, also)
	f := ThenFuture(e.turn(0), func(struct{}) *Future[T] {
		if !e.over.CompareAndSwap(false, true) {
			return Rejected[T](ErrCancelled)
		}
		var started *Future[T]
		defer func() {
			if started == nil {
				e.release()
			}
		}()
		if started = start(); started != nil {
			started.Notify(e) // before the outcome of f
		}
		return started
	})
	f.Notify((*enqueuedCancel)(e))
	return f
}

// enqueued holds the places of one call of Enqueue.
type enqueued struct {
	tickets []*Ticket
	over    atomic.Bool // the wait has ended: start was called, or the future was cancelled
}

func enqueue(s *Sequence, also []*Sequence) *enqueued {
	together.Lock()
	defer together.Unlock()
	e := &enqueued{tickets: make([]*Ticket, 0, 1+len(also))}
	e.tickets = append(e.tickets, s.Reserve())
	for i, other := range also {
		if other != s && !slices.Contains(also[:i], other) { // one place in each sequence
			e.tickets = append(e.tickets, other.Reserve())
		}
	}
	return e
}

// turn returns a future that resolves when the turns of the tickets from i on have come.
func (e *enqueued) turn(i int) *Future[struct{}] {
	turn := e.tickets[i].whenTurn()
	if turn == nil {
		turn = Resolved(struct{}{})
	}
	if i+1 == len(e.tickets) {
		return turn
	}
	return ThenFuture(turn, func(struct{}) *Future[struct{}] { return e.turn(i + 1) })
}

func (e *enqueued) release() {
	for _, t := range e.tickets {
		t.Release()
	}
}

// Wake implements Waker. The future that start returned has settled.
func (e *enqueued) Wake() { e.release() }

// enqueuedCancel releases the places if the future that Enqueue returned settles before start was called.
type enqueuedCancel enqueued

// Wake implements Waker.
func (e *enqueuedCancel) Wake() {
	if e.over.CompareAndSwap(false, true) {
		(*enqueued)(e).release()
	}
}
