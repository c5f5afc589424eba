package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// atMostOne returns the options of a method that takes them once, or the zero value if there are none. It fails with
// [TypeError] for more than one.
func atMostOne[T any](method string, opts []T) (set T, err error) {
	if len(opts) > 1 {
		return set, newError(TypeError, "%s takes its options once, not %d times", method, len(opts))
	}
	if len(opts) == 1 {
		set = opts[0]
	}
	return set, nil
}

// mergeOptions returns options as a struct. A nil builder sets nothing, as in the driver. It fails with
// [ConfigurationError] if an option cannot be set.
func mergeOptions[T any](opts []options.Lister[T]) (T, error) {
	all, err := command.Merge(opts...)
	return all, codecError(err)
}

// timeLimit is an option of a method, with options of type T, that the driver does not have. It sets nothing in the
// driver's options.
type timeLimit[T any] time.Duration

// List implements [options.Lister].
func (timeLimit[T]) List() []func(*T) error { return nil }

// timeLimitOf returns the last timeLimit, or 0. name is that of the option.
func timeLimitOf[T any](name string, opts []options.Lister[T]) (limit time.Duration, err error) {
	for _, o := range opts {
		if one, ok := o.(timeLimit[T]); ok {
			limit = time.Duration(one)
		}
	}
	if limit < 0 {
		return 0, newError(ValueError, "invalid %s %v: need at least 0", name, limit)
	}
	return limit, nil
}

// WithoutTimeout returns a context for operations that have no time limit although their client has one: the Timeout of
// its options, or timeoutMS in its connection string. They end when ctx does, and if ctx has a deadline, they keep it.
// As with a timeoutMS of 0, reads and writes are then retried without limit.
//
//	_, err := events.CreateIndex(motor.WithoutTimeout(ctx), bson.D{{Key: "at", Value: 1}}).Await(ctx)
//
// Specification: "Client Side Operations Timeout", timeoutMS of 0 for an operation. PyMongo: pymongo.timeout(None).
func WithoutTimeout(ctx context.Context) context.Context {
	if ctx == nil {
		return nil // the operation fails with TypeError
	}
	if _, limited := ctx.Deadline(); limited {
		return ctx
	}
	return drivercompat.HideDeadline(ctx)
}

// mustHave panics with [TypeError] if an argument is nil of a function that cannot return an error.
func mustHave(ok bool, function, argument string) {
	if !ok {
		panic(newError(TypeError, "%s: %s is nil", function, argument))
	}
}

// checkText returns [InvalidStringData] for text that is not valid UTF-8. argument names it.
func checkText(argument, text string) error {
	return codecError(command.CheckText(argument, text))
}

// valueOr returns the value of an option, or otherwise if it is nil.
func valueOr[T any](option *T, otherwise T) T {
	if option == nil {
		return otherwise
	}
	return *option
}

// convertOptions merges options and converts them to those of another method.
func convertOptions[T, U any](opts []options.Lister[T], convert func(T) U) (U, error) {
	o, err := mergeOptions(opts)
	return convert(o), err
}
