package motor_test

import (
	"errors"
	"fmt"
	"log"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func ExampleClient_CopyDatabase() {
	ctx := motor.WithProgress(ctx, func(p motor.Progress) {
		fmt.Printf("%d of %d collections, %d of %d documents\n", p.Collections, p.CollectionsTotal, p.Done, p.Total)
	})
	result, err := client.CopyDatabase(ctx, "app", "app_copy",
		motor.CopyFromHost("db2.example.com"),
		motor.CopyFromUser("ann", "secret"),
	).Await(ctx)
	if result != nil { // With an error, the result lists the collections copied so far.
		fmt.Println(len(result.Collections), "collections")
	}
	if err != nil {
		log.Fatal(err)
	}
}

// copyPeer is a server with the listed collections in database "a" and an empty database "b". It accepts all writes.
// It refuses $out, as servers before MongoDB 4.4 do if the target is in another database.
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

// listedAs returns a collection's entry in a listCollections reply.
func listedAs(name, kind string, options bson.D, uuid ...byte) bson.D {
	info := bson.D{{Key: "readOnly", Value: kind == "view"}}
	if uuid != nil {
		info = append(info, bson.E{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: uuid}})
	}
	return bson.D{{Key: "name", Value: name}, {Key: "type", Value: kind}, {Key: "options", Value: options}, {Key: "info", Value: info}}
}

func TestCopyDatabaseByServer(t *testing.T) {
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
		t.Fatalf("got %+v, %v, want %v, nil", got, err, want)
	}

	creates := make(map[string]string)
	for i, c := range peer.Seen("create") {
		if c.Lookup("$db").StringValue() != "b" {
			t.Errorf("got create command %s, want database b", c)
		}
		name := c.Lookup("create").StringValue()
		if name == "adults" && i != 3 {
			t.Error("view was not created last")
		}
		creates[name] = c.String()
	}
	for _, test := range []struct {
		name string
		want string
	}{
		{"log", `{"create": "log","capped": true,"size": {"$numberInt":"4096"},`},
		{"users", `{"create": "users","validator": {"age": {"$gt": {"$numberInt":"0"}}},"collation": {"locale": "de"},"lsid"`},
		{"weather", `{"create": "weather","timeseries": {"timeField": "at"},`},
		{"adults", `{"create": "adults","viewOn": "users","pipeline": [{"$match": {}}],`},
	} {
		if !strings.HasPrefix(creates[test.name], test.want) {
			t.Errorf("got %s, want %s", creates[test.name], test.want)
		}
	}
	indexes := peer.Seen("createIndexes")
	const index = `{"createIndexes": "users","indexes": [{"v": {"$numberInt":"1"},"unique": true,` +
		`"key": {"b": {"$numberInt":"1"},"a": {"$numberInt":"-1"}},"name": "both"}],`
	if len(indexes) != 1 || !strings.HasPrefix(indexes[0].String(), index) || indexes[0].Lookup("$db").StringValue() != "b" {
		t.Errorf("got %v, want %s in database b", indexes, index)
	}
	// $out cannot write to capped or time series collections.
	for _, c := range peer.Seen("insert") {
		if name := c.Lookup("insert").StringValue(); name != "log" && name != "weather" || c.Lookup("$db").StringValue() != "b" {
			t.Errorf("got insert %s, want log or weather in database b", c)
		}
	}
	if n := len(peer.Seen("insert")); n != 2 {
		t.Errorf("got %d inserts, want 2", n)
	}
}

func TestCopyDatabaseByClient(t *testing.T) {
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
		// A copy is acknowledged even if the client's write concern is w: 0.
		r.Want(bson.M{"writeConcern": bson.M{"w": 1}})
		r.OK(bson.M{"n": documentsOf(r)})
	})
	got, err := newClient(t, peer.URI("w=0")).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
	if err != nil || got.Documents() != 3 || !got.Collections[0].Complete {
		t.Errorf("got %+v, %v, want 3 documents, nil", got, err)
	}
	if n := len(peer.Seen("insert")); n != 2 {
		t.Errorf("got %d inserts, want one for each batch", n)
	}
}

