package main

import (
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
	"github.com/gomotor/gomotor/internal/source/sourcetest"
)

// imagined is a package motor for tests of the generator's rules. It has cases that the real one does not have.
const imagined = `package motor

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

type ClientOption func()

// Bulk gathers writes.
//
// Motor: BulkOperationBuilder.
type Bulk struct{}

// Execute sends the writes. The result is their number.
//
// Motor: BulkOperationBuilder.execute.
func (b *Bulk) Execute() *future.Future[int] { return nil }

// Find selects documents.
func (b *Bulk) Find(selector any) *BulkFind { return nil }

// BulkFind has no asynchronous method.
type BulkFind struct{}

// Update changes the documents.
func (f *BulkFind) Update(update any) {}

// Client is a client.
type Client struct{}

// NewClient makes a client.
func NewClient(opts ...ClientOption) (*Client, error) { return nil, nil }

// Open returns the client.
func (c *Client) Open() *future.Future[*Client] { return nil }

// StartSession starts a [Session]; see [BulkFind] and [Client.Open].
func (c *Client) StartSession(ttl time.Duration, names ...string) *future.Future[*Session] { return nil }

// ReplicaSetClient is a client of a replica set.
type ReplicaSetClient struct{ *Client }

// NewReplicaSetClient makes a client.
func NewReplicaSetClient(uri string, opts ...ClientOption) (*ReplicaSetClient, error) { return nil, nil }

// Session is a session.
type Session struct{}

// Client returns the client.
func (s *Session) Client() *Client { return nil }

// Parent returns the session that this one is a child of. It may be nil.
func (s *Session) Parent() *Session { return nil }

// End ends the session.
//
//	s.End() // later
//
//	for s.End() {
func (s *Session) End() *future.Future[struct{}] { return nil }

// Send sends a text.
//
//	s.Send("a")
//	s.Send(join("b",
//		"c"), 1, 2) // with options
func (s *Session) Send(text string, opts ...int) *future.Future[int] { return nil }

// Adopt makes a session this one's child.
func (s *Session) Adopt(child *Session, at, until time.Time) (int, error) { return 0, nil }

// Stream is a stream.
type Stream[K comparable, V any] struct {
	counter
	last[V]
}

type counter struct{}

// Count counts.
func (*counter) Count() int { return 0 }

type last[T any] struct{}

// Last returns the last value.
func (l *last[T]) Last(or T) *future.Future[T] { return nil }

// NewStream makes a stream.
func NewStream[K comparable, V any](s *Session) *Stream[K, V] { return nil }

// Each calls fn.
func (s *Stream[K, V]) Each(fn func(V, error) bool) {}

// EachVia calls fn on via.
func (s *Stream[K, V]) EachVia(via future.Executor, fn func(V, error) bool) {}

// Next returns a map.
func (s *Stream[K, V]) Next() *future.Future[map[K][]V] { return nil }

// Start starts the stream, if it can.
func (s *Stream[K, V]) Start() (*Stream[K, V], error) { return nil, nil }

// Shell is a generic type around code that is not generic.
type Shell[D any] struct{ shell }

type shell struct{ core }

type core struct{ name string }

// Name returns the name.
func (c *core) Name() string { return c.name }

// Drop returns nothing.
func (s *shell) Drop(now bool) *future.Future[struct{}] { return nil }

// Raw returns the shell without a type.
func (s *shell) Raw() *Shell[bson.M] { return nil }

// Other returns the shell of another type.
func (s *shell) Other() *Shell[int] { return nil }

// Equal compares shells.
func (s *Shell[D]) Equal(other *Shell[D]) bool { return s == other }

// First returns the first element.
func (s *Shell[D]) First() *future.Future[D] { return nil }

// Sort sets the order.
func (s *Shell[D]) Sort(by string) *Shell[D] { return s }
`

const imaginedFuture = `package future

type Future[T any] struct{}

type Executor interface{ Execute(func()) error }
`

// stub declares what the generated files use from the other files of package callback.
const stub = `package callback

import (
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

type Func[T any] = func(result T, err error)

func deliver[T any](future.Executor, *future.Future[T], Func[T]) {}

func wrapped[M, H any](Func[H], func(M) H) Func[M] { return nil }

func guarded[T any](future.Executor, func(T, error) bool) func(T, error) bool { return nil }

func onLoop(future.Executor, []motor.ClientOption) []motor.ClientOption { return nil }

func mustHave(ok bool, function, argument string) {}

type instances struct{}
`

func TestGeneratedCodeCompiles(t *testing.T) {
	packages := make(sourcetest.Packages)
	files, err := generate(imagineIn(t, packages, imagined))
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{stub}
	for _, code := range files {
		texts = append(texts, string(code))
	}
	packages.Check(t, source.Callback, texts...)
}

