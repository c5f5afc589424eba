package future

import "sync/atomic"

// OnComplete calls fn with the outcome once the future is settled: later even if it is settled already, never on
// this stack, after the callbacks that were registered before it. stop takes fn back and reports whether fn will
// not be called because of that.
//
// A panic of fn is reported as [SetUnobservedHandler] says, and fn is not called again.
func (f *Future[T]) OnComplete(fn func(v T, err error)) (stop func() bool) {
	mustHave(f != nil, "OnComplete", "the future")
	mustHave(fn != nil, "OnComplete", "fn")
	return onComplete(f, &f.cell, fn)
}

// AddDoneCallback calls fn with the future itself once it is settled, under the rules of [Future.OnComplete].
//
// asyncio and Tornado: Future.add_done_callback.
func (f *Future[T]) AddDoneCallback(fn func(*Future[T])) {
	mustHave(f != nil, "AddDoneCallback", "the future")
	mustHave(fn != nil, "AddDoneCallback", "fn")
	onComplete(f, &f.cell, fn)
}

func onComplete(f stepper, c *cell, fn any) (stop func() bool) {
	l := &completion{f: f, fn: fn}
	l.c = l
	c.register(&l.link)
	return l.stop
}

// completion is a callback that waits for f.
type completion struct {
	link
	f     stepper
	fn    any
	taken atomic.Bool // by the runner that calls fn, or by stop
}

func (l *completion) stop() bool {
	if !l.taken.CompareAndSwap(false, true) {
		return false
	}
	l.detach()
	return true
}

func (l *completion) userCode() bool { return true }

func (l *completion) fire() batch {
	if l.taken.CompareAndSwap(false, true) {
		l.call()
	}
	return batch{}
}

func (l *completion) call() {
	defer func() {
		if v := recover(); v != nil {
			ReportUnobserved(newPanicError(v))
		}
	}()
	l.f.step(stepCall, nil, l.fn)
}

func (l *completion) fail(err error) batch {
	if _, goexit := err.(*PanicError); goexit && l.taken.Load() {
		ReportUnobserved(err)
	} else if l.taken.CompareAndSwap(false, true) {
		ReportUnobserved(&UndeliveredError{Reason: err, Outcome: cellOf(l.f).failure()})
	}
	return batch{}
}
