package wiretest_test

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The test receives a command, checks it, and answers. The operation is in progress meanwhile, so a future is the
// natural way to call it.
func ExamplePeer_Receive() {
	t := newT() // in a test, its *testing.T
	defer t.End()

	peer := wiretest.Start(t, wiretest.Standalone)
	users := newClient(t, peer.URI()).Database("app").Collection("users")

	inserting := users.InsertOne(t.Context(), bson.M{"_id": 1, "name": "Ada"})
	insert := peer.Receive("insert")
	insert.Want(bson.M{
		"insert":           "users",
		"$db":              "app",
		"documents.0.name": "Ada",
		"lsid":             wiretest.Present,
		"txnNumber":        wiretest.Absent, // a standalone server has no retryable writes
	})
	insert.WriteError(0, 11000, "E11000 duplicate key error")

	_, err := inserting.Await(t.Context())
	fmt.Println(errors.Is(err, motor.DuplicateKeyError))
	// Output: true
}

// Handlers say how a command is answered whenever it arrives. In a replica set, each member has its own handlers.
func ExampleSet_Elect() {
	t := newT()
	defer t.End()

	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Arbiter)
	set.Peers[0].Handle("insert", func(r *wiretest.Request) {
		set.Elect(set.Peers[1])
		r.Fail(10107, "NotWritablePrimary", "not primary", "RetryableWriteError")
	})
	set.Peers[1].Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })

	users := newClient(t, set.URI()).Database("app").Collection("users")
	res, err := users.InsertOne(t.Context(), bson.M{"_id": 1}).Await(t.Context())
	fmt.Println(res, err)
	fmt.Println(len(set.Peers[0].Seen("insert")), len(set.Peers[1].Seen("insert")))
	// Output:
	// &{1 true} <nil>
	// 1 1
}

// newClient returns a client that is closed at the end of the test.
func newClient(t wiretest.T, uri string) *motor.Client {
	t.Helper()
	client, err := motor.NewClient(uri)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Errorf("%v", err)
		}
	})
	return client
}
