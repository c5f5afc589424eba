package specs_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/motor_test/specs"
)

// corpus is a file of MongoDB's BSON corpus.
type corpus struct {
	Description string
	Valid       []struct {
		Description    string
		CanonicalBSON  string `json:"canonical_bson"`
		DegenerateBSON string `json:"degenerate_bson"`
	}
	DecodeErrors []struct{ Description, BSON string } `json:"decodeErrors"`
}

// The documents of the BSON corpus go through the codec of this library, which decodes and encodes most documents
// without the driver, and stay what they are. What the driver refuses to decode is refused.
func TestBSONCorpus(t *testing.T) {
	dir, err := specs.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "bson-corpus", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	var codec bsoncodec.Codec
	valid, refused := 0, 0
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file corpus
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		name := file.Description
		for _, test := range file.Valid {
			want := decodeHex(t, test.CanonicalBSON)
			for _, given := range []string{test.CanonicalBSON, test.DegenerateBSON} {
				if given == "" {
					continue
				}
				valid++
				var doc bson.D
				if err := codec.Decode(decodeHex(t, given), &doc); err != nil {
					t.Errorf("%s: %s: got %v", name, test.Description, err)
					continue
				}
				if got, err := codec.Document("document", doc); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %s: got %x, %v, want %x", name, test.Description, []byte(got), err, want)
				}
				// A map has no order.
				if err := codec.Decode(decodeHex(t, given), new(bson.M)); err != nil {
					t.Errorf("%s: %s: as a map: got %v", name, test.Description, err)
				}
			}
		}
		for _, test := range file.DecodeErrors {
			raw := decodeHex(t, test.BSON)
			theirs := bson.Unmarshal(raw, new(bson.D))
			ours := codec.Decode(raw, new(bson.D))
			if theirs != nil {
				refused++
			}
			if (theirs == nil) != (ours == nil) {
				t.Errorf("%s: %s: got %v, want that of the driver: %v", name, test.Description, ours, theirs)
			}
		}
	}
	t.Logf("%d documents, %d refused", valid, refused)
	if valid < 300 || refused < 30 {
		t.Errorf("got %d documents and %d refused, want more: are the files complete?", valid, refused)
	}
}

func decodeHex(t *testing.T, text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
