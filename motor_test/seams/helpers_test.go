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

// style is how an operation is called and its outcome received.
type style int

const (
	futures   style = iota // the operation returns a future
	callbacks              // it is called on a loop, and calls back there
)

var styles = []style{futures, callbacks}

func (s style) String() string { return [...]string{"futures", "callbacks"}[s] }

// scene is what a test of one pair has: a scripted server, a client of it, and a loop that runs.
type scene struct {
	t      *testing.T
	style  style
	peer   *wiretest.Peer
	client *motor.Client
	coll   *motor.Collection[bson.M]
	loop   *callback.Loop
	ended  chan struct{} // closed when the loop has ended

	ending  ending
	ctx     context.Context // that of the operation which waits
	cancel  context.CancelFunc
	reports chan error // what the handlers of unobserved failures and of panics on the loop are told

	callbackPanics bool // the user's callback is to panic
	codePanics     bool // the user's code that belongs to the wait is to panic

	mu   sync.Mutex
	held []*wiretest.Request // the deletes of fill
}

// maxQueue is how many operations the client of a scene queues.
const maxQueue = 2

// newScene starts a scene whose client has so many workers. At its end no goroutine may be left.
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

// closeClient closes the client, and checks that nothing of it is left.
func (s *scene) closeClient() {
	s.t.Helper()
	if err := s.client.Close(patience(s.t)); err != nil {
		s.t.Errorf("Close: %v", err)
	}
	if stats := s.client.Stats(); stats.Running != 0 || stats.Queued != 0 {
		s.t.Errorf("after Close: %d operations are running and %d are queued, want none", stats.Running, stats.Queued)
	}
	s.peer.AwaitConnections(0)
}

// closedContext returns a context that has ended: Client.Close with it closes the client and does not wait.
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
		s.t.Fatal("the loop is closed")
	}
	<-done
}

// answer makes the peer answer every command of this name with the same.
func (s *scene) answer(name string, answer func(*wiretest.Request)) { s.peer.Handle(name, answer) }

// succeed waits for an operation, which must not fail.
func succeed[T any](t *testing.T, f *future.Future[T]) T {
	t.Helper()
	v, err := f.Await(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// patience returns a context for waits, so that a test whose operation never settles fails and does not hang.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// fill starts operations, which the peer does not answer until drain, until one is refused because the queue is full.
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
			s.t.Fatal("the queue does not fill")
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

// pending is an operation that has been called and waits.
type pending struct {
	s        *scene
	await    func(context.Context) error // waits with a context of its own; nil in callback style
	cancel   func() bool                 // nil if there is nothing to cancel
	outcomes chan error                  // what the user's callback was given: one, if all is well
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
	// The callbacks of what belongs to a loop are delivered there; a goroutine can wait without the loop.
	waiter := patience(s.t)
	go func() { p.outcomes <- p.await(waiter) }()
	return p
}

// startOnLoop is start for what has a future in both styles, as what belongs to a loop does.
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

// isPending reports whether the user has not been told of an outcome.
func (p *pending) isPending() bool { return len(p.outcomes) == 0 }

// outcome waits for what the user is told.
func (p *pending) outcome() error {
	p.s.t.Helper()
	select {
	case err := <-p.outcomes:
		return err
	case <-patience(p.s.t).Done():
		p.s.t.Fatal("the user is not told of an outcome")
		return nil
	}
}

// flush waits until the failures of all futures that are no longer reachable have been reported: it makes one of its
// own, and collects garbage until that is reported.
func (s *scene) flush() {
	errFlush := errors.New("seams: flush")
	var others []error
	for range 2 { // the first collection may free what keeps another future reachable
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

// report waits for a failure that is reported.
func (s *scene) report() error {
	select {
	case err := <-s.reports:
		return err
	case <-patience(s.t).Done():
		s.t.Fatal("nothing is reported")
		return nil
	}
}
