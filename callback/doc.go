// Package callback is for code that runs on an event loop. It has an event [Loop] with timers, coroutines that read like
// Python's async def, locks and queues that suspend a coroutine without blocking the loop, and the handles of package
// motor in callback style.
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
// One at a time. Callbacks and coroutines of one loop never run at the same time, and a coroutine is suspended only
// where it awaits or sleeps. Data that only they use needs no lock.
//
// In turns. A turn runs the callbacks that were ready when it began, in order, and then the timeouts that are due, in the
// order of their deadlines and, for equal deadlines, of the calls. Callbacks added meanwhile wait for a later turn. A
// timeout never fires early.
//
// Always later. No callback runs inside the call that registers it, even if its future is settled.
//
// Once. A panic of a callback is reported with its stack. The callback is not called again, and the loop goes on. If a
// coroutine panics or calls runtime.Goexit, its future fails with a [*future.PanicError].
//
// Only your own code can block the loop. Callbacks and coroutines must not block: await instead, and use [RunInExecutor]
// for code that has to block. An Await with a context that is derived from a [Co] would block, and panics; see [Co.With].
//
// Nothing is lost. Callbacks that a loop has accepted run even if it is closed; see [Loop.Close] for the order. A closed
// loop refuses callbacks with [ErrLoopClosed]. When the loop is closed, waits for a lock, an event, a condition, a
// semaphore or a queue fail with that error at once, with or without a timeout.
//
// A loop that ran coroutines must be closed: coroutines are goroutines, and suspended ones would leak. Close a loop before
// its client. Its last turn may use the client, and a closed client opens again when it is used:
//
//	defer client.Close(ctx)
//	defer loop.Close() // runs first
//
// # Errors
//
// A coroutine handles the error of each await, or it unwinds. [Must] returns the value of a future, or leaves the functions
// of the coroutine with its error, as a Python exception does:
//
//	func report(co *callback.Co) {
//		defer fmt.Println("finally")
//		err := co.Try(func() { // try
//			for user := range callback.Range(co, users.Find(bson.D{}).All(co)) { // async for
//				callback.Must(co, mails.InsertOne(co, mailTo(user))) // await
//			}
//		}, motor.DuplicateKeyError) // except
//
// [Run], [CreateTask], [Gather] and [WaitFor] run such functions; [Proc] and [Value] adapt those without an error.
//
// # Handles
//
// [Client], [Database], [Collection] and [Cursor] have the methods of their namesakes in package motor. Where a method of
// motor returns a future, the method here takes a [Func] after the last required argument and returns nothing.
//
//	client, err := callback.NewClient(loop, "mongodb://localhost:27017")
//	client.Database("app").Collection("users").FindOne(ctx, bson.M{"_id": "ann"}, func(user bson.M, err error) {
//		...
//	})
//
// The callback is called once, later, on the handle's loop (a [Loop], or any [future.Executor]), with (result, nil) or
// (zero value, error). With a nil callback the operation runs, and its error goes to the handler of
// [future.SetUnobservedHandler]. That handler also gets a [*future.UndeliveredError] if the loop was closed meanwhile.
// While the loop is stopped, callbacks wait until it is started again. The method Futures returns the handle of motor;
// [WrapClient] and the other Wrap functions do the reverse. So both styles can be used on one client.
//
// # Names
//
// The loop follows Tornado's IOLoop, its locks and queues follow tornado.locks and tornado.queues, and coroutines and
// their cancellation follow asyncio. A timeout is an optional last argument, which the loop measures. A wait that times
// out fails with [future.ErrTimeout].
//
// # Cost
//
// A callback takes 8 bytes while it waits and about 40 ns. An await of a pending future takes two thirds of the time of an
// await on a goroutine. A suspended coroutine takes the stack of a goroutine.
package callback
