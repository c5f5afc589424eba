package mongotest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// command is the program that serves in a process of its own.
const command = "github.com/gomotor/gomotor/motor_test/cmd/mongotestd"

// stopTimeout bounds how long a server process may take to stop: it gives its clients three seconds.
const stopTimeout = 10 * time.Second

// startProcess starts the server as a process built without the race detector.
//
// "go run" does the building: it keeps the program in Go's build cache, which any number of test binaries may use at
// the same time, and hands our pipes down to it. The program stops when its standard input ends. The only writing end
// of that pipe is ours, so it ends with Close, and with this process too, even when that is killed.
func startProcess(ctx context.Context) (*Server, error) {
	gocmd, err := goCommand()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), gocmd, "run", "-race=false", "-buildvcs=false", command)
	cmd.Dir = sourceDir()
	var messages bytes.Buffer
	cmd.Stderr = &messages
	if os.Getenv("MONGOTEST_LOG") != "" {
		cmd.Stderr = os.Stderr
	}
	cmd.WaitDelay = time.Second // when "go run" had to be killed, its child may hold the pipes a moment longer
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("mongotest: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("mongotest: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("mongotest: %w", err)
	}

	// A context that ends before the server is ready kills "go run", which ends the read below. It can also end when
	// the line has been read but not yet disarmed: "go run" is dead then while its child serves, so that counts as
	// not started, and stop ends the child's input.
	disarm := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	alive := disarm()

	stop := sync.OnceValue(func() error { return stopProcess(cmd, stdin) })
	if readErr == nil && alive {
		return &Server{uri: strings.TrimSpace(line), close: stop}, nil
	}
	err = stop()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("mongotest: starting the server: %w", context.Cause(ctx))
	}
	return nil, fmt.Errorf("mongotest: starting the server: %w\n%s", errors.Join(readErr, err), messages.Bytes())
}

// stopProcess ends the server by ending its input, and waits for it.
func stopProcess(cmd *exec.Cmd, stdin io.Closer) error {
	_ = stdin.Close()
	kill := time.AfterFunc(stopTimeout, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("mongotest: server process: %w", err)
	}
	return nil
}

// goCommand finds the go command. "go test" puts the one that it belongs to first on the PATH.
func goCommand() (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("mongotest: the server of a race build is built by the go command; "+
			"put it on the PATH, or set %s to a running server: %w", uriEnv, err)
	}
	return path, nil
}

// sourceDir is the directory of this file, from where the go command finds the module whatever the working directory
// is. A binary built with -trimpath does not know it; then the working directory must be inside the workspace.
func sourceDir() string {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Dir(file)
	if !filepath.IsAbs(dir) {
		return ""
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}
