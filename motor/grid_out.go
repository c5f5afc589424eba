package motor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// GridOut reads a file of GridFS. Making it does no I/O. [GridOut.Open] or the first read opens it, and then its
// properties are known. It fetches bytes chunk by chunk, at most one chunk ahead, or half a megabyte if chunks are
// small.
//
//	out, err := bucket.OpenDownloadStreamByName(ctx, "report.pdf").Await(ctx)
//	head, err := out.Read(ctx, 100).Await(ctx)
//	for chunk, err := range out.All(ctx) { ... }
//
// It is safe for concurrent use. Its operations run one at a time, in the order of their calls. A read that fails or is
// cancelled does not change the position, so no bytes are lost. The cursor on the server is closed at the end of the
// file, by [GridOut.Close], and when the garbage collector frees the GridOut.
//
// Motor: MotorGridOut.
type GridOut struct {
	files    *gridFiles
	find     func(context.Context, *mongo.Client) (*gridFile, error) // finds the file's document, in an operation
	err      error                                                   // an argument is invalid: every operation fails with this
	sequence future.Sequence                                         // the order of the operations
	chunks   gridChunks                                              // owned by the operation that has its turn

	mu     sync.Mutex
	file   *gridFile // nil: not open
	pos    int64     // where the next read starts; changed only by the operation that has its turn
	seeks  int       // the number of Seek calls that wait for earlier reads
	sought int64     // the position of the latest of them
}

// NewGridOut returns the file with an _id, below a root collection. The files of the bucket "fs" are below the
// collection "fs". It does no I/O. fileDocument is optional: the file's document in root.files. If it is given, and
// not empty, fileID is ignored and the file is open. It panics for a nil root.
//
// Errors of reading: [TypeError] for a fileDocument that is not a document, and for more than one; [InvalidDocument]
// for a value that cannot be encoded.
func NewGridOut(root *Collection[bson.M], fileID any, fileDocument ...any) *GridOut {
	mustHave(root != nil, "NewGridOut", "root")
	files := newGridFiles(root)
	document, err := atMostOne("NewGridOut", fileDocument)
	if len(fileDocument) == 0 {
		return files.byID(fileID)
	}
	var raw bson.Raw
	if err == nil {
		raw, err = root.codec.encode("fileDocument", document)
	}
	if elements, _ := raw.Elements(); err == nil && len(elements) == 0 {
		return files.byID(fileID)
	}
	out := files.opened(raw)
	out.err = err
	return out
}

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorGridOut.get_io_loop, MotorGridOut.io_loop.
func (o *GridOut) IOLoop() future.Executor { return o.files.client().loop }

// Collection returns the root collection, below which the files are.
func (o *GridOut) Collection() *Collection[bson.M] { return o.files.root }

// String returns the file's _id if the file is open.
func (o *GridOut) String() string {
	id, err := o.ID()
	if err != nil {
		return "motor.GridOut()"
	}
	return fmt.Sprintf("motor.GridOut(%v)", id)
}

// Open finds the file if it is not open. The result is the GridOut itself.
//
// Errors: [NoFile] if the file does not exist; [OperationFailure].
//
// Motor: MotorGridOut.open.
func (o *GridOut) Open(ctx context.Context) *future.Future[*GridOut] {
	return readFile(ctx, o, func(*fileReader) (*GridOut, error) { return o, nil })
}

// Close closes the cursor on the server after the reads that were called before. It does not wait. The file can still
// be read: the next read starts where the last one ended.
//
// Motor: MotorGridOut.close.
func (o *GridOut) Close() error {
	o.sequence.Reserve().Do(o.chunks.discard)
	return nil
}

// Tell returns the position of the next read: that of the latest [GridOut.Seek], moved by the reads that have finished
// since.
//
// Motor: MotorGridOut.tell.
func (o *GridOut) Tell() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tell()
}

