package motor

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// ClientOption is an option of [NewClient].
type ClientOption func(*clientSettings) error

type clientSettings struct {
	driver   *options.ClientOptions
	workers  int
	maxQueue int
	loop     future.Executor
	tzAware  bool
	tagSets  []map[string]string // nil: as the connection string says
	port     int
	keywords map[string]string // by lower-case names of the connection string
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

// driverOptions merges the connection string and the driver's options and validates the result. resolve is nil unless
// the DNS must be queried.
func driverOptions(uri string, extra *options.ClientOptions) (
	all *options.ClientOptions, resolve func() (*options.ClientOptions, error), err error,
) {
	known, look, err := uriClientOptions(uri)
	if err != nil {
		return nil, nil, err
	}
	if err := checkURIOptions(uri); err != nil {
		return nil, nil, err
	}
	join := func(all *options.ClientOptions) (*options.ClientOptions, error) {
		if extra != nil {
			all = options.MergeClientOptions(all, extra)
		}
		if err := all.Validate(); err != nil {
			return nil, &Error{class: ConfigurationError, cause: err}
		}
		return all, nil
	}
	if look != nil {
		resolve = func() (*options.ClientOptions, error) { return join(look()) }
	}
	all, err = join(known)
	return all, resolve, err
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

// WithOptions sets options by their names, as Motor's keyword arguments do:
//
//	motor.WithOptions(map[string]any{"replicaSet": "rs", "w": 2, "max_pool_size": 10, "tz_aware": true})
//
// The names are those of a connection string, as maxPoolSize or max_pool_size; wtimeout and j of a write concern; and
// port, tz_aware, tag_sets and secondary_acceptable_latency_ms. They override the connection string.
//
// Errors: [ConfigurationError] for an unknown name, and for a value that is invalid in a connection string.
//
// Motor: MotorClient(..., **kwargs).
func WithOptions(keywords map[string]any) ClientOption {
	return func(s *clientSettings) error {
		for _, name := range slices.Sorted(maps.Keys(keywords)) {
			if err := s.keyword(name, keywords[name]); err != nil {
				return err
			}
		}
		return nil
	}
}

// keyword sets an option by its name.
func (s *clientSettings) keyword(name string, value any) error {
	key := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	wrong := newError(ConfigurationError, "invalid value %#v for option %q", value, name)
	switch key {
	case "port":
		if port, ok := value.(int); ok {
			return WithPort(port)(s)
		}
		return wrong
	case "tzaware":
		if aware, ok := value.(bool); ok {
			return WithTZAware(aware)(s)
		}
		return wrong
	case "tagsets":
		if sets, ok := value.([]map[string]string); ok {
			s.tagSets = sets
			return nil
		}
		return wrong
	case "secondaryacceptablelatencyms":
		key = "localthresholdms"
	case "wtimeout":
		key = "wtimeoutms"
	case "j":
		key = "journal"
	}
	if !uriOptions[key] {
		return newError(ConfigurationError, "unknown option %q", name)
	}
	text, ok := keywordText(key, value)
	if !ok {
		return wrong
	}
	if s.keywords == nil {
		s.keywords = make(map[string]string)
	}
	s.keywords[key] = text
	return nil
}

// keywordText formats a value as in a connection string.
func keywordText(key string, value any) (text string, ok bool) {
	switch v := value.(type) {
	case time.Duration:
		return strconv.FormatInt(v.Milliseconds(), 10), strings.HasSuffix(key, "ms")
	case []string:
		return strings.Join(v, ","), true
	case fmt.Stringer: // a readpref.Mode
		return v.String(), true
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.String, v.Kind() == reflect.Bool, v.CanInt(), v.CanUint():
		return fmt.Sprint(value), true
	}
	return "", false
}

// connectionString returns the connection string for hostOrURI, a port and keywords.
func (s *clientSettings) connectionString(hostOrURI string) (string, error) {
	if hostOrURI == "" {
		hostOrURI = DefaultHost
	}
	if !strings.Contains(hostOrURI, "://") {
		hosts := strings.Split(hostOrURI, ",")
		for i, host := range hosts {
			switch host = strings.TrimSpace(host); {
			case strings.HasPrefix(host, "/"): // a Unix socket
				hosts[i] = url.QueryEscape(host)
			case host == "", strings.ContainsAny(host, "/?#@% \t"):
				return "", newError(InvalidURI, "invalid host or connection string %q", hostOrURI)
			default:
				hosts[i] = host
			}
		}
		hostOrURI = "mongodb://" + strings.Join(hosts, ",") + "/"
	}
	base, query, _ := strings.Cut(hostOrURI, "?")
	scheme, rest, _ := strings.Cut(base, "://")
	hosts, path, _ := strings.Cut(rest, "/")
	if s.port != 0 {
		hosts = withPort(hosts, s.port)
	}
	if len(s.keywords) == 0 {
		if s.port == 0 {
			return hostOrURI, nil
		}
	} else {
		query = withKeywords(query, s.keywords)
	}
	uri := scheme + "://" + hosts + "/" + path
	if query != "" {
		uri += "?" + query
	}
	return uri, nil
}

// withPort adds a port to the hosts of a connection string that have none.
func withPort(hosts string, port int) string {
	user, list := "", hosts
	if i := strings.LastIndex(hosts, "@"); i >= 0 {
		user, list = hosts[:i+1], hosts[i+1:]
	}
	all := strings.Split(list, ",")
	for i, host := range all {
		isSocket := strings.HasSuffix(host, ".sock")
		hasPort := strings.Contains(host[strings.LastIndex(host, "]")+1:], ":")
		if !isSocket && !hasPort && host != "" {
			all[i] = host + ":" + strconv.Itoa(port)
		}
	}
	return user + strings.Join(all, ",")
}

// withKeywords sets options of a connection string.
func withKeywords(query string, keywords map[string]string) string {
	var pairs []string
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
		name, _, _ := strings.Cut(pair, "=")
		if _, other := keywords[strings.ToLower(unescaped(name))]; !other && pair != "" {
			pairs = append(pairs, pair)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keywords)) {
		pairs = append(pairs, name+"="+url.QueryEscape(keywords[name]))
	}
	return strings.Join(pairs, "&")
}

// WithTZAware sets whether dates are decoded as a time.Time in UTC instead of a bson.DateTime. The default is false.
// See [Client.TZAware].
//
// Motor: MotorClient(tz_aware=...).
func WithTZAware(aware bool) ClientOption {
	return func(s *clientSettings) error {
		s.tzAware = aware
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

// RetryReads reports whether the driver retries a read once after an error of the network.
//
// Motor: MotorClient.retry_reads.
func (c *Client) RetryReads() bool { return valueOr(c.driver.RetryReads, true) }

// RetryWrites reports whether the driver retries a write once after an error of the network. It never retries a write
// with wtimeout or fsync: see [WriteConcern].
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
