package callback

import "github.com/gomotor/gomotor/future"

// Deliver calls deliver, as the generated methods do. Tests pass futures that they settle themselves.
func Deliver[T any](loop future.Executor, f *future.Future[T], callback Func[T]) {
	deliver(loop, f, callback)
}
