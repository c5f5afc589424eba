package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serving returns a handler that serves out for every path.
func serving(t *testing.T, uri string, out func(*motor.GridFSBucket) *future.Future[*motor.GridOut]) *web.GridFSHandler {
	t.Helper()
	client, err := motor.NewClient(uri)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	handler, err := web.NewGridFSHandler(client.Database("d"), "")
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	handler.GetGridFSFile = func(b *motor.GridFSBucket, _ string, _ *http.Request) *future.Future[*motor.GridOut] { return out(b) }
	return handler
}

// The checksums are Motor's: hashlib.sha256 over str(_id), str(length) and str(upload_date).
func TestChecksumMatchesMotor(t *testing.T) {
	second := time.Date(2012, 1, 2, 3, 4, 5, 0, time.UTC)
	id, err := bson.ObjectIDFromHex("5f5e100000000000000000ab")
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	for _, test := range []struct {
		id   any
		date time.Time
		want string
	}{
		{id, second, "4f6507da3301ce314d70dc56f29c3d0b64bc7811ff7513aaa46b87f9f499a671"},
		{true, second.Add(678 * time.Millisecond), "2c7b97c32ba4aa161fbbea21ea2ab4e901a7360ecc9a52440d7bf5deef5990d3"},
		{7, second, "b055110657cd01e25b36c6936c384bb34ce16d0806894af56334a9c75cd34dd5"},
	} {
		handler := serving(t, "mongodb://localhost:1", func(b *motor.GridFSBucket) *future.Future[*motor.GridOut] {
			doc := bson.M{"_id": test.id, "length": 0, "chunkSize": 1, "uploadDate": test.date}
			return future.Resolved(motor.NewGridOut(b.Collection(), nil, doc))
		})
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/f", nil))
		if got := w.Header().Get("Etag"); got != `"`+test.want+`"` || w.Code != http.StatusOK {
			t.Errorf("%v: got status %d, ETag %s, want 200, %q", test.id, w.Code, got, test.want)
		}
	}
}

func TestHandlerClientGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	handler := serving(t, "mongodb://localhost:1", func(*motor.GridFSBucket) *future.Future[*motor.GridOut] {
		return future.Rejected[*motor.GridOut](context.Canceled)
	})
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler || w.Body.Len() != 0 {
			t.Errorf("got panic %v, status %d, body %q, want http.ErrAbortHandler and no body", p, w.Code, w.Body)
		}
	}()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/f", nil))
}

func TestHandlerRange(t *testing.T) {
	const size = 300 * 1024 // a batch has two chunks
	peer := wiretest.Start(t, wiretest.Standalone)
	killed := make(chan struct{}, 1)
	peer.Handle("killCursors", func(r *wiretest.Request) {
		r.OK()
		killed <- struct{}{}
	})
	peer.Handle("find", func(r *wiretest.Request) {
		r.Want(bson.M{"find": "fs.chunks", "filter": bson.M{"files_id": bson.M{"$eq": "f"}, "n": bson.M{"$gte": 2}}})
		r.Cursor("d.fs.chunks", 7, bson.M{"n": 2, "data": make([]byte, size)}, bson.M{"n": 3, "data": make([]byte, size)})
	})
	var out *motor.GridOut
	handler := serving(t, peer.URI(), func(b *motor.GridFSBucket) *future.Future[*motor.GridOut] {
		doc := bson.M{"_id": "f", "length": 9 * size, "chunkSize": size, "uploadDate": time.Unix(0, 0), "contentType": "x/y"}
		out = motor.NewGridOut(b.Collection(), nil, doc)
		return future.Resolved(out)
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/f", nil)
	r.Header.Set("Range", "bytes=614400-614409")
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusPartialContent || w.Body.Len() != 10 {
		t.Errorf("got status %d, %d bytes, want 206, 10", w.Code, w.Body.Len())
	}
	guard, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case <-killed:
	case <-guard.Done():
		t.Error("the cursor was not killed")
	}
	runtime.KeepAlive(out)
}
