package future_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Each test of this file checks for a fault of another library of futures.

func TestSecondCallbackRuns(t *testing.T) {
	p := future.NewPromise[int]()
	var got record[int]
	for i := range 2 {
		p.Future().OnComplete(func(v int, _ error) { got.add(i) })
	}
	p.Resolve(1)
	for i := 2; i < 4; i++ {
		p.Future().OnComplete(func(v int, _ error) { got.add(i) })
	}
	eventually(t, "not all 4 callbacks ran in order", func() bool { return slices.Equal(got.all(), []int{0, 1, 2, 3}) })
}

func TestCallbackUsesItsFuture(t *testing.T) {
	p := future.NewPromise[int]()
	f := p.Future()
	inside := make(chan int)
	f.OnComplete(func(int, error) {
		v, _ := f.Await(t.Context())
		f.Cancel()
		<-f.Done()
		f.OnComplete(func(int, error) { inside <- v })
	})
	p.Resolve(6)
	if v := <-inside; v != 6 {
		t.Fatalf("Await() in a callback = %d, want 6", v)
	}
}

func TestFutureOutlivesTimedOutWait(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	f := future.Go(context.Background(), pool, func(context.Context) (int, error) { <-release; return 8, nil })
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.Await(impatient); err != context.DeadlineExceeded {
		t.Fatalf("Await() error = %v, want context.DeadlineExceeded", err)
	}
	close(release)
	wantValue(t, f, 8)
}

func TestValueOfTypeError(t *testing.T) {
	f := future.Resolved(errBoom)
	if v, err := await(t, f); v != errBoom || err != nil {
		t.Fatalf("Await() = %v, %v; want the value %v and no error", v, err, errBoom)
	}
	caught := f.Catch(func(error) (error, error) { return errBang, nil })
	if v, err := await(t, caught); v != errBoom || err != nil {
		t.Fatalf("Catch() = %v, %v; want the value %v and no error", v, err, errBoom)
	}
}

func TestWaitInCallbackOfPool(t *testing.T) {
	pool := newPool(t, 1)
	// Each callback starts an operation on the pool and waits for it. The nesting is five deep, the pool has one slot.
	var nest func(depth int) *future.Future[int]
	nest = func(depth int) *future.Future[int] {
		op := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
		return future.Then(op, func(v int) (int, error) {
			if depth == 1 {
				return v, nil
			}
			deeper, err := nest(depth - 1).Await(t.Context())
			return v + deeper, err
		})
	}
	wantValue(t, nest(5), 5)
}

func TestPanicInContinuation(t *testing.T) {
	f := future.Then(future.Resolved(1), func(int) (int, error) { panic("x") })
	if p := wantPanic(t, f, "x"); p.Error() != "future: panic: x" {
		t.Errorf("Error() = %q, want \"future: panic: x\"", p)
	}
}

func TestCombinatorsOfFailures(t *testing.T) {
	bad := future.Rejected[int](errBoom)
	wantError(t, future.All(bad, bad), errBoom)
	wantError(t, future.Any(bad, bad), errBoom)
	wantError(t, future.Race(bad, bad), errBoom)
	wantError(t, future.Multi(bad, bad), errBoom)
	wantError(t, future.Join2(bad, bad), errBoom)
}

func TestUnreadErrorIsReported(t *testing.T) {
	reported := unobserved(t)
	future.Then(future.Resolved(1), func(int) (int, error) { return 0, errBang })
	eventually(t, "the error was not reported", func() bool { return reports(reported, errBang) == 1 })
}

func TestUnobservedDefaultAndNilHandler(t *testing.T) {
	mine := func(error) {}
	previous := future.SetUnobservedHandler(mine)
	defer func() { future.SetUnobservedHandler(previous) }()
	if future.SetUnobservedHandler(nil) == nil {
		t.Error("SetUnobservedHandler(nil) = nil, want the previous handler")
	}
	if future.SetUnobservedHandler(mine) == nil {
		t.Error("SetUnobservedHandler() = nil, want the default handler")
	}
}

