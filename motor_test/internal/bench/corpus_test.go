package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The documents have the keys that the specification counts, and about the sizes that it gives.
func TestCorpusShapes(t *testing.T) {
	corpus, err := LoadCorpus("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name           string
		doc            bson.D
		keys, from, to int
	}{
		{"flat", corpus.flat, 1 + 5*24, 3_500, 7_500},
		{"deep", corpus.deep, 2, 1_900, 2_000},
		{"full", corpus.full, 1 + 14*6, 2_000, 5_700},
		{"tweet", corpus.tweet, 11, 1_200, 1_700},
		{"small", corpus.small, 13, 240, 280},
		{"large", corpus.large, 1, 2_400_000, 2_750_000},
		{"line", corpus.line, 18, 900, 1_100},
	} {
		if size := len(mustMarshal(test.doc)); len(test.doc) != test.keys || size < test.from || size > test.to {
			t.Errorf("%s: got %d keys and %d bytes, want %d keys and %d to %d bytes", test.name, len(test.doc), size, test.keys, test.from, test.to)
		}
	}
	seen := map[bson.Type]int{}
	elements, err := bson.Raw(mustMarshal(corpus.full)).Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements[1:] {
		seen[e.Value().Type]++
	}
	for kind, n := range seen {
		if len(seen) != 14 || n != 6 {
			t.Errorf("full: got %d values of the type %v, and %d types, want 6 of each of 14", n, kind, len(seen))
		}
	}
}

func TestLoadCorpus(t *testing.T) {
	for _, test := range []struct {
		name, file, text string
		want             string // of the error
	}{
		{"a data set", "single_and_multi_document/small_doc.json", `{"a": {"$numberLong": "5"}}`, ""},
		{"invalid", "extended_bson/deep_bson.json", `{"a": `, "extended_bson/deep_bson.json"},
		{"none", "other.json", `{}`, "has no data set"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(test.file))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		corpus, err := LoadCorpus(dir)
		if test.want != "" {
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got %v, want an error with %q", test.name, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(corpus.small) != 1 || corpus.small[0].Value != int64(5) || len(corpus.deep) != 2 {
			t.Errorf("%s: got %v and a tree of %d keys, want the document of the file, and a tree that is made", test.name, corpus.small, len(corpus.deep))
		}
	}
}
