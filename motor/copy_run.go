package motor

import (
	"context"
	"errors"
	"time"

	"github.com/gomotor/gomotor/future"
)

const (
	// copyWidth is how many collections are copied at once. Each has at most two batches of documents in memory, of
	// 16 MiB at most: one that is written and one that is read meanwhile.
	copyWidth = 4
	// copyBatch is how many documents go into one batch: as many as no server finds too many.
	copyBatch = 1000
	// copyCleanup is how long closing what a copy has opened may take.
	copyCleanup = 5 * time.Second
)

// copyAll copies what was planned: the views when all that they may show is there.
func (cp *databaseCopy) copyAll(ctx context.Context) error {
	views := len(cp.parts)
	for views > 0 && cp.parts[views-1].view() {
		views--
	}
	if cp.report != nil {
		if err := cp.each(ctx, cp.parts[:views], cp.count); err != nil {
			return err
		}
		cp.report.begin(cp.parts)
	}
	if err := cp.each(ctx, cp.parts[:views], cp.copy); err != nil {
		return err
	}
	return cp.each(ctx, cp.parts[views:], cp.copy)
}

// each calls fn for every part, several at a time, and returns when all calls have. The first error ends the context
// of the others.
func (cp *databaseCopy) each(ctx context.Context, parts []*copyPart, fn func(context.Context, *copyPart) error) error {
	all := future.Map(ctx, copyWidth, parts, func(ctx context.Context, p *copyPart) (none struct{}, err error) {
		return none, fn(ctx, p)
	})
	// ctx is the operation's own: waiting with it lends the slot to the steps. Those wait with contexts derived from
	// it, since only this goroutine may lend.
	if _, err := all.Await(ctx); err == nil {
		return nil
	}
	// If it was ctx that ended the wait, the steps have ended with it, or are about to: none needs the slot, which is
	// held here.
	<-all.Done()
	return all.Err()
}

// inStep runs op as a step and waits for it.
func inStep[T any](ctx context.Context, cp *databaseCopy, op func(context.Context) (T, error)) (T, error) {
	return awaited(ctx, copyStep(ctx, cp, op))
}

// copyStep starts one conversation with a server, in a slot of the client's executor, so that other operations have
// their turn between two of them.
//
// A full queue, or a client that is being closed and waits for the copy to end, takes no more steps, yet has taken the
// copy. These steps go where the slot of the copy itself would be, had it not been lent: one at a time.
func copyStep[T any](ctx context.Context, cp *databaseCopy, op func(context.Context) (T, error)) *future.Future[T] {
	f := future.Go(ctx, cp.pool, op)
	if f.IsDone() && (errors.Is(f.Err(), future.ErrQueueFull) || errors.Is(f.Err(), future.ErrPoolClosed)) {
		return future.Go(ctx, cp.spare, op)
	}
	return f
}

// awaited waits for a step until it has ended, which it soon does when ctx, its own, does: it may be using a cursor or
// a client that is to be closed, and have written something after all.
func awaited[T any](ctx context.Context, f *future.Future[T]) (T, error) {
	_, _ = f.Await(ctx) // rather than by Done: it may run the step on this goroutine
	<-f.Done()
	return f.Result()
}

// result returns what was copied of the parts. Nobody is at work on them any more.
func (cp *databaseCopy) result() *CopyResult {
	r := new(CopyResult)
	for _, p := range cp.parts {
		if p.begun {
			r.Collections = append(r.Collections, p.copied)
		}
	}
	return r
}
