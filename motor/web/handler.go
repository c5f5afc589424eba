package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/usercode"
	"github.com/gomotor/gomotor/motor"
)

// GridFSHandler is an [http.Handler] that serves the files of a bucket. The name of the file is the {filename} of the
// pattern under which the handler is registered, or else the path of the request without the first slash. See
// http.StripPrefix.
//
// Its fields are the hooks of Motor's handlers. They must not be changed after the first request. A nil hook means the
// function of the same name in this package.
//
// Motor: GridFSHandler.get_gridfs_file, GridFSHandler.get_cache_time, GridFSHandler.set_extra_headers, GridFSHandler,
// AIOHTTPGridFS.
type GridFSHandler struct {
	Bucket *motor.GridFSBucket

	// GetGridFSFile finds the file for a request. The handler opens the file if it is not open, and answers 404 for a
	// [motor.NoFile].
	GetGridFSFile func(bucket *motor.GridFSBucket, filename string, r *http.Request) *future.Future[*motor.GridOut]
	// GetCacheTime returns how long the client may cache the file, rounded down to seconds. 0 lets the client decide.
	// mimeType is "" if it is unknown.
	GetCacheTime func(filename string, modified time.Time, mimeType string) time.Duration
	// SetExtraHeaders may add headers to the response, and change those that are set.
	SetExtraHeaders func(header http.Header, out *motor.GridOut)
}

// NewGridFSHandler returns a handler for the files of a database below a root collection; "" means "fs". It does no
// I/O.
//
// Errors: those of [motor.NewGridFSBucket].
//
// Motor: GridFSHandler.initialize.
func NewGridFSHandler(db *motor.Database, rootCollection string) (*GridFSHandler, error) {
	if rootCollection == "" {
		rootCollection = options.DefaultName
	}
	bucket, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetName(rootCollection))
	if err != nil {
		return nil, err
	}
	return &GridFSHandler{Bucket: bucket}, nil
}

// GetGridFSFile returns the newest file of a name.
//
// Motor: get_gridfs_file.
func GetGridFSFile(bucket *motor.GridFSBucket, filename string, r *http.Request) *future.Future[*motor.GridOut] {
	return bucket.OpenDownloadStreamByName(r.Context(), filename)
}

// GetCacheTime returns 0: the client decides.
//
// Motor: get_cache_time.
func GetCacheTime(string, time.Time, string) time.Duration { return 0 }

// SetExtraHeaders does nothing.
//
// Motor: set_extra_headers.
func SetExtraHeaders(http.Header, *motor.GridOut) {}

// ServeHTTP answers GET with the file, and HEAD with its headers. It answers 405 to other methods, 404 if the file does
// not exist, and 500 if finding the file fails or a hook panics. If reading the file fails, it aborts the connection, so that the client
// does not take the part for the whole file.
//
// Motor: GridFSHandler.get, GridFSHandler.head.
func (h *GridFSHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
		return
	}
	filename := filenameOf(r)
	out, err := h.find(filename, r)
	switch {
	case errors.Is(err, motor.NoFile):
		http.NotFound(w, r)
		return
	case r.Context().Err() == context.Canceled:
		panic(http.ErrAbortHandler) // the client has disconnected
	case err != nil:
		internalError(w, err)
		return
	}
	h.serve(w, r, filename, out)
}

// internalError answers 500. It reports a panic of a hook, and a hook without a result.
func internalError(w http.ResponseWriter, err error) {
	if errors.As(err, new(*future.PanicError)) || errors.Is(err, errNoFuture) {
		future.ReportUnobserved(err)
	}
	http.Error(w, "500 internal server error", http.StatusInternalServerError)
}

var errNoFuture = errors.New("web: GetGridFSFile returned no future")

// hook calls a hook and returns its panic, except [http.ErrAbortHandler], which it lets pass.
func hook(fn func()) error {
	err := usercode.Try(fn)
	if errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	return err
}

// filenameOf returns the name of the requested file.
func filenameOf(r *http.Request) string {
	if name := r.PathValue("filename"); name != "" {
		return name
	}
	return strings.TrimPrefix(r.URL.Path, "/")
}

