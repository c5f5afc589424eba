package seams_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// style is the API style of an operation.
type style int

const (
	futures   style = iota // the operation returns a future
	callbacks              // the operation is called on a loop and its callback runs there
)

var styles = []style{futures, callbacks}

func (s style) String() string { return [...]string{"futures", "callbacks"}[s] }

// scene is the setup of a test: a scripted server, its client, and a running loop.
type scene struct {
	t      *testing.T
	style  style
	peer   *wiretest.Peer
	client *motor.Client
	coll   *motor.Collection[bson.M]
	loop   *callback.Loop
	ended  chan struct{} // closed when the loop has ended

	ending  ending
	ctx     context.Context // the context of the operation that waits
	cancel  context.CancelFunc
	reports chan error // unobserved failures, and panics on the loop

	callbackPanics bool // the user's callback must panic
	codePanics     bool // the user's code in the operation must panic

	mu   sync.Mutex
	held []*wiretest.Request // the requests of fill
}

// maxQueue is the limit of the client's queue.
const maxQueue = 2

// newScene starts a scene whose client has the given number of workers. At the end of the test, no goroutine may be
// left.
func newScene(t *testing.T, style style, ending ending, workers int, uri []string, opts ...motor.ClientOption) *scene {
	others := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, others) })
	s := &scene{t: t, style: style, ending: ending, reports: make(chan error, 100), ended: make(chan struct{})}
	previous := future.SetUnobservedHandler(func(err error) { s.reports <- err })
	t.Cleanup(func() { future.SetUnobservedHandler(previous) })

	s.peer = wiretest.Start(t, wiretest.Primary)
	var err error
	s.client, err = motor.NewClient(s.peer.URI(append(uri, "retryReads=false", "retryWrites=false")...),
		append(opts, motor.WithMaxWorkers(workers), motor.WithMaxQueue(maxQueue))...)
	if err != nil {
		t.Fatal(err)
	}
	s.coll = s.client.Database("d").Collection("c")
	s.loop = callback.NewLoop(callback.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
		callback.WithPanicHandler(func(p *future.PanicError) { s.reports <- p }))
	go func() { defer close(s.ended); s.loop.Start() }()
	s.ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(func() {
		s.cancel()
		s.loop.Close()
		<-s.ended
		s.closeClient()
	})
	return s
}

// closeClient closes the client and checks that no operations and connections are left.
func (s *scene) closeClient() {
	s.t.Helper()
	if err := s.client.Close(patience(s.t)); err != nil {
		s.t.Errorf("Close() = %v, want no error", err)
	}
	if stats := s.client.Stats(); stats.Running != 0 || stats.Queued != 0 {
		s.t.Errorf("after Close: got %d running and %d queued operations, want none", stats.Running, stats.Queued)
	}
	s.peer.AwaitConnections(0)
}

// closedContext returns a context that has ended. With it, Client.Close closes the client and does not wait.
func closedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// onLoop calls fn on the loop and waits for its return.
func (s *scene) onLoop(fn func()) {
	s.t.Helper()
	done := make(chan struct{})
	if !s.loop.AddCallback(func() { defer close(done); fn() }) {
		s.t.Fatal("AddCallback() = false, want true: the loop is closed")
	}
	<-done
}

// answer makes the peer answer all commands of this name with answer.
func (s *scene) answer(name string, answer func(*wiretest.Request)) { s.peer.Handle(name, answer) }

