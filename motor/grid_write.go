package motor

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/gridchunk"
	"github.com/gomotor/gomotor/internal/progress"
)

const (
	// gridBatch is the number of bytes that are sent at once, or one chunk if that is larger.
	gridBatch = 2 * 1024 * 1024
	// gridBatchChunks is the largest number of chunks that are sent at once.
	gridBatchChunks = 1000
	// gridCleanup is the time limit for removing a file whose upload has failed.
	gridCleanup = 5 * time.Second
)

// open returns the buffer of the bytes that are not sent yet. They are sent when it is full. The caller has the file's
// turn.
func (in *GridIn) open() *gridchunk.Buffer {
	if in.buffer == nil {
		in.buffer = gridchunk.New(in.id, in.chunkSize, min(max(gridBatch/in.chunkSize, 1), gridBatchChunks))
	}
	return in.buffer
}

// Write adds data to the file: a []byte, a string, the rest of a [GridOut], or everything that an io.Reader returns. A small write only fills
// the buffer, which a later write or Close sends. If an io.Reader fails, the file is aborted.
//
// Errors: [ValueError] if the file has been closed or aborted; [TypeError] for data of any other type; [FileExists] if
// another file has the _id; [ConfigurationError] for a write concern of w: 0; [OperationFailure]; those of an
// io.Reader, unchanged.
//
// Motor: MotorGridIn.write.
func (in *GridIn) Write(ctx context.Context, data any) *future.Future[struct{}] {
	source, err := newGridSource(data)
	return in.write(ctx, []gridSource{source}, err)
}

// Writelines adds all elements of a slice to the file, with no bytes between them, as one operation. Each element has a
// type that [GridIn.Write] takes.
//
// Errors: those of Write; [TypeError] for a value that is not a slice.
//
// Motor: MotorGridIn.writelines.
func (in *GridIn) Writelines(ctx context.Context, sequence any) *future.Future[struct{}] {
	list := reflect.ValueOf(sequence)
	if kind := list.Kind(); kind != reflect.Slice && kind != reflect.Array {
		return in.write(ctx, nil, newError(TypeError, "Writelines takes a slice, not %T", sequence))
	}
	sources := make([]gridSource, list.Len())
	for i := range sources {
		var err error
		if sources[i], err = newGridSource(list.Index(i).Interface()); err != nil {
			return in.write(ctx, nil, err)
		}
	}
	return in.write(ctx, sources, nil)
}

func (in *GridIn) write(ctx context.Context, sources []gridSource, err error) *future.Future[struct{}] {
	client := in.files.client()
	if err := in.checkOperation(ctx, err); err != nil {
		return failed[struct{}](client, err)
	}
	if report := client.reportOf(ctx, unitBytes); report == nil && in.appendSmall(sources) {
		return resolved(client, struct{}{})
	}
	for i, s := range sources { // copy: the caller may reuse its bytes
		sources[i].data = append([]byte(nil), s.data...)
	}
	return writeFile(ctx, in, "write to", struct{}{}, func(w *fileWriter) error { return w.addSources(sources) })
}

// upload writes all bytes of source and closes the file. Its result is result. After a failure it removes the written
// chunks.
func upload[T any](ctx context.Context, in *GridIn, source any, result T) *future.Future[T] {
	s, err := newGridSource(source)
	if err := in.checkOperation(ctx, err); err != nil {
		return failed[T](in.files.client(), err)
	}
	return writeFile(ctx, in, "write to", result, func(w *fileWriter) error {
		err := w.addSources([]gridSource{s})
		if err == nil {
			err = w.close()
		}
		if err != nil {
			w.removeFailed()
		}
		return err
	})
}

