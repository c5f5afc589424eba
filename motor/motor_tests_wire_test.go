package motor_test

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The tests of this file hold what Motor's own tests expect.

func TestEnsureIndexAfterCreateIndex(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	created := 0
	peer.Handle("createIndexes", func(r *wiretest.Request) { created++; r.OK() })
	c, ctx, keys := newClient(t, peer.URI()).Database("d").Collection("c"), t.Context(), bson.D{{Key: "a", Value: 1}}
	if name, err := c.CreateIndex(ctx, keys).Await(ctx); name != "a_1" || err != nil {
		t.Fatalf("CreateIndex: got %q, %v, want a_1", name, err)
	}
	if name, err := c.EnsureIndex(ctx, keys).Await(ctx); name != "" || err != nil || created != 1 {
		t.Errorf(`EnsureIndex: got %q, %v after %d commands, want "" after 1`, name, err, created)
	}
}

func TestFindOneMaxTime(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	var got bson.Raw
	found := []any{bson.M{"a": 1}}
	peer.Handle("find", func(r *wiretest.Request) { got = r.Command; r.Cursor("d.c", 0, found...) })
	c, ctx := newClient(t, peer.URI()).Database("d").Collection("c"), t.Context()
	doc, err := c.FindOne(ctx, bson.M{"a": 1}, motor.MaxTime(1500*time.Millisecond)).Await(ctx)
	if err != nil || doc["a"] != int32(1) {
		t.Errorf("got %v, %v, want the document", doc, err)
	}
	ms, single := got.Lookup("maxTimeMS").AsInt64(), got.Lookup("singleBatch").Boolean()
	if ms != 1500 || !single || got.Lookup("limit").AsInt64() != 1 {
		t.Errorf("got command %v, want maxTimeMS 1500, limit 1, singleBatch", got)
	}
	found = nil
	if doc, err := c.FindOne(ctx, bson.M{}, motor.MaxTime(time.Second)).Await(ctx); doc != nil || err != nil {
		t.Errorf("no match: got %v, %v, want nil", doc, err)
	}
	// A server that leaves the cursor open sends the document, or the error, with the next batch.
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(43, "CursorNotFound", "cursor id 7 not found") })
	if doc, err := c.FindOne(ctx, bson.M{}, motor.MaxTime(time.Second)).Await(ctx); !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("getMore fails: got %v, %v, want CursorNotFound", doc, err)
	}
	peer.Handle("find", func(r *wiretest.Request) { r.Fail(50, "MaxTimeMSExpired", "operation exceeded time limit") })
	if _, err := c.FindOne(ctx, bson.M{}, motor.MaxTime(time.Nanosecond)).Await(ctx); !errors.Is(err, motor.ExecutionTimeout) {
		t.Errorf("got %v, want ExecutionTimeout", err)
	}
	if _, err := c.FindOne(ctx, bson.M{}, motor.MaxTime(-1)).Await(ctx); !errors.Is(err, motor.ValueError) {
		t.Errorf("negative: got %v, want ValueError", err)
	}
}

func TestCursorProjection(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	var got bson.Raw
	peer.Handle("find", func(r *wiretest.Request) { got, _ = r.Command.Lookup("projection").DocumentOK(); r.Cursor("d.c", 0) })
	c, ctx := newClient(t, peer.URI()).Database("d").Collection("c"), t.Context()
	for _, test := range []struct {
		fields any
		want   string
	}{
		{bson.M{"a": 0}, `{"a": {"$numberInt":"0"}}`}, {[]string{"b"}, `{"b": {"$numberInt":"1"}}`},
	} {
		if _, err := c.Find(bson.M{}).Projection(test.fields).ToList(ctx).Await(ctx); err != nil || got.String() != test.want {
			t.Errorf("%v: got %v, %v, want %s", test.fields, got, err, test.want)
		}
	}
	if _, err := c.Find(bson.M{}).Projection(3).ToList(ctx).Await(ctx); !errors.Is(err, motor.TypeError) {
		t.Errorf("a number: got %v, want TypeError", err)
	}
}

func TestGridOutOfEmptyDocument(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.fs.files", 0) })
	root := newClient(t, peer.URI()).Database("d").Collection("fs")
	if _, err := motor.NewGridOut(root, nil, bson.M{}).Open(t.Context()).Await(t.Context()); !errors.Is(err, motor.NoFile) {
		t.Errorf("got %v, want NoFile", err)
	}
}

// The content of a file can be another file, also in the same bucket.
func TestGridInWritesGridOut(t *testing.T) {
	content := []byte("content of the file")
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) {
		switch r.Command.Lookup("find").StringValue() {
		case "fs.files":
			r.Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": int64(len(content)), "chunkSize": 255, "uploadDate": time.Now()})
		default:
			r.Cursor("d.fs.chunks", 0, bson.M{"_id": 2, "files_id": 1, "n": 0, "data": content})
		}
	})
	var chunk, file bson.Raw
	peer.Handle("insert", func(r *wiretest.Request) {
		doc := r.Command.Lookup("documents", "0").Document()
		if r.Command.Lookup("insert").StringValue() == "fs.chunks" {
			chunk = doc
		} else {
			file = doc
		}
		r.OK(bson.M{"n": 1})
	})
	db, ctx := newClient(t, peer.URI()).Database("d"), t.Context()
	bucket, err := motor.NewGridFSBucket(db)
	noError(t, err)
	out, err := bucket.OpenDownloadStream(ctx, 1).Await(ctx)
	noError(t, err)
	in := motor.NewGridIn(db.Collection("fs"), motor.GridInOptions{Filename: "copy", MD5: true})
	succeed(t, in.Write(ctx, out))
	succeed(t, in.Close(ctx))
	if _, data := chunk.Lookup("data").Binary(); string(data) != string(content) {
		t.Errorf("got content %q, want %q", data, content)
	}
	sum := md5.Sum(content)
	if got := file.Lookup("md5").StringValue(); got != hex.EncodeToString(sum[:]) {
		t.Errorf("got md5 %s, want %x", got, sum)
	}
}
