package future

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomotor/gomotor/internal/ring"
)

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
	// unknown code. It is meant for posting to a loop, or sending on a buffered channel.
	Wake()
}

// Pool is a bounded executor: it runs at most so many tasks at once, in the order of their submission, and queues
// the rest without ever making a caller wait.
//
// A task's slot covers its function and nothing else: it passes to the next task before the callbacks and
// continuations of the task's future run. So these may block, or wait for other tasks of the pool, to any depth,
// with a limit of one as well as of a hundred.
//
// Goroutines are made when tasks come, reused last-in-first-out (their stacks are warm, which saves deep calls
// several microseconds), and end when they have been idle for a moment. An idle pool has none.
type Pool struct {
	limit    int
	maxQueue int // -1: no bound
	inPlace  bool

	mu      sync.Mutex
	queue   workQueue
	resumed ring.Ring[resumed] // tasks that lent their slot and want one back
	idle    []*worker          // the most recently used last
	ready   ring.Ring[work]    // work that has a slot, for the workers that are being woken
	done    int                // jobs in ready that an Await has run
	waking  int                // workers that are on their way to ready
	running int                // slots taken
	busy    int                // jobs between being given a slot and the settlement of their future, panics to report
	closed  bool
	quiet   *sync.Cond // no slot is taken, and nothing is busy

	trimmer  *time.Timer
	trimming bool
	minIdle  int // the fewest idle workers since the last trim

	maxWait      time.Duration // how long a task may be queued; 0: for ever
	tooLate      error         // of one that was queued longer
	overdue      *time.Timer   // looks at the first of the queue when its time is over
	watchingWait bool          // overdue is set

	watch atomic.Pointer[contextWatch] // the latest, which the next task may share

	stats PoolStats // the counters; the rest is filled in by Stats
}

// PoolOption configures a [Pool].
type PoolOption func(*Pool) error

// WithMaxQueue bounds the queue: a task that finds n tasks waiting fails with [ErrQueueFull]. Without it the queue
// is unbounded. 0 means no queue at all: a task that finds no free slot fails.
func WithMaxQueue(n int) PoolOption {
	return func(p *Pool) error {
		if n < 0 {
			return fmt.Errorf("%w: WithMaxQueue(%d): a queue cannot be shorter than 0", ErrInvalidOption, n)
		}
		p.maxQueue = n
		return nil
	}
}

// WithMaxQueueWait bounds how long a task may be queued. One that gets no slot in that time fails with err, or, if err is
// nil, with [ErrQueueTimeout]. Without it a task waits as long as it has to.
func WithMaxQueueWait(limit time.Duration, err error) PoolOption {
	return func(p *Pool) error {
		if limit <= 0 {
			return fmt.Errorf("%w: WithMaxQueueWait(%v): a time must be longer than 0", ErrInvalidOption, limit)
		}
		p.maxWait, p.tooLate, p.queue.clock.everything = limit, err, true
		if err == nil {
			p.tooLate = ErrQueueTimeout
		}
		return nil
	}
}

// WithInPlaceAwait lets an Await run its own task on its own goroutine if no worker has started it yet and the
// Await's context is the very one that the task was submitted with. That saves the switch between goroutines: about
// one part in fifteen of a short database operation. The price: such an Await returns when the task's function does,
// and not before, and a task that calls [runtime.Goexit] ends the goroutine that awaited it.
func WithInPlaceAwait() PoolOption {
	return func(p *Pool) error {
		p.inPlace = true
		return nil
	}
}

