package motor

import (
	"context"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/progress"
)

// Progress says how far an operation has come: see [WithProgress].
type Progress struct {
	// Done is how much is done, and never decreases. Total is how much there is to do, or 0 while that is unknown. It is
	// an estimate until the end of a successful operation, when it equals Done.
	Done, Total int64

	// Unit is what Done and Total count: "bytes", "documents", "writes" or, for a cursor over raw batches, "batches".
	Unit string

	// Collections is how many collections and views [Client.CopyDatabase] has copied, and CollectionsTotal how many there
	// are. Both are 0 for other operations.
	Collections, CollectionsTotal int
}

// WithProgress returns a context for one operation that takes long. The operation calls fn with its progress when it
// starts to work, after each part, and at its end. These operations do:
//
//   - [Client.CopyDatabase], in documents. The estimate comes from the server.
//   - UploadFromStream of [GridFSBucket], and [GridIn.Write], in bytes of the source. Total is known for slices, strings,
//     files, a [GridOut], and readers with a method Len.
//   - DownloadToStream of [GridFSBucket], [GridOut.Read] and [GridOut.StreamToHandler], in bytes.
//   - BulkWrite and InsertMany of [Collection], and [Client.BulkWrite], in writes. They send at most 1,000 writes at once,
//     or a hundredth of them if that is more, so they take more round trips than without progress.
//   - ToList of cursors, in documents, after each batch. Total is the length, if there is one.
//
// Other operations ignore it. Use the context for one operation; two would mix their numbers.
//
//	ctx := motor.WithProgress(ctx, func(p motor.Progress) { fmt.Println(p.Done, "of", p.Total, p.Unit) })
//	id, err := bucket.UploadFromStream(ctx, "video", file).Await(ctx)
//
// In a coroutine, wait with its Co instead of the new context.
//
// Calls do not overlap. If fn is slower than the operation, it misses steps, but never the last one. The last call comes
// before the result. On a loop ([WithIOLoop]), fn runs on that loop, and the callbacks of the operation run after it.
// Otherwise fn runs on another goroutine, and the operation waits for the last call, without its slot. So fn may wait for
// other operations, but not for one of the same cursor, file or session. A cancelled operation does not wait.
//
// A panic of fn is reported to [future.SetUnobservedHandler], and fn is not called again; the operation goes on. With a
// nil fn, the operation reports no progress, even if ctx has another function.
func WithProgress(ctx context.Context, fn func(Progress)) context.Context {
	if ctx == nil {
		return nil // the operation fails with TypeError
	}
	return context.WithValue(ctx, progressKey{}, fn)
}

type progressKey struct{}

// The units of [Progress].
const (
	unitBytes     = "bytes"
	unitDocuments = "documents"
	unitWrites    = "writes"
	unitBatches   = "batches"
)

// reportOf returns the report of an operation with this context, or nil if the context has no function. The operation
// starts the report, and has its ending as op.ending.
func (c *Client) reportOf(ctx context.Context, unit string) *progress.Report {
	if ctx == nil {
		return nil
	}
	fn, _ := ctx.Value(progressKey{}).(func(Progress))
	if fn == nil {
		return nil
	}
	return progress.New(func(p progress.Progress) {
		fn(Progress{
			Done: p.Done, Total: p.Total, Unit: unit,
			Collections: p.Collections, CollectionsTotal: p.CollectionsTotal,
		})
	}, c.callBack)
}

// callBack runs fn as a callback of a future. A panic is reported, and so is a loop that is closed.
func (c *Client) callBack(fn func()) {
	p := future.NewPromiseOn[struct{}](c.loop)
	p.Future().OnComplete(func(struct{}, error) { fn() })
	p.Resolve(struct{}{})
}

// ending returns the function that closes a report at the end of its operation, for op.ending, or nil.
//
// On a loop it does not wait for the last call, since the loop may be waiting for the operation. The last call comes
// before the callbacks of the operation nevertheless, because it was posted first.
func (c *Client) ending(r *progress.Report) func(context.Context, error) {
	if r == nil {
		return nil
	}
	return func(ctx context.Context, err error) {
		idle := r.Close(err == nil)
		if c.loop != nil {
			return
		}
		select {
		case <-idle:
		default:
			// If ctx ends during the wait, that does not change the operation's outcome.
			_, _ = callUser(ctx, func() (none struct{}, err error) { <-idle; return none, nil })
		}
	}
}

// partSize returns how many of n writes are sent at once. Without a report, that is all of them.
func partSize(r *progress.Report, n int) int {
	const least, parts = 1000, 100
	if r == nil {
		return n
	}
	return max(least, (n+parts-1)/parts)
}
