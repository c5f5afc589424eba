package motor

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/gomotor/gomotor/future"
)

// fileReader is one operation that reads a file. It has the turn.
type fileReader struct {
	*GridOut
	ctx  context.Context
	conn *connection
	file *gridFile
	pos  int64
}

// readFile starts an operation that reads the file, which it opens if need be. The position is where the operation
// leaves it if it succeeds and somebody learns of it, and else where it was.
func readFile[T any](ctx context.Context, o *GridOut, op func(*fileReader) (T, error)) *future.Future[T] {
	client := o.files.client()
	err := o.err
	if err == nil {
		err = o.files.check(ctx)
	}
	if err != nil {
		return failed[T](client, err)
	}
	from := int64(-1)
	return inKeptTurn(ctx, client, &o.turns, func(ctx context.Context, conn *connection) (v T, err error) {
		r := &fileReader{GridOut: o, ctx: ctx, conn: conn, pos: o.at()}
		before := r.pos
		if err := ctx.Err(); err != nil {
			return v, err
		}
		if err := r.open(); err != nil {
			return v, err
		}
		if v, err = op(r); err == nil {
			from = before
			o.move(r.pos)
		}
		return v, err
	}, func() {
		if from >= 0 {
			o.move(from)
		}
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

// rest returns the bytes from the position to the end of their chunk, or nothing at the end of the file. They are good
// until it is called again.
func (r *fileReader) rest() ([]byte, error) {
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

// read returns the next bytes: up to the end of the file, but at most size if that is not negative, and, if line is
// set, no more than one line.
func (r *fileReader) read(size int64, line bool) ([]byte, error) {
	left := max(0, r.file.length-r.pos)
	if size >= 0 {
		left = min(left, size)
	}
	const trusted = 1 << 20 // bytes; a document may say anything of a file's length
	all := make([]byte, 0, min(left, trusted))
	for left > 0 {
		b, err := r.rest()
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
		all = append(all, b...)
		r.pos += int64(len(b))
		left -= int64(len(b))
		if end >= 0 {
			break
		}
	}
	return all, nil
}

// each calls fn, which may be the user's, with the bytes from the position on, chunk by chunk, and returns how many
// there were. fn must not keep them.
func (r *fileReader) each(fn func([]byte) error) (written int64, err error) {
	for {
		b, err := r.rest()
		if err != nil || len(b) == 0 {
			return written, err
		}
		if _, err := callUser(r.ctx, func() (struct{}, error) { return struct{}{}, fn(b) }); err != nil {
			if r.ctx.Err() != nil {
				r.chunks.forget() // fn may still be at it
			}
			return written, err
		}
		r.pos += int64(len(b))
		written += int64(len(b))
	}
}

// Read reads the next n bytes, or, if n is negative, all that are left. Near the end of the file there are fewer, and
// at the end none: a slice of length 0.
//
// Errors: [NoFile]; [CorruptGridFile] for chunks that are missing, too many, or not of the right size;
// [OperationFailure].
//
// Motor: MotorGridOut.read.
func (o *GridOut) Read(ctx context.Context, n int) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) { return r.read(int64(n), false) })
}

// ReadLine reads the next line, with its '\n', or, if n is not negative, at most n bytes of it. At the end of the file
// the result is a slice of length 0.
//
// Errors: those of [GridOut.Read].
//
// Motor: MotorGridOut.readline.
func (o *GridOut) ReadLine(ctx context.Context, n int) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) { return r.read(int64(n), true) })
}

// ReadChunk reads the bytes from the position to the end of their chunk: mostly a whole chunk. At the end of the file
// the result is a slice of length 0.
//
// Errors: those of [GridOut.Read].
//
// Motor: MotorGridOut.readchunk.
func (o *GridOut) ReadChunk(ctx context.Context) *future.Future[[]byte] {
	return readFile(ctx, o, func(r *fileReader) ([]byte, error) {
		b, err := r.rest()
		if err != nil {
			return nil, err
		}
		r.pos += int64(len(b))
		return append(make([]byte, 0, len(b)), b...), nil
	})
}

// All returns the chunks for a range loop, which waits for each of them: on an event loop, use it in a coroutine, with
// its Co as ctx. An error is the last that it yields. Leaving the loop leaves the position after the last chunk that
// it has yielded.
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

// StreamToHandler writes the bytes from the position to the end of the file to w, chunk by chunk, each of which is sent
// on at once. Headers are the caller's to set before. The handler must not return before the operation has ended, as w is
// not good any longer then; package motor/web serves files with all that belongs to it.
//
// Errors: those of [GridOut.Read]; those of w, as they are.
//
// Motor: MotorGridOut.stream_to_handler.
func (o *GridOut) StreamToHandler(ctx context.Context, w http.ResponseWriter) *future.Future[struct{}] {
	if isNil(w) {
		return failed[struct{}](o.files.client(), newError(TypeError, "StreamToHandler: w is nil"))
	}
	flusher := http.NewResponseController(w)
	return readFile(ctx, o, func(r *fileReader) (struct{}, error) {
		_, err := r.each(func(b []byte) error {
			if _, err := w.Write(b); err != nil {
				return err
			}
			_ = flusher.Flush() // what cannot is sent when it is full
			return nil
		})
		return struct{}{}, err
	})
}

// writeTo writes the bytes from the position to the end of the file. The future's result is their number.
func (o *GridOut) writeTo(ctx context.Context, w io.Writer) *future.Future[int64] {
	if isNil(w) {
		return failed[int64](o.files.client(), newError(TypeError, "the destination is nil"))
	}
	return readFile(ctx, o, func(r *fileReader) (int64, error) {
		return r.each(func(b []byte) error {
			n, err := w.Write(b)
			if err == nil && n < len(b) {
				err = io.ErrShortWrite
			}
			return err
		})
	})
}

// Readable reports that the file can be read.
//
// Motor: MotorGridOut.readable.
func (o *GridOut) Readable() bool { return true }

// Seekable reports that [GridOut.Seek] does something.
//
// Motor: MotorGridOut.seekable.
func (o *GridOut) Seekable() bool { return true }
