package future

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomotor/gomotor/internal/ring"
)

// Pool is a bounded executor. It runs at most a fixed number of tasks at once, in the order of their submission, and queues
// the others. Submitting a task never blocks.
//
// A task holds a slot only while its function runs. The slot passes to the next task before the callbacks and
// continuations of the task's future run. So these may block, or wait for other tasks of the pool, to any depth, even if
// the limit is one.
//
// A task that waits with [Future.Await] and its own context lends its slot meanwhile, so more tasks than the limit may have
// started. To limit requests, make each request a task of the pool, and run the code that waits for them on [Goroutines]:
//
//	pool, err := future.NewPool(8)
//	get := func(ctx context.Context, url string) *future.Future[[]byte] {
//		return future.Go(ctx, pool, func(ctx context.Context) ([]byte, error) { return download(ctx, url) })
//	}
//
// Goroutines are started on demand and reused last in, first out, since warm stacks save deep calls several microseconds.
// They end after a short time without work. An idle pool has none.
type Pool struct {
	limit    int
	maxQueue int // -1: no bound
	inPlace  bool

	mu      sync.Mutex
	queue   workQueue
	resumed ring.Ring[resumed] // tasks that have lent their slot and want one back
	idle    []*worker          // the most recently used last
	ready   ring.Ring[work]    // work that has a slot, for the workers that are being woken
	done    int                // jobs in ready that an Await has run
	waking  int                // workers that were woken and have not yet taken work from ready
	running int                // slots in use
	busy    int                // jobs that have got a slot and whose future is not settled; panics to report
	closed  bool
	quiet   *sync.Cond // signalled when running and busy are 0

	trimmer  *time.Timer
	trimming bool
	minIdle  int // the fewest idle workers since the last trim

	maxWait      time.Duration // how long a task may be queued; 0: no bound
	tooLate      error         // the error of a task that was queued longer
	overdue      *time.Timer   // fires when the first of the queue expires
	watchingWait bool          // overdue is set

	watch atomic.Pointer[contextWatch] // the latest one, which the next task may share

	stats PoolStats // only the counters; Stats fills in the other fields
}

// PoolOption configures a [Pool].
type PoolOption func(*Pool) error

// WithMaxQueue bounds the queue: a task submitted while n tasks are queued fails with [ErrQueueFull]. Without this option
// the queue is unbounded. With n = 0 there is no queue: a task submitted while no slot is free fails.
func WithMaxQueue(n int) PoolOption {
	return func(p *Pool) error {
		if n < 0 {
			return fmt.Errorf("%w: WithMaxQueue(%d): the length must not be negative", ErrInvalidOption, n)
		}
		p.maxQueue = n
		return nil
	}
}

// WithInPlaceAwait lets Await run the task on the calling goroutine, if no worker has started it and the context of Await
// is the same as that of the task. This saves a switch between goroutines, about one fifteenth of the time of a short
// database operation. The cost: such an Await does not return before the task's function does, and a task that calls
// [runtime.Goexit] ends the goroutine that called Await.
func WithInPlaceAwait() PoolOption {
	return func(p *Pool) error {
		p.inPlace = true
		return nil
	}
}

