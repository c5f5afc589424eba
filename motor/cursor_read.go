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
func (c *cursorReader[D]) FetchNext(ctx context.Context) *future.Future[bool] {
	c.mu.Lock()
	ready := c.err == nil && c.source != nil && len(c.source.batch) > 0
	c.mu.Unlock()
	if ready {
		return resolved(c.coll.db.client, true)
	}
	found := false
	return read(ctx, c, request{want: func(_, ready int, more bool) (int, bool, error) {
		found = ready > 0
		return 0, found || !more, nil
	}}, func([]D) (bool, error) { return found, nil })
}

// NextObject returns the next of the documents that have come, or, if there is none, the zero D: a nil map, a nil
// pointer. It never does I/O; FetchNext does.
//
// Motor: MotorCursor.next_object, MotorCommandCursor.next_object.
func (c *cursorReader[D]) NextObject() D {
	doc, _ := c.popNext()
	return doc
}

// Next reads the next document. At the end it fails with [StopAsyncIteration]; so it does if a tailable cursor has no
// news yet, which is then still alive.
//
// Motor: MotorCursor.next, MotorCommandCursor.next.
func (c *cursorReader[D]) Next(ctx context.Context) *future.Future[D] {
	if c.turns.idle() {
		if doc, ok := c.popNext(); ok {
			return resolved(c.coll.db.client, doc)
		}
	}
	return read(ctx, c, request{want: func(_, ready int, more bool) (int, bool, error) {
		if ready == 0 && !more {
			return 0, true, newError(StopAsyncIteration, "the cursor has no more documents")
		}
		return min(ready, 1), ready > 0, nil
	}}, first)
}

// first returns the first of documents that are one at most.
func first[D any](docs []D) (doc D, err error) {
	if len(docs) > 0 {
		doc = docs[0]
	}
	return doc, nil
}

// TryNext reads the next document. The result is the zero D (a nil map, a nil pointer) if none has come and none comes
// with one more round trip. That is not an error: of an alive cursor it says only that there is no document yet.
//
// Motor: MotorCommandCursor.try_next.
func (c *cursorReader[D]) TryNext(ctx context.Context) *future.Future[D] {
	return read(ctx, c, request{once: true, want: func(_, ready int, more bool) (int, bool, error) {
		return min(ready, 1), ready > 0 || !more, nil
	}}, first)
}

// ToList reads the next documents, at most length of them; without a length, all. At the end the result is an empty
// list. ToList may be called again for what comes next. If the cursor fails half way, a future holds the documents
// that had been read beside the error; a callback is given the error alone.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length, [InvalidOperation] for a tailable
// cursor.
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
	c.mu.Lock()
	tailable := c.err == nil && c.kind != options.NonTailable
	c.mu.Unlock()
	if tailable {
		return failed[[]D](c.coll.db.client, newError(InvalidOperation, "ToList: a tailable cursor has no end"))
	}
	return read(ctx, c, request{want: func(have, ready int, more bool) (int, bool, error) {
		if limit == 0 { // as of Motor's, the query is sent all the same
			return 0, ready > 0 || !more, nil
		}
		if limit > 0 {
			ready = min(ready, limit-have)
		}
		return ready, have+ready == limit || !more, nil
	}}, func(docs []D) ([]D, error) {
		if docs == nil {
			return []D{}, nil
		}
		return docs, nil
	})
}

// Each calls fn with every document, one after the other, and then once with the zero D (a nil map, a nil pointer)
// and no error, which marks the end. An error ends it too: fn(zero, err). If fn returns false it is not called
// again; calling Each later goes on with the next document. If fn closes the cursor, no end mark comes. A tailable
// cursor is asked for news again and again, as long as it is alive; one without QueryFlagAwaitData, ten times a second.
//
// fn is called where callbacks run, never on this stack: on the loop of the client or the handle, or, without one, on
// another goroutine. A nil fn panics.
//
// Motor: MotorCursor.each, MotorCommandCursor.each.
func (c *cursorReader[D]) Each(ctx context.Context, fn func(doc D, err error) bool) {
	c.eachOf(func() *future.Future[bool] { return c.FetchNext(ctx) }, fn)
}

// EachVia is Each with fn called on via, whatever the loop of the client.
func (c *cursorReader[D]) EachVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	c.eachOf(func() *future.Future[bool] { return c.FetchNext(ctx).Via(via) }, fn)
}

func (c *cursorReader[D]) eachOf(fetch func() *future.Future[bool], fn func(doc D, err error) bool) {
	if fn == nil {
		panic(newError(TypeError, "Each: fn is nil"))
	}
	c.each(fetch, func(doc D) bool { return fn(doc, nil) }, func(err error) {
		var none D
		fn(none, err)
	})
}

// each calls fn with every document, until it says false, and else, after the last, end: with the error that there
// was, or nil.
func (c *cursorReader[D]) each(fetch func() *future.Future[bool], fn func(doc D) bool, end func(error)) {
	fetch().OnComplete(func(more bool, err error) {
		if err != nil {
			end(err)
			return
		}
		for doc, ok := c.popNext(); ok; doc, ok = c.popNext() {
			if !fn(doc) || c.Closed() {
				return
			}
		}
		switch tailing, await := c.tailing(); {
		case more || await:
			c.each(fetch, fn, end)
		case tailing:
			time.AfterFunc(tailPause, func() { c.each(fetch, fn, end) })
		case !c.Closed():
			end(nil)
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

// tailPause is how long Each waits before it asks a tailable cursor again that does not await data.
const tailPause = 100 * time.Millisecond

// tailing reports whether there may be news later on, and whether the server waits for them.
func (c *cursorReader[D]) tailing() (tailing, await bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.source
	tailing = !c.closed && s != nil && !s.closed && s.kind != options.NonTailable
	return tailing, tailing && s.kind == options.TailableAwait
}

// All returns the documents for a range loop, which waits for each of them: on an event loop, use it in a coroutine,
// with its Co as ctx. An error is the last that it yields. Leaving the loop leaves the cursor as it is: a later read
// goes on with the next document.
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
