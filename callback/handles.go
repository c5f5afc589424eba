package callback

import (
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// WatchTarget can be watched: it is a [*Client], a [*Database] or a [*Collection].
type WatchTarget interface {
	watched() (loop future.Executor, target motor.WatchTarget)
}

func (c *Client) watched() (future.Executor, motor.WatchTarget)     { return c.loop, c.futures }
func (d *Database) watched() (future.Executor, motor.WatchTarget)   { return d.loop, d.futures }
func (c *collection) watched() (future.Executor, motor.WatchTarget) { return c.loop, c.futures }

// WatchOf is the Watch of a client, a database or a collection, with changes of type E: see [motor.WatchOf].
//
// Motor: MotorCollection.watch.
func WatchOf[E any](
	target WatchTarget, pipeline any, opts ...options.Lister[options.ChangeStreamOptions],
) *ChangeStream[E] {
	loop, of := target.watched()
	return WrapChangeStream(loop, motor.WatchOf[E](of, pipeline, opts...))
}

// ParallelScan gives its callback n cursors that together have every document of the collection once: see
// [motor.Collection.ParallelScan].
//
// Legacy: use Find. Motor: MotorCollection.parallel_scan.
func (c *Collection[D]) ParallelScan(ctx context.Context, n int, callback Func[[]*CommandCursor[D]]) {
	wrapAll := func(all []*motor.CommandCursor[D]) []*CommandCursor[D] {
		cursors := make([]*CommandCursor[D], len(all))
		for i, m := range all {
			cursors[i] = WrapCommandCursor(c.loop, m)
		}
		return cursors
	}
	deliver(c.loop, c.Futures().ParallelScan(ctx, n), wrapped(callback, wrapAll))
}

func (c *GridOutCursor) wrapFile(out *motor.GridOut) *GridOut { return gridOutOn(c.loop, out) }

// wrapping returns a function that takes a file of motor and passes it to fn as a file of this package.
func (c *GridOutCursor) wrapping(fn func(out *GridOut, err error) bool) func(*motor.GridOut, error) bool {
	if fn == nil {
		return nil
	}
	return guarded(c.loop, func(out *motor.GridOut, err error) bool { return fn(c.wrapFile(out), err) })
}

// ToList gives its callback the next files, at most length of them, or all without a length. See [motor.Cursor.ToList].
//
// Motor: MotorGridOutCursor.to_list.
func (c *GridOutCursor) ToList(ctx context.Context, callback Func[[]*GridOut], length ...int) {
	deliver(c.loop, c.futures.ToList(ctx, length...), wrapped(callback, func(all []*motor.GridOut) []*GridOut {
		files := make([]*GridOut, len(all))
		for i, out := range all {
			files[i] = c.wrapFile(out)
		}
		return files
	}))
}

// Each calls fn with every file, and then once with nil and no error to mark the end. fn is called on the handle's loop,
// never on the stack of Each. See [motor.Cursor.Each].
//
// Motor: MotorGridOutCursor.each.
func (c *GridOutCursor) Each(ctx context.Context, fn func(out *GridOut, err error) bool) {
	c.futures.EachVia(ctx, c.loop, c.wrapping(fn))
}

// Tail calls fn with every file, and then with every file that is added later. It needs a capped collection. See
// [motor.Cursor.Tail].
func (c *GridOutCursor) Tail(ctx context.Context, fn func(out *GridOut, err error) bool) {
	c.futures.TailVia(ctx, c.loop, c.wrapping(fn))
}

// All returns the files for a range loop, which waits for each file. In a coroutine, ctx must be its [Co]; callbacks on
// the handle's loop must not use All. An error ends the iteration and is its last pair.
//
// Motor: async for.
func (c *GridOutCursor) All(ctx context.Context) iter.Seq2[*GridOut, error] {
	return func(yield func(*GridOut, error) bool) {
		for out, err := range c.futures.All(ctx) {
			if !yield(c.wrapFile(out), err) {
				return
			}
		}
	}
}

// Scope calls fn with the file, and then closes the file, or aborts it if fn has failed. It waits until all of this is
// done. In a coroutine, ctx must be its [Co], and fn can await the futures of in.Futures. Callbacks on the handle's loop
// must not use Scope; they call Leave. See [motor.GridIn.Scope].
//
// Motor: async with.
func (g *GridIn) Scope(ctx context.Context, fn func(in *GridIn) error) error {
	if fn == nil {
		return g.futures.Scope(ctx, nil)
	}
	return g.futures.Scope(ctx, func(*motor.GridIn) error { return fn(g) })
}

// instances names the instances of generic handles that every program reaches. For an instance that only generic code
// mentions, the compiler makes wrappers of promoted methods in the program. For an instance that a type which is not
// generic mentions, as this one does, it uses the wrappers of this package. So the structs that the handles embed have a
// field that mentions this type. The field takes no memory. It makes the structs incomparable, so that no comparison is
// compiled either.
type instances struct {
	_ *Collection[bson.M]
	_ *Cursor[bson.M]
	_ *CommandCursor[bson.M]
	_ *ChangeStream[bson.M]
}
