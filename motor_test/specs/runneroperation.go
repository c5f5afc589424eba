package specs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// runnerArguments are the arguments of operations on the test runner.
type runnerArguments struct {
	Client      string     `bson:"client"`
	Session     string     `bson:"session"`
	State       string     `bson:"state"`
	FailPoint   bson.Raw   `bson:"failPoint"`
	Entities    []bson.Raw `bson:"entities"`
	Database    string     `bson:"databaseName"`
	Collection  string     `bson:"collectionName"`
	Index       string     `bson:"indexName"`
	Connections *int       `bson:"connections"`
	MS          int64      `bson:"ms"`
	Thread      string     `bson:"thread"`
	Operation   call       `bson:"operation"`
	Event       bson.Raw   `bson:"event"`
	Count       *int       `bson:"count"`
}

// runnerOperations are the supported operations on the test runner. The others are pending.
var runnerOperations map[string]func(*run, runnerArguments) error

// missingRunnerOperations are operations that need several mongos, the loop of an Atlas test, or the topology.
var missingRunnerOperations = map[string]bool{
	"targetedFailPoint": true, "loop": true, "recordTopologyDescription": true,
	"assertTopologyType": true, "waitForPrimaryChange": true,
}

func init() {
	runnerOperations = map[string]func(*run, runnerArguments) error{
		"failPoint":                            (*run).failPoint,
		"createEntities":                       func(r *run, a runnerArguments) error { return r.createAll(a.Entities) },
		"assertCollectionExists":               func(r *run, a runnerArguments) error { return r.collectionExists(a, true) },
		"assertCollectionNotExists":            func(r *run, a runnerArguments) error { return r.collectionExists(a, false) },
		"assertIndexExists":                    func(r *run, a runnerArguments) error { return r.indexExists(a, true) },
		"assertIndexNotExists":                 func(r *run, a runnerArguments) error { return r.indexExists(a, false) },
		"assertNumberConnectionsCheckedOut":    (*run).connectionsCheckedOut,
		"assertSameLsidOnLastTwoCommands":      func(r *run, a runnerArguments) error { return r.sameLSID(a, true) },
		"assertDifferentLsidOnLastTwoCommands": func(r *run, a runnerArguments) error { return r.sameLSID(a, false) },
		"assertSessionDirty":                   func(r *run, a runnerArguments) error { return r.sessionDirty(a, true) },
		"assertSessionNotDirty":                func(r *run, a runnerArguments) error { return r.sessionDirty(a, false) },
		"assertSessionPinned":                  func(r *run, a runnerArguments) error { return r.sessionPinned(a, true) },
		"assertSessionUnpinned":                func(r *run, a runnerArguments) error { return r.sessionPinned(a, false) },
		"assertSessionTransactionState":        (*run).sessionTransactionState,
		"assertEventCount":                     (*run).eventCount,
		"waitForEvent":                         (*run).waitForEvent,
		"wait":                                 func(r *run, a runnerArguments) error { return sleep(r.ctx, time.Duration(a.MS)*time.Millisecond) },
		"runOnThread":                          (*run).runOnThread,
		"waitForThread":                        (*run).waitForThread,
	}
}

func (r *run) runnerOperation(c call) error {
	if missingRunnerOperations[c.Name] {
		return &pending{c.Name}
	}
	operation, ok := runnerOperations[c.Name]
	if !ok {
		return fmt.Errorf("testRunner has no operation %q", c.Name)
	}
	var a runnerArguments
	if c.Arguments != nil {
		if err := bson.Unmarshal(c.Arguments, &a); err != nil {
			return err
		}
	}
	return operation(r, a)
}

func (r *run) createAll(described []bson.Raw) error {
	for _, one := range described {
		if err := r.create(one); err != nil {
			return err
		}
	}
	return nil
}

// failPoint sets a fail point on the server of a client, until the end of the test.
func (r *run) failPoint(a runnerArguments) error {
	client, err := r.entities.of("client", a.Client)
	if err != nil {
		return err
	}
	admin := r.style.database(client.handle, "admin", options.Database())
	var command any = a.FailPoint
	if !r.named {
		if command, err = failingOnly(a.FailPoint); err != nil {
			return err
		}
	}
	o, err := r.style.call(r.ctx, admin, "Command", []any{command}, nil)
	if err != nil {
		return err
	}
	r.trace.operation("failPoint", outcome{err: o.err})
	if o.err != nil {
		return refused(o.err)
	}
	name := a.FailPoint.Index(0).Value()
	r.failPoints = append(r.failPoints, func(ctx context.Context) {
		off := bson.D{{Key: "configureFailPoint", Value: name}, {Key: "mode", Value: "off"}}
		_, _ = r.style.call(ctx, admin, "Command", []any{off}, nil)
	})
	return nil
}

