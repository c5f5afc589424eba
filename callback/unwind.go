package callback

import (
	"errors"
	"iter"

	"github.com/gomotor/gomotor/future"
)

// unwinding is the value with which a coroutine panics to leave its functions. It is recovered by [Co.Try] and at the end
// of the coroutine that it belongs to. Anywhere else it is a panic like any other.
type unwinding struct {
	c         *coroutine
	err       error
	cancelled bool // the coroutine has been cancelled, and err says so
}

// Error makes a value that a deferred function of the user recovers readable.
func (u *unwinding) Error() string { return u.err.Error() }

// Unwrap returns the error of [Must].
func (u *unwinding) Unwrap() error { return u.err }

// Must awaits f and returns its value. If f fails, Must unwinds the coroutine with the error of f: deferred functions run,
// and the coroutine's future fails with that very error, unless a [Co.Try] catches it first.
//
//	doc := callback.Must(co, coll.FindOne(co, filter))
//
// To handle the error of one operation, use [future.Future.Await]. For a function that returns a value and an error, use
// callback.Must(co, future.Settled(fn())).
//
// Only the coroutine itself can be unwound. In another goroutine, another coroutine, a callback, or after the coroutine has
// ended, Must panics with a text that says so. A deferred function that calls recover stops the unwinding, as it stops
// any panic; the recovered value is an error that wraps that of f, and panicking with it continues the unwinding.
//
// Python: await.
func Must[T any](co *Co, f *future.Future[T]) T {
	co.mustUnwind("Must")
	v, err := f.Await(co)
	if err != nil {
		co.unwind(err)
	}
	return v
}

// Must unwinds the coroutine with err, as the function [Must] does. If err is nil, it does nothing.
//
//	co.Must(co.Sleep(time.Second))
//	co.Must(errNotFound)
//
// Python: raise.
func (co *Co) Must(err error) {
	co.mustUnwind("Must")
	if err != nil {
		co.unwind(err)
	}
}

// Raise panics with err. If err is nil, it does nothing. It is for a callback that cannot go on: the loop reports the error
// with its stack (see [WithPanicHandler]) and goes on. In a coroutine, use [Co.Must].
//
//	func inserted(result any, err error) {
//		callback.Raise(err)
//
// Python: raise error, in a callback.
func Raise(err error) {
	if err != nil {
		panic(err)
	}
}

// Try calls fn and returns the error with which fn has unwound, or nil. If kinds are given, Try returns errors that match
// one of them by [errors.Is], and lets others unwind further.
//
//	err := co.Try(func() {
//		callback.Must(co, users.InsertOne(co, user))
//	}, motor.DuplicateKeyError)
//	if err != nil {
//
// When the coroutine is cancelled, its awaits fail, and Try without kinds lets that error unwind further, as Python's
// "except Exception" does. To catch it, name its kind, for example [future.ErrCancelled]. Panics that do not come from Must
// and [runtime.Goexit] pass through Try unchanged.
//
// For finally, use defer. In the deferred function, await with [Co.WithoutCancel]. Python: try, except.
func (co *Co) Try(fn func(), kinds ...error) (err error) {
	co.mustUnwind("Try")
	mustHave(fn != nil, "Try", "fn")
	u := co.catch(fn)
	switch {
	case u == nil:
		return nil
	case !u.matches(kinds):
		panic(u)
	}
	return u.err
}

// catch calls fn and returns how it has unwound, or nil. Panics of other kinds pass.
func (co *Co) catch(fn func()) (u *unwinding) {
	defer func() {
		if v := recover(); v != nil {
			var ok bool
			if u, ok = v.(*unwinding); !ok || u.c != co.c {
				panic(v)
			}
		}
	}()
	fn()
	return nil
}

func (u *unwinding) matches(kinds []error) bool {
	if len(kinds) == 0 {
		return !u.cancelled
	}
	for _, k := range kinds {
		if errors.Is(u.err, k) {
			return true
		}
	}
	return false
}

// Range returns the values of seq. When seq has an error, Range unwinds the coroutine with it, as [Must] does.
//
//	for doc := range callback.Range(co, coll.Find(filter).All(co)) {
//
// Python: async for.
func Range[T any](co *Co, seq iter.Seq2[T, error]) iter.Seq[T] {
	mustHave(co != nil, "Range", "co")
	mustHave(seq != nil, "Range", "seq")
	return func(yield func(T) bool) {
		for v, err := range seq {
			co.Must(err)
			if !yield(v) {
				return
			}
		}
	}
}

// unwind never returns. The caller has checked that the coroutine is the current one.
func (co *Co) unwind(err error) {
	c := co.c
	u := &unwinding{c: c, err: err}
	// An operation that was called with the Co may report the end of its context before the await notices it.
	if reason := c.co.ended(); reason != nil {
		end := c.co.ctx.Err()
		u.cancelled = errors.Is(err, reason) || end != nil && errors.Is(err, end)
	}
	panic(u)
}

func (co *Co) mustUnwind(function string) {
	mustHave(co != nil, function, "co")
	co.mustBeCurrent(function + " called")
}
