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
	"github.com/gomotor/gomotor/internal/connstring"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/indexcache"
)

// Client is a connection to a MongoDB server, a replica set, or a sharded cluster. It holds a pool of network
// connections and the goroutines that use them. It is safe for concurrent use. A program needs one client for each
// deployment.
//
// Making a Client does no I/O. The first operation opens it. Using it after [Client.Close] opens it again. A client is
// equal to itself only.
//
// Motor's document_class is the type parameter of [CollectionOf].
//
// Motor: MotorClient.
type Client struct {
	driver    *options.ClientOptions
	resolve   func() (*options.ClientOptions, error) // reads the DNS for mongodb+srv; otherwise nil
	workers   int
	maxQueue  int                          // -1: no limit
	queueWait time.Duration                // 0: no limit
	measure   func(on namespaced) measured // for WithSlowOperations; nil: operations are not measured
	loop      future.Executor
	codec     codec
	path      string // the database in the connection string
	indexes   indexcache.Cache
	concerns
	tzAware atomic.Bool
	latency atomic.Int64 // the local threshold, a time.Duration; the driver reads it when it connects

	mu   sync.Mutex
	conn *connection      // nil: closed, or not opened yet
	past future.PoolStats // of the pools of closed connections
}

// MustClient is like [NewClient], but panics if the arguments are invalid. It is for connection strings that are part
// of the program.
//
// Motor: MotorClient(host, port, ...).
func MustClient(hostOrURI string, opts ...ClientOption) *Client {
	c, err := NewClient(hostOrURI, opts...)
	if err != nil {
		panic(err)
	}
	return c
}

// NewClient returns a client for the deployment that hostOrURI names. That is a connection string such as
// "mongodb://host:27017/?maxPoolSize=20", a host such as "localhost" or "localhost:27018", or a list of hosts such as
// "a,b:27018". The empty string means "localhost". It does no I/O.
//
// An option of the connection string that is unknown, or has an invalid value, is left out and logged as a warning with
// [log/slog.Default]. [WithStrictOptions] makes it an error.
//
// Errors, which never contain a password: [InvalidURI]; [ConfigurationError] for options that contradict each other, and
// for a user without the password that the mechanism needs.
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
	uri, err := s.uri(hostOrURI)
	if err != nil {
		return nil, err
	}
	driver, resolve, err := driverOptions(uri, s.driver)
	if err == nil && driver.AutoEncryptionOptions != nil {
		err = encryptionBuilt()
	}
	if err != nil {
		return nil, err
	}
	c := &Client{driver: driver, resolve: resolve, workers: s.workers, maxQueue: s.maxQueue, loop: s.loop, path: uri.Database}
	c.codec = codec{bsoncodec.Codec{Registry: driver.Registry, Options: driver.BSONOptions}}
	c.queueWait, c.measure = uriDuration(uri, "waitqueuetimeoutms"), s.measure
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

// encryptionBuilt returns the error of a program without client-side encryption, or nil.
func encryptionBuilt() error {
	if drivercompat.Encryption {
		return nil
	}
	return newError(ConfigurationError, "client-side encryption needs the library libmongocrypt and the build tag %q: go build -tags %[1]s",
		drivercompat.EncryptionTag)
}

// initConcerns sets the concerns that can be changed later.
func (c *Client) initConcerns(uri *connstring.URI, s clientSettings) error {
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
	c.SetTZAware(valueOr(s.tzAware, uri.Is("tz_aware", "true")))
	c.latency.Store(int64(defaultLatency))
	if threshold := c.driver.LocalThreshold; threshold != nil {
		c.latency.Store(int64(*threshold))
	}
	if s.driver != nil && s.driver.WriteConcern != nil {
		return nil // it replaces all items of the connection string
	}
	return uriWriteConcern(uri, &c.write)
}

// Open checks that the deployment can be reached. The result is the client itself. Calling Open is optional, since the
// first operation opens the client. Open does not show whether the server accepts the credentials; the first operation
// does.
//
// Errors: [ConnectionFailure] ([ServerSelectionTimeoutError]) if no server answers within serverSelectionTimeoutMS.
//
// Motor: MotorClient.open.
func (c *Client) Open(ctx context.Context) *future.Future[*Client] {
	now := c.snapshot()
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (*Client, error) {
		err := d.Ping(ctx, now.read.pref)
		if err != nil && drivercompat.IsLoginAfterAnswer(err) {
			err = nil
		}
		return c, err
	}))
}

// Close closes the connections and ends the goroutines of the client. It first waits for the operations that were
// started before. A read that waits for new documents of a tailable cursor fails with [InvalidOperation]. Using the
// client again opens it again; cursors from before the Close then fail with [InvalidOperation]. Closing a client twice,
// or one that was never opened, is not an error.
//
// Close waits, so that "defer client.Close(ctx)" works. ctx limits the wait. The client is closed even if ctx has
// ended, but Close may then return before that is complete.
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
	_, err := future.Go(context.WithoutCancel(ctx), future.Goroutines, func(ctx context.Context) (struct{}, error) {
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

// Database returns the database of this name. It does no I/O. The server creates a database when something is written
// to it. If no server accepts the name, every operation on the database fails with [InvalidName], and [Database.Err]
// returns that error at once.
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

// Stats returns the counters of the client's executor since the client was made.
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

// IOLoop returns the executor on which the client's callbacks run, or nil if they run on other goroutines.
//
// Motor: MotorClient.get_io_loop, MotorClient.io_loop.
func (c *Client) IOLoop() future.Executor { return c.loop }

// String returns the hosts of the client, never its credentials.
func (c *Client) String() string { return fmt.Sprintf("motor.Client(%q)", c.driver.Hosts) }

// Delegate returns the driver's client of this client, for features that only the driver has. Its calls block, and do
// not use the client's executor. It is valid until [Client.Close], which disconnects it. Do not call the driver's
// Disconnect.
//
// Errors: [ConfigurationError] if the driver cannot connect with the client's options. It does no I/O, except that
// mongodb+srv may need a DNS query.
//
// Motor: MotorClient.delegate.
func (c *Client) Delegate(ctx context.Context) *future.Future[*mongo.Client] {
	return submit(ctx, c, driverOp(func(_ context.Context, driver *mongo.Client) (*mongo.Client, error) { return driver, nil }))
}

// TZAware reports whether dates are decoded as a time.Time in UTC instead of a bson.DateTime. It applies to documents
// of type bson.M and bson.D, and to documents and lists within them. In other types, the type of the field decides.
//
// Motor: MotorClient.tz_aware.
func (c *Client) TZAware() bool { return c.tzAware.Load() }

// SetTZAware sets how dates are decoded in documents of databases and collections that are taken from the client later.
// Existing ones do not change. See [WithTZAware].
//
// Motor: MotorClient.tz_aware = aware.
func (c *Client) SetTZAware(aware bool) { c.tzAware.Store(aware) }

// limited returns a context that ends when the timeout of the client has passed since start. A context with a deadline
// stays as it is.
func (c *Client) limited(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	timeout := valueOr(c.driver.Timeout, 0)
	if _, ok := ctx.Deadline(); ok || timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, start.Add(timeout))
}
