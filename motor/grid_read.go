package motor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"runtime"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/progress"
)

// fileReader is an operation that reads a file and has its turn.
type fileReader struct {
	*GridOut
	ctx     context.Context
	conn    *connection
	session *sessionTicket
	report  *progress.Report // may be nil
	file    *gridFile
	pos     int64
}

// readFile starts an operation that reads the file. It opens the file first if it is not open. The operation moves the
// position if it succeeds and was not cancelled.
func readFile[T any](ctx context.Context, o *GridOut, read func(*fileReader) (T, error)) *future.Future[T] {
	err := o.err
	if err == nil {
		err = o.files.check(ctx)
	}
	client := o.files.client()
	reserved := noTurns
	if err == nil {
		reserved, err = client.reserve(ctx, &o.sequence)
	}
	session, report := reserved.session, client.reportOf(ctx, unitBytes)
	before, succeeded := int64(0), false
	return submit(ctx, client, op[T]{
		err:    err,
		turns:  reserved,
		ending: client.ending(report),
		run: func(ctx context.Context, conn *connection) (v T, err error) {
			r := &fileReader{GridOut: o, ctx: ctx, conn: conn, session: session, report: report, pos: o.position()}
			before = r.pos
			if err := ctx.Err(); err != nil {
				return v, err
			}
			if err := r.open(); err != nil {
				return v, err
			}
			if v, err = read(r); err == nil {
				succeeded = true
				o.setPosition(r.pos)
			}
			return v, err
		},
		undo: func(T, error) {
			if succeeded {
				o.setPosition(before)
			}
		},
	})
}

// open finds the file's document.
func (r *fileReader) open() error {
	r.mu.Lock()
	r.file = r.GridOut.file
	r.mu.Unlock()
	if r.file != nil {
		return nil
	}
	client, err := r.conn.client(r.ctx)
	if err != nil {
		return err
	}
	if r.file, err = r.find(r.ctx, client); err != nil {
		return err
	}
	r.mu.Lock()
	r.GridOut.file = r.file
	r.mu.Unlock()
	return nil
}

// restOfChunk returns the bytes from the position to the end of their chunk, or none at the end of the file. They are
// valid until the next call.
func (r *fileReader) restOfChunk() ([]byte, error) {
	if err := r.file.check(); err != nil {
		return nil, err
	}
	if r.pos >= r.file.length {
		return nil, nil
	}
	n := r.pos / r.file.chunkSize
	if err := r.chunks.fetch(r.ctx, r.conn, r.GridOut, r.file, n); err != nil {
		return nil, err
	}
	return r.chunks.data[r.pos-n*r.file.chunkSize:], nil
}

// read returns the next bytes, to the end of the file or, if line is set, of the line. If size is not negative, it
// returns at most size bytes.
func (r *fileReader) read(size int64, line bool) ([]byte, error) {
	if err := r.file.check(); err != nil {
		return nil, err
	}
	left := max(0, r.file.length-r.pos)
	if size >= 0 {
		left = min(left, size)
	}
	if !line {
		r.report.Start(left)
	}
	const trusted = 1 << 20 // bytes; the length in the document may be wrong
	all := make([]byte, 0, min(left, trusted))
	for left > 0 {
		b, err := r.restOfChunk()
		if err != nil {
			return nil, err
		}
		b = b[:min(int64(len(b)), left)]
		end := -1
		if line {
			if end = bytes.IndexByte(b, '\n'); end >= 0 {
				b = b[:end+1]
			}
		}
		if need := len(all) + len(b); need > cap(all) { // the file is at least as long as what was read
			size := len(all) + int(max(int64(len(b)), min(left, int64(len(all)))))
			all = append(make([]byte, 0, size), all...)
		}
		all = append(all, b...)
		r.pos += int64(len(b))
		left -= int64(len(b))
		if !line {
			r.report.Add(int64(len(b)))
		}
		if end >= 0 {
			break
		}
	}
	return all, nil
}

// writeChunks calls fn, which may be user code, with the bytes from the position, chunk by chunk. It returns the number
// of bytes. fn must not keep the bytes.
func (r *fileReader) writeChunks(fn func([]byte) error) (written int64, err error) {
	if err := r.file.check(); err != nil {
		return 0, err
	}
	r.report.Start(max(0, r.file.length-r.pos))
	for {
		b, err := r.restOfChunk()
		if err != nil || len(b) == 0 {
			return written, err
		}
		_, err = callUserInSession(r.ctx, r.session, func() (struct{}, error) { return struct{}{}, fn(b) })
		if err != nil {
			if r.ctx.Err() != nil {
				r.chunks.discard() // fn may still use the bytes
			}
			return written, err
		}
		r.pos += int64(len(b))
		written += int64(len(b))
		r.report.Add(int64(len(b)))
	}
}

