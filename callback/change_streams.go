package callback

import (
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// WatchTarget is what can be watched: a [*Client], a [*Database] or a [*Collection].
type WatchTarget interface {
	watched() (loop future.Executor, target motor.WatchTarget)
}

func (c *Client) watched() (future.Executor, motor.WatchTarget)        { return c.loop, c.futures }
func (d *Database) watched() (future.Executor, motor.WatchTarget)      { return d.loop, d.futures }
func (c *Collection[D]) watched() (future.Executor, motor.WatchTarget) { return c.loop, c.Futures() }

// WatchOf is the Watch of a client, a database or a collection, with changes of type E: see [motor.WatchOf].
//
// Motor: MotorCollection.watch.
func WatchOf[E any](
	target WatchTarget, pipeline any, opts ...options.Lister[options.ChangeStreamOptions],
) *ChangeStream[E] {
	loop, of := target.watched()
	return WrapChangeStream(loop, motor.WatchOf[E](of, pipeline, opts...))
}