// imagine returns a library with the given source of package motor.
func imagine(t *testing.T, motor string) *library {
	t.Helper()
	return imagineIn(t, make(sourcetest.Packages), motor)
}

func imagineIn(t *testing.T, packages sourcetest.Packages, motor string) *library {
	t.Helper()
	packages.Check(t, source.Future, imaginedFuture)
	packages.Check(t, standInPath, "package bson\n\ntype M map[string]any")
	src := new(library)
	src.motor, src.declared = packages.Check(t, source.Motor, motor)
	return src
}

func TestRules(t *testing.T) {
	g := newGenerator(imagine(t, imagined))
	files := make(map[string]string)
	for _, h := range g.handles {
		code, err := g.file(h)
		if err != nil {
			t.Fatal(err)
		}
		files[h.name] = string(code)
	}
	if _, ok := files["BulkFind"]; ok || len(files) != 6 {
		t.Errorf("got %d handle types, want 6 without BulkFind", len(files))
	}
	for _, rule := range []struct {
		name, handle string
		code         string
	}{
		{"future becomes callback", "Bulk", `
// Execute sends the writes. The result is their number.
//
// Motor: BulkOperationBuilder.execute.
func (b *Bulk) Execute(callback Func[int]) {
	deliver(b.loop, b.futures.Execute(), callback)
}
`},
		{"type without futures", "Bulk", `
func (b *Bulk) Find(selector any) *motor.BulkFind {
	return b.futures.Find(selector)
}
`},
		{"future of the handle itself", "Client", `
func (c *Client) Open(callback Func[*Client]) {
	deliver(c.loop, c.futures.Open(), wrapped(callback, func(m *motor.Client) *Client { return sameClient(c, m) }))
}
`},
		{"future of another handle", "Client", `
// StartSession starts a [Session]; see [motor.BulkFind] and [Client.Open].
func (c *Client) StartSession(ttl time.Duration, callback Func[*Session], names ...string) {
	deliver(c.loop, c.futures.StartSession(ttl, names...), wrapped(callback, func(m *motor.Session) *Session { return sessionOn(c.loop, m) }))
}
`},
		{"callback in a snippet", "Session", `
// Send sends a text.
//
//	s.Send("a", callback)
//	s.Send(join("b",
//		"c"), callback, 1, 2) // with options
func (s *Session) Send(text string, callback Func[int], opts ...int) {
`},
		{"snippet without arguments, and one that is incomplete", "Session", `
//	s.End(callback) // later
//
//	for s.End() {
func (s *Session) End(callback Func[struct{}]) {
`},
		{"constructor takes a loop", "ReplicaSetClient", `
func NewReplicaSetClient(loop future.Executor, uri string, opts ...motor.ClientOption) (*ReplicaSetClient, error) {
	m, err := motor.NewReplicaSetClient(uri, onLoop(loop, opts)...)
	if err != nil {
		return nil, err
	}
	return replicaSetClientOn(loop, m), nil
}
`},
		{"embedded handle", "ReplicaSetClient", `type ReplicaSetClient struct {
	*Client
	futures *motor.ReplicaSetClient
}
`},
		{"loop of the embedded handle", "ReplicaSetClient", `
	return &ReplicaSetClient{Client: WrapClient(loop, r.Client), futures: r}
}

// Futures returns the same handle in the style of futures. If its client is bound to a loop, the continuations of its
// futures run on that loop, while it runs. Await does not need the loop. For nil it returns nil.
func (r *ReplicaSetClient) Futures() *motor.ReplicaSetClient {
	if r == nil {
		return nil
	}
	return r.futures
}
`},
		{"handle as a result", "Session", `
func (s *Session) Client() *Client {
	return clientOn(s.loop, s.futures.Client())
}
`},
		{"handle that may be nil", "Session", `
func (s *Session) Parent() *Session {
	return sameSession(s, s.futures.Parent())
}
`},
		{"nil handle stays nil", "Session", `
func sessionOn(loop future.Executor, s *motor.Session) *Session {
	if s == nil {
		return nil
	}
	return &Session{loop: loop, futures: s}
}
`},
		{"handle as an argument, grouped parameters", "Session", `
func (s *Session) Adopt(child *Session, at, until time.Time) (int, error) {
	return s.futures.Adopt(child.Futures(), at, until)
}
`},
		{"function uses the loop of its argument", "Stream", `
func NewStream[K comparable, V any](s *Session) *Stream[K, V] {
	mustHave(s != nil, "NewStream", "s")
	return streamOn(s.loop, motor.NewStream[K, V](s.Futures()))
}
`},
		{"function argument is called on the loop", "Stream", `
func (s *Stream[K, V]) Each(fn func(V, error) bool) {
	s.futures.EachVia(s.loop, guarded(s.loop, fn))
}
`},
		{"type parameters", "Stream", `
func (s *Stream[K, V]) Next(callback Func[map[K][]V]) {
	deliver(s.loop, s.futures.Next(), callback)
}
`},
		{"promoted method of a generic type", "Stream", `
func (s *Stream[K, V]) Count() int {
	return s.futures.Count()
}
`},
		{"promoted method of a generic struct", "Stream", `
func (s *Stream[K, V]) Last(or V, callback Func[V]) {
	deliver(s.loop, s.futures.Last(or), callback)
}
`},
		{"generic shell", "Shell", `
type Shell[D any] struct{ shell }

// shell is the part of a [Shell] that does not depend on the type parameters. Its methods are compiled
// once, in this package.
type shell struct {
	_       [0]func(*instances) // see instances
	loop    future.Executor
	futures *motor.Shell[bson.M]
}
`},
		{"shell wraps an instance", "Shell", `
	return &Shell[D]{shell{loop: loop, futures: (*motor.Shell[bson.M])(s)}}
}
`},
		{"shell returns an instance", "Shell", `
func (s *Shell[D]) Futures() *motor.Shell[D] {
	if s == nil {
		return nil
	}
	return (*motor.Shell[D])(s.futures)
}
`},
		{"method embedded two levels down", "Shell", `
// Name returns the name.
func (s *shell) Name() string {
	return s.futures.Name()
}
`},
		{"asynchronous method of the core", "Shell", `
func (s *shell) Drop(now bool, callback Func[struct{}]) {
	deliver(s.loop, s.futures.Drop(now), callback)
}
`},
		{"core method returns another instance", "Shell", `
func (s *shell) Other() *Shell[int] {
	return shellOn(s.loop, s.futures.Other())
}
`},
		{"core method returns the stand-in instance", "Shell", `
func (s *shell) Raw() *Shell[bson.M] {
	return shellOn(s.loop, s.futures.Raw())
}
`},
		{"asynchronous method of the shell", "Shell", `
func (s *Shell[D]) First(callback Func[D]) {
	deliver(s.loop, s.Futures().First(), callback)
}
`},
		{"chaining method of the shell", "Shell", `
func (s *Shell[D]) Sort(by string) *Shell[D] {
	return sameShell(s, s.Futures().Sort(by))
}
`},
		{"shell as an argument", "Shell", `
func (s *Shell[D]) Equal(other *Shell[D]) bool {
	return s.Futures().Equal(other.Futures())
}
`},
		{"handle and error", "Stream", `
func (s *Stream[K, V]) Start() (*Stream[K, V], error) {
	m, err := s.futures.Start()
	if err != nil {
		return nil, err
	}
	return sameStream(s, m), nil
}
`},
	} {
		t.Run(rule.name, func(t *testing.T) {
			if !strings.Contains(files[rule.handle], strings.TrimPrefix(rule.code, "\n")) {
				t.Errorf("got\n%s\nwant it to contain\n%s", files[rule.handle], rule.code)
			}
		})
	}
	for _, method := range []string{"Open", "StartSession"} {
		if strings.Contains(files["ReplicaSetClient"], ") "+method+"(") {
			t.Errorf("got the embedded method %s declared again, want it only promoted", method)
		}
	}
	if strings.Contains(files["Stream"], "EachVia(via") {
		t.Error("got a callback form of EachVia, want none")
	}
}

