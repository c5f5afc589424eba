package future

import "maps"

// Multi waits until all of fs are settled and resolves to their values, in the order of fs. If some failed, it fails
// with the error of the first of these in the order of fs, and the errors of the others are reported as
// [SetUnobservedHandler] says (but for those of cancelled futures).
//
// Multi of nothing is resolved with an empty slice at once. Cancelling it does not cancel fs.
//
// Tornado: gen.multi of a list, and yield of a list.
func Multi[T any](fs ...*Future[T]) *Future[[]T] {
	mustHaveAll("Multi", fs)
	return afterAll(fs, func(fs []*Future[T]) ([]T, error) {
		if err := firstError(fs); err != nil {
			return nil, err
		}
		return valuesOf(fs), nil
	})
}

// MultiMap is [Multi] for futures under keys: it resolves to a map of the values under the same keys. If some
// failed, which of their errors it fails with is left open; the others are reported.
//
// Tornado: gen.multi of a dict, and yield of a dict.
func MultiMap[K comparable, T any](fs map[K]*Future[T]) *Future[map[K]T] {
	keys := make([]K, 0, len(fs))
	list := make([]*Future[T], 0, len(fs))
	for k, f := range maps.All(fs) {
		mustHave(f != nil, "MultiMap", "a future in fs")
		keys = append(keys, k)
		list = append(list, f)
	}
	return afterAll(list, func(list []*Future[T]) (map[K]T, error) {
		if err := firstError(list); err != nil {
			return nil, err
		}
		values := make(map[K]T, len(keys))
		for i, f := range list {
			values[keys[i]] = f.value
		}
		return values, nil
	})
}

// firstError returns the first error of fs and has the others reported.
func firstError[T any](fs []*Future[T]) (first error) {
	var others []error
	seen := make(map[*Future[T]]bool)
	for _, f := range fs {
		switch {
		case f.failure() == nil || seen[f]:
			continue
		case first == nil:
			first = f.failure()
		case !isCancel(f.failure()):
			others = append(others, f.failure())
		}
		seen[f] = true
	}
	reportLater(others)
	return first
}
