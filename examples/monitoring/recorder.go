package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"

	"github.com/gomotor/gomotor/motor"
)

// recorder listens to a client. It prints what happens rarely, and counts what happens often. The driver calls monitors
// on its own goroutines, several at once, and waits for them. So they lock, and return soon.
type recorder struct {
	out   io.Writer
	limit time.Duration // a longer operation is slow
	state chan bool     // has a value when the client finds the server, or loses it

	mu          sync.Mutex
	began       time.Time
	commands    map[string]*commandStats
	connections connectionStats
	slowly      map[slowKind]*slowStats
}

// commandStats are the numbers of the commands of one name.
type commandStats struct {
	took   []time.Duration
	failed int
}

// slowKind is a kind of slow operations: those of one method, which wait for the same thing.
type slowKind struct{ method, waitsFor string }

// slowStats are the numbers of the slow operations of one kind.
type slowStats struct {
	count   int
	longest time.Duration
}

// connectionStats are the numbers of the connections in the pool of the client.
type connectionStats struct{ created, closed, inUse, mostInUse int }

func newRecorder(out io.Writer, limit time.Duration) *recorder {
	return &recorder{
		out: out, limit: limit, state: make(chan bool, 100), began: time.Now(), commands: map[string]*commandStats{},
		slowly: map[slowKind]*slowStats{},
	}
}

// options returns the options of a client that the recorder listens to. A program that has monitors already calls those
// from its own functions, since a client has one of each kind.
func (r *recorder) options() []motor.ClientOption {
	return []motor.ClientOption{
		motor.WithSlowOperations(r.limit, r.slow),
		motor.WithClientOptions(options.Client().
			SetMonitor(&event.CommandMonitor{Succeeded: r.succeeded, Failed: r.failed}).
			SetPoolMonitor(&event.PoolMonitor{Event: r.pool}).
			SetServerMonitor(&event.ServerMonitor{ServerDescriptionChanged: r.server})),
	}
}

// slow counts a slow operation, and prints the first of each kind. It sees what the program waits for: the time in the
// queue of the executor, and all commands and attempts of the operation. A monitor sees only commands.
func (r *recorder) slow(o motor.SlowOperation) {
	kind := slowKind{o.Name, "the server"}
	if o.Waited > o.Took/2 {
		kind.waitsFor = "a free worker"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.slowly[kind]
	if s == nil {
		s = &slowStats{}
		r.slowly[kind] = s
		r.printLocked("slow", "%s of %s took %d ms: it waited for %s", o.Name, o.Namespace, o.Took.Milliseconds(), kind.waitsFor)
	}
	s.count++
	s.longest = max(s.longest, o.Took)
}

// succeeded counts a command with a reply. The reply to a write may report an error for one of its documents.
func (r *recorder) succeeded(_ context.Context, e *event.CommandSucceededEvent) {
	_, err := e.Reply.LookupErr("writeErrors", "0")
	r.finished(&e.CommandFinishedEvent, err == nil)
}

// failed prints and counts a command that the server has refused, or that has no reply. It does not print the command,
// which has data of users.
func (r *recorder) failed(_ context.Context, e *event.CommandFailedEvent) {
	reason := "no reply"
	if refused, ok := errors.AsType[driver.Error](e.Failure); ok && refused.Code != 0 { // not yet a mongo.CommandError
		reason = fmt.Sprintf("code %d, %s", refused.Code, refused.Name)
	}
	r.print("command", "%s failed: %s", e.CommandName, reason)
	r.finished(&e.CommandFinishedEvent, true)
}

func (r *recorder) finished(e *event.CommandFinishedEvent, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.commands[e.CommandName]
	if s == nil {
		s = &commandStats{}
		r.commands[e.CommandName] = s
	}
	s.took = append(s.took, e.Duration) // a program that runs for long keeps a histogram instead
	if failed {
		s.failed++
	}
}

// pool counts connections.
func (r *recorder) pool(e *event.PoolEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.connections
	switch e.Type {
	case event.ConnectionCreated:
		c.created++
	case event.ConnectionClosed:
		c.closed++
	case event.ConnectionCheckedOut:
		c.inUse++
		c.mostInUse = max(c.mostInUse, c.inUse)
	case event.ConnectionCheckedIn:
		c.inUse--
	case event.ConnectionPoolCleared:
		r.printLocked("pool", "cleared: its connections are closed")
	}
}

// server prints when the client finds the server, or loses it.
func (r *recorder) server(e *event.ServerDescriptionChangedEvent) {
	before, now := e.PreviousDescription.Kind, e.NewDescription.Kind
	if before == now {
		return
	}
	r.print("server", "%s, which was %s", now, before)
	select {
	case r.state <- now != "Unknown":
	default: // the program does not wait for it
	}
}

// print prints what has happened, with the time since the start.
func (r *recorder) print(kind, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.printLocked(kind, format, args...)
}

// printLocked is print for callers that hold mu.
func (r *recorder) printLocked(kind, format string, args ...any) {
	fmt.Fprintf(r.out, "%5d ms  %-8s %s\n", time.Since(r.began).Milliseconds(), kind, fmt.Sprintf(format, args...))
}

// summary prints the numbers.
func (r *recorder) summary() {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "\n%-14s %6s %6s %12s %12s\n", "command", "count", "failed", "median", "longest")
	for _, name := range slices.Sorted(maps.Keys(r.commands)) {
		s := r.commands[name]
		slices.Sort(s.took)
		fmt.Fprintf(r.out, "%-14s %6d %6d %12s %12s\n", name, len(s.took), s.failed,
			milliseconds(s.took[len(s.took)/2]), milliseconds(s.took[len(s.took)-1]))
	}
	fmt.Fprintf(r.out, "\n%-22s %-14s %6s %12s\n", "slow operation", "waits for", "count", "longest")
	for _, kind := range slices.SortedFunc(maps.Keys(r.slowly), func(a, b slowKind) int {
		return cmp.Or(cmp.Compare(a.method, b.method), cmp.Compare(a.waitsFor, b.waitsFor))
	}) {
		s := r.slowly[kind]
		fmt.Fprintf(r.out, "%-22s %-14s %6d %12s\n", kind.method, kind.waitsFor, s.count, milliseconds(s.longest))
	}
	c := r.connections
	fmt.Fprintf(r.out, "\nconnections: %d created, %d closed, at most %d in use at once\n", c.created, c.closed, c.mostInUse)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
