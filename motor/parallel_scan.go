package motor

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

// ParallelScan returns n cursors that together return every document of the collection once. Each can be read on its
// own goroutine.
//
// The cursors share one cursor on the server and read its batches in turn, because servers no longer have the command
// that made several cursors. A batch that one of them has fetched belongs to it alone. Closing one does not affect the
// others; closing the last one closes the cursor on the server. After an error of the shared cursor, each cursor fails
// with it when it needs another batch.
//
// Errors: [ValueError] for an n below 1; [OperationFailure].
//
// Legacy: use Find. Motor: MotorCollection.parallel_scan.
func (c *Collection[D]) ParallelScan(ctx context.Context, n int) *future.Future[[]*CommandCursor[D]] {
	if n < 1 {
		return failed[[]*CommandCursor[D]](c.db.client, newError(ValueError, "ParallelScan: invalid number of cursors %d: must be at least 1", n))
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

// scan is a cursor that several cursors share. Each takes the next batch when it needs one, so that together they
// return every document once.
type scan struct {
	shared *cursor

	mu     sync.Mutex
	left   map[*resultSet]bool // results whose cursor has left the scan
	joined int                 // the number of cursors that have not left
	err    error               // the error that ended the shared cursor
}

func newScan(shared *cursor, n int) *scan {
	return &scan{shared: shared, joined: n, left: make(map[*resultSet]bool)}
}

// join makes c, a new cursor, one of the cursors of a scan.
func (c *commandCursor) join(sc *scan) {
	c.over(sc.shared.handle, sc.shared.none)
	c.scan = sc
	c.result = newResultSet(c.kind, sc.shared.current().conn, c.none)
}

// fetch fetches the next batch of the shared cursor for the cursor c.
func (sc *scan) fetch(ctx, outer context.Context, c *cursorReader, s *resultSet) error {
	sc.mu.Lock()
	err := sc.err
	sc.mu.Unlock()
	var come docList
	if err == nil {
		if size := c.batchSize(); size != nil {
			sc.shared.mu.Lock()
			sc.shared.fetching.size = size
			sc.shared.mu.Unlock()
		}
		list, _ := c.none.pair() // a new list: a cancelled read may still put back its documents
		r := &readOp{cursor: &sc.shared.cursorReader, readSpec: readSpec{amount: oneBatch, docs: list}}
		taking := startRead(outer, r, func(ctx context.Context, conn *connection) (docList, error) { return r.docs, r.run(ctx, conn) })
		_, err = taking.Await(ctx)               // with the operation's context, so that the wait lends the slot
		if !taking.IsDone() && taking.Cancel() { // the cancelled read puts back its documents
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

// leave removes the result s of the cursor c from the scan. The last one closes the shared cursor.
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

// place returns the server and the session of the cursor.
func (c *cursorReader) place() (at Address, session *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		return at, nil
	}
	return c.result.address, c.result.session
}