func TestReportUnobservedHandlerPanics(t *testing.T) {
	previous := future.SetUnobservedHandler(func(error) { panic("in the handler") })
	defer func() { future.SetUnobservedHandler(previous) }()
	future.ReportUnobserved(nil)
	future.ReportUnobserved(errBoom) // logs the error and the panic, and returns
}

// A program that cancels on purpose is not warned of that. All other errors are reported.
func TestUnobservedCancellation(t *testing.T) {
	var reported []error
	previous := future.SetUnobservedHandler(func(err error) { reported = append(reported, err) })
	defer func() { future.SetUnobservedHandler(previous) }()
	cancelled := future.NewPromise[int]()
	cancelled.Future().Cancel(&future.PanicError{Value: "the reason"})
	_, reason := cancelled.Future().Await(t.Context())
	for _, err := range []error{
		context.Canceled, future.ErrCancelled, fmt.Errorf("reading: %w", context.Canceled), nil,
		fmt.Errorf("reading: %w", reason), errors.Join(context.Canceled, reason),
		fmt.Errorf("server selection: %w, last error %w", context.Canceled, errors.New("refused")),
		&future.AggregateError{Errors: []error{future.ErrCancelled, context.Canceled}},
	} {
		future.ReportUnobserved(err)
	}
	if len(reported) > 0 {
		t.Errorf("cancellations: got %v reported, want none", reported)
	}
	all := []error{
		context.DeadlineExceeded, errors.New("wrong"), &future.PanicError{Value: context.Canceled},
		&future.UndeliveredError{Reason: future.ErrPoolClosed, Outcome: context.Canceled},
		fmt.Errorf("reading: %w", &future.PanicError{Value: context.Canceled}),
		errors.Join(errors.New("wrong"), context.Canceled), fmt.Errorf("closing: %w", errors.Join(context.Canceled, errors.New("wrong"))),
		&future.AggregateError{Errors: []error{errors.New("wrong"), context.Canceled}},
		fmt.Errorf("reading: %w", &future.UndeliveredError{Reason: future.ErrPoolClosed, Outcome: context.Canceled}),
	}
	for _, err := range all {
		future.ReportUnobserved(err)
	}
	if len(reported) != len(all) {
		t.Errorf("got %v reported, want %v", reported, all)
	}
}

func TestPanicWhere(t *testing.T) {
	p := newPool(t, 1)
	inner := func() { panic("deep") }
	_, err := future.Go(t.Context(), p, func(context.Context) (int, error) { inner(); return 0, nil }).Await(t.Context())
	var failed *future.PanicError
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	where := failed.Where()
	if ok, _ := regexp.MatchString(`^future_test\.TestPanicWhere\.func1 \(faults_test\.go:\d+\) < future_test\.TestPanicWhere\.func2 \(faults_test\.go:\d+\)$`, where); !ok {
		t.Errorf("got %q, want the two functions of the test", where)
	}
	if where := new(future.PanicError).Where(); where != "" {
		t.Errorf("without a stack: got %q, want nothing", where)
	}
}

// The last line of a stack names a function without its arguments.
func TestPanicWhereOfCreator(t *testing.T) {
	for _, test := range []struct{ creator, want string }{
		{"main.start", "main.parse (parse.go:12) < main.start (main.go:40)"},
		{"main.(*Server).Serve", "main.parse (parse.go:12) < main.(*Server).Serve (main.go:40)"},
	} {
		stack := "goroutine 7 [running]:\nmain.parse(0x1)\n\t/src/parse.go:12 +0x1d\ncreated by " + test.creator +
			" in goroutine 1\n\t/src/main.go:40 +0x4\n"
		if got := (&future.PanicError{Stack: []byte(stack)}).Where(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.creator, got, test.want)
		}
	}
}
