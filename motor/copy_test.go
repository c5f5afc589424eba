package motor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func ExampleClient_CopyDatabase() {
	result, err := client.CopyDatabase(ctx, "app", "app_copy",
		motor.CopyFromHost("db2.example.com"),
		motor.CopyFromUser("ann", "secret"),
		motor.CopyOnProgress(func(p motor.CopyProgress) {
			fmt.Printf("%d of %d documents\n", p.Documents, p.DocumentsTotal)
		}),
	).Await(ctx)
	if result != nil { // beside an error, it is what had been copied before
		fmt.Println(len(result.Collections), "collections")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// copyPeer is a server with a database "a", which has the collections that listed names, and an empty database "b".
// It takes all that is written. $out it refuses, as servers before MongoDB 4.4 do.
func copyPeer(t *testing.T, listed ...bson.D) *wiretest.Peer {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listCollections", func(r *wiretest.Request) {
		var docs []any
		if database(r) == "a" {
			for _, d := range listed {
				docs = append(docs, d)
			}
		}
		r.Cursor(database(r)+".$cmd.listCollections", 0, docs...)
	})
	peer.Handle("create", func(r *wiretest.Request) { r.OK() })
	peer.Handle("count", func(r *wiretest.Request) { r.OK(bson.M{"n": 2}) })
	peer.Handle("aggregate", func(r *wiretest.Request) {
		r.Fail(40324, "Location40324", "$out supports only the same database")
	})
	peer.Handle("find", func(r *wiretest.Request) {
		r.Cursor("a.c", 0, bson.M{"_id": 1}, bson.M{"_id": 2})
	})
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": documentsOf(r)}) })
	peer.Handle("listIndexes", func(r *wiretest.Request) {
		r.Cursor("a.c", 0, bson.M{"v": 2, "key": bson.M{"_id": 1}, "name": "_id_"})
	})
	peer.Handle("createIndexes", func(r *wiretest.Request) { r.OK() })
	return peer
}

func database(r *wiretest.Request) string { return r.Command.Lookup("$db").StringValue() }

func documentsOf(r *wiretest.Request) int {
	values, _ := r.Command.Lookup("documents").Array().Values()
	return len(values)
}

// listedAs is what listCollections says of a collection.
func listedAs(name, kind string, options bson.D, uuid ...byte) bson.D {
	info := bson.D{{Key: "readOnly", Value: kind == "view"}}
	if uuid != nil {
		info = append(info, bson.E{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: uuid}})
	}
	return bson.D{{Key: "name", Value: name}, {Key: "type", Value: kind}, {Key: "options", Value: options}, {Key: "info", Value: info}}
}