// Read reads the next n bytes, or, if n is negative, all bytes that are left. Near the end of the file the result is
// shorter. At the end it is a slice of length 0.
//
// Errors: [NoFile]; [CorruptGridFile] for missing chunks, extra chunks, and chunks of the wrong size;
// [OperationFailure].
//
// Motor: MotorGridOut.read.
func (o *GridOut) Read(ctx context.Context, n int) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) { return r.read(int64(n), false) })
}

// ReadLine reads the next line with its '\n', or, if n is not negative, at most n bytes of it. At the end of the file
// the result is a slice of length 0.
//
// Errors: those of [GridOut.Read].
//
// Motor: MotorGridOut.readline.
func (o *GridOut) ReadLine(ctx context.Context, n int) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) { return r.read(int64(n), true) })
}

// ReadChunk reads the bytes from the position to the end of their chunk, usually a whole chunk. At the end of the file
// the result is a slice of length 0.
//
// Errors: those of [GridOut.Read].
//
// Motor: MotorGridOut.readchunk.
func (o *GridOut) ReadChunk(ctx context.Context) *future.Future[[]byte] { return o.readChunk(ctx, nil) }

// readChunk is ReadChunk. The result is in the memory of buffer, if there is room. After a failure the operation may still
// use that memory.
func (o *GridOut) readChunk(ctx context.Context, buffer []byte) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) {
		b, err := r.restOfChunk()
		if err != nil {
			return nil, err
		}
		r.pos += int64(len(b))
		if buffer == nil || cap(buffer) < len(b) { // the result is not nil at the end of the file
			buffer = make([]byte, 0, len(b))
		}
		return append(buffer[:0], b...), nil
	})
}

// All returns the chunks for a range loop, which waits for each of them. On an event loop, use it in a coroutine, with
// its Co as ctx. An error ends the loop, as its last value. After a break the position is after the last chunk that the
// loop has received.
//
// Motor: async for.
func (o *GridOut) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for {
			chunk, err := o.ReadChunk(ctx).Await(ctx)
			if err != nil {
				yield(nil, err)
			}
			if err != nil || len(chunk) == 0 || !yield(chunk, nil) {
				return
			}
		}
	}
}

// StreamToHandler writes the bytes from the position to the end of the file to w, and flushes w after every chunk. The
// caller sets the headers first. The handler must not return before the operation has ended, since w cannot be used
// after that. Package motor/web serves files with headers, ranges and caching.
//
// Errors: those of [GridOut.Read]; those of w, unchanged.
//
// Motor: MotorGridOut.stream_to_handler.
func (o *GridOut) StreamToHandler(ctx context.Context, w http.ResponseWriter) *future.Future[struct{}] {
	if command.IsNil(w) {
		return failed[struct{}](o.files.client(), newError(TypeError, "StreamToHandler: w is nil"))
	}
	flusher := http.NewResponseController(w)
	return readFile(ctx, o, func(r *fileReader) (struct{}, error) {
		_, err := r.writeChunks(func(b []byte) error {
			if err := writeAll(w, b); err != nil {
				return err
			}
			_ = flusher.Flush() // not every ResponseWriter supports it
			return nil
		})
		return struct{}{}, err
	})
}

// writeTo writes the bytes from the position to the end of the file. Its result is the number of bytes.
func (o *GridOut) writeTo(ctx context.Context, w io.Writer) *future.Future[int64] {
	if command.IsNil(w) {
		return failed[int64](o.files.client(), newError(TypeError, "the destination is nil"))
	}
	return readFile(ctx, o, func(r *fileReader) (int64, error) {
		return r.writeChunks(func(b []byte) error { return writeAll(w, b) })
	})
}

// writeAll writes b to the user's writer.
func writeAll(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n != len(b) { // a writer must not do this
		err = io.ErrShortWrite
	}
	return err
}

// Readable returns true.
//
// Motor: MotorGridOut.readable.
func (o *GridOut) Readable() bool { return true }

