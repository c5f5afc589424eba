package specs

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// file is a file in the unified format.
type file struct {
	Description   string           `bson:"description"`
	SchemaVersion string           `bson:"schemaVersion"`
	RunOn         []requirement    `bson:"runOnRequirements"`
	Entities      []bson.Raw       `bson:"createEntities"`
	InitialData   []collectionData `bson:"initialData"`
	Tests         []testCase       `bson:"tests"`
}

// testCase is one test of a file.
type testCase struct {
	Description string                `bson:"description"`
	RunOn       []requirement         `bson:"runOnRequirements"`
	SkipReason  string                `bson:"skipReason"`
	Operations  []call                `bson:"operations"`
	Events      []expectedEvents      `bson:"expectEvents"`
	LogMessages []expectedLogMessages `bson:"expectLogMessages"`
	Outcome     []collectionData      `bson:"outcome"`
}

// call is one operation on an entity, with what is expected of it.
type call struct {
	Name         string         `bson:"name"`
	Object       string         `bson:"object"`
	Arguments    bson.Raw       `bson:"arguments"`
	ExpectError  *expectedError `bson:"expectError"`
	ExpectResult value          `bson:"expectResult"`
	SaveAs       string         `bson:"saveResultAsEntity"`
	Ignore       bool           `bson:"ignoreResultAndError"`
}

// collectionData is what a collection is filled with before a test, or has to have after it.
type collectionData struct {
	Database   string     `bson:"databaseName"`
	Collection string     `bson:"collectionName"`
	Options    bson.Raw   `bson:"createOptions"`
	Documents  []bson.Raw `bson:"documents"`
}

// The versions of the format that can be read: 1.0 to 1.29.
const (
	schemaMajor    = 1
	schemaMinorMax = 29
)

// readFile returns the file of this name, or nil if it is in some other format.
func readFile(name string) (*file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var kind struct {
		SchemaVersion value `bson:"schemaVersion"`
	}
	if err := bson.UnmarshalExtJSON(text, false, &kind); err != nil || kind.SchemaVersion.IsZero() {
		return nil, nil // the format has no files of which this cannot be read
	}
	return parseFile(text)
}

// parseFile reads a file and checks what can be checked before it is run. Beside the error of a file that must be
// refused stands what could be read of it.
func parseFile(text []byte) (*file, error) {
	var f file
	if err := bson.UnmarshalExtJSON(text, false, &f); err != nil {
		// The descriptions of its tests, to report them one by one.
		var names struct {
			Description string        `bson:"description"`
			RunOn       []requirement `bson:"runOnRequirements"`
			Tests       []struct {
				Description string `bson:"description"`
			} `bson:"tests"`
		}
		f = file{}
		if bson.UnmarshalExtJSON(text, false, &names) == nil {
			f.Description, f.RunOn = names.Description, names.RunOn
			for _, test := range names.Tests {
				f.Tests = append(f.Tests, testCase{Description: test.Description})
			}
		}
		return &f, err
	}
	return &f, f.check()
}

func (f *file) check() error {
	if err := checkSchema(f.SchemaVersion); err != nil {
		return err
	}
	for _, test := range f.Tests {
		for _, expected := range test.Events {
			if err := expected.check(); err != nil {
				return fmt.Errorf("%s: %w", test.Description, err)
			}
		}
	}
	return nil
}

func checkSchema(version string) error {
	numbers := strings.Split(version, ".")
	major, err := strconv.Atoi(numbers[0])
	if err != nil || major != schemaMajor {
		return fmt.Errorf("schema version %q: want %d.x", version, schemaMajor)
	}
	if len(numbers) < 2 {
		return nil
	}
	if minor, err := strconv.Atoi(numbers[1]); err != nil || minor > schemaMinorMax {
		return fmt.Errorf("schema version %q: known up to %d.%d", version, schemaMajor, schemaMinorMax)
	}
	return nil
}