func TestCopyDatabaseHasTheServerCopyWhatItCan(t *testing.T) {
	validator := bson.D{{Key: "age", Value: bson.D{{Key: "$gt", Value: 0}}}}
	collation := bson.D{{Key: "locale", Value: "de"}}
	pipeline := bson.A{bson.D{{Key: "$match", Value: bson.D{}}}}
	peer := copyPeer(t,
		listedAs("adults", "view", bson.D{{Key: "viewOn", Value: "users"}, {Key: "pipeline", Value: pipeline}}),
		listedAs("log", "collection", bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 4096}}),
		listedAs("system.buckets.weather", "collection", bson.D{}),
		listedAs("system.profile", "collection", bson.D{}),
		listedAs("system.views", "collection", bson.D{}),
		listedAs("users", "collection", bson.D{
			{Key: "validator", Value: validator}, {Key: "collation", Value: collation}, {Key: "autoIndexId", Value: true}}),
		listedAs("weather", "timeseries", bson.D{{Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "at"}}}}),
	)
	peer.Handle("aggregate", func(r *wiretest.Request) {
		r.Want(bson.D{
			{Key: "aggregate", Value: "users"},
			{Key: "$db", Value: "a"},
			{Key: "pipeline", Value: bson.A{bson.D{{Key: "$out", Value: bson.D{{Key: "db", Value: "b"}, {Key: "coll", Value: "users"}}}}}},
			{Key: "cursor", Value: bson.D{}},
			{Key: "bypassDocumentValidation", Value: true},
		})
		r.Cursor("a.users", 0)
	})
	peer.Handle("listIndexes", func(r *wiretest.Request) {
		r.Want(bson.M{"$db": "a"})
		var docs []any
		if r.Command.Lookup("listIndexes").StringValue() == "users" {
			docs = []any{
				bson.D{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"}, {Key: "ns", Value: "a.users"}},
				bson.D{{Key: "v", Value: 1}, {Key: "unique", Value: true}, {Key: "key", Value: bson.D{{Key: "b", Value: 1}, {Key: "a", Value: -1}}},
					{Key: "name", Value: "both"}, {Key: "ns", Value: "a.users"}},
				bson.D{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "c", Value: 1}}}, {Key: "name", Value: "own"}, {Key: "clustered", Value: true}},
			}
		}
		r.Cursor("a.$cmd", 0, docs...)
	})

	client := newClient(t, peer.URI())
	got, err := client.CopyDatabase(t.Context(), "a", "b").Await(t.Context())
	want := &motor.CopyResult{Collections: []motor.CopiedCollection{
		{Name: "log", Documents: 2, Complete: true},
		{Name: "users", Documents: 2, Indexes: []string{"both"}, Complete: true},
		{Name: "weather", Documents: 2, Complete: true},
		{Name: "adults", View: true, Complete: true},
	}}
	if err != nil || !reflect.DeepEqual(got, want) || got.Documents() != 6 {
		t.Fatalf("got %+v, %v", got, err)
	}

	creates := make(map[string]string)
	for i, c := range peer.Seen("create") {
		if c.Lookup("$db").StringValue() != "b" {
			t.Errorf("created in the wrong database: %s", c)
		}
		name := c.Lookup("create").StringValue()
		if name == "adults" && i != 3 {
			t.Error("the view did not come last")
		}
		creates[name] = c.String()
	}
	for name, want := range map[string]string{
		"log":     `{"create": "log","capped": true,"size": {"$numberInt":"4096"},`,
		"users":   `{"create": "users","validator": {"age": {"$gt": {"$numberInt":"0"}}},"collation": {"locale": "de"},"lsid"`,
		"weather": `{"create": "weather","timeseries": {"timeField": "at"},`,
		"adults":  `{"create": "adults","viewOn": "users","pipeline": [{"$match": {}}],`,
	} {
		if !strings.HasPrefix(creates[name], want) {
			t.Errorf("got %s, want %s", creates[name], want)
		}
	}
	indexes := peer.Seen("createIndexes")
	const index = `{"createIndexes": "users","indexes": [{"v": {"$numberInt":"1"},"unique": true,` +
		`"key": {"b": {"$numberInt":"1"},"a": {"$numberInt":"-1"}},"name": "both"}],`
	if len(indexes) != 1 || !strings.HasPrefix(indexes[0].String(), index) || indexes[0].Lookup("$db").StringValue() != "b" {
		t.Errorf("got %v", indexes)
	}
	// Capped and time series collections are no targets of $out.
	for _, c := range peer.Seen("insert") {
		if name := c.Lookup("insert").StringValue(); name != "log" && name != "weather" || c.Lookup("$db").StringValue() != "b" {
			t.Errorf("inserted: %s", c)
		}
	}
	if n := len(peer.Seen("insert")); n != 2 {
		t.Errorf("%d inserts, want 2", n)
	}
}