// NewPool returns a pool that runs at most limit tasks at once. A limit below one is [ErrInvalidOption].
func NewPool(limit int, opts ...PoolOption) (*Pool, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: NewPool(%d): a pool needs a limit of at least 1", ErrInvalidOption, limit)
	}
	p := &Pool{limit: limit, maxQueue: -1}
	p.quiet = sync.NewCond(&p.mu)
	for _, opt := range opts {
		if err := opt(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Limit returns the number of tasks that may run at once.
func (p *Pool) Limit() int { return p.limit }

// Execute runs task in a slot, after those that were submitted before it. It implements [Executor]; its errors are
// [ErrQueueFull] and [ErrPoolClosed]. A panic of task is reported as [SetUnobservedHandler] says.
func (p *Pool) Execute(task func()) error {
	mustHave(task != nil, "Execute", "task")
	return p.submit(work{fn: task})
}

// submit gives w a slot and a worker, or a place in the queue.
func (p *Pool) submit(w work) error {
	p.mu.Lock()
	if w.job != nil {
		w.job.pool = p
	}
	switch {
	case p.closed:
		p.stats.Rejected++
		p.mu.Unlock()
		return ErrPoolClosed
	case p.running < p.limit:
		p.running++
		if w.job != nil {
			p.busy++
			w.job.state.Store(jobAssigned)
			w.job.slot = slotHeld
		}
		p.startLocked(w)
		p.mu.Unlock()
		return nil
	case p.maxQueue >= 0 && p.queue.length() >= p.maxQueue:
		p.stats.Rejected++
		p.mu.Unlock()
		return ErrQueueFull
	}
	p.queue.push(w)
	p.limitWaitLocked()
	p.mu.Unlock()
	return nil
}

// nextLocked passes a slot on: to a task that lent its own, else to the first of the queue, which is returned. If
// no task wants it the slot is free.
func (p *Pool) nextLocked() (next work) {
	for p.resumed.Len() > 0 {
		r := p.resumed.Pop()
		close(r.back)
		if r.job.slot == slotLent { // else its function has returned meanwhile: see lentContext.Suspend
			r.job.slot = slotHeld
			return work{}
		}
	}
	for next = p.queue.pop(); !next.isNone(); next = p.queue.pop() {
		if j := next.job; j != nil {
			if !j.claim(jobQueued, jobAssigned) {
				continue
			}
			j.slot = slotHeld
			p.busy++
		}
		p.stats.Waited++
		if at := p.queue.head - 1; p.queue.clock.measures(at) {
			p.queue.clock.out(at)
		}
		return next
	}
	p.running--
	p.endedLocked(0)
	return work{}
}

// endedLocked counts work as no longer busy, and tells Shutdown if there is nothing more to wait for.
func (p *Pool) endedLocked(n int) {
	p.busy -= n
	if p.closed && p.busy == 0 && p.running == 0 {
		p.quiet.Broadcast()
	}
}

// resumed is a task that wants a slot back, and the channel that tells it that it has one.
type resumed struct {
	job  *job
	back chan struct{}
}

// lendSlot passes on the slot of a task that waits, if it has one.
func (p *Pool) lendSlot(j *job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.slot != slotHeld {
		return false
	}
	j.slot = slotLent
	p.startLocked(p.nextLocked())
	return true
}

// reclaimSlot waits for a slot for a task that has lent its own.
func (p *Pool) reclaimSlot(j *job) {
	p.mu.Lock()
	if j.slot != slotLent {
		p.mu.Unlock()
		return
	}
	if p.running < p.limit {
		p.running++
		j.slot = slotHeld
		p.mu.Unlock()
		return
	}
	back := make(chan struct{})
	p.resumed.Push(resumed{j, back})
	p.mu.Unlock()
	<-back
}

// releaseLocked passes the slot of j on for good and returns what has it now.
func (p *Pool) releaseLocked(j *job) (next work) {
	if j.slot == slotHeld {
		next = p.nextLocked()
	}
	j.slot = slotNone
	return next
}

func (p *Pool) dropQueued(j *job) {
	p.mu.Lock()
	p.queue.drop(j)
	p.mu.Unlock()
}

// Close ends the pool: tasks submitted from now on, and those still queued, fail with [ErrPoolClosed]; those that
// run are waited for, until their futures are settled (but not for callbacks). A task must not close its own pool:
// it would wait for itself. Close may be called more than once.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	var refused []work
	for first := p.queue.pop(); !first.isNone(); first = p.queue.pop() {
		if first.fn != nil || first.job.claim(jobQueued, jobDropped) {
			refused = append(refused, first)
		}
	}
	p.stats.Rejected += uint64(len(refused))
	p.mu.Unlock()
	rejectAll(refused, ErrPoolClosed)
	p.Shutdown()
}

// Shutdown is [Pool.Close] for a pool whose queue is to be worked off: it takes no more tasks, and waits for those
// that it has.
//
// Python: Executor.shutdown(wait=True).
func (p *Pool) Shutdown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.retireLocked(len(p.idle))
	for _, timer := range []*time.Timer{p.trimmer, p.overdue} {
		if timer != nil {
			timer.Stop()
		}
	}
	for p.busy > 0 || p.running > 0 {
		p.quiet.Wait()
	}
}

