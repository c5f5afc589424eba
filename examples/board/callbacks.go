package main

import (
	"context"
	"errors"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// callbackStyle is the board in callbacks: each step starts the next one in its callback.
type callbackStyle struct {
	loop     *callback.Loop
	messages *callback.Collection[*message]
	bucket   *callback.GridFSBucket
}

func (s *callbackStyle) follow(ctx context.Context, h *hub) *future.Future[struct{}] {
	return callback.FromCallback(s.loop, func(done callback.Func[struct{}]) { s.read(ctx, h, done) })
}

// read gives the messages to the hub. When the stream or the cursor ends, it pauses and starts again. It calls done when
// ctx has ended.
func (s *callbackStyle) read(ctx context.Context, h *hub, done callback.Func[struct{}]) {
	again := func(err error) {
		if ctx.Err() != nil {
			done(struct{}{}, nil)
			return
		}
		if err != nil {
			h.setOffline(err)
		}
		s.loop.CallLater(retryPause, func() { s.read(ctx, h, done) })
	}
	stream := callback.WatchOf[*change](s.messages, nil)
	end := func(err error) {
		// The error of closing does not matter: again has the one that does.
		stream.Close(context.WithoutCancel(ctx), func(struct{}, error) { again(err) })
	}
	stream.Open(ctx, func(_ *callback.ChangeStream[*change], err error) {
		switch {
		case lackChangeStreams(err):
			s.tail(ctx, h, again)
		case err != nil:
			end(err)
		default: // from here on, the stream delivers each new message
			h.setOnline(byChangeStream)
			s.messages.Find(bson.D{}).Each(ctx, func(m *message, err error) bool {
				switch {
				case err != nil:
					end(err)
				case m == nil: // the last one
					s.watch(ctx, h, stream, end)
				default:
					h.publish(m)
				}
				return true
			})
		}
	})
}

// watch gives the messages of a change stream to the hub. It calls end when the stream ends.
func (s *callbackStyle) watch(ctx context.Context, h *hub, stream *callback.ChangeStream[*change], end func(error)) {
	stream.Each(ctx, func(c *change, err error) bool {
		if err != nil || c == nil { // the end: the collection was dropped
			end(err)
			return false
		}
		if c.Operation == inserted {
			h.publish(c.Message)
		}
		return true
	})
}

// tail gives the messages of a tailable cursor to the hub. It calls again when the cursor ends.
func (s *callbackStyle) tail(ctx context.Context, h *hub, again func(error)) {
	h.setOnline(byTailableCursor)
	s.messages.Find(bson.D{}, tail()).Each(ctx, func(m *message, err error) bool {
		if err != nil || m == nil { // the end: the collection was empty, or dropped
			again(err)
			return false
		}
		h.publish(m)
		return true
	})
}

func (s *callbackStyle) post(ctx context.Context, m *message, picture io.Reader) *future.Future[struct{}] {
	return callback.FromCallback(s.loop, func(done callback.Func[struct{}]) {
		if picture == nil {
			s.insert(ctx, m, done)
			return
		}
		in := s.bucket.OpenUploadStream(m.Picture)
		fail := func(err error) {
			in.Abort(context.WithoutCancel(ctx), func(_ struct{}, abortErr error) { done(struct{}{}, errors.Join(err, abortErr)) })
		}
		saved := func(_ struct{}, err error) {
			if err != nil {
				fail(err)
				return
			}
			// The picture is saved. The message follows even if the browser leaves now.
			s.insert(context.WithoutCancel(ctx), m, func(_ struct{}, err error) {
				if err != nil && !errors.Is(err, motor.AutoReconnect) { // otherwise the message may be saved
					fail(err)
					return
				}
				done(struct{}{}, err)
			})
		}
		in.Set(ctx, "content_type", m.Type, func(_ struct{}, err error) {
			if err != nil {
				fail(err)
				return
			}
			s.copy(ctx, in, picture, saved)
		})
	})
}

func (s *callbackStyle) insert(ctx context.Context, m *message, done callback.Func[struct{}]) {
	s.messages.InsertOne(ctx, m, func(_ *motor.InsertOneResult, err error) { done(struct{}{}, err) })
}

// copy writes everything that picture returns and closes the file. A piece is read, off the loop, when the piece before
// it is written. So a browser cannot send faster than the server saves.
func (s *callbackStyle) copy(ctx context.Context, in *callback.GridIn, picture io.Reader, done callback.Func[struct{}]) {
	reading := callback.RunInExecutor(ctx, s.loop, nil, func(context.Context) ([]byte, error) { return readPiece(picture) })
	reading.OnComplete(func(piece []byte, err error) {
		switch {
		case err != nil:
			done(struct{}{}, err)
		case len(piece) == 0:
			in.Close(ctx, done)
		default:
			in.Write(ctx, piece, func(_ struct{}, err error) {
				if err != nil {
					done(struct{}{}, err)
					return
				}
				s.copy(ctx, in, picture, done)
			})
		}
	})
}

func (s *callbackStyle) work(ctx context.Context, n int) *future.Future[struct{}] {
	return callback.FromCallback(s.loop, func(done callback.Func[struct{}]) {
		left := n // used on the loop only
		var first error
		for range n {
			s.messages.FindOne(ctx, bson.D{}, func(_ *message, err error) {
				if first == nil {
					first = err
				}
				if left--; left == 0 {
					done(struct{}{}, first)
				}
			})
		}
	})
}
