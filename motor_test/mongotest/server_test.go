package mongotest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// starters are the two ways in which an embedded server is started: the one of this build, which is inside the
// process when the race detector is off, and always a process of its own.
var starters = map[string]func(context.Context) (*mongotest.Server, error){
	"as this build does": mongotest.Run,
	"as a process":       mongotest.StartProcess,
}

func TestServerAcceptsDriverCommands(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			embedded(t)
			coll := connect(t, run(t, start).URI()).Database("db").Collection("coll")
			if _, err := coll.InsertMany(t.Context(), []any{bson.M{"_id": 1}, bson.M{"_id": 2}}); err != nil {
				t.Fatal(err)
			}
			cursor, err := coll.Find(t.Context(), bson.M{}, options.Find().SetSort(bson.M{"_id": -1}))
			if err != nil {
				t.Fatal(err)
			}
			var docs []struct {
				ID int `bson:"_id"`
			}
			if err := cursor.All(t.Context(), &docs); err != nil {
				t.Fatal(err)
			}
			if len(docs) != 2 || docs[0].ID != 2 || docs[1].ID != 1 {
				t.Errorf("found %v, want the documents 2 and 1", docs)
			}
		})
	}
}

func TestServersShareNoData(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			embedded(t)
			one, other := run(t, start).URI(), run(t, start).URI()
			if one == other {
				t.Fatalf("both servers are at %s", one)
			}
			if _, err := connect(t, one).Database("db").Collection("coll").InsertOne(t.Context(), bson.M{}); err != nil {
				t.Fatal(err)
			}
			n, err := connect(t, other).Database("db").Collection("coll").CountDocuments(t.Context(), bson.M{})
			if err != nil {
				t.Fatal(err)
			}
			if n != 0 {
				t.Errorf("the other server has %d documents of the first", n)
			}
		})
	}
}

func TestServerCloseLeavesNothing(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			embedded(t)
			leaks := goleak.IgnoreCurrent()
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)

			server, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			client := connect(t, server.URI())
			if _, err := client.Database("db").Collection("coll").InsertOne(t.Context(), bson.M{}); err != nil {
				t.Fatal(err)
			}
			if entries(t, tmp) == 0 {
				t.Error("the running server has no directory in TMPDIR")
			}
			if err := client.Disconnect(t.Context()); err != nil {
				t.Fatal(err)
			}

			var wg sync.WaitGroup
			for range 3 { // Close may be called again, and at the same time
				wg.Go(func() {
					if err := server.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
			wg.Wait()
			mustRefuse(t, server.URI())
			if n := entries(t, tmp); n != 0 {
				t.Errorf("%d entries left in TMPDIR", n)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

func TestRunContextIsDone(t *testing.T) {
	for name, start := range starters {
		t.Run(name, func(t *testing.T) {
			embedded(t)
			leaks := goleak.IgnoreCurrent()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := start(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled", err)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

func TestProcessServerWithoutGoCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := mongotest.StartProcess(t.Context()); err == nil {
		t.Error("a server was started without the go command")
	}
}

func TestRunWithMongoDBURI(t *testing.T) {
	const uri = "mongodb://db.example.net:27018/?replicaSet=rs"
	t.Setenv("MONGODB_URI", uri)
	if mongotest.Embedded() {
		t.Error("Embedded reports true with MONGODB_URI set")
	}
	server, err := mongotest.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if server.URI() != uri {
		t.Errorf("URI %s, want %s", server.URI(), uri)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if got := mongotest.Start(t); got != uri {
		t.Errorf("Start returned %s, want %s", got, uri)
	}
}

// embedded makes the servers of a test embedded ones even when the suite runs against another.
func embedded(t *testing.T) {
	t.Helper()
	t.Setenv("MONGODB_URI", "")
}

func run(t *testing.T, start func(context.Context) (*mongotest.Server, error)) *mongotest.Server {
	t.Helper()
	server, err := start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// connect returns a client that has reached the server, and disconnects it at the end of the test if the test has not.
func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil && !errors.Is(err, mongo.ErrClientDisconnected) {
			t.Error(err)
		}
	})
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return client
}

// mustRefuse checks that nobody listens at the URI any more.
func mustRefuse(t *testing.T, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", u.Host)
	if err == nil {
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting to the stopped server: error %v, want %v", err, syscall.ECONNREFUSED)
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return len(names)
}
