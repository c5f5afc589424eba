package web_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
)

// rangeDate is the upload date of the files.
var rangeDate = time.Unix(1_000_000_000, 0)

// serveBytes returns a handler for a file with the bytes of data in chunks of a size, and the server that has it. The
// server sends two chunks at a time.
func serveBytes(t *testing.T, data []byte, chunkSize int) (*web.GridFSHandler, *wiretest.Peer) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Standalone)
	chunks := func(from int) (docs []any, id int64) {
		for n := from; n*chunkSize < len(data); n++ {
			if n == from+2 {
				return docs, int64(n) // the cursor's id is its next chunk
			}
			docs = append(docs, bson.M{"n": n, "data": data[n*chunkSize : min(len(data), (n+1)*chunkSize)]})
		}
		return docs, 0
	}
	peer.Handle("find", func(r *wiretest.Request) {
		from, _ := r.Command.Lookup("filter", "n", "$gte").AsInt64OK()
		docs, id := chunks(int(from))
		r.Cursor("d.fs.chunks", id, docs...)
	})
	peer.Handle("getMore", func(r *wiretest.Request) {
		docs, id := chunks(int(r.Command.Lookup("getMore").Int64()))
		r.Cursor("d.fs.chunks", id, docs...)
	})
	peer.Handle("killCursors", func(r *wiretest.Request) { r.OK() })
	handler := serving(t, peer.URI(), func(b *motor.GridFSBucket) *future.Future[*motor.GridOut] {
		doc := bson.M{"_id": "f", "length": len(data), "chunkSize": chunkSize, "uploadDate": rangeDate, "contentType": "x/y"}
		return future.Resolved(motor.NewGridOut(b.Collection(), nil, doc))
	})
	return handler, peer
}

// letters returns n bytes.
func letters(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = 'a' + byte(i%26)
	}
	return data
}

// rangeResponse sends a request to a handler. It returns what the response says, with a fixed boundary.
func rangeResponse(handler http.Handler, method string, header http.Header) string {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/f", nil)
	maps.Copy(r.Header, header)
	handler.ServeHTTP(w, r)
	kind, params, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	body := w.Body.String()
	if boundary := params["boundary"]; boundary != "" {
		body = strings.ReplaceAll(body, boundary, "boundary")
	}
	if w.Code == http.StatusRequestedRangeNotSatisfiable {
		kind, body = "", ""
	}
	return fmt.Sprintf("%d %s [%s] %q", w.Code, kind, w.Header().Get("Content-Range"), body)
}

func TestHandlerRanges(t *testing.T) {
	const whole, refused = `200 x/y [] "abcdefghij"`, `416  [bytes */10] ""`
	for _, test := range []struct {
		method string
		ranges []string
		want   string
	}{
		{"GET", []string{"bytes=2-4"}, `206 x/y [bytes 2-4/10] "cde"`},
		{"GET", []string{"Bytes=2-4"}, `206 x/y [bytes 2-4/10] "cde"`},
		{"GET", []string{"bytes= 2 - 4 ,,"}, `206 x/y [bytes 2-4/10] "cde"`},
		{"GET", []string{"bytes=7-99999999999999999999"}, `206 x/y [bytes 7-9/10] "hij"`},
		{"GET", []string{"bytes=-99999999999999999999"}, `206 x/y [bytes 0-9/10] "abcdefghij"`},
		{"GET", []string{"bytes=99999999999999999999-"}, refused},
		{"GET", []string{"bytes=-0"}, refused},
		{"GET", []string{"bytes=10-,-0"}, refused},
		{"GET", []string{"bytes=10-,-3,-0"}, `206 x/y [bytes 7-9/10] "hij"`},
		{"GET", []string{"bytes=0-1,1-2"}, whole},
		{"GET", []string{"bytes=5-6,-9,0-0"}, whole},
		{"GET", []string{"lines=0-1"}, whole},
		{"GET", []string{"bytes"}, `416  [] ""`},
		{"GET", []string{"bytes=+1-2"}, `416  [] ""`},
		{"GET", []string{"bytes=4-2"}, `416  [] ""`},
		{"GET", []string{"bytes=-"}, `416  [] ""`},
		{"GET", []string{"bytes=0-1", "bytes=3-4"}, whole},
		{"HEAD", []string{"bytes=0-1"}, `200 x/y [] ""`},
	} {
		handler, _ := serveBytes(t, letters(10), 3)
		if got := rangeResponse(handler, test.method, http.Header{"Range": test.ranges}); got != test.want {
			t.Errorf("%s %q: got %s, want %s", test.method, test.ranges, got, test.want)
		}
	}
}

