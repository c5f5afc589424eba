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

// starters are the functions that start an embedded server. Run starts it in this process if the race detector is off.
var starters = []struct {
	name  string
	start func(context.Context) (*mongotest.Server, error)
}{
	{"Run", mongotest.Run},
	{"StartProcess", mongotest.StartProcess},
}

func TestServerAcceptsDriverCommands(t *testing.T) {
	for _, c := range starters {
		t.Run(c.name, func(t *testing.T) {
			embedded(t)
			coll := connect(t, run(t, c.start).URI()).Database("db").Collection("coll")
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
				t.Errorf("got %v, want documents 2 and 1", docs)
			}
		})
	}
}

func TestServersShareNoData(t *testing.T) {
	for _, c := range starters {
		t.Run(c.name, func(t *testing.T) {
			embedded(t)
			one, other := run(t, c.start).URI(), run(t, c.start).URI()
			if one == other {
				t.Fatalf("both servers have the URI %s, want two URIs", one)
			}
			if _, err := connect(t, one).Database("db").Collection("coll").InsertOne(t.Context(), bson.M{}); err != nil {
				t.Fatal(err)
			}
			n, err := connect(t, other).Database("db").Collection("coll").CountDocuments(t.Context(), bson.M{})
			if err != nil {
				t.Fatal(err)
			}
			if n != 0 {
				t.Errorf("the other server has %d documents, want 0", n)
			}
		})
	}
}

func TestServerCloseLeavesNothing(t *testing.T) {
	for _, c := range starters {
		t.Run(c.name, func(t *testing.T) {
			embedded(t)
			leaks := goleak.IgnoreCurrent()
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)

			server, err := c.start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			client := connect(t, server.URI())
			if _, err := client.Database("db").Collection("coll").InsertOne(t.Context(), bson.M{}); err != nil {
				t.Fatal(err)
			}
			if entries(t, tmp) == 0 {
				t.Error("0 entries in TMPDIR while the server runs, want its directory")
			}
			if err := client.Disconnect(t.Context()); err != nil {
				t.Fatal(err)
			}

			var wg sync.WaitGroup
			for range 3 { // calls may repeat and overlap
				wg.Go(func() {
					if err := server.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
			wg.Wait()
			mustRefuse(t, server.URI())
			if n := entries(t, tmp); n != 0 {
				t.Errorf("%d entries left in TMPDIR, want 0", n)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

func TestRunContextIsDone(t *testing.T) {
	for _, c := range starters {
		t.Run(c.name, func(t *testing.T) {
			embedded(t)
			leaks := goleak.IgnoreCurrent()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := c.start(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want context.Canceled", err)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

func TestProcessServerWithoutGoCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := mongotest.StartProcess(t.Context()); err == nil {
		t.Error("StartProcess without the go command: got no error, want one")
	}
}

func TestRunWithMongoDBURI(t *testing.T) {
	const uri = "mongodb://db.example.net:27018/?replicaSet=rs"
	t.Setenv("MONGODB_URI", uri)
	if mongotest.Embedded() {
		t.Error("Embedded() = true with MONGODB_URI set, want false")
	}
	server, err := mongotest.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if server.URI() != uri {
		t.Errorf("URI() = %s, want %s", server.URI(), uri)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if got := mongotest.Start(t); got != uri {
		t.Errorf("Start() = %s, want %s", got, uri)
	}
}

// embedded makes the test use embedded servers even if the suite runs against another one.
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

// connect returns a client that has reached the server. The client is disconnected at the end of the test.
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

// mustRefuse checks that no server listens at the URI.
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
		t.Errorf("connecting to the stopped server: got error %v, want %v", err, syscall.ECONNREFUSED)
	}
}

// entries returns the number of entries of a directory.
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