// Seekable returns true.
//
// Motor: MotorGridOut.seekable.
func (o *GridOut) Seekable() bool { return true }

// Reader returns the file as an io.ReadSeekCloser. Its methods block; ctx limits all of them. It shares the position
// with the GridOut.
func (o *GridOut) Reader(ctx context.Context) io.ReadSeekCloser {
	return &gridReader{out: o, ctx: ctx}
}

// gridReader keeps the rest of a chunk, so that small reads need no operation.
type gridReader struct {
	out *GridOut
	ctx context.Context

	mu    sync.Mutex
	left  []byte // the rest of the last chunk
	chunk []byte // the last chunk; the next one goes into its memory
}

// Read implements io.Reader.
func (r *gridReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) == 0 {
		var err error
		if r.chunk, err = r.out.readChunk(r.ctx, r.chunk).Await(r.ctx); err != nil {
			r.chunk = nil
			return 0, err
		}
		if len(r.chunk) == 0 {
			return 0, io.EOF
		}
		r.left = r.chunk
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Seek implements io.Seeker. With io.SeekEnd it opens the file.
func (r *gridReader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekEnd:
		if _, err := r.out.Open(r.ctx).Await(r.ctx); err != nil {
			return 0, err
		}
	case io.SeekCurrent:
		offset -= int64(len(r.left))
	}
	pos, err := r.out.Seek(offset, whence)
	if err == nil {
		r.left = nil
	}
	return pos, err
}

// Close implements io.Closer.
func (r *gridReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.chunk = nil, nil
	return r.out.Close()
}

// gridChunks reads the chunks of a file in order. The operation that has its turn owns it.
type gridChunks struct {
	data []byte // the bytes of the last fetched chunk; they are in the cursor's batch, except those of the last chunk
	n    int64  // the number of that chunk; -1: none was fetched

	cursor *gridCursor // nil: none is open
	next   int64       // the number of the cursor's next chunk
	watch  runtime.Cleanup
}

// gridCursor is a cursor of the driver over chunks. It must not refer to the GridOut, because its cleanup runs when the
// garbage collector frees the GridOut.
type gridCursor struct {
	owner   *Client
	client  *mongo.Client
	session *Session // in which it was opened, or nil
	driver  drivercompat.CursorReader
	batch   int64 // the number of chunks that the last reply may have
	most    int64 // the largest number of chunks in a reply
}

// The server sends chunks in batches of about this many bytes. The first batch is small, because many readers need only
// a part of the file. Each further one is twice as large, because a reader that needs it probably goes on.
const (
	gridFirstBatch   = 512 * 1024
	gridLargestBatch = 4 * 1024 * 1024
)

// batch returns the number of chunks in a batch of size bytes: at least the current chunk and the next one.
func (f *gridFile) batch(size int64) int64 { return min(max(2, size/f.chunkSize), 1000) }

// closeLater queues the cursor to be closed on the server. It never blocks.
func (c *gridCursor) closeLater() {
	if c.driver.ID() == 0 && !pinned(c.driver.Err()) {
		return
	}
	c.owner.abandon(cleanup{c.client, func(ctx context.Context, _ *connection) {
		c.owner.endIn(ctx, c.session, c.driver)
	}})
}

// next moves to the next chunk. If it needs another batch, it asks for a larger one than before.
func (c *gridCursor) next(ctx context.Context) bool {
	if c.driver.RemainingBatchLength() == 0 {
		c.batch = min(2*c.batch, c.most)
		c.driver.SetBatchSize(int32(c.batch))
	}
	return c.driver.Next(ctx)
}

// seek moves to the next chunk. It skips at most so many chunks with a number below n.
func (c *gridCursor) seek(ctx context.Context, n, most int64) bool {
	for c.next(ctx) {
		at, ok := c.driver.Current.Lookup("n").AsInt64OK()
		if most == 0 || !ok || at >= n {
			return true
		}
		most--
	}
	return false
}

// hasSessionOf reports whether the cursor was opened in the session of ctx, the operation's context.
func (c *gridCursor) hasSessionOf(ctx context.Context) bool {
	return mongo.SessionFromContext(ctx) == c.session.delegate()
}

// closeCursor closes the open cursor on the server.
func (s *gridChunks) closeCursor() {
	if s.cursor == nil {
		return
	}
	s.watch.Stop()
	s.cursor.closeLater()
	s.cursor = nil
}

