package motor

import (
	"log/slog"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/slow"
	"github.com/gomotor/gomotor/internal/usercode"
)

// ClientOption is an option of [NewClient].
type ClientOption func(*clientSettings) error

type clientSettings struct {
	driver   *options.ClientOptions
	workers  int
	maxQueue int
	loop     future.Executor
	tzAware  *bool // nil: as the connection string says
	measure  func(on namespaced) measured
	tagSets  []map[string]string // nil: as the connection string says
	port     int
	keywords []keyword
	strict   bool // warnings are errors
	warnings []string
}

// WithClientOptions passes options to the driver, unchanged. They override the connection string.
func WithClientOptions(opts *options.ClientOptions) ClientOption {
	return func(s *clientSettings) error {
		if opts == nil {
			return newError(TypeError, "WithClientOptions: opts is nil")
		}
		s.driver = opts
		return nil
	}
}

// WithMaxWorkers sets how many operations run at once; the others wait in a queue. The default is the environment
// variable MOTOR_MAX_WORKERS, or else the client's maxPoolSize (100). More workers would only wait for connections.
//
// Motor: MOTOR_MAX_WORKERS.
func WithMaxWorkers(n int) ClientOption {
	return func(s *clientSettings) error {
		if n < 1 {
			return newError(ConfigurationError, "WithMaxWorkers: invalid number of workers %d: must be at least 1", n)
		}
		s.workers = n
		return nil
	}
}

// WithMaxQueue limits the queue of operations that wait for a worker. If the queue is full, operations fail with
// [future.ErrQueueFull]. The default is no limit.
func WithMaxQueue(n int) ClientOption {
	return func(s *clientSettings) error {
		if n < 0 {
			return newError(ConfigurationError, "WithMaxQueue: invalid queue length %d: must be at least 0", n)
		}
		s.maxQueue = n
		return nil
	}
}

// WithSlowOperations reports operations that take longer than limit, from the call to the end, with the time in which
// they wait for a slot: to report, or, if it is nil, as a warning to [slog.Default]. report runs in the slot of the
// operation, before its future settles. It must not wait for another operation. A panic of report does not harm the
// operation.
//
// A read is one round trip: reading a cursor may be several operations, or none if its documents have been fetched. Not
// reported are waits for new data (of a change stream, or a tailable cursor that awaits data), operations that were
// cancelled before they ran, and inserts of a handle with batching that are sent with others.
//
// Each operation costs about two microseconds more.
func WithSlowOperations(limit time.Duration, report func(SlowOperation)) ClientOption {
	return func(s *clientSettings) error {
		if limit <= 0 {
			return newError(ConfigurationError, "WithSlowOperations: invalid limit %v: must be more than 0", limit)
		}
		s.measure = func(on namespaced) measured { return &slowOperation{slow.Begin(2), limit, report, on} }
		return nil
	}
}

// SlowOperation describes an operation that took long: see [WithSlowOperations].
type SlowOperation struct {
	Name      string        // the method that the program has called, such as Collection.InsertOne
	Namespace string        // the database, or the database and the collection, or "" for an operation of a client, a session or a file
	Waited    time.Duration // for a slot of the executor
	Took      time.Duration // from the call to the end, with Waited
	Err       error         // its error, or nil
}

// slowOperation measures an operation.
type slowOperation struct {
	*slow.Watch
	limit time.Duration
	call  func(SlowOperation) // nil: log it
	on    namespaced
}

// done reports the operation if it was slow.
func (s *slowOperation) done(err error) {
	waited, took := s.Times()
	if took <= s.limit {
		return
	}
	o := SlowOperation{Name: s.Name(ownPackages...), Waited: waited, Took: took, Err: err}
	if s.on != nil {
		o.Namespace = s.on.namespace()
	}
	if s.call == nil {
		slog.Warn("motor: slow operation", "name", o.Name, "namespace", o.Namespace, "waited", waited, "took", took, "error", err)
		return
	}
	if p := usercode.Try(func() { s.call(o) }); p != nil {
		future.ReportUnobserved(p)
	}
}

// ownPackages are the starts of the names of the functions that operations are called through.
var ownPackages = func() (all []string) {
	module := strings.TrimSuffix(reflect.TypeFor[SlowOperation]().PkgPath(), "motor")
	for _, pkg := range []string{"motor.", "motor/web.", "callback."} {
		all = append(all, module+pkg)
	}
	return all
}()

// WithIOLoop makes the client's callbacks and continuations run on loop: a callback.Loop, or any other executor. By
// default each future runs them on a goroutine.
//
// Motor: MotorClient(io_loop=...).
func WithIOLoop(loop future.Executor) ClientOption {
	return func(s *clientSettings) error {
		if command.IsNil(loop) {
			return newError(TypeError, "WithIOLoop: loop is nil")
		}
		s.loop = loop
		return nil
	}
}

// defaultWorkers returns the number of workers without WithMaxWorkers.
func defaultWorkers(driver *options.ClientOptions) (int, error) {
	if v := os.Getenv("MOTOR_MAX_WORKERS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, newError(ConfigurationError, "invalid MOTOR_MAX_WORKERS %q: must be a number, at least 1", v)
		}
		return n, nil
	}
	switch size := driver.MaxPoolSize; {
	case size == nil:
		return 100, nil
	case *size == 0 || *size > math.MaxInt32: // 0: the driver's pool has no limit
		return math.MaxInt32, nil
	default:
		return int(*size), nil
	}
}