// tell implements [GridOut.Tell]. The caller holds mu.
func (o *GridOut) tell() int64 {
	if o.seeks > 0 {
		return o.sought
	}
	return o.pos
}

// position returns where the read that has its turn starts.
func (o *GridOut) position() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pos
}

// Seek sets the position of the next read, and returns it. offset counts bytes from the beginning of the file
// (io.SeekStart), from [GridOut.Tell] (io.SeekCurrent), or from its end (io.SeekEnd). It does no I/O. It does not
// affect reads that were called before.
//
// Errors: [ValueError] for a position before the beginning, and for any other whence; [InvalidOperation] for io.SeekEnd
// before the file is open. An error leaves the position unchanged.
//
// Motor: MotorGridOut.seek.
func (o *GridOut) Seek(offset int64, whence int) (int64, error) {
	pos, err := o.seek(offset, whence)
	if err == nil {
		o.sequence.Reserve().Do(func() {
			o.mu.Lock()
			o.pos = pos
			o.seeks--
			o.mu.Unlock()
		})
	}
	return pos, err
}

// seek records where the next reads start.
func (o *GridOut) seek(offset int64, whence int) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	pos := o.tell()
	switch whence {
	case io.SeekStart:
		pos = offset
	case io.SeekCurrent:
		pos += offset
	case io.SeekEnd:
		if o.file == nil {
			return pos, errNotOpen("length")
		}
		if err := o.file.check(); err != nil {
			return pos, err
		}
		pos = o.file.length + offset
	default:
		return pos, newError(ValueError, "Seek: invalid whence %d: must be io.SeekStart, io.SeekCurrent or io.SeekEnd", whence)
	}
	if pos < 0 {
		return o.tell(), newError(ValueError, "Seek: invalid position %d: must be at least 0", pos)
	}
	o.seeks++
	o.sought = pos
	return pos, nil
}

func (o *GridOut) setPosition(pos int64) {
	o.mu.Lock()
	o.pos = pos
	o.mu.Unlock()
}

// openFile returns the file's document, or InvalidOperation if the file is not open.
func (o *GridOut) openFile(property string) (*gridFile, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file == nil {
		return nil, errNotOpen(property)
	}
	return o.file, nil
}

// errNotOpen returns an error with Motor's text.
func errNotOpen(property string) error {
	return newError(InvalidOperation, "You must call MotorGridOut.open() before accessing the %s property", property)
}

// property returns a value from the file's document.
func property[T any](o *GridOut, name string, of func(*gridFile) T) (T, error) {
	f, err := o.openFile(name)
	if err != nil {
		var none T
		return none, err
	}
	return of(f), nil
}

// Document returns the file's document. It fails with [InvalidOperation] before the file is open.
func (o *GridOut) Document() (bson.M, error) {
	f, err := o.openFile("document")
	if err != nil {
		return nil, err
	}
	return decode[bson.M](&o.files.root.codec, f.doc)
}

// Get returns a field of the file's document, or nil if the document does not have it. Motor's names, such as
// content_type, also work. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.__getattr__.
func (o *GridOut) Get(name string) (any, error) {
	if _, err := o.openFile(name); err != nil {
		return nil, err
	}
	doc, err := o.Document()
	return doc[documentField(name)], err
}

// ID returns the file's _id. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut._id.
func (o *GridOut) ID() (any, error) { return o.Get("_id") }

// Filename returns the file's name, or "" if it has none. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.filename.
func (o *GridOut) Filename() (string, error) {
	return property(o, "filename", func(f *gridFile) string { return f.text("filename") })
}

// Name is [GridOut.Filename].
//
// Motor: MotorGridOut.name.
func (o *GridOut) Name() (string, error) {
	return property(o, "name", func(f *gridFile) string { return f.text("filename") })
}

