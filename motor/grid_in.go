package motor

import (
	"context"
	"crypto/md5"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/gridchunk"
)

// GridIn writes a file of GridFS. Making it does no I/O. It buffers writes and sends chunks in batches. Other clients
// can read the file once [GridIn.Close] has written its document.
//
//	in := bucket.OpenUploadStream("report.pdf")
//	_, err := in.Write(ctx, data).Await(ctx)
//	_, err = in.Close(ctx).Await(ctx)
//
// It is safe for concurrent use. Its operations run one at a time, in the order of their calls. If a write fails, or is
// cancelled while it runs, the content of the file is unknown. After that only [GridIn.Abort] is possible, and all
// other operations fail with [InvalidOperation].
//
// Motor: MotorGridIn.
type GridIn struct {
	files    *gridFiles
	err      error // an argument is invalid: every operation fails with this
	id       bson.RawValue
	sequence future.Sequence // the order of the operations

	chunkSize int // in bytes

	// The operation that has its turn owns these fields.
	buffer       *gridchunk.Buffer // not sent yet; nil: empty
	chunksSent   int               // how many chunks the server has
	sum          hash.Hash         // of the bytes that have been sent; nil: the file has no md5
	idTaken      bool              // another file has the _id
	sentAny      bool              // chunks may have been sent, so Abort must remove them
	fileInserted bool              // the file's document may have been inserted

	mu      sync.Mutex
	doc     bson.D // the file's document, without length, uploadDate and md5
	length  int64
	date    time.Time
	md5     string
	closed  bool
	aborted bool
	failure error // if not nil, only Abort is possible
}

// GridInOptions are the options of a new file. Legacy methods take them instead of Motor's keyword arguments.
type GridInOptions struct {
	ID          any      // the file's _id; nil: a bson.ObjectID
	Filename    string   // "": the file has no name; for an empty name, use Fields
	ContentType string   // the file's MIME type; "": none
	ChunkSize   int32    // bytes of a chunk; 0: 255 KiB
	Aliases     []string // other names of the file; nil: none
	Metadata    any      // a document; nil: none
	Fields      bson.D   // other fields of the file's document
	MD5         bool     // add the md5 of the content to the file's document, as Motor before 3.0 does
}

// NewGridIn returns a new file below a root collection. The files of the bucket "fs" are below the collection "fs". It
// does no I/O. It panics for a nil root.
//
// Errors of writing: [ConfigurationError] for a root whose writes are not acknowledged; [TypeError] and
// [InvalidDocument] for options that cannot be encoded; [ValueError] for a chunk size below 0, and for a field that the
// document already has.
func NewGridIn(root *Collection[bson.M], opts ...GridInOptions) *GridIn {
	mustHave(root != nil, "NewGridIn", "root")
	o, err := atMostOne("NewGridIn", opts)
	in := newGridIn(newGridFiles(root), o.name(), o, &root.codec, err)
	if o.MD5 {
		return in.withMD5()
	}
	return in
}

// name returns the file's name, or nil if it has none.
func (o *GridInOptions) name() *string {
	if o.Filename == "" {
		return nil
	}
	return &o.Filename
}

// newGridIn returns a file with the name filename, or without one if that is nil. It does not use o.Filename.
func newGridIn(files *gridFiles, filename *string, o GridInOptions, codec *codec, err error) *GridIn {
	in := &GridIn{files: files, chunkSize: int(o.ChunkSize), err: err}
	if in.err == nil {
		in.err = files.checkWrite(context.Background())
	}
	if in.chunkSize == 0 {
		in.chunkSize = defaultChunkSize
	}
	if o.ID == nil {
		o.ID = bson.NewObjectID()
	}
	e := files.client().arguments(codec)
	e.Check(in.err)
	if o.ChunkSize < 0 {
		e.Check(newError(ValueError, "invalid chunk size %d: must be at least 0", o.ChunkSize))
	}
	id, bad := files.encodeID(o.ID)
	e.Check(bad)
	in.id = id
	in.doc = bson.D{{Key: "_id", Value: id}, {Key: "chunkSize", Value: int32(in.chunkSize)}}
	add := func(key string, value any) { in.doc = append(in.doc, bson.E{Key: key, Value: value}) }
	if filename != nil {
		e.CheckText("filename", *filename)
		add("filename", *filename)
	}
	for _, alias := range o.Aliases {
		e.CheckText("aliases", alias)
	}
	e.CheckText("contentType", o.ContentType)
	if o.ContentType != "" {
		add("contentType", o.ContentType)
	}
	if o.Aliases != nil {
		add("aliases", slices.Clone(o.Aliases))
	}
	if o.Metadata != nil {
		add("metadata", e.OptionalDocument("metadata", o.Metadata))
	}
	for _, field := range o.Fields {
		if name := documentField(field.Key); isComputed(name) || in.fieldIndex(name) >= 0 {
			e.Check(newError(ValueError, "invalid field %q in Fields: the file already has it", field.Key))
		} else {
			add(name, e.OptionalValue(field.Key, field.Value))
		}
	}
	in.err = e.err()
	return in
}

