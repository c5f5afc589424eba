// Package future has futures and promises for Go: typed results that can be waited for, chained, combined and
// cancelled, and a bounded executor, [Pool], to run what produces them. It knows nothing of MongoDB.
//
//	sum := future.Then(
//		future.All(fetch("a"), fetch("b")),
//		func(parts []int) (int, error) { return parts[0] + parts[1], nil },
//	)
//	total, err := sum.Await(ctx)
//
// A [Promise] is the write side, its [Future] the read side. [Go] and [Start] run a function and return its future. [Then],
// [ThenFuture], [Handle], [Future.Catch] and [Future.Finally] derive one future from another; [All], [Any], [Race],
// [Wait] and their kin make one of several.
//
// # Rules
//
//  1. A future settles once. A later attempt returns false.
//  2. Callbacks and continuations of a future run in the order of their registration, one after the other.
//  3. User code never runs on the stack of a call to Then, OnComplete, Resolve or Cancel, nor while a lock or a slot
//     of a pool is held. It may block, and may wait for anything.
//  4. Chains are walked, not recursed: one of ten million links settles on a small stack.
//  5. A panic or a [runtime.Goexit] in user code is the child's failure, a [*PanicError]. It kills no worker, leaves
//     nothing pending, and what panicked is not called again.
//  6. The context of a wait ends that wait. The future goes on, and later waits succeed. There are two exceptions, in which
//     a wait returns the outcome or has cancelled the future, in one step: a wait with the context that the operation was
//     called with, and any wait for a future of [NewPromiseCancelledOnGiveUp]. So no value is lost in a future that is not
//     looked at again.
//  7. [Future.Cancel] settles this future at once, ends the context of its operation if it has one, and takes it off
//     the lists of what it was derived from, which is not cancelled. Only [WaitFor], [Group] and [Map] cancel what they
//     are made from. An operation that succeeds after it was cancelled can take back what it did: see [Op].
//  8. What has lost a race, or timed out, or was cancelled leaves nothing behind in the futures that it waited for.
//  9. A failure that nothing has asked for is reported once, when its future is collected: see
//     [SetUnobservedHandler].
//  10. A future may have a value and an error, as the partial result of a bulk write.
//
// # Where callbacks run
//
// On a goroutine of their own, one per settlement, which walks a whole chain; or where [Future.Via] says. What is
// derived from a future inherits its executor, what is made from several that of the first.
//
// # Operations in order
//
// Operations that share something which only one of them may use at a time take turns in a [Sequence], in the order of
// their calls. Waiting for a turn holds no slot of a pool.
//
// # Cost
//
// A future is one object of 80 bytes; a derived one is one more; a wait for a pending one makes a channel if a
// context can end it. An operation on a pool is one object, plus two if its function uses the context's end. A place in a
// sequence is one object, plus a future if it has to wait. Combining n futures takes four to six objects, whatever n is.
package future
