package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// The first insert is done, but its reply is lost. The driver sends it again, and the proxy does not do it twice.
func Example() {
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
	client := motor.MustClient(proxy.URI())
	defer client.Close(ctx)

	_ = proxy.Script("insert", faultproxy.Fault{Cut: faultproxy.CutUnanswered})
	users := client.Database("app").Collection("users")
	_, err = users.InsertOne(ctx, bson.D{{Key: "name", Value: "ann"}}).Await(ctx)
	n, _ := users.CountDocuments(ctx, bson.D{}).Await(ctx)
	fmt.Println(err, n, proxy.Stats().Faults)
	// Output: <nil> 1 1
}

// start starts a proxy with several members before an embedded server.
func start(t *testing.T, members int) *faultproxy.Proxy {
	t.Helper()
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	server, err := mongotest.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	proxy, err := faultproxy.StartSet(t.Context(), server.URI(), members)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

// behind starts a proxy before an embedded server, and a client of it.
func behind(t *testing.T, options string) (*faultproxy.Proxy, *motor.Client) {
	t.Helper()
	proxy := start(t, 1)
	client := motor.MustClient(proxy.URI() + options)
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return proxy, client
}

func TestScriptedFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault faultproxy.Fault
		class *motor.ErrorClass // nil: the command succeeds
		count int64             // documents afterwards
	}{
		{"none", faultproxy.Fault{}, nil, 1},
		{"delay", faultproxy.Fault{Delay: time.Millisecond}, nil, 1},
		{"before", faultproxy.Fault{Cut: faultproxy.CutBefore}, motor.AutoReconnect, 0},
		{"before, reset", faultproxy.Fault{Cut: faultproxy.CutBefore, Reset: true}, motor.AutoReconnect, 0},
		{"within the header", faultproxy.Fault{Cut: faultproxy.CutWithin, Bytes: 7}, motor.AutoReconnect, 1},
		{"within the body", faultproxy.Fault{Cut: faultproxy.CutWithin, Bytes: 1 << 20}, motor.AutoReconnect, 1},
		{"unanswered", faultproxy.Fault{Cut: faultproxy.CutUnanswered}, motor.AutoReconnect, 1},
		{"after", faultproxy.Fault{Cut: faultproxy.CutAfter}, nil, 1},
		{"stall", faultproxy.Fault{Stall: true}, motor.NetworkTimeout, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy, client := behind(t, "&retryWrites=false&socketTimeoutMS=500")
			c, ctx := client.Database("d").Collection("c"), t.Context()
			if err := proxy.Script("insert", test.fault); err != nil {
				t.Fatal(err)
			}
			_, err := c.InsertOne(ctx, bson.M{}).Await(ctx)
			if test.class == nil && err != nil || test.class != nil && !errors.Is(err, test.class) {
				t.Errorf("got %v, want %v", err, test.class)
			}
			if n, err := c.CountDocuments(ctx, bson.M{}).Await(ctx); n != test.count || err != nil {
				t.Errorf("got %d documents, %v, want %d", n, err, test.count)
			}
		})
	}
}

// Retries of the driver hide single faults by chance. The same seed makes the same faults.
func TestFaultsByChance(t *testing.T) {
	var counts [2]int64
	for run := range counts {
		proxy, client := behind(t, "")
		if err := proxy.SetChances(faultproxy.Chances{Seed: 7, CutBefore: 0.1, CutUnanswered: 0.1, Commands: []string{"insert"}}); err != nil {
			t.Fatal(err)
		}
		c, ctx, acknowledged := client.Database("d").Collection("c"), t.Context(), int64(0)
		for range 50 {
			if _, err := c.InsertOne(ctx, bson.M{}).Await(ctx); err == nil {
				acknowledged++
			}
		}
		if err := proxy.SetChances(faultproxy.Chances{}); err != nil {
			t.Fatal(err)
		}
		n, err := c.CountDocuments(ctx, bson.M{}).Await(ctx)
		if err != nil || n < acknowledged || acknowledged == 0 {
			t.Errorf("got %d documents, %v, want at least the %d acknowledged", n, err, acknowledged)
		}
		counts[run] = proxy.Stats().Faults
	}
	if counts[0] != counts[1] || counts[0] == 0 {
		t.Errorf("got %d and %d faults, want equal numbers", counts[0], counts[1])
	}
	proxy, _ := behind(t, "")
	for _, bad := range []faultproxy.Chances{{Delay: -0.1}, {Stall: 1.1}, {CutAfter: 0.6, CutBefore: 0.6}} {
		if err := proxy.SetChances(bad); err == nil {
			t.Errorf("%+v: got no error", bad)
		}
	}
	for _, bad := range []faultproxy.Fault{{Bytes: -1, Cut: faultproxy.CutWithin}, {Delay: -1}, {Cut: 99}, {Cut: -1}} {
		if err := proxy.Script("ping", bad); err == nil {
			t.Errorf("%+v: got no error", bad)
		}
	}
	if err := proxy.Script("hello", faultproxy.Fault{Stall: true}); err == nil {
		t.Error("hello: got no error")
	}
}

