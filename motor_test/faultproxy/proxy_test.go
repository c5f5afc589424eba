package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func ExampleStart() {
	ctx := context.Background()
	server, err := mongotest.Run(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	proxy, err := faultproxy.Start(ctx, server.URI())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	client, err := motor.NewClient(proxy.URI())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	// The first insert loses its connection. The driver sends it again.
	client.Database("admin").Command(ctx, bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: bson.D{{Key: "times", Value: 1}}},
		{Key: "data", Value: bson.D{{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "closeConnection", Value: true}}},
	}).Await(ctx)
	_, err = client.Database("example").Collection("users").InsertOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	fmt.Println(err)
	// Output: <nil>
}

// connect returns a collection of a driver's client of a proxy, and the client.
func connect(t *testing.T, opts ...*options.ClientOptions) (*mongo.Collection, *mongo.Client) {
	t.Helper()
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	proxy, err := faultproxy.Start(t.Context(), mongotest.URI(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Error(err)
		}
		if err := proxy.Close(); err != nil {
			t.Errorf("second Close() = %v, want nil", err)
		}
	})
	client, err := mongo.Connect(append([]*options.ClientOptions{options.Client().ApplyURI(proxy.URI())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database(mongotest.DatabaseName(t)).Collection("c"), client
}

// fail sets a fail point.
func fail(t *testing.T, client *mongo.Client, point string, mode any, data bson.D) {
	t.Helper()
	command := bson.D{{Key: "configureFailPoint", Value: point}, {Key: "mode", Value: mode}, {Key: "data", Value: data}}
	if err := client.Database("admin").RunCommand(t.Context(), command).Err(); err != nil {
		t.Fatal(err)
	}
}

func times(n int) bson.D { return bson.D{{Key: "times", Value: n}} }

func insert(t *testing.T, coll *mongo.Collection) error {
	_, err := coll.InsertOne(t.Context(), bson.D{})
	return err
}

func count(t *testing.T, coll *mongo.Collection) int64 {
	t.Helper()
	n, err := coll.CountDocuments(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFailCommand sets each field of failCommand. Nothing is retried, so that each insert shows one fault.
func TestFailCommand(t *testing.T) {
	inserts := bson.E{Key: "failCommands", Value: bson.A{"insert"}}
	for _, test := range []struct {
		name   string
		mode   any
		data   bson.D
		errors []bool // of three inserts
		check  func(error) bool
	}{
		{"errorCode", times(2), bson.D{inserts, {Key: "errorCode", Value: 8}}, []bool{true, true, false}, func(err error) bool {
			var command mongo.CommandError
			return errors.As(err, &command) && command.Code == 8 && command.Name == "UnknownError"
		}},
		{"errorLabels", times(1), bson.D{inserts, {Key: "errorCode", Value: 8}, {Key: "errorLabels", Value: bson.A{"Mine"}}},
			[]bool{true, false, false}, func(err error) bool {
				var labeled mongo.LabeledError
				return errors.As(err, &labeled) && labeled.HasErrorLabel("Mine")
			}},
		{"closeConnection", times(1), bson.D{inserts, {Key: "closeConnection", Value: true}}, []bool{true, false, false}, mongo.IsNetworkError},
		{"writeConcernError", times(1), bson.D{inserts, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "late"}}}},
			[]bool{true, false, false}, func(err error) bool {
				var write mongo.WriteException
				return errors.As(err, &write) && write.WriteConcernError != nil && write.WriteConcernError.Code == 64
			}},
		{"alwaysOn", "alwaysOn", bson.D{inserts, {Key: "errorCode", Value: 8}}, []bool{true, true, true}, nil},
		{"skip", bson.D{{Key: "skip", Value: 1}}, bson.D{inserts, {Key: "errorCode", Value: 8}}, []bool{false, true, true}, nil},
		{"off", "off", bson.D{inserts, {Key: "errorCode", Value: 8}}, []bool{false, false, false}, nil},
		{"appName of another client", "alwaysOn", bson.D{inserts, {Key: "errorCode", Value: 8}, {Key: "appName", Value: "other"}},
			[]bool{false, false, false}, nil},
		{"appName", "alwaysOn", bson.D{inserts, {Key: "errorCode", Value: 8}, {Key: "appName", Value: "own"}}, []bool{true, true, true}, nil},
		{"another command", "alwaysOn", bson.D{{Key: "failCommands", Value: bson.A{"update"}}, {Key: "errorCode", Value: 8}},
			[]bool{false, false, false}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			coll, client := connect(t, options.Client().SetRetryWrites(false).SetAppName("own"))
			fail(t, client, "failCommand", test.mode, test.data)
			for i, want := range test.errors {
				err := insert(t, coll)
				if (err != nil) != want || err != nil && test.check != nil && !test.check(err) {
					t.Errorf("insert %d = %v, want an error: %t", i, err, want)
				}
			}
		})
	}
}