func TestHandlerRangeOfEmptyFile(t *testing.T) {
	for _, test := range []struct{ ranges, want string }{
		{"bytes=-5", `416  [bytes */0] ""`},
		{"bytes=-0", `416  [bytes */0] ""`},
		{"bytes=0-", `200 x/y [] ""`},
		{"bytes=0-,-5", `200 x/y [] ""`},
	} {
		handler, _ := serveBytes(t, nil, 3)
		if got := rangeResponse(handler, http.MethodGet, http.Header{"Range": {test.ranges}}); got != test.want {
			t.Errorf("%s: got %s, want %s", test.ranges, got, test.want)
		}
	}
}

// Ranges that both should serve are served as net/http serves them, also if they depend on a condition.
func TestHandlerRangesMatchServeContent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		size := 1 + random.IntN(40)
		var specs []string
		for at := random.IntN(size); at < size && len(specs) < 10; {
			last := at + random.IntN(size-at)
			specs = append(specs, fmt.Sprintf("%d-%d", at, last))
			at = last + 1 + random.IntN(4)
		}
		random.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
		specs = append(specs, fmt.Sprintf("%d-", size+random.IntN(3)))
		header := http.Header{"Range": {"bytes=" + strings.Join(specs, ",")}}
		switch random.IntN(4) {
		case 0:
			header.Set("If-Range", rangeDate.UTC().Format(http.TimeFormat))
		case 1:
			header.Set("If-Range", rangeDate.Add(time.Hour).UTC().Format(http.TimeFormat))
		case 2:
			header.Set("If-Modified-Since", rangeDate.UTC().Format(http.TimeFormat))
		}
		data := letters(size)
		handler, _ := serveBytes(t, data, 1+random.IntN(5))
		want := rangeResponse(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			http.ServeContent(w, r, "", rangeDate, bytes.NewReader(data))
		}), http.MethodGet, header)
		if got := rangeResponse(handler, http.MethodGet, header); got != want {
			t.Errorf("%v of %d bytes: got %s, want %s", header, size, got, want)
		}
	}
}

func TestHandlerRangesQueries(t *testing.T) {
	const chunk, size = 300 * 1024, 30 * 300 * 1024
	steps := func(n, step int) string {
		specs := make([]string, n)
		for i := range specs {
			specs[i] = fmt.Sprintf("%d-%d", i*step, i*step)
		}
		return "bytes=" + strings.Join(specs, ",")
	}
	for _, test := range []struct {
		name, ranges        string
		status, finds, more int
	}{
		{"ten_in_one_chunk", steps(10, 2), 206, 1, 0},
		{"ten_in_successive_chunks", steps(10, chunk), 206, 1, 4},
		{"ten_in_every_other_chunk", steps(10, 2*chunk), 206, 1, 9},
		{"far_apart", "bytes=0-0,6144000-6144000", 206, 2, 0},
		{"backwards", "bytes=6144000-6144000,0-0", 206, 2, 0},
		{"thousand", steps(1000, 9000), 200, 1, 14},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, peer := serveBytes(t, letters(size), chunk)
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/f", nil)
			r.Header.Set("Range", test.ranges)
			handler.ServeHTTP(w, r)
			finds, more := len(peer.Seen("find")), len(peer.Seen("getMore"))
			if w.Code != test.status || finds != test.finds || more != test.more {
				t.Errorf("got status %d, %d finds, %d getMores, want %d, %d, %d", w.Code, finds, more, test.status, test.finds, test.more)
			}
		})
	}
}
