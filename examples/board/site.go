package main

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

const (
	maxAuthor  = 40
	maxText    = 2000
	maxUpload  = 32 << 20 // bytes of a request
	pieceSize  = 256 << 10
	sniffSize  = 512 // what http.DetectContentType looks at
	workReads  = 1000
	contentSec = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// pictureTypes are the types that a browser shows without running code.
var pictureTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm"}

//go:embed page
var pages embed.FS

var index = template.Must(template.ParseFS(pages, "page/index.html"))

// newSite returns the handler of all requests. Handlers run on goroutines of the HTTP server. They reach the hubs
// through callbacks on the loop.
func newSite(loop *callback.Loop, boards map[string]*board, files http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/callbacks/", http.StatusFound))
	mux.HandleFunc("GET /page/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.FileServerFS(pages).ServeHTTP(w, r)
	})
	mux.Handle("GET /files/{filename}", files)
	for name, b := range boards {
		mux.HandleFunc("GET /"+name+"/{$}", func(w http.ResponseWriter, r *http.Request) {
			data := map[string]any{"Style": name, "MaxAuthor": maxAuthor, "MaxText": maxText, "Reads": workReads, "Types": strings.Join(pictureTypes, ","), "MaxUpload": maxUpload}
			if err := index.Execute(w, data); err != nil {
				log.Print(err)
			}
		})
		mux.HandleFunc("GET /"+name+"/events", func(w http.ResponseWriter, r *http.Request) { streamEvents(w, r, loop, b.hub) })
		mux.HandleFunc("POST /"+name+"/messages", func(w http.ResponseWriter, r *http.Request) { postMessage(w, r, b) })
		var working atomic.Bool
		mux.HandleFunc("POST /"+name+"/work", func(w http.ResponseWriter, r *http.Request) {
			if !working.CompareAndSwap(false, true) {
				answer(w, http.StatusTooManyRequests, "The reads of the last click are still running.")
				return
			}
			defer working.Store(false)
			answerOutcome(w, r, b.style.work(r.Context(), workReads))
		})
	}
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSec)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		protected.ServeHTTP(w, r)
	})
}

// streamEvents sends the events of a board until the browser leaves. A browser that connects again says which message
// it got last.
func streamEvents(w http.ResponseWriter, r *http.Request, loop *callback.Loop, h *hub) {
	l := make(listener, listenerBuffer)
	if !loop.AddCallback(func() { h.add(l, r.Header.Get("Last-Event-ID")) }) {
		answer(w, http.StatusServiceUnavailable, "The program is ending.")
		return
	}
	defer loop.AddCallback(func() { h.remove(l) })
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	for {
		select {
		case <-r.Context().Done():
			return
		case e, ok := <-l:
			if !ok {
				return
			}
			if e.id != "" {
				fmt.Fprintf(w, "id: %s\n", e.id)
			}
			fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, e.data)
			if flush() != nil {
				return
			}
		}
	}
}

// postMessage reads a form: the fields author and text, and then the file picture, if there is one.
func postMessage(w http.ResponseWriter, r *http.Request, b *board) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	m, picture, err := readForm(r)
	if err != nil {
		answerError(w, r, err)
		return
	}
	answerOutcome(w, r, b.style.post(r.Context(), m, picture))
}

// inputError is a fault of the request. Its text is for the user.
type inputError struct {
	status int
	text   string
}

func (e *inputError) Error() string { return e.text }

func badInput(format string, args ...any) error {
	return &inputError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// readForm returns the message of a form. The picture is nil if there is none. Otherwise it is the rest of the body.
func readForm(r *http.Request) (m *message, picture io.Reader, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, nil, badInput("The request is not a form: %v.", err)
	}
	m = &message{ID: bson.NewObjectID(), At: time.Now()}
	for picture == nil {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, badInput("The form cannot be read: %v.", err)
		}
		switch part.FormName() {
		case "author":
			m.Author, err = readField(part, maxAuthor)
		case "text":
			m.Text, err = readField(part, maxText)
		case "picture":
			picture, m.Type, err = readPicture(part)
			m.Picture = bson.NewObjectID().Hex()
		default:
			err = badInput("The form has an unknown field %q.", part.FormName())
		}
		if err != nil {
			return nil, nil, err
		}
	}
	switch {
	case m.Author == "":
		return nil, nil, badInput("The name is missing.")
	case m.Text == "" && picture == nil:
		return nil, nil, badInput("The message is empty.")
	}
	return m, picture, nil
}

// readField returns the text of a field. limit is in characters.
func readField(part *multipart.Part, limit int) (string, error) {
	text, err := io.ReadAll(io.LimitReader(part, int64(limit*utf8.UTFMax+1)))
	if err != nil {
		return "", badInput("The field %s cannot be read: %v.", part.FormName(), err)
	}
	if !utf8.Valid(text) || utf8.RuneCount(text) > limit {
		return "", badInput("The field %s is not text of at most %d characters.", part.FormName(), limit)
	}
	return strings.TrimSpace(string(text)), nil
}

// readPicture returns the content of a file and its type. The type is that of the content: the browser's word for it
// could make another browser run a script.
func readPicture(part *multipart.Part) (io.Reader, string, error) {
	content := bufio.NewReaderSize(part, sniffSize)
	start, err := content.Peek(sniffSize)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	mimeType := http.DetectContentType(start)
	if !slices.Contains(pictureTypes, mimeType) {
		return nil, "", &inputError{http.StatusUnsupportedMediaType, "The file is " + mimeType + ". It must be one of " + strings.Join(pictureTypes, ", ") + "."}
	}
	return content, mimeType, nil
}

// readPiece returns the next bytes, or none at the end. Only io.EOF is the end: io.ErrUnexpectedEOF, which io.ReadFull
// also returns for a short last piece, means that the browser has left.
func readPiece(r io.Reader) ([]byte, error) {
	piece := make([]byte, pieceSize)
	n := 0
	for n < len(piece) {
		more, err := r.Read(piece[n:])
		n += more
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return piece[:n], nil
}

// answerOutcome waits for a future and answers 204, or its error. If the browser leaves, the work ends soon. It still
// uses the request until then, so this waits for it.
func answerOutcome(w http.ResponseWriter, r *http.Request, work *future.Future[struct{}]) {
	if _, err := work.Await(context.WithoutCancel(r.Context())); err != nil {
		answerError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// answerError answers with the status and the text for an error.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	var input *inputError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &input):
		answer(w, input.status, input.text)
	case errors.As(err, &tooLarge):
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("The request is larger than %d MiB.", tooLarge.Limit>>20))
	case errors.Is(err, motor.AutoReconnect):
		answer(w, http.StatusServiceUnavailable, "The database does not answer.")
	case r.Context().Err() != nil: // the browser has left
	default:
		log.Print(err)
		answer(w, http.StatusInternalServerError, "The message could not be saved.")
	}
}

// answer answers with a text for the user, as JSON.
func answer(w http.ResponseWriter, status int, text string) {
	body, _ := json.Marshal(map[string]string{"error": text}) // strings have no errors
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
