package motor_test

import (
	"context"
	"errors"
	"math"
	"net"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type keywords = map[string]any

func TestNewClientHosts(t *testing.T) {
	port := motor.WithPort(27018)
	for _, test := range []struct {
		host string
		opts []motor.ClientOption
		want []motor.Address
	}{
		{"", nil, []motor.Address{{Host: "localhost", Port: 27017}}},
		{"", []motor.ClientOption{port}, []motor.Address{{Host: "localhost", Port: 27018}}},
		{"db.example.com", nil, []motor.Address{{Host: "db.example.com", Port: 27017}}},
		{"localhost:27019", nil, []motor.Address{{Host: "localhost", Port: 27019}}},
		{"localhost:27019", []motor.ClientOption{port}, []motor.Address{{Host: "localhost", Port: 27019}}},
		{"a, b:1", []motor.ClientOption{port}, []motor.Address{{Host: "a", Port: 27018}, {Host: "b", Port: 1}}},
		{"[::1]", []motor.ClientOption{port}, []motor.Address{{Host: "::1", Port: 27018}}},
		{"[::1]:5", []motor.ClientOption{port}, []motor.Address{{Host: "::1", Port: 5}}},
		{"/tmp/mongodb-27017.sock", []motor.ClientOption{port}, []motor.Address{{Host: "/tmp/mongodb-27017.sock"}}},
		{"mongodb://u:p@a,b:1/app?w=1", []motor.ClientOption{port}, []motor.Address{{Host: "a", Port: 27018}, {Host: "b", Port: 1}}},
		{"mongodb://a", []motor.ClientOption{motor.WithOptions(keywords{"port": 7})}, []motor.Address{{Host: "a", Port: 7}}},
	} {
		t.Run(test.host, func(t *testing.T) {
			if got := newClient(t, test.host, test.opts...).Seeds(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNewClientNamedOptions(t *testing.T) {
	client := newClient(t, "mongodb://a/app?w=1&MaxPoolSize=5;minPoolSize=3&appName=x", motor.WithOptions(keywords{
		"max_pool_size":                   10,
		"w":                               2,
		"wtimeout":                        1000,
		"j":                               true,
		"tz_aware":                        true,
		"read_preference":                 readpref.SecondaryMode,
		"tag_sets":                        tags{{"dc": "ny"}, {}},
		"secondary_acceptable_latency_ms": 30,
		"serverSelectionTimeoutMS":        2 * time.Second,
		"maxIdleTimeMS":                   "60000",
		"compressors":                     []string{"zlib", "snappy"},
		"retryWrites":                     false,
		"replicaSet":                      "a&b",
	}))
	name, compressors := client.Options().ReplicaSet, client.Options().Compressors
	db, err := client.GetDefaultDatabase()
	noError(t, err)
	for _, test := range []struct{ got, want any }{
		{client.MaxPoolSize(), 10},
		{client.MinPoolSize(), 3},
		{*client.Options().AppName, "x"},
		{client.WriteConcern().String(), "{w: 2, wtimeout: 1000, j: true}"},
		{client.TZAware(), true},
		{client.ReadPreference(), readpref.SecondaryMode},
		{client.TagSets(), tags{{"dc": "ny"}, {}}},
		{client.SecondaryAcceptableLatencyMS(), 30},
		{client.ServerSelectionTimeout(), 2 * time.Second},
		{client.MaxIdleTimeMS(), 60000},
		{compressors, []string{"zlib", "snappy"}},
		{client.RetryWrites(), false},
		{*name, "a&b"},
		{db.Name(), "app"},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("got %v, want %v", test.got, test.want)
		}
	}
}

func TestNewClientBadNamedOptions(t *testing.T) {
	for _, test := range []struct {
		name string
		bad  any
	}{
		{"maxPoolSzie", 10},
		{"safe", true},
		{"", 1},
		{"maxPoolSize", -1},
		{"max_pool_size", "many"},
		{"minPoolSize", 1.5},
		{"w", -1},
		{"wtimeout", "soon"},
		{"j", nil},
		{"tz_aware", "yes"},
		{"port", "27017"},
		{"Port", 0},
		{"tag_sets", "dc:ny"},
		{"tagSets", tags{}},
		{"read_preference", "somewhere"},
		{"appName", time.Second},
		{"tls", struct{}{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := motor.NewClient("localhost", motor.WithOptions(keywords{test.name: test.bad}))
			if !errors.Is(err, motor.ConfigurationError) {
				t.Errorf("%s=%v: got %v, want a ConfigurationError", test.name, test.bad, err)
			}
		})
	}
	for _, port := range []int{-1, 0, 65536, math.MaxInt} {
		if _, err := motor.NewClient("localhost", motor.WithPort(port)); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("port %d: got %v, want a ConfigurationError", port, err)
		}
	}
	if _, err := motor.NewClient("localhost", motor.WithOptions(keywords{"j": true, "fsync": true})); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("j and fsync: got %v, want a ConfigurationError", err)
	}
}

func TestNewClientDefaultOptions(t *testing.T) {
	client := newClient(t, "localhost")
	for _, test := range []struct{ got, want any }{
		{client.ReadConcern(), (*readconcern.ReadConcern)(nil)},
		{client.RetryReads(), true},
		{client.RetryWrites(), true},
		{client.ServerSelectionTimeout(), 30 * time.Second},
		{client.MinPoolSize(), 0},
		{client.MaxIdleTimeMS(), 0},
		{client.LocalThresholdMS(), 15},
		{client.EventListeners(), []any(nil)},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("got %v, want %v", test.got, test.want)
		}
	}
	command, pool, server := new(event.CommandMonitor), new(event.PoolMonitor), new(event.ServerMonitor)
	client = newClient(t, "mongodb://localhost/?readConcernLevel=majority", motor.WithClientOptions(
		options.Client().SetMonitor(command).SetPoolMonitor(pool).SetServerMonitor(server)))
	if got := client.EventListeners(); !reflect.DeepEqual(got, []any{command, pool, server}) {
		t.Errorf("got listeners %v, want %v", got, []any{command, pool, server})
	}
	if got := client.ReadConcern(); got == nil || got.Level != "majority" {
		t.Errorf(`got read concern %v, want "majority"`, got)
	}
}

// The resolver counts its queries. It replaces a global variable, so the test is not parallel.
func TestSRVLookupAtFirstConnection(t *testing.T) {
	var asked atomic.Int32
	previous := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		asked.Add(1)
		return nil, errors.New("the test has no DNS")
	}}
	t.Cleanup(func() { net.DefaultResolver = previous })

	const uri = "mongodb+srv://user:pass@cluster.example.com/app?maxPoolSize=7&srvMaxHosts=2&srvServiceName=mongo&wTimeoutMS=5"
	client := newClient(t, uri)
	db, err := client.GetDefaultDatabase()
	if err != nil || db.Name() != "app" || client.MaxPoolSize() != 7 || client.WriteConcern().Len() != 1 {
		t.Errorf(`got database %v, %v, maxPoolSize %d, write concern %v, want "app", nil, 7, one item`, db, err, client.MaxPoolSize(), client.WriteConcern())
	}
	if client.Options().TLSConfig == nil {
		t.Error("mongodb+srv: got no TLS, want TLS")
	}
	if client := newClient(t, "mongodb+srv://cluster.example.com?tls=false"); client.Options().TLSConfig != nil {
		t.Error("tls=false: got TLS, want none")
	}
	for _, test := range []struct {
		name string
		bad  string
	}{
		{"a port", "mongodb+srv://cluster.example.com:27017"},
		{"two hosts", "mongodb+srv://a.example.com,b.example.com"},
		{"no host", "mongodb+srv:///app"},
		{"a direct connection", "mongodb+srv://cluster.example.com/?directConnection=true"},
		{"an unknown option", "mongodb+srv://cluster.example.com/?maxPoolSzie=1"},
		{"a wrong option", "mongodb+srv://cluster.example.com/?maxPoolSize=x"},
		{"a wrong maximum", "mongodb+srv://cluster.example.com/?srvMaxHosts=x"},
		{"no service", "mongodb+srv://cluster.example.com/?srvServiceName="},
		{"srv without srv", "mongodb://cluster.example.com/?srvMaxHosts=1"},
	} {
		if _, err := motor.NewClient(test.bad, motor.WithStrictOptions()); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want a ConfigurationError", test.name, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("got %d DNS queries before the first operation, want 0", n)
	}
	for range 2 { // a failed lookup is repeated
		before := asked.Load()
		_, err = client.ServerInfo(t.Context()).Await(t.Context())
		if !errors.Is(err, motor.ConfigurationError) || asked.Load() == before {
			t.Errorf("got %v, want a ConfigurationError, after %d questions", err, asked.Load()-before)
		}
	}
}

