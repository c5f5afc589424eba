package motor

import (
	"context"
	"io"
	"sync"
)

// Reader returns the file as Go's libraries take it. Its reads wait; ctx bounds them all. It has the position in common
// with the GridOut.
func (o *GridOut) Reader(ctx context.Context) io.ReadSeekCloser {
	return &gridReader{out: o, ctx: ctx}
}

// gridReader keeps what is left of a chunk, so that small reads need no operation of their own.
type gridReader struct {
	out *GridOut
	ctx context.Context

	mu   sync.Mutex
	left []byte // of the chunk that was read last
}

// Read implements io.Reader.
func (r *gridReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.left) == 0 {
		chunk, err := r.out.ReadChunk(r.ctx).Await(r.ctx)
		if err != nil {
			return 0, err
		}
		if len(chunk) == 0 {
			return 0, io.EOF
		}
		r.left = chunk
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// Seek implements io.Seeker. It opens the file if io.SeekEnd needs that.
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
	r.left = nil
	return r.out.Close()
}