// PoolStats says what a [Pool] is doing and has done.
type PoolStats struct {
	Running int // tasks that hold a slot
	Idle    int // goroutines that wait for a task
	Queued  int // tasks that wait for a slot

	Completed uint64 // tasks whose function has returned, or panicked; not those that were cancelled before
	Panics    uint64 // of these, the ones that panicked
	Rejected  uint64 // tasks that failed with ErrQueueFull, ErrQueueTimeout or ErrPoolClosed

	Waited       uint64        // tasks that had to wait for a slot and got one
	QueueWait    time.Duration // how long they waited, all together; after the first tasks, by a sample
	MaxQueueWait time.Duration // how long the one waited that waited longest, of those measured
}

// Stats returns a snapshot. Right after the Await of a pool's only task it shows that task as completed.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.QueueWait, s.MaxQueueWait = p.queue.clock.waited, p.queue.clock.longest
	s.Running, s.Idle, s.Queued = p.running, len(p.idle), p.queue.length()
	return s
}

// countLocked counts a task that gives up its slot.
func (p *Pool) countLocked(end taskEnd) {
	switch end {
	case taskPanicked:
		p.stats.Panics++
		fallthrough
	case taskReturned:
		p.stats.Completed++
	}
}

// limitWaitLocked sets the timer for the first of the queue, if tasks may be queued for some time only. As all of them
// may be for the same time, the first is the first to be too late, and one timer will do.
func (p *Pool) limitWaitLocked() {
	if p.maxWait == 0 || p.watchingWait || !p.queue.any() {
		return
	}
	p.watchingWait = true
	left := p.firstIsOverdue() - now()
	if p.overdue == nil {
		p.overdue = time.AfterFunc(left, p.rejectOverdue)
	} else {
		p.overdue.Reset(left)
	}
}

// firstIsOverdue returns when the first of the queue will be too late.
func (p *Pool) firstIsOverdue() time.Duration { return *p.queue.clock.at(p.queue.head) + p.maxWait }

// rejectOverdue fails what has been queued for too long.
func (p *Pool) rejectOverdue() {
	p.mu.Lock()
	p.watchingWait = false
	var late []work
	for p.queue.any() && p.firstIsOverdue() <= now() {
		if oldest := p.queue.pop(); oldest.fn != nil || oldest.job.claim(jobQueued, jobDropped) {
			late = append(late, oldest)
		}
	}
	p.stats.Rejected += uint64(len(late))
	if !p.closed {
		p.limitWaitLocked()
	}
	p.mu.Unlock()
	rejectAll(late, p.tooLate)
}

// rejectAll fails what will not run.
func rejectAll(all []work, err error) {
	for _, w := range all {
		if w.fn != nil {
			ReportUnobserved(&UndeliveredError{Reason: err})
		} else {
			w.job.reject(err).propagate(false)
		}
	}
}
