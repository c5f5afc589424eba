package drivercompat

import (
	"context"
	"encoding/binary"
	"reflect"
	"sync"
	"time"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// CursorReader reads a cursor of the driver so that a getMore which was not sent does not end the cursor. The driver does
// not send a getMore while it knows that the server is unreachable, and the cursor then fails for good, although the
// server may come back in time. Other commands wait for a server in this situation.
type CursorReader struct {
	*mongo.Cursor
	Client *mongo.Client // the cursor's client
	Wait   time.Duration // how long commands wait for a server
}

// Next is the Next of the cursor.
func (c CursorReader) Next(ctx context.Context) bool { return c.retry(ctx, c.Cursor.Next) }

// TryNext is the TryNext of the cursor.
func (c CursorReader) TryNext(ctx context.Context) bool { return c.retry(ctx, c.Cursor.TryNext) }

// retry calls next again until a getMore is sent, or the time to wait for a server is over. If no getMore was sent, the
// cursor can be read again even after it has failed, but Err then returns nil; so callers use the error of this call.
func (c CursorReader) retry(ctx context.Context, next func(context.Context) bool) bool {
	var deadline time.Time
	for {
		if next(ctx) {
			return true
		}
		if !IsPoolCleared(c.Err()) {
			return false
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(c.Wait)
		}
		if ctx.Err() != nil || time.Now().After(deadline) || !c.awaitServer(ctx, deadline) || !revive(c.Cursor) {
			return false
		}
	}
}

// retryPause is the pause between two attempts while another server than that of the cursor can be reached.
const retryPause = 20 * time.Millisecond

// awaitServer waits until a server can be reached.
func (c CursorReader) awaitServer(ctx context.Context, deadline time.Time) bool {
	ctx, cancel := context.WithDeadline(mongo.NewSessionContext(ctx, nil), deadline)
	defer cancel()
	if c.Client.Ping(ctx, readpref.Nearest()) != nil {
		return false
	}
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// NotSent reports whether an operation failed before anything was sent.
func NotSent(err error) bool { return IsPoolCleared(err) || IsWaitQueueTimeout(err) }

// Revive makes a cursor usable again after a getMore that was not sent. It reports whether that is the case.
func (c CursorReader) Revive() bool { return NotSent(c.Err()) && revive(c.Cursor) }

// revive removes the error of a cursor.
func revive(cursor *mongo.Cursor) bool {
	outer := reflect.ValueOf(cursor).Elem()
	batches := outer.FieldByName("bc")
	if !batches.IsValid() || batches.Kind() != reflect.Interface || batches.Elem().Kind() != reflect.Pointer {
		return false
	}
	errs := []reflect.Value{outer.FieldByName("err"), batches.Elem().Elem().FieldByName("err")}
	for _, err := range errs {
		if !err.IsValid() || err.Type() != reflect.TypeFor[error]() {
			return false
		}
	}
	for _, err := range errs {
		reflect.NewAt(err.Type(), unsafe.Pointer(err.UnsafeAddr())).Elem().SetZero()
	}
	return true
}

// BatchIsCorrupt reports whether Next or TryNext of a cursor failed because the next element of the batch cannot be read
// and not because a command failed. The driver returns an error without a type for both. It is false if the driver has
// changed its fields.
func BatchIsCorrupt(cursor *mongo.Cursor) bool {
	batch := reflect.ValueOf(cursor).Elem().FieldByName("batch")
	if !batch.IsValid() || batch.Kind() != reflect.Pointer || batch.IsNil() {
		return false
	}
	list, position := batch.Elem().FieldByName("List"), batch.Elem().FieldByName("pos")
	if !list.IsValid() || list.Kind() != reflect.Slice || !position.IsValid() || !position.CanInt() {
		return false
	}
	const terminator = 1
	return cursor.Err() != nil && position.Int() < int64(list.Len()-terminator)
}

// NextInBatch is the Next of a cursor whose batch has another document. The driver's allocates memory for each document,
// and a timer if the client has a timeout. That takes longer than decoding a small document.
func NextInBatch(cursor *mongo.Cursor) bool {
	if f := batchFieldsOf(); f != nil && f.next(cursor) {
		return true
	}
	return cursor.Next(context.Background())
}

// batchFields says where the fields of a cursor, and of the iterator over its batch, are.
type batchFields struct{ iterator, left, err, list, position uintptr }

// batchFieldsOf returns nil if the driver may have changed these fields.
var batchFieldsOf = sync.OnceValue(func() *batchFields {
	if !tested {
		return nil
	}
	f, cursor := new(batchFields), reflect.TypeFor[mongo.Cursor]()
	iterator, ok := cursor.FieldByName("batch")
	if !ok || iterator.Type.Kind() != reflect.Pointer || iterator.Type.Elem().Kind() != reflect.Struct {
		return nil
	}
	f.iterator = iterator.Offset
	if !located(
		field{of: cursor, name: "batchLength", kind: reflect.TypeFor[int](), at: &f.left},
		field{of: cursor, name: "err", kind: reflect.TypeFor[error](), at: &f.err},
		field{of: iterator.Type.Elem(), name: "List", kind: reflect.TypeFor[[]byte](), at: &f.list, named: true},
		field{of: iterator.Type.Elem(), name: "pos", kind: reflect.TypeFor[int](), at: &f.position},
	) {
		return nil
	}
	return f
})

// next moves to the next element of the batch. It reports false, and does nothing, unless that is a document within the
// batch.
func (f *batchFields) next(cursor *mongo.Cursor) bool {
	c := unsafe.Pointer(cursor)
	iterator, left := *(*unsafe.Pointer)(unsafe.Add(c, f.iterator)), (*int)(unsafe.Add(c, f.left))
	if iterator == nil || *left <= 0 || *(*error)(unsafe.Add(c, f.err)) != nil {
		return false
	}
	list, position := *(*[]byte)(unsafe.Add(iterator, f.list)), (*int)(unsafe.Add(iterator, f.position))
	const header, least = 4, 5 // bytes: of the length of a list, of an empty document
	at := *position
	if at < header || at >= len(list) || bson.Type(list[at]) != bson.TypeEmbeddedDocument {
		return false
	}
	for at++; at < len(list) && list[at] != 0; at++ { // the key
	}
	at++
	if len(list)-at < least {
		return false
	}
	size := int64(int32(binary.LittleEndian.Uint32(list[at:])))
	if size < least || size > int64(len(list)-at) {
		return false
	}
	end := at + int(size)
	cursor.Current, *position = list[at:end:end], end
	*left--
	return true
}