// checkOperation returns the error of an operation that must not start, or nil.
func (in *GridIn) checkOperation(ctx context.Context, err error) error {
	switch {
	case in.err != nil:
		return in.err
	case err != nil:
		return err
	case ctx == nil:
		return errNilContext
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return in.files.checkWrite(ctx)
}

// appendSmall buffers bytes that need not be sent yet. It reports false, and does nothing, if they must be sent or if
// another operation has its turn.
func (in *GridIn) appendSmall(sources []gridSource) bool {
	t := in.sequence.TryReserve()
	if t == nil {
		return false
	}
	defer t.Release()
	if in.checkOpen("write to") != nil {
		return false // writeFile returns the error
	}
	room := in.open().Room()
	for _, s := range sources {
		if room -= len(s.data); room <= 0 || s.reader != nil || s.file != nil {
			return false
		}
	}
	for _, s := range sources {
		in.added(in.open().Append(s.data))
	}
	return true
}

// added counts n bytes that the buffer has got.
func (in *GridIn) added(n int) {
	in.mu.Lock()
	in.length += int64(n)
	in.mu.Unlock()
}

// fileWriter is an operation that writes a file and has its turn.
type fileWriter struct {
	*GridIn
	ctx     context.Context
	client  *mongo.Client
	session *sessionTicket
	report  *progress.Report // may be nil
	before  int64            // the length of the file at the start of the operation
}

// writeFile starts an operation that writes. Its result is result. If the operation fails, or is cancelled after it has
// started to write, only Abort is possible.
func writeFile[T any](ctx context.Context, in *GridIn, what string, result T, write func(*fileWriter) error) *future.Future[T] {
	started := false
	client := in.files.client()
	report := client.reportOf(ctx, unitBytes)
	reserved, err := client.reserve(ctx, &in.sequence)
	return submit(ctx, client, op[T]{
		err:    err,
		turns:  reserved,
		ending: client.ending(report),
		run: func(ctx context.Context, conn *connection) (none T, err error) {
			if in.Closed() && what == "close" {
				return result, nil
			}
			if err := in.checkOpen(what); err != nil {
				return none, err
			}
			if err := ctx.Err(); err != nil {
				return none, err
			}
			started = true
			client, err := conn.client(ctx)
			if err == nil {
				w := &fileWriter{GridIn: in, ctx: ctx, client: client, session: reserved.session, report: report, before: in.Length()}
				if err = write(w); err == nil {
					report.Set(w.Length() - w.before) // also what is buffered
				}
			}
			if err != nil {
				in.fail(wrapError(err))
				return none, err
			}
			return result, nil
		},
		undo: func(T, error) {
			if started {
				in.fail(future.ErrCancelled)
			}
		},
	})
}

// addSources adds all bytes of the sources. It reports them as done when they have been sent.
func (w *fileWriter) addSources(sources []gridSource) error {
	total, err := w.sizeOf(sources)
	if err != nil {
		return err
	}
	w.report.Start(total)
	for _, s := range sources {
		if err := w.addAll(s); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf returns the number of bytes of the sources, or 0 if one of them does not say or there is no report.
func (w *fileWriter) sizeOf(sources []gridSource) (total int64, err error) {
	if w.report == nil {
		return 0, nil
	}
	for _, s := range sources {
		if s.reader == nil && s.file == nil {
			total += int64(len(s.data))
			continue
		}
		n, err := callUserInSession(w.ctx, w.session, func() (int64, error) { return s.size(w.ctx) })
		if err != nil || n == 0 {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// addAll adds all bytes of a source.
func (w *fileWriter) addAll(s gridSource) error {
	if s.file != nil {
		s.reader = s.file.Reader(w.ctx)
	}
	if s.reader == nil {
		return w.add(s.data)
	}
	for {
		buffer := w.open()
		n, err := callUserInSession(w.ctx, w.session, func() (int, error) { return buffer.Fill(s.reader) })
		var theirs *userError
		if err != nil && !errors.As(err, &theirs) {
			w.buffer = nil // ctx has ended; the reader may still use the buffer
			return err
		}
		w.added(n)
		switch {
		case err == nil:
		case theirs.error == io.EOF:
			return w.sendFull()
		default:
			w.removeFailed()
			return err
		}
		if err := w.sendFull(); err != nil {
			return err
		}
	}
}

// add adds bytes to the file. It sends the buffer each time it is full.
func (w *fileWriter) add(data []byte) error {
	for len(data) > 0 {
		n := w.open().Append(data)
		w.added(n)
		data = data[n:]
		if err := w.sendFull(); err != nil {
			return err
		}
	}
	return nil
}

// sendFull sends the buffer if it is full.
func (w *fileWriter) sendFull() error {
	if w.open().Room() > 0 {
		return nil
	}
	if err := w.send(); err != nil {
		return err
	}
	w.report.Set(w.Length() - w.before)
	return nil
}

// send sends the buffer as chunks. Only the last ones of a file may be less than a full buffer.
func (w *fileWriter) send() error {
	if err := w.files.ensureIndexes(w.ctx, w.client); err != nil || w.open().Len() == 0 {
		return err
	}
	chunks := w.files.chunks
	now, e := chunks.snapshot(), chunks.arguments()
	docs := w.buffer.Documents(w.chunksSent)
	for _, doc := range docs {
		e.CheckSize("a chunk", doc)
	}
	insert, err := chunks.insertMany(w.ctx, now, e, docs, nil, nil)
	if err != nil {
		return err
	}
	w.sentAny = true
	result, err := insert(w.ctx, writerAt(&chunks.collection, w.client, now))
	if result != nil {
		w.chunksSent += len(result.InsertedIDs)
	}
	if err != nil {
		if result != nil && !mongo.IsDuplicateKeyError(err) {
			err = lastOf(err, result)
		}
		return w.fileExists(err)
	}
	if w.sum != nil {
		for data := range w.buffer.Data() {
			w.sum.Write(data)
		}
	}
	w.buffer.Reset()
	return nil
}

// fileExists returns FileExists if err says that the server already has this file or chunk, and err otherwise.
func (w *fileWriter) fileExists(err error) error {
	if !mongo.IsDuplicateKeyError(err) {
		return err
	}
	w.idTaken = true
	return &Error{class: FileExists, text: w.String(), cause: err}
}

// Close sends the rest of the bytes and then the file's document, which makes the file visible. Closing a closed or
// aborted file does nothing.
//
// Errors: [FileExists] if another file has the _id; [ConfigurationError] for a write concern of w: 0;
// [OperationFailure].
//
// Motor: MotorGridIn.close.
func (in *GridIn) Close(ctx context.Context) *future.Future[struct{}] {
	if in.Closed() {
		return resolved(in.files.client(), struct{}{})
	}
	if err := in.checkOperation(ctx, nil); err != nil {
		return failed[struct{}](in.files.client(), err)
	}
	return writeFile(ctx, in, "close", struct{}{}, (*fileWriter).close)
}

func (w *fileWriter) close() error {
	if err := w.send(); err != nil {
		return err
	}
	if err := w.files.ensureIndexes(w.ctx, w.client); err != nil { // the indexes may have been dropped during send
		return err
	}
	files := w.files.files
	now, e := files.snapshot(), files.arguments()
	w.mu.Lock()
	date := bson.NewDateTimeFromTime(time.Now())
	doc := append(w.doc[:len(w.doc):len(w.doc)],
		bson.E{Key: "length", Value: w.length}, bson.E{Key: "uploadDate", Value: date})
	w.mu.Unlock()
	sum := ""
	if w.sum != nil {
		sum = hex.EncodeToString(w.sum.Sum(nil))
		doc = append(doc, bson.E{Key: "md5", Value: sum})
	}
	insert, err := files.insertOne(w.ctx, now, e, e.Document("the file's document", doc), nil)
	if err != nil {
		return err
	}
	w.sentAny, w.fileInserted = true, true
	if _, err := insert(w.ctx, writerAt(&files.collection, w.client, now)); err != nil {
		w.fileInserted = !mongo.IsDuplicateKeyError(err)
		return w.fileExists(err)
	}
	w.mu.Lock()
	w.closed, w.date, w.md5 = true, date.Time().UTC(), sum
	w.mu.Unlock()
	w.buffer = nil
	return nil
}

// Abort removes the written chunks and document, also after Close, and closes the file. If another file has the _id,
// Abort does not touch that file.
//
// Errors: [OperationFailure].
//
// Motor: MotorGridIn.abort.
func (in *GridIn) Abort(ctx context.Context) *future.Future[struct{}] {
	if err := in.checkOperation(ctx, nil); err != nil {
		return failed[struct{}](in.files.client(), err)
	}
	client := in.files.client()
	reserved, err := client.reserve(ctx, &in.sequence)
	return submit(ctx, client, op[struct{}]{
		err:   err,
		turns: reserved,
		run: func(ctx context.Context, conn *connection) (none struct{}, err error) {
			client, err := conn.client(ctx)
			if err != nil {
				return none, err
			}
			return none, (&fileWriter{GridIn: in, ctx: ctx, client: client}).abort()
		},
	})
}

func (w *fileWriter) abort() error {
	if w.sentAny {
		filter := equals("files_id", w.id)
		if w.idTaken { // the other file owns the chunks after those that were sent
			filter = append(filter, bson.E{Key: "n", Value: bson.D{{Key: "$lt", Value: int32(w.chunksSent)}}})
		}
		if err := w.files.deleteChunks(w.ctx, w.client, filter); err != nil {
			return err
		}
		if w.fileInserted {
			if _, err := w.files.deleteFiles(w.ctx, w.client, equals("_id", w.id), false); err != nil {
				return err
			}
		}
	}
	w.buffer, w.sentAny, w.fileInserted = nil, false, false
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed, w.aborted = true, true
	return nil
}

// removeFailed aborts the file after a failure. The operation returns that failure and ignores errors of removeFailed.
func (w *fileWriter) removeFailed() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), gridCleanup)
	defer cancel()
	cleaner := *w
	cleaner.ctx = ctx
	_ = cleaner.abort()
}

// gridSource is data to be written: a reader, another file or, if both are nil, bytes.
type gridSource struct {
	reader io.Reader
	file   *GridOut
	data   []byte
}

// size returns the number of bytes that are left, or 0 if the source does not say. It calls user code.
func (s gridSource) size(ctx context.Context) (int64, error) {
	if s.file == nil {
		return progress.SizeOf(s.reader), nil
	}
	if _, err := s.file.Open(ctx).Await(ctx); err != nil {
		return 0, err
	}
	length, err := s.file.Length()
	return max(length-s.file.Tell(), 0), err
}

func newGridSource(data any) (gridSource, error) {
	switch d := data.(type) {
	case []byte:
		return gridSource{data: d}, nil
	case string:
		return gridSource{data: []byte(d)}, nil
	case *GridOut:
		if d != nil {
			return gridSource{file: d}, nil
		}
	case interface{ Futures() *GridOut }: // in callback style
		if out := d.Futures(); out != nil {
			return gridSource{file: out}, nil
		}
	case io.Reader:
		if !command.IsNil(d) {
			return gridSource{reader: d}, nil
		}
	}
	return gridSource{}, newError(TypeError, "can only write strings, bytes or io.Readers, not %T", data)
}
