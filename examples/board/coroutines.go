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

// coroutineStyle is the board in coroutines: functions that wait without blocking the loop.
type coroutineStyle struct {
	loop     *callback.Loop
	messages *motor.Collection[*message]
	bucket   *motor.GridFSBucket
}

func (s *coroutineStyle) follow(ctx context.Context, h *hub) *future.Future[struct{}] {
	return callback.SpawnContext(ctx, s.loop, callback.Proc(func(co *callback.Co) {
		for co.Err() == nil {
			err := s.watch(co, h)
			if lackChangeStreams(err) {
				err = s.tail(co, h)
			}
			if err != nil && co.Err() == nil {
				h.setOffline(err)
			}
			_ = co.Sleep(retryPause) // fails if co has ended
		}
	}))
}

// watch gives the messages of the collection, and then those of a change stream, to the hub. The stream ends when the
// collection is dropped.
func (s *coroutineStyle) watch(co *callback.Co, h *hub) error {
	stream := motor.WatchOf[*change](s.messages, nil)
	defer func() {
		co := co.WithoutCancel()
		_, _ = stream.Close(co).Await(co) // the loop above has the error that matters
	}()
	if _, err := stream.Open(co).Await(co); err != nil {
		return err
	}
	h.setOnline(byChangeStream) // from here on, the stream delivers each new message
	for m, err := range s.messages.Find(bson.D{}).All(co) {
		if err != nil {
			return err
		}
		h.publish(m)
	}
	for c, err := range stream.All(co) {
		if err != nil {
			return err
		}
		if c.Operation == inserted {
			h.publish(c.Message)
		}
	}
	return nil
}

// tail gives the messages of a tailable cursor to the hub until the cursor ends, because the collection was empty or
// dropped.
func (s *coroutineStyle) tail(co *callback.Co, h *hub) error {
	h.setOnline(byTailableCursor)
	cursor := s.messages.Find(bson.D{}, tail())
	defer func() {
		co := co.WithoutCancel()
		_, _ = cursor.Close(co).Await(co)
	}()
	for cursor.Alive() {
		for m, err := range cursor.All(co) { // ends when no message has come for a while
			if err != nil {
				return err
			}
			h.publish(m)
		}
	}
	return nil
}

func (s *coroutineStyle) post(ctx context.Context, m *message, picture io.Reader) *future.Future[struct{}] {
	return callback.SpawnContext(ctx, s.loop, callback.Proc(func(co *callback.Co) error {
		if picture == nil {
			_, err := s.messages.InsertOne(co, m).Await(co)
			return err
		}
		in := s.bucket.OpenUploadStream(m.Picture)
		err := s.copy(co, in, m.Type, picture)
		if err == nil {
			// The picture is saved. The message follows even if the browser leaves now.
			co := co.WithoutCancel()
			_, err = s.messages.InsertOne(co, m).Await(co)
			if errors.Is(err, motor.AutoReconnect) { // the message may be saved
				return err
			}
		}
		if err != nil {
			co := co.WithoutCancel()
			_, abortErr := in.Abort(co).Await(co)
			err = errors.Join(err, abortErr)
		}
		return err
	}))
}

// copy writes everything that picture returns and closes the file. A piece is read, off the loop, when the piece before
// it is written. So a browser cannot send faster than the server saves.
func (s *coroutineStyle) copy(co *callback.Co, in *motor.GridIn, mimeType string, picture io.Reader) error {
	if _, err := in.Set(co, "content_type", mimeType).Await(co); err != nil {
		return err
	}
	for {
		reading := callback.RunInExecutor(co, s.loop, nil, func(context.Context) ([]byte, error) { return readPiece(picture) })
		piece, err := reading.Await(co)
		if err != nil {
			return err
		}
		if len(piece) == 0 {
			_, err := in.Close(co).Await(co)
			return err
		}
		if _, err := in.Write(co, piece).Await(co); err != nil {
			return err
		}
	}
}

func (s *coroutineStyle) work(ctx context.Context, n int) *future.Future[struct{}] {
	return callback.SpawnContext(ctx, s.loop, callback.Proc(func(co *callback.Co) error {
		reads := make([]*future.Future[*message], n)
		for i := range reads {
			reads[i] = s.messages.FindOne(co, bson.D{})
		}
		_, err := future.All(reads...).Await(co)
		return err
	}))
}