func TestCopyDatabaseReadsAndWritesWhatTheServerRefusesToCopy(t *testing.T) {
	peer := copyPeer(t, listedAs("c", "collection", bson.D{{Key: "validator", Value: bson.D{}}}))
	peer.Handle("find", func(r *wiretest.Request) {
		r.Want(bson.M{"find": "c", "$db": "a", "filter": bson.M{}, "batchSize": 1000})
		r.Cursor("a.c", 7, bson.M{"_id": 1})
	})
	peer.Handle("getMore", func(r *wiretest.Request) {
		r.Want(bson.M{"getMore": int64(7), "collection": "c", "$db": "a", "batchSize": 1000})
		r.Cursor("a.c", 0, bson.M{"_id": 2}, bson.M{"_id": 3})
	})
	peer.Handle("insert", func(r *wiretest.Request) {
		r.Want(bson.M{"insert": "c", "$db": "b", "ordered": true, "bypassDocumentValidation": true})
		// Not even a client that wants no answers makes a copy that does not know what it has written.
		r.Want(bson.M{"writeConcern": bson.M{"w": 1}})
		r.OK(bson.M{"n": documentsOf(r)})
	})
	got, err := newClient(t, peer.URI("w=0")).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
	if err != nil || got.Documents() != 3 || !got.Collections[0].Complete {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := len(peer.Seen("insert")); n != 2 {
		t.Errorf("%d inserts, want one for each batch", n)
	}
}

func TestCopyDatabaseThatFailsHalfWayTellsWhatItHasCopied(t *testing.T) {
	for _, test := range []struct {
		name  string
		fail  func(*wiretest.Peer)
		class *motor.ErrorClass
		want  motor.CopiedCollection
	}{
		{"in a batch", func(p *wiretest.Peer) {
			p.Handle("insert", func(r *wiretest.Request) {
				switch r.Command.Lookup("insert").StringValue() {
				case "bad":
					r.WriteError(1, 11000, "E11000 duplicate key")
				default:
					r.OK(bson.M{"n": documentsOf(r)})
				}
			})
		}, motor.BulkWriteError, motor.CopiedCollection{Name: "bad", Documents: 1}},
		{"while it reads", func(p *wiretest.Peer) {
			p.Handle("find", func(r *wiretest.Request) {
				r.Cursor("a.bad", 7, bson.M{"_id": 1}, bson.M{"_id": 2})
			})
			p.Handle("getMore", func(r *wiretest.Request) {
				r.Fail(43, "CursorNotFound", "cursor id 7 not found")
			})
		}, motor.CursorNotFound, motor.CopiedCollection{Name: "bad", Documents: 2}},
		{"at the indexes", func(p *wiretest.Peer) {
			p.Handle("listIndexes", func(r *wiretest.Request) { r.Fail(13, "Unauthorized", "not authorized") })
		}, motor.OperationFailure, motor.CopiedCollection{Name: "bad", Documents: 2}},
		{"when an administrator ends it", func(p *wiretest.Peer) {
			p.Handle("aggregate", func(r *wiretest.Request) { r.Fail(11601, "Interrupted", "operation was interrupted") })
		}, motor.OperationFailure, motor.CopiedCollection{Name: "bad"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := copyPeer(t, listedAs("bad", "collection", bson.D{}), listedAs("view", "view", bson.D{{Key: "viewOn", Value: "bad"}}))
			test.fail(peer)
			got, err := newClient(t, peer.URI("retryReads=false")).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
			var half *motor.CopyError
			if !errors.As(err, &half) || half.Collection != "bad" || half.Result != got {
				t.Fatalf("got %v, %v", got, err)
			}
			if !errors.Is(err, test.class) || !asA[mongo.ServerError](err) {
				t.Errorf("got %v, want a %s", err, test.class.Name())
			}
			if want := []motor.CopiedCollection{test.want}; !reflect.DeepEqual(got.Collections, want) {
				t.Errorf("got %+v, want %+v", got.Collections, want)
			}
		})
	}
}

func TestCopyDatabaseThatIsTooLateToCreateACollection(t *testing.T) {
	peer := copyPeer(t, listedAs("c", "collection", bson.D{}))
	peer.Handle("create", func(r *wiretest.Request) { r.Fail(48, "NamespaceExists", "Collection b.c already exists.") })
	got, err := newClient(t, peer.URI()).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
	if !errors.Is(err, motor.CollectionInvalid) || got == nil || len(got.Collections) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCopyDatabaseKnowsACollectionByAnotherName(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listCollections", func(r *wiretest.Request) {
		r.Cursor("a.$cmd.listCollections", 0, listedAs("c", "collection", bson.D{}, make([]byte, 16)...))
	})
	host := strings.Replace(peer.Address(), "127.0.0.1", "localhost", 1)
	f := newClient(t, peer.URI()).CopyDatabase(t.Context(), "a", "a", motor.CopyFromHost(host), motor.CopyReplace())
	if got, err := f.Await(t.Context()); !errors.Is(err, motor.ValueError) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCopyDatabaseRefusesBadInputBeforeAnythingIsSent(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	for _, test := range []struct {
		name     string
		from, to string
		opts     []motor.CopyOption
		class    *motor.ErrorClass
	}{
		{"no source", "", "b", nil, motor.InvalidName},
		{"bad source", "a.b", "b", nil, motor.InvalidName},
		{"no target", "a", "", nil, motor.InvalidName},
		{"bad target", "a", "b c", nil, motor.InvalidName},
		{"itself", "a", "a", nil, motor.ValueError},
		{"itself by its host", "a", "a", []motor.CopyOption{motor.CopyFromHost(peer.Address())}, motor.ValueError},
		{"user without password", "a", "b", []motor.CopyOption{motor.CopyFromUser("ann", "")}, motor.ConfigurationError},
		{"password without user", "a", "b", []motor.CopyOption{motor.CopyFromUser("", "secret")}, motor.ConfigurationError},
		{"two users", "a", "b", []motor.CopyOption{motor.CopyFromHost("mongodb://bob:b@h"), motor.CopyFromUser("ann", "a")}, motor.ConfigurationError},
		{"empty host", "a", "b", []motor.CopyOption{motor.CopyFromHost("")}, motor.InvalidURI},
		{"bad host", "a", "b", []motor.CopyOption{motor.CopyFromHost("h:port")}, motor.InvalidURI},
		{"bad scheme", "a", "b", []motor.CopyOption{motor.CopyFromHost("postgres://h")}, motor.InvalidURI},
		{"bad option", "a", "b", []motor.CopyOption{motor.CopyFromHost("mongodb://h/?sls=true")}, motor.ConfigurationError},
		{"nil option", "a", "b", []motor.CopyOption{nil}, motor.TypeError},
		{"nil progress", "a", "b", []motor.CopyOption{motor.CopyOnProgress(nil)}, motor.TypeError},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := client.CopyDatabase(t.Context(), test.from, test.to, test.opts...).Await(t.Context())
			if !errors.Is(err, test.class) || got != nil {
				t.Errorf("got %v, %v, want a %s", got, err, test.class.Name())
			}
		})
	}
	if _, accepted := peer.Connections(); accepted != 0 {
		t.Errorf("%d connections were opened", accepted)
	}
}

