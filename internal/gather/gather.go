// Package gather collects operations while a command is sent, so that the next command does the work of all of them.
// There is no timer: an operation that finds no command on its way is sent at once, by the caller of [Queue.Enter].
//
// The package knows neither futures nor commands. It counts the operations that wait, gives each of them to one command,
// and ends the context of a command for which no operation waits.
//
// # Cost
//
// An operation that is collected costs one append under a mutex, and three atomic operations.
package gather

import (
	"context"
	"sync/atomic"

	"github.com/gomotor/gomotor/internal/serial"
	"github.com/gomotor/gomotor/internal/usercode"
)

// Member is an operation: a pointer to a struct that embeds [Item].
type Member interface{ gathered() *Item }

// Item is the state of an operation. The zero Item has not been added to a queue.
type Item struct {
	ctx     context.Context
	waiting *atomic.Int64 // of the queue
	state   atomic.Int32
	command *Command
	settle  func()
	ended   error
}

// The states of an Item. The worker moves it from queued to sent. The settlement of the future moves it to settled. Each
// takes back what the state before had counted.
const (
	queued  int32 = iota // counted in Item.waiting
	sent                 // counted in Command.waiting
	settled              // the caller has an outcome
)

func (i *Item) gathered() *Item { return i }

// Execute keeps the function that settles the future of the operation. It is the method of an executor.
func (i *Item) Execute(settle func()) error {
	i.settle = settle
	return nil
}

// Accepted reports whether Execute has been called.
func (i *Item) Accepted() bool { return i.settle != nil }

// Settle calls the function that Execute has kept.
func (i *Item) Settle() { i.settle() }

// Waits reports whether the operation belongs to a command and has no outcome yet.
func (i *Item) Waits() bool { return i.state.Load() == sent }

// Ended returns the error of the context of an operation whose context had ended when its command was made, or nil. Such
// an operation belongs to no command, but must be settled.
func (i *Item) Ended() error { return i.ended }

// Wake records that the future is settled: with the outcome, or because it was cancelled. It must be called once, also
// for a future that was settled early.
func (i *Item) Wake() {
	switch i.state.Swap(settled) {
	case queued:
		i.waiting.Add(-1)
	case sent:
		i.command.leave()
	}
}

// Command is the sending of several operations. Its context ends when none of them waits for it, and has the values of
// the first one's context.
type Command struct {
	ctx     context.Context
	cancel  context.CancelFunc
	waiting atomic.Int64
}

// Context returns the context with which the command is sent.
func (c *Command) Context() context.Context { return c.ctx }

func (c *Command) leave() {
	if c.waiting.Add(-1) == 0 {
		c.cancel()
	}
}

// join makes an operation a part of the command. It reports whether the operation still waits. Its context may have
// ended a moment before its future is settled. A panic of its context must not leave the other operations unsettled.
func (c *Command) join(i *Item) bool {
	if i.ended = usercode.ContextErr(i.ctx); i.ended != nil {
		return false
	}
	i.command = c
	c.waiting.Add(1)
	if !i.state.CompareAndSwap(queued, sent) { // it was cancelled in the queue
		c.waiting.Add(-1)
		return false
	}
	i.waiting.Add(-1)
	return true
}

// Queue holds operations until the worker sends them. The zero Queue is empty and ready to use. See [serial.Queue] for
// the worker.
type Queue[T Member] struct {
	items   serial.Queue[T]
	waiting atomic.Int64 // the operations in the queue, without those that were cancelled
}

// Enter makes the caller the worker. It reports false if there is a worker already.
func (q *Queue[T]) Enter() bool { return q.items.Enter() }

// Reserve prepares an operation for [Queue.Push]. It reports false if limit operations wait already. A negative limit
// means none. After true, Wake must be called once.
func (q *Queue[T]) Reserve(ctx context.Context, op T, limit int) bool {
	if waiting := q.waiting.Add(1); limit >= 0 && waiting > int64(limit) {
		q.waiting.Add(-1)
		return false
	}
	i := op.gathered()
	i.ctx, i.waiting = ctx, &q.waiting
	return true
}

// Push adds an operation. It reports whether the caller has become the worker.
func (q *Queue[T]) Push(op T) bool { return q.items.Push(op) }

// Next returns the operations to send, in the order of Push. If there are none, the caller is no longer the worker.
func (q *Queue[T]) Next() []T { return q.items.Next() }

// Send calls send for the operations that still wait, those with an equal key together.
func Send[T Member, K comparable](ops []T, key func(T) K, send func(*Command, K, []T)) {
	for rest := ops; len(rest) > 0; {
		var same, others []T
		first := key(rest[0])
		command := new(Command)
		command.ctx, command.cancel = context.WithCancel(context.WithoutCancel(rest[0].gathered().ctx))
		command.waiting.Store(1) // until all have joined
		for _, op := range rest {
			switch {
			case key(op) != first:
				others = append(others, op)
			case command.join(op.gathered()):
				same = append(same, op)
			}
		}
		command.leave()
		send(command, first, same)
		rest = others
	}
}
