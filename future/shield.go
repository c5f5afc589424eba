package future

// Shield returns a future with the outcome of f that does not pass a Cancel on to f: neither its own nor that of
// [WaitFor] or of a [Group].
//
// asyncio: shield.
func Shield[T any](f *Future[T]) *Future[T] {
	mustHave(f != nil, "Shield", "f")
	n := &relay[T]{}
	n.ex = f.ex
	n.follow(f)
	return &n.Future
}
