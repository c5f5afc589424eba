package motor

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// GridOut reads a file of GridFS. Making it does no I/O. [GridOut.Open] or the first read opens it; its properties are
// known from then on. Bytes are fetched chunk by chunk, at most one chunk ahead, or half a megabyte if chunks are small.
//
//	out, err := bucket.OpenDownloadStreamByName(ctx, "report.pdf").Await(ctx)
//	head, err := out.Read(ctx, 100).Await(ctx)
//	for chunk, err := range out.All(ctx) { ... }
//
// It is safe for several goroutines: its operations run one at a time, in the order of their calls. A read that fails or
// is cancelled leaves the position where it was, so that no bytes are lost. The cursor on the server is closed at the end
// of the file, by [GridOut.Close], and when the GridOut is garbage.
//
// Motor: MotorGridOut.
type GridOut struct {
	files    *gridFiles
	find     func(context.Context, *mongo.Client) (*gridFile, error) // finds the file's document, in an operation
	err      error                                                   // an argument is wrong: every operation fails with this
	sequence future.Sequence                                         // the order of the operations
	chunks   gridChunks                                              // belongs to the operation that has the turn

	mu     sync.Mutex
	file   *gridFile // nil: not open
	pos    int64     // where the next read begins; only the operation that has the turn changes it
	seeks  int       // how many calls of Seek wait for the reads before them
	sought int64     // the position of the latest of them
}

// NewGridOut returns the file with an _id, of the files below a root collection: those of the bucket "fs" are below the
// collection "fs". It does no I/O. If fileDocument is given, the file's document in root.files, then fileID is ignored
// and the file is open.
//
// Errors of reading: [TypeError] for a fileDocument that is not a document, and for more than one; [InvalidDocument] for a
// value that cannot be encoded.
func NewGridOut(root *Collection[bson.M], fileID any, fileDocument ...any) *GridOut {
	files := newGridFiles(root)
	document, err := atMostOne("NewGridOut", fileDocument)
	if len(fileDocument) == 0 {
		return files.byID(fileID)
	}
	var raw bson.Raw
	if err == nil {
		raw, err = root.codec.encode("fileDocument", document)
	}
	out := files.opened(raw)
	out.err = err
	return out
}

// IOLoop returns that of the client: see [Client.IOLoop].
//
// Motor: MotorGridOut.get_io_loop, MotorGridOut.io_loop.
func (o *GridOut) IOLoop() future.Executor { return o.files.client().loop }

// Collection returns the root collection: the one below which the files are.
func (o *GridOut) Collection() *Collection[bson.M] { return o.files.root }

// String names the file by its _id, if it is open.
func (o *GridOut) String() string {
	id, err := o.ID()
	if err != nil {
		return "motor.GridOut()"
	}
	return fmt.Sprintf("motor.GridOut(%v)", id)
}

// Open finds the file, unless it is open already. The result is the GridOut itself.
//
// Errors: [NoFile] if there is none; [OperationFailure].
//
// Motor: MotorGridOut.open.
func (o *GridOut) Open(ctx context.Context) *future.Future[*GridOut] {
	return readFile(ctx, o, func(*fileReader) (*GridOut, error) { return o, nil })
}

// Close closes the cursor on the server after the reads that were called before, and does not wait for it. The file can
// still be read: the next read begins where the last one ended.
//
// Motor: MotorGridOut.close.
func (o *GridOut) Close() error {
	o.sequence.Reserve().Do(o.chunks.discard)
	return nil
}

// Tell returns the position from which the next bytes are read: the one that the latest [GridOut.Seek] has set, moved by
// the reads that have ended since.
//
// Motor: MotorGridOut.tell.
func (o *GridOut) Tell() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tell()
}

// tell implements [GridOut.Tell]. mu is held.
func (o *GridOut) tell() int64 {
	if o.seeks > 0 {
		return o.sought
	}
	return o.pos
}

// position returns where the read that has the turn begins.
func (o *GridOut) position() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pos
}

// Seek sets the position from which the next bytes are read, and returns it: offset bytes from the file's beginning
// (io.SeekStart), from [GridOut.Tell] (io.SeekCurrent), or from its end (io.SeekEnd). It does no I/O. It does not affect
// reads that were called before.
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

// seek notes where the next reads begin.
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
		pos = o.file.length + offset
	default:
		return pos, newError(ValueError, "Seek: there is no whence %d", whence)
	}
	if pos < 0 {
		return o.tell(), newError(ValueError, "Seek: %d is before the beginning of the file", pos)
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

// errNotOpen has Motor's text.
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

// Document returns the file's document. [InvalidOperation] before the file is open.
func (o *GridOut) Document() (bson.M, error) {
	f, err := o.openFile("document")
	if err != nil {
		return nil, err
	}
	return decode[bson.M](&o.files.root.codec, f.doc)
}

// Get returns a field of the file's document, or nil if it has none of this name. Motor's names, such as content_type,
// stand for those of the document. [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.__getattr__.
func (o *GridOut) Get(name string) (any, error) {
	if _, err := o.openFile(name); err != nil {
		return nil, err
	}
	doc, err := o.Document()
	return doc[documentField(name)], err
}

// ID returns the file's _id. [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut._id.
func (o *GridOut) ID() (any, error) { return o.Get("_id") }

// Filename returns the file's name, or "" if it has none. [InvalidOperation] before the file is open.
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

// ContentType returns the file's MIME type, or "" if it has none. [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.content_type.
func (o *GridOut) ContentType() (string, error) {
	return property(o, "content_type", func(f *gridFile) string { return f.text("contentType") })
}

// Length returns how many bytes the file has. [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.length.
func (o *GridOut) Length() (int64, error) {
	return property(o, "length", func(f *gridFile) int64 { return f.length })
}

// ChunkSize returns how many bytes each chunk of the file has, except the last one. [InvalidOperation] before the file
// is open.
//
// Motor: MotorGridOut.chunk_size.
func (o *GridOut) ChunkSize() (int64, error) {
	return property(o, "chunk_size", func(f *gridFile) int64 { return f.chunkSize })
}

// UploadDate returns when the file was written, in UTC. [InvalidOperation] before the file is open.
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

// Aliases returns the file's other names, or nil if it has none. [InvalidOperation] before the file is open.
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

// Metadata returns the metadata that the file was written with, or nil. [InvalidOperation] before the file is open.
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

// MD5 returns the checksum from the file's document, in hexadecimal digits. It is "" for files that a [GridFSBucket] has
// written, or any current driver. [InvalidOperation] before the file is open.
//
// Motor: MotorGridOut.md5.
func (o *GridOut) MD5() (string, error) {
	return property(o, "md5", func(f *gridFile) string { return f.text("md5") })
}
