package future

import (
	"errors"
	"fmt"

	"github.com/sourcegraph/conc/panics"
)

// PanicError is the error of a future whose function panicked, or ended its goroutine with [runtime.Goexit].
type PanicError struct {
	Value any    // what was passed to panic; an error that says so for Goexit
	Stack []byte // of the goroutine that panicked
}

var errGoexit = errors.New("runtime.Goexit was called")

// Error names the value of the panic. The stack is in Stack.
func (e *PanicError) Error() string { return fmt.Sprintf("future: panic: %v", e.Value) }

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError is to be called by the deferred function that recovered v.
func newPanicError(v any) *PanicError {
	r := panics.NewRecovered(2, v)
	return &PanicError{Value: v, Stack: r.Stack}
}

func newGoexitError() *PanicError { return newPanicError(errGoexit) }

// recoverAs is deferred to make a panic the error of the function that returns err.
func recoverAs(err *error) {
	if v := recover(); v != nil {
		*err = newPanicError(v)
	}
}
