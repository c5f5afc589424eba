package motor

import (
	"context"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// FetchNext reports whether there is a document for NextObject. It does I/O only if none is left of the last batch,
// and calling it twice loses nothing.
//
// Motor: MotorCursor.fetch_next, MotorCommandCursor.fetch_next.
func (c *cursorReader) FetchNext(ctx context.Context) *future.Future[bool] {
	more, _ := c.fetchNext(ctx, nil)
	return more
}

// fetchNext is FetchNext on a connection; nil stands for the open one. It returns the connection that is read on.
func (c *cursorReader) fetchNext(ctx context.Context, conn *connection) (*future.Future[bool], *connection) {
	c.mu.Lock()
	if c.buffer() != nil {
		defer c.mu.Unlock()
		return resolved(c.coll.db.client, true), c.source.conn
	}
	c.mu.Unlock()
	r := &readOp{cursor: c, readSpec: readSpec{amount: peek, conn: conn}}
	more := startRead(ctx, r, func(err error) (bool, error) { return err == nil && r.found, err })
	return more, r.conn
}

// buffer returns the documents that can be read without I/O, or nil if there are none. mu is held.
func (c *cursorReader) buffer() docList {
	if c.err != nil || c.source == nil || c.source.batch.size() == 0 {
		return nil
	}
	return c.source.batch
}

// pop removes the first of the documents that have come. ok is false if there is none.
func pop[D any](c *cursorReader) (doc D, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.buffer()
	if list == nil {
		return doc, false
	}
	all := list.(*docs[D])
	doc, (*all)[0] = (*all)[0], doc
	*all = (*all)[1:]
	return doc, true
}

// reading is a read with the documents that it takes.
type reading[D any] struct {
	op   readOp
	docs docs[D]
}

// readOne starts a read of one document, as spec says, and resolves to it.
func readOne[D any](ctx context.Context, c *cursorReader, spec readSpec) *future.Future[D] {
	r := new(reading[D])
	r.op.init(c, one, &r.docs, spec)
	return startRead(ctx, &r.op, func(err error) (doc D, _ error) {
		if len(r.docs) > 0 {
			doc = r.docs[0]
		}
		return doc, err
	})
}

// next is the Next of a cursor whose documents are of type D.
func next[D any](ctx context.Context, c *cursorReader) *future.Future[D] {
	if c.turns.idle() {
		if doc, ok := pop[D](c); ok {
			return resolved(c.coll.db.client, doc)
		}
	}
	return readOne[D](ctx, c, readSpec{atEnd: "the cursor has no more documents"})
}

// toList is the ToList of a cursor whose documents are of type D.
func toList[D any](ctx context.Context, c *cursorReader, length []int) *future.Future[[]D] {
	n, err := c.listLength(length)
	if err != nil {
		return failed[[]D](c.coll.db.client, err)
	}
	r := new(reading[D])
	r.op.init(c, n, &r.docs, readSpec{})
	return startRead(ctx, &r.op, func(err error) ([]D, error) {
		if r.docs == nil && err == nil {
			return []D{}, nil
		}
		return r.docs, err
	})
}

// listLength returns how many documents ToList takes.
func (c *cursorReader) listLength(length []int) (amount, error) {
	n := all
	switch {
	case len(length) > 1:
		return n, newError(TypeError, "ToList takes one length, not %d", len(length))
	case len(length) == 1 && length[0] < 0:
		return n, newError(ValueError, "ToList(%d): length must be at least 0", length[0])
	case len(length) == 1:
		n = amount(length[0]) // 0 is to peek: as in Motor, the query is sent all the same
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.kind != options.NonTailable {
		return n, newError(InvalidOperation, "ToList: a tailable cursor has no end")
	}
	return n, nil
}

// each is the Each, or with via the EachVia, of a cursor whose documents are of type D.
func each[D any](ctx context.Context, c *cursorReader, via future.Executor, fn func(doc D, err error) bool) {
	if fn == nil {
		panic(newError(TypeError, "Each: fn is nil"))
	}
	c.each(ctx, via, nil, handOver(fn))
}

// handOver returns the function that calls fn with the next document of a cursor that has come: see cursorReader.each.
func handOver[D any](fn func(doc D, err error) bool) delivery {
	return func(c *cursorReader, end bool, err error) (called, more bool) {
		var doc D
		if !end {
			if doc, called = pop[D](c); !called {
				return false, true
			}
		}
		return true, fn(doc, err)
	}
}

// delivery calls the user's function with the next document of a cursor that has come, or, at the end, with none and
// the error. It reports whether it has called it, and whether the function wants more.
type delivery func(c *cursorReader, end bool, err error) (called, more bool)

// each delivers every document, until the user's function says false, and else, after the last, the end. via is where
// the callbacks run; nil is where those of the client's futures run. All is read on one connection, so that a client
// that was closed in a pause is not opened again: conn, or, if that is nil, the one of the first read.
func (c *cursorReader) each(ctx context.Context, via future.Executor, conn *connection, deliver delivery) {
	fetch, conn := c.fetchNext(ctx, conn)
	if via != nil {
		fetch = fetch.Via(via)
	}
	fetch.OnComplete(func(more bool, err error) {
		if err != nil {
			deliver(c, true, err)
			return
		}
		for {
			called, wanted := deliver(c, false, nil)
			if !called {
				break
			}
			if !wanted || c.Closed() {
				return
			}
		}
		switch tailing, await := c.tailing(); {
		case more || await:
			c.each(ctx, via, conn, deliver)
		case tailing:
			time.AfterFunc(tailPause, func() { c.each(ctx, via, conn, deliver) })
		case !c.Closed():
			deliver(c, true, nil)
		}
	})
}

// tailPause is how long Each waits before it asks a tailable cursor again that does not await data.
const tailPause = 100 * time.Millisecond

// tailing reports whether there may be news later on, and whether the server waits for them.
func (c *cursorReader) tailing() (tailing, await bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.source
	tailing = !c.closed && s != nil && !s.closed && s.kind != options.NonTailable
	return tailing, tailing && s.kind == options.TailableAwait
}

// iterate is the All of a cursor whose documents are of type D.
func iterate[D any](ctx context.Context, c *cursorReader) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for {
			doc, ok := pop[D](c)
			if ok {
				if !yield(doc, nil) {
					return
				}
				continue
			}
			more, err := c.FetchNext(ctx).Await(ctx)
			if err != nil {
				yield(doc, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}