func TestUnsupportedMethod(t *testing.T) {
	for _, test := range []struct{ name, method string }{
		{"handles in a future", "// All does.\nfunc (c *Client) All() *future.Future[[]*Client] { return nil }"},
		{"handles in a result", "// All does.\nfunc (c *Client) All() []*Client { return nil }"},
		{"handles in a function", "// With does.\nfunc (c *Client) With(fn func(*Client)) {}"},
		{"future and more", "// Two does.\nfunc (c *Client) Two() (*future.Future[int], int) { return nil, 0 }"},
		{"no comment", "func (c *Client) Bare() {}"},
		{"reserved name", "// On does.\nfunc (c *Client) On(callback func()) {}"},
		{"no loop available", "// Make does.\nfunc Make() *Client { return nil }"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(imagined, "// Client is", test.method+"\n\n// Client is", 1)
			text = strings.Replace(text, "// NewClient makes a client.\nfunc NewClient", "func newClient", 1)
			src := imagine(t, text)
			if _, err := generate(src); err == nil {
				t.Error("generate: got no error, want one")
			} else {
				t.Log(err)
			}
			// A form that is written by hand is left out.
			src.byHand = map[string]source.Declaration{"Make": {}}
			for _, m := range []string{"All", "With", "Two", "Bare", "On"} {
				src.byHand["Client."+m] = source.Declaration{}
			}
			if _, err := newGenerator(src).file(newGenerator(src).handles[1]); err != nil {
				t.Errorf("with hand-written forms: got %v, want no error", err)
			}
		})
	}
}
