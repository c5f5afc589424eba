package motor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/serial"
)

// connection is the part of a client that lives from its opening to its Close. Whatever is open on the server belongs to a
// connection and ends with it.
type connection struct {
	pool     *future.Pool
	polls    *longPolls
	cleanups cleanupQueue
	cursors  openCursors
	batches  inflight // inserts of collections with batching
	topology topology
	driver   atomic.Value           // *mongo.Client, once there is one
	options  *options.ClientOptions // of driver

	// dial is set if the DNS has the hosts of the connection string. The look-up takes time, so the first operation does
	// it, not the call that starts it.
	dial func() (*mongo.Client, error)

	mu      sync.Mutex
	dialing *future.Future[*mongo.Client] // the latest attempt
}

// opened returns the open connection, or nil.
func (c *Client) opened() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// connect returns the open connection, and opens one if there is none. That starts the driver's monitors, but waits for
// nothing.
func (c *Client) connect() (*connection, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn, nil
	}
	var bound []future.PoolOption
	if c.maxQueue >= 0 {
		bound = append(bound, future.WithMaxQueue(c.maxQueue))
	}
	if c.queueWait > 0 {
		late := &Error{class: WaitQueueTimeoutError, text: "waitQueueTimeoutMS", cause: future.ErrQueueTimeout}
		bound = append(bound, future.WithMaxQueueWait(c.queueWait, late))
	}
	pool, err := future.NewPool(c.workers, append(bound, future.WithInPlaceAwait())...)
	if err != nil {
		return nil, &Error{class: ConfigurationError, cause: err}
	}
	conn := &connection{pool: pool, polls: newLongPolls()}
	now := c.snapshot()
	dial := func(opts *options.ClientOptions) (*mongo.Client, error) {
		own := located(*conn.topology.followed(*opts)).
			SetLocalThreshold(time.Duration(c.latency.Load())).
			SetWriteConcern(now.write.driver).
			SetReadPreference(now.read.pref)
		driver, err := mongo.Connect(own)
		if err != nil {
			return nil, &Error{class: ConfigurationError, cause: err}
		}
		conn.options = own
		conn.driver.Store(driver)
		return driver, nil
	}
	if c.resolve == nil {
		if _, err := dial(c.driver); err != nil {
			return nil, err
		}
	} else {
		conn.dial = func() (*mongo.Client, error) {
			opts, err := c.resolve()
			if err != nil {
				return nil, err
			}
			return dial(opts)
		}
	}
	c.conn = conn
	return conn, nil
}

// dialed returns the driver's client, or nil if there is none yet.
func (conn *connection) dialed() *mongo.Client {
	driver, _ := conn.driver.Load().(*mongo.Client)
	return driver
}

// client returns the driver's client. It waits only while the hosts are looked up. After a failed look-up, the next
// operation tries again.
func (conn *connection) client(ctx context.Context) (*mongo.Client, error) {
	if driver := conn.dialed(); driver != nil {
		return driver, nil
	}
	conn.mu.Lock()
	if conn.dialing == nil || conn.dialing.IsDone() && conn.dialing.Err() != nil {
		conn.dialing = future.Go(context.WithoutCancel(ctx), background, func(context.Context) (*mongo.Client, error) {
			return conn.dial()
		})
	}
	dialing := conn.dialing
	conn.mu.Unlock()
	return dialing.Await(ctx)
}

// shutdown ends the long polls and waits until no operation runs any more.
func (conn *connection) shutdown() {
	conn.polls.shutdown()
	conn.batches.close()
	conn.batches.wait()
	conn.pool.Shutdown()
}

// disconnect closes the driver's clients, after shutdown.
func (conn *connection) disconnect(ctx context.Context) error {
	conn.mu.Lock()
	dialing := conn.dialing
	conn.mu.Unlock()
	if dialing != nil { // all operations that waited for it may have given up
		if _, err := dialing.Await(ctx); err != nil {
			return nil
		}
	}
	var err error
	if driver := conn.dialed(); driver != nil {
		err = wrapError(driver.Disconnect(ctx))
	}
	if e := conn.polls.disconnect(ctx); err == nil {
		err = e
	}
	return err
}

