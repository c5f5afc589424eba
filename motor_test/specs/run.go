package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// caseTimeout is the time limit of a test, in case the server does not answer. It cancels the context instead of
// setting a deadline, which the driver would send as maxTimeMS.
const caseTimeout = 30 * time.Second

// errTimeout is the error of operations in a test that exceeds its time limit.
var errTimeout = fmt.Errorf("test exceeded its time limit of %v", caseTimeout)

// run is one test in one style.
type run struct {
	ctx      context.Context
	server   *server
	style    style
	test     *testCase
	entities entities
	matcher  *matcher
	trace    trace
	named    bool // a client has the application name that the file gives it

	failPoints []func(context.Context) // functions that turn the fail points off
}

// refusal is the error of a test whose server returned an error or closed the connection.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// runCase runs a test. The error is nil if everything was as the file expects, a [*pending] if the test could not run,
// a [refusal], or another error that names the difference.
func runCase(ctx context.Context, s *server, name string, f *file, test *testCase) (tr trace, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(caseTimeout, func() { cancel(errTimeout) }).Stop()
	st, err := newStyle(name)
	if err != nil {
		return tr, err
	}
	defer st.close()
	r := &run{ctx: ctx, server: s, style: st, test: test, entities: entities{byID: map[string]*entity{}}}
	r.trace.unordered = test.performs("runOnThread")
	r.trace.timed = f.timed(test)
	if st.partial() {
		r.trace.partial = []string{}
	}
	r.matcher = &matcher{entity: r.entityValue, lsid: r.lsid}
	defer r.end()
	defer func() {
		r.join()
		r.record()
		tr = r.trace
	}()
	for _, data := range f.InitialData {
		if err := data.prepare(ctx, s); err != nil {
			return r.trace, refused(err)
		}
	}
	for _, described := range f.Entities {
		if err := r.create(described); err != nil {
			return r.trace, err
		}
	}
	for i, c := range test.Operations {
		if err := r.execute(c); err != nil {
			return r.trace, fmt.Errorf("operation %d, %s: %w", i, c.Name, err)
		}
	}
	return r.trace, r.verify()
}

// execute runs an operation and checks its outcome.
func (r *run) execute(c call) error {
	if c.Object == "testRunner" {
		return r.runnerOperation(c)
	}
	o, err := r.operate(c)
	if err != nil {
		return err
	}
	if ctxErr := r.ctx.Err(); ctxErr != nil {
		return errTimeout
	}
	r.trace.operation(c.Name, o)
	return r.judge(c, o)
}

// judge compares the outcome of an operation with the expected one.
func (r *run) judge(c call, o outcome) error {
	switch {
	case c.Ignore:
		return nil
	case c.ExpectError == nil && o.err != nil:
		return refused(fmt.Errorf("want no error, got %w", o.err))
	case c.ExpectError != nil && o.err == nil:
		return fmt.Errorf("want an error, got %v", o.result)
	case c.ExpectError != nil:
		if err := c.ExpectError.check(r.matcher, failureOf(o.err)); err != nil {
			return refused(err)
		}
		if c.ExpectError.Result.IsZero() || !r.style.partial() {
			return nil
		}
		partial, err := partialResult(o.result)
		if err != nil {
			return err
		}
		if err := r.matcher.match(c.ExpectError.Result, partial, true); err != nil {
			return fmt.Errorf("result of the failed operation: %w", err)
		}
		return nil
	case c.SaveAs != "":
		return r.save(c, o)
	case c.ExpectResult.IsZero():
		return nil
	}
	return r.compare(c.ExpectResult, o)
}