func TestReplicaSetClientNeedsSetName(t *testing.T) {
	for _, uri := range []string{"", "a,b", "mongodb://a,b/?w=1"} {
		if _, err := motor.NewReplicaSetClient(uri); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%q: got %v, want a ConfigurationError", uri, err)
		}
	}
	if _, err := motor.NewReplicaSetClient("mongodb://"); !errors.Is(err, motor.InvalidURI) {
		t.Errorf("got %v, want an InvalidURI", err)
	}
	client, err := motor.NewReplicaSetClient("b:2,a", motor.WithOptions(keywords{"replicaSet": "rs"}))
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if got, want := client.Seeds(), []motor.Address{{Host: "a", Port: 27017}, {Host: "b", Port: 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got seeds %v, want %v", got, want)
	}
	if got := client.ReplicaSetName(); got != "rs" {
		t.Errorf(`got name %q, want "rs"`, got)
	}
	if got, want := client.String(), `motor.ReplicaSetClient(["b:2" "a"])`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func newReplicaSetClient(t *testing.T, uri string) *motor.ReplicaSetClient {
	t.Helper()
	client, err := motor.NewReplicaSetClient(uri)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() { noError(t, client.Close(context.Background())) })
	return client
}

func TestReplicaSetClientNeedsPrimary(t *testing.T) {
	ctx := t.Context()
	set := wiretest.StartSet(t, wiretest.Secondary, wiretest.Secondary)
	client := newReplicaSetClient(t, set.URI("serverSelectionTimeoutMS=100", "readPreference=secondary"))
	eventually(t, func() bool { // the client may need more than 100 ms to find a member
		_, err := client.Refresh(ctx).Await(ctx)
		return err == nil
	})
	if _, err := client.Client.Open(ctx).Await(ctx); err != nil {
		t.Errorf("as a Client, with the secondaries to be read: Open() = %v, want nil", err)
	}
	if _, err := client.Open(ctx).Await(ctx); !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("Open() without a primary: got %v, want an AutoReconnect", err)
	}
	set.Elect(set.Peers[1])
	client = newReplicaSetClient(t, set.URI())
	if got, err := client.Open(ctx).Await(ctx); got != client || err != nil {
		t.Errorf("Open() with a primary = %v, %v, want %v, nil", got, err, client)
	}
	if got, want := client.Host(), "127.0.0.1"; got != want || !client.IsPrimary() || client.IsMongos() {
		t.Errorf("got host %s, primary %v, mongos %v, want %v, true, false", got, client.IsPrimary(), client.IsMongos(), want)
	}
}

