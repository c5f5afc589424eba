package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

// site is a running program. Its server is behind a proxy, which can stop, and adds change streams.
type site struct {
	url   string
	proxy *faultproxy.Proxy
	db    *motor.Database // for checks, without the proxy
	http  *http.Client
}

// start starts the program on a server with change streams.
func start(t *testing.T) *site {
	t.Helper()
	return startBy(t, byChangeStream)
}

// startBy starts the program on a server where new messages arrive in the given way.
func startBy(t *testing.T, source string) *site {
	t.Helper()
	mongotest.SkipUnlessEmbedded(t, "the tests drop a database of a fixed name")
	uri := mongotest.URI(t)
	proxy, err := faultproxy.Start(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	direct, err := motor.NewClient(uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close(context.Background()) })
	if _, err := direct.DropDatabase(t.Context(), "board_example").Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	if source == byTailableCursor {
		refuseChangeStreams(t, proxy)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, proxy.URI(), listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{"http://" + listener.Addr().String(), proxy, direct.Database("board_example"), &http.Client{Transport: transport}}
}

// refuseChangeStreams makes the proxy answer like a server that is not in a replica set. Nothing else of the program is an
// aggregation.
func refuseChangeStreams(t *testing.T, proxy *faultproxy.Proxy) {
	t.Helper()
	client, err := motor.NewClient(proxy.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if _, err := client.Database("admin").Command(t.Context(), bson.D{
		{Key: "configureFailPoint", Value: "failCommand"},
		{Key: "mode", Value: "alwaysOn"},
		{Key: "data", Value: bson.M{"failCommands": bson.A{"aggregate"}, "errorCode": 40573}},
	}).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// do sends a request and returns the response with its body.
func (s *site) do(t *testing.T, request *http.Request) (*http.Response, []byte) {
	t.Helper()
	response, err := s.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func (s *site) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// form returns a form and its content type. A nil picture is left out.
func form(t *testing.T, author, text string, picture []byte) (*bytes.Buffer, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"author", author}, {"text", text}} {
		if err := w.WriteField(field[0], field[1]); err != nil {
			t.Fatal(err)
		}
	}
	if picture != nil {
		part, err := w.CreateFormFile("picture", "picture")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(picture)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &body, w.FormDataContentType()
}

// post sends a message. It returns the status and the text of the error.
func (s *site) post(t *testing.T, board, author, text string, picture []byte) (int, string) {
	t.Helper()
	body, contentType := form(t, author, text, picture)
	request := s.request(t, http.MethodPost, board+"messages", body)
	request.Header.Set("Content-Type", contentType)
	response, answer := s.do(t, request)
	var failed struct{ Error string }
	if response.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(answer, &failed); err != nil {
			t.Fatalf("status %d, body %q: %v", response.StatusCode, answer, err)
		}
	}
	return response.StatusCode, failed.Error
}

// stream is the events of a board, without "stats".
type stream struct {
	t      *testing.T
	lines  *bufio.Scanner
	lastID string
}

func (s *site) listen(t *testing.T, board, lastID string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	request := s.request(t, http.MethodGet, board+"events", nil).WithContext(ctx)
	request.Header.Set("Last-Event-ID", lastID)
	response, err := s.http.Do(request)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = response.Body.Close() })
	return &stream{t: t, lines: bufio.NewScanner(response.Body)}
}

// next returns the next event: its name and its data.
func (e *stream) next() (name, data string) {
	e.t.Helper()
	for e.lines.Scan() {
		field, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch field {
		case "id":
			e.lastID = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if name != "stats" {
				return name, data
			}
		}
	}
	e.t.Fatalf("the events ended: %v", e.lines.Err())
	return "", ""
}

// message returns the next message. It skips what the board says about its state.
func (e *stream) message() message {
	e.t.Helper()
	for {
		name, data := e.next()
		if name != "message" {
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			e.t.Fatal(err)
		}
		return m
	}
}

// state waits until the board says that its server answers, or that it does not. It returns how messages arrive.
func (e *stream) state(online bool) (source string) {
	e.t.Helper()
	for {
		name, data := e.next()
		if name != "state" {
			continue
		}
		var now state
		if err := json.Unmarshal([]byte(data), &now); err != nil {
			e.t.Fatal(err)
		}
		if now.Online == online {
			return now.Source
		}
	}
}