func TestStopAndResume(t *testing.T) {
	proxy, client := behind(t, "&serverSelectionTimeoutMS=2000")
	c, ctx := client.Database("d").Collection("c"), t.Context()
	if _, err := c.InsertOne(ctx, bson.M{}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	if err := proxy.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InsertOne(ctx, bson.M{}).Await(ctx); !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("stopped: got %v, want AutoReconnect", err)
	}
	if err := proxy.Resume(); err != nil {
		t.Fatal(err)
	}
	again := motor.MustClient(proxy.URI())
	defer again.Close(ctx)
	if _, err := again.Database("d").Collection("c").InsertOne(ctx, bson.M{}).Await(ctx); err != nil {
		t.Errorf("resumed: got %v, want nil", err)
	}
}

// A client leaves no cursor, session or connection.
func TestStatsCountWhatIsOpen(t *testing.T) {
	proxy, client := behind(t, "")
	c, ctx := client.Database("d").Collection("c"), t.Context()
	if _, err := c.InsertMany(ctx, make([]bson.D, 0, 1)).Await(ctx); err == nil {
		t.Error("got no error for an empty list")
	}
	docs := make([]bson.D, 10)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}}
	}
	if _, err := c.InsertMany(ctx, docs).Await(ctx); err != nil {
		t.Fatal(err)
	}
	cursor := c.Find(bson.M{}, options.Find().SetBatchSize(3))
	if _, err := cursor.Next(ctx).Await(ctx); err != nil {
		t.Fatal(err)
	}
	if s := proxy.Stats(); s.Cursors != 1 || s.Sessions == 0 || s.Connections == 0 || s.Commands < 2 {
		t.Errorf("got %+v, want a cursor, a session and a connection", s)
	}
	if _, err := cursor.Close(ctx).Await(ctx); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(ctx); err != nil {
		t.Fatal(err)
	}
	guard := time.Now().Add(30 * time.Second)
	for proxy.Stats().Connections > 0 && time.Now().Before(guard) {
		time.Sleep(time.Millisecond)
	}
	if s := proxy.Stats(); s.Cursors != 0 || s.Sessions != 0 || s.Connections != 0 {
		t.Errorf("after Close: got %+v, want nothing open", s)
	}
}

// One command of a hundred is cut off in the middle of its reply, and one waits. The same seed gives the same faults.
func ExampleChances() {
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
	fmt.Println(proxy.SetChances(faultproxy.Chances{Seed: 1, CutWithin: 0.01, Delay: 0.01}))
	fmt.Println(proxy.SetChances(faultproxy.Chances{CutWithin: 2}) != nil)
	// Output:
	// <nil>
	// true
}

// Cursors whose connections are cut do not fill the server: the embedded one hangs when 100 of a database are open.
func TestLostCursorsEnd(t *testing.T) {
	ctx, proxy := t.Context(), start(t, 1)
	client := motor.MustClient(proxy.URI())
	defer client.Close(context.WithoutCancel(ctx))
	c := client.Database("app").Collection("users")
	if _, err := c.InsertMany(ctx, []bson.D{{{Key: "_id", Value: 1}}, {{Key: "_id", Value: 2}}, {{Key: "_id", Value: 3}}}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	const opened = 110
	var cursors []*motor.Cursor[bson.M]
	for i := range opened {
		if err := proxy.Script("find", faultproxy.Fault{Cut: faultproxy.CutAfter}); err != nil {
			t.Fatal(err)
		}
		waits, cancel := context.WithTimeout(ctx, time.Minute) // the server hangs without the limit of the proxy
		cursors = append(cursors, c.Find(bson.D{}).BatchSize(1))
		if _, err := cursors[i].Next(waits).Await(waits); err != nil {
			t.Fatalf("cursor %d: %v", i, err)
		}
		cancel()
	}
	if n := proxy.Stats().Cursors; n != opened {
		t.Errorf("got %d open cursors, want %d", n, opened)
	}
	if _, err := c.FindOne(ctx, bson.D{}).Await(ctx); err != nil { // it finds out that the last connection is gone
		t.Fatal(err)
	}
	for i, cursor := range cursors {
		if _, err := cursor.Close(ctx).Await(ctx); err != nil {
			t.Errorf("closing cursor %d: %v", i, err)
		}
	}
	if n := proxy.Stats().Cursors; n != 0 {
		t.Errorf("got %d open cursors, want 0", n)
	}
}