// ContentType returns the file's MIME type, or "" if it has none. It fails with [InvalidOperation] before the file is
// open.
//
// Motor: MotorGridOut.content_type.
func (o *GridOut) ContentType() (string, error) {
	return property(o, "content_type", func(f *gridFile) string { return f.text("contentType") })
}

// Length returns how many bytes the file has. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.length.
func (o *GridOut) Length() (int64, error) {
	return property(o, "length", func(f *gridFile) int64 { return f.length })
}

// ChunkSize returns how many bytes each chunk of the file has, except the last one. It fails with [InvalidOperation]
// before the file is open.
//
// Motor: MotorGridOut.chunk_size.
func (o *GridOut) ChunkSize() (int64, error) {
	return property(o, "chunk_size", func(f *gridFile) int64 { return f.chunkSize })
}

// UploadDate returns when the file was written, in UTC. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.upload_date.
func (o *GridOut) UploadDate() (time.Time, error) {
	return property(o, "upload_date", func(f *gridFile) time.Time {
		date, ok := f.doc.Lookup("uploadDate").DateTimeOK()
		if !ok {
			return time.Time{}
		}
		return time.UnixMilli(date).UTC()
	})
}

// Aliases returns the file's other names, or nil if it has none. It fails with [InvalidOperation] before the file is
// open.
//
// Motor: MotorGridOut.aliases.
func (o *GridOut) Aliases() ([]string, error) {
	return property(o, "aliases", func(f *gridFile) []string {
		list, _ := f.doc.Lookup("aliases").ArrayOK()
		values, _ := list.Values() // a value that is not a list has no names
		var names []string
		for _, v := range values {
			if name, ok := v.StringValueOK(); ok {
				names = append(names, name)
			}
		}
		return names
	})
}

// Metadata returns the metadata that the file was written with, or nil. It fails with [InvalidOperation] before the
// file is open.
//
// Motor: MotorGridOut.metadata.
func (o *GridOut) Metadata() (bson.M, error) {
	f, err := o.openFile("metadata")
	if err != nil {
		return nil, err
	}
	doc, ok := f.doc.Lookup("metadata").DocumentOK()
	if !ok {
		return nil, nil
	}
	return decode[bson.M](&o.files.root.codec, doc)
}

// MD5 returns the checksum in the file's document, in hexadecimal digits. It is "" for files written by a
// [GridFSBucket] or a current driver. It fails with [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.md5.
func (o *GridOut) MD5() (string, error) {
	return property(o, "md5", func(f *gridFile) string { return f.text("md5") })
}

// GridOutInfo is the description of a file.
type GridOutInfo struct {
	ID          any
	Filename    string
	ContentType string
	Length      int64 // in bytes
	ChunkSize   int64 // in bytes
	UploadDate  time.Time
	MD5         string // "" for files written by a GridFSBucket or a current driver
	Aliases     []string
	Metadata    bson.D // with the order of its keys; nil if the file has none
}

// Info returns the description of the file. It fails with [InvalidOperation] before the file is open.
//
// Motor: the properties of MotorGridOut.
func (o *GridOut) Info() (info GridOutInfo, err error) {
	f, err := o.openFile("info")
	if err != nil {
		return info, err
	}
	if doc, ok := f.doc.Lookup("metadata").DocumentOK(); ok {
		if info.Metadata, err = decode[bson.D](&o.files.root.codec, doc); err != nil {
			return info, err
		}
	}
	// The file is open, so that these getters only fail if its document cannot be decoded.
	var errs [8]error
	info.ID, errs[0] = o.ID()
	info.Filename, errs[1] = o.Filename()
	info.ContentType, errs[2] = o.ContentType()
	info.Length, errs[3] = o.Length()
	info.ChunkSize, errs[4] = o.ChunkSize()
	info.UploadDate, errs[5] = o.UploadDate()
	info.MD5, errs[6] = o.MD5()
	info.Aliases, errs[7] = o.Aliases()
	return info, errors.Join(errs[:]...)
}