// inflight counts what is in progress, and can be closed: then nothing more starts, and wait returns when all is over.
type inflight struct {
	mu     sync.Mutex
	closed bool
	count  sync.WaitGroup
}

// start reports whether something may start. If so, the caller calls done when it is over.
func (f *inflight) start() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.count.Add(1)
	return true
}

func (f *inflight) done() { f.count.Done() }

// close rejects further calls of start.
func (f *inflight) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
}

// wait waits until all that has started is done. close must have been called.
func (f *inflight) wait() { f.count.Wait() }

// lane says which executor an operation runs on.
type lane int

const (
	shortLane lane = iota // a slot of the connection's pool
	longLane              // longPolls
)

// longPolls is the executor of operations whose reply the server may hold back until there is news: getMore of tailable
// cursors that await data, and of change streams. Its rules:
//
//   - A long poll takes no slot of the connection's pool, and no network connection from the driver's pool for ordinary
//     operations: long polls have their own goroutines and their own client of the driver. However many poll, the other
//     operations go on.
//   - That client's pool has no bound. Each poll needs one network connection while it waits, so there are as many as
//     cursors that the program reads at once; with a bound, some would wait for the news of others. The pool is made
//     with the first poll.
//   - A wait that ends does not end the poll: the next wait for the same cursor takes it over, so that nothing that the
//     server has sent is lost. Close of the cursor ends it, and so does Close of the client.
//   - A session belongs to the driver's client that it was started on. A cursor that is read in a session is polled on a
//     network connection of the ordinary pool, and still takes no slot.
type longPolls struct {
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	inflight
	client *mongo.Client // inflight.mu guards it
}

func newLongPolls() *longPolls {
	l := new(longPolls)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Execute implements [future.Executor].
func (l *longPolls) Execute(task func()) error {
	if !l.start() {
		return future.ErrPoolClosed
	}
	go func() {
		defer l.done()
		task()
	}()
	return nil
}

// driver returns the client for long polls, made with the options of the ordinary one. It is nil after shutdown.
func (l *longPolls) driver(opts *options.ClientOptions) (*mongo.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil || l.closed {
		return l.client, nil
	}
	own := *opts
	own.ServerMonitor = nil // the ordinary client reports these servers already
	client, err := mongo.Connect(own.SetMaxPoolSize(0).SetMinPoolSize(0))
	if err != nil {
		return nil, &Error{class: ConfigurationError, cause: err}
	}
	l.client = client
	return client, nil
}

// shutdown ends the polls and waits until nothing runs any more.
func (l *longPolls) shutdown() {
	l.close()
	l.cancel()
	l.wait()
}

// disconnect closes the network connections, after shutdown.
func (l *longPolls) disconnect(ctx context.Context) error {
	if l.client == nil {
		return nil
	}
	return wrapError(l.client.Disconnect(ctx))
}

// clientFor returns the driver's client that opens a cursor which is read in a lane.
func (conn *connection) clientFor(ctx context.Context, in lane) (*mongo.Client, error) {
	client, err := conn.client(ctx)
	if err != nil || in == shortLane || mongo.SessionFromContext(ctx) != nil {
		return client, err
	}
	client, err = conn.polls.driver(conn.options)
	if err == nil && client == nil {
		err = errClientClosed
	}
	return client, err
}

// has reports whether a client of the driver belongs to this connection.
func (conn *connection) has(client *mongo.Client) bool {
	if client == conn.dialed() {
		return true
	}
	conn.polls.mu.Lock()
	defer conn.polls.mu.Unlock()
	return client == conn.polls.client
}

// connectionWith returns the open connection if a client of the driver belongs to it, and otherwise a closed one.
func (c *Client) connectionWith(driver *mongo.Client) *connection {
	if conn := c.opened(); conn != nil && conn.has(driver) {
		return conn
	}
	return new(connection)
}

var errClientClosed = newError(InvalidOperation, "the client has been closed since the cursor or the session was opened")

// topology returns that of the open connection, or one of which nothing is known.
func (c *Client) topology() *topology {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return &topology{}
	}
	return &c.conn.topology
}

