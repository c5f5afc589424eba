package contract_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

func TestGridOutCursorReadMethods(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		for i := range 5 {
			s.uploaded(t, b, fmt.Sprint(i), []byte(fmt.Sprint("text ", i)), 3)
		}
		find := func() *motor.GridOutCursor { return b.Find(bson.D{}).Sort("filename").BatchSize(2) }
		read := func(out *motor.GridOut, i int) {
			t.Helper()
			if got := mustCall[[]byte](t, s, out, "Read", -1); string(got) != fmt.Sprint("text ", i) {
				t.Errorf("file %d: got content %q, want \"text %[1]d\"", i, got)
			}
		}
		c := find()
		read(mustCall[*motor.GridOut](t, s, c, "Next"), 0)
		if !mustCall[bool](t, s, c, "FetchNext") {
			t.Fatal("FetchNext() = false, want true")
		}
		if s.loop == nil {
			read(c.NextObject(), 1)
		} else {
			read(callback.WrapGridOutCursor(s.loop, c).NextObject().Futures(), 1)
		}
		read(mustCall[*motor.GridOut](t, s, c, "TryNext"), 2)
		// callAndAwait does not unwrap a list of handles in callback style.
		var rest []*motor.GridOut
		if s.loop == nil {
			rest = mustCall[[]*motor.GridOut](t, s, c, "ToList", 10)
		} else {
			list := mustCall[[]*callback.GridOut](t, s, c, "ToList", 10)
			for _, out := range list {
				rest = append(rest, out.Futures())
			}
		}
		if len(rest) != 2 {
			t.Fatalf("ToList() = %d files, want 2", len(rest))
		}
		read(rest[0], 3)
		read(rest[1], 4)
		failsWith(t, motor.StopAsyncIteration, s, c, "Next")
		if out := mustCall[*motor.GridOut](t, s, c, "TryNext"); out != nil {
			t.Errorf("TryNext() after the end = %v, want nil", out)
		}
		each := make(chan *motor.GridOut, 10)
		if s.loop == nil {
			find().Each(s.ctx, func(out *motor.GridOut, err error) bool { each <- out; return err == nil })
		} else {
			callback.WrapGridOutCursor(s.loop, find()).Each(s.ctx, func(out *callback.GridOut, err error) bool {
				if out == nil {
					each <- nil
				} else {
					each <- out.Futures()
				}
				return err == nil
			})
		}
		for i := range 5 {
			read(<-each, i)
		}
		if out := <-each; out != nil {
			t.Errorf("last call of Each: %v, want nil", out)
		}
		i := 0
		if s.loop == nil {
			for out, err := range find().Skip(1).Limit(3).All(s.ctx) {
				noError(t, err)
				i++
				read(out, i)
			}
		} else {
			for out, err := range callback.WrapGridOutCursor(s.loop, find()).Skip(1).Limit(3).All(s.ctx) {
				noError(t, err)
				i++
				read(out.Futures(), i)
			}
		}
		if i != 3 {
			t.Errorf("All yielded %d files, want 3", i)
		}
		opts := options.GridFSFind().SetSkip(2).SetLimit(1).SetSort(bson.D{{Key: "filename", Value: -1}})
		read(mustCall[*motor.GridOut](t, s, b.Find(bson.D{}, opts), "Next"), 2)
		read(mustCall[*motor.GridOut](t, s, c.Rewind().Clone(), "Next"), 0)
		failsWith(t, motor.TypeError, s, b.Find(nil), "Next")
		if c.Collection() != b.Collection() {
			t.Error("Collection() is not the bucket's collection")
		}
	})
}
