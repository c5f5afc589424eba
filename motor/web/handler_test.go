package web_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
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

// A hook that panics, or returns nothing, gives 500 for its request only. The connection stays usable.
func TestHandlerHookPanics(t *testing.T) {
	reports := reporttest.Reports(t)
	bad := func(h *web.GridFSHandler) {}
	handler := serving(t, "mongodb://localhost:1", func(b *motor.GridFSBucket) *future.Future[*motor.GridOut] {
		doc := bson.M{"_id": 1, "length": 0, "chunkSize": 1, "uploadDate": time.Unix(1, 0)}
		return future.Resolved(motor.NewGridOut(b.Collection(), nil, doc))
	})
	good := *handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := good
		if r.URL.Path == "/bad" {
			bad(&h)
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	for _, test := range []struct {
		name string
		hook func(*web.GridFSHandler)
	}{
		{"GetGridFSFile", func(h *web.GridFSHandler) {
			h.GetGridFSFile = func(*motor.GridFSBucket, string, *http.Request) *future.Future[*motor.GridOut] { panic("hook") }
		}},
		{"GetGridFSFile returns nil", func(h *web.GridFSHandler) {
			h.GetGridFSFile = func(*motor.GridFSBucket, string, *http.Request) *future.Future[*motor.GridOut] { return nil }
		}},
		{"GetCacheTime", func(h *web.GridFSHandler) {
			h.GetCacheTime = func(string, time.Time, string) time.Duration { panic("hook") }
		}},
		{"SetExtraHeaders", func(h *web.GridFSHandler) {
			h.SetExtraHeaders = func(header http.Header, _ *motor.GridOut) { header.Set("X", "1"); panic("hook") }
		}},
	} {
		bad = test.hook
		for path, want := range map[string]int{"/bad": http.StatusInternalServerError, "/good": http.StatusOK} {
			response, err := server.Client().Get(server.URL + path)
			if err != nil {
				t.Errorf("%s, %s: got %v, want a response", test.name, path, err)
				continue
			}
			response.Body.Close()
			if response.StatusCode != want || want != http.StatusOK && response.Header.Get("X")+response.Header.Get("Etag") != "" {
				t.Errorf("%s, %s: got %d with headers %v, want %d", test.name, path, response.StatusCode, response.Header, want)
			}
		}
		select {
		case <-reports: // it comes before the response
		default:
			if test.name != "GetGridFSFile returns nil" { // its error is no panic: reports leaves it out
				t.Errorf("%s: got no report of the panic", test.name)
			}
		}
	}
}

func TestHandlerETagSyntax(t *testing.T) {
	handler := serving(t, "mongodb://localhost:1", func(b *motor.GridFSBucket) *future.Future[*motor.GridOut] {
		doc := bson.M{"_id": 1, "length": 0, "chunkSize": 1, "uploadDate": time.Unix(1, 0), "md5": "abc"}
		return future.Resolved(motor.NewGridOut(b.Collection(), nil, doc))
	})
	for _, test := range []struct {
		tags string
		want int
	}{
		{`"abc"`, 304}, {`W/"abc"`, 304}, {`"x", "abc"`, 304}, {`*`, 304}, {`"x"`, 200}, {`"abc"a`, 200}, {`abc`, 200}, {`"abc`, 200},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/f", nil)
		r.Header.Set("If-None-Match", test.tags)
		if handler.ServeHTTP(w, r); w.Code != test.want {
			t.Errorf("If-None-Match %s: got status %d, want %d", test.tags, w.Code, test.want)
		}
	}
}

func ExampleGridFSHandler() {
	client := motor.MustClient("mongodb://localhost:27017")
	defer client.Close(context.Background())
	var handler *web.GridFSHandler
	handler, err := web.NewGridFSHandler(client.Database("app"), "fs")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/files/", http.StripPrefix("/files/", handler)) // GET /files/a.txt
}

func ExampleLoopStats() {
	loop := callback.NewLoop()
	defer loop.Close()
	client := motor.MustClient("mongodb://localhost:27017", motor.WithIOLoop(loop))
	defer client.Close(context.Background())
	var stats *web.LoopStats = web.StatsOf(client).Loop // nil without a loop
	fmt.Println(stats.Callbacks)
	// Output: 0
}