// discard closes the cursor and drops the fetched chunk, because user code may still read its bytes.
func (s *gridChunks) discard() {
	s.closeCursor()
	s.data, s.n = nil, -1
}

// fetch fetches chunk n of the file, unless it is the last fetched chunk. After a failure no cursor is open, and the
// next call opens one at its chunk.
func (s *gridChunks) fetch(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	if s.n == n {
		return nil
	}
	err := s.read(ctx, conn, o, f, n)
	if err != nil {
		s.discard()
	}
	return err
}

func (s *gridChunks) read(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	if s.cursor != nil {
		skip, received, first := n-s.next, int64(s.cursor.driver.RemainingBatchLength()), f.batch(gridFirstBatch)
		switch {
		case skip < 0 || !conn.has(s.cursor.client) || !s.cursor.hasSessionOf(ctx):
			s.closeCursor()
		case skip > max(received, first):
			s.closeCursor() // the first reply to a new query has the chunk
		case skip > received:
			s.cursor.batch = first // the reader does not need whole batches
		}
	}
	fresh := s.cursor == nil
	if fresh {
		if err := s.open(ctx, conn, o, f, n); err != nil {
			return err
		}
	}
	more := s.cursor.seek(ctx, n, n-s.next)
	if err := s.cursor.driver.Err(); !more && !fresh && errors.Is(wrapError(err), CursorNotFound) {
		// The server closes a cursor that was not used for ten minutes, and a slow reader may take longer. Try again
		// with a new cursor.
		s.closeCursor()
		if err := s.open(ctx, conn, o, f, n); err != nil {
			return err
		}
		more = s.cursor.driver.Next(ctx)
	}
	if !more {
		if err := s.cursor.driver.Err(); err != nil {
			return err
		}
		return newError(CorruptGridFile, "no chunk #%d of %d", n, f.last()+1)
	}
	data, err := f.chunk(s.cursor.driver.Current, n)
	if err != nil {
		return err
	}
	s.data, s.n, s.next = data, n, n+1
	if n < f.last() {
		return nil
	}
	s.data = append([]byte(nil), data...) // it is valid until the cursor moves, and must not keep a whole batch alive
	defer s.closeCursor()
	for s.cursor.next(ctx) {
		if _, extra, ok := s.cursor.driver.Current.Lookup("data").BinaryOK(); !ok || len(extra) > 0 {
			return newError(CorruptGridFile, "extra chunk found: expected %d chunks", f.last()+1)
		}
	}
	return s.cursor.driver.Err()
}

// chunk returns the bytes of a chunk's document. It must be chunk n.
func (f *gridFile) chunk(doc bson.Raw, n int64) ([]byte, error) {
	if got, ok := doc.Lookup("n").AsInt64OK(); !ok || got != n {
		return nil, newError(CorruptGridFile, "missing chunk: expected chunk #%d but found chunk with n=%d", n, got)
	}
	_, data, ok := doc.Lookup("data").BinaryOK()
	if want := f.sizeOf(n); !ok || int64(len(data)) != want {
		return nil, newError(CorruptGridFile, "invalid chunk #%d: expected length %d but found %d", n, want, len(data))
	}
	return data, nil
}

// open opens a cursor over the chunks from number n.
func (s *gridChunks) open(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	client, err := conn.client(ctx)
	if err != nil {
		return err
	}
	filter := equals("files_id", f.doc.Lookup("_id"))
	if n > 0 {
		filter = append(filter, bson.E{Key: "n", Value: bson.D{{Key: "$gte", Value: n}}})
	}
	find := options.Find().SetSort(bson.D{{Key: "n", Value: int32(1)}})
	batch := f.batch(gridFirstBatch)
	// If the rest of the file is small, the server's default sends it in one batch.
	if f.last()-n+1 > batch {
		find.SetBatchSize(int32(batch))
	}
	driver, err := o.files.chunks.in(client).Find(ctx, filter, find)
	if err != nil {
		return err
	}
	owner := o.files.client()
	s.cursor, s.next = &gridCursor{
		owner:   owner,
		client:  client,
		session: owner.session(mongo.SessionFromContext(ctx)),
		driver:  owner.cursorReader(driver, client),
		batch:   batch,
		most:    f.batch(gridLargestBatch),
	}, n
	s.watch = runtime.AddCleanup(o, (*gridCursor).closeLater, s.cursor)
	return nil
}
