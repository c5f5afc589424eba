package contract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// imports maps the packages that the programs of README.md use to their import paths.
var imports = map[string]string{
	"bson": "go.mongodb.org/mongo-driver/v2/bson", "callback": "github.com/gomotor/gomotor/callback", "context": "context",
	"errors": "errors", "fmt": "fmt", "future": "github.com/gomotor/gomotor/future", "motor": "github.com/gomotor/gomotor/motor",
}

// TestReadmePrograms runs the programs of README.md against the server of the tests.
func TestReadmePrograms(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	noError(t, err)
	programs := regexp.MustCompile("(?s)```go\n(func main.*?)```").FindAllStringSubmatch(string(text), -1)
	for i, test := range []struct {
		name, collection string
		documents        []bson.M
		want             string // a regular expression: maps are printed in no order
	}{
		{"futures", "users", []bson.M{
			{"_id": "ann", "visits": 20}, {"_id": "ben", "visits": 5, "friend": "ann"}, {"_id": "cid", "visits": 12, "friend": "ann"},
		}, `\[\{.*cid.*\} \{.*ben.*\}\] <nil>\n2 <nil>\n`},
		{"callbacks", "messages", nil, `hello <nil>\n<nil> <nil>\n`},
		{"coroutines", "users", []bson.M{{"_id": "ann", "age": 31}, {"_id": "ben", "age": 44}}, `ann exists\nben\nann\n`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if i >= len(programs) {
				t.Fatalf("README.md has %d programs, want %d", len(programs), i+1)
			}
			db := newCollection(t).Database()
			if test.documents != nil {
				_, err := db.Collection(test.collection).InsertMany(t.Context(), test.documents).Await(t.Context())
				noError(t, err)
			}
			if got := runProgram(t, programs[i][1], db.Name()); !regexp.MustCompile("^" + test.want + "$").MatchString(got) {
				t.Errorf("got output %q, want %s", got, test.want)
			}
		})
	}
	if len(programs) != 3 {
		t.Errorf("README.md has %d programs, want 3", len(programs))
	}
}

// runProgram runs a program of README.md with a database of the test's server, and returns its output.
func runProgram(t *testing.T, source, database string) string {
	t.Helper()
	var head []string
	for name, path := range imports {
		if strings.Contains(source, name+".") {
			head = append(head, `import "`+path+`"`)
		}
	}
	slices.Sort(head)
	source = strings.NewReplacer("mongodb://localhost:27017", mongotest.URI(t), `"app"`, `"`+database+`"`).Replace(source)
	file := filepath.Join(t.TempDir(), "main.go")
	noError(t, os.WriteFile(file, []byte("package main\n\n"+strings.Join(head, "\n")+"\n\n"+source), 0o600))
	var messages strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", "run", file)
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	return string(out)
}