func TestCopyFromUserLogsIn(t *testing.T) {
	for _, test := range []struct {
		name     string
		uri      func(*wiretest.Peer) (client string, opts []motor.CopyOption)
		database string
	}{
		{"on the same host", func(p *wiretest.Peer) (string, []motor.CopyOption) { return p.URI(), nil }, "admin"},
		{"on another host", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return nowhere, []motor.CopyOption{motor.CopyFromHost(p.Address())}
		}, "admin"},
		{"by the users of a database", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return nowhere, []motor.CopyOption{motor.CopyFromHost(p.URI("authSource=a"))}
		}, "a"},
		{"by those of the default database", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return nowhere, []motor.CopyOption{motor.CopyFromHost("mongodb://" + p.Address() + "/a")}
		}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("saslStart", func(r *wiretest.Request) {
				r.Want(bson.M{"$db": test.database})
				if _, payload := r.Command.Lookup("payload").Binary(); !strings.Contains(string(payload), "n=ann@home,") {
					t.Errorf("logs in with %q", payload)
				}
				r.Fail(18, "AuthenticationFailed", "Authentication failed.")
			})
			uri, opts := test.uri(peer)
			f := newClient(t, uri).CopyDatabase(t.Context(), "a", "b", append(opts, motor.CopyFromUser("ann@home", "pass:word"))...)
			if got, err := f.Await(t.Context()); err == nil || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
			if len(peer.Seen("saslStart")) == 0 {
				t.Error("nobody logged in")
			}
			if uri == nowhere {
				peer.AwaitConnections(0) // the other client is closed
			}
		})
	}
}

func TestCopyDatabaseThatIsCancelledStops(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(f *future.Future[*motor.CopyResult], cancel func())
		want error
	}{
		{"by its future", func(f *future.Future[*motor.CopyResult], _ func()) { f.Cancel() }, future.ErrCancelled},
		{"by its context", func(_ *future.Future[*motor.CopyResult], cancel func()) { cancel() }, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := copyPeer(t, listedAs("c", "collection", bson.D{}))
			target := copyPeer(t)
			source.Handle("find", func(r *wiretest.Request) { r.Cursor("a.c", 7, bson.M{"_id": 1}) })
			source.Handle("getMore", func(r *wiretest.Request) { r.Cursor("a.c", 7, bson.M{"_id": 2}) })
			target.Handle("insert", nil)

			client := newClient(t, target.URI(), motor.WithMaxWorkers(1))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := client.CopyDatabase(ctx, "a", "b", motor.CopyFromHost(source.Address()))
			insert := target.Receive("insert")
			test.stop(f, cancel)
			got, err := f.Await(t.Context())
			if !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			if test.want == context.Canceled {
				want := &motor.CopyResult{Collections: []motor.CopiedCollection{{Name: "c"}}}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v", got)
				}
			}
			source.AwaitConnections(0) // the other client is closed
			if len(source.Seen("killCursors")) != 1 {
				t.Error("the cursor is still open")
			}
			insert.OK() // nobody is there to hear it
			if n := len(target.Seen("createIndexes")); n != 0 {
				t.Errorf("it went on")
			}
		})
	}
}

