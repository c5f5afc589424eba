package contract_test

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func TestLegacyGridFS(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		fs := motor.NewGridFS(s.db, "")
		if got := mustCall[*motor.GridFS](t, s, fs, "Open"); got != fs {
			t.Error("Open returned another handle")
		}
		id := mustCall[any](t, s, fs, "Put", []byte("hello world"), motor.GridInOptions{Filename: "f", ContentType: "text/plain", ChunkSize: 4})
		out := mustCall[*motor.GridOut](t, s, fs, "Get", id)
		sum := md5.Sum([]byte("hello world"))
		if got, err := out.MD5(); got != hex.EncodeToString(sum[:]) || err != nil {
			t.Errorf("MD5() = %q, %v; want %x", got, err, sum)
		}
		if got := mustCall[[]byte](t, s, out, "Read", -1); string(got) != "hello world" {
			t.Errorf("got content %q, want \"hello world\"", got)
		}
		mustCall[any](t, s, fs, "Put", strings.NewReader("two"), motor.GridInOptions{ID: 2, Filename: "f", Fields: bson.D{{Key: "kind", Value: "x"}}})
		failsWith(t, motor.FileExists, s, fs, "Put", "other", motor.GridInOptions{ID: 2})
		in := mustCall[*motor.GridIn](t, s, fs, "NewFile", motor.GridInOptions{Filename: "g"})
		mustCall[struct{}](t, s, in, "Write", "three")
		mustCall[struct{}](t, s, in, "Close")
		three := md5.Sum([]byte("three"))
		if in.MD5() != hex.EncodeToString(three[:]) {
			t.Errorf("MD5() of a new file = %q, want %x", in.MD5(), three)
		}
		names := mustCall[[]string](t, s, fs, "List")
		if slices.Sort(names); !slices.Equal(names, []string{"f", "g"}) {
			t.Errorf("got names %q, want f and g", names)
		}
		for what, want := range map[any]bool{id: true, 2: true, 3: false} {
			if got := mustCall[bool](t, s, fs, "Exists", what); got != want {
				t.Errorf("Exists(%v) = %t, want %t", what, got, want)
			}
		}
		if !mustCall[bool](t, s, fs, "Exists", bson.M{"filename": "g"}) || mustCall[bool](t, s, fs, "Exists", bson.M{"filename": "h"}) {
			t.Error("Exists by filename: want true for g and false for h")
		}
		last := mustCall[*motor.GridOut](t, s, fs, "GetLastVersion", "", bson.M{"kind": "x"})
		if got, err := last.ID(); got != int32(2) || err != nil {
			t.Errorf("the last version has the id %v, %v; want 2", got, err)
		}
		failsWith(t, motor.NoFile, s, fs, "GetVersion", "f", 7)
		failsWith(t, motor.NoFile, s, fs, "GetLastVersion", "h")
		failsWith(t, motor.NoFile, s, fs, "Get", "nobody")
		one := mustCall[*motor.GridOut](t, s, fs, "FindOne", bson.M{"filename": "g"})
		if got := mustCall[[]byte](t, s, one, "Read", -1); string(got) != "three" {
			t.Errorf("got content %q, want \"three\"", got)
		}
		if none := mustCall[*motor.GridOut](t, s, fs, "FindOne", "nobody"); none != nil {
			t.Errorf("FindOne without a match = %v, want nil", none)
		}
		if c := fs.Find(bson.M{"filename": "f"}); mustCall[int64](t, s, c, "Count", true) != 2 {
			t.Error("Count() of Find(f): want 2")
		}
		mustCall[struct{}](t, s, fs, "Delete", id)
		mustCall[struct{}](t, s, fs, "Delete", id) // deleting a missing file is not an error
		failsWith(t, motor.NoFile, s, fs, "Get", id)
	})
}