var boardPaths = []string{"/callbacks/", "/coroutines/"}

// bySource runs a test on a server with change streams, and on one without.
func bySource(t *testing.T, test func(*testing.T, *site)) {
	for _, source := range []string{byChangeStream, byTailableCursor} {
		t.Run(source, func(t *testing.T) {
			s := startBy(t, source)
			for _, board := range boardPaths {
				if got := s.listen(t, board, "").state(true); got != source {
					t.Fatalf("%s: messages arrive by a %s, want by a %s", board, got, source)
				}
			}
			test(t, s)
		})
	}
}

func TestMessageReachesBothBoards(t *testing.T) { bySource(t, testMessageReachesBothBoards) }

func testMessageReachesBothBoards(t *testing.T, s *site) {
	streams := []*stream{s.listen(t, boardPaths[0], ""), s.listen(t, boardPaths[1], "")}
	texts := []string{"Welcome. Open this page in a second window."}
	for i := range 6 {
		texts = append(texts, fmt.Sprint("message ", i))
		if status, text := s.post(t, boardPaths[i%2], "ann", texts[i+1], nil); status != http.StatusNoContent {
			t.Fatalf("got status %d, %q, want 204", status, text)
		}
	}
	var resume string
	for i, events := range streams {
		for n, want := range texts {
			if got := events.message().Text; got != want {
				t.Errorf("%s: message %d: got %q, want %q", boardPaths[i], n, got, want)
			}
			if n == 3 {
				resume = events.lastID
			}
		}
	}
	again := s.listen(t, boardPaths[0], resume)
	for _, want := range texts[4:] {
		if got := again.message().Text; got != want {
			t.Errorf("after Last-Event-ID: got %q, want %q", got, want)
		}
	}
}

// png returns bytes that begin like a PNG file.
func png(size int) []byte {
	picture := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(picture)
	copy(picture, "\x89PNG\r\n\x1a\n")
	return picture
}

func TestPictureIsServedWithRanges(t *testing.T) {
	s := start(t)
	for i, board := range boardPaths {
		events := s.listen(t, board, "")
		events.message() // the welcome
		for range i {    // those of the boards before
			events.message()
		}
		picture := png(2*pieceSize + 77777)
		if status, text := s.post(t, board, "ann", "", picture); status != http.StatusNoContent {
			t.Fatalf("%s: got status %d, %q, want 204", board, status, text)
		}
		m := events.message()
		if m.Type != "image/png" {
			t.Errorf("%s: got type %q, want image/png", board, m.Type)
		}
		path := "/files/" + m.Picture
		response, got := s.do(t, s.request(t, http.MethodGet, path, nil))
		if response.StatusCode != http.StatusOK || !bytes.Equal(got, picture) || response.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%s: got %s, %d bytes of %s, want the picture of %d bytes", board, response.Status, len(got), response.Header.Get("Content-Type"), len(picture))
		}
		again := s.request(t, http.MethodGet, path, nil)
		again.Header.Set("If-None-Match", response.Header.Get("Etag"))
		if response, _ := s.do(t, again); response.StatusCode != http.StatusNotModified {
			t.Errorf("%s: got %s for a known picture, want 304", board, response.Status)
		}
		part := s.request(t, http.MethodGet, path, nil)
		part.Header.Set("Range", "bytes=300000-300099")
		if response, got := s.do(t, part); response.StatusCode != http.StatusPartialContent || !bytes.Equal(got, picture[300000:300100]) {
			t.Errorf("%s: got %s, %d bytes for a range, want 206 and its 100 bytes", board, response.Status, len(got))
		}
	}
}

func TestBadPostIsRefused(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		name         string
		author, text string
		picture      []byte
		status       int
	}{
		{"no name", " ", "text", nil, http.StatusBadRequest},
		{"no text and no picture", "ann", " \n", nil, http.StatusBadRequest},
		{"long text", "ann", strings.Repeat("é", maxText+1), nil, http.StatusBadRequest},
		{"not UTF-8", "ann", "\xff", nil, http.StatusBadRequest},
		{"a page as picture", "ann", "text", []byte("<!doctype html><script>alert(1)</script>"), http.StatusUnsupportedMediaType},
		{"an empty picture", "ann", "text", []byte{}, http.StatusUnsupportedMediaType},
		{"a large picture", "ann", "text", png(maxUpload), http.StatusRequestEntityTooLarge},
	} {
		for _, board := range boardPaths {
			if status, text := s.post(t, board, test.author, test.text, test.picture); status != test.status || text == "" {
				t.Errorf("%s%s: got status %d, %q, want %d and a text", board, test.name, status, text, test.status)
			}
		}
	}
	foreign := s.request(t, http.MethodPost, "/callbacks/messages", nil)
	foreign.Header.Set("Origin", "https://example.com")
	if response, _ := s.do(t, foreign); response.StatusCode != http.StatusForbidden {
		t.Errorf("got %s for the form of another site, want 403", response.Status)
	}
	s.checkOnlyWelcome(t)
}