// withMD5 makes Close add an md5 to the file's document, as PyMongo did before version 4.
func (in *GridIn) withMD5() *GridIn {
	in.sum = md5.New()
	return in
}

// isComputed reports whether a field of a file's document is computed and cannot be set.
func isComputed(field string) bool {
	return slices.Contains([]string{"_id", "length", "chunkSize", "uploadDate", "md5"}, field)
}

// fieldIndex returns the index of a field in the document, or -1.
func (in *GridIn) fieldIndex(field string) int {
	return slices.IndexFunc(in.doc, func(e bson.E) bool { return e.Key == field })
}

// fail records the error after which only Abort is possible.
func (in *GridIn) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.failure == nil && !in.closed {
		in.failure = err
	}
}

// checkOpen returns the error of an operation that needs an open file, or nil. The caller has the file's turn.
func (in *GridIn) checkOpen(what string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return newError(ValueError, "cannot %s a closed file", what)
	case in.failure != nil:
		return &Error{class: InvalidOperation, text: "an earlier write failed; only Abort is possible", cause: in.failure}
	}
	return nil
}

// get returns a field of the document.
func (in *GridIn) get(field string) any {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch i := in.fieldIndex(field); {
	case field == "length":
		return in.length
	case field == "uploadDate" && !in.date.IsZero():
		return in.date
	case field == "md5" && in.md5 != "":
		return in.md5
	case i >= 0:
		if raw, ok := in.doc[i].Value.(bson.RawValue); ok {
			doc, err := bson.Marshal(bson.D{{Key: field, Value: raw}})
			if err == nil {
				decoded, _ := decode[bson.M](&in.files.root.codec, doc) // this package has encoded it
				return decoded[field]
			}
		}
		return in.doc[i].Value
	}
	return nil
}

// Get returns a field of the file's document if it is known, or nil. Motor's names, such as content_type, also work.
//
// Motor: MotorGridIn.__getattr__.
func (in *GridIn) Get(name string) any { return in.get(documentField(name)) }

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorGridIn.get_io_loop, MotorGridIn.io_loop.
func (in *GridIn) IOLoop() future.Executor { return in.files.client().loop }

// Collection returns the root collection, below which the files are.
func (in *GridIn) Collection() *Collection[bson.M] { return in.files.root }

// Err returns the error of an invalid argument, which every operation on the file fails with, or nil.
func (in *GridIn) Err() error { return in.err }

// String returns the file's _id.
func (in *GridIn) String() string { return fmt.Sprintf("motor.GridIn(%v)", in.id) }

// Closed reports whether the file has been closed or aborted.
//
// Motor: MotorGridIn.closed.
func (in *GridIn) Closed() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.closed
}

// ID returns the file's _id.
//
// Motor: MotorGridIn._id.
func (in *GridIn) ID() any { return in.get("_id") }

// Filename returns the file's name, or "" if it has none.
//
// Motor: MotorGridIn.filename.
func (in *GridIn) Filename() string { return in.text("filename") }

// Name is [GridIn.Filename].
//
// Motor: MotorGridIn.name.
func (in *GridIn) Name() string { return in.text("filename") }

// ContentType returns the file's MIME type, or "" if it has none.
//
// Motor: MotorGridIn.content_type.
func (in *GridIn) ContentType() string { return in.text("contentType") }

func (in *GridIn) text(field string) string {
	s, _ := in.get(field).(string)
	return s
}

// Length returns how many bytes have been written.
//
// Motor: MotorGridIn.length.
func (in *GridIn) Length() int64 { return in.get("length").(int64) }

// ChunkSize returns how many bytes each chunk of the file has, except the last one.
//
// Motor: MotorGridIn.chunk_size.
func (in *GridIn) ChunkSize() int32 { return int32(in.chunkSize) }

// UploadDate returns when the file was closed, in UTC, or the zero time if it has not been closed.
//
// Motor: MotorGridIn.upload_date.
func (in *GridIn) UploadDate() time.Time {
	date, _ := in.get("uploadDate").(time.Time)
	return date
}

// MD5 returns the checksum of the file's bytes, in hexadecimal digits. It is "" before the file is closed, and for
// files without a checksum. Only files that [GridFS] writes have one.
//
// Motor: MotorGridIn.md5.
func (in *GridIn) MD5() string { return in.text("md5") }

// Readable returns false: a GridIn cannot be read.
//
// Motor: MotorGridIn.readable.
func (in *GridIn) Readable() bool { return false }

// Seekable returns false: a GridIn cannot be positioned.
//
// Motor: MotorGridIn.seekable.
func (in *GridIn) Seekable() bool { return false }

