package motor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// socketTimeoutMS limits each round trip. The monitor's connection waits longer, and is not closed.
func TestSocketTimeout(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	quiet := make(chan struct{})
	defer close(quiet)
	peer.Handle("find", func(r *wiretest.Request) { <-quiet; r.Cursor("d.c", 0) })
	peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
	client := newClient(t, peer.URI("socketTimeoutMS=50&retryReads=false"))
	succeed(t, client.Open(t.Context()))
	_, err := client.Database("d").Collection("c").FindOne(t.Context(), bson.M{}).Await(t.Context())
	if !errors.Is(err, motor.NetworkTimeout) || !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("got %v, want a NetworkTimeout", err)
	}
	time.Sleep(300 * time.Millisecond) // several times the limit, in which the monitor waits
	if _, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context()); err != nil {
		t.Errorf("after the timeout: got %v, want nil", err)
	}
}

// A server answers a getMore that waits for documents after a second at the latest. socketTimeoutMS counts from then.
func TestSocketTimeoutOfTailableCursor(t *testing.T) {
	for _, wait := range []time.Duration{0, 500 * time.Millisecond} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 1}) })
		peer.Handle("getMore", func(r *wiretest.Request) {
			time.Sleep(300 * time.Millisecond) // more than the limit
			r.Reply(bson.M{"ok": 1, "cursor": bson.M{"id": int64(0), "ns": "d.c", "nextBatch": bson.A{bson.M{"i": 2}}}})
		})
		opts := options.Find().SetCursorType(options.TailableAwait)
		if wait > 0 {
			opts.SetMaxAwaitTime(wait)
		}
		client := newClient(t, peer.URI("socketTimeoutMS=100"))
		cursor := client.Database("d").Collection("c").Find(bson.D{}, opts)
		for i := 1; i <= 2; i++ {
			if doc, err := cursor.Next(t.Context()).Await(t.Context()); err != nil || fmt.Sprint(doc["i"]) != fmt.Sprint(i) {
				t.Errorf("maxAwaitTime %v: got %v, %v; want document %d", wait, doc, err, i)
			}
		}
	}
}

// The handshake names this library beside the driver, and what the user adds.
func TestHandshakeNamesLibrary(t *testing.T) {
	futures := func(uri string, opts ...motor.ClientOption) *motor.Client { return newClient(t, uri, opts...) }
	callbacks := func(uri string, opts ...motor.ClientOption) *motor.Client {
		client, err := callback.NewClient(callback.NewLoop(), uri, opts...)
		noError(t, err)
		t.Cleanup(func() { noError(t, client.Futures().Close(context.Background())) })
		return client.Futures()
	}
	for _, test := range []struct {
		client func(string, ...motor.ClientOption) *motor.Client
		user   *options.DriverInfo
		want   string
	}{
		{futures, nil, "mongo-go-driver|gomotor"},
		{futures, &options.DriverInfo{Name: "app", Version: "1", Platform: "p"}, "mongo-go-driver|gomotor|app"},
		{callbacks, nil, "mongo-go-driver|gomotor"},
		{callbacks, &options.DriverInfo{Name: "app", Version: "1"}, "mongo-go-driver|gomotor|app"},
	} {
		peer := wiretest.Start(t, wiretest.Standalone)
		names := make(chan string, 100)
		for _, hello := range []string{"hello", "isMaster"} {
			peer.Handle(hello, func(r *wiretest.Request) {
				if info, ok := r.Command.Lookup("client", "driver", "name").StringValueOK(); ok {
					version, _ := r.Command.Lookup("client", "driver", "version").StringValueOK()
					names <- info + " " + version
				}
				r.OK(peer.Hello())
			})
		}
		client := test.client(peer.URI(), motor.WithClientOptions(options.Client().SetDriverInfo(test.user)))
		succeed(t, client.Open(t.Context()))
		if got := <-names; !strings.HasPrefix(got, test.want+" ") || !strings.Contains(got, "|"+motor.Version()) {
			t.Errorf("got %q, want %q and the version %s", got, test.want, motor.Version())
		}
	}
}

// warnings returns the warnings of making a client.
func warnings(t *testing.T, uri string, opts ...motor.ClientOption) string {
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	newClient(t, uri, opts...)
	return logged.String()
}

