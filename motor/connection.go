package motor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/serial"
	"github.com/gomotor/gomotor/internal/usercode"
)

// connection is the state of a client from its opening to its Close. Everything that is open on the server belongs to a
// connection and ends with it.
type connection struct {
	pool     *future.Pool
	polls    *longPolls
	cleanups cleanupQueue
	cursors  openCursors
	batches  inflight // collected inserts of collections with batching
	topology topology
	driver   atomic.Value           // *mongo.Client; nothing is stored before it is connected
	options  *options.ClientOptions // for driver

	// dial is set if the DNS has the hosts of the connection string. The query takes time, so it runs in the first
	// operation and not in the call that starts it.
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

// connect returns the open connection, or opens one for an operation with the context ctx. It starts the driver's
// monitors and does not block. If ctx has ended, the operation would never run, so it must not open the client: the
// program may have closed it before, and nothing would close it again.
func (c *Client) connect(ctx context.Context) (*connection, error) {
	if conn := c.opened(); conn != nil {
		return conn, nil
	}
	if ctx != nil { // an operation without a context is refused later
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
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
		text := fmt.Sprintf("timed out waiting for a worker (waitQueueTimeoutMS=%d)", c.queueWait.Milliseconds())
		late := &Error{class: WaitQueueTimeoutError, text: text, cause: future.ErrQueueTimeout}
		bound = append(bound, future.WithMaxQueueWait(c.queueWait, late))
	}
	pool, err := future.NewPool(c.workers, append(bound, future.WithInPlaceAwait())...)
	if err != nil {
		return nil, &Error{class: ConfigurationError, cause: err}
	}
	conn := &connection{pool: pool, polls: newLongPolls()}
	now := c.snapshot()
	dial := func(opts *options.ClientOptions) (*mongo.Client, error) {
		own := withCommandMonitor(*conn.topology.withTopologyMonitor(*usercode.Guard(opts))).
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

// dialed returns the driver's client, or nil if it is not connected yet.
func (conn *connection) dialed() *mongo.Client {
	driver, _ := conn.driver.Load().(*mongo.Client)
	return driver
}

// client returns the driver's client. It blocks only while a DNS query for the hosts runs. After a failed query, the
// next operation tries again.
func (conn *connection) client(ctx context.Context) (*mongo.Client, error) {
	if driver := conn.dialed(); driver != nil {
		return driver, nil
	}
	conn.mu.Lock()
	if conn.dialing == nil || conn.dialing.IsDone() && conn.dialing.Err() != nil {
		conn.dialing = future.Go(context.WithoutCancel(ctx), future.Goroutines, func(context.Context) (*mongo.Client, error) {
			return conn.dial()
		})
	}
	dialing := conn.dialing
	conn.mu.Unlock()
	return dialing.Await(ctx)
}

// shutdown ends the long polls and waits until no operation runs.
func (conn *connection) shutdown() {
	conn.polls.shutdown()
	conn.batches.close()
	conn.batches.wait()
	conn.pool.Shutdown()
}

// disconnect closes the driver's clients. shutdown must have been called.
func (conn *connection) disconnect(ctx context.Context) error {
	conn.mu.Lock()
	dialing := conn.dialing
	conn.mu.Unlock()
	if dialing != nil { // the operations that waited for it may have been cancelled
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

// inflight counts operations in progress. After close, no operation can start, and wait returns when all are done.
type inflight struct {
	mu     sync.Mutex
	closed bool
	count  sync.WaitGroup
}

// start reports whether an operation may start. If so, the caller must call done at its end.
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

// isClosed reports whether close has been called.
func (f *inflight) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// wait waits until all started operations are done. close must have been called.
func (f *inflight) wait() { f.count.Wait() }

// lane is the kind of executor that an operation runs on.
type lane int

const (
	shortLane lane = iota // a slot of the connection's pool
	longLane              // longPolls
)

// longPolls is the executor of operations whose reply the server may delay until there is new data: getMore of tailable
// cursors that await data, and of change streams. Its rules:
//
//   - A long poll takes no slot of the connection's pool, and no network connection from the driver's pool for ordinary
//     operations. Long polls have their own goroutines and their own client of the driver. Any number of polls leaves
//     the other operations unaffected.
//   - The pool of that client has no limit. Each poll needs one network connection while it waits, so there are as many
//     as cursors that the program reads at once. With a limit, some cursors would wait for the data of others. The
//     first poll makes the client.
//   - When a wait ends, its poll goes on. The next wait for the same cursor continues the poll, so that no data that
//     the server has sent is lost. Close of the cursor or of the client ends the poll.
//   - A session belongs to the driver's client that it was started on. A cursor in a session polls on a network
//     connection of the ordinary pool. It still takes no slot.
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

// driver returns the client for long polls, made with the options of the ordinary client. It returns nil after
// shutdown.
func (l *longPolls) driver(opts *options.ClientOptions) (*mongo.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil || l.closed {
		return l.client, nil
	}
	own := *opts
	own.ServerMonitor = nil // the ordinary client already reports these servers
	client, err := mongo.Connect(own.SetMaxPoolSize(0).SetMinPoolSize(0))
	if err != nil {
		return nil, &Error{class: ConfigurationError, cause: err}
	}
	l.client = client
	return client, nil
}

// shutdown ends the polls and waits until none runs.
func (l *longPolls) shutdown() {
	l.close()
	l.cancel()
	l.wait()
}

// disconnect closes the network connections. shutdown must have been called.
func (l *longPolls) disconnect(ctx context.Context) error {
	if l.client == nil {
		return nil
	}
	return wrapError(l.client.Disconnect(ctx))
}

// clientFor returns the driver's client for opening a cursor that is read in this lane.
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

// has reports whether client, of the driver, belongs to this connection.
func (conn *connection) has(client *mongo.Client) bool {
	if client == conn.dialed() {
		return true
	}
	conn.polls.mu.Lock()
	defer conn.polls.mu.Unlock()
	return client == conn.polls.client
}

// connectionWith returns the open connection if driver belongs to it, and otherwise a closed one.
func (c *Client) connectionWith(driver *mongo.Client) *connection {
	if conn := c.opened(); conn != nil && conn.has(driver) {
		return conn
	}
	return new(connection)
}

var errClientClosed = newError(InvalidOperation, "the client has been closed since the cursor or the session was opened")

// topology returns the topology of the open connection, or an empty one.
func (c *Client) topology() *topology {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return &topology{}
	}
	return &c.conn.topology
}

// cleanup closes an abandoned cursor or session on the server.
type cleanup struct {
	client *mongo.Client // the driver's client that the cursor or session belongs to
	run    func(context.Context, *connection)
}

// cleanupQueue holds the cleanups of a connection. The garbage collector finds abandoned cursors and sessions one by
// one, on a goroutine that must not block, so it only queues them. One goroutine runs the cleanups one at a time.
// However many there are, they take no slot and one network connection.
type cleanupQueue = serial.Queue[cleanup]

// cleanupTimeout is the time limit of one cleanup. It bounds the delay of the other cleanups when a server does not
// answer. The server closes abandoned cursors after ten minutes, and sessions after thirty.
var cleanupTimeout = 10 * time.Second

// abandon queues a cleanup. If its connection has been closed, the cursor or session is closed already, and it does
// nothing. It never blocks.
func (c *Client) abandon(work cleanup) {
	conn := c.opened()
	if conn == nil || !conn.has(work.client) {
		return
	}
	if conn.cleanups.Push(work) {
		// If the connection is being closed, the queued cleanups are dropped with it.
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

// cleanUpOne runs one cleanup within its time limit. A panic (the driver panics on some malformed replies) is reported,
// and the other cleanups go on.
func (conn *connection) cleanUpOne(work cleanup) {
	// The driver would send a deadline as maxTimeMS, which some servers reject for these commands.
	ctx, cancel := context.WithCancel(conn.polls.ctx)
	defer cancel()
	defer time.AfterFunc(cleanupTimeout, cancel).Stop()
	if err := usercode.Try(func() { work.run(ctx, conn) }); err != nil {
		future.ReportUnobserved(err)
	}
}

// openCursors maps the server's cursor ids to the open cursors of a connection. To close a cursor, the server needs its
// collection and must be the right server; only the cursor knows both.
type openCursors struct {
	mu   sync.Mutex
	byID map[int64]closeFunc
}

// closeFunc closes a cursor.
type closeFunc = func(context.Context) *future.Future[struct{}]

// track records that the id of a cursor has changed from before to now. 0 means that it is not open on the server.
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

// drop forgets a cursor that the garbage collector has found.
func (open *openCursors) drop(id int64) { open.track(id, 0, nil) }

// closer returns the function that closes the cursor with this id. A nil connection has no open cursors.
func (conn *connection) closer(id int64) (closeFunc, error) {
	if conn != nil {
		conn.cursors.mu.Lock()
		defer conn.cursors.mu.Unlock()
		if closeCursor := conn.cursors.byID[id]; closeCursor != nil {
			return closeCursor, nil
		}
	}
	return nil, newError(CursorNotFound, "cursor id %d not found: the client has no such open cursor", id)
}

// cursorReader returns a cursor that client, of the driver, has opened. A getMore waits for its server.
func (c *Client) cursorReader(cursor *mongo.Cursor, client *mongo.Client) drivercompat.CursorReader {
	return drivercompat.CursorReader{Cursor: cursor, Client: client, Wait: c.serverSelectionTimeout()}
}

// serverSelectionTimeout returns how long operations wait for a server.
func (c *Client) serverSelectionTimeout() time.Duration {
	if limit := c.driver.ServerSelectionTimeout; limit != nil {
		return *limit
	}
	return 30 * time.Second // the driver's default
}
