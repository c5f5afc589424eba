package callback

import "github.com/gomotor/gomotor/future"

// Gather runs fns as coroutines, all at once, and returns their results in the order of fns. At the first error it
// returns that; the other coroutines go on. They are ended if co ends meanwhile.
//
// For futures, use future.All(fs...).Await(co). asyncio.gather.
func Gather[T any](co *Co, fns ...func(co *Co) (T, error)) ([]T, error) {
	fs := make([]*future.Future[T], len(fns))
	for i, fn := range fns {
		fs[i] = SpawnContext(co, co.Loop(), fn)
	}
	return future.All(fs...).Await(co)
}