func TestOptionWarnings(t *testing.T) {
	for _, test := range []struct {
		uri      string
		keywords map[string]any
		want     string // part of the warning; empty: none
	}{
		{"mongodb://h/?maxPoolSzie=10", nil, "maxPoolSzie"},
		{"mongodb://h/?maxPoolSize=ten", nil, "maxPoolSize"},
		{"mongodb://h/?maxPoolSize=", nil, "maxPoolSize"},
		{"mongodb://h/?uuidRepresentation=pythonLegacy", nil, "uuidRepresentation"},
		{"mongodb://h/?uuidRepresentation=standard", nil, ""},
		{"mongodb://h/?proxyHost=p", nil, "proxyHost"},
		{"h", map[string]any{"socketKeepAlive": true}, "socketKeepAlive"},
		{"h", map[string]any{"waitQueueMultiple": 3}, "waitQueueMultiple"},
		{"h", map[string]any{"maxPoolSize": 3}, ""},
		{"h", map[string]any{"connect": true}, "Client.Open"},
		{"h", map[string]any{"connect": false}, ""},
	} {
		if got := warnings(t, test.uri, motor.WithOptions(test.keywords)); (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s %v: got warning %q, want one with %q", test.uri, test.keywords, got, test.want)
		}
		_, err := motor.NewClient(test.uri, motor.WithOptions(test.keywords), motor.WithStrictOptions())
		if errors.Is(err, motor.ConfigurationError) != (test.want != "") {
			t.Errorf("%s %v, strict: got %v", test.uri, test.keywords, err)
		}
	}
}

// Each keyword of Motor's clients does what it says, is refused with a sentence, or is ignored with a warning (see
// TestOptionWarnings).
func TestKeywords(t *testing.T) {
	for _, test := range []struct {
		keywords map[string]any
		holds    func(*motor.Client, *options.ClientOptions) bool // nil: refused
	}{
		{map[string]any{"username": "ann", "password": "p@:/"}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return o.Auth.Username == "ann" && o.Auth.Password == "p@:/"
		}},
		{map[string]any{"username": "ann", "password": "p", "authSource": "db", "authMechanism": "SCRAM-SHA-256"},
			func(_ *motor.Client, o *options.ClientOptions) bool {
				return o.Auth.AuthSource == "db" && o.Auth.AuthMechanism == "SCRAM-SHA-256"
			}},
		{map[string]any{"username": "ann"}, nil},
		{map[string]any{"password": "p"}, nil},
		{map[string]any{"authMechanism": "NONE"}, nil},
		{map[string]any{"tls": true}, func(_ *motor.Client, o *options.ClientOptions) bool { return o.TLSConfig != nil }},
		{map[string]any{"ssl": true, "ssl_cert_reqs": "CERT_NONE"}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return o.TLSConfig.InsecureSkipVerify && o.TLSConfig.VerifyConnection == nil
		}},
		{map[string]any{"tlsAllowInvalidHostnames": true}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return o.TLSConfig.VerifyConnection != nil
		}},
		{map[string]any{"ssl_match_hostname": false}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return o.TLSConfig.VerifyConnection != nil
		}},
		{map[string]any{"ssl_certfile": "missing.pem"}, nil},
		{map[string]any{"tls": false, "tlsCAFile": "ca.pem"}, nil},
		{map[string]any{"tlsCRLFile": "f"}, nil},
		{map[string]any{"tz_aware": true}, func(c *motor.Client, _ *options.ClientOptions) bool { return c.TZAware() }},
		{map[string]any{"connect": false}, func(_ *motor.Client, o *options.ClientOptions) bool { return o.Direct == nil }},
		{map[string]any{"ssl": true, "ssl_cert_reqs": "CERT_OPTIONAL"}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return !o.TLSConfig.InsecureSkipVerify
		}},
		{map[string]any{"readPreference": "nearest", "readPreferenceTags": []string{"dc:a", "dc:b"}},
			func(_ *motor.Client, o *options.ClientOptions) bool {
				return fmt.Sprint(o.ReadPreference.TagSets()) == "[dc=a dc=b]"
			}},
		{map[string]any{"username": "u", "authMechanism": "GSSAPI", "authMechanismProperties": map[string]string{"SERVICE_NAME": "s", "SERVICE_REALM": "r"}},
			func(_ *motor.Client, o *options.ClientOptions) bool {
				return fmt.Sprint(o.Auth.AuthMechanismProperties) == "map[SERVICE_NAME:s SERVICE_REALM:r]"
			}},
		{map[string]any{"username": "u", "authMechanism": "GSSAPI", "authMechanismProperties": map[string]string{"SERVICE_NAME": "a,b"}}, nil},
		{map[string]any{"read_preference": (*readpref.ReadPref)(nil)}, nil},
		{map[string]any{"replicaSet": ""}, nil},
		{map[string]any{"replicaSet": []string{"a", "b"}}, nil},
		{map[string]any{"gssapiServiceName": "s"}, nil},
		{map[string]any{"connect": "direct"}, func(_ *motor.Client, o *options.ClientOptions) bool { return *o.Direct }},
		{map[string]any{"serverApi": "1"}, func(_ *motor.Client, o *options.ClientOptions) bool {
			return o.ServerAPIOptions.ServerAPIVersion == "1"
		}},
		{map[string]any{"serverApi": "9"}, nil},
		{map[string]any{"document_class": "M"}, nil},
		{map[string]any{"event_listeners": "x"}, nil},
		{map[string]any{"maxPoolSize": 5, "appName": "a"}, func(c *motor.Client, o *options.ClientOptions) bool {
			return c.MaxPoolSize() == 5 && *o.AppName == "a"
		}},
		{map[string]any{"appName": strings.Repeat("a", 129)}, nil},
		{map[string]any{"read_preference": "secondary", "maxStalenessSeconds": -1}, func(c *motor.Client, _ *options.ClientOptions) bool {
			return c.Options().ReadPreference.Mode().String() == "secondary"
		}},
	} {
		client, err := motor.NewClient("localhost", motor.WithOptions(test.keywords))
		switch {
		case test.holds == nil && !errors.Is(err, motor.ConfigurationError):
			t.Errorf("%v: got %v, want a ConfigurationError", test.keywords, err)
		case test.holds != nil && err != nil:
			t.Errorf("%v: got %v", test.keywords, err)
		case test.holds != nil && !test.holds(client, client.Options()):
			t.Errorf("%v: it has no effect", test.keywords)
		}
	}
}

