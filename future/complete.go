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
	l := &completion[T]{f: f, fn: fn}
	l.c = l
	f.register(&l.link)
	return l.stop
}

// AddDoneCallback calls fn with the future itself once it is settled, under the rules of [Future.OnComplete].
//
// asyncio and Tornado: Future.add_done_callback.
func (f *Future[T]) AddDoneCallback(fn func(*Future[T])) {
	mustHave(f != nil, "AddDoneCallback", "the future")
	mustHave(fn != nil, "AddDoneCallback", "fn")
	f.OnComplete(func(T, error) { fn(f) })
}

// completion is a callback that waits for f.
type completion[T any] struct {
	link
	f     *Future[T]
	fn    func(T, error)
	taken atomic.Bool // by the runner that calls fn, or by stop
}

func (l *completion[T]) stop() bool {
	if !l.taken.CompareAndSwap(false, true) {
		return false
	}
	l.detach()
	return true
}

func (l *completion[T]) userCode() bool { return true }

func (l *completion[T]) fire() batch {
	if l.taken.CompareAndSwap(false, true) {
		l.call()
	}
	return batch{}
}

func (l *completion[T]) call() {
	defer func() {
		if v := recover(); v != nil {
			ReportUnobserved(newPanicError(v))
		}
	}()
	l.fn(l.f.value, l.f.failure())
}

func (l *completion[T]) fail(err error) batch {
	if _, goexit := err.(*PanicError); goexit && l.taken.Load() {
		ReportUnobserved(err)
	} else if l.taken.CompareAndSwap(false, true) {
		ReportUnobserved(&UndeliveredError{Reason: err, Outcome: l.f.failure()})
	}
	return batch{}
}
