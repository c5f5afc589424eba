package motor

import (
	"context"
	"errors"
	"runtime"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// gridChunks reads the chunks of a file, one after the other. It belongs to whoever has the turn.
type gridChunks struct {
	data []byte // of the chunk that was fetched last,
	n    int64  // and its number: -1 if there is none

	cursor *gridCursor // nil: none is open
	next   int64       // the number of the chunk that comes next of it
	watch  runtime.Cleanup
}

// gridCursor is a driver's cursor over chunks. It must not refer to the file, which is to be collected when the
// program has forgotten it.
type gridCursor struct {
	owner   *Client
	client  *mongo.Client
	session *Session // that it was opened in, or nil
	driver  *mongo.Cursor
}

// gridWindow is how many bytes of chunks the server sends at once, unless two chunks are more: the one that is read
// and one ahead.
const gridWindow = 512 * 1024

// abandoned ends the cursor on the server. It never waits.
func (c *gridCursor) abandoned() {
	if c.driver.ID() == 0 {
		return
	}
	c.owner.abandon(ending{c.client, func(conn *connection) {
		c.owner.endIn(c.session, conn, func() { _ = c.driver.Close(conn.polls.ctx) })
	}})
}

// isOf reports whether the cursor is in the session of ctx, whose turn the operation has.
func (c *gridCursor) isOf(ctx context.Context) bool {
	return mongo.SessionFromContext(ctx) == c.session.delegate()
}

// end ends what is open on the server.
func (s *gridChunks) end() {
	if s.cursor == nil {
		return
	}
	s.watch.Stop()
	s.cursor.abandoned()
	s.cursor = nil
}

// forget is end, and forgets what was fetched, which somebody else may still be reading.
func (s *gridChunks) forget() {
	s.end()
	s.data, s.n = nil, -1
}

// fetch makes chunk n of the file the one that was fetched last. A failure leaves no cursor open: the next call has
// another one, from the chunk that it needs.
func (s *gridChunks) fetch(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	if s.n == n {
		return nil
	}
	err := s.read(ctx, conn, o, f, n)
	if err != nil {
		s.forget()
	}
	return err
}

func (s *gridChunks) read(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	if s.cursor != nil && (s.next != n || !conn.has(s.cursor.client) || !s.cursor.isOf(ctx)) {
		s.end()
	}
	fresh := s.cursor == nil
	if fresh {
		if err := s.open(ctx, conn, o, f, n); err != nil {
			return err
		}
	}
	more := s.cursor.driver.Next(ctx)
	if err := s.cursor.driver.Err(); !more && !fresh && errors.Is(wrapError(err), CursorNotFound) {
		// The server ends cursors that rest for ten minutes, which a slow reader may well do.
		s.end()
		if err := s.open(ctx, conn, o, f, n); err != nil {
			return err
		}
		more = s.cursor.driver.Next(ctx)
	}
	if !more {
		if err := s.cursor.driver.Err(); err != nil {
			return err
		}
		return newError(CorruptGridFile, "there is no chunk %d of %d", n, f.last()+1)
	}
	data, err := f.chunk(s.cursor.driver.Current, n)
	if err != nil {
		return err
	}
	s.data, s.n, s.next = append(s.data[:0], data...), n, n+1
	if n < f.last() {
		return nil
	}
	defer s.end()
	for s.cursor.driver.Next(ctx) {
		if _, extra := s.cursor.driver.Current.Lookup("data").Binary(); len(extra) > 0 {
			return newError(CorruptGridFile, "there are more than the %d chunks of the file", f.last()+1)
		}
	}
	return s.cursor.driver.Err()
}

// chunk returns the bytes of chunk n, if that is what the document is.
func (f *gridFile) chunk(doc bson.Raw, n int64) ([]byte, error) {
	if got, ok := doc.Lookup("n").AsInt64OK(); !ok || got != n {
		return nil, newError(CorruptGridFile, "there is chunk %d where chunk %d was expected", got, n)
	}
	_, data, ok := doc.Lookup("data").BinaryOK()
	if want := f.sizeOf(n); !ok || int64(len(data)) != want {
		return nil, newError(CorruptGridFile, "chunk %d has %d bytes, and not %d", n, len(data), want)
	}
	return data, nil
}

// open sends the query for the chunks from number n on.
func (s *gridChunks) open(ctx context.Context, conn *connection, o *GridOut, f *gridFile, n int64) error {
	client, err := conn.client(ctx)
	if err != nil {
		return err
	}
	filter := exactlyID("files_id", f.doc.Lookup("_id"))
	if n > 0 {
		filter = append(filter, bson.E{Key: "n", Value: bson.D{{Key: "$gte", Value: n}}})
	}
	find := options.Find().SetSort(bson.D{{Key: "n", Value: int32(1)}})
	// What is left of a small file comes at once.
	if most := max(2, gridWindow/f.chunkSize); f.last()-n+1 > most {
		find.SetBatchSize(int32(min(most, 1000)))
	}
	driver, err := o.files.chunks.in(client).Find(ctx, filter, find)
	if err != nil {
		return err
	}
	owner := o.files.client()
	s.cursor, s.next = &gridCursor{owner, client, owner.session(mongo.SessionFromContext(ctx)), driver}, n
	s.watch = runtime.AddCleanup(o, (*gridCursor).abandoned, s.cursor)
	return nil
}