// The port of a host in the DNS is there, too.
func TestPortOfSRV(t *testing.T) {
	_, err := motor.NewClient("mongodb+srv://h.example/", motor.WithPort(27018))
	if !errors.Is(err, motor.ConfigurationError) || !strings.Contains(err.Error(), "DNS") {
		t.Errorf("got %v, want a ConfigurationError", err)
	}
}

// No error and no form of a client or of its options shows the credentials.
func TestCredentialsAreHidden(t *testing.T) {
	for _, uri := range []string{
		"user:SECRET@host", "mongodb://user:a?SECRET=1&x@host/", "mongodb://user:SECRET@host:x", "mongodb://SECRET@host",
		"mongodb://user:SECRET@a,b/?directConnection=true", "mongodb://user:SECRET@h/?authMechanism=GSSAPI&authMechanismProperties=SECRET:x",
		"mongodb://user:SECRET@h/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:SECRET,x:y", "mongodb://user:SECRET@h/?authMechanism=MONGODB-X509",
		"mongodb://h/?tlsCertificateKeyFile=f&tlsCertificateKeyFilePassword=SECRET", "mongodb+srv://user:SECRET@a,b/",
		"mongodb://SECRET:p@h/?tlsCAFile=/missing/SECRET", // the driver's error has the path
	} {
		_, err := motor.NewClient(uri)
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(text, "SECRET") {
			t.Errorf("%s: got %s, want an error without SECRET", uri, text)
		}
	}
	for _, keywords := range []map[string]any{
		{"username": "SECRET"}, {"password": "SECRET"}, {"username": "SECRET", "password": "SECRET", "authMechanism": "MONGODB-X509"},
		{"username": "u", "password": "SECRET", "authMechanism": "x"}, {"username": "u", "password": []string{"SECRET"}},
		{"authMechanismProperties": "SECRET"}, {"authMechanismProperties": "SECRET:x", "authMechanism": "MONGODB-AWS"},
		{"tlsCertificateKeyFile": "missing", "tlsCertificateKeyFilePassword": "SECRET"}, {"proxyPassword": "SECRET"},
	} {
		_, err := motor.NewClient("localhost", motor.WithOptions(keywords))
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); err == nil || strings.Contains(text, "SECRET") {
			t.Errorf("%v: got %s, want an error without SECRET", keywords, text)
		}
	}
	client := newClient(t, "mongodb://user:SECRET@h/")
	coll := client.Database("d").Collection("c")
	bucket, err := motor.NewGridFSBucket(client.Database("d"))
	noError(t, err)
	wrapped, err := callback.NewClient(callback.NewLoop(), "mongodb://user:SECRET@h/")
	noError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		for _, value := range []any{client, client.Options(), *client.Options(), client.Database("d"), coll, coll.Find(bson.M{}), bucket,
			wrapped, *wrapped, wrapped.Database("d")} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "SECRET") {
				t.Errorf("%s of %T shows the password: %s", verb, value, text)
			}
		}
	}
	if p := client.Options().Auth.Password; p != "SECRET" {
		t.Errorf("Options: got password %q, want that of the connection string", p)
	}
}
