package motor_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// slowContext delays the end of the contexts derived from it until the test calls endSlow. A derived context always
// ends a little later than its parent. Here the test decides how much later.
type slowContext struct {
	context.Context
	done chan struct{}

	mu    sync.Mutex
	err   error
	slow  []func() // derived before hold
	quick []func() // derived after hold
}

func newSlowContext(t *testing.T) *slowContext {
	return &slowContext{Context: context.WithoutCancel(t.Context()), done: make(chan struct{})}
}

func (c *slowContext) Done() <-chan struct{} { return c.done }

func (c *slowContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc registers f. Package context calls it for each derived context. The stop function has no effect.
func (c *slowContext) AfterFunc(f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quick = append(c.quick, f)
	return func() bool { return false }
}

// hold makes the contexts that were derived so far slow.
func (c *slowContext) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow, c.quick = c.quick, nil
}

func (c *slowContext) end() {
	c.mu.Lock()
	c.err = context.Canceled
	quick := c.quick
	c.mu.Unlock()
	close(c.done)
	for _, f := range quick {
		f()
	}
}

func (c *slowContext) endSlow() {
	for _, f := range c.slow {
		f()
	}
}

// The caller's context ends and cuts the round trip off. The operation's own context ends later.
func TestCursorReadCutOffKeepsDocuments(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx := newSlowContext(t)
	cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
	list := cursor.ToList(ctx)
	find := peer.Receive("find")
	ctx.hold()
	if len(ctx.slow) == 0 {
		t.Fatal("the operation derived no context")
	}
	find.Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
	more := peer.Receive("getMore")
	ctx.end()
	docs, err := list.Await(t.Context())
	if docs != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v, want context.Canceled", docs, err)
	}
	ctx.endSlow()
	more.Nothing()
	for i := range int32(2) {
		if doc, err := cursor.Next(t.Context()).Await(t.Context()); doc["i"] != i || err != nil {
			t.Errorf("Next() = %v, %v, want i = %v, nil", doc, err, i)
		}
	}
	if _, err := cursor.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("next read: got %v, want InvalidOperation", err)
	}
}
