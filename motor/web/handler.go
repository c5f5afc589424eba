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
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// GridFSHandler is an [http.Handler] that serves the files of a bucket. Its path is the name of a file: what the pattern
// under which it is registered calls {filename}, or else the whole path of the request without the first slash, as
// http.StripPrefix leaves it.
//
// Its fields are the hooks of Motor's handlers. They must not be changed once it serves. A nil one stands for the
// function of this package that has its name.
//
// Motor: GridFSHandler.get_gridfs_file, GridFSHandler.get_cache_time, GridFSHandler.set_extra_headers, GridFSHandler,
// AIOHTTPGridFS.
type GridFSHandler struct {
	Bucket *motor.GridFSBucket

	// GetGridFSFile finds the file for a request. What it resolves to is opened, if it is not open, and [motor.NoFile] is
	// answered with 404.
	GetGridFSFile func(bucket *motor.GridFSBucket, filename string, r *http.Request) *future.Future[*motor.GridOut]
	// GetCacheTime says for how long the client may use the file without asking again; it is rounded down to seconds. 0
	// leaves that to the client. mimeType is "" if it is not known.
	GetCacheTime func(filename string, modified time.Time, mimeType string) time.Duration
	// SetExtraHeaders may add to the headers of an answer, and change those that are there.
	SetExtraHeaders func(header http.Header, out *motor.GridOut)
}

// NewGridFSHandler returns a handler for the files of a database below a root collection: "fs", if that is empty. It does
// no I/O.
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

// GetGridFSFile finds the newest file of a name.
//
// Motor: get_gridfs_file.
func GetGridFSFile(bucket *motor.GridFSBucket, filename string, r *http.Request) *future.Future[*motor.GridOut] {
	return bucket.OpenDownloadStreamByName(r.Context(), filename)
}

// GetCacheTime returns 0.
//
// Motor: get_cache_time.
func GetCacheTime(string, time.Time, string) time.Duration { return 0 }

// SetExtraHeaders adds nothing.
//
// Motor: set_extra_headers.
func SetExtraHeaders(http.Header, *motor.GridOut) {}

// ServeHTTP serves a file: to GET, or to HEAD without its bytes; 405 to all other methods, 404 if there is no such file,
// 500 if it cannot be looked for. If its bytes cannot be read, the connection is ended, so that a client takes no part of
// a file for the whole.
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
		panic(http.ErrAbortHandler) // the client has gone
	case err != nil:
		http.Error(w, "500 internal server error", http.StatusInternalServerError)
		return
	}
	h.serve(w, r, filename, out)
}

// filenameOf returns the name of the file that is asked for.
func filenameOf(r *http.Request) string {
	if name := r.PathValue("filename"); name != "" {
		return name
	}
	return strings.TrimPrefix(r.URL.Path, "/")
}

// find returns the file, open.
func (h *GridFSHandler) find(filename string, r *http.Request) (*motor.GridOut, error) {
	get := h.GetGridFSFile
	if get == nil {
		get = GetGridFSFile
	}
	ctx := r.Context()
	out, err := get(h.Bucket, filename, r).Await(ctx)
	if err == nil && out != nil {
		out, err = out.Open(ctx).Await(ctx)
	}
	if err == nil && out == nil {
		err = motor.NoFile
	}
	return out, err
}

func (h *GridFSHandler) serve(w http.ResponseWriter, r *http.Request, filename string, out *motor.GridOut) {
	modified := h.setHeaders(w.Header(), filename, out)
	content := &content{ReadSeeker: out.Reader(r.Context())}
	defer func() { _ = out.Close() }()
	http.ServeContent(w, r, "", modified, content)
	if content.failed.Load() {
		panic(http.ErrAbortHandler)
	}
}

// setHeaders sets what can be said of a file before anything is sent of it, and returns when it was written, in seconds.
// The file is open, so that its properties are there.
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

// content is a file as [http.ServeContent] takes it. It remembers that reading has failed, which ServeContent does not
// tell. For several ranges that has a goroutine read, which may come to its end later.
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

// checksum returns what tells a file from another one of the same name: the md5 that files of old have, and otherwise
// Motor's checksum, digit by digit, so that what clients have kept of a Python program stays good.
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

// inPython writes an _id as Python's str does, for those types that can be expected of it.
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

// dateInPython writes a date as Python's str does: with six digits after the second, or none.
func dateInPython(date time.Time) string {
	layout := "2006-01-02 15:04:05"
	if date.Nanosecond() != 0 {
		layout += ".000000"
	}
	return date.UTC().Format(layout)
}
