package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// reading is one read of a cursor. What it has taken when it is cancelled, or its context ends, it puts back, so that
// the next read has it.
//
// Its turn is over when two things have happened, in whatever order: its function has returned, and its future is
// settled. Cancel settles the future while the function runs, or just before the function's result would; only
// whoever comes second knows that nobody is to have the documents. Until then no other read may take any, or the order
// would be lost.
type reading[D any] struct {
	request
	cursor *cursorReader[D]
	outer  context.Context
	turn   *turn

	// The turn in the cursor's session, which is waited for when there is something to be fetched, or why there is none.
	session *sessionTurn
	refused error

	// cursor.mu guards these.
	source       *source[D]
	entered      bool
	docs         []D
	ran, settled bool
}

// takeTurns takes a place in the order of the cursor, and the same in the order of the session of s: neither is free
// for others between the two. So of reads that share both none waits for one that waits for it.
func (c *cursorReader[D]) takeTurns(s *source[D]) (own *turn, session *sessionTurn, err error) {
	own = new(turn)
	c.turns.mu.Lock()
	defer c.turns.mu.Unlock()
	c.turns.enter(own)
	if c.scan == nil && s.session != nil { // those who share a cursor leave that to its own reads
		session, err = c.coll.db.client.enterIn(s.session.driver, operate)
	}
	return own, session, err
}

// take takes the turns of the read, when it is called, and returns the source that there is then.
func (r *reading[D]) take(ctx context.Context) *source[D] {
	s := r.cursor.begin(ctx)
	r.turn, r.session, r.refused = r.cursor.takeTurns(s)
	return s
}

// enter waits for the turn in the session of s.
func (r *reading[D]) enter(ctx context.Context, s *source[D]) error {
	switch {
	case r.refused != nil:
		return r.refused
	case r.entered:
		return nil
	case s.session.delegate() != r.session.delegate():
		return newError(InvalidOperation, "the cursor was rewound, and read in another session, before this read's turn")
	}
	err := r.session.begin(ctx)
	r.entered = err == nil
	return err
}

// leave passes the turn in the session on. A poll that is still under way keeps it.
func (r *reading[D]) leave() {
	switch {
	case !r.entered:
		r.session.drop()
	case r.source.poll != nil:
		r.source.poll.Notify(leaving{r.session})
	default:
		r.session.pass()
	}
}

// run is the part of the read that runs in a slot.
func (r *reading[D]) run(ctx context.Context, conn *connection) (docs []D, err error) {
	if err := r.turn.begin(ctx); err != nil {
		r.session.drop()
		return nil, err
	}
	defer func() {
		// A read whose context has ended has failed for its caller, who need not have seen its documents.
		r.end(err != nil && ctx.Err() != nil)
		if err != nil && ctx.Err() != nil {
			docs = nil
		}
	}()
	r.source = r.cursor.begin(ctx)
	once := r.once || r.source.kind != options.NonTailable && !r.wait
	// A read that nobody waits for any more takes nothing.
	err = ctx.Err()
	for done, last := false, false; err == nil && !done; {
		if done, err = r.step(last); err == nil && !done {
			err = r.fetch(ctx, r.outer, conn, r.source)
			last = once
		}
	}
	return r.docs, err
}

// step takes what there is to take. A document that could not be decoded is an error when its turn comes; the
// documents after it can still be read. last is whether no more is to be fetched.
func (r *reading[D]) step(last bool) (done bool, err error) {
	c, s := r.cursor, r.source
	c.mu.Lock()
	more := s.bad != nil || s.cut != nil || !s.closed && !last
	n, done, err := r.want(len(r.docs), len(s.batch), more)
	switch {
	case n == 0:
	case len(r.docs) == 0 && n == len(s.batch):
		r.docs, s.batch = s.batch, nil // as it is: no copy of a list that came in one batch
	default:
		r.docs = append(r.docs, s.batch[:n]...)
		clear(s.batch[:n])
		s.batch = s.batch[n:]
	}
	bad, after := s.bad, s.after
	if err == nil && !done && bad == nil {
		err = s.cut
	}
	c.mu.Unlock()
	if done || err != nil || bad == nil {
		return done, err
	}
	next := decodeAll[D](&c.coll.codec, after)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == c.source {
		s.take(next)
	}
	return false, bad
}

// end notes that the function has come to its end.
func (r *reading[D]) end(unseen bool) {
	c := r.cursor
	r.leave()
	c.mu.Lock()
	r.ran = true
	over := r.settled
	if over || unseen {
		r.putBack()
	}
	c.mu.Unlock()
	if over {
		r.turn.pass()
	}
}

// putBack gives back what was taken. mu is held.
func (r *reading[D]) putBack() {
	if len(r.docs) > 0 && r.source == r.cursor.source {
		r.source.batch = slices.Concat(r.docs, r.source.batch)
	}
	r.docs = nil
}

// settledRead is told that the future of a read is settled.
type settledRead[D, T any] struct {
	reading *reading[D]
	future  *future.Future[T]
}

// Wake implements future.Waker.
func (w settledRead[D, T]) Wake() {
	r := w.reading
	if r.turn.drop() {
		r.session.drop()
		return // it had not begun
	}
	c := r.cursor
	c.mu.Lock()
	r.settled = true
	over := r.ran
	if over && w.future.Cancelled() {
		r.putBack()
	}
	c.mu.Unlock()
	if over {
		r.turn.pass()
	}
}
