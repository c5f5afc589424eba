package motor

import (
	"context"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

// Set sets a field of the file's document: before the file is closed only here, and after that on the server. Motor's
// names, such as content_type, stand for those of the document.
//
// Errors: [ValueError] for what comes of the file itself: _id, length, chunkSize, uploadDate, md5; [InvalidDocument] for
// what cannot be encoded; [ValueError] for a file that was aborted; [OperationFailure].
//
// Motor: MotorGridIn.set.
func (in *GridIn) Set(ctx context.Context, name string, value any) *future.Future[struct{}] {
	client, field := in.files.client(), fieldName(name)
	if isFixed(field) {
		return failed[struct{}](client, newError(ValueError, "%s cannot be set", name))
	}
	raw, err := in.files.root.codec.encode(name, bson.D{{Key: field, Value: value}})
	if err := in.cannot(ctx, err); err != nil {
		return failed[struct{}](client, err)
	}
	set := func() { in.keep(field, raw.Lookup(field)) }
	if t := in.turns.takeIdle(); t != nil {
		open := !in.Closed()
		if open {
			set()
		}
		t.Wake()
		if open {
			return resolved(client, struct{}{})
		}
	}
	return inTurnOf(ctx, client, shortLane, &in.turns, func(ctx context.Context, conn *connection) (none struct{}, err error) {
		in.mu.Lock()
		closed, aborted := in.closed, in.aborted
		in.mu.Unlock()
		if aborted {
			return none, newError(ValueError, "cannot set %s of a file that was aborted", name)
		}
		if closed {
			driver, err := conn.client(ctx)
			if err != nil {
				return none, err
			}
			change := bson.D{{Key: "$set", Value: raw}}
			if _, err := in.files.updateFiles(ctx, driver, exactlyID("_id", in.id), change, false); err != nil {
				return none, err
			}
		}
		set()
		return none, nil
	})
}

// keep notes a field of the document.
func (in *GridIn) keep(field string, value bson.RawValue) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if i := in.index(field); i >= 0 {
		in.doc = append(bson.D(nil), in.doc...) // Close may be at the old one
		in.doc[i].Value = value
		return
	}
	in.doc = append(in.doc[:len(in.doc):len(in.doc)], bson.E{Key: field, Value: value})
}

// Leave ends the writing as Python's "async with" does: if err is nil it closes the file, and otherwise it aborts it, and
// fails with err.
//
//	in.Leave(ctx, write(in))
//
// Errors: err, as it is; those of [GridIn.Close].
//
// Motor: MotorGridIn.__aexit__.
func (in *GridIn) Leave(ctx context.Context, err error) *future.Future[struct{}] {
	if err == nil {
		return in.Close(ctx)
	}
	return future.Handle(in.Abort(ctx), func(none struct{}, _ error) (struct{}, error) { return none, err })
}

// Scope calls fn with the file, waits for it, and then closes the file. If fn returns an error, panics, or ends its
// goroutine, it aborts the file, and then that goes on. It waits for all of this.
//
//	err := bucket.OpenUploadStream("report").Scope(ctx, func(in *motor.GridIn) error {
//		_, err := in.Write(ctx, data).Await(ctx)
//		return err
//	})
//
// Motor: async with.
func (in *GridIn) Scope(ctx context.Context, fn func(in *GridIn) error) error {
	returned := false
	defer func() {
		if !returned {
			_, _ = in.end(ctx, errScope)
		}
	}()
	err := fn(in)
	returned = true
	_, err = in.end(ctx, err)
	return err
}

var errScope = newError(InvalidOperation, "the function of Scope did not return")

// end waits for Leave. Where the context has ended it takes another one, so that nothing is left behind.
func (in *GridIn) end(ctx context.Context, err error) (struct{}, error) {
	if err != nil && ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), gridCleanup)
		defer cancel()
	}
	return in.Leave(ctx, err).Await(ctx)
}

// Writer returns the file as Go's libraries take it. Its calls wait; ctx bounds them all. Close is that of the file.
func (in *GridIn) Writer(ctx context.Context) io.WriteCloser { return gridWriter{in, ctx} }

type gridWriter struct {
	in  *GridIn
	ctx context.Context
}

// Write implements io.Writer.
func (w gridWriter) Write(p []byte) (int, error) {
	if _, err := w.in.Write(w.ctx, p).Await(w.ctx); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements io.Closer.
func (w gridWriter) Close() error {
	_, err := w.in.Close(w.ctx).Await(w.ctx)
	return err
}
