// Package future provides futures and promises for Go: typed results that can be awaited, chained, combined and
// cancelled. [Pool], a bounded executor, runs the functions that produce them. The package is independent of MongoDB.
//
//	sum := future.Then(
//		future.All(fetch("a"), fetch("b")),
//		func(parts []int) (int, error) { return parts[0] + parts[1], nil },
//	)
//	total, err := sum.Await(ctx)
//
// A [Promise] is the write side, its [Future] the read side. [Go] and [Start] run a function and return its future. [Then],
// [ThenFuture], [Handle], [HandleFuture], [Future.Catch] and [Future.Finally] derive one future from another; [All], [Any],
// [Race], [Wait] and others combine several futures into one.
//
// # Rules
//
//  1. A future settles once. A later attempt returns false.
//  2. Callbacks and continuations of a future run in the order of their registration, one after the other.
//  3. User code never runs on the stack of a call to Then, OnComplete, Resolve or Cancel, nor while a lock or a slot
//     of a pool is held. It may block, and may wait for anything.
//  4. Chains settle in a loop, without recursion: a chain of ten million futures needs only a small stack.
//  5. If user code panics or calls [runtime.Goexit], the derived future fails with a [*PanicError]. The worker survives,
//     no future stays pending, and the function is not called again.
//  6. The context of a wait ends that wait only. The future goes on, and later waits succeed. In two cases a wait either
//     returns the outcome or cancels the future, in one step, so that no value is lost: a wait with the context that the
//     operation was called with, and any wait for a future of [NewPromiseCancelledOnGiveUp].
//  7. [Future.Cancel] settles this future at once, ends the context of its operation if it has one, and unregisters the
//     future from its inputs. It does not cancel the inputs; only [WaitFor], [Group] and [Map] cancel theirs. An
//     operation that returns after it was cancelled can undo its effects: see [Op].
//  8. A future that lost a race, timed out or was cancelled leaves nothing behind in the futures that it waited for.
//  9. An error that was never retrieved is reported once, when its future is garbage collected: see
//     [SetUnobservedHandler].
//  10. A future may have both a value and an error, for example the partial result of a bulk write.
//
// # Where callbacks run
//
// Callbacks run on a new goroutine for each settlement, which walks a whole chain, or on the executor set by
// [Future.Via]. A derived future inherits the executor of its input, a combined future that of its first input.
//
// # Operations in order
//
// Operations that share something which only one of them may use at a time run one after another in a [Sequence], in
// the order of their calls. Waiting in a sequence holds no slot of a pool.
//
// # Cost
//
// A future of an int or a pointer is one object of 64 bytes, and each derived future is one more. Waiting for a pending
// future allocates a channel if a context can end the wait. An operation on a pool is one object, plus two if its function
// uses the end of its context. A place in a sequence is one object, plus a future if it has to wait. Combining n futures
// takes four to six objects for any n.
package future
