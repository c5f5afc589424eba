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

// The test binary runs itself as a helper for what cannot be seen from inside a test: a package that leaks, and a
// process that is killed while its server runs.
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
		t.Errorf("URI returned %s, then %s", uri, again)
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
				t.Errorf("two calls returned %s", name)
			}
		})
	}
	if name := mongotest.DatabaseName(t); !strings.HasPrefix(name, mongotest.DatabasePrefix+"testdatabasename_") {
		t.Errorf("%s does not tell the test", name)
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
			t.Fatalf("the server has no database %s", name)
		}
	})
	if slices.Contains(names(), name) {
		t.Errorf("database %s is still there after its test", name)
	}
}

func TestSkipIfEmbedded(t *testing.T) {
	skipped := func(uri string) (skipped bool) {
		t.Run("test", func(t *testing.T) {
			t.Setenv("MONGODB_URI", uri)
			defer func() { skipped = t.Skipped() }()
			mongotest.SkipIfEmbedded(t, "sharding")
		})
		return skipped
	}
	if !skipped("") {
		t.Error("a test of the embedded server went on")
	}
	if skipped("mongodb://db.example.net") {
		t.Error("a test of a real server was skipped")
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
		t.Errorf("the package that leaks ended with %v, want exit status 1", err)
	}
	if !strings.Contains(string(out), "goroutines leaked") {
		t.Errorf("the output does not say why:\n%s", out)
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