func TestCopyDatabasePartialResult(t *testing.T) {
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
		{"killed by an administrator", func(p *wiretest.Peer) {
			p.Handle("aggregate", func(r *wiretest.Request) { r.Fail(11601, "Interrupted", "operation was interrupted") })
		}, motor.OperationFailure, motor.CopiedCollection{Name: "bad"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := copyPeer(t, listedAs("bad", "collection", bson.D{}), listedAs("view", "view", bson.D{{Key: "viewOn", Value: "bad"}}))
			test.fail(peer)
			got, err := newClient(t, peer.URI("retryReads=false")).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
			var half *motor.CopyError
			if !errors.As(err, &half) || half.Collection != "bad" || half.Result != got {
				t.Fatalf("got %v, %v, want a partial result in a CopyError of collection bad", got, err)
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

func TestCopyDatabaseCollectionExists(t *testing.T) {
	peer := copyPeer(t, listedAs("c", "collection", bson.D{}))
	peer.Handle("create", func(r *wiretest.Request) { r.Fail(48, "NamespaceExists", "Collection b.c already exists.") })
	got, err := newClient(t, peer.URI()).CopyDatabase(t.Context(), "a", "b").Await(t.Context())
	if !errors.Is(err, motor.CollectionInvalid) || got == nil || len(got.Collections) != 0 {
		t.Errorf("got %+v, %v, want no collections, CollectionInvalid", got, err)
	}
}

func TestCopyDatabaseOntoItself(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listCollections", func(r *wiretest.Request) {
		r.Cursor("a.$cmd.listCollections", 0, listedAs("c", "collection", bson.D{}, make([]byte, 16)...))
	})
	host := strings.Replace(peer.Address(), "127.0.0.1", "localhost", 1)
	f := newClient(t, peer.URI()).CopyDatabase(t.Context(), "a", "a", motor.CopyFromHost(host), motor.CopyReplace())
	if got, err := f.Await(t.Context()); !errors.Is(err, motor.ValueError) || got != nil {
		t.Errorf("CopyDatabase() = %v, %v, want nil, ValueError", got, err)
	}
}

func TestCopyDatabaseBadArguments(t *testing.T) {
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
		{"same server by its host", "a", "a", []motor.CopyOption{motor.CopyFromHost(peer.Address())}, motor.ValueError},
		{"user without password", "a", "b", []motor.CopyOption{motor.CopyFromUser("ann", "")}, motor.ConfigurationError},
		{"password without user", "a", "b", []motor.CopyOption{motor.CopyFromUser("", "secret")}, motor.ConfigurationError},
		{"two users", "a", "b", []motor.CopyOption{motor.CopyFromHost("mongodb://bob:b@h"), motor.CopyFromUser("ann", "a")}, motor.ConfigurationError},
		{"empty host", "a", "b", []motor.CopyOption{motor.CopyFromHost("")}, motor.InvalidURI},
		{"bad host", "a", "b", []motor.CopyOption{motor.CopyFromHost("h:port")}, motor.InvalidURI},
		{"bad scheme", "a", "b", []motor.CopyOption{motor.CopyFromHost("postgres://h")}, motor.InvalidURI},
		{"bad option", "a", "b", []motor.CopyOption{motor.CopyFromHost("mongodb://g,h/?directConnection=true")}, motor.ConfigurationError},
		{"nil option", "a", "b", []motor.CopyOption{nil}, motor.TypeError},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := client.CopyDatabase(t.Context(), test.from, test.to, test.opts...).Await(t.Context())
			if !errors.Is(err, test.class) || got != nil {
				t.Errorf("got %v, %v, want a %s", got, err, test.class.Name())
			}
		})
	}
	if _, accepted := peer.Connections(); accepted != 0 {
		t.Errorf("got %d connections, want 0", accepted)
	}
}

func TestCopyFromUserAuthenticates(t *testing.T) {
	for _, test := range []struct {
		name     string
		uri      func(*wiretest.Peer) (client string, opts []motor.CopyOption)
		database string
	}{
		{"on the same host", func(p *wiretest.Peer) (string, []motor.CopyOption) { return p.URI(), nil }, "admin"},
		{"on another host", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return noServerURI, []motor.CopyOption{motor.CopyFromHost(p.Address())}
		}, "admin"},
		{"by the users of a database", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return noServerURI, []motor.CopyOption{motor.CopyFromHost(p.URI("authSource=a"))}
		}, "a"},
		{"by those of the default database", func(p *wiretest.Peer) (string, []motor.CopyOption) {
			return noServerURI, []motor.CopyOption{motor.CopyFromHost("mongodb://" + p.Address() + "/a")}
		}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("saslStart", func(r *wiretest.Request) {
				r.Want(bson.M{"$db": test.database})
				if _, payload := r.Command.Lookup("payload").Binary(); !strings.Contains(string(payload), "n=ann@home,") {
					t.Errorf(`got SCRAM message %q, want one that contains "n=ann@home,"`, payload)
				}
				r.Fail(18, "AuthenticationFailed", "Authentication failed.")
			})
			uri, opts := test.uri(peer)
			f := newClient(t, uri).CopyDatabase(t.Context(), "a", "b", append(opts, motor.CopyFromUser("ann@home", "pass:word"))...)
			if got, err := f.Await(t.Context()); err == nil || got != nil {
				t.Errorf("CopyDatabase() = %v, %v, want nil, an error", got, err)
			}
			if len(peer.Seen("saslStart")) == 0 {
				t.Error("got no login, want one")
			}
			if uri == noServerURI {
				peer.AwaitConnections(0) // the source client has closed
			}
		})
	}
}
