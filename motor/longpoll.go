package motor

import (
	"context"

	"github.com/gomotor/gomotor/future"
)

// polled waits for news. While s.poll is not nil, they are still being waited for, and the error is that of ctx. The
// caller has the turn.
func (c *cursorReader) polled(ctx context.Context, conn *connection, s *resultSet) (come docBatch, err error) {
	if s.poll == nil {
		polling, cancel := context.WithCancel(conn.polls.ctx)
		if c.registerCancel(s, cancel) {
			return come, nil
		}
		feed, list := s.feed, s.next // and not the cursor, which may be forgotten meanwhile
		s.poll = future.Go(polling, conn.polls, func(ctx context.Context) (docBatch, error) {
			defer cancel()
			return feed.more(ctx, list)
		})
	}
	_, _ = s.poll.Await(ctx)
	come, err = s.poll.Result()
	if !s.poll.IsDone() || err == future.ErrNotDone {
		return come, ctx.Err()
	}
	s.poll = nil
	if conn.polls.ctx.Err() != nil {
		err = errClientClosed
	}
	return come, err
}
