package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Run measures all rows on a server and writes the table. onStub reports that the server is the stub.
func Run(ctx context.Context, uri string, onStub bool, config Config, corpus *Corpus, out io.Writer) (results []Result, err error) {
	c, err := connect(uri)
	if err != nil {
		return nil, err
	}
	defer c.close(context.WithoutCancel(ctx))
	if !onStub {
		if err := fill(ctx, c, corpus); err != nil {
			return nil, err
		}
	}
	files, err := fileRows(ctx, c)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows := operationRows(ctx, c)
	rows = append(rows, cursorRows(ctx, c)...)
	rows = append(rows, idleRow(ctx, uri))
	rows = append(rows, files...)
	rows = append(rows, driverBenchRows(ctx, c, corpus, dir)...)
	if onStub { // the others do not depend on the server
		rows = append(rows, codecRows()...)
		rows = append(rows, futureRows()...)
	} else {
		rows = withoutStub(rows)
	}
	return Measure(ctx, rows, config, out)
}

// withoutStub returns the rows that a real server can run.
func withoutStub(rows []Row) (kept []Row) {
	for _, r := range rows {
		// A document is inserted once. Later inserts of the same one would fail.
		if r.Needs == "" && !strings.Contains(r.Name, "Insert") && !strings.Contains(r.Name, "BulkWrite") {
			kept = append(kept, r)
		}
	}
	return kept
}

// fill writes the documents of the rows to a real server, into the database d, which is dropped before.
func fill(ctx context.Context, c *clients, corpus *Corpus) error {
	if _, err := c.motor.DropDatabase(ctx, db).Await(ctx); err != nil {
		return err
	}
	docs := make([]any, manySize)
	for i := range docs {
		docs[i] = document(i)
	}
	if _, err := c.driver.Database(db).Collection(many).InsertMany(ctx, docs); err != nil {
		return err
	}
	if _, err := c.driver.Database(db).Collection(one).InsertOne(ctx, document(7)); err != nil {
		return err
	}
	return fillDriverBench(ctx, c.driver.Database(db), corpus)
}

// Machine describes where a report was made.
type Machine struct {
	CPU  string    `json:"cpu"`
	CPUs int       `json:"cpus"`
	Go   string    `json:"go"`
	Time time.Time `json:"time"`
}

// ThisMachine describes this one.
func ThisMachine() Machine {
	m := Machine{CPU: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0), Go: runtime.Version(), Time: time.Now().UTC().Truncate(time.Second)}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(text), "\n") {
			if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(model)
				break
			}
		}
	}
	return m
}

// WriteJSON writes a report for programs.
func WriteJSON(out io.Writer, results []Result, peers []Peer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "\t")
	return encoder.Encode(struct {
		Machine Machine  `json:"machine"`
		Rows    []Result `json:"rows"`
		Peers   []Peer   `json:"peers,omitempty"`
	}{ThisMachine(), results, peers})
}

// ServeStub runs a stub until the input ends. It writes its connection string to out.
func ServeStub(corpus *Corpus, in io.Reader, out io.Writer) error {
	s, err := StartStub(corpus)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, s.URI()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return errors.Join(err, s.Close())
}

// StartStubProcess starts a stub in a process of its own: command must call [ServeStub]. stop ends it.
func StartStubProcess(ctx context.Context, command string, args ...string) (uri string, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("bench: starting the stub: %w", err)
	}
	stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("bench: the stub did not start: %w", err), stop())
	}
	return strings.TrimSpace(line), stop, nil
}
