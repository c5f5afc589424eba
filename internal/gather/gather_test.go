package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/gather"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// op is an operation of the tests.
type op struct {
	gather.Item
	name, key string
	outcome   string
}

// add queues an operation whose outcome is set when it is settled.
func add(t *testing.T, q *gather.Queue[*op], ctx context.Context, name, key string) *op {
	t.Helper()
	o := &op{name: name, key: key}
	if !q.Reserve(ctx, o, -1) {
		t.Fatal("Reserve = false without a limit, want true")
	}
	if err := o.Execute(func() { o.outcome = "settled"; o.Wake() }); err != nil {
		t.Fatal(err)
	}
	if q.Push(o) {
		t.Fatal("Push = true with a worker, want false")
	}
	return o
}

// working returns a queue that has a worker.
func working(t *testing.T) *gather.Queue[*op] {
	t.Helper()
	q := new(gather.Queue[*op])
	if !q.Enter() {
		t.Fatal("Enter of an empty queue = false, want true")
	}
	return q
}

// send sends the operations of q and returns their names, by command.
func send(q *gather.Queue[*op]) (commands [][]string) {
	ops := q.Next()
	gather.Send(ops, func(o *op) string { return o.key }, func(c *gather.Command, key string, ops []*op) {
		names := []string{key}
		for _, o := range ops {
			if o.Waits() && c.Context().Err() == nil {
				names = append(names, o.name)
			}
		}
		commands = append(commands, names)
	})
	for _, o := range ops {
		o.Settle()
	}
	return commands
}

func ExampleSend() {
	var q gather.Queue[*op]
	q.Enter() // a command is being sent
	for _, name := range []string{"a", "b"} {
		o := &op{name: name}
		q.Reserve(context.Background(), o, -1)
		q.Push(o)
	}
	gather.Send(q.Next(), func(o *op) string { return o.key }, func(_ *gather.Command, _ string, ops []*op) {
		fmt.Println(len(ops), "operations in one command")
	})
	// Output: 2 operations in one command
}

func TestSendGroups(t *testing.T) {
	q := working(t)
	var all []*op
	for _, name := range []string{"a1", "b1", "a2", "c1", "b2"} {
		all = append(all, add(t, q, t.Context(), name, name[:1]))
	}
	want := [][]string{{"a", "a1", "a2"}, {"b", "b1", "b2"}, {"c", "c1"}}
	if got := send(q); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got the commands %v, want %v", got, want)
	}
	for _, o := range all {
		if o.outcome != "settled" || o.Waits() {
			t.Errorf("%s: got outcome %q, waits %v, want a settled operation", o.name, o.outcome, o.Waits())
		}
	}
	if got := q.Next(); got != nil {
		t.Errorf("Next() = %v, want nil", got)
	}
}

func TestSendWithoutCancelled(t *testing.T) {
	q := working(t)
	cancelled := add(t, q, t.Context(), "cancelled", "k")
	ending, end := context.WithCancel(t.Context())
	ended := add(t, q, ending, "ended", "k")
	add(t, q, t.Context(), "good", "k")
	cancelled.Wake()
	end()
	if got, want := send(q), [][]string{{"k", "good"}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got the commands %v, want %v", got, want)
	}
	if ended.Ended() != context.Canceled || cancelled.Ended() != nil {
		t.Errorf("Ended() = %v and %v, want context.Canceled for an ended context and nil for a cancelled operation", ended.Ended(), cancelled.Ended())
	}
}

// badContext is a context whose Err panics.
type badContext struct{ context.Context }

func (badContext) Err() error { panic("bad context") }

func TestSendContextPanics(t *testing.T) {
	q := working(t)
	bad := add(t, q, badContext{t.Context()}, "bad", "k")
	good := add(t, q, t.Context(), "good", "k")
	if got, want := send(q), [][]string{{"k", "good"}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got the commands %v, want %v", got, want)
	}
	var p *future.PanicError
	if !errors.As(bad.Ended(), &p) || p.Value != "bad context" || good.Ended() != nil {
		t.Errorf("Ended() = %v and %v, want a PanicError and nil", bad.Ended(), good.Ended())
	}
}

// A command has the values of its first operation, but ends neither with that one nor at its deadline.
func TestCommandContext(t *testing.T) {
	type key struct{}
	q := working(t)
	first, end := context.WithTimeout(context.WithValue(t.Context(), key{}, "first"), time.Hour)
	defer end()
	add(t, q, context.WithValue(t.Context(), key{}, "other"), "other", "b")
	add(t, q, first, "a", "a")
	add(t, q, context.WithValue(t.Context(), key{}, "second"), "b", "a")
	var got []any
	ops := q.Next()
	gather.Send(ops, func(o *op) string { return o.key }, func(c *gather.Command, _ string, _ []*op) {
		end()
		got = append(got, c.Context().Value(key{}))
		if _, ok := c.Context().Deadline(); ok || c.Context().Err() != nil {
			t.Errorf("got a deadline %t and the error %v, want false, nil", ok, c.Context().Err())
		}
	})
	for _, o := range ops {
		o.Settle()
	}
	if want := []any{"other", "first"}; !slices.Equal(got, want) {
		t.Errorf("got the values %v, want %v", got, want)
	}
}

func TestCommandEndsWithItsOperations(t *testing.T) {
	q := working(t)
	a, b := add(t, q, t.Context(), "a", ""), add(t, q, t.Context(), "b", "")
	gather.Send(q.Next(), func(o *op) string { return o.key }, func(c *gather.Command, _ string, _ []*op) {
		a.Wake()
		if err := c.Context().Err(); err != nil {
			t.Errorf("with one waiting operation: the context has ended: %v", err)
		}
		b.Wake()
		if c.Context().Err() == nil {
			t.Error("without waiting operations: the context has not ended")
		}
	})
}

func TestQueueLimit(t *testing.T) {
	q := working(t)
	reserve := func() (*op, bool) {
		o := new(op)
		return o, q.Reserve(t.Context(), o, 2)
	}
	first, _ := reserve()
	_, second := reserve()
	if _, third := reserve(); !second || third {
		t.Errorf("second and third Reserve = %v, %v with a limit of 2, want true, false", second, third)
	}
	first.Wake() // it is cancelled
	if _, ok := reserve(); !ok {
		t.Error("Reserve after a cancellation = false, want true")
	}
}
