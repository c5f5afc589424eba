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
	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Client is a connection to a MongoDB server, a replica set, or a sharded cluster: in truth a pool of them, and of
// the goroutines that use them. It is safe for any number of goroutines; a program needs one for each deployment.
//
// A Client is made without any I/O, opens itself at the first operation, and opens itself again when it is used
// after [Client.Close]. It is equal to no other, whatever both were made for.
//
// Motor's document_class is the type parameter of [CollectionOf].
//
// Motor: MotorClient.
type Client struct {
	driver    *options.ClientOptions
	resolve   func() (*options.ClientOptions, error) // driver with what the DNS knows, or nil
	workers   int
	maxQueue  int           // -1: no bound
	queueWait time.Duration // 0: no bound
	loop      future.Executor
	codec     codec
	path      string // the database that the connection string names
	indexes   indexCache
	concerns
	tzAware atomic.Bool
	latency atomic.Int64 // the local threshold, a time.Duration: the driver's is fixed when it connects

	mu   sync.Mutex
	conn *connection      // nil: closed, or not opened yet
	past future.PoolStats // of the pools of closed connections
}

// NewClient returns a client for the deployment that hostOrURI names: a connection string such as
// "mongodb://host:27017/?maxPoolSize=20"; a host, "localhost", or "localhost:27018"; several of them, "a,b:27018";
// nothing, which means "localhost". It does no I/O, so it fails only for what can be known without: [InvalidURI], or
// [ConfigurationError] for an option that is unknown, contradicts another one, or is out of range.
//
// Motor: MotorClient(host, port, ...).
func NewClient(hostOrURI string, opts ...ClientOption) (*Client, error) {
	s := clientSettings{maxQueue: -1}
	for _, opt := range opts {
		if opt == nil {
			return nil, newError(TypeError, "NewClient: an option is nil")
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	uri, err := s.connectionString(hostOrURI)
	if err != nil {
		return nil, err
	}
	driver, resolve, err := driverOptions(uri, s.driver)
	if err != nil {
		return nil, err
	}
	c := &Client{driver: driver, resolve: resolve, workers: s.workers, maxQueue: s.maxQueue, loop: s.loop, path: uriDatabase(uri)}
	c.codec = codec{bsoncodec.Codec{Registry: driver.Registry, Options: driver.BSONOptions}}
	if c.queueWait, err = uriQueueWait(uri); err != nil {
		return nil, err
	}
	if err := c.initConcerns(uri, s); err != nil {
		return nil, err
	}
	if c.workers == 0 {
		if c.workers, err = defaultWorkers(driver); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// initConcerns sets the settings that can be changed later.
func (c *Client) initConcerns(uri string, s clientSettings) error {
	if pref := c.driver.ReadPreference; pref != nil {
		c.read.now.Store(readItemsOf(pref))
	}
	if concern := c.driver.WriteConcern; concern != nil {
		if err := c.write.assign(concern); err != nil {
			return err
		}
	}
	if s.tagSets != nil {
		if err := c.SetTagSets(s.tagSets); err != nil {
			return err
		}
	}
	c.SetTZAware(s.tzAware)
	c.latency.Store(int64(defaultLatency))
	if threshold := c.driver.LocalThreshold; threshold != nil {
		c.latency.Store(int64(*threshold))
	}
	if s.driver != nil && s.driver.WriteConcern != nil {
		return nil // instead of all items of the connection string
	}
	return uriWriteConcern(uri, &c.write)
}

// Open checks that the deployment can be reached. The result is the client itself. Open need not be called: the first
// operation opens the client. Whether the server accepts the credentials, only that operation shows.
//
// Errors: [ConnectionFailure] ([ServerSelectionTimeoutError]) if nobody answers within serverSelectionTimeoutMS.
//
// Motor: MotorClient.open.
func (c *Client) Open(ctx context.Context) *future.Future[*Client] {
	now := c.snapshot()
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (*Client, error) {
		return c, d.Ping(ctx, now.read.pref)
	}))
}

// Close closes the connections and ends the goroutines of the client, once the operations that were started before
// have run to their end; a read that waits for news of a tailable cursor fails with [InvalidOperation]. Using the
// client again opens it again; cursors from before the Close then fail with [InvalidOperation]. Closing twice, or what
// was never opened, is no error.
//
// Close waits, so that a plain "defer client.Close(ctx)" does what it says. ctx bounds the wait: the client is
// closed even if ctx is over, but then perhaps not yet when Close returns.
//
// Motor: MotorClient.close, as it was until 2.x.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	conn := c.conn
	c.conn = nil
	c.mu.Unlock()
	if conn == nil {
		return nil
	}
	_, err := future.Go(context.WithoutCancel(ctx), background, func(ctx context.Context) (struct{}, error) {
		conn.shutdown()
		c.mu.Lock()
		c.past = addStats(c.past, conn.pool.Stats())
		c.mu.Unlock()
		return struct{}{}, conn.disconnect(ctx)
	}).Await(ctx)
	return err
}

// Disconnect is [Client.Close].
//
// Motor: MotorClient.disconnect.
func (c *Client) Disconnect(ctx context.Context) error { return c.Close(ctx) }

// background runs tasks on goroutines of their own, which take no slot.
var background = future.ExecutorFunc(func(task func()) error { go task(); return nil })

// Database returns the database of this name. It does no I/O, and the server creates a database only when something
// is written to it. A name that no server accepts is an [InvalidName] of everything that is done with the database;
// [Database.Err] tells at once.
//
// Motor: client.name, client["name"], MotorClient.get_database.
func (c *Client) Database(name string, opts ...options.Lister[options.DatabaseOptions]) *Database {
	d := &Database{client: c, name: name, opts: opts}
	set, err := mergeOptions(opts)
	for _, err := range []error{checkDatabaseName(name), err, d.inherit(&c.concerns, set.WriteConcern, set.ReadPreference)} {
		if d.err == nil {
			d.err = err
		}
	}
	d.codec = c.codec.with(set.Registry, set.BSONOptions)
	d.codec.TZAware = c.TZAware()
	return d
}

// Stats says what the client's executor is doing and has done since the client was made.
func (c *Client) Stats() future.PoolStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return c.past
	}
	return addStats(c.past, c.conn.pool.Stats())
}

