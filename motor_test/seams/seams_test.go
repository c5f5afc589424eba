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

// ending is something that can end a wait, or must not.
type ending int

const (
	byContext ending = iota // the context of the call ends
	byAwait                 // the context of an Await ends
	byCancel                // the future is cancelled
	byClose                 // the client is closed
	byReopen                // the client is closed, and used again
	byLoop                  // the loop is closed
	byQueue                 // the client's queue is full
	byPanic                 // the user's code panics
	byServer                // the server hangs up
)

var endingNames = [...]string{
	"context_ends", "context_of_await_ends", "cancel", "client_closed", "client_reopened", "loop_closed", "queue_full",
	"user_code_panics", "server_gone",
}

// want says what an ending does to a wait.
type want struct {
	kind   wantKind
	err    error  // if it fails
	either bool   // it may fail with err or succeed
	reason string // if it makes no sense
}

type wantKind int

const (
	missing   wantKind = iota // the table has a hole
	goesOn                    // the wait goes on, and succeeds when what is waited for happens
	fails                     // it fails at once
	failsLate                 // it fails when what is waited for happens
	senseless
)

var on = want{kind: goesOn}

func failing(err error) want     { return want{kind: fails, err: err} }
func failingLate(err error) want { return want{kind: failsLate, err: err} }
func no(reason string) want      { return want{kind: senseless, reason: reason} }

// errPanic stands for any *future.PanicError.
var errPanic = errors.New("a *future.PanicError")

// Reasons why a pair makes no sense.
const (
	noContext = "it is called without a context"
	noClient  = "it has no client"
	noUser    = "it calls no code of the user's before it has ended"
)

var (
	cancelled = failing(future.ErrCancelled)
	ended     = failing(context.Canceled)
	closed    = failing(motor.InvalidOperation)
	lost      = failing(motor.AutoReconnect)

	// onOrLost is for what waits for a connection: when one is lost, the driver fails the waits that it finds.
	onOrLost = want{kind: goesOn, err: motor.AutoReconnect, either: true}

	loopClosed = failing(callback.ErrLoopClosed)
)

// waits is the table: what each ending does to each wait.
var waits = []wait{
	{name: "queued", workers: 1, begin: queued, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "running", begin: running, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "for_connection", begin: forConnection, uri: []string{"maxPoolSize=1"}, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: onOrLost,
	}},
	{name: "opening", begin: opening, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "derived", future: true, begin: derived, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on,
		byPanic: failingLate(errPanic), byServer: lost,
	}},
	{name: "in_session_turn", begin: inSessionTurn, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "in_cursor_turn", begin: inCursorTurn, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "fetching", begin: fetching, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "tailing", begin: tailing, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: closed, byReopen: closed, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "watching", begin: watching, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: closed, byReopen: closed, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "reading_file", begin: readingFile, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: lost,
	}},
	{name: "in_file_turn", begin: inFileTurn, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "with_session", future: true, begin: withSession, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on,
		byPanic: failingLate(errPanic), byServer: lost,
	}},
	{name: "gathered", begin: gathered, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: on, byReopen: on, byLoop: on, byQueue: on, byPanic: on,
		byServer: on,
	}},
	{name: "in_sequence", future: true, begin: inSequence, ends: [...]want{
		byContext: no(noContext), byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient), byLoop: on,
		byQueue: no(noClient), byPanic: failingLate(errPanic), byServer: no(noClient),
	}},
	{name: "lock", future: true, begin: onLock, ends: ofLoop},
	{name: "semaphore", future: true, begin: onSemaphore, ends: ofLoop},
	{name: "event", future: true, begin: onEvent, ends: ofLoop},
	{name: "condition", future: true, begin: onCondition, ends: ofLoop},
	{name: "queue_get", future: true, begin: onGet, ends: ofLoop},
	{name: "queue_put", future: true, begin: onPut, ends: ofLoop},
	{name: "timer", future: true, begin: onTimer, ends: [...]want{
		byContext: no(noContext), byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient), byLoop: on,
		byQueue: no(noClient), byPanic: no(noUser), byServer: no(noClient),
	}},
	{name: "coroutine", future: true, begin: inCoroutine, ends: [...]want{
		byContext: ended, byAwait: on, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient),
		byLoop: loopClosed, byQueue: no(noClient), byPanic: failingLate(errPanic), byServer: no(noClient),
	}},
}

