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

// call is an operation on an entity, with its expected outcome.
type call struct {
	Name         string         `bson:"name"`
	Object       string         `bson:"object"`
	Arguments    bson.Raw       `bson:"arguments"`
	ExpectError  *expectedError `bson:"expectError"`
	ExpectResult value          `bson:"expectResult"`
	SaveAs       string         `bson:"saveResultAsEntity"`
	Ignore       bool           `bson:"ignoreResultAndError"`
}

// collectionData has the documents of a collection before or after a test.
type collectionData struct {
	Database   string     `bson:"databaseName"`
	Collection string     `bson:"collectionName"`
	Options    bson.Raw   `bson:"createOptions"`
	Documents  []bson.Raw `bson:"documents"`
}

// The supported versions of the format: 1.0 to 1.29.
const (
	schemaMajor    = 1
	schemaMinorMax = 29
)

// readFile returns the file of this name, or nil if it is in another format.
func readFile(name string) (*file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var kind struct {
		SchemaVersion value `bson:"schemaVersion"`
	}
	if err := bson.UnmarshalExtJSON(text, false, &kind); err != nil || kind.SchemaVersion.IsZero() {
		return nil, nil // not a file of the unified format
	}
	return parseFile(text)
}

// parseFile parses a file and checks what can be checked before it runs. For an invalid file, it returns an error and
// the part of the file that could be parsed.
func parseFile(text []byte) (*file, error) {
	var f file
	if err := bson.UnmarshalExtJSON(text, false, &f); err != nil {
		// The descriptions of the tests, to report each test.
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
		return fmt.Errorf("unsupported schema version %q: want %d.x", version, schemaMajor)
	}
	if len(numbers) < 2 {
		return nil
	}
	if minor, err := strconv.Atoi(numbers[1]); err != nil || minor > schemaMinorMax {
		return fmt.Errorf("unsupported schema version %q: the latest supported is %d.%d", version, schemaMajor, schemaMinorMax)
	}
	return nil
}