func TestFailCommandBlocks(t *testing.T) {
	coll, client := connect(t)
	fail(t, client, "failCommand", times(1), bson.D{{Key: "failCommands", Value: bson.A{"insert"}},
		{Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: 300}})
	start := time.Now()
	if err := insert(t, coll); err != nil || time.Since(start) < 300*time.Millisecond {
		t.Errorf("insert = %v after %v, want nil after at least 300ms", err, time.Since(start))
	}
	// A client that gives up disconnects. The command is then not done.
	fail(t, client, "failCommand", times(1), bson.D{{Key: "failCommands", Value: bson.A{"insert"}},
		{Key: "blockConnection", Value: true}, {Key: "blockTimeMS", Value: 600_000}})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := coll.InsertOne(ctx, bson.D{}); !mongo.IsTimeout(err) {
		t.Errorf("insert = %v, want a timeout", err)
	}
	if n := count(t, coll); n != 1 {
		t.Errorf("got %d documents, want 1", n)
	}
}

// A retryable write is done once, whether it fails before it is done or after.
func TestRetryableWrites(t *testing.T) {
	for _, test := range []struct {
		name, point string
		data        bson.D
	}{
		{"fails after it was done", "onPrimaryTransactionalWrite", nil},
		{"fails before it is done", "onPrimaryTransactionalWrite", bson.D{{Key: "failBeforeCommitExceptionCode", Value: 1}}},
		{"its write concern fails", "failCommand", bson.D{{Key: "failCommands", Value: bson.A{"insert"}},
			{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 91}, {Key: "errmsg", Value: "late"}}}}},
		{"not primary", "failCommand", bson.D{{Key: "failCommands", Value: bson.A{"insert"}}, {Key: "errorCode", Value: 10107}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			coll, client := connect(t)
			fail(t, client, test.point, times(1), test.data)
			if err := insert(t, coll); err != nil {
				t.Errorf("insert = %v, want nil", err)
			}
			if n := count(t, coll); n != 1 {
				t.Errorf("got %d documents, want 1", n)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	coll, client := connect(t)
	session, err := client.StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	code := func(name string, err error, want int) {
		t.Helper()
		var server mongo.ServerError
		if !errors.As(err, &server) || !server.HasErrorCode(want) {
			t.Errorf("%s: got %v, want code %d", name, err, want)
		}
	}
	if err := session.StartTransaction(); err != nil {
		t.Fatal(err)
	}
	_, err = coll.InsertOne(mongo.NewSessionContext(t.Context(), session), bson.D{})
	code("transaction", err, 20)
	admin := client.Database("admin")
	code("unknown fail point", admin.RunCommand(t.Context(), bson.D{{Key: "configureFailPoint", Value: "x"}, {Key: "mode", Value: "off"}}).Err(), 2)
	code("invalid mode", admin.RunCommand(t.Context(), bson.D{{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: "on"}}).Err(), 2)
	code("API version", admin.RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}, {Key: "apiVersion", Value: "2"}}).Err(), 322)
	for _, uri := range []string{"localhost:27017", "mongodb://h/", "mongodb://u:SECRET@h:1/", "://"} {
		if _, err := faultproxy.Start(t.Context(), uri); err == nil {
			t.Errorf("Start(%q) = nil, want an error", uri)
		}
	}
}

// Operations have the times of a replica set, so that sessions are causally consistent.
func TestClusterTime(t *testing.T) {
	coll, client := connect(t)
	session, err := client.StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	var before bson.Timestamp
	for range 2 {
		if _, err := coll.InsertOne(mongo.NewSessionContext(t.Context(), session), bson.D{}); err != nil {
			t.Fatal(err)
		}
		at := session.OperationTime()
		if at == nil || at.Compare(before) <= 0 || session.ClusterTime() == nil {
			t.Fatalf("got operation time %v after %v, cluster time %v, want later ones", at, before, session.ClusterTime())
		}
		before = *at
	}
}
