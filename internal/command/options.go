package command

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Merge returns options as a struct. The last option that sets a field wins. Nil options are ignored.
//
// Errors: [OptionError].
func Merge[T any](opts ...options.Lister[T]) (none T, err error) {
	if len(opts) == 0 { // the struct below is on the heap
		return none, nil
	}
	return merge(opts)
}

func merge[T any](opts []options.Lister[T]) (T, error) {
	var all T
	for _, lister := range opts {
		if IsNil(lister) {
			continue
		}
		for _, set := range lister.List() {
			if err := set(&all); err != nil {
				return all, &OptionError{err}
			}
		}
	}
	return all, nil
}

// OptionError is an error of a function that sets an option.
type OptionError struct{ Cause error }

// Error returns the text of the cause.
func (e *OptionError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.Cause }

// Literal holds options as a struct and passes them to the driver, which takes only interfaces.
type Literal[T any] struct{ Options T }

// List implements options.Lister.
func (o *Literal[T]) List() []func(*T) error {
	return []func(*T) error{func(all *T) error { *all = o.Options; return nil }}
}

// Copy returns a pointer to a copy of *p, so that the caller may change its value afterwards. Nil stays nil.
func Copy[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}

// IsNil reports whether v is nil or holds a nil pointer.
func IsNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}
