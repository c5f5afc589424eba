package motor_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The error of an operation that is refused because the queue is full is reported if it is never observed.
func TestSubmitQueueFull(t *testing.T) {
	const refused = 6
	var told atomic.Int32
	before := future.SetUnobservedHandler(func(err error) {
		if errors.Is(err, future.ErrQueueFull) {
			told.Add(1)
		}
	})
	defer func() { future.SetUnobservedHandler(before) }()
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("retryWrites=false"), motor.WithMaxWorkers(1), motor.WithMaxQueue(0))
	coll := client.Database("d").Collection("c")
	first := coll.DeleteOne(t.Context(), bson.D{})
	held := peer.Receive("delete")
	for i := range refused {
		switch i % 3 {
		case 0:
			coll.DeleteOne(t.Context(), bson.D{})
		case 1:
			coll.FindOne(t.Context(), bson.D{})
		default:
			client.Database("d").Command(t.Context(), bson.D{{Key: "ping", Value: 1}})
		}
	}
	eventually(t, func() bool { runtime.GC(); return told.Load() == refused })
	held.OK(bson.M{"n": 1})
	succeed(t, first)
}

// An operation may fail with the ErrPoolClosed of another pool. It is not started again.
func TestSubmitOperationErrPoolClosed(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI())
	runs := 0
	_, err := motor.Submit(t.Context(), client, func() error { runs++; return future.ErrPoolClosed }).Await(t.Context())
	if !errors.Is(err, future.ErrPoolClosed) || runs != 1 {
		t.Errorf("got %v after %d runs, want ErrPoolClosed after 1", err, runs)
	}
}