func TestCopyDatabaseGoesOnWhereTheExecutorTakesNoMore(t *testing.T) {
	t.Run("its queue is full", func(t *testing.T) {
		// The steps of one collection are in the way of those of the others.
		var listed []bson.D
		for _, name := range []string{"c", "d", "e", "f", "g"} {
			listed = append(listed, listedAs(name, "collection", bson.D{}))
		}
		peer := copyPeer(t, listed...)
		client := newClient(t, peer.URI(), motor.WithMaxWorkers(1), motor.WithMaxQueue(0))
		got, err := client.CopyDatabase(t.Context(), "a", "b").Await(t.Context())
		if err != nil || got.Documents() != 10 {
			t.Errorf("got %+v, %v", got, err)
		}
		if client.Stats().Rejected == 0 {
			t.Error("the queue was never full")
		}
	})
	t.Run("it is being closed", func(t *testing.T) {
		peer := copyPeer(t, listedAs("c", "collection", bson.D{}))
		peer.Handle("create", nil)
		client := newClient(t, peer.URI())
		f := client.CopyDatabase(t.Context(), "a", "b")
		create := peer.Receive("create")
		closed := make(chan error, 1)
		go func() { closed <- client.Close(context.Background()) }()
		for { // until the client is closed for new operations
			if !client.Connected() {
				break
			}
			time.Sleep(time.Millisecond)
		}
		create.OK()
		if got, err := f.Await(t.Context()); err != nil || got.Documents() != 2 {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		peer.AwaitConnections(0) // it has not opened the client again
	})
}

// serial is a loop: it runs what it is given, one after the other.
type serial struct {
	mu    sync.Mutex
	tasks []func()
}

func (s *serial) Execute(task func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, task)
	if len(s.tasks) == 1 {
		go s.run()
	}
	return nil
}

func (s *serial) run() {
	for {
		s.mu.Lock()
		task := s.tasks[0]
		s.mu.Unlock()
		task()
		s.mu.Lock()
		s.tasks = s.tasks[1:]
		more := len(s.tasks) > 0
		s.mu.Unlock()
		if !more {
			return
		}
	}
}

func TestCopyProgressComesOnTheLoopBeforeTheOutcome(t *testing.T) {
	for range 20 {
		peer := copyPeer(t, listedAs("c", "collection", bson.D{}), listedAs("d", "collection", bson.D{}), listedAs("v", "view", bson.D{}))
		client := newClient(t, peer.URI(), motor.WithIOLoop(new(serial)))
		var told []motor.CopyProgress // of the loop, and so without a lock
		f := client.CopyDatabase(t.Context(), "a", "b", motor.CopyOnProgress(func(now motor.CopyProgress) {
			told = append(told, now)
			time.Sleep(time.Millisecond)
		}))
		ended := make(chan []motor.CopyProgress, 1)
		f.OnComplete(func(*motor.CopyResult, error) { ended <- told })
		calls := <-ended
		want := motor.CopyProgress{Collections: 3, CollectionsTotal: 3, Documents: 4, DocumentsTotal: 4}
		if len(calls) == 0 || calls[len(calls)-1] != want {
			t.Fatalf("the last call was not the last: %v", calls)
		}
		if first := calls[0]; first.CollectionsTotal != 3 || first.DocumentsTotal != 4 {
			t.Errorf("the first call has no totals: %v", first)
		}
		for i := range calls[1:] {
			if a, b := calls[i], calls[i+1]; b.Collections < a.Collections || b.Documents < a.Documents || a == b || b.Documents > b.DocumentsTotal {
				t.Errorf("%v and then %v", a, b)
			}
		}
	}
}

func TestCopyProgressThatPanicsIsReportedOnce(t *testing.T) {
	told := make(chan error, 10)
	previous := future.SetUnobservedHandler(func(err error) { told <- err })
	t.Cleanup(func() { future.SetUnobservedHandler(previous) })
	peer := copyPeer(t, listedAs("c", "collection", bson.D{}))
	f := newClient(t, peer.URI()).CopyDatabase(t.Context(), "a", "b", motor.CopyOnProgress(func(motor.CopyProgress) { panic("stop") }))
	if got, err := f.Await(t.Context()); err != nil || got.Documents() != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	var p *future.PanicError
	if err := <-told; !errors.As(err, &p) || p.Value != "stop" {
		t.Errorf("reported: %v", err)
	}
	select {
	case err := <-told:
		t.Errorf("reported as well: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
}
