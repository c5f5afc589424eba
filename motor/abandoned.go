package motor

import "context"

// leftOver is what is left of a cursor that was collected.
type leftOver struct {
	client *Client
	source *resultSet
}

// abandoned is called when a cursor was collected. Nothing else refers to its result any more, except a poll.
func abandoned(left leftOver) {
	s := left.source
	s.conn.cursors.drop(s.id)
	if s.cancelPoll != nil {
		s.cancelPoll()
	}
	left.client.abandon(s.end(left.client))
}

// abandon ends a result that the cursor cannot use any more. mu is held, and the caller has the turn.
func (c *cursorReader) abandon(s *resultSet) {
	if s.id != 0 {
		s.setID(c, 0)
		c.coll.db.client.abandon(s.end(c.coll.db.client))
	}
}

// end returns the cleanup that ends the result on the server.
func (s *resultSet) end(client *Client) cleanup {
	feed, poll := s.feed, s.poll
	return cleanup{s.client, func(ctx context.Context, conn *connection) {
		if poll != nil {
			select {
			case <-poll.Done():
				_ = poll.Err() // its failure is not reported
			case <-ctx.Done():
				return // the poll still uses the feed
			}
		}
		client.endIn(ctx, s.session, func() { _ = feed.Close(ctx) })
	}}
}

// endIn calls end, which ends what was opened in a session, in that session's turn. The session may be nil. What cannot
// be ended now, since the session has been, the server ends after ten minutes.
func (c *Client) endIn(ctx context.Context, s *Session, end func()) {
	if s != nil {
		turn, err := c.enterIn(s.driver, unended)
		if err == nil {
			err = turn.begin(ctx)
		}
		if err != nil {
			return
		}
		defer turn.pass()
	}
	end()
}