// find finds the file and opens it.
func (h *GridFSHandler) find(filename string, r *http.Request) (*motor.GridOut, error) {
	get := h.GetGridFSFile
	if get == nil {
		get = GetGridFSFile
	}
	ctx := r.Context()
	var finding *future.Future[*motor.GridOut]
	if err := hook(func() { finding = get(h.Bucket, filename, r) }); err != nil {
		return nil, err
	}
	if finding == nil {
		return nil, errNoFuture
	}
	out, err := finding.Await(ctx)
	if err == nil && out != nil {
		out, err = out.Open(ctx).Await(ctx)
	}
	if err == nil && out == nil {
		err = motor.NoFile
	}
	return out, err
}

func (h *GridFSHandler) serve(w http.ResponseWriter, r *http.Request, filename string, out *motor.GridOut) {
	defer func() { _ = out.Close() }()
	var modified time.Time
	if err := hook(func() { modified = h.setHeaders(w.Header(), filename, out) }); err != nil {
		clear(w.Header())
		internalError(w, err)
		return
	}
	content := &content{ReadSeeker: out.Reader(r.Context())}
	length, _ := out.Length() // the file is open
	w, r = withRanges(w, withETags(r), length)
	http.ServeContent(w, r, "", modified, content)
	if content.failed.Load() {
		panic(http.ErrAbortHandler)
	}
}

// entityTags is a list of entity tags as in If-None-Match.
var entityTags = regexp.MustCompile(`^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$`)

// withETags returns the request without an If-None-Match that is not a list of entity tags. [http.ServeContent] would
// look at the valid part of it.
func withETags(r *http.Request) *http.Request {
	const name = "If-None-Match"
	if tags := r.Header.Values(name); len(tags) == 0 || entityTags.MatchString(strings.Join(tags, ", ")) {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del(name)
	return r
}

// setHeaders sets the headers of an open file. It returns the upload date, in whole seconds.
func (h *GridFSHandler) setHeaders(header http.Header, filename string, out *motor.GridOut) time.Time {
	modified, _ := out.UploadDate()
	modified = modified.Truncate(time.Second)
	header.Set("Etag", strconv.Quote(checksum(out)))
	mimeType, _ := out.ContentType()
	if mimeType == "" {
		mimeType = mime.TypeByExtension(path.Ext(filename))
	}
	if mimeType != "" {
		header.Set("Content-Type", mimeType)
	}
	cacheTime := h.GetCacheTime
	if cacheTime == nil {
		cacheTime = GetCacheTime
	}
	if age := cacheTime(filename, modified, mimeType).Truncate(time.Second); age > 0 {
		header.Set("Expires", time.Now().Add(age).UTC().Format(http.TimeFormat))
		header.Set("Cache-Control", "max-age="+strconv.FormatInt(int64(age/time.Second), 10))
	} else {
		header.Set("Cache-Control", "public")
	}
	if h.SetExtraHeaders != nil {
		h.SetExtraHeaders(header, out)
	}
	return modified
}

// content is a file for [http.ServeContent]. It records a failed read, which ServeContent does not report. failed is
// atomic because ServeContent reads several ranges on another goroutine, which may end later.
type content struct {
	io.ReadSeeker
	failed atomic.Bool
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		c.failed.Store(true)
	}
	return n, err
}

// checksum returns an identifier for the content of a file. It is the md5 of old files. Otherwise it equals Motor's
// checksum, so that files that clients have cached from a Python program stay valid.
func checksum(out *motor.GridOut) string {
	// The file is open.
	if md5, _ := out.MD5(); md5 != "" {
		return md5
	}
	id, _ := out.ID()
	length, _ := out.Length()
	date, _ := out.UploadDate()
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s%d%s", inPython(id), length, dateInPython(date))
	return hex.EncodeToString(sum.Sum(nil))
}

// inPython formats an _id like Python's str, for the usual types.
func inPython(id any) string {
	switch v := id.(type) {
	case bson.ObjectID:
		return v.Hex()
	case bool:
		if v {
			return "True"
		}
		return "False"
	}
	return fmt.Sprint(id)
}

// dateInPython formats a date like Python's str, with no fraction or six digits.
func dateInPython(date time.Time) string {
	layout := "2006-01-02 15:04:05"
	if date.Nanosecond() != 0 {
		layout += ".000000"
	}
	return date.UTC().Format(layout)
}
