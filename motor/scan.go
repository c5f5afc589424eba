package motor

import (
	"context"
	"sync"

	"github.com/gomotor/gomotor/future"
)

// scan is one cursor that several share: each takes the next batch when it needs one, so that together they have every
// document once.
type scan[D any] struct {
	shared *cursorReader[D]

	mu   sync.Mutex
	left map[*source[D]]bool // of those who are no longer with it
	with int                 // how many still are
	err  error               // what has ended it
}

// share returns n cursors that share one.
func share[D any](shared *cursorReader[D], n int) []*CommandCursor[D] {
	sc := &scan[D]{shared: shared, with: n, left: make(map[*source[D]]bool)}
	all := make([]*CommandCursor[D], n)
	for i := range all {
		c := new(CommandCursor[D])
		c.coll, c.scan, c.source = shared.coll, sc, new(source[D])
		all[i] = c
	}
	return all
}

// fetch takes the next batch for the cursor c.
func (sc *scan[D]) fetch(ctx, outer context.Context, c *cursorReader[D], s *source[D]) error {
	sc.mu.Lock()
	err := sc.err
	sc.mu.Unlock()
	var docs []D
	if err == nil {
		if size := c.batchSize(); size != nil {
			sc.shared.mu.Lock()
			sc.shared.size = size
			sc.shared.mu.Unlock()
		}
		taking := read(outer, sc.shared, request{want: func(_, ready int, more bool) (int, bool, error) {
			return ready, ready > 0 || !more, nil
		}}, func(docs []D) ([]D, error) { return docs, nil })
		_, err = taking.Await(ctx)               // the operation's own context, so that waiting lends the slot
		if !taking.IsDone() && taking.Cancel() { // what it has taken, it puts back
			return err
		}
		docs, err = taking.Result()
	}
	ended := !sc.shared.Alive()
	if err != nil && ended {
		sc.mu.Lock()
		sc.err = err
		sc.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.batch = append(s.batch, docs...)
	s.address, s.session = sc.shared.place()
	if ended {
		s.closed = true
	}
	return err
}

// leave takes the source s of the cursor c off the scan. The last one ends the shared cursor.
func (sc *scan[D]) leave(ctx context.Context, c *cursorReader[D], s *source[D]) *future.Future[struct{}] {
	sc.mu.Lock()
	first := !sc.left[s]
	if first {
		sc.left[s] = true
		sc.with--
	}
	last := first && sc.with == 0
	sc.mu.Unlock()
	if !last {
		return resolved(c.coll.db.client, struct{}{})
	}
	return sc.shared.Close(ctx)
}

// place returns where and in which session the cursor was opened.
func (c *cursorReader[D]) place() (at Address, session *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		return at, nil
	}
	return c.source.address, c.source.session
}
