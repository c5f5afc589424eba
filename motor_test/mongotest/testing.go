package mongotest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"
)

// DatabasePrefix begins every name that [DatabaseName] makes.
const DatabasePrefix = "gomotor_test_"

// maxDatabaseName is MongoDB's limit for the length of a database name, in bytes.
const maxDatabaseName = 63

// Start starts a server for this test alone, returns its URI, and stops the server at the end of the test. With
// MONGODB_URI set it returns that URI. Do not call it inside a synctest bubble, since the server does real I/O.
func Start(t testing.TB) string {
	t.Helper()
	s, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URI()
}

// shared is the server that the tests of a package share.
var shared struct {
	sync.Mutex
	main   bool // Main runs, and stops the server
	server *Server
}

// Main is the body of a package's TestMain. It runs the tests, stops the server that they shared, fails if a goroutine
// is left, and exits. The options are those of goleak, for goroutines that may stay.
func Main(m *testing.M, leaks ...goleak.Option) {
	shared.Lock()
	shared.main = true
	shared.Unlock()

	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	// After a failure, a report of the goroutines of failed tests would hide the reason.
	if code == 0 {
		if err := goleak.Find(leaks...); err != nil {
			fmt.Fprintf(os.Stderr, "mongotest: goroutines leaked after the tests passed: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// URI returns the URI of the server that all tests of the package share. The first call starts the server. The package
// needs a TestMain that calls [Main], which stops it. With MONGODB_URI set, URI returns that URI. Do not call it inside
// a synctest bubble, since the server does real I/O.
func URI(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("mongotest: no TestMain calls mongotest.Main: add one, or call mongotest.Start instead of URI")
	}
	if shared.server == nil {
		s, err := Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return shared.server.URI()
}

func stopShared() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return nil
	}
	err := shared.server.Close()
	shared.server = nil
	return err
}

// DatabaseName returns a database name that no other call returns, in this process or another. The name begins with
// [DatabasePrefix] and contains the test's name, shortened if need be. It is valid on every server: lower-case letters,
// digits and underscores, at most 63 bytes. With MONGODB_URI set, the database is dropped at the end of the test.
func DatabaseName(t testing.TB) string {
	t.Helper()
	name := databaseName(t.Name())
	if uri := os.Getenv(uriEnv); uri != "" {
		t.Cleanup(func() {
			if err := dropDatabase(uri, name); err != nil {
				t.Errorf("mongotest: dropping database %s: %v", name, err)
			}
		})
	}
	return name
}

func databaseName(test string) string {
	unique := "_" + strings.ToLower(rand.Text()[:10])
	legible := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r - 'A' + 'a'
		default:
			return '_'
		}
	}, test)
	room := maxDatabaseName - len(DatabasePrefix) - len(unique)
	return DatabasePrefix + legible[:min(len(legible), room)] + unique
}

func dropDatabase(uri, name string) (err error) {
	// The test's own context has ended by the time its cleanups run.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(5 * time.Second))
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := client.Disconnect(ctx); err == nil {
			err = closeErr
		}
	}()
	return client.Database(name).Drop(ctx)
}

// SkipIfEmbedded skips a test of a feature that the embedded server lacks.
func SkipIfEmbedded(t testing.TB, lacks string) {
	t.Helper()
	if Embedded() {
		t.Skipf("the embedded server has no %s; set %s to a MongoDB server that has", lacks, uriEnv)
	}
}

// SkipUnlessEmbedded skips a test that must have the embedded server to itself, for example because it stops the server.
// The reason is a clause.
func SkipUnlessEmbedded(t testing.TB, reason string) {
	t.Helper()
	if !Embedded() {
		t.Skipf("the test needs an embedded server: %s; unset %s", reason, uriEnv)
	}
}
