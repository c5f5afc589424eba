package compiletime_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/motor_test/internal/compiletime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bench = `commit: go1.26.8
goos: linux
goarch: amd64
BenchmarkCompile:main:fe:typecheck             1      1507716 ns/op     6.10 %     19 lines     12601 lines/s
BenchmarkCompile:main:be:inlinecalls           1        43541 ns/op     0.18 %
BenchmarkCompile:main:be:compilefuncs          1     20421304 ns/op    82.64 %    210 funcs     10283 funcs/s
BenchmarkCompile:main:be:dumpobj               1      1290613 ns/op     5.22 %
BenchmarkCompile:main:total                    1     24711041 ns/op   100.00 %
`

func TestParseFunctions(t *testing.T) {
	if n, err := compiletime.ParseFunctions(bench); n != 210 || err != nil {
		t.Errorf("got %d, %v, want 210", n, err)
	}
	for _, c := range []struct{ name, text string }{
		{"empty", ""},
		{"without_the_phase", strings.Replace(bench, "be:compilefuncs", "be:compile", 1)},
		{"two_packages", bench + bench},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, err := compiletime.ParseFunctions(c.text); err == nil {
				t.Errorf("got %d, want an error", n)
			}
		})
	}
}

func TestEdit(t *testing.T) {
	for _, program := range compiletime.Programs {
		t.Run(program, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join("testdata", program, "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			one, err := compiletime.Edit(string(source), 1)
			if err != nil {
				t.Fatal(err)
			}
			two, err := compiletime.Edit(string(source), 2)
			if err != nil {
				t.Fatal(err)
			}
			if one == two {
				t.Error("got the same source for two edits, want different ones")
			}
			if _, err := parser.ParseFile(token.NewFileSet(), "main.go", one, 0); err != nil {
				t.Error(err)
			}
		})
	}
	for _, source := range []string{"", "edit 0 edit 0"} {
		if got, err := compiletime.Edit(source, 1); err == nil {
			t.Errorf("Edit(%q): got %q, want an error", source, got)
		}
	}
}

// builds returns builds, each with a CPU time in milliseconds and a peak memory in megabytes.
func builds(figures ...int64) []compiletime.Build {
	all := make([]compiletime.Build, 0, len(figures))
	for _, n := range figures {
		all = append(all, compiletime.Build{CPU: time.Duration(n) * time.Millisecond, Peak: n * 1_000_000})
	}
	return all
}

func TestReportWrite(t *testing.T) {
	report := compiletime.Report{
		{Program: "driver", Functions: 210, Builds: builds(900, 800, 5000)},
		{Program: "futures", Functions: 20834, Builds: builds(1700, 1900)},
	}
	var got strings.Builder
	if err := report.Write(&got); err != nil {
		t.Fatal(err)
	}
	const want = `
  program     CPU  peak memory  functions  CPU / driver
   driver  0.90 s       900 MB        210          1.00
  futures  1.80 s      1800 MB      20834          2.00
`
	if got.String() != want[1:] {
		t.Errorf("got:\n%swant:%s", got.String(), want)
	}
}

func TestReportExceeded(t *testing.T) {
	limits := compiletime.Limits{Functions: 1500, CPU: 2}
	report := compiletime.Report{
		{Program: "driver", Functions: 9000, Builds: builds(1000)},
		{Program: "futures", Functions: 1500, Builds: builds(2000)},
		{Program: "callback", Functions: 1501, Builds: builds(1000)},
		{Program: "coroutine", Functions: 1, Builds: builds(2100)},
	}
	got := report.Exceeded(limits)
	want := []string{
		"callback: 1501 functions compiled in the user's package: want at most 1500",
		"coroutine: CPU time 2.10 times that of driver: want at most 2.00",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := report[:2].Exceeded(limits); got != nil {
		t.Errorf("at the limits: got %q, want none", got)
	}
}
