package motor

import (
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// abandonedThings are cursors, and sessions, that the program has forgotten while they were open on the server, where they
// are to be ended. The garbage collector tells of them one after the other, on a goroutine that must not wait, so they are
// only noted there. One goroutine of the client's ends them, one at a time: many that are found at once do not take the
// connections of the others.
type abandonedThings struct {
	mu      sync.Mutex
	waiting []ending
	ending  bool // the goroutine runs
}

// ending is what is to be done about a cursor or a session.
type ending struct {
	client *mongo.Client
	end    func(*connection)
}

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
	left.client.abandon(s.ending(left.client))
}

// abandon ends a result that the cursor cannot use any more. mu is held, and the caller has the turn.
func (c *cursorReader) abandon(s *resultSet) {
	if s.id != 0 {
		s.setID(c, 0)
		c.coll.db.client.abandon(s.ending(c.coll.db.client))
	}
}

func (s *resultSet) ending(client *Client) ending {
	feed, poll := s.feed, s.poll
	return ending{s.client, func(conn *connection) {
		if poll != nil {
			<-poll.Done()
			_ = poll.Err() // of which nobody is to be told
		}
		client.endIn(s.session, conn, func() { _ = feed.Close(conn.polls.ctx) })
	}}
}

// endIn ends what was opened in a session, which may be nil. What cannot be ended now, since the session has been, the
// server ends after ten minutes.
func (c *Client) endIn(s *Session, conn *connection, end func()) {
	if s != nil {
		turn, err := c.enterIn(s.driver, unended)
		if err == nil {
			err = turn.begin(conn.polls.ctx)
		}
		if err != nil {
			return
		}
		defer turn.pass()
	}
	end()
}

// abandon has something ended, unless its connection has been closed, and it with that. It never waits.
func (c *Client) abandon(e ending) {
	conn := c.opened()
	if conn == nil || !conn.has(e.client) {
		return
	}
	a := &conn.abandoned
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, e)
	if !a.ending {
		a.ending = conn.polls.Execute(func() { conn.endAbandoned() }) == nil
	}
}

// endAbandoned ends what waits for it.
func (conn *connection) endAbandoned() {
	a := &conn.abandoned
	for {
		a.mu.Lock()
		if len(a.waiting) == 0 || conn.polls.ctx.Err() != nil {
			a.waiting, a.ending = nil, false
			a.mu.Unlock()
			return
		}
		e := a.waiting[0]
		a.waiting[0] = ending{}
		a.waiting = a.waiting[1:]
		a.mu.Unlock()
		e.end(conn)
	}
}
