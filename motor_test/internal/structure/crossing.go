package structure

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// CrossingLimits has the operations that Crossing knows, and how many files each may cross.
var CrossingLimits = map[string]int{"InsertOne": 18, "Next": 20}

const crossingProgram = source.Module + "/motor_test/internal/structure/crossing"

// Crossing executes an operation in callback style. It returns the files of the project in which statements ran because
// of the operation, as paths relative to the root of the module.
func Crossing(ctx context.Context, operation string) ([]string, error) {
	if _, ok := CrossingLimits[operation]; !ok {
		return nil, fmt.Errorf("structure: unknown operation %q: want one of %q",
			operation, slices.Sorted(maps.Keys(CrossingLimits)))
	}
	packages, err := source.List("-deps", source.Callback)
	if err != nil {
		return nil, err
	}
	covered := []string{crossingProgram} // without it, the program cannot write its counters
	for path := range packages {
		if strings.HasPrefix(path, source.Module+"/") {
			covered = append(covered, path)
		}
	}
	dir, err := os.MkdirTemp("", "crossing")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	if err := command(ctx, "go", "build", "-o", program, "-covermode=atomic",
		"-coverpkg="+strings.Join(covered, ","), crossingProgram); err != nil {
		return nil, err
	}
	if err := command(ctx, program, operation, dir); err != nil {
		return nil, err
	}
	rounds, err := filepath.Glob(filepath.Join(dir, "*", "with"))
	if err != nil || len(rounds) == 0 {
		return nil, errors.Join(errors.New("structure: the program wrote no counters"), err)
	}
	var files map[string]bool
	for _, with := range rounds {
		executed, err := counters(ctx, with)
		if err != nil {
			return nil, err
		}
		idle, err := counters(ctx, filepath.Join(filepath.Dir(with), "without"))
		if err != nil {
			return nil, err
		}
		round := executed.Beyond(idle)
		if files == nil {
			files = round
		}
		// A file counts if it is in every round. Unrelated statements, such as the end of an idle worker, run in some only.
		maps.DeleteFunc(files, func(file string, _ bool) bool {
			return !round[file] || strings.HasPrefix(file, "motor_test/")
		})
	}
	return slices.Sorted(maps.Keys(files)), nil
}

// Counters has the number of runs of each block of statements, by file and position.
type Counters map[string]map[string]int

// counters reads a directory of coverage counters.
func counters(ctx context.Context, dir string) (Counters, error) {
	profile := filepath.Join(dir, "profile")
	if err := command(ctx, "go", "tool", "covdata", "textfmt", "-i="+dir, "-o="+profile); err != nil {
		return nil, err
	}
	f, err := os.Open(profile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadCounters(f)
}

// ReadCounters reads a coverage profile in text form, whose lines are
//
//	import/path/file.go:LINE.COLUMN,LINE.COLUMN STATEMENTS COUNT
func ReadCounters(profile io.Reader) (Counters, error) {
	all := make(Counters)
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode:") {
			continue
		}
		file, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) != 3 {
			return nil, fmt.Errorf("structure: invalid line in a coverage profile: %q", line)
		}
		count, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, fmt.Errorf("structure: invalid line in a coverage profile: %q", line)
		}
		file = strings.TrimPrefix(file, source.Module+"/")
		if all[file] == nil {
			all[file] = make(map[string]int)
		}
		all[file][fields[0]] += count
	}
	return all, lines.Err()
}

// Beyond returns the files with a block that ran more often in c than in other.
func (c Counters) Beyond(other Counters) map[string]bool {
	files := make(map[string]bool)
	for file, blocks := range c {
		for block, n := range blocks {
			if n > other[file][block] {
				files[file] = true
			}
		}
	}
	return files
}

// command runs a command. Its error includes the command's output.
func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}