// ofLoop is what all locks and queues of a loop have in common. A wait that is given up is cancelled, so that it takes
// nothing from others.
var ofLoop = [...]want{
	byContext: no(noContext), byAwait: cancelled, byCancel: cancelled, byClose: no(noClient), byReopen: no(noClient),
	byLoop: loopClosed, byQueue: no(noClient), byPanic: on, byServer: no(noClient),
}

// TestSeams runs every pair of the table in both styles. The user is told one outcome, the right one. The place that
// the operation had in a queue, a turn or a lock is free for the next one. Nothing is left behind: no goroutine, no
// connection, no operation in the client's executor, and no failure that is reported later.
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
		t.Fatal("the table does not say what happens")
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
	s.callbackPanics, s.codePanics = e == byPanic && want.kind == goesOn, e == byPanic && want.kind == failsLate
	p := w.begin(s)
	if !p.isPending() {
		t.Fatalf("the operation does not wait: %v", <-p.outcomes)
	}
	after := p.end(e)
	undelivered := e == byLoop && style == callbacks
	if want.kind == goesOn || want.kind == failsLate {
		if e != byServer && !p.isPending() {
			t.Fatalf("the wait has ended: %v", <-p.outcomes)
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
	var told error
	switch {
	case undelivered:
		var report *future.UndeliveredError
		if err := s.report(); !errors.As(err, &report) || !errors.Is(report.Reason, callback.ErrLoopClosed) {
			t.Errorf("reported: %v, want an UndeliveredError because of ErrLoopClosed", err)
		} else {
			told = report.Outcome
		}
	default:
		told = p.outcome()
	}
	if !want.allows(told) {
		t.Errorf("told %v, want %v", told, want.err)
	}
	if want.kind == fails && p.release != nil && e != byServer {
		p.release() // too late: the user must not be told a second outcome
	}
	if s.callbackPanics {
		if err := s.report(); !isPanic(err) {
			t.Errorf("reported: %v, want the panic", err)
		}
	}
	after()
	if p.again != nil {
		if err := p.again(told); !mayFailAgain(e, err) {
			t.Errorf("again: %v", err)
		}
	}
	p.finish()
}

// finish checks that the user is told no second outcome, and that nothing is left behind.
func (p *waiting) finish() {
	s := p.s
	s.t.Helper()
	s.loop.Close()
	<-s.ended // what the loop had accepted has run
	s.closeClient()
	s.flush()
	if n := len(p.outcomes); n != 0 {
		s.t.Errorf("told %d times more: %v", n, <-p.outcomes)
	}
	if n := len(s.reports); n != 0 {
		s.t.Errorf("%d reports more: %v", n, <-s.reports)
	}
}

// mayFailAgain reports whether what waited may fail with err when it is done again after an ending.
func mayFailAgain(e ending, err error) bool {
	switch {
	case err == nil:
		return true
	case e == byClose, e == byReopen, e == byServer: // a cursor has ended with its connection
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

// end makes an ending happen. The caller calls after when the wait is over.
func (p *waiting) end(e ending) (after func()) {
	s := p.s
	s.t.Helper()
	after = func() {}
	switch e {
	case byContext:
		s.cancel()
	case byAwait:
		if err := p.await(closedContext()); !errors.Is(err, context.Canceled) {
			s.t.Errorf("Await: %v, want context.Canceled", err)
		}
	case byCancel:
		if !p.pending.cancel() {
			s.t.Error("Cancel: false, want true")
		}
	case byClose:
		if err := s.client.Close(closedContext()); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("Close: %v", err)
		}
	case byReopen:
		if err := s.client.Close(closedContext()); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("Close: %v", err)
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

// TestSeams_atOnce ends every wait in several ways at the same time: its context ends, its future is cancelled, and
// what it waits for happens. The user is told one of these, and what was not told is left for the next operation.
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
	p := w.begin(s)
	var others sync.WaitGroup
	others.Go(s.cancel)
	if p.pending.cancel != nil {
		others.Go(func() { p.pending.cancel() })
	}
	if p.release != nil {
		p.release()
	}
	others.Wait()
	told := p.outcome()
	if told != nil && !errors.Is(told, context.Canceled) { // ErrCancelled is one, too
		t.Errorf("told %v, want nil or context.Canceled", told)
	}
	if p.again != nil {
		if err := p.again(told); err != nil {
			t.Errorf("told %v; again: %v", told, err)
		}
	}
	p.finish()
}