// checkOnlyWelcome fails if there is a message of a user, or a piece of a picture.
func (s *site) checkOnlyWelcome(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for name, want := range map[string]int64{"messages": 1, "pictures.files": 0, "pictures.chunks": 0} {
		if got, err := s.db.Collection(name).CountDocuments(ctx, bson.D{}).Await(ctx); got != want || err != nil {
			t.Errorf("%s: got %d documents, %v, want %d", name, got, err, want)
		}
	}
}

func TestBrokenUploadIsAnError(t *testing.T) {
	body, contentType := form(t, "ann", "text", png(2*pieceSize))
	for _, size := range []int{2 * pieceSize, pieceSize + 1000, 1000} {
		request := httptest.NewRequest(http.MethodPost, "/callbacks/messages", bytes.NewReader(body.Bytes()[:size]))
		request.Header.Set("Content-Type", contentType)
		_, picture, err := readForm(request)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			var piece []byte
			if piece, err = readPiece(picture); err == nil && len(piece) == 0 {
				t.Errorf("%d bytes of %d: got the end of the picture, want an error", size, body.Len())
				break
			}
		}
	}
}

func TestServerStopsAndStarts(t *testing.T) { bySource(t, testServerStopsAndStarts) }

func testServerStopsAndStarts(t *testing.T, s *site) {
	var streams []*stream
	for _, board := range boardPaths {
		events := s.listen(t, board, "")
		events.state(true)
		streams = append(streams, events)
	}
	if status, text := s.post(t, boardPaths[0], "ann", "before", nil); status != http.StatusNoContent {
		t.Fatalf("got status %d, %q, want 204", status, text)
	}
	for _, events := range streams {
		for events.message().Text != "before" {
		}
	}
	if err := s.proxy.Stop(); err != nil {
		t.Fatal(err)
	}
	for i, events := range streams {
		events.state(false)
		if status, _ := s.post(t, boardPaths[i], "ann", "lost", nil); status != http.StatusServiceUnavailable {
			t.Errorf("%s: got status %d without a server, want 503", boardPaths[i], status)
		}
	}
	if err := s.proxy.Resume(); err != nil {
		t.Fatal(err)
	}
	for _, events := range streams {
		events.state(true)
	}
	if status, text := s.post(t, boardPaths[1], "ann", "after", nil); status != http.StatusNoContent {
		t.Fatalf("got status %d, %q, want 204", status, text)
	}
	for i, events := range streams {
		if got := events.message().Text; got != "after" {
			t.Errorf("%s: got %q, want only the message after the pause", boardPaths[i], got)
		}
	}
}

// A tailable cursor of the embedded server does not end when the collection is dropped.
func TestCollectionIsDropped(t *testing.T) {
	s := start(t)
	for _, board := range boardPaths {
		s.listen(t, board, "").state(true)
	}
	client, err := motor.NewClient(s.proxy.URI())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if _, err := client.Database("board_example").Collection("messages").Drop(t.Context()).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, board := range boardPaths {
		want := fmt.Sprint("message ", i)
		if status, text := s.post(t, board, "ann", want, nil); status != http.StatusNoContent {
			t.Fatalf("got status %d, %q, want 204", status, text)
		}
		for _, other := range boardPaths {
			events := s.listen(t, other, "")
			for events.message().Text != want {
			}
		}
	}
}

func TestWork(t *testing.T) {
	s := start(t)
	for _, board := range boardPaths {
		if response, body := s.do(t, s.request(t, http.MethodPost, board+"work", nil)); response.StatusCode != http.StatusNoContent {
			t.Errorf("%s: got %s, %s, want 204", board, response.Status, body)
		}
	}
}
