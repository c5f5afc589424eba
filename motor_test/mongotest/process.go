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

// command is the program of the server process.
const command = "github.com/gomotor/gomotor/motor_test/cmd/mongotestd"

// stopTimeout bounds the stop of a server process, which waits three seconds for its clients.
const stopTimeout = 10 * time.Second

// startProcess starts the server as a process built without the race detector.
//
// "go run" builds the program, keeps it in Go's build cache, which test binaries may share, and passes our pipes to
// it. The program stops when its standard input ends. Only this process has the writing end of that pipe. So the input
// ends with Close, and also when this process is killed.
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
	cmd.WaitDelay = time.Second // after a kill of "go run", its child may hold the pipes a moment longer
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

	// A context that ends before the server is ready kills "go run", which ends the read below. It can also end
	// between the read and disarm. Then "go run" is dead while its child still serves. Such a server counts as not
	// started, and stop ends its input.
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

// stopProcess closes the server's input, and waits until the server has stopped.
func stopProcess(cmd *exec.Cmd, stdin io.Closer) error {
	_ = stdin.Close()
	kill := time.AfterFunc(stopTimeout, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("mongotest: server process: %w", err)
	}
	return nil
}

// goCommand returns the path of the go command. "go test" puts its own go command first on the PATH.
func goCommand() (string, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("mongotest: a race build needs the go command for its server: "+
			"put go on the PATH, or set %s to a running server: %w", uriEnv, err)
	}
	return path, nil
}

// sourceDir returns the directory of this file, so that the go command finds the module from any working directory. It
// returns "" in a binary built with -trimpath: then the working directory must be inside the workspace.
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
