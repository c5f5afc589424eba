package motor

import (
	"context"

	"github.com/gomotor/gomotor/future"
)

// outside calls a function of the user's in an operation that holds a slot of the executor, whose context ctx is: on a
// goroutine of its own, with the slot lent meanwhile. It returns early, with ctx's error, if that ends; fn is left to
// itself then, and with it what it was given. An error of fn's, and a panic, is what the operation fails with as it
// is.
func outside[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	f := future.Go(ctx, background, func(context.Context) (T, error) { return fn() })
	v, err := f.Await(ctx)
	switch {
	case err == nil:
		return v, nil
	case f.Cancel(), f.Cancelled(), ctx.Err() != nil: // nobody is to be told what comes of fn
		return v, ctx.Err()
	}
	return v, &callersError{err}
}

// callersError is an error that is none of the server's or the driver's, and has its class, if any, already.
type callersError struct{ error }

// Unwrap returns the error itself.
func (e *callersError) Unwrap() error { return e.error }
