package motor

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

// ParallelScan returns n cursors that together have every document of the collection once. Each can be read by its own
// goroutine.
//
// They share one cursor on the server, since no server has the command any more that made several, and take its batches
// in turn. Closing one leaves the others what is still to come; closing the last ends it on the server. The documents
// of a batch that one of them has fetched are its own. After an error of the shared cursor all that need another batch
// fail with it.
//
// Errors: [ValueError] for an n below 1; [OperationFailure].
//
// Legacy: use Find. Motor: MotorCollection.parallel_scan.
func (c *Collection[D]) ParallelScan(ctx context.Context, n int) *future.Future[[]*CommandCursor[D]] {
	if n < 1 {
		return failed[[]*CommandCursor[D]](c.db.client, newError(ValueError, "ParallelScan(%d): at least 1 is needed", n))
	}
	shared := &c.Find(bson.D{}).cursor
	r := &readOp{cursor: &shared.cursorReader, readSpec: readSpec{amount: peek}}
	return startRead(ctx, r, func(ctx context.Context, conn *connection) ([]*CommandCursor[D], error) {
		if err := r.run(ctx, conn); err != nil {
			return nil, err
		}
		sc, all := newScan(shared, n), make([]*CommandCursor[D], n)
		for i := range all {
			all[i] = new(CommandCursor[D])
			all[i].join(sc)
		}
		return all, nil
	})
}

// scan is one cursor that several share: each takes the next batch when it needs one, so that together they have every
// document once.
type scan struct {
	shared *cursor

	mu     sync.Mutex
	left   map[*resultSet]bool // those that are no longer with it
	joined int                 // how many still are
	err    error               // what has ended it
}

func newScan(shared *cursor, n int) *scan {
	return &scan{shared: shared, joined: n, left: make(map[*resultSet]bool)}
}

// join makes a new cursor one of those that share a cursor.
func (c *commandCursor) join(sc *scan) {
	c.over(sc.shared.handle, sc.shared.none)
	c.scan = sc
	c.result = newResultSet(c.kind, sc.shared.current().conn, c.none)
}

// fetch takes the next batch for the cursor c.
func (sc *scan) fetch(ctx, outer context.Context, c *cursorReader, s *resultSet) error {
	sc.mu.Lock()
	err := sc.err
	sc.mu.Unlock()
	var come docList
	if err == nil {
		if size := c.batchSize(); size != nil {
			sc.shared.mu.Lock()
			sc.shared.size = size
			sc.shared.mu.Unlock()
		}
		list, _ := c.none.pair() // its own: a read that is cancelled may still put back what it has taken
		r := &readOp{cursor: &sc.shared.cursorReader, readSpec: readSpec{amount: oneBatch, docs: list}}
		taking := startRead(outer, r, func(ctx context.Context, conn *connection) (docList, error) { return r.docs, r.run(ctx, conn) })
		_, err = taking.Await(ctx)               // the operation's own context, so that waiting lends the slot
		if !taking.IsDone() && taking.Cancel() { // what it has taken, it puts back
			return err
		}
		come, err = taking.Result()
	}
	ended := !sc.shared.Alive()
	if err != nil && ended {
		sc.mu.Lock()
		sc.err = err
		sc.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if come != nil {
		come.move(come.size(), s.batch, false)
	}
	s.address, s.session = sc.shared.place()
	if ended {
		s.closed = true
	}
	return err
}

// leave takes the result s of the cursor c off the scan. The last one ends the shared cursor.
func (sc *scan) leave(ctx context.Context, c *cursorReader, s *resultSet) *future.Future[struct{}] {
	sc.mu.Lock()
	first := !sc.left[s]
	if first {
		sc.left[s] = true
		sc.joined--
	}
	last := first && sc.joined == 0
	sc.mu.Unlock()
	if !last {
		return resolved(c.coll.db.client, struct{}{})
	}
	return sc.shared.Close(ctx)
}

// place returns where and in which session the cursor was opened.
func (c *cursorReader) place() (at Address, session *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		return at, nil
	}
	return c.result.address, c.result.session
}