// cleanup ends a cursor or a session on the server that the program has abandoned.
type cleanup struct {
	client *mongo.Client // the driver's client that the cursor or session belongs to
	run    func(context.Context, *connection)
}

// cleanupQueue holds the cleanups of a connection. The garbage collector finds cursors and sessions one after the other,
// on a goroutine that must not wait, so they are only queued there. One goroutine runs them one at a time: however many are
// found at once, they take no slot and one connection.
type cleanupQueue = serial.Queue[cleanup]

// cleanupTimeout is the time limit of one cleanup. It bounds how long a server that does not answer holds up the others.
// The server itself ends what is left after ten minutes (cursors) or thirty (sessions).
var cleanupTimeout = 10 * time.Second

// abandon queues a cleanup, unless its connection has been closed: then the cursor or session has ended too. It never
// waits.
func (c *Client) abandon(work cleanup) {
	conn := c.opened()
	if conn == nil || !conn.has(work.client) {
		return
	}
	if start, _ := conn.cleanups.Push(work, -1); start {
		// If the connection is being closed, what is queued stays there, and goes with it.
		_ = conn.polls.Execute(conn.cleanUp)
	}
}

// cleanUp runs the queued cleanups.
func (conn *connection) cleanUp() {
	for works := conn.cleanups.Next(); works != nil; works = conn.cleanups.Next() {
		for _, work := range works {
			if conn.polls.ctx.Err() == nil {
				conn.cleanUpOne(work)
			}
		}
	}
}

// cleanUpOne runs one cleanup, within its time limit. A panic, of the driver when the server's reply is malformed, is
// reported, and the others go on.
func (conn *connection) cleanUpOne(work cleanup) {
	// Of a deadline the driver would make a maxTimeMS, which not every server takes with these commands.
	ctx, cancel := context.WithCancel(conn.polls.ctx)
	defer cancel()
	defer time.AfterFunc(cleanupTimeout, cancel).Stop()
	if err := panicOf(func() { work.run(ctx, conn) }); err != nil {
		future.ReportUnobserved(err)
	}
}

// panicOf calls fn and returns its panic as a [future.PanicError], or nil.
func panicOf(fn func()) error {
	if p := panics.Try(fn); p != nil {
		return &future.PanicError{Value: p.Value, Stack: p.Stack}
	}
	return nil
}

// openCursors are the cursors that the server keeps open for a connection, by the server's number for them. The server
// wants to be told the collection and must be the right one of several, and only the cursor knows these.
type openCursors struct {
	mu   sync.Mutex
	byID map[int64]closeFunc
}

// closeFunc closes a cursor.
type closeFunc = func(context.Context) *future.Future[struct{}]

// track notes that the number of a cursor has changed from before to now; 0 means that it is not open on the server.
func (open *openCursors) track(before, now int64, closeCursor closeFunc) {
	open.mu.Lock()
	defer open.mu.Unlock()
	delete(open.byID, before)
	if now == 0 {
		return
	}
	if open.byID == nil {
		open.byID = make(map[int64]closeFunc)
	}
	open.byID[now] = closeCursor
}

// drop forgets a cursor that was collected.
func (open *openCursors) drop(id int64) { open.track(id, 0, nil) }

// closer returns the function that closes the cursor with the number id. A client that is not open has none.
func (conn *connection) closer(id int64) (closeFunc, error) {
	if conn != nil {
		conn.cursors.mu.Lock()
		defer conn.cursors.mu.Unlock()
		if closeCursor := conn.cursors.byID[id]; closeCursor != nil {
			return closeCursor, nil
		}
	}
	return nil, newError(CursorNotFound, "the client has no open cursor with the number %d", id)
}
