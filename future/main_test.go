package future_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errBoom = errors.New("boom")
	errBang = errors.New("bang")
)

// await waits for f. The test fails if f is pending after 30 seconds.
func await[T any](t testing.TB, f *future.Future[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	v, err := f.Await(ctx)
	if err != nil && err == ctx.Err() {
		t.Fatal("the future is pending after 30s, want it settled")
	}
	return v, err
}

func wantValue[T comparable](t testing.TB, f *future.Future[T], want T) {
	t.Helper()
	if got, err := await(t, f); got != want || err != nil {
		t.Fatalf("Await() = %v, %v; want %v, <nil>", got, err, want)
	}
}

func wantError[T any](t testing.TB, f *future.Future[T], want error) {
	t.Helper()
	if got, err := await(t, f); !errors.Is(err, want) {
		t.Fatalf("Await() = %v, %v; want error %v", got, err, want)
	}
}

func wantPanic[T any](t testing.TB, f *future.Future[T], value any) *future.PanicError {
	t.Helper()
	_, err := await(t, f)
	var p *future.PanicError
	if !errors.As(err, &p) {
		t.Fatalf("Await() error = %v, want a *PanicError", err)
	}
	if value != nil && p.Value != value {
		t.Fatalf("PanicError.Value = %v, want %v", p.Value, value)
	}
	if len(p.Stack) == 0 {
		t.Fatal("PanicError.Stack is empty, want a stack")
	}
	return p
}

func newPool(t testing.TB, limit int, opts ...future.PoolOption) *future.Pool {
	t.Helper()
	p, err := future.NewPool(limit, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// record is a list. It is safe for concurrent use.
type record[T any] struct {
	mu   sync.Mutex
	list []T
}

func (r *record[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, v)
}

func (r *record[T]) all() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]T(nil), r.list...)
}

// unobserved records the errors that are reported during the test.
func unobserved(t testing.TB) *record[error] {
	t.Helper()
	reporttest.LeaveOthers(t)
	r := new(record[error])
	previous := future.SetUnobservedHandler(r.add)
	t.Cleanup(func() { future.SetUnobservedHandler(previous) })
	return r
}

// reports returns the number of reported errors for which errors.Is(e, err) is true.
func reports(r *record[error], err error) (n int) {
	for _, e := range r.all() {
		if errors.Is(e, err) {
			n++
		}
	}
	return n
}

// eventually waits until ok returns true, and runs the garbage collector meanwhile. It fails the test with message
// after a second.
func eventually(t testing.TB, message string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal(message)
}

// queue is an executor that runs its tasks when the test calls turn.
type queue struct {
	mu    sync.Mutex
	tasks []func()
}

func (q *queue) Execute(task func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, task)
	return nil
}

// turn runs the queued tasks and returns their number.
func (q *queue) turn() int {
	q.mu.Lock()
	tasks := q.tasks
	q.tasks = nil
	q.mu.Unlock()
	for _, task := range tasks {
		task()
	}
	return len(tasks)
}
