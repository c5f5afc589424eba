package future

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Group is a set of tasks that end together. The first failure ends the context of the other tasks and cancels the
// futures that were added to the group. [Group.Wait] settles when no task of the group is running. A task whose own future
// is cancelled does not count as failed.
//
// The tasks run on the group's executor. On a [Pool], they share its limit with all other tasks of the pool.
//
// asyncio: TaskGroup, but with the first error alone, as errgroup.
type Group struct {
	ex     Executor
	ctx    context.Context
	cancel context.CancelCauseFunc
	stop   func() bool // unregisters from the context that the group was made with
	done   *Future[struct{}]

	mu      sync.Mutex
	pending int // tasks that have not ended, plus one until Wait is called
	waiting bool
	err     error
	members map[owner]struct{} // futures that were added, to be cancelled on failure
}

// NewGroup returns a group whose tasks run on ex. When ctx ends, the group fails. The caller must call Wait: the group's
// resources are released when the future of Wait settles.
func NewGroup(ctx context.Context, ex Executor) *Group {
	mustHave(ctx != nil, "NewGroup", "ctx")
	mustHave(ex != nil, "NewGroup", "ex")
	g := &Group{ex: ex, pending: 1, done: &Future[struct{}]{}}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	g.done.cell.aux = owner((*groupOwner)(g))
	g.stop = func() bool { return true }
	if ctx.Done() != nil {
		g.stop = context.AfterFunc(ctx, func() { g.fail(ctx.Err()) })
	}
	return g
}

// Context returns the context of the group's tasks. It ends at the first failure, at Cancel, and when all tasks have
// ended. [context.Cause] returns the error.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs fn as a task of the group: see [GroupGo].
func (g *Group) Go(fn func(context.Context) error) *Future[struct{}] {
	mustHave(fn != nil, "Group.Go", "fn")
	return GroupGo(g, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
}

// GroupGo runs fn as a task of g and returns the future of its result. The error of that future counts as observed, since
// Wait reports the error of the group. Tasks may start other tasks. Once the group has ended, the future fails with
// [ErrGroupDone].
func GroupGo[T any](g *Group, fn func(context.Context) (T, error)) *Future[T] {
	mustHave(g != nil, "GroupGo", "g")
	mustHave(fn != nil, "GroupGo", "fn")
	if !g.enter(nil) {
		return Rejected[T](ErrGroupDone)
	}
	t := &groupTask{g: g}
	t.c = t
	f := Go(g.ctx, g.ex, func(ctx context.Context) (T, error) {
		if !t.state.CompareAndSwap(taskWaiting, taskStarted) {
			var zero T
			return zero, ErrCancelled
		}
		defer t.returned()
		return fn(ctx)
	})
	t.f = &f.cell
	f.cell.register(&t.link)
	return f
}

// GroupAdd adds f to g and returns f. A failure of f fails the group, a failure of the group cancels f, and Wait waits for
// f. If g has ended, f is cancelled.
func GroupAdd[T any](g *Group, f *Future[T]) *Future[T] {
	mustHave(g != nil, "GroupAdd", "g")
	mustHave(f != nil, "GroupAdd", "f")
	m := &groupMember{g: g, f: &f.cell}
	m.c = m
	if !g.enter(m) {
		f.Cancel(ErrGroupDone)
		return f
	}
	f.cell.register(&m.link)
	if g.ctx.Err() != nil {
		m.abandon()
	}
	return f
}

// Cancel ends the group as a failure would, with [ErrCancelled] as Wait's error.
func (g *Group) Cancel() { g.fail(ErrCancelled) }

// Wait returns a future that settles once all tasks of the group have ended, including those that tasks start meanwhile.
// Its error is the first error of the group. Cancelling it cancels the group.
func (g *Group) Wait() *Future[struct{}] {
	g.mu.Lock()
	first := !g.waiting
	g.waiting = true
	g.mu.Unlock()
	if first {
		g.leave(nil).propagate(false)
	}
	return g.done
}

// enter adds a task to the count, unless the group has ended, and reports whether it did.
func (g *Group) enter(m owner) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pending == 0 {
		return false
	}
	g.pending++
	if m != nil {
		if g.members == nil {
			g.members = make(map[owner]struct{})
		}
		g.members[m] = struct{}{}
	}
	return true
}

// leave removes a task from the count and ends the group after the last.
func (g *Group) leave(m owner) batch {
	g.mu.Lock()
	delete(g.members, m)
	g.pending--
	last, err := g.pending == 0, g.err
	g.mu.Unlock()
	if !last {
		return batch{}
	}
	g.stop()
	g.cancel(nil)
	return g.done.cell.reject(err)
}

