package progress_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleReport() {
	var loop []func()
	report := progress.New(
		func(p progress.Progress) { fmt.Println(p.Done, "of", p.Total) },
		func(call func()) { loop = append(loop, call) },
	)
	report.Start(200)
	report.Add(150)
	report.Add(50)
	report.Close(true)
	loop[0]() // the only call: it has missed the first two updates
	// Output: 200 of 200
}

// queue posts calls that the test runs.
type queue []func()

func (q *queue) post(fn func()) { *q = append(*q, fn) }

// run runs all posted calls and returns their number.
func (q *queue) run() (n int) {
	for ; len(*q) > 0; n++ {
		fn := (*q)[0]
		*q = (*q)[1:]
		fn()
	}
	return n
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestReport(t *testing.T) {
	type p = progress.Progress
	type r = *progress.Report
	for _, test := range []struct {
		name    string
		updates []func(r)
		success bool
		want    []p // one call for each update, and those of Close
	}{
		{"known total", []func(r){func(r r) { r.Start(3) }, func(r r) { r.Add(3) }}, true, []p{{Total: 3}, {Done: 3, Total: 3}}},
		{"unknown total", []func(r){func(r r) { r.Start(0) }, func(r r) { r.Add(2) }}, true, []p{{}, {Done: 2}, {Done: 2, Total: 2}}},
		{"total too low", []func(r){func(r r) { r.Start(1) }, func(r r) { r.Add(2) }}, true, []p{{Total: 1}, {Done: 2, Total: 2}}},
		{"total too high", []func(r){func(r r) { r.Start(5) }, func(r r) { r.Add(2) }}, true, []p{{Total: 5}, {Done: 2, Total: 5}, {Done: 2, Total: 2}}},
		{"set to less", []func(r){func(r r) { r.Set(2) }, func(r r) { r.Set(1) }}, true, []p{{Done: 2}, {Done: 2, Total: 2}}},
		{"nothing to do", []func(r){func(r r) { r.Start(0) }}, true, []p{{}}},
		{"success without a start", nil, true, nil},
		{"failure", []func(r){func(r r) { r.Start(5) }, func(r r) { r.Add(2) }}, false, []p{{Total: 5}, {Done: 2, Total: 5}}},
		{"failure before the start", nil, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []p
			var posted queue
			report := progress.New(func(now p) { got = append(got, now) }, posted.post)
			for _, update := range test.updates {
				update(report)
				posted.run()
			}
			idle := report.Close(test.success)
			posted.run()
			if !isClosed(idle) || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got the calls %+v and idle %t, want %+v and true", got, isClosed(idle), test.want)
			}
		})
	}
}

// TestReportSlowFunction updates the report during a call. The function misses updates, but not the last one.
func TestReportSlowFunction(t *testing.T) {
	for _, test := range []struct {
		name   string
		closed bool // before the first call returns
		posts  int
	}{
		{"updates during a call post another call", false, 2},
		{"no post after Close", true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var report *progress.Report
			var posted queue
			var idle <-chan struct{}
			var got []progress.Progress
			report = progress.New(func(p progress.Progress) {
				if got = append(got, p); len(got) > 1 {
					return
				}
				for range 5 {
					report.Add(1)
				}
				if test.closed {
					if idle = report.Close(true); isClosed(idle) {
						t.Error("the report is idle during a call, want it after the call")
					}
				}
			}, posted.post)
			report.Start(5)
			n := posted.run()
			if !test.closed {
				idle = report.Close(true)
			}
			want := []progress.Progress{{Total: 5}, {Done: 5, Total: 5}}
			if n != test.posts || !reflect.DeepEqual(got, want) || !isClosed(idle) {
				t.Errorf("got %d posts, the calls %+v, and idle %t; want %d posts, %+v, and true", n, got, isClosed(idle), test.posts, want)
			}
		})
	}
}

// TestReportBrokenFunction checks that a function that does not return is not called again, and that the report is idle
// after it.
func TestReportBrokenFunction(t *testing.T) {
	for _, end := range []struct {
		name   string
		end    func()
		closed bool // before the function ends
	}{
		{"panic before Close", func() { panic("broken") }, false},
		{"panic after Close", func() { panic("broken") }, true},
		{"Goexit before Close", runtime.Goexit, false},
		{"Goexit after Close", runtime.Goexit, true},
	} {
		t.Run(end.name, func(t *testing.T) {
			var report *progress.Report
			var idle <-chan struct{}
			calls := 0
			ended := make(chan struct{})
			report = progress.New(func(progress.Progress) {
				if calls++; end.closed {
					idle = report.Close(true)
				}
				end.end()
			}, func(call func()) {
				go func() {
					defer close(ended)
					defer func() { _ = recover() }()
					call()
				}()
			})
			report.Start(1)
			<-ended
			if !end.closed {
				report.Add(1)
				idle = report.Close(true)
			}
			if <-idle; calls != 1 {
				t.Errorf("got %d calls, want 1", calls)
			}
		})
	}
}

func TestReportNil(t *testing.T) {
	var none *progress.Report
	none.Start(1)
	none.Add(1)
	none.Set(2)
	none.Update(func(*progress.Progress) { t.Error("a nil report calls the change") })
}

// TestReportConcurrentUpdates checks that calls do not overlap, that their numbers do not decrease, and that the last
// one has everything.
func TestReportConcurrentUpdates(t *testing.T) {
	const updaters, each = 4, 500
	var last progress.Progress // without a lock: the race detector notices calls that overlap
	report := progress.New(func(p progress.Progress) {
		if p.Done < last.Done {
			t.Errorf("got %+v after %+v, want no decrease", p, last)
		}
		last = p
	}, func(call func()) { go call() })
	report.Start(updaters * each)
	var group sync.WaitGroup
	for range updaters {
		group.Go(func() {
			for range each {
				report.Add(1)
			}
		})
	}
	group.Wait()
	<-report.Close(true)
	if want := (progress.Progress{Done: updaters * each, Total: updaters * each}); last != want {
		t.Errorf("got %+v at the end, want %+v", last, want)
	}
}

func TestSizeOf(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(30, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	half := strings.NewReader("0123456789")
	_, _ = half.ReadByte()
	for _, test := range []struct {
		name   string
		reader io.Reader
		want   int64
	}{
		{"bytes", bytes.NewReader(make([]byte, 7)), 7},
		{"buffer", bytes.NewBufferString("abc"), 3},
		{"string that was read in part", half, 9},
		{"file from a position", file, 70},
		{"pipe", in, 0},
		{"limit of more than a file", io.LimitReader(file, 80), 70},
		{"limit of less than a file", io.LimitReader(file, 20), 20},
		{"limit of a reader without a size", io.LimitReader(in, 20), 0},
		{"negative limit", io.LimitReader(file, -1), 0},
		{"no size", bufio.NewReader(file), 0},
	} {
		if got := progress.SizeOf(test.reader); got != test.want {
			t.Errorf("%s: SizeOf() = %d, want %d", test.name, got, test.want)
		}
	}
	if _, err := file.Seek(200, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got := progress.SizeOf(file); got != 0 {
		t.Errorf("SizeOf() after the end of a file = %d, want 0", got)
	}
}
