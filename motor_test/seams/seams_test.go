package seams_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// ending is an event that ends some waits, and must not end others.
type ending int

const (
	byContext ending = iota // the context of the call ends
	byAwait                 // the context of an Await ends
	byCancel                // the future is cancelled
	byClose                 // the client is closed
	byReopen                // the client is closed and used again
	byLoop                  // the loop is closed
	byQueue                 // the client's queue is full
	byPanic                 // the user's code panics
	byServer                // the server closes the connection
)

var endingNames = [...]string{
	"context_ends", "context_of_await_ends", "cancel", "client_closed", "client_reopened", "loop_closed", "queue_full",
	"user_code_panics", "server_gone",
}

// want is the expected effect of an ending on a wait.
type want struct {
	kind   wantKind
	err    error  // the error, if it fails
	either bool   // it may also fail with err instead of succeeding
	reason string // why the pair makes no sense
}

type wantKind int

const (
	missing   wantKind = iota // the table has no entry
	continues                 // the wait continues, and succeeds after its release
	fails                     // the wait fails at once
	failsLate                 // the wait fails after its release
	senseless
)

var on = want{kind: continues}

func failing(err error) want     { return want{kind: fails, err: err} }
func failingLate(err error) want { return want{kind: failsLate, err: err} }
func no(reason string) want      { return want{kind: senseless, reason: reason} }

// errPanic stands for any *future.PanicError.
var errPanic = errors.New("a *future.PanicError")

// The reasons why a pair makes no sense.
const (
	noContext = "it is called without a context"
	noClient  = "it has no client"
	noUser    = "it does not call user code while it waits"
)

var (
	cancelled = failing(future.ErrCancelled)
	ended     = failing(context.Canceled)
	closed    = failing(motor.InvalidOperation)
	lost      = failing(motor.AutoReconnect)

	// onOrLost is for operations that wait for a connection. When a connection is lost, the driver fails the
	// operations that wait.
	onOrLost = want{kind: continues, err: motor.AutoReconnect, either: true}

	loopClosed = failing(callback.ErrLoopClosed)
)

// waits lists the effect of each ending on each wait.
var waits = []wait{
	{name: "queued", workers: 1, start: queuedInExecutor, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "running", start: running, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "for_connection", start: forConnection, uri: []string{"maxPoolSize=1"}, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: onOrLost,
	}},
	{name: "opening", start: opening, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "derived", future: true, start: derived, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on,
		byPanic: failingLate(errPanic), byServer: lost,
	}},
	{name: "queued_in_session", start: queuedInSession, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "queued_in_cursor", start: queuedInCursor, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "fetching", start: fetching, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "tailing", start: tailing, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: closed, byReopen: closed, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "watching", start: watching, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: closed, byReopen: closed, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "reading_file", start: readingFile, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "queued_in_file", start: queuedInFile, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "with_session", future: true, start: withSession, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on,
		byPanic: failingLate(errPanic), byServer: lost,
	}},
	{name: "batched_insert", start: batchedInsert, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "batched_update", start: batchedUpdate, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "batched_find", start: batchedFind, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "in_sequence", future: true, start: inSequence, ends: [...]want{
		byContext: no(noContext), byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient), byLoop: on,
		byQueue: no(noClient), byPanic: failingLate(errPanic), byServer: no(noClient),
	}},
	{name: "lock", future: true, start: onLock, ends: ofLoop},
	{name: "semaphore", future: true, start: onSemaphore, ends: ofLoop},
	{name: "event", future: true, start: onEvent, ends: ofLoop},
	{name: "condition", future: true, start: onCondition, ends: ofLoop},
	{name: "queue_get", future: true, start: onGet, ends: ofLoop},
	{name: "queue_put", future: true, start: onPut, ends: ofLoop},
	{name: "timer", future: true, start: onTimer, ends: [...]want{
		byContext: no(noContext), byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient), byLoop: on,
		byQueue: no(noClient), byPanic: no(noUser), byServer: no(noClient),
	}},
	{name: "coroutine", future: true, start: coroutine, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient),
		byLoop: loopClosed, byQueue: no(noClient), byPanic: failingLate(errPanic), byServer: no(noClient),
	}},
}

// ofLoop is for all locks and queues of a loop. A wait that is given up is cancelled, so that it does not take
// anything from others.
var ofLoop = [...]want{
	byContext: no(noContext), byAwait: cancelled, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient),
	byLoop: loopClosed, byQueue: no(noClient), byPanic: on, byServer: no(noClient),
}

// TestSeams runs every pair of the table in both styles. The user must receive exactly one outcome, the expected one.
// The operation's place in a queue, a sequence or a lock must become free. At the end there must be no goroutine, no
// connection, no operation in the client's executor, and no further report.
func TestSeams(t *testing.T) {
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			for e, want := range w.ends {
				t.Run(endingNames[e], func(t *testing.T) {
					for _, style := range styles {
						t.Run(style.String(), func(t *testing.T) { testSeam(t, w, ending(e), want, style) })
					}
				})
			}
		})
	}
}

