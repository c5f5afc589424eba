package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// lane is where an operation runs.
type lane int

const (
	shortLane lane = iota // in a slot of the client's executor
	longLane              // in the lane of longPolls
)

// longPolls is the lane of the operations whose answer the server may hold back until there is news: getMores of
// tailable cursors that await data, and of change streams. Its rule:
//
//   - A long poll takes no slot of the client's executor, and no connection out of the pool that ordinary operations
//     have: the lane has goroutines, and a client of the driver's, of its own. However many poll, the others go on.
//   - That client's pool has no bound. Each poll needs one connection while it waits, so there are as many as cursors
//     that the program reads at once; with a bound, some would wait for the news of others. The pool is made with the
//     first poll.
//   - A wait that ends does not end the poll: the next wait for the same cursor takes it over, so that nothing that
//     the server has sent is lost. Close of the cursor ends it, and so does Close of the client.
//   - A session belongs to the client of the driver's that it was started on. A cursor that is read in one is polled
//     on a connection of the ordinary pool, and still takes no slot.
type longPolls struct {
	ctx    context.Context // ends with the client
	cancel context.CancelFunc

	gate
	client *mongo.Client // gate.mu guards it
}

func newLongPolls() *longPolls {
	l := new(longPolls)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Execute implements [future.Executor].
func (l *longPolls) Execute(task func()) error {
	if !l.enter() {
		return future.ErrPoolClosed
	}
	go func() {
		defer l.leave()
		task()
	}()
	return nil
}

// driver returns the lane's client, which is made of the options of the ordinary one.
func (l *longPolls) driver(opts *options.ClientOptions) (*mongo.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil || l.closed {
		return l.client, nil
	}
	own := *opts
	own.ServerMonitor = nil // who listens there has been told of these servers
	client, err := mongo.Connect(own.SetMaxPoolSize(0).SetMinPoolSize(0))
	if err != nil {
		return nil, &Error{class: ConfigurationError, cause: err}
	}
	l.client = client
	return client, nil
}

// shutdown ends the polls and waits for all that runs in the lane.
func (l *longPolls) shutdown() {
	l.close()
	l.cancel()
	l.wait()
}

// disconnect closes the lane's connections. Nothing runs in the lane any more.
func (l *longPolls) disconnect(ctx context.Context) error {
	if l.client == nil {
		return nil
	}
	return wrapError(l.client.Disconnect(ctx))
}

// clientFor returns the driver's client on which a cursor of a kind is opened.
func (conn *connection) clientFor(ctx context.Context, kind options.CursorType) (*mongo.Client, error) {
	client, err := conn.client(ctx)
	if err != nil || laneOf(kind) == shortLane || mongo.SessionFromContext(ctx) != nil {
		return client, err
	}
	client, err = conn.polls.driver(conn.options)
	if err == nil && client == nil {
		err = errClientClosed
	}
	return client, err
}

// has reports whether a client of the driver's is one of this connection's.
func (conn *connection) has(client *mongo.Client) bool {
	if client == conn.driver.Load() {
		return true
	}
	conn.polls.mu.Lock()
	defer conn.polls.mu.Unlock()
	return client == conn.polls.client
}

// connectionWith returns the open connection if it is the one that a client of the driver's belongs to, and else one on
// which nothing can be done.
func (c *Client) connectionWith(driver *mongo.Client) *connection {
	if conn := c.opened(); conn != nil && conn.has(driver) {
		return conn
	}
	return new(connection)
}

var errClientClosed = newError(InvalidOperation, "the client was closed after the cursor had been opened")

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
