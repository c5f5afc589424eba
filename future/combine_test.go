package future_test

import (
	"errors"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func promises(n int) (ps []*future.Promise[int], fs []*future.Future[int]) {
	for range n {
		p := future.NewPromise[int]()
		ps, fs = append(ps, p), append(fs, p.Future())
	}
	return ps, fs
}

func TestAll(t *testing.T) {
	ps, fs := promises(3)
	all := future.All(fs...)
	for _, i := range []int{2, 0, 1} {
		if all.IsDone() {
			t.Fatal("settled before the last input, want it pending")
		}
		ps[i].Resolve(i * 10)
	}
	if vs, err := all.Result(); !slices.Equal(vs, []int{0, 10, 20}) || err != nil {
		t.Errorf("All() = %v, %v; want [0 10 20], <nil>", vs, err)
	}

	reported := unobserved(t)
	ps, fs = promises(3)
	all = future.All(fs...)
	ps[1].Reject(errBoom)
	if err := all.Err(); err != errBoom {
		t.Errorf("Err() = %v after the first failure, want %v", err, errBoom)
	}
	ps[0].Reject(errBang) // All has observed it
	if fs[2].IsDone() {
		t.Error("another input is settled after a failure, want it pending")
	}
	ps, fs = nil, nil
	runtime.GC()
	time.Sleep(time.Millisecond)
	if len(reported.all()) != 0 {
		t.Errorf("reported %v, want nothing", reported.all())
	}
	if vs, err := future.All[int]().Result(); vs == nil || len(vs) != 0 || err != nil {
		t.Errorf("All() = %v, %v; want an empty slice and no error", vs, err)
	}
	same := future.Resolved(4)
	if vs, _ := future.All(same, same).Result(); !slices.Equal(vs, []int{4, 4}) {
		t.Errorf("All(f, f) = %v, want [4 4]", vs)
	}
}

func TestAllSettled(t *testing.T) {
	ps, fs := promises(3)
	all := future.AllSettled(fs...)
	ps[1].Settle(7, errBoom)
	ps[0].Resolve(1)
	if all.IsDone() {
		t.Fatal("settled before the last input, want it pending")
	}
	fs[2].Cancel()
	got, err := all.Result()
	if want := []future.Outcome[int]{{1, nil}, {7, errBoom}, {0, future.ErrCancelled}}; !slices.Equal(got, want) || err != nil {
		t.Errorf("AllSettled() = %v, %v; want %v, <nil>", got, err, want)
	}
	if got, err := future.AllSettled[int]().Result(); got == nil || len(got) != 0 || err != nil {
		t.Errorf("AllSettled() = %v, %v; want an empty slice and no error", got, err)
	}
}

func TestMulti(t *testing.T) {
	reported := unobserved(t)
	ps, fs := promises(4)
	multi := future.Multi(fs...)
	ps[2].Reject(errBang) // first in time
	ps[1].Reject(errBoom) // first in order
	fs[3].Cancel()
	if multi.IsDone() {
		t.Fatal("settled before the last input, want it pending")
	}
	ps[0].Resolve(1)
	if err := multi.Err(); err != errBoom {
		t.Errorf("Err() = %v, want %v, the first error in order", err, errBoom)
	}
	eventually(t, "the other error was not reported", func() bool { return reports(reported, errBang) == 1 })
	if n := len(reported.all()); n != 1 {
		t.Errorf("reported %v, want only the other error", reported.all())
	}
	same := future.Rejected[int](errBoom)
	wantError(t, future.Multi(same, same), errBoom)
	if vs, err := future.Multi(future.Resolved(1), future.Resolved(2)).Result(); !slices.Equal(vs, []int{1, 2}) || err != nil {
		t.Errorf("Multi() = %v, %v; want [1 2], <nil>", vs, err)
	}
	if vs, err := future.Multi[int]().Result(); vs == nil || len(vs) != 0 || err != nil {
		t.Errorf("Multi() = %v, %v; want an empty slice and no error", vs, err)
	}

	m, err := await(t, future.MultiMap(map[string]*future.Future[int]{"a": future.Resolved(1), "b": future.Resolved(2)}))
	if !maps.Equal(m, map[string]int{"a": 1, "b": 2}) || err != nil {
		t.Errorf("MultiMap() = %v, %v; want map[a:1 b:2], <nil>", m, err)
	}
	wantError(t, future.MultiMap(map[string]*future.Future[int]{"a": future.Resolved(1), "b": same}), errBoom)
	if m, err := future.MultiMap[string, int](nil).Result(); m == nil || len(m) != 0 || err != nil {
		t.Errorf("MultiMap(nil) = %v, %v; want an empty map and no error", m, err)
	}
}

func TestAny(t *testing.T) {
	ps, fs := promises(3)
	f := future.Any(fs...)
	ps[0].Reject(errBoom)
	ps[2].Resolve(5)
	wantValue(t, f, 5)
	if future.Links(fs[1]) != 0 || fs[1].IsDone() {
		t.Error("the loser has a link or is settled, want neither")
	}
	f = future.Any(future.Rejected[int](errBoom), future.Rejected[int](errBang))
	_, err := f.Result()
	var all *future.AggregateError
	if !errors.As(err, &all) || !slices.Equal(all.Errors, []error{errBoom, errBang}) || !errors.Is(err, errBoom) || !errors.Is(err, errBang) {
		t.Errorf("Any() error = %v, want an *AggregateError with both errors", err)
	}
	for _, c := range []struct {
		text string
		fs   []*future.Future[int]
	}{
		{"future: no future succeeded: no futures given", nil},
		{"future: no future succeeded: boom", []*future.Future[int]{future.Rejected[int](errBoom)}},
		{"future: none of 2 futures succeeded, first error: boom", []*future.Future[int]{future.Rejected[int](errBoom), future.Rejected[int](errBang)}},
	} {
		if got := future.Any(c.fs...).Err(); !errors.As(got, &all) || got.Error() != c.text {
			t.Errorf("Err() = %q, want %q", got, c.text)
		}
	}
}

func TestRace(t *testing.T) {
	ps, fs := promises(2)
	f := future.Race(fs...)
	ps[1].Reject(errBoom)
	wantError(t, f, errBoom)
	if future.Links(fs[0]) != 0 || fs[0].IsDone() {
		t.Error("the loser has a link or is settled, want neither")
	}
	wantValue(t, future.Race(future.NewPromise[int]().Future(), future.Resolved(2), future.Resolved(3)), 2)
	wantError(t, future.Race[int](), future.ErrNoFutures)
}

func TestJoin(t *testing.T) {
	a, b := future.NewPromise[int](), future.NewPromise[string]()
	two := future.Join2(a.Future(), b.Future())
	three := future.Join3(a.Future(), b.Future(), future.Resolved(1.5))
	a.Resolve(1)
	b.Resolve("x")
	wantValue(t, two, future.Pair[int, string]{1, "x"})
	wantValue(t, three, future.Triple[int, string, float64]{1, "x", 1.5})
	wantError(t, future.Join3(future.Resolved(1), future.Rejected[string](errBoom), future.NewPromise[int]().Future()), errBoom)
}

func TestWaitConditions(t *testing.T) {
	ok, bad := future.Resolved(1), future.Rejected[int](errBoom)
	cancelled := future.NewPromise[int]().Future()
	cancelled.Cancel()
	pending := future.NewPromise[int]()
	type list = []*future.Future[int]
	for _, c := range []struct {
		when          future.When
		in            list
		done, pending list // both nil: the condition is not met
	}{
		{future.FirstCompleted, list{pending.Future(), ok, bad}, list{ok, bad}, list{pending.Future()}},
		{future.FirstCompleted, list{pending.Future()}, nil, nil},
		{future.FirstCompleted, list{pending.Future(), cancelled}, list{cancelled}, list{pending.Future()}},
		{future.FirstException, list{pending.Future(), ok, bad}, list{ok, bad}, list{pending.Future()}},
		{future.FirstException, list{pending.Future(), ok, cancelled}, nil, nil},
		{future.FirstException, list{ok, cancelled}, list{ok, cancelled}, nil},
		{future.AllCompleted, list{pending.Future(), ok, bad}, nil, nil},
		{future.AllCompleted, list{ok, bad, cancelled}, list{ok, bad, cancelled}, nil},
	} {
		f := future.Wait(c.when, c.in...)
		sets, err := f.Result()
		if c.done == nil {
			if err != future.ErrNotDone {
				t.Errorf("Wait(%v, %v) = %v, want it pending", c.when, c.in, sets)
			}
			f.Cancel()
		} else if err != nil || !slices.Equal(sets.Done, c.done) || !slices.Equal(sets.Pending, c.pending) {
			t.Errorf("Wait(%v, %v) = %v, %v; want done %v, pending %v", c.when, c.in, sets, err, c.done, c.pending)
		}
	}
	if future.Links(pending.Future()) != 0 {
		t.Error("the pending future has links, want none")
	}
	later := future.Wait(future.FirstException, pending.Future())
	pending.Reject(errBoom)
	if sets, err := later.Result(); err != nil || len(sets.Done) != 1 {
		t.Errorf("Wait() = %v, %v; want one done future", sets, err)
	}
	if sets, err := future.Wait[int](future.AllCompleted).Result(); err != nil || !reflect.ValueOf(sets).IsZero() {
		t.Errorf("Wait() of no futures = %v, %v; want zero sets", sets, err)
	}
	wantError(t, future.Wait(future.When(9), ok), future.ErrInvalidOption)
}

func TestWaitDoesNotObserve(t *testing.T) {
	reported := unobserved(t)
	func() { future.Wait(future.AllCompleted, future.Rejected[int](errBang)) }()
	eventually(t, "the failure was not reported after Wait", func() bool { return reports(reported, errBang) == 1 })
}

func TestThenFutureCancelDuringAdopt(t *testing.T) {
	inner := future.NewPromise[int]()
	in, out := make(chan struct{}), make(chan struct{})
	f := future.ThenFuture(future.Resolved(1), func(int) *future.Future[int] {
		close(in)
		<-out
		return inner.Future()
	})
	<-in
	f.Cancel()
	close(out)
	eventually(t, "the adopted future still has a link", func() bool { return future.Links(inner.Future()) == 0 })
	if inner.Future().IsDone() {
		t.Error("the adopted future is settled, want it pending")
	}
}

func TestChain(t *testing.T) {
	from, to := future.NewPromise[int](), future.NewPromise[int]()
	future.Chain(from.Future(), to)
	from.Settle(1, errBoom)
	if v, err := to.Future().Result(); v != 1 || err != errBoom {
		t.Errorf("Result() = %v, %v; want 1, %v", v, err, errBoom)
	}
	from, to = future.NewPromise[int](), future.NewPromise[int]()
	future.Chain(from.Future(), to)
	to.Resolve(2)
	if future.Links(from.Future()) != 0 || from.Future().IsDone() {
		t.Error("the source has a link after its target was settled, want none")
	}
	future.Chain(from.Future(), to)
	if future.Links(from.Future()) != 0 {
		t.Error("Chain to a settled promise added a link, want none")
	}
	wantValue(t, to.Future(), 2)
}
