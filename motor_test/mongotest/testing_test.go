package mongotest_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// The test binary runs itself as a helper process for two cases that a test cannot check from inside: a package that
// leaks a goroutine, and a process that is killed while its server runs.
const (
	helperEnv    = "MONGOTEST_HELPER"
	helperLeaks  = "leaks"
	helperIsShot = "is killed"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) == helperIsShot {
		serveUntilKilled()
	}
	mongotest.Main(m)
}

func TestURIReturnsSharedServer(t *testing.T) {
	uri := mongotest.URI(t)
	if again := mongotest.URI(t); again != uri {
		t.Errorf("URI() = %s, want %s as before", again, uri)
	}
	connect(t, uri)
}

func TestDatabaseName(t *testing.T) {
	for _, test := range []string{
		"TestInsert",
		"TestInsert/with_a_session/and Ünïcode $.\x00\"",
		"TestName" + strings.Repeat("ThatIsLong", 20),
		"",
	} {
		t.Run(test, func(t *testing.T) {
			name, other := mongotest.MakeDatabaseName(test), mongotest.MakeDatabaseName(test)
			if legal := regexp.MustCompile(`^gomotor_test_[a-z0-9_]{1,50}$`); !legal.MatchString(name) {
				t.Errorf("name %q (%d bytes) does not match %s", name, len(name), legal)
			}
			if name == other {
				t.Errorf("two calls returned %s, want two names", name)
			}
		})
	}
	if name := mongotest.DatabaseName(t); !strings.HasPrefix(name, mongotest.DatabasePrefix+"testdatabasename_") {
		t.Errorf("DatabaseName() = %s, want the test's name in it", name)
	}
}

func TestDatabaseNameDropsDatabase(t *testing.T) {
	embedded(t)
	uri := mongotest.Start(t)
	client := connect(t, uri)
	names := func() []string {
		names, err := client.ListDatabaseNames(t.Context(), bson.M{})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}

	var name string
	t.Run("test", func(t *testing.T) {
		t.Setenv("MONGODB_URI", uri)
		name = mongotest.DatabaseName(t)
		if _, err := client.Database(name).Collection("coll").InsertOne(t.Context(), bson.M{}); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(names(), name) {
			t.Fatalf("the server has no database %s, want it before the end of its test", name)
		}
	})
	if slices.Contains(names(), name) {
		t.Errorf("the server has database %s after its test, want it dropped", name)
	}
}

func TestSkip(t *testing.T) {
	for _, test := range []struct {
		name string
		uri  string
		skip func(testing.TB)
		want bool
	}{
		{"SkipIfEmbedded, embedded server", "", func(t testing.TB) { mongotest.SkipIfEmbedded(t, "sharding") }, true},
		{"SkipIfEmbedded, real server", "mongodb://db.example.net", func(t testing.TB) { mongotest.SkipIfEmbedded(t, "sharding") }, false},
		{"SkipUnlessEmbedded, embedded server", "", func(t testing.TB) { mongotest.SkipUnlessEmbedded(t, "it stops") }, false},
		{"SkipUnlessEmbedded, real server", "mongodb://db.example.net", func(t testing.TB) { mongotest.SkipUnlessEmbedded(t, "it stops") }, true},
	} {
		var got bool
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("MONGODB_URI", test.uri)
			defer func() { got = t.Skipped() }()
			test.skip(t)
		})
		if got != test.want {
			t.Errorf("%s: skipped: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestMainFailsOnGoroutineLeak(t *testing.T) {
	if os.Getenv(helperEnv) == helperLeaks {
		go func() { select {} }()
		return
	}
	out, err := helper(t, helperLeaks, "-test.run=^"+t.Name()+"$").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the helper that leaks: got %v, want exit status 1", err)
	}
	if !strings.Contains(string(out), "goroutines leaked") {
		t.Errorf("got output\n%s\nwant \"goroutines leaked\" in it", out)
	}
}

func helper(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+what)
	return cmd
}
