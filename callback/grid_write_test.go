package callback_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
)

// A coroutine copies a file into another one. The file is read on a goroutine of the executor, not on the loop.
func TestWriteGridOutInCoroutine(t *testing.T) {
	content := []byte("content of the file")
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) {
		if r.Command.Lookup("find").StringValue() == "fs.files" {
			r.Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": int64(len(content)), "chunkSize": 255, "uploadDate": time.Now()})
			return
		}
		r.Cursor("d.fs.chunks", 0, bson.M{"_id": 2, "files_id": 1, "n": 0, "data": content})
	})
	var got []byte
	peer.Handle("insert", func(r *wiretest.Request) {
		if r.Command.Lookup("insert").StringValue() == "fs.chunks" {
			_, got = r.Command.Lookup("documents", "0", "data").Binary()
		}
		r.OK(bson.M{"n": 1})
	})
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := callback.NewClient(loop, peer.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Futures().Close(context.Background())
	bucket, err := callback.NewGridFSBucket(client.Database("d"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = callback.RunSync(loop, func(co *callback.Co) (none, error) {
		out := callback.Must(co, bucket.Futures().OpenDownloadStream(co, 1))
		in := bucket.OpenUploadStream("copy")
		callback.Must(co, in.Futures().Write(co, callback.WrapGridOut(loop, out)))
		callback.Must(co, in.Futures().Close(co))
		return none{}, nil
	})
	if err != nil || string(got) != string(content) {
		t.Errorf("got content %q, %v, want %q", got, err, content)
	}
}
