package motor

import (
	"context"
	"iter"

	"github.com/gomotor/gomotor/future"
)

// FetchNext resolves to whether there is a document for NextObject. It does I/O only if none is left of the last
// batch, and calling it twice loses nothing.
//
// Motor: MotorCursor.fetch_next, MotorCommandCursor.fetch_next.
func (c *cursorReader[D]) FetchNext(ctx context.Context) *future.Future[bool] {
	c.mu.Lock()
	ready := c.err == nil && c.source != nil && len(c.source.batch) > 0
	c.mu.Unlock()
	if ready {
		return resolved(c.coll.db.client, true)
	}
	return read(ctx, c, func(s *source[D], more bool) (ready, done bool, _ error) {
		if len(s.batch) > 0 {
			return true, true, nil
		}
		return false, !more, nil
	})
}

// NextObject returns the next of the documents that have come, or, if there is none, the zero D: a nil map, a nil
// pointer. It never does I/O; FetchNext does.
//
// Motor: MotorCursor.next_object, MotorCommandCursor.next_object.
func (c *cursorReader[D]) NextObject() D {
	doc, _ := c.popNext()
	return doc
}

// Next resolves to the next document. At the end it fails with [StopAsyncIteration].
//
// Motor: MotorCursor.next, MotorCommandCursor.next.
func (c *cursorReader[D]) Next(ctx context.Context) *future.Future[D] {
	if c.turns.idle() {
		if doc, ok := c.popNext(); ok {
			return resolved(c.coll.db.client, doc)
		}
	}
	return read(ctx, c, func(s *source[D], more bool) (doc D, done bool, err error) {
		switch {
		case len(s.batch) > 0:
			return s.pop(), true, nil
		case !more:
			return doc, true, newError(StopAsyncIteration, "the cursor has no more documents")
		}
		return doc, false, nil
	})
}

// ToList resolves to the next documents, at most length of them; without a length, to all. At the end it is an
// empty list. It may be called again for what comes next. If the cursor fails half way, the documents that had been
// read stand beside the error.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length.
//
// Motor: MotorCursor.to_list, MotorCommandCursor.to_list.
func (c *cursorReader[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
	limit := -1
	switch {
	case len(length) > 1:
		return failed[[]D](c.coll.db.client, newError(TypeError, "ToList takes one length, not %d", len(length)))
	case len(length) == 1 && length[0] < 0:
		return failed[[]D](c.coll.db.client, newError(ValueError, "ToList(%d): length must be at least 0", length[0]))
	case len(length) == 1:
		limit = length[0]
	}
	docs := []D{}
	return read(ctx, c, func(s *source[D], more bool) ([]D, bool, error) {
		n := len(s.batch)
		if limit >= 0 {
			n = min(n, limit-len(docs))
		}
		if len(docs) == 0 && n > 0 && n == len(s.batch) {
			docs, s.batch = s.batch, nil // as it is: no copy of a list that came in one batch
		} else {
			docs = append(docs, s.batch[:n]...)
			clear(s.batch[:n])
			s.batch = s.batch[n:]
		}
		return docs, len(docs) == limit || !more, nil
	})
}

// Each calls fn with every document, one after the other, and then once with the zero D (a nil map, a nil pointer)
// and no error, which marks the end. An error ends it too: fn(zero, err). If fn returns false it is not called
// again; calling Each later goes on with the next document. If fn closes the cursor, no end mark comes.
//
// fn is called where the callbacks of the client's futures run, never on this stack. A nil fn panics.
//
// Motor: MotorCursor.each, MotorCommandCursor.each.
func (c *cursorReader[D]) Each(ctx context.Context, fn func(doc D, err error) bool) {
	c.each(func() *future.Future[bool] { return c.FetchNext(ctx) }, fn)
}

// EachVia is Each with fn called on via, whatever the loop of the client.
func (c *cursorReader[D]) EachVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	c.each(func() *future.Future[bool] { return c.FetchNext(ctx).Via(via) }, fn)
}

func (c *cursorReader[D]) each(fetch func() *future.Future[bool], fn func(doc D, err error) bool) {
	if fn == nil {
		panic(newError(TypeError, "Each: fn is nil"))
	}
	fetch().OnComplete(func(more bool, err error) {
		var none D
		if err != nil {
			fn(none, err)
			return
		}
		for doc, ok := c.popNext(); ok; doc, ok = c.popNext() {
			if !fn(doc, nil) || c.isClosed() {
				return
			}
		}
		if more {
			c.each(fetch, fn)
		} else if !c.isClosed() {
			fn(none, nil)
		}
	})
}

func (c *cursorReader[D]) popNext() (doc D, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.source == nil || len(c.source.batch) == 0 {
		return doc, false
	}
	return c.source.pop(), true
}

func (c *cursorReader[D]) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// All returns the documents for a range loop. An error is the last that it yields. Leaving the loop leaves the
// cursor as it is: a later read goes on with the next document.
//
// Motor: async for.
func (c *cursorReader[D]) All(ctx context.Context) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for {
			for {
				doc, ok := c.popNext()
				if !ok {
					break
				}
				if !yield(doc, nil) {
					return
				}
			}
			more, err := c.FetchNext(ctx).Await(ctx)
			if err != nil {
				var none D
				yield(none, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}
