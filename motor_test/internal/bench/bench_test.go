package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startStub starts a stub that ends with the test, and returns its documents too.
func startStub(t *testing.T) (*Stub, *Corpus) {
	t.Helper()
	corpus, err := LoadCorpus("")
	if err != nil {
		t.Fatal(err)
	}
	stub, err := StartStub(corpus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stub.Close(); err != nil {
			t.Error(err)
		}
	})
	return stub, corpus
}

// Every row runs, on the stub, and reports can be read.
func TestRows(t *testing.T) {
	fileSize, idleStreams = 1<<20, 20
	stub, corpus := startStub(t)
	var table strings.Builder
	results, err := Run(t.Context(), stub.URI(), true, Config{Rounds: 1, Slice: time.Microsecond}, corpus, &table)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range results {
		if r.Ours.Time <= 0 || r.Theirs.Time <= 0 || r.Goal <= 0 || r.Other == "" || seen[r.Name+r.Other] {
			t.Errorf("got %+v, want times of a row that is there once", r)
		}
		seen[r.Name+r.Other] = true
	}
	if lines := strings.Count(table.String(), "\n"); len(results) < 50 || lines != len(results)+1 {
		t.Errorf("got %d rows and %d lines, want at least 50, and a line for each", len(results), lines)
	}
	var text bytes.Buffer
	if err := WriteJSON(&text, results, nil); err != nil {
		t.Fatal(err)
	}
	var report struct{ Rows []Result }
	if err := json.Unmarshal(text.Bytes(), &report); err != nil || len(report.Rows) != len(results) {
		t.Errorf("JSON: got %d rows, %v, want %d", len(report.Rows), err, len(results))
	}
	text.Reset()
	if err := WriteMarkdown(&text, results); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for _, line := range lines {
		if got, want := strings.Count(line, "|"), strings.Count(lines[0], "|"); got != want {
			t.Errorf("Markdown: got %d cells, want %d, in %q", got-1, want-1, line)
		}
	}
	if len(lines) != len(results)+2 {
		t.Errorf("Markdown: got %d lines, want %d", len(lines), len(results)+2)
	}
	text.Reset()
	if err := WriteSVG(&text, results); err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(&text); err == nil; {
		_, err = decoder.Token()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("SVG: got %v, want a valid document", err)
	}
}

