package future

import "time"

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
		some.job.ready = true
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

// readyLocked returns work that is ready, or none.
func (p *Pool) readyLocked() work {
	for p.ready.Len() > 0 {
		some := p.ready.Pop()
		j := some.job
		if j == nil {
			return some
		}
		j.ready = false
		if j.done {
			p.done--
		}
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