// addStats adds the counters of a closed pool to those of the present one.
func addStats(past, now future.PoolStats) future.PoolStats {
	now.Completed += past.Completed
	now.Panics += past.Panics
	now.Rejected += past.Rejected
	now.Waited += past.Waited
	now.QueueWait += past.QueueWait
	now.MaxQueueWait = max(now.MaxQueueWait, past.MaxQueueWait)
	return now
}

// MaxWorkers returns how many operations the client runs at once; the others are queued.
//
// Motor: frameworks.max_workers.
func (c *Client) MaxWorkers() int { return c.workers }

// IOLoop returns the executor on which the callbacks of the client's futures run, or nil if each future has a
// goroutine of its own for them.
//
// Motor: MotorClient.get_io_loop, MotorClient.io_loop.
func (c *Client) IOLoop() future.Executor { return c.loop }

// String names the client by the hosts that it was made for, never with its credentials.
func (c *Client) String() string { return fmt.Sprintf("motor.Client(%q)", c.driver.Hosts) }

// Delegate returns the driver's client beneath this one, for what only the driver has. Its calls block, and know
// nothing of the client's executor. It is valid until [Client.Close], which disconnects it; do not call the driver's
// Disconnect.
//
// Errors: [ConfigurationError] if the driver cannot connect with the client's options. It does no I/O, except that
// with mongodb+srv it may ask the DNS.
//
// Motor: MotorClient.delegate.
func (c *Client) Delegate(ctx context.Context) *future.Future[*mongo.Client] {
	return submit(ctx, c, driverOp(func(_ context.Context, driver *mongo.Client) (*mongo.Client, error) { return driver, nil }))
}

// TZAware reports whether the dates in documents of type bson.M and bson.D, and in documents and lists within these,
// are a time.Time, in UTC, instead of a bson.DateTime. Of other types, their fields say what a date is.
//
// Motor: MotorClient.tz_aware.
func (c *Client) TZAware() bool { return c.tzAware.Load() }

// SetTZAware sets what the dates are in documents that come from databases and collections taken from the client
// later on; those that there are go on as before. See [WithTZAware].
//
// Motor: MotorClient.tz_aware = aware.
func (c *Client) SetTZAware(aware bool) { c.tzAware.Store(aware) }
