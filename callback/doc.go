// Package callback is for code that lives on an event loop: an event [Loop] with timers, coroutines that read like
// Python's async def, locks and queues that hold up a coroutine and not the loop, and the handles of package motor
// in the style of callbacks.
//
//	loop := callback.NewLoop()
//	defer loop.Close()
//	total, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
//		doc, err := coll.FindOne(co, bson.M{"i": 1}).Await(co) // suspends the coroutine, not the loop
//		...
//	})
//
// # Rules
//
// One at a time. Callbacks and coroutines of one loop never run at the same time, and a coroutine is switched only
// where it awaits or sleeps. What only they touch needs no lock.
//
// In turns. A turn runs what was ready when it began, in order; what that adds waits for a later turn. Timeouts
// that are due follow, by deadline and, within one, by the order of arming; never early.
//
// Always later. No callback runs inside the call that registers it, even if its future is settled.
//
// Once. A callback that panics is reported with its stack, is not called again, and the loop goes on. So are
// coroutines that panic or call runtime.Goexit: their futures fail with [*future.PanicError].
//
// Only your own code can block the loop. Callbacks and coroutines must not block: await instead, and use [RunInExecutor]
// for code that has to block. A context derived from a [Co] blocks when it is awaited with; see [Co.With].
//
// Nothing is lost. Callbacks that a loop has accepted run, also when it is closed; see [Loop.Close] for the order. Callbacks
// that it does not accept are refused with [ErrLoopClosed]. A wait for a lock, an event, a condition, a semaphore or a
// queue ends with that error, too, when the loop is closed: at once, whether or not it has a timeout.
//
// A loop that ran coroutines must be closed: they are goroutines, and those that wait would wait for ever.
//
// # Handles
//
// [Client], [Database], [Collection] and [Cursor] are those of package motor, method for method: where motor returns a
// future, they take a [Func] after the last required argument and return nothing.
//
//	client, err := callback.NewClient(loop, "mongodb://localhost:27017")
//	client.Database("app").Collection("users").FindOne(ctx, bson.M{"_id": "ann"}, func(user bson.M, err error) {
//		...
//	})
//
// The callback is called once, later, on the handle's loop (a [Loop], or any [future.Executor]), with (result, nil) or
// (zero value, error). Without a callback the operation runs, and its failure goes to the handler of
// [future.SetUnobservedHandler], as does a [*future.UndeliveredError] if the loop was closed meanwhile. While the loop
// is stopped, callbacks wait for it to go on. Futures gives the handle of motor, and [WrapClient] and the
// other Wrap functions go the other way, so both styles mix on one client.
//
// # Names
//
// The loop is Tornado's IOLoop, its locks and queues are those of tornado.locks and tornado.queues, and coroutines
// and their cancelling are asyncio's. A timeout is an optional last argument; the loop measures it, and a wait that
// times out fails with [future.ErrTimeout].
//
// # Cost
//
// A callback costs 8 bytes while it waits and some 40 ns; an await of a pending future, two thirds of an await on a
// goroutine; a coroutine that waits, the stack of a goroutine.
package callback
