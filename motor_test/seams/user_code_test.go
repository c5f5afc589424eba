package seams_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// userFunc is a reader and writer whose first call runs a function.
type userFunc struct {
	call func() error
	io.Reader
	io.Writer
}

func (u *userFunc) run() error {
	call := u.call
	if u.call = nil; call == nil {
		return nil
	}
	return call()
}

func (u *userFunc) Read(p []byte) (int, error) {
	if err := u.run(); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

func (u *userFunc) Write(p []byte) (int, error) {
	if err := u.run(); err != nil {
		return 0, err
	}
	return u.Writer.Write(p)
}

// TestUserCodeUsesSession calls user code from an operation in a session. The user code runs another operation in the
// same session. The client has only one worker, so the outer operation must lend its slot and its place in the
// session.
func TestUserCodeUsesSession(t *testing.T) {
	for _, c := range []struct {
		name  string
		outer func(ctx context.Context, bucket *motor.GridFSBucket, user *userFunc) error
	}{
		{"upload", func(ctx context.Context, bucket *motor.GridFSBucket, user *userFunc) error {
			_, err := bucket.UploadFromStream(ctx, "file", user).Await(ctx)
			return err
		}},
		{"download", func(ctx context.Context, bucket *motor.GridFSBucket, user *userFunc) error {
			_, err := bucket.DownloadToStream(ctx, 1, user).Await(ctx)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, futures, byPanic, 1, nil)
			s.answer("find", func(r *wiretest.Request) {
				switch r.Command.Lookup("find").StringValue() {
				case "fs.files":
					r.Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": int64(3), "chunkSize": int32(3)})
				case "fs.chunks":
					r.Cursor("d.fs.chunks", 0, bson.M{"_id": 1, "files_id": 1, "n": int32(0), "data": []byte("abc")})
				default:
					r.Cursor("d.c", 0, id(1))
				}
			})
			s.answer("listIndexes", func(r *wiretest.Request) { r.Cursor("d.fs.files", 0) })
			s.answer("createIndexes", func(r *wiretest.Request) { r.OK() })
			s.answer("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
			bucket, err := motor.NewGridFSBucket(s.client.Database("d"))
			if err != nil {
				t.Fatal(err)
			}
			session := succeed(t, s.client.StartSession(context.Background()))
			ctx := session.Context(patience(t))
			called := false
			user := &userFunc{Reader: bytes.NewReader([]byte("abc")), Writer: io.Discard, call: func() error {
				called = true
				doc, err := s.coll.FindOne(ctx, bson.M{}).Await(ctx)
				return found(doc, err, 1)
			}}
			if err := c.outer(ctx, bucket, user); err != nil {
				t.Error(err)
			}
			if !called {
				t.Error("got no call of the user code, want one")
			}
			succeed(t, session.EndSession(context.Background()))
		})
	}
}
