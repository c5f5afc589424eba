package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// reading is one read of a cursor. What it has taken when it is cancelled, or its context ends, it puts back, so that
// the next read has it. Until it is known whether it has to, no other read may take any, or the order would be lost.
//
// The turn in the cursor's session is waited for when there is something to be fetched; refused is why there is none.
type reading[D any] struct {
	keptTurn
	request
	cursor  *cursorReader[D]
	outer   context.Context
	refused error

	// cursor.mu guards these.
	source  *source[D]
	entered bool
	docs    []D
}

// takeTurns takes a place in the order of the cursor, and the same in that of the session of s.
func (c *cursorReader[D]) takeTurns(s *source[D]) (own *turn, session *sessionTurn, err error) {
	return c.turns.takeBoth(func() (*sessionTurn, error) {
		if c.scan != nil || s.session == nil { // those who share a cursor leave that to its own reads
			return nil, nil
		}
		return c.coll.db.client.enterIn(s.session.driver, operate)
	})
}

// take takes the turns of the read, when it is called, and returns the source that there is then.
func (r *reading[D]) take(ctx context.Context) *source[D] {
	s := r.cursor.begin(ctx)
	r.undo = r.putBack
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
		r.source.poll.Notify(waker(r.session.pass))
	default:
		r.session.pass()
	}
}

// run is the part of the read that runs in a slot.
func (r *reading[D]) run(ctx context.Context, conn *connection) (docs []D, err error) {
	if err := r.begin(ctx); err != nil {
		r.session.drop()
		return nil, err
	}
	defer func() {
		r.leave()
		if err != nil && (ctx.Err() != nil || r.outer.Err() != nil) {
			// A read whose context has ended has failed for its caller, who need not have seen its documents. Of the two the
			// outer one ends first, and cuts the round trip off.
			r.putBack()
			docs = nil
		}
		r.end()
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

// putBack gives back what was taken.
func (r *reading[D]) putBack() {
	c := r.cursor
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(r.docs) > 0 && r.source == c.source {
		r.source.batch = slices.Concat(r.docs, r.source.batch)
	}
	r.docs = nil
}
