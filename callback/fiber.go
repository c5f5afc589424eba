package callback

import (
	"iter"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// fiber is a goroutine that runs coroutines, one after the other, and only while the loop's own goroutine stands
// still. It is an iter.Pull: a switch there and back costs a quarter of what a pair of channels does.
type fiber struct {
	next  func() (struct{}, bool) // the loop's: goes on with the coroutine until it waits or ends
	stop  func()                  // the loop's: ends an idle fiber
	yield func(struct{}) bool     // the coroutine's: goes on with the loop

	coroutine *coroutine // being run
	identity  identity   // of the goroutine
}

func newFiber() *fiber {
	f := new(fiber)
	f.next, f.stop = iter.Pull(f.main)
	return f
}

func (f *fiber) main(yield func(struct{}) bool) {
	f.yield = yield
	f.identity = currentIdentity()
	for {
		f.run(f.coroutine)
		f.coroutine = nil
		if !yield(struct{}{}) {
			return
		}
	}
}

// fiberEnded is what a fiber panics with when its coroutine has called runtime.Goexit: see Loop.catch.
type fiberEnded struct{ c *coroutine }

func (f *fiber) run(c *coroutine) {
	returned := false
	defer func() {
		c.finished()
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.body.fail(&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
			return
		}
		// This goroutine is past saving. iter.Pull would pass the Goexit on to the loop's goroutine, which is not
		// to end; it passes a panic on too, and that one can be caught there.
		c.body.fail(goexitError())
		panic(fiberEnded{c})
	}()
	c.body.run(&c.co)
	returned = true
}
