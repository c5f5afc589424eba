package future

import "context"

// Executor runs functions somewhere else, later: on the goroutines of a [Pool], on an event loop, on the main
// thread of a graphical program. It is the one thing that a loop has to offer for futures to deliver on it.
type Executor interface {
	// Execute arranges for task to run once and returns without waiting for it. It must not call task itself,
	// must not block, and is called from any goroutine. An error means that task will never run (the executor is
	// closed, or its queue is full); what depended on task then fails with that error.
	Execute(task func()) error
}

// ExecutorFunc makes an [Executor] of one function: the hook by which a program with a main loop of its own
// accepts work.
type ExecutorFunc func(task func()) error

// Execute calls f(task).
func (f ExecutorFunc) Execute(task func()) error { return f(task) }

// Suspender is a context that knows how to wait without holding up what it runs on: the context of a coroutine
// suspends the coroutine and not its loop, the context of a [Pool] task gives its slot to the next task meanwhile.
//
// [Future.Await] looks for it by type assertion on the context that it was given, and nowhere else: a context
// derived from a Suspender blocks like any other.
type Suspender interface {
	context.Context
	// Suspend returns nil once on is settled, or earlier with the reason for which this wait ended.
	Suspend(on Awaitable) error
}

// Awaitable is what a [Suspender] waits for; every [Future] is one.
type Awaitable interface {
	// IsDone reports whether the future is settled.
	IsDone() bool
	// Done returns a channel that is closed once the future is settled.
	Done() <-chan struct{}
	// Notify arranges for w.Wake to be called once, when the future settles, and returns what Stop takes back.
	// On a settled future it calls Wake before it returns.
	Notify(w Waker) *Registration
	// NotifyWith is Notify with a registration that the caller provides.
	NotifyWith(r *Registration, w Waker)
}

// Waker is told that a future has settled.
type Waker interface {
	// Wake is called on the stack that settled the future, with no lock held: it must neither block nor run
	// anybody else's code. Posting to a loop or sending on a buffered channel is what it is for.
	Wake()
}
