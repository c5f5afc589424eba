package motor

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// encoding encodes the arguments of a write and keeps the first error.
type encoding struct {
	codec *codec
	limit int // the size in bytes of the largest document that the server takes
	err   error
}

func (c *Client) encoding(codec *codec) *encoding {
	return &encoding{codec: codec, limit: c.MaxBSONSize()}
}

func (c *collection) encoding() *encoding { return c.db.client.encoding(&c.codec) }

// check notes err and reports whether there was none.
func (e *encoding) check(err error) bool {
	if e.err == nil {
		e.err = err
	}
	return err == nil
}

// fits notes [DocumentTooLarge] for what the server does not take.
func (e *encoding) fits(argument string, raw bson.Raw) {
	if len(raw) > e.limit {
		e.check(newError(DocumentTooLarge, "%s has %d bytes, where the server takes %d", argument, len(raw), e.limit))
	}
}

func (e *encoding) document(argument string, v any) bson.Raw {
	raw, err := e.codec.encode(argument, v)
	if e.check(err) {
		e.fits(argument, raw)
	}
	return raw
}

// inserted is document, with an _id.
func (e *encoding) inserted(v any) bson.Raw {
	raw := e.document("document", v)
	if e.err == nil {
		var err error
		raw, _, err = withID(raw)
		e.check(err)
	}
	return raw
}

func (e *encoding) replacement(v any) bson.Raw {
	raw, err := e.codec.encodeReplacement(v)
	if e.check(err) {
		e.fits("replacement", raw)
	}
	return raw
}

// update returns an update document or a pipeline.
func (e *encoding) update(v any) any {
	change, err := e.codec.encodeUpdate(v)
	if raw, ok := change.(bson.Raw); e.check(err) && ok {
		e.fits("update", raw)
	}
	return change
}

// keys returns a document whose order matters, or a name. Nil stays nil.
func (e *encoding) keys(argument string, v any) any {
	if _, ok := v.(string); ok || v == nil {
		return v
	}
	raw, err := e.codec.encodeCommand(argument, v)
	e.check(err)
	return raw
}

// option returns a document that need not be there: nil stays nil.
func (e *encoding) option(argument string, v any) any {
	if v == nil {
		return nil
	}
	return e.document(argument, v)
}

// value returns a value of any type. Nil stays nil.
func (e *encoding) value(argument string, v any) any {
	if v == nil {
		return nil
	}
	return e.raw(argument, v)
}

// raw returns a value of any type. Nil becomes null.
func (e *encoding) raw(argument string, v any) bson.RawValue {
	return e.document(argument, bson.D{{Key: argument, Value: v}}).Lookup(argument)
}

// values returns a map of values of any type, for an option of the driver's. A nil map stays nil.
func (e *encoding) values(m bson.M) bson.M {
	if m == nil {
		return nil
	}
	all := make(bson.M, len(m))
	for name, v := range m {
		all[name] = e.raw(name, v)
	}
	return all
}

// list returns documents for an option of the driver's. Nil stays nil.
func (e *encoding) list(argument string, values []any) []any {
	if values == nil {
		return nil
	}
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = e.document(argument, v)
	}
	return all
}

// documents returns the elements of v, a slice of documents.
func (e *encoding) documents(v any) []bson.Raw {
	raws, err := e.codec.encodeAll(v)
	if e.check(err) {
		for _, raw := range raws {
			e.fits("a document", raw)
		}
	}
	return raws
}

// exactly is options of the driver's as they are. The driver takes only pointers.
type exactly[T any] struct{ options T }

// List implements options.Lister.
func (o *exactly[T]) List() []func(*T) error {
	return []func(*T) error{func(all *T) error { *all = o.options; return nil }}
}

// copied returns a pointer to a copy, so that the caller may reuse what it gave.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// isNil reports whether v is nil, or an interface around a nil pointer.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}
