package callback

import (
	"context"

	"github.com/gomotor/gomotor/motor"
)

// RawBatchCursor is a [Cursor] whose elements are not documents but whole batches: see [motor.RawBatchCursor].
//
// Motor: MotorRawBatchCursor.
type RawBatchCursor = Cursor[motor.RawBatch]

// RawBatchCommandCursor is a [CommandCursor] whose elements are not documents but whole batches: see
// [motor.RawBatchCursor].
//
// Motor: MotorRawBatchCommandCursor.
type RawBatchCommandCursor = CommandCursor[motor.RawBatch]

// ParallelScan gives its callback n cursors that together have every document of the collection once: see
// [motor.Collection.ParallelScan].
//
// Legacy: use Find. Motor: MotorCollection.parallel_scan.
func (c *Collection[D]) ParallelScan(ctx context.Context, n int, callback Func[[]*CommandCursor[D]]) {
	wrapAll := func(all []*motor.CommandCursor[D]) []*CommandCursor[D] {
		cursors := make([]*CommandCursor[D], len(all))
		for i, m := range all {
			cursors[i] = WrapCommandCursor(c.loop, m)
		}
		return cursors
	}
	deliver(c.loop, c.Futures().ParallelScan(ctx, n), wrapped(callback, wrapAll))
}
