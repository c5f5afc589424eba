package compiletime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Config has the parameters of a measurement.
type Config struct {
	Checkout string    // the directory of the root module; if empty, the one that the go command finds here
	Rounds   int       // how often each program is rebuilt
	Log      io.Writer // gets a line for each build; may be nil
}

// Build is the cost of one run of the go command.
type Build struct {
	CPU  time.Duration // user and system, of the go command and its children
	Peak int64         // bytes: the resident memory of the largest of these processes
}

// Run measures all programs. It changes the source before every build. The programs take turns, so that other load on
// the machine affects them all.
func Run(ctx context.Context, config Config) (Report, error) {
	checkout := config.Checkout
	if checkout == "" {
		var err error
		if checkout, err = findCheckout(ctx); err != nil {
			return nil, err
		}
	}
	checkout, err := filepath.Abs(checkout)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "compiletime")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	user, err := newUser(dir, checkout)
	if err != nil {
		return nil, err
	}
	m := &measurement{user: user, log: config.Log, edits: time.Now().UnixNano()}
	if m.log == nil {
		m.log = io.Discard
	}
	return m.run(ctx, config.Rounds)
}

// findCheckout returns the directory of the root module.
func findCheckout(ctx context.Context) (string, error) {
	out, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", Root))
	if err != nil {
		return "", err
	}
	dir := strings.TrimSpace(out)
	if dir == "" {
		return "", fmt.Errorf("compiletime: found no module %s: run this command in a checkout of it", Root)
	}
	return dir, nil
}

type measurement struct {
	user  *user
	log   io.Writer
	edits int64 // starts at the time, so that the build cache has no build of an earlier run
}

func (m *measurement) run(ctx context.Context, rounds int) (Report, error) {
	report := make(Report, len(Programs))
	for i, program := range Programs {
		report[i].Program = program
		// This build also puts everything that the program imports into the build cache.
		var err error
		if report[i].Functions, err = m.countFunctions(ctx, program); err != nil {
			return nil, err
		}
		fmt.Fprintf(m.log, "%s: %d functions\n", program, report[i].Functions)
	}
	for round := range rounds {
		for i, program := range Programs {
			build, err := m.build(ctx, program)
			if err != nil {
				return nil, err
			}
			report[i].Builds = append(report[i].Builds, build)
			fmt.Fprintf(m.log, "round %d: %s: %.2f s\n", round+1, program, build.CPU.Seconds())
		}
	}
	return report, nil
}

// build edits a program and builds it.
func (m *measurement) build(ctx context.Context, program string, flags ...string) (Build, error) {
	m.edits++
	if err := m.user.edit(program, m.edits); err != nil {
		return Build{}, err
	}
	args := append([]string{"build", "-buildvcs=false", "-o", filepath.Join(m.user.dir, "program")}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+program)...)
	cmd.Dir = m.user.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	if _, err := output(cmd); err != nil {
		return Build{}, err
	}
	return usage(cmd.ProcessState)
}

// countFunctions returns the number of functions that the compiler compiles in the package of a program. It needs a
// separate build, because the compiler flag for the number is part of the build cache's key.
func (m *measurement) countFunctions(ctx context.Context, program string) (int, error) {
	path := filepath.Join(m.user.dir, program+".bench")
	if _, err := m.build(ctx, program, "-gcflags=-bench="+path); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return ParseFunctions(string(text))
}

// output runs a command and returns its standard output. Its error includes the command's standard error.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w\n%s", cmd, err, stderr.Bytes())
	}
	return stdout.String(), err
}
