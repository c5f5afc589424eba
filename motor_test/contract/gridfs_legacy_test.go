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
		if got := must[*motor.GridFS](t, s, fs, "Open"); got != fs {
			t.Error("Open gives another one")
		}
		id := must[any](t, s, fs, "Put", []byte("hello world"), motor.GridInOptions{Filename: new("f"), ContentType: "text/plain", ChunkSize: 4})
		out := must[*motor.GridOut](t, s, fs, "Get", id)
		sum := md5.Sum([]byte("hello world"))
		if got, err := out.MD5(); got != hex.EncodeToString(sum[:]) || err != nil {
			t.Errorf("the md5 is %q, %v", got, err)
		}
		if got := must[[]byte](t, s, out, "Read", -1); string(got) != "hello world" {
			t.Errorf("it has %q", got)
		}
		must[any](t, s, fs, "Put", strings.NewReader("two"), motor.GridInOptions{ID: 2, Filename: new("f"), Fields: bson.D{{Key: "kind", Value: "x"}}})
		failsWith(t, motor.FileExists, s, fs, "Put", "other", motor.GridInOptions{ID: 2})
		in := must[*motor.GridIn](t, s, fs, "NewFile", motor.GridInOptions{Filename: new("g")})
		must[struct{}](t, s, in, "Write", "three")
		must[struct{}](t, s, in, "Close")
		three := md5.Sum([]byte("three"))
		if in.MD5() != hex.EncodeToString(three[:]) {
			t.Errorf("the md5 of a new file is %q", in.MD5())
		}
		names := must[[]string](t, s, fs, "List")
		if slices.Sort(names); !slices.Equal(names, []string{"f", "g"}) {
			t.Errorf("the names are %q", names)
		}
		for what, want := range map[any]bool{id: true, 2: true, 3: false} {
			if got := must[bool](t, s, fs, "Exists", what); got != want {
				t.Errorf("%v exists: %t", what, got)
			}
		}
		if !must[bool](t, s, fs, "Exists", bson.M{"filename": "g"}) || must[bool](t, s, fs, "Exists", bson.M{"filename": "h"}) {
			t.Error("it exists by other names")
		}
		last := must[*motor.GridOut](t, s, fs, "GetLastVersion", "", bson.M{"kind": "x"})
		if got, err := last.ID(); got != int32(2) || err != nil {
			t.Errorf("the last of its kind is %v, %v", got, err)
		}
		failsWith(t, motor.NoFile, s, fs, "GetVersion", "f", 7)
		failsWith(t, motor.NoFile, s, fs, "GetLastVersion", "h")
		failsWith(t, motor.NoFile, s, fs, "Get", "nobody")
		one := must[*motor.GridOut](t, s, fs, "FindOne", bson.M{"filename": "g"})
		if got := must[[]byte](t, s, one, "Read", -1); string(got) != "three" {
			t.Errorf("found is %q", got)
		}
		if none := must[*motor.GridOut](t, s, fs, "FindOne", "nobody"); none != nil {
			t.Errorf("nobody is %v", none)
		}
		if c := fs.Find(bson.M{"filename": "f"}); must[int64](t, s, c, "Count", true) != 2 {
			t.Error("Find finds others")
		}
		must[struct{}](t, s, fs, "Delete", id)
		must[struct{}](t, s, fs, "Delete", id) // as there is none, it is no error
		failsWith(t, motor.NoFile, s, fs, "Get", id)
	})
}
