package callback

import "github.com/gomotor/gomotor/future"

// Deliver is what every generated method calls. Here, tests give it futures that they settle when they want to.
func Deliver[T any](loop future.Executor, f *future.Future[T], callback Func[T]) {
	deliver(loop, f, callback)
}