func testSeam(t *testing.T, w wait, e ending, want want, style style) {
	if want.kind == missing {
		t.Fatal("the table has no entry for this pair")
	}
	if want.kind == senseless {
		t.Skip(want.reason)
	}
	if style == callbacks && e == byAwait {
		t.Skip("a callback is not awaited")
	}
	if style == callbacks && e == byCancel && !w.future {
		t.Skip("in callback style there is no future to cancel")
	}
	workers := w.workers
	if workers == 0 {
		workers = 2
	}
	s := newScene(t, style, e, workers, w.uri)
	s.callbackPanics, s.codePanics = e == byPanic && want.kind == continues, e == byPanic && want.kind == failsLate
	p := w.start(s)
	if !p.isPending() {
		t.Fatalf("got outcome %v before the ending, want none", <-p.outcomes)
	}
	after := p.end(e)
	undelivered := e == byLoop && style == callbacks
	if want.kind == continues || want.kind == failsLate {
		if e != byServer && !p.isPending() {
			t.Fatalf("got outcome %v before the release, want none", <-p.outcomes)
		}
		if p.release == nil { // a timer
			p.pending.cancel()
			want = cancelled
		} else if e != byServer {
			p.release()
		}
	}
	if e == byQueue {
		after()
		after = func() {}
	}
	var outcome error
	switch {
	case undelivered:
		var report *future.UndeliveredError
		if err := s.report(); !errors.As(err, &report) || !errors.Is(report.Reason, callback.ErrLoopClosed) {
			t.Errorf("got report %v, want an UndeliveredError with the reason ErrLoopClosed", err)
		} else {
			outcome = report.Outcome
		}
	default:
		outcome = p.outcome()
	}
	if !want.allows(outcome) {
		t.Errorf("got outcome %v, want %v", outcome, want.err)
	}
	if want.kind == fails && p.release != nil && e != byServer {
		p.release() // too late: the user must not receive a second outcome
	}
	if s.callbackPanics {
		if err := s.report(); !isPanic(err) {
			t.Errorf("got report %v, want the panic", err)
		}
	}
	after()
	if p.again != nil {
		if err := p.again(outcome); !mayFailAgain(e, err) {
			t.Errorf("next operation: got %v, want no error", err)
		}
	}
	p.finish()
}

// finish checks that the user receives no second outcome and that nothing is left behind.
func (p *waiting) finish() {
	s := p.s
	s.t.Helper()
	s.loop.Close()
	<-s.ended // the callbacks that the loop had accepted have run
	s.closeClient()
	s.flush()
	if n := len(p.outcomes); n != 0 {
		s.t.Errorf("got %d further outcomes, want none: %v", n, <-p.outcomes)
	}
	if n := len(s.reports); n != 0 {
		s.t.Errorf("got %d further reports, want none: %v", n, <-s.reports)
	}
}

// mayFailAgain reports whether the next operation after an ending may fail with err.
func mayFailAgain(e ending, err error) bool {
	switch {
	case err == nil:
		return true
	case e == byClose, e == byReopen, e == byServer: // the cursor has ended with its connection
		return errors.Is(err, motor.InvalidOperation) || errors.Is(err, motor.StopAsyncIteration)
	case e == byLoop:
		return errors.Is(err, callback.ErrLoopClosed)
	}
	return false
}

func (w want) allows(err error) bool {
	switch {
	case err == nil:
		return w.err == nil || w.either
	case w.err == errPanic:
		return isPanic(err)
	}
	return errors.Is(err, w.err)
}

func isPanic(err error) bool {
	var p *future.PanicError
	return errors.As(err, &p)
}

// end makes an ending happen. Call after when the wait is over.
func (p *waiting) end(e ending) (after func()) {
	s := p.s
	s.t.Helper()
	after = func() {}
	switch e {
	case byContext:
		s.cancel()
	case byAwait:
		if err := p.await(closedContext()); !errors.Is(err, context.Canceled) {
			s.t.Errorf("Await() = %v, want context.Canceled", err)
		}
	case byCancel:
		if !p.pending.cancel() {
			s.t.Error("Cancel() = false, want true")
		}
	case byClose:
		if err := s.client.Close(closedContext()); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("Close() = %v, want nil or context.Canceled", err)
		}
	case byReopen:
		if err := s.client.Close(closedContext()); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("Close() = %v, want nil or context.Canceled", err)
		}
		reopened := s.client.Database("d").Command(context.Background(), "ping")
		after = func() { succeed(s.t, reopened) }
	case byLoop:
		s.loop.Close()
		<-s.ended
	case byQueue:
		after = s.fill()
	case byServer:
		p.hangUp()
	}
	return after
}

// TestSeams_atOnce ends every wait in several ways at the same time. Its context ends, its future is cancelled, and
// its result arrives. The user must receive one of these outcomes. A result that the user does not receive must be
// left for the next operation.
func TestSeams_atOnce(t *testing.T) {
	const rounds = 5
	for _, w := range waits {
		t.Run(w.name, func(t *testing.T) {
			for _, style := range styles {
				t.Run(style.String(), func(t *testing.T) {
					for range rounds {
						t.Run("round", func(t *testing.T) { testAtOnce(t, w, style) })
					}
				})
			}
		})
	}
}

func testAtOnce(t *testing.T, w wait, style style) {
	workers := w.workers
	if workers == 0 {
		workers = 2
	}
	s := newScene(t, style, byContext, workers, w.uri)
	p := w.start(s)
	var others sync.WaitGroup
	others.Go(s.cancel)
	if p.pending.cancel != nil {
		others.Go(func() { p.pending.cancel() })
	}
	if p.release != nil {
		p.release()
	}
	others.Wait()
	outcome := p.outcome()
	if outcome != nil && !errors.Is(outcome, context.Canceled) { // also true for ErrCancelled
		t.Errorf("got outcome %v, want nil or context.Canceled", outcome)
	}
	if p.again != nil {
		if err := p.again(outcome); err != nil {
			t.Errorf("next operation after outcome %v: got %v, want no error", outcome, err)
		}
	}
	p.finish()
}
