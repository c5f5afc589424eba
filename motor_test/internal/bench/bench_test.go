package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every row runs, on the stub, and reports can be read.
func TestRows(t *testing.T) {
	fileSize = 1 << 20
	stub, err := StartStub()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stub.Close(); err != nil {
			t.Error(err)
		}
	}()
	var table strings.Builder
	results, err := Run(t.Context(), stub.URI(), true, Config{Rounds: 1, Slice: time.Microsecond}, &table)
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

func TestMeasureRatio(t *testing.T) {
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
		results, err := Measure(t.Context(), []Row{row}, Config{Rounds: 5, Slice: 10 * time.Millisecond}, io.Discard)
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