// Writeable returns true.
//
// Motor: MotorGridIn.writeable.
func (in *GridIn) Writeable() bool { return true }

// Set sets a field of the file's document. If the file is closed, it changes the document on the server; otherwise it
// does no I/O. Motor's names, such as content_type, also work.
//
// Errors: [ValueError] for _id, length, chunkSize, uploadDate and md5, which are computed; [InvalidDocument] for a
// value that cannot be encoded; [ValueError] for an aborted file; [OperationFailure].
//
// Motor: MotorGridIn.set.
func (in *GridIn) Set(ctx context.Context, name string, value any) *future.Future[struct{}] {
	client, field := in.files.client(), documentField(name)
	if isComputed(field) {
		return failed[struct{}](client, newError(ValueError, "%s cannot be set", name))
	}
	raw, err := in.files.root.codec.encode(name, bson.D{{Key: field, Value: value}})
	if err := in.checkOperation(ctx, err); err != nil {
		return failed[struct{}](client, err)
	}
	set := func() { in.setField(field, raw.Lookup(field)) }
	if t := in.sequence.TryReserve(); t != nil {
		open := !in.Closed()
		if open {
			set()
		}
		t.Release()
		if open {
			return resolved(client, struct{}{})
		}
	}
	reserved, err := client.reserve(ctx, &in.sequence)
	return submit(ctx, client, op[struct{}]{err: err, turns: reserved, run: func(ctx context.Context, conn *connection) (none struct{}, err error) {
		in.mu.Lock()
		closed, aborted := in.closed, in.aborted
		in.mu.Unlock()
		if aborted {
			return none, newError(ValueError, "cannot set %s on an aborted file", name)
		}
		if closed {
			driver, err := conn.client(ctx)
			if err != nil {
				return none, err
			}
			change := bson.D{{Key: "$set", Value: raw}}
			if _, err := in.files.updateFiles(ctx, driver, equals("_id", in.id), change, false); err != nil {
				return none, err
			}
		}
		set()
		return none, nil
	}})
}

// setField sets a field of the document.
func (in *GridIn) setField(field string, value bson.RawValue) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if i := in.fieldIndex(field); i >= 0 {
		in.doc = append(bson.D(nil), in.doc...) // Close may still use the old slice
		in.doc[i].Value = value
		return
	}
	in.doc = append(in.doc[:len(in.doc):len(in.doc)], bson.E{Key: field, Value: value})
}

// Leave ends writing as Python's "async with" does. If err is nil, it closes the file. Otherwise it aborts the file and
// fails with err.
//
//	in.Leave(ctx, write(in))
//
// Errors: err, unchanged; those of [GridIn.Close].
//
// Motor: MotorGridIn.__aexit__.
func (in *GridIn) Leave(ctx context.Context, err error) *future.Future[struct{}] {
	if err == nil {
		return in.Close(ctx)
	}
	return future.Handle(in.Abort(ctx), func(none struct{}, _ error) (struct{}, error) { return none, err })
}

// Scope calls fn with the file and then closes the file. If fn returns an error, panics, or exits its goroutine, Scope
// aborts the file instead. It returns the error of fn; a panic continues. Scope returns when the file is closed or
// aborted.
//
//	err := bucket.OpenUploadStream("report").Scope(ctx, func(in *motor.GridIn) error {
//		_, err := in.Write(ctx, data).Await(ctx)
//		return err
//	})
//
// Motor: async with.
func (in *GridIn) Scope(ctx context.Context, fn func(in *GridIn) error) error {
	if ctx == nil {
		return errNilContext
	}
	if fn == nil {
		return newError(TypeError, "Scope: fn is nil")
	}
	returned := false
	defer func() {
		if !returned {
			_, _ = in.leave(ctx, errScope)
		}
	}()
	err := fn(in)
	returned = true
	_, err = in.leave(ctx, err)
	return err
}

var errScope = newError(InvalidOperation, "Scope: fn did not return")

// leave waits for Leave. If the context has ended, it aborts the file with another context, so that no data is left.
func (in *GridIn) leave(ctx context.Context, err error) (struct{}, error) {
	if err != nil && ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), gridCleanup)
		defer cancel()
	}
	return in.Leave(ctx, err).Await(ctx)
}

// Writer returns the file as an io.WriteCloser. Its methods block; ctx limits all of them. Its Close closes the file.
func (in *GridIn) Writer(ctx context.Context) io.WriteCloser { return gridWriter{in, ctx} }

type gridWriter struct {
	in  *GridIn
	ctx context.Context
}

// Write implements io.Writer.
func (w gridWriter) Write(p []byte) (int, error) {
	if _, err := w.in.Write(w.ctx, p).Await(w.ctx); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements io.Closer.
func (w gridWriter) Close() error {
	_, err := w.in.Close(w.ctx).Await(w.ctx)
	return err
}
