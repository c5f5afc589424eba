package motor

// single returns the options that a method was given, which are at most one; without any, those of the zero value.
// [TypeError] for more.
func single[T any](method string, opts []T) (options T, err error) {
	if len(opts) > 1 {
		return options, newError(TypeError, "%s takes its options once, not %d times", method, len(opts))
	}
	if len(opts) == 1 {
		options = opts[0]
	}
	return options, nil
}