func (r *run) compare(expected value, o outcome) error {
	if docs, ok := o.result.([]value); ok {
		if name, operand, ok := operator(expected); ok && name == "$$unsetOrMatches" {
			expected = operand
		}
		return r.matcher.matchList(expected, docs)
	}
	actual, err := resultOf(o.result)
	if err != nil {
		return err
	}
	if err := r.matcher.match(expected, actual, true); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// save stores a result as an entity.
func (r *run) save(c call, o outcome) error {
	if cur, ok := o.result.(cursor); ok {
		return r.entities.add(c.SaveAs, &entity{kind: "cursor", cursor: cur})
	}
	if c.Name == "createCollection" {
		database := r.entities.byID[c.Object].handle
		return r.entities.add(c.SaveAs, &entity{kind: "collection",
			handle: r.style.collection(database, c.Arguments.Lookup("collection").StringValue(), options.Collection())})
	}
	v, err := savedValue(o.result)
	if err != nil {
		return err
	}
	if !c.ExpectResult.IsZero() {
		if err := r.compare(c.ExpectResult, o); err != nil {
			return err
		}
	}
	return r.entities.add(c.SaveAs, &entity{kind: "value", value: v})
}

func savedValue(result any) (value, error) {
	docs, ok := result.([]value)
	if !ok {
		return resultOf(result)
	}
	kind, data, err := bson.MarshalValue(docs)
	return value{Type: kind, Value: data}, err
}

func (r *run) entityValue(id string) (value, error) {
	e, err := r.entities.of("value", id)
	if err != nil {
		return value{}, err
	}
	return e.value, nil
}

// verify checks the clients' events and logs, and the collections, after the operations.
func (r *run) verify() error {
	clients := r.clients()
	for _, client := range clients {
		client.recorder.stop()
		if client.log != nil {
			client.log.stop()
		}
	}
	for _, expected := range r.test.Events {
		client, err := r.entities.of("client", expected.Client)
		if err != nil {
			return err
		}
		told, _ := client.recorder.seen()
		if err := expected.verify(r.matcher, client.observed, told); err != nil {
			return fmt.Errorf("%s: %w", expected.Client, err)
		}
	}
	for _, expected := range r.test.LogMessages {
		client, err := r.entities.of("client", expected.Client)
		if err != nil {
			return err
		}
		if client.log == nil {
			return fmt.Errorf("client %s does not observe its log", expected.Client)
		}
		if err := expected.verify(r.matcher, client.log); err != nil {
			return fmt.Errorf("%s: %w", expected.Client, err)
		}
	}
	for _, data := range r.test.Outcome {
		if err := data.check(r.ctx, r.server); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) clients() []*entity {
	var clients []*entity
	for _, id := range r.entities.ids {
		if e := r.entities.byID[id]; e.kind == "client" {
			clients = append(clients, e)
		}
	}
	return clients
}

// withoutEvents runs fn. The clients do not record commands of this name meanwhile.
func (r *run) withoutEvents(command string, fn func()) {
	for _, client := range r.clients() {
		inner, recorder, messages := fn, client.recorder, client.log
		fn = func() {
			recorder.skipping(command, func() { messages.skipping(command, inner) })
		}
	}
	fn()
}

// join waits for the threads that the test has not waited for, and ignores their errors.
func (r *run) join() {
	for _, id := range r.entities.ids {
		if e := r.entities.byID[id]; e.kind == "thread" {
			_ = e.thread.wait()
		}
	}
}

// endTimeout is the time limit for closing the clients of a test.
const endTimeout = 10 * time.Second

// end closes everything that the test left open. It ignores errors, since the test is over.
func (r *run) end() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), endTimeout)
	defer cancel()
	for _, off := range r.failPoints {
		off(ctx)
	}
	for i := len(r.entities.ids) - 1; i >= 0; i-- {
		switch e := r.entities.byID[r.entities.ids[i]]; e.kind {
		case "client":
			e.recorder.stop()
			_ = e.close(ctx)
		case "cursor":
			_ = e.cursor.close(ctx)
		case "session":
			_, _ = r.style.call(ctx, e.handle, "EndSession", nil, nil)
		}
	}
}

// refused marks an error that the server caused: an error reply, or a closed connection.
func refused(err error) error {
	var (
		f  = failureOf(err)
		is interface{ HasErrorLabel(string) bool }
	)
	if f.server || errors.As(err, &is) && is.HasErrorLabel("NetworkError") {
		return refusal{err}
	}
	return err
}

// timed reports whether the clients or the operations of a test have a timeoutMS.
func (f *file) timed(test *testCase) bool {
	for _, one := range f.Entities {
		if strings.Contains(one.String(), `"timeoutMS"`) {
			return true
		}
	}
	return slices.ContainsFunc(test.Operations, func(c call) bool { return strings.Contains(c.Arguments.String(), `"timeoutMS"`) })
}

// performs reports whether the test has an operation of this name.
func (t *testCase) performs(name string) bool {
	for _, c := range t.Operations {
		if c.Name == name {
			return true
		}
	}
	return false
}
