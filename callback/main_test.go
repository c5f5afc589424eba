package callback_test

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hang is the time after which a test fails because something hangs. It does not limit speed.
const hang = time.Minute

// newLoop returns a loop that does not log. It is closed at the end of the test.
func newLoop(t testing.TB, opts ...callback.LoopOption) *callback.Loop {
	t.Helper()
	quiet := callback.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	loop := callback.NewLoop(append([]callback.LoopOption{quiet}, opts...)...)
	t.Cleanup(loop.Close)
	return loop
}

// run runs fn as a coroutine. The test fails if fn returns an error.
func run(t testing.TB, loop *callback.Loop, fn func(co *callback.Co) error) {
	t.Helper()
	_, err := callback.RunSync(loop, func(co *callback.Co) (struct{}, error) { return struct{}{}, fn(co) })
	if err != nil {
		t.Errorf("RunSync() error = %v, want <nil>", err)
	}
}

// background starts the loop on a new goroutine. wait waits until Start returns.
func background(loop *callback.Loop) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		loop.Start()
	}()
	return func() { <-done }
}

// pending returns a promise and its future.
func pending[T any]() (*future.Promise[T], *future.Future[T]) {
	p := future.NewPromise[T]()
	return p, p.Future()
}

func equal[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func equalSlices[T comparable](t testing.TB, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func wantError(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

// logRecorder records log output.
type logRecorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func newLogRecorder() *logRecorder { return new(logRecorder) }

func (r *logRecorder) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func (r *logRecorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// want fails the test if a part is not in the log.
func (r *logRecorder) want(t testing.TB, parts ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	wantText(t, r.text.String(), parts...)
}

func (r *logRecorder) contains(parts ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return containsString(r.text.String(), parts...)
}

// wantText fails the test if a part is not in got.
func wantText(t testing.TB, got string, parts ...string) {
	t.Helper()
	if !containsString(got, parts...) {
		t.Errorf("got text %q, want it to contain all of %q", got, parts)
	}
}

// containsString reports whether s contains all parts.
func containsString(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