// NewPool returns a pool that runs at most limit tasks at once. If limit is below 1, the error is [ErrInvalidOption].
func NewPool(limit int, opts ...PoolOption) (*Pool, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: NewPool(%d): the limit must be at least 1", ErrInvalidOption, limit)
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

// Execute runs task in a slot, after the tasks that were submitted before it. It implements [Executor]; its errors are
// [ErrQueueFull] and [ErrPoolClosed]. A panic of task is reported: see [SetUnobservedHandler].
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

// nextLocked passes a slot on: to a task that wants its lent slot back, or else to the first of the queue, which it
// returns. If there is neither, the slot becomes free.
func (p *Pool) nextLocked() (next work) {
	for p.resumed.Len() > 0 {
		r := p.resumed.Pop()
		close(r.back)
		if r.job.slot == slotLent { // if not, the task has returned and needs no slot: see job.suspend
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

// endedLocked subtracts n from busy, and wakes Shutdown if there is nothing left to wait for.
func (p *Pool) endedLocked(n int) {
	p.busy -= n
	if p.closed && p.busy == 0 && p.running == 0 {
		p.quiet.Broadcast()
	}
}

// resumed is a task that wants a slot back, and a channel that is closed when it has one.
type resumed struct {
	job  *job
	back chan struct{}
}

// lendSlot lends the slot of a task that waits to another task, and reports whether the task had a slot.
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

// releaseLocked passes the slot of j on and returns the work that has it now.
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

// Close closes the pool. Tasks submitted from now on and tasks still queued fail with [ErrPoolClosed]. Close waits until
// the futures of running tasks are settled, but not for callbacks. A task must not close its own pool, since it would wait
// for itself. Close may be called more than once.
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

// Shutdown closes the pool as [Pool.Close] does, but runs the tasks that are queued. It accepts no more tasks, and waits
// for those that it has.
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

// PoolStats has statistics of a [Pool].
type PoolStats struct {
	Running int // tasks that hold a slot
	Idle    int // goroutines that wait for a task
	Queued  int // tasks that wait for a slot

	Completed uint64 // tasks whose function has returned or panicked; not those cancelled before they started
	Panics    uint64 // completed tasks that panicked
	Rejected  uint64 // tasks that failed with ErrQueueFull, ErrQueueTimeout or ErrPoolClosed

	Waited       uint64        // tasks that had to wait for a slot and got one
	QueueWait    time.Duration // total time that they waited; in long queues estimated from a sample
	MaxQueueWait time.Duration // longest measured wait
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

// countLocked updates the statistics for a task that releases its slot.
func (p *Pool) countLocked(end taskEnd) {
	switch end {
	case taskPanicked:
		p.stats.Panics++
		fallthrough
	case taskReturned:
		p.stats.Completed++
	}
}

// rejectAll fails work that will not run.
func rejectAll(all []work, err error) {
	for _, w := range all {
		if w.fn != nil {
			ReportUnobserved(&UndeliveredError{Reason: err})
		} else {
			w.job.reject(err).propagate(false)
		}
	}
}

// idleFor is how long a worker stays without work, to within a factor of two.
const idleFor = 200 * time.Millisecond

// worker is a goroutine of a pool.
type worker struct {
	pool *Pool
	wake chan bool // false: end

	job   *job // being run; still set after its function has called runtime.Goexit
	held  bool // the slot of job is not released yet
	plain bool // running a function without a future, not a job
	next  work // assigned to this worker when the slot was released
	ended int  // jobs that have ended and are still in pool.busy, subtracted when pool.mu is locked next
}

// startLocked adds work that has a slot to ready. It wakes or starts a worker, unless enough workers are waking up.
//
// Waking a worker is most of the cost of a short task. So the work is not assigned to a worker. If an Await runs the job
// in place before the worker is awake, the worker takes the next work, for which no other worker has to be woken.
func (p *Pool) startLocked(some work) {
	if some.isNone() {
		return
	}
	if some.job != nil {
		some.job.place = placeReady
	}
	p.ready.Push(some)
	if p.ready.Len()-p.done <= p.waking {
		return
	}
	p.waking++
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.minIdle = min(p.minIdle, n-1)
		w.wake <- true // does not block: the buffer holds one, and an idle worker is sent one
		return
	}
	w := &worker{pool: p, wake: make(chan bool, 1)}
	go w.run()
}

// dropDoneLocked removes jobs that an Await has run from the front of ready, so that they are not kept in memory until a
// worker wakes up.
func (p *Pool) dropDoneLocked() {
	for p.done > 0 {
		if j := p.ready.First().job; j == nil || j.place != placeDone {
			return
		}
		p.ready.Pop().job.place = placeNone
		p.done--
	}
}

// readyLocked returns work that is ready, or none.
func (p *Pool) readyLocked() work {
	for p.ready.Len() > 0 {
		some := p.ready.Pop()
		j := some.job
		if j == nil {
			return some
		}
		if j.place == placeDone {
			p.done--
		}
		j.place = placeNone
		if j.state.Load() != jobInPlace {
			return some
		}
	}
	return work{}
}

// retireLocked ends the n workers that have been idle longest.
func (p *Pool) retireLocked(n int) {
	for _, w := range p.idle[:n] {
		w.wake <- false
	}
	rest := copy(p.idle, p.idle[n:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
	p.minIdle = rest
}

// begin returns work for a worker that was woken, or none.
func (w *worker) begin() work {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	w.pool.waking--
	return w.pool.readyLocked()
}

// park puts w on the idle stack and waits until it is woken. It returns false if w must end.
func (w *worker) park() bool {
	p := w.pool
	p.mu.Lock()
	w.reportEndedLocked()
	if p.closed {
		p.mu.Unlock()
		return false
	}
	p.idle = append(p.idle, w)
	if !p.trimming {
		p.trimming = true
		p.minIdle = 0
		if p.trimmer == nil {
			p.trimmer = time.AfterFunc(idleFor, p.trim)
		} else {
			p.trimmer.Reset(idleFor)
		}
	}
	p.mu.Unlock()
	return <-w.wake
}

// trim ends the workers that were not needed since the last trim.
func (p *Pool) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retireLocked(p.minIdle)
	p.queue.trim()
	p.trimming = len(p.idle) > 0
	if p.trimming {
		p.trimmer.Reset(idleFor)
	}
}

func (w *worker) reportEndedLocked() {
	if w.ended > 0 {
		w.pool.endedLocked(w.ended)
		w.ended = 0
	}
}

func (w *worker) run() {
	defer w.recoverWorker()
	for woken := true; woken; woken = w.park() {
		for some := w.begin(); !some.isNone(); {
			if some.job != nil {
				some = w.do(some.job)
			} else {
				some = w.doPlain(some.fn)
			}
		}
	}
}

// do runs j and the callbacks of its future. It returns the work that has got the slot.
func (w *worker) do(j *job) (next work) {
	if !j.claim(jobAssigned, jobRunning) {
		if j.state.Load() == jobInPlace {
			return work{} // an Await came first and has the slot
		}
		w.pass(j) // cancelled meanwhile
		return w.takeNext()
	}
	w.job, w.held = j, true
	b := j.perform(w)
	w.job = nil
	kept := b.propagate(true)
	if kept.links == nil {
		return w.takeNext()
	}
	// Callbacks may block, so another worker gets the work that was passed to this one.
	w.passNext()
	kept.run()
	return work{}
}

// doPlain is do for a function without a future. It has no deferred call, which would cost as much as all the rest. A
// panic ends this goroutine, and recoverWorker hands its work on.
func (w *worker) doPlain(fn func()) (next work) {
	w.plain = true
	fn()
	w.plain = false
	p := w.pool
	p.mu.Lock()
	p.countLocked(taskReturned)
	next = p.nextLocked()
	p.mu.Unlock()
	return next
}

func (w *worker) takeNext() work {
	next := w.next
	w.next = work{}
	return next
}

// passNext gives the next work to another worker.
func (w *worker) passNext() {
	w.pool.mu.Lock()
	w.reportEndedLocked()
	w.pool.startLocked(w.takeNext())
	w.pool.mu.Unlock()
}

// release implements slot.
func (w *worker) release(end taskEnd) {
	w.held = false
	w.pool.mu.Lock()
	w.pool.countLocked(end)
	w.passLocked(w.job)
	w.pool.mu.Unlock()
}

// pass passes on the slot of a job that did not run.
func (w *worker) pass(j *job) {
	w.pool.mu.Lock()
	w.passLocked(j)
	w.pool.mu.Unlock()
}

func (w *worker) passLocked(j *job) {
	w.reportEndedLocked()
	w.next = w.pool.releaseLocked(j)
	w.ended = 1
}

// recoverWorker cleans up when user code ends the goroutine of a worker, by runtime.Goexit or by a panic of a function
// without a future. Another worker gets its next work.
func (w *worker) recoverWorker() {
	j := w.job
	if j == nil && !w.plain && w.next.isNone() && w.ended == 0 {
		return
	}
	defer w.passNext()
	switch {
	case w.plain:
		err := newGoexitError()
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
		w.plain = false
		w.pool.mu.Lock()
		w.pool.countLocked(taskPanicked)
		w.pool.busy++ // until the panic is reported
		w.ended++
		w.next = w.pool.nextLocked()
		w.pool.mu.Unlock()
		ReportUnobserved(err)
	case j != nil:
		if w.held {
			end := taskPanicked
			if j.isCallbacks() {
				end = taskReturned // Goexit in a callback is not a failure of the task
			}
			w.release(end)
		}
		w.job = nil
		j.reject(newGoexitError()).propagate(false)
	}
}

// work is a task of a pool: a job, if it has a future, or else a plain function.
type work struct {
	job *job
	fn  func()
}

func (w work) isNone() bool { return w.job == nil && w.fn == nil }

// workQueue is the FIFO queue of the work that waits for a slot. It is a ring of values, and it is fast: callers that submit
// and workers share one lock, so time spent here delays both.
type workQueue struct {
	ring       []work // its length is a power of two
	head, tail uint   // positions; the index in the ring is the remainder by its length
	dropped    int    // dropped jobs between head and tail, which stay in the ring until they are reached
	clock      queueClock
}

const shortestRing = 16

func (q *workQueue) at(position uint) *work { return &q.ring[position&uint(len(q.ring)-1)] }

// length returns how many tasks wait.
func (q *workQueue) length() int { return int(q.tail-q.head) - q.dropped }

func (q *workQueue) push(w work) {
	if q.tail-q.head == uint(len(q.ring)) {
		q.resize(max(shortestRing, 2*len(q.ring)))
	}
	*q.at(q.tail) = w
	if w.job != nil {
		w.job.place = placeQueue
	}
	if q.clock.measures(q.tail) {
		q.clock.in(q.tail)
	}
	q.tail++
}

// any skips dropped jobs at the head, and reports whether there is work that waits.
func (q *workQueue) any() bool {
	for ; q.head != q.tail; q.head++ {
		place := q.at(q.head)
		if place.job == nil || place.job.place == placeQueue {
			return true
		}
		*place = work{}
		q.dropped--
	}
	return false
}

// pop removes and returns the oldest work, or returns none.
func (q *workQueue) pop() (oldest work) {
	if !q.any() {
		return work{}
	}
	place := q.at(q.head)
	oldest, *place = *place, work{}
	if oldest.job != nil {
		oldest.job.place = placeNone
	}
	q.head++
	return oldest
}

// drop removes a job that will not run, if it is in the queue. If most of the queue has been dropped, as when a server
// hangs and callers give up, the ring is made shorter.
func (q *workQueue) drop(j *job) {
	if j.place != placeQueue {
		return
	}
	j.place = placeNone
	q.dropped++
	if places, length := int(q.tail-q.head), q.length(); places > shortestRing && places > 4*length {
		q.resize(1 << bits.Len(uint(max(shortestRing, 2*length)-1)))
	}
}

// resize moves the queued work to a ring with this many places, which must be enough.
func (q *workQueue) resize(places int) {
	old := *q
	q.ring, q.tail, q.dropped = make([]work, places), q.head, 0
	q.clock.since = make([]time.Duration, places)
	for ; old.head != old.tail; old.head++ {
		if place := old.at(old.head); place.fn != nil || place.job.place == placeQueue {
			*q.at(q.tail) = *place
			if old.clock.measures(old.head) {
				*q.clock.at(q.tail) = *old.clock.at(old.head)
			}
			q.tail++
		}
	}
}

// trim releases the memory of an empty queue.
func (q *workQueue) trim() {
	if q.length() == 0 {
		q.ring, q.head, q.tail, q.dropped, q.clock.since = nil, 0, 0, 0, nil
	}
}
