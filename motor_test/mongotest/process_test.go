package mongotest_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// serveUntilKilled is the program of the helper process. It starts a server process, prints its URI and never stops it.
func serveUntilKilled() {
	server, err := mongotest.StartProcess(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(server.URI())
	select {}
}

func TestProcessServerEndsWithKilledParent(t *testing.T) {
	embedded(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("MONGOTEST_LOG", "error") // the server then inherits the helper's standard error

	cmd := helper(t, helperIsShot)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Errorf("reading the server's URI: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	// Wait returns when standard error ends, that is, when both the helper and the server have ended.
	if err := cmd.Wait(); err == nil {
		t.Error("Wait() = nil, want the error of a killed process")
	}
	if t.Failed() {
		t.Fatalf("the helper's standard error:\n%s", stderr.Bytes())
	}
	mustRefuse(t, strings.TrimSpace(line))
	if n := entries(t, tmp); n != 0 {
		t.Errorf("%d entries left in TMPDIR, want 0", n)
	}
}
