package future

import (
	"context"
	"sync"
	"sync/atomic"
)

// Sequence makes asynchronous operations that share something which only one of them may use at a time (a socket, a
// cursor, a file) take turns, in the order of their calls. The zero value is ready for use.
//
// An operation reserves its place in the order when it is called, with [Sequence.Reserve], and waits for its turn when it
// runs, with [Ticket.Wait]; [Enqueue] does both for what is not an operation of one's own. Waiting costs one future, and
// a free turn nothing but the ticket.
//
// JavaScript: p-queue with a concurrency of 1. asyncio: Lock, for which calls line up instead of tasks.
type Sequence struct {
	mu          sync.Mutex
	first, last *Ticket // in order; none of them is released
	current     *Ticket // has the turn
}

// Ticket is a place in the order of a [Sequence]. A nil ticket is that of an operation which shares nothing: its turn has
// come, and giving it up does nothing.
type Ticket struct {
	sequence   *Sequence
	next, prev *Ticket
	state      ticketState
	turn       *Future[struct{}] // resolved when the turn comes; nil: nothing waits for it yet
	do         func()            // called when the turn comes
}

type ticketState uint8

const (
	ticketReserved ticketState = iota
	ticketCurrent              // has the turn
	ticketLent                 // has had the turn, and will want it back
	ticketReleased
)

// Reserve takes the last place in the order.
func (s *Sequence) Reserve() *Ticket {
	t := &Ticket{sequence: s}
	s.mu.Lock()
	s.append(t)
	s.mu.Unlock()
	return t
}

// TryReserve reserves a place if its turn comes at once, and returns nil otherwise.
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

// together is held while places in several sequences are reserved. So of two operations with places in the same
// sequences, one comes before the other in all of them, and neither waits for one that waits for it.
var together sync.Mutex

// ReserveBoth reserves a place in a and one in b, in one step. Operations that do so never wait for each other in a
// circle, if each waits for the turn in a before that in b. Either may be nil, and then so is its ticket.
func ReserveBoth(a, b *Sequence) (inA, inB *Ticket) {
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

// Wait waits until the turn has come: until all places before this one have been given up, or are lent. If ctx ends
// first, Wait gives up the place and returns ctx.Err(); if [Ticket.Withdraw] has given it up, Wait returns
// [ErrCancelled].
//
// In an operation that runs on a [Pool], ctx should be the operation's own: the slot is then lent meanwhile.
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
		t.Withdraw() // fails if the turn has come: then ctx was too late
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

// turnWait is the Awaitable of a turn, for a Suspender.
type turnWait struct {
	waited
	ticket *Ticket
}

// gaveUp implements quitter. The place is free at once, and not only when the operation has got its slot back, which may
// take long. Its turn may have come, but the operation has not had the use of it: it still waits.
func (w turnWait) gaveUp() { w.ticket.Release() }

// quitter is an Awaitable that has to know when an operation that waits for it is cancelled.
type quitter interface{ gaveUp() }

// whenTurn begins the turn if it has come, and returns nil; or it returns a future that resolves when it comes.
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

// Do calls fn when the turn comes, and then gives up the place. It reports whether it has done so before it returned;
// otherwise fn is called on the stack that passes the turn on. So fn must neither block nor run unknown code.
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

// Release gives up the place, whether its turn has come or not, and passes the turn on if it is this one's. A second call
// does nothing.
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

// Lend calls fn, and lets others have the turn meanwhile: for user code that may itself use what the sequence guards.
// Then it waits until the turn is free again, before all that have not begun, and also if ctx has ended: what the
// operation still does (put back what it has taken, remove what it has written) needs the turn.
//
// As with [Ticket.Wait], ctx should be the operation's own. An operation with places in two sequences lends the turn in
// the second first: inB.Lend(ctx, func() { inA.Lend(ctx, fn) }).
func (t *Ticket) Lend(ctx context.Context, fn func()) {
	mustHave(ctx != nil, "Ticket.Lend", "ctx")
	mustHave(fn != nil, "Ticket.Lend", "fn")
	if t == nil || !t.lend() {
		fn()
		return
	}
	fn()
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

// lend passes the turn on for a time, and reports false if the ticket does not have it.
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

// releaseLocked gives up the place. mu is held, and is released here.
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

// passLocked gives the turn, if it is free, to the first place, if something waits there for the turn. Otherwise the
// turn begins when something does: see whenTurn. mu is held, and is released here.
//
// The functions of Do are called in this loop, one after the other, so that any number of them needs little stack.
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

// firstWaiting returns the place that is next to have the turn. mu is held.
func (s *Sequence) firstWaiting() *Ticket {
	t := s.first
	for t != nil && t.state != ticketReserved {
		t = t.next
	}
	return t
}

// begin gives t the turn. mu is held.
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

// Enqueue calls start when its turn in s has come, and returns a future with the outcome of the one that start returns.
// The turn is over when that is settled. start runs on a goroutine of its own; a panic of it is a [*PanicError], and a
// nil future [ErrNilFuture].
//
// Cancelling the future frees the place at once, if start has not been called. What start has returned is not
// cancelled, and keeps the turn. With more sequences, the places in all of them are reserved in one step, and start is
// called when all turns have come.
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

// enqueued has the places of what was given to Enqueue.
type enqueued struct {
	tickets []*Ticket
	over    atomic.Bool // the wait: start is called, or the future was cancelled
}

func enqueue(s *Sequence, also []*Sequence) *enqueued {
	together.Lock()
	defer together.Unlock()
	e := &enqueued{tickets: make([]*Ticket, 0, 1+len(also))}
	e.tickets = append(e.tickets, s.Reserve())
	for _, s := range also {
		e.tickets = append(e.tickets, s.Reserve())
	}
	return e
}

// turn returns a future that resolves when the turns from ticket i on have come.
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

// Wake implements Waker: what start returned is settled.
func (e *enqueued) Wake() { e.release() }

// enqueuedCancel gives up the places if the future that Enqueue returned is settled before start was called.
type enqueuedCancel enqueued

// Wake implements Waker.
func (e *enqueuedCancel) Wake() {
	if e.over.CompareAndSwap(false, true) {
		(*enqueued)(e).release()
	}
}