// failingOnly restricts a fail point to clients with the application name failing, unless it names one itself.
func failingOnly(failPoint bson.Raw) (command bson.D, err error) {
	if err := bson.Unmarshal(failPoint, &command); err != nil {
		return nil, err
	}
	for i, e := range command {
		data, ok := e.Value.(bson.D)
		if e.Key != "data" || !ok || slices.ContainsFunc(data, func(e bson.E) bool { return e.Key == "appName" }) {
			continue
		}
		command[i].Value = append(data, bson.E{Key: "appName", Value: failing})
	}
	return command, nil
}

func (r *run) collectionExists(a runnerArguments, want bool) error {
	names, err := r.server.client.Database(a.Database).ListCollectionNames(r.ctx, bson.D{{Key: "name", Value: a.Collection}})
	if err != nil {
		return refused(err)
	}
	if got := len(names) > 0; got != want {
		return fmt.Errorf("collection %s.%s exists: want %v, got %v", a.Database, a.Collection, want, got)
	}
	return nil
}

func (r *run) indexExists(a runnerArguments, want bool) error {
	indexes, err := r.server.client.Database(a.Database).Collection(a.Collection).Indexes().ListSpecifications(r.ctx)
	if err != nil {
		return refused(err)
	}
	got := slices.ContainsFunc(indexes, func(index mongo.IndexSpecification) bool { return index.Name == a.Index })
	if got != want {
		return fmt.Errorf("index %s exists: want %v, got %v", a.Index, want, got)
	}
	return nil
}

func (r *run) connectionsCheckedOut(a runnerArguments) error {
	client, err := r.entities.of("client", a.Client)
	if err != nil {
		return err
	}
	if a.Connections == nil {
		return fmt.Errorf("missing argument \"connections\"")
	}
	told, _ := client.recorder.seen()
	if got := count(told, "connectionCheckedOutEvent", nil) - count(told, "connectionCheckedInEvent", nil); got != *a.Connections {
		return fmt.Errorf("want %d connections checked out, got %d", *a.Connections, got)
	}
	return nil
}

func (r *run) sameLSID(a runnerArguments, want bool) error {
	client, err := r.entities.of("client", a.Client)
	if err != nil {
		return err
	}
	told, _ := client.recorder.seen()
	var ids []value
	for _, one := range told {
		if one.kind == "commandStartedEvent" {
			ids = append(ids, one.document.Lookup("lsid"))
		}
	}
	if len(ids) < 2 {
		return fmt.Errorf("want two commands, got %d", len(ids))
	}
	last := ids[len(ids)-2:]
	if got := last[0].Equal(last[1]) && !last[0].IsZero(); got != want {
		return fmt.Errorf("want the same lsid in the last two commands: %v, got %v", want, last)
	}
	return nil
}

func (r *run) eventCount(a runnerArguments) error {
	client, kind, details, err := r.eventOf(a)
	if err != nil {
		return err
	}
	told, _ := client.recorder.seen()
	if got := count(told, kind, func(o occurrence) bool { return o.match(r.matcher, kind, details) == nil }); got != *a.Count {
		return fmt.Errorf("want %d events %s, got %d", *a.Count, kind, got)
	}
	return nil
}

func (r *run) waitForEvent(a runnerArguments) error {
	client, kind, details, err := r.eventOf(a)
	if err != nil {
		return err
	}
	for {
		told, more := client.recorder.seen()
		if count(told, kind, func(o occurrence) bool { return o.match(r.matcher, kind, details) == nil }) >= *a.Count {
			return nil
		}
		select {
		case <-more:
		case <-r.ctx.Done():
			return fmt.Errorf("waiting for %d events %s: %w", *a.Count, kind, context.Cause(r.ctx))
		}
	}
}

func (r *run) eventOf(a runnerArguments) (client *entity, kind string, details bson.Raw, err error) {
	if client, err = r.entities.of("client", a.Client); err != nil {
		return nil, "", nil, err
	}
	if a.Count == nil {
		return nil, "", nil, fmt.Errorf("missing argument \"count\"")
	}
	kind, details, err = theOnly(a.Event)
	return client, kind, details, err
}

func count(told []occurrence, kind string, matches func(occurrence) bool) int {
	n := 0
	for _, one := range told {
		if one.kind == kind && (matches == nil || matches(one)) {
			n++
		}
	}
	return n
}

func (r *run) runOnThread(a runnerArguments) error {
	e, err := r.entities.of("thread", a.Thread)
	if err != nil {
		return err
	}
	e.thread.add(func() error { return r.execute(a.Operation) })
	return nil
}

func (r *run) waitForThread(a runnerArguments) error {
	e, err := r.entities.of("thread", a.Thread)
	if err != nil {
		return err
	}
	return e.thread.wait()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
