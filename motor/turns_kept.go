package motor

import (
	"sync"

	"github.com/gomotor/gomotor/future"
)

// keptTurn is a turn that is over when two things have happened, in whatever order: the operation's function has
// returned, and its future is settled. Cancel settles the future while the function runs, or just before the
// function's result would; only whoever comes second knows that nobody is to have the result, and takes back what was
// done. Until then nobody else may have the turn.
type keptTurn struct {
	*turn
	session *sessionTurn
	undo    func() // for an operation that has run, and was cancelled; it neither blocks nor runs anybody else's code

	mu           sync.Mutex
	ran, settled bool
	cancelled    bool
}

// end notes that the function has returned.
func (k *keptTurn) end() {
	k.mu.Lock()
	k.ran = true
	over := k.settled
	k.mu.Unlock()
	if over {
		k.finish()
	}
}

// finish is for whoever comes second.
func (k *keptTurn) finish() {
	if k.cancelled {
		k.undo()
	}
	k.pass()
}

// settledTurn is told that the future of an operation with a kept turn is settled.
type settledTurn[T any] struct {
	*keptTurn
	future *future.Future[T]
}

// Wake implements future.Waker.
func (s settledTurn[T]) Wake() {
	k := s.keptTurn
	if k.drop() {
		k.session.drop()
		return // it had not begun
	}
	k.mu.Lock()
	k.settled, k.cancelled = true, s.future.Cancelled()
	over := k.ran
	k.mu.Unlock()
	if over {
		k.finish()
	}
}