// The peers that are installed and this library have a rate in each row, and the table can be read.
func TestPeers(t *testing.T) {
	fileSize = 1 << 20
	stub, _ := startStub(t)
	peers, err := MeasurePeers(t.Context(), stub.URI(), nil, 1, 0.001, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range peers {
		own := strings.HasPrefix(p.Name, "gomotor")
		for _, row := range peerRows() {
			if _, ok := p.Rates[row]; p.Skipped == "" && !ok && (!own || p.Name == "gomotor: future") {
				t.Errorf("%s has no rate for %q", p.Name, row)
			}
		}
		for row, rate := range p.Rates {
			if !slices.Contains(peerRows(), row) || rate <= 0 {
				t.Errorf("%s has the rate %v for %q", p.Name, rate, row)
			}
		}
		if (p.Skipped != "") == (p.Rates != nil) || p.Skipped != "" && (own || i > 2) {
			t.Errorf("got %+v, want rates, or why there are none", p)
		}
	}
	if len(peers) != 8 {
		t.Errorf("got %d peers, want 3, the driver and 4 ways of this library", len(peers))
	}
	var text bytes.Buffer
	if err := WritePeersMarkdown(&text, peers); err != nil {
		t.Fatal(err)
	}
	tables := strings.Split(strings.TrimSpace(text.String()), "\n\n")
	if (len(tables) == 2) != (cpuTime() > 0) {
		t.Errorf("got %d tables, want one of CPU time if the system tells it", len(tables))
	}
	for _, table := range tables {
		lines := strings.Split(table, "\n")
		for _, line := range lines {
			if got, want := strings.Count(line, "|"), strings.Count(lines[0], "|"); got != want {
				t.Errorf("got %d cells, want %d, in %q", got-1, want-1, line)
			}
		}
		if want := len(peerRows()) + 2; len(lines) != want {
			t.Errorf("got %d lines, want %d", len(lines), want)
		}
	}
}

func TestBestOfRounds(t *testing.T) {
	peers := best(nil, Peer{Name: "a", Rates: map[string]float64{"x": 1, "y": 4}})
	peers = best(peers, Peer{Name: "b", Skipped: "not there"})
	peers = best(peers, Peer{Name: "a", Rates: map[string]float64{"x": 1234567, "y": 2}})
	peers = best(peers, Peer{Name: "b", Skipped: "not there"})
	if len(peers) != 2 || peers[0].Rates["x"] != 1234567 || peers[0].Rates["y"] != 4 {
		t.Errorf("got %+v, want the best rates of a, and b once", peers)
	}
	if got, want := thousands(1234567)+" "+thousands(1000)+" "+thousands(999), "1,234,567 1,000 999"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMeasureRatio(t *testing.T) { synctest.Test(t, testMeasureRatio) }

func testMeasureRatio(t *testing.T) {
	sleep := func(d time.Duration) func(int) error {
		return func(n int) error { time.Sleep(time.Duration(n) * d); return nil }
	}
	for _, test := range []struct {
		name string
		ours time.Duration
		goal float64
		ok   bool
	}{{"four times as slow", 4 * time.Millisecond, 1.2, false}, {"four times as slow, as allowed", 4 * time.Millisecond, 40, true}} {
		row := Row{Name: test.name, Goal: test.goal, Ours: sleep(test.ours), Theirs: sleep(time.Millisecond)}
		results, err := Measure(t.Context(), []Row{row}, Config{Rounds: 5, Slice: 10 * time.Millisecond, Limit: time.Minute}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		line, missed := Summary(results)
		if results[0].OK != test.ok || missed == 0 != test.ok {
			t.Errorf("%s: got %+v, %q, want ok %v", test.name, results[0], line, test.ok)
		}
	}
	wrong := errors.New("wrong")
	_, err := Measure(t.Context(), []Row{{Name: "fails", Ours: func(int) error { return wrong }}}, Config{Rounds: 1}, io.Discard)
	if !errors.Is(err, wrong) {
		t.Errorf("a row that fails: got %v, want its error", err)
	}
}

func TestMeasureMemory(t *testing.T) {
	hold := func(size int) func(int) error {
		return func(n int) error {
			for range n {
				data := make([]byte, size)
				for i := range data {
					data[i] = byte(i)
				}
				runtime.KeepAlive(data)
			}
			return nil
		}
	}
	for _, test := range []struct {
		name string
		goal float64
		part float64
		want []string // names of results
		ok   bool     // of the last one
	}{
		{"time and memory", 100, 8, []string{"time and memory", "time and memory: memory"}, true},
		{"memory only, too much", 0, 0.5, []string{"memory only, too much: memory"}, false},
	} {
		row := Row{Name: test.name, Goal: test.goal, Memory: share(test.part), Ours: hold(64 << 20), Theirs: hold(16 << 20)}
		results, err := Measure(t.Context(), []Row{row}, Config{Rounds: 1}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range results {
			names = append(names, r.Name)
		}
		if !slices.Equal(names, test.want) {
			t.Fatalf("%s: got the results %q, want %q", test.name, names, test.want)
		}
		r := results[len(results)-1]
		// What another goroutine frees during the run is missing from the peak, so it can be a little less than was held.
		if r.OK != test.ok || !r.Memory || r.Goal != test.part || r.Ratio < 1 || r.Ours.Peak < 60<<20 || r.Theirs.Peak < 15<<20 {
			t.Errorf("%s: got %+v, want peaks of at least 60 and 15 MiB, and ok %v", test.name, r, test.ok)
		}
	}
}

func TestMeasureLimit(t *testing.T) { synctest.Test(t, testMeasureLimit) }

// A row that has taken too long is measured in one round.
func testMeasureLimit(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit time.Duration
		runs  int // of each side: one for the size of a run, and the rounds
	}{{"a long row", time.Nanosecond, 2}, {"a short row", time.Hour, 4}} {
		runs := 0
		row := Row{Name: test.name, Goal: 1, Ours: func(int) error { runs++; time.Sleep(time.Millisecond); return nil },
			Theirs: func(int) error { time.Sleep(time.Millisecond); return nil }}
		if _, err := Measure(t.Context(), []Row{row}, Config{Rounds: 3, Slice: time.Millisecond, Limit: test.limit}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if runs != test.runs {
			t.Errorf("%s: got %d runs, want %d", test.name, runs, test.runs)
		}
	}
}

func TestMeasureCPU(t *testing.T) {
	if cpuTime() == 0 {
		t.Skip("the system does not tell the CPU time")
	}
	spin := func(n int) error {
		for begin := cpuTime(); cpuTime()-begin < time.Duration(n)*20*time.Millisecond; {
		}
		return nil
	}
	f, err := measure(spin, 2)
	if err != nil || f.CPU < 20e6 || f.Time < 1e6 {
		t.Errorf("got %+v, %v, want at least 20 ms of CPU time for a task", f, err)
	}
}

func TestResultCells(t *testing.T) {
	figure := Figure{Time: 2_000_000, CPU: 999, Peak: 48_100_000}
	for _, test := range []struct {
		name string
		r    Result
		want string
	}{
		{"time", Result{Name: "a", Ours: figure, Theirs: Figure{Time: 123.4e9, CPU: 12_345, Peak: 4_000}, Ratio: 0.5, Goal: 1, OK: true},
			"a|2.00 ms|123 s|0.50|0.00|1.00|ok|999 ns|12.3 µs|48.1 MB|4.00 KB||"},
		{"rate, no CPU time", Result{Name: "a", Ours: Figure{Time: 10}, Theirs: Figure{Time: 1}, Size: 5},
			"a|10.0 ns|1.00 ns|0.00|0.00|0.00|missed|-|-|0.00 KB|0.00 KB|500|5000"},
		{"memory", Result{Name: "a", Ours: figure, Theirs: figure, Ratio: 1, Goal: 0.3, Size: 5, Memory: true},
			"a|48.1 MB|48.1 MB|1.00|0.00|0.30|missed||||||"},
	} {
		if got := strings.Join(test.r.cells(), "|"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