// fail ends the group's context and cancels its members, if err is the first error.
func (g *Group) fail(err error) {
	g.mu.Lock()
	if g.err != nil || g.pending == 0 {
		g.mu.Unlock()
		return
	}
	g.err = err
	members := make([]owner, 0, len(g.members))
	for m := range g.members {
		members = append(members, m)
	}
	g.mu.Unlock()
	g.cancel(err)
	for _, m := range members {
		m.abandon()
	}
}

// groupOwner makes a Group the owner of the future of Wait.
type groupOwner Group

func (g *groupOwner) abandon() { (*Group)(g).Cancel() }

// groupTask is the link by which a group waits for the future of a task. Cancel may settle the future while the function
// is still running; otherwise the function returns shortly before the future settles. The group waits for both events:
// the second one calls leave.
type groupTask struct {
	link
	g     *Group
	f     *cell
	state atomic.Uint32
}

const (
	taskWaiting  uint32 = iota // the function has not been called
	taskStarted                // it is running
	taskHalfDone               // it has returned, or its future is settled
)

func (t *groupTask) returned() {
	if !t.state.CompareAndSwap(taskStarted, taskHalfDone) {
		t.g.leave(nil).propagate(false)
	}
}

func (t *groupTask) userCode() bool { return false }

func (t *groupTask) fire() batch {
	if t.f.failure() != nil && t.f.hasValue() {
		t.g.fail(t.f.failure())
	}
	// The state changes from waiting to started to half done, so the order of the two attempts matters.
	if !t.state.CompareAndSwap(taskWaiting, taskHalfDone) && t.state.CompareAndSwap(taskStarted, taskHalfDone) {
		return batch{} // cancelled while it runs
	}
	return t.g.leave(nil)
}

func (t *groupTask) fail(error) batch { return batch{} }

// groupMember is the link by which a group waits for a future that was added to it.
type groupMember struct {
	link
	g *Group
	f *cell
}

func (m *groupMember) abandon()       { m.f.cancel(&cancelError{context.Cause(m.g.ctx)}) }
func (m *groupMember) userCode() bool { return false }

func (m *groupMember) fire() batch {
	if m.f.failure() != nil && m.f.hasValue() {
		m.g.fail(m.f.failure())
	}
	return m.g.leave(m)
}

func (m *groupMember) fail(error) batch { return batch{} }

// Map calls fn for every element of in, at most limit calls at a time, on goroutines that Map starts. It returns a future
// of the results in the order of in. The first error or panic (a [*PanicError]) ends the context of the other calls, and
// no further call is started. Once the running calls have returned, the future fails with that error; its value is then
// the results so far.
//
// Map of an empty slice is resolved with an empty slice at once. If limit is below 1, the future fails with
// [ErrInvalidOption]. Cancelling the future ends the context of the calls, and so does the end of ctx.
func Map[T, U any](ctx context.Context, limit int, in []T, fn func(context.Context, T) (U, error)) *Future[[]U] {
	mustHave(ctx != nil, "Map", "ctx")
	mustHave(fn != nil, "Map", "fn")
	if limit < 1 {
		return Rejected[[]U](fmt.Errorf("%w: Map: limit %d, need at least 1", ErrInvalidOption, limit))
	}
	if len(in) == 0 {
		return Resolved([]U{})
	}
	m := &mapState[T, U]{in: in, out: make([]U, len(in)), fn: fn, f: &Future[[]U]{}}
	m.ctx, m.cancel = context.WithCancel(ctx)
	m.f.cell.aux = owner(m)
	workers := min(limit, len(in))
	m.working.Store(int64(workers))
	for range workers {
		go m.work()
	}
	return m.f
}

type mapState[T, U any] struct {
	f      *Future[[]U]
	in     []T
	out    []U
	fn     func(context.Context, T) (U, error)
	ctx    context.Context
	cancel context.CancelFunc

	next    atomic.Int64
	working atomic.Int64
	once    sync.Once
	err     error
}

func (m *mapState[T, U]) abandon() { m.cancel() }

func (m *mapState[T, U]) work() {
	returned := false
	defer func() {
		if !returned {
			m.fail(newGoexitError())
		}
		if m.working.Add(-1) == 0 {
			m.finish()
		}
	}()
	for {
		i := int(m.next.Add(1)) - 1
		if i >= len(m.in) {
			break
		}
		if err := m.ctx.Err(); err != nil {
			m.fail(err)
			break
		}
		if err := m.do(i); err != nil {
			m.fail(err)
			break
		}
	}
	returned = true
}

func (m *mapState[T, U]) do(i int) (err error) {
	defer recoverAs(&err)
	m.out[i], err = m.fn(m.ctx, m.in[i])
	return err
}

func (m *mapState[T, U]) fail(err error) {
	m.once.Do(func() { m.err = err })
	m.cancel()
}

func (m *mapState[T, U]) finish() {
	m.cancel()
	b, _ := settle(m.f, m.out, m.err)
	b.propagate(false)
}