func TestClientPropertiesAfterFailover(t *testing.T) {
	ctx := t.Context()
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Arbiter)
	client := newClient(t, set.URI())
	coll := client.Database("d").Collection("c")
	for i, peer := range set.Peers[:2] {
		peer.SetHello(bson.M{"maxWriteBatchSize": 1000 + i})
		peer.Handle("insert", func(r request) { r.OK(bson.M{"n": 1}) })
	}
	facts := func(primary, secondary *wiretest.Peer, batch int) {
		t.Helper()
		at, ok := client.Primary()
		if !ok || at.String() != primary.Address() {
			t.Errorf("Primary() = %v, want %s", at, primary.Address())
		}
		if address, _ := client.Address(); address != at || client.Host() != at.Host || client.Port() != at.Port {
			t.Errorf("got write address %v, host %s, port %d, want %v", address, client.Host(), client.Port(), at)
		}
		if all := client.Secondaries(); len(all) != 1 || all[0].String() != secondary.Address() {
			t.Errorf("Secondaries() = %v, want %s", all, secondary.Address())
		}
		if !client.IsPrimary() || len(client.Nodes()) != 3 || len(client.Hosts()) != 2 || len(client.Arbiters()) != 1 {
			t.Errorf("got primary %v, nodes %v, hosts %v, arbiters %v, want true, 3 nodes, 2 hosts, 1 arbiter", client.IsPrimary(), client.Nodes(), client.Hosts(), client.Arbiters())
		}
		if got := client.MaxWriteBatchSize(); got != batch {
			t.Errorf("got batch size %d, want the primary's %d", got, batch)
		}
	}
	noError(t, insertOne(ctx, coll)(ctx))
	eventually(t, func() bool { return len(client.Secondaries()) == 1 && len(client.Arbiters()) == 1 })
	facts(set.Peers[0], set.Peers[1], 1000)

	set.Peers[0].Handle("insert", func(r request) {
		set.Elect(set.Peers[1])
		r.Fail(10107, "NotWritablePrimary", "not primary", "RetryableWriteError")
	})
	noError(t, insertOne(ctx, coll)(ctx))
	eventually(t, func() bool { return len(client.Secondaries()) == 1 })
	facts(set.Peers[1], set.Peers[0], 1001)
}
