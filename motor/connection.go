package motor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// connection is what a client has while it is open.
type connection struct {
	pool     *future.Pool
	polls    *longPolls
	cleanups cleanupQueue
	cursors  openCursors
	batches  gate // gathered inserts, and those that others wait for
	topology topology
	driver   atomic.Pointer[mongo.Client]
	options  *options.ClientOptions // of driver

	// Only for a connection string whose hosts stand in the DNS: its look-up takes time, and is done by whoever needs
	// the driver first, off the caller's goroutine.
	dial func() (*mongo.Client, error)

	mu      sync.Mutex
	dialing *future.Future[*mongo.Client] // the latest try
}

// opened returns the open connection, or nil.
func (c *Client) opened() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}

// connect returns the open connection, opening it if need be. That starts the driver's monitors, but waits for
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
	now := c.now()
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

// client returns the driver's client. It waits only while the hosts are looked up; a look-up that failed is done
// again for the next operation.
func (conn *connection) client(ctx context.Context) (*mongo.Client, error) {
	if driver := conn.driver.Load(); driver != nil {
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

// disconnect closes the driver's client. No operation runs any more.
func (conn *connection) disconnect(ctx context.Context) error {
	conn.mu.Lock()
	dialing := conn.dialing
	conn.mu.Unlock()
	if dialing != nil { // all who waited for it may have given up
		if _, err := dialing.Await(ctx); err != nil {
			return nil
		}
	}
	var err error
	if driver := conn.driver.Load(); driver != nil {
		err = wrapError(driver.Disconnect(ctx))
	}
	if e := conn.polls.disconnect(ctx); err == nil {
		err = e
	}
	return err
}
