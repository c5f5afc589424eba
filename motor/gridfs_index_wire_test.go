package motor_test

import (
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// gridServer tracks which collections have documents and which have indexes. It fails the test if a file's document
// is inserted while the chunks collection has no index.
type gridServer struct {
	*wiretest.Peer

	mu        sync.Mutex
	documents map[string]bool
	indexes   map[string][]any
}

func startGridServer(t *testing.T) *gridServer {
	s := &gridServer{
		Peer:      wiretest.Start(t, wiretest.Standalone),
		documents: make(map[string]bool),
		indexes:   make(map[string][]any),
	}
	handle := func(name string, answer func(r *wiretest.Request, coll string)) {
		s.Handle(name, func(r *wiretest.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			answer(r, r.Command.Lookup(name).StringValue())
		})
	}
	handle("find", func(r *wiretest.Request, coll string) {
		var docs []any
		if s.documents[coll] {
			docs = append(docs, bson.M{"_id": 1})
		}
		r.Cursor("d."+coll, 0, docs...)
	})
	handle("listIndexes", func(r *wiretest.Request, coll string) { r.Cursor("d."+coll, 0, s.indexes[coll]...) })
	handle("createIndexes", func(r *wiretest.Request, coll string) {
		key := r.Command.Lookup("indexes", "0", "key").Document()
		s.indexes[coll] = append(s.indexes[coll], bson.M{"v": 2, "key": key, "name": "any"})
		r.OK()
	})
	handle("insert", func(r *wiretest.Request, coll string) {
		if coll == "fs.files" && s.indexes["fs.chunks"] == nil {
			t.Error("file was inserted while the chunks had no index")
		}
		s.documents[coll] = true
		r.OK(bson.M{"n": documentsOf(r)})
	})
	return s
}

// drop executes a received drop and returns the request without a reply.
func (s *gridServer) drop(r *wiretest.Request) *wiretest.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	coll := r.Command.Lookup("drop").StringValue()
	delete(s.documents, coll)
	delete(s.indexes, coll)
	return r
}

func TestGridFSIndexes(t *testing.T) {
	upload := func(t *testing.T, bucket *motor.GridFSBucket) {
		t.Helper()
		succeed(t, bucket.UploadFromStream(t.Context(), "f", strings.NewReader("x")))
	}
	start := func(t *testing.T) (*gridServer, *motor.GridFSBucket) {
		s := startGridServer(t)
		return s, bucketOf(t, s.Peer)
	}
	t.Run("upload while the drop of the files runs", func(t *testing.T) {
		s, bucket := start(t)
		dropping := bucket.Drop(t.Context())
		files := s.Receive("drop")
		upload(t, bucket)
		s.drop(files).OK()
		s.drop(s.Receive("drop")).OK()
		succeed(t, dropping)
		upload(t, bucket)
	})
	t.Run("upload while the drop of the chunks runs", func(t *testing.T) {
		s, bucket := start(t)
		upload(t, bucket)
		dropping := bucket.Drop(t.Context())
		s.drop(s.Receive("drop")).OK()
		chunks := s.Receive("drop")
		upload(t, bucket) // its document stays; the drop removes its chunks and their index
		s.drop(chunks).OK()
		succeed(t, dropping)
		upload(t, bucket)
	})
	t.Run("drop while an upload runs", func(t *testing.T) {
		s, bucket := start(t)
		in := bucket.OpenUploadStream("f")
		succeed(t, in.Write(t.Context(), make([]byte, enough)))
		dropping := bucket.Drop(t.Context())
		s.drop(s.Receive("drop")).OK()
		chunks := s.drop(s.Receive("drop")) // executed, not yet answered
		succeed(t, in.Close(t.Context()))
		chunks.OK()
		succeed(t, dropping)
	})
	for _, test := range []struct {
		name string
		drop func(*motor.GridFSBucket) *future.Future[struct{}]
	}{
		{"drop by another bucket", func(b *motor.GridFSBucket) *future.Future[struct{}] {
			other, err := motor.NewGridFSBucket(b.Collection().Database())
			if err != nil {
				return future.Rejected[struct{}](err)
			}
			return other.Drop(t.Context())
		}},
		{"drop of the chunks' collection", func(b *motor.GridFSBucket) *future.Future[struct{}] {
			return b.Collection().Collection("chunks").Drop(t.Context())
		}},
		{"drop of an index", func(b *motor.GridFSBucket) *future.Future[struct{}] {
			return b.Collection().Collection("chunks").DropIndex(t.Context(), "any")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, bucket := start(t)
			upload(t, bucket)
			s.Handle("drop", func(r *wiretest.Request) { s.drop(r).OK() })
			s.Handle("dropIndexes", func(r *wiretest.Request) {
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.indexes, "fs.chunks")
				r.OK()
			})
			succeed(t, test.drop(bucket))
			upload(t, bucket)
		})
	}
	t.Run("checked once by all buckets of a client", func(t *testing.T) {
		s, bucket := start(t)
		upload(t, bucket)
		n := len(s.Seen("find"))
		other, err := motor.NewGridFSBucket(bucket.Collection().Database())
		if err != nil {
			t.Fatalf("got error %v, want nil", err)
		}
		upload(t, other)
		if got := len(s.Seen("find")); got != n {
			t.Errorf("got %d find commands, want %v", got-n, n)
		}
	})
}
