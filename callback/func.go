package callback

// Func is a callback: it is given a result, or the error for which there is none. Motor's callback(result, error).
//
// A result may legally be the zero value (nothing found, a collection dropped), so test err, not result.
//
// Motor: frameworks.future_or_callback.
type Func[T any] = func(result T, err error)
