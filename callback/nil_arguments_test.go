package callback_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/niltest"
	"github.com/gomotor/gomotor/motor"
)

func TestMethodsWithNil(t *testing.T) {
	before := future.SetUnobservedHandler(func(error) {}) // many of the operations fail
	t.Cleanup(func() { future.SetUnobservedHandler(before) })
	loop := callback.NewLoop()
	defer loop.Close()
	open := func() *callback.Client {
		client, err := callback.NewClient(loop, "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Futures().Close(context.Background()) })
		return client
	}
	db := open().Database("d")
	for _, value := range []func() any{
		func() any { return open() },
		func() any { return open().Database("d") },
		func() any { return db.Collection("c") },
		func() any { return db.Collection("c").Find(bson.M{}) },
		func() any { return db.Collection("c").Aggregate(bson.A{}) },
		func() any { return db.Collection("c").Watch(nil) },
		func() any { return callback.NewGridFS(db, "") },
		func() any { return callback.NewGridIn(db.Collection("fs")) },
		func() any { return callback.NewGridOut(db.Collection("fs"), 1) },
	} {
		niltest.Caller{}.Methods(t, value)
	}
	for _, value := range []func() any{
		func() any { return callback.NewEvent(loop) },
		func() any { return callback.NewLock(loop) },
		func() any { return callback.NewSemaphore(loop, 1) },
		func() any { return callback.NewQueue[int](loop, 0) },
		func() any { return callback.NewLifoQueue[any](loop, 0) },
		func() any { return callback.NewCondition(loop) },
	} {
		niltest.Caller{}.Methods(t, value)
	}
}

func TestFunctionsWithNil(t *testing.T) {
	running := callback.NewLoop()
	defer running.Close()
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"AddFuture", callback.AddFuture[int]},
		{"CollectionOf", callback.CollectionOf[bson.M]},
		{"FromCallback", callback.FromCallback[int]},
		{"NewBoundedSemaphore", callback.NewBoundedSemaphore},
		{"NewCondition", callback.NewCondition},
		{"NewEvent", callback.NewEvent},
		{"NewGridFS", callback.NewGridFS},
		{"NewGridIn", callback.NewGridIn},
		{"NewGridOut", callback.NewGridOut},
		{"NewLock", callback.NewLock},
		{"NewPriorityQueue", callback.NewPriorityQueue[int]},
		{"NewQueue", callback.NewQueue[int]},
		{"NewSemaphore", callback.NewSemaphore},
		{"RunInExecutor", callback.RunInExecutor[int]},
		{"RunSyncFuture", callback.RunSyncFuture[int]},
		{"RunSyncContext", callback.RunSyncContext[int]},
		{"Spawn", callback.Spawn[int]},
		{"SpawnContext", callback.SpawnContext[int]},
		{"Value", callback.Value[int]},
		{"WithHost", callback.WithHost},
		{"WithLogger", callback.WithLogger},
		{"WithPanicHandler", callback.WithPanicHandler},
		{"WrapClient", callback.WrapClient},
		{"WrapCursor", callback.WrapCursor[int]},
		{"WrapSession", callback.WrapSession},
	} {
		niltest.Caller{Samples: []any{running}}.Func(t, f.name, f.fn)
	}
	_, err := callback.RunSync(running, func(co *callback.Co) (none, error) {
		for _, f := range []struct {
			name string
			fn   any
		}{
			{"CreateTask", callback.CreateTask[int]},
			{"Gather", callback.Gather[int]},
			{"GatherSettled", callback.GatherSettled[int]},
			{"Must", callback.Must[int]},
			{"Range", callback.Range[int]},
			{"WaitFor", callback.WaitFor[int]},
			{"With", callback.With[int]},
		} {
			niltest.Caller{Samples: []any{co, future.Resolved(1)}}.Func(t, f.name, f.fn)
		}
		return none{}, nil
	})
	if err != nil {
		t.Error(err)
	}
	var loop *callback.Loop
	for name, f := range map[string]func() error{
		"NewClient":           func() error { _, err := callback.NewClient(nil, ""); return err },
		"NewClient of *Loop":  func() error { _, err := callback.NewClient(loop, ""); return err },
		"NewClientEncryption": func() error { _, err := callback.NewClientEncryption(nil); return err },
		"NewGridFSBucket":     func() error { _, err := callback.NewGridFSBucket(nil); return err },
	} {
		if err := f(); !errors.Is(err, motor.TypeError) {
			t.Errorf("%s with nil: got %v, want TypeError", name, err)
		}
	}
}
