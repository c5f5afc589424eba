package future

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomotor/gomotor/internal/ring"
)

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
		if r.job.slot == slotLent { // else its function has returned meanwhile: see job.suspend
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

// idleFor is how long a worker stays without work, give or take a factor of two.
const idleFor = 200 * time.Millisecond

// worker is a goroutine of a pool.
type worker struct {
	pool *Pool
	wake chan bool // false: end

	job   *job // being run: still set when its function ended the goroutine
	held  bool // its slot is not released yet
	plain bool // a function without a future is being run instead
	next  work // assigned to this worker when the slot was released
	ended int  // jobs that have ended and that pool.busy still counts, until the lock is held for something else
}

// startLocked gives some work, which has a slot, to a worker that is being woken, and wakes another one, or makes one, if
// there are too few.
//
// Waking a worker is most of what a short task costs. So it is not given the work itself: if an Await runs the job in
// place before the worker is there, the worker does the next one, and that needs no other.
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
		w.wake <- true // has room for one, and an idle worker is sent one
		return
	}
	w := &worker{pool: p, wake: make(chan bool, 1)}
	go w.run()
}

// dropDoneLocked takes the jobs that an Await has run off the front of ready: a worker that is slow to wake up must not
// keep them.
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

// begin returns the work for a worker that has been woken.
func (w *worker) begin() work {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	w.pool.waking--
	return w.pool.readyLocked()
}

// park puts w on the idle stack, and reports whether it is to go on when it wakes up.
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

// trim ends the workers that nothing has needed since the last trim.
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

// do runs j, and the callbacks that wait for it, and returns what the slot has passed to.
func (w *worker) do(j *job) (next work) {
	if !j.claim(jobAssigned, jobRunning) {
		if j.state.Load() == jobInPlace {
			return work{} // an Await was faster, and has the slot
		}
		w.pass(j) // cancelled on the way
		return w.takeNext()
	}
	w.job, w.held = j, true
	b := j.perform(w)
	w.job = nil
	kept := b.propagate(true)
	if kept.links == nil {
		return w.takeNext()
	}
	// User code comes, which may take any time: another worker gets the slot that was passed to this one.
	w.passNext()
	kept.run()
	return work{}
}

// doPlain is do for a function without a future. It has no deferred call of its own, which would cost as much as all
// the rest: a panic ends this goroutine, and recoverWorker goes on.
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

// passNext leaves the next work to another worker.
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

// pass gives on the slot of a job that did not run.
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

// recoverWorker goes on for a worker whose goroutine is ended by user code: by runtime.Goexit, or by a panic of a function
// without a future.
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
		w.pool.busy++ // until it is reported
		w.ended++
		w.next = w.pool.nextLocked()
		w.pool.mu.Unlock()
		ReportUnobserved(err)
	case j != nil:
		if w.held {
			end := taskPanicked
			if j.isCallbacks() {
				end = taskReturned // a callback that ends the goroutine is not a failure of the task
			}
			w.release(end)
		}
		w.job = nil
		j.reject(newGoexitError()).propagate(false)
	}
}

// work is run by a pool: the job of a task that has a future, or a plain function.
type work struct {
	job *job
	fn  func()
}

func (w work) isNone() bool { return w.job == nil && w.fn == nil }

// workQueue is the FIFO queue of the work that waits for a slot: a ring, in which plain functions stand as they are.
// Who submits and who works take turns at one lock, so every instruction here is paid for by both.
type workQueue struct {
	ring       []work // as long as a power of two
	head, tail uint   // positions: the places in the ring are their remainders
	dropped    int    // jobs between them that are not to run; they keep their place until their turn comes
	clock      queueClock
}

const shortestRing = 16

func (q *workQueue) at(position uint) *work { return &q.ring[position&uint(len(q.ring)-1)] }

// length is how many wait.
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

// any passes over the jobs that were dropped, and reports whether head is the position of one that waits.
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

// pop takes the oldest out, or returns none.
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

// drop takes out a job that is not to run; one that is not in the queue is left as it is. Where most of the queue has
// been dropped, as when a server hangs and one operation after the other is given up, it is made shorter.
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

// resize moves what is queued to a ring of another length, which it must fit into.
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

// trim gives the ring back, if nothing is queued.
func (q *workQueue) trim() {
	if q.length() == 0 {
		q.ring, q.head, q.tail, q.dropped, q.clock.since = nil, 0, 0, 0, nil
	}
}
