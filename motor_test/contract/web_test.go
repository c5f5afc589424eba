package contract_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
)

// site serves a bucket over HTTP.
type site struct {
	t       *testing.T
	db      *motor.Database
	handler *web.GridFSHandler
	server  *httptest.Server
}

func newSite(t *testing.T) *site {
	t.Helper()
	db := newCollection(t).Database()
	handler, err := web.NewGridFSHandler(db, "")
	noError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/files/{filename...}", handler)
	mux.Handle("/plain/", http.StripPrefix("/plain/", handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &site{t, db, handler, server}
}

// put writes a file whose _id is its name, with a fixed upload date.
func (s *site) put(name string, data []byte, date time.Time, opts motor.GridInOptions) {
	s.t.Helper()
	ctx := s.t.Context()
	opts.ID, opts.Filename = name, name
	in := motor.NewGridIn(s.handler.Bucket.Collection(), opts)
	noError(s.t, errorOf(in.Write(ctx, data).Await(ctx)))
	noError(s.t, errorOf(in.Close(ctx).Await(ctx)))
	change := bson.M{"$set": bson.M{"uploadDate": bson.NewDateTimeFromTime(date)}}
	noError(s.t, errorOf(s.db.Collection("fs.files").UpdateOne(ctx, bson.M{"_id": name}, change).Await(ctx)))
}

// get sends a request. headers has names and values in turn. get returns the response and its whole body.
func (s *site) get(method, path string, headers ...string) (*http.Response, string, error) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, nil)
	noError(s.t, err)
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

var day = time.Date(2012, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func TestWebHandlerServesFiles(t *testing.T) {
	s := newSite(t)
	data := string(patterned(600_000))
	s.put("a/b.txt", []byte(data), day, motor.GridInOptions{})
	const (
		modified = "Mon, 02 Jan 2012 03:04:05 GMT"
		// hashlib.sha256(b"a/b.txt" b"600000" b"2012-01-02 03:04:05.678000").hexdigest()
		etag = `"fae18afe5925e1155aa50b15b19513fee7dcb77fa5e1573e9f4fa9faf6e5a83b"`
	)
	for _, path := range []string{"/files/a/b.txt", "/plain/a/b.txt"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			resp, body, err := s.get(method, path)
			noError(t, err)
			if want := map[string]string{http.MethodGet: data}[method]; body != want || resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s: status %d with %d bytes, want 200 with %d", method, path, resp.StatusCode, len(body), len(want))
			}
			for _, c := range []struct {
				header string
				want   string
			}{
				{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Length", "600000"}, {"Last-Modified", modified}, {"Etag", etag},
				{"Cache-Control", "public"}, {"Expires", ""}, {"Accept-Ranges", "bytes"},
			} {
				if got := resp.Header.Get(c.header); got != c.want {
					t.Errorf("%s %s: %s is %q, want %q", method, path, c.header, got, c.want)
				}
			}
		}
	}
	for _, test := range []struct {
		status  int
		body    string
		headers []string
	}{
		{304, "", []string{"If-None-Match", etag}},
		{200, data, []string{"If-None-Match", `"other"`}},
		{304, "", []string{"If-Modified-Since", modified}},
		{304, "", []string{"If-Modified-Since", "Mon, 02 Jan 2012 03:04:06 GMT"}},
		{200, data, []string{"If-Modified-Since", "Mon, 02 Jan 2012 03:04:04 GMT"}},
		{200, data, []string{"If-Modified-Since", modified, "If-None-Match", `"other"`}},
		{206, data[10:20], []string{"Range", "bytes=10-19"}},
		{206, data[300_000:], []string{"Range", "bytes=300000-"}},
		{206, data[599_999:], []string{"Range", "bytes=-1"}},
		{416, "", []string{"Range", "bytes=600000-"}},
		{206, data[10:20], []string{"Range", "bytes=10-19", "If-Range", etag}},
		{200, data, []string{"Range", "bytes=10-19", "If-Range", `"other"`}},
	} {
		resp, body, err := s.get(http.MethodGet, "/files/a/b.txt", test.headers...)
		noError(t, err)
		if resp.StatusCode != test.status || body != test.body && test.status != 416 {
			t.Errorf("%q: status %d with %d bytes, want %d with %d", test.headers, resp.StatusCode, len(body), test.status, len(test.body))
		}
	}
	resp, body, err := s.get(http.MethodGet, "/files/a/b.txt", "Range", "bytes=0-1,300000-300001")
	noError(t, err)
	if resp.StatusCode != 206 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart/byteranges") ||
		!strings.Contains(body, data[300_000:300_002]) {
		t.Errorf("two ranges: status %d, headers %v; want 206 with multipart/byteranges", resp.StatusCode, resp.Header)
	}
	for _, path := range []string{"/files/nobody", "/plain/", "/files/a"} {
		if resp, _, err := s.get(http.MethodGet, path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v, %v; want status 404", path, resp, err)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut} {
		resp, _, err := s.get(method, "/files/a/b.txt")
		if err != nil || resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v, %v; want status 405 with Allow: GET, HEAD", method, resp, err)
		}
	}
}

func TestWebHandlerContentTypeAndEtag(t *testing.T) {
	s := newSite(t)
	s.put("old.html", []byte("<p>"), day.Truncate(time.Second), motor.GridInOptions{Fields: bson.D{{Key: "more", Value: 1}}})
	s.put("own.html", []byte("x"), day, motor.GridInOptions{ContentType: "application/x-own"})
	s.put("unknown", []byte("<html>"), day, motor.GridInOptions{})
	s.put("empty.txt", nil, day, motor.GridInOptions{})
	for _, c := range []struct {
		file string
		want string
	}{
		{"old.html", "text/html; charset=utf-8"}, {"own.html", "application/x-own"}, {"unknown", "text/html; charset=utf-8"},
		{"empty.txt", "text/plain; charset=utf-8"},
	} {
		resp, _, err := s.get(http.MethodGet, "/files/"+c.file)
		noError(t, err)
		if got := resp.Header.Get("Content-Type"); got != c.want || resp.StatusCode != 200 {
			t.Errorf("%s: status %d, Content-Type %q; want 200, %q", c.file, resp.StatusCode, got, c.want)
		}
	}
	// The Etag is the MD5 of a legacy file. Of two files with one name, the newest is served.
	ctx := t.Context()
	fs := motor.NewGridFS(s.db, "")
	noError(t, errorOf(fs.Put(ctx, "older", motor.GridInOptions{Filename: "v"}).Await(ctx)))
	time.Sleep(2 * time.Millisecond)
	noError(t, errorOf(fs.Put(ctx, "hello world", motor.GridInOptions{Filename: "v"}).Await(ctx)))
	resp, body, err := s.get(http.MethodGet, "/files/v")
	noError(t, err)
	if got := resp.Header.Get("Etag"); got != `"5eb63bbbe01eeed093cb22bb8f5acdc3"` || body != "hello world" {
		t.Errorf("got %q with Etag %s, want \"hello world\" with its MD5", body, got)
	}
}

func TestWebHandlerHooks(t *testing.T) {
	s := newSite(t)
	s.put("f.txt", []byte("text"), day, motor.GridInOptions{Metadata: bson.M{"lang": "en"}})
	s.handler.GetGridFSFile = func(b *motor.GridFSBucket, filename string, r *http.Request) *future.Future[*motor.GridOut] {
		switch filename {
		case "nothing":
			return future.Resolved[*motor.GridOut](nil)
		case "broken":
			return future.Rejected[*motor.GridOut](errors.New("broken"))
		}
		return future.Resolved(motor.NewGridOut(b.Collection(), filename+".txt")) // not open yet
	}
	s.handler.GetCacheTime = func(filename string, modified time.Time, mimeType string) time.Duration {
		if filename != "f" || !modified.Equal(day.Truncate(time.Second)) || mimeType != "" {
			t.Errorf("GetCacheTime(%q, %v, %q), want \"f\", the upload date, \"\"", filename, modified, mimeType)
		}
		return 90*time.Second + 999*time.Millisecond
	}
	s.handler.SetExtraHeaders = func(header http.Header, out *motor.GridOut) {
		meta, err := out.Metadata()
		noError(t, err)
		header.Set("Content-Language", meta["lang"].(string))
	}
	resp, body, err := s.get(http.MethodGet, "/files/f")
	noError(t, err)
	expires, err := time.Parse(http.TimeFormat, resp.Header.Get("Expires"))
	noError(t, err)
	if ahead := time.Until(expires); ahead < 60*time.Second || ahead > 90*time.Second {
		t.Errorf("Expires is %v from now, want 60 to 90 s", ahead)
	}
	if body != "text" || resp.Header.Get("Cache-Control") != "max-age=90" || resp.Header.Get("Content-Language") != "en" {
		t.Errorf("got %q with headers %v, want \"text\" with max-age=90 and language en", body, resp.Header)
	}
	for _, c := range []struct {
		path string
		want int
	}{{"nothing", 404}, {"broken", 500}, {"missing", 404}} {
		if resp, body, err := s.get(http.MethodGet, "/files/"+c.path); err != nil || resp.StatusCode != c.want || strings.Contains(body, "broken") {
			t.Errorf("%s: %v %q, %v; want %d", c.path, resp, body, err, c.want)
		}
	}
}

func TestWebHandlerCorruptFile(t *testing.T) {
	s := newSite(t)
	ctx, chunks := t.Context(), s.db.Collection("fs.chunks")
	for n := range 4 {
		name := strconv.Itoa(n) + ".txt"
		s.put(name, patterned(1000), day, motor.GridInOptions{ChunkSize: 300})
		noError(t, errorOf(chunks.DeleteOne(ctx, bson.M{"files_id": name, "n": n}).Await(ctx)))
		if resp, body, err := s.get(http.MethodGet, "/files/"+name); err == nil {
			t.Errorf("GET without chunk %d: status %v, %d bytes and no error; want an error", n, resp.Status, len(body))
		}
		// A response without content does not read the chunks.
		if resp, _, err := s.get(http.MethodHead, "/files/"+name); err != nil || resp.StatusCode != 200 {
			t.Errorf("HEAD without chunk %d: %v, %v; want status 200", n, resp, err)
		}
	}
	s.handler.SetExtraHeaders = func(header http.Header, _ *motor.GridOut) { header.Set("Content-Encoding", "x") } // omits Content-Length
	if _, body, err := s.get(http.MethodGet, "/files/3.txt"); err == nil {
		t.Errorf("without Content-Length: %d bytes and no error; want an error", len(body))
	}
}

func TestWebHandlerClientDisconnects(t *testing.T) {
	s := newSite(t)
	s.put("big", patterned(6<<20), day, motor.GridInOptions{ContentType: "x/y"})
	ended := make(chan struct{})
	inner := s.server.Config.Handler
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		inner.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/files/big", nil)
	noError(t, err)
	resp, err := s.server.Client().Do(r)
	noError(t, err)
	defer func() { _ = resp.Body.Close() }()
	noError(t, errorOf(io.ReadFull(resp.Body, make([]byte, 1000))))
	cancel()
	guard, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	select {
	case <-ended:
	case <-guard.Done():
		t.Fatal("the handler did not return within 30 seconds")
	}
	if stats := s.db.Client().Stats(); stats.Running != 0 || stats.Queued != 0 {
		// Operations that were running when the client disconnected end soon.
		for stats.Running+stats.Queued != 0 && guard.Err() == nil {
			time.Sleep(time.Millisecond)
			stats = s.db.Client().Stats()
		}
		if guard.Err() != nil {
			t.Errorf("the executor still runs operations: %+v", stats)
		}
	}
}