// WithPort sets the port of hosts that have none. The default is [DefaultPort].
//
// Motor: MotorClient(host, port).
func WithPort(port int) ClientOption {
	return func(s *clientSettings) error {
		if port < 1 || port > 65535 {
			return newError(ConfigurationError, "WithPort: invalid port %d: must be from 1 to 65535", port)
		}
		s.port = port
		return nil
	}
}

// WithTZAware sets whether dates are decoded as a time.Time in UTC instead of a bson.DateTime. The default is false.
// See [Client.TZAware].
//
// Motor: MotorClient(tz_aware=...).
func WithTZAware(aware bool) ClientOption {
	return func(s *clientSettings) error {
		s.tzAware = &aware
		return nil
	}
}

// defaultLatency is the driver's default for the local threshold.
const defaultLatency = 15 * time.Millisecond

// The methods below return the options that the client was made with, or the driver's defaults.

// Options returns a copy of the driver's options that the client was made with, including those of the connection
// string. With mongodb+srv, the options in the DNS are missing.
//
// Motor: MotorClient.options.
func (c *Client) Options() *options.ClientOptions {
	copied := *c.driver
	return &copied
}

// MaxPoolSize returns the most connections that the client opens to one server. 0 means no limit.
//
// Motor: MotorClient.max_pool_size.
func (c *Client) MaxPoolSize() int {
	if size := c.driver.MaxPoolSize; size != nil {
		return int(*size)
	}
	return 100
}

// MinPoolSize returns how many connections to each server the client keeps open.
//
// Motor: MotorClient.min_pool_size.
func (c *Client) MinPoolSize() int { return int(valueOr(c.driver.MinPoolSize, 0)) }

// MaxIdleTimeMS returns for how many milliseconds a connection may be idle before it is closed. 0 means no limit.
//
// Motor: MotorClient.max_idle_time_ms.
func (c *Client) MaxIdleTimeMS() int { return int(valueOr(c.driver.MaxConnIdleTime, 0).Milliseconds()) }

// ReadConcern returns the read concern, or nil for the server's default.
//
// Motor: MotorClient.read_concern.
func (c *Client) ReadConcern() *readconcern.ReadConcern { return c.driver.ReadConcern }

// RetryReads reports whether a read is retried after an error of the network. It is retried once, or until the time limit
// if the context has a deadline or the client has a timeoutMS. A timeoutMS of 0 sets no end to the retries.
//
// Motor: MotorClient.retry_reads.
func (c *Client) RetryReads() bool { return valueOr(c.driver.RetryReads, true) }

// RetryWrites reports whether the driver retries a write after an error of the network, as often as with
// [Client.RetryReads]. It never retries a write with wtimeout or fsync: see [WriteConcern].
//
// Motor: MotorClient.retry_writes.
func (c *Client) RetryWrites() bool { return valueOr(c.driver.RetryWrites, true) }

// ServerSelectionTimeout returns how long an operation looks for a server before it fails.
//
// Motor: MotorClient.server_selection_timeout.
func (c *Client) ServerSelectionTimeout() time.Duration {
	return valueOr(c.driver.ServerSelectionTimeout, 30*time.Second)
}

// EventListeners returns the monitors that the client was made with: an *event.CommandMonitor, an *event.PoolMonitor
// and an *event.ServerMonitor, or those of them that are set.
//
// Motor: MotorClient.event_listeners.
func (c *Client) EventListeners() []any {
	var all []any
	if m := c.driver.Monitor; m != nil {
		all = append(all, m)
	}
	if m := c.driver.PoolMonitor; m != nil {
		all = append(all, m)
	}
	if m := c.driver.ServerMonitor; m != nil {
		all = append(all, m)
	}
	return all
}

// SecondaryAcceptableLatencyMS returns the local threshold in milliseconds, 15 by default. A read may go to a member of
// a replica set whose round trip is longer than that of the nearest member by at most this time. With a mongos it has
// no effect.
//
// Motor: MotorClient.secondary_acceptable_latency_ms.
func (c *Client) SecondaryAcceptableLatencyMS() int {
	return int(time.Duration(c.latency.Load()) / time.Millisecond)
}

// SetSecondaryAcceptableLatencyMS sets the local threshold in milliseconds: see [Client.SecondaryAcceptableLatencyMS].
// It takes effect when the client opens the next time. An open client is not reopened, because that would end its
// cursors. To apply it, call [Client.Close]; the next operation opens the client.
//
// Errors: [ConfigurationError] for a negative number.
//
// Motor: MotorClient.secondary_acceptable_latency_ms = ms.
func (c *Client) SetSecondaryAcceptableLatencyMS(ms int) error {
	if ms < 0 || int64(ms) > math.MaxInt64/int64(time.Millisecond) {
		return newError(ConfigurationError, "invalid secondary acceptable latency %d ms: must be at least 0", ms)
	}
	c.latency.Store(int64(time.Duration(ms) * time.Millisecond))
	return nil
}

// LocalThresholdMS is [Client.SecondaryAcceptableLatencyMS] by its later name.
//
// Motor: MotorClient.local_threshold_ms.
func (c *Client) LocalThresholdMS() int { return c.SecondaryAcceptableLatencyMS() }

// SecondaryAcceptableLatencyMS returns [Client.SecondaryAcceptableLatencyMS] of the client.
//
// Motor: MotorDatabase.secondary_acceptable_latency_ms.
func (d *Database) SecondaryAcceptableLatencyMS() int { return d.client.SecondaryAcceptableLatencyMS() }

// SecondaryAcceptableLatencyMS returns [Client.SecondaryAcceptableLatencyMS] of the client.
//
// Motor: MotorCollection.secondary_acceptable_latency_ms.
func (c *collection) SecondaryAcceptableLatencyMS() int {
	return c.db.client.SecondaryAcceptableLatencyMS()
}