// succeed waits for an operation and ends the test if it fails.
func succeed[T any](t *testing.T, f *future.Future[T]) T {
	t.Helper()
	v, err := f.Await(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// patience returns a context for waits. With it, a test fails instead of hanging when an operation never settles.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// fill starts operations until one is rejected because the queue is full. The peer answers them when drain is called.
func (s *scene) fill() (drain func()) {
	s.t.Helper()
	s.answer("delete", func(r *wiretest.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held == nil {
			r.OK(bson.M{"n": 1})
			return
		}
		s.held = append(s.held, r)
	})
	s.held = []*wiretest.Request{}
	var accepted []*future.Future[*motor.DeleteResult]
	for {
		f := s.coll.DeleteOne(context.Background(), bson.D{})
		if f.IsDone() {
			if err := f.Err(); !errors.Is(err, future.ErrQueueFull) {
				s.t.Fatalf("got %v, want ErrQueueFull", err)
			}
			break
		}
		if accepted = append(accepted, f); len(accepted) > 10 {
			s.t.Fatalf("got %d accepted operations, want ErrQueueFull before", len(accepted))
		}
	}
	return func() {
		s.mu.Lock()
		held := s.held
		s.held = nil
		s.mu.Unlock()
		for _, r := range held {
			r.OK(bson.M{"n": 1})
		}
		for _, f := range accepted {
			succeed(s.t, f)
		}
	}
}

// pending is an operation that was called and has not settled.
type pending struct {
	s        *scene
	await    func(context.Context) error // waits with another context; nil in callback style
	cancel   func() bool                 // nil if nothing can be cancelled
	outcomes chan error                  // what the user's callback received; it must be called only once
}

// start calls an operation in the style of the scene. The user's callback panics if the scene says so.
func start[T any](
	s *scene, byFuture func() *future.Future[T], byCallback func(callback.Func[T]),
) *pending {
	p := &pending{s: s, outcomes: make(chan error, 100)}
	user := func(_ T, err error) {
		p.outcomes <- err
		if s.callbackPanics {
			panic("the user's callback")
		}
	}
	if s.style == callbacks {
		s.onLoop(func() { byCallback(user) })
		return p
	}
	f := byFuture()
	p.await = func(ctx context.Context) error { _, err := f.Await(ctx); return err }
	p.cancel = func() bool { return f.Cancel() }
	if s.ending != byLoop {
		f.OnComplete(user)
		return p
	}
	// Callbacks of an operation that belongs to a loop run on that loop. A goroutine can wait without the loop.
	waiter := patience(s.t)
	go func() { p.outcomes <- p.await(waiter) }()
	return p
}

// startOnLoop is start for operations that return a future in both styles, such as those of a loop's locks.
func startOnLoop[T any](s *scene, call func() *future.Future[T]) *pending {
	var f *future.Future[T]
	p := start(s, call, func(done callback.Func[T]) {
		f = call()
		callback.AddFuture(s.loop, f, func(f *future.Future[T]) { done(f.Result()) })
	})
	if s.style == callbacks {
		p.cancel = func() bool { return f.Cancel() }
	}
	return p
}

// isPending reports whether the user has not received an outcome yet.
func (p *pending) isPending() bool { return len(p.outcomes) == 0 }

// outcome waits for the outcome that the user receives.
func (p *pending) outcome() error {
	p.s.t.Helper()
	select {
	case err := <-p.outcomes:
		return err
	case <-patience(p.s.t).Done():
		p.s.t.Fatal("got no outcome, want one")
		return nil
	}
}

// flush waits until the failures of all unreachable futures are reported. It adds a failed future and collects garbage
// until that one is reported.
func (s *scene) flush() {
	errFlush := errors.New("seams: flush")
	var others []error
	for range 2 { // the first collection may free objects that refer to other futures
		future.Rejected[int](errFlush)
		for flushed := false; !flushed; {
			runtime.GC()
			select {
			case err := <-s.reports:
				if flushed = errors.Is(err, errFlush); !flushed {
					others = append(others, err)
				}
			case <-time.After(time.Millisecond):
			}
		}
	}
	for _, err := range others {
		s.reports <- err
	}
}

// report waits for the next reported failure.
func (s *scene) report() error {
	select {
	case err := <-s.reports:
		return err
	case <-patience(s.t).Done():
		s.t.Fatal("got no report, want one")
		return nil
	}
}
