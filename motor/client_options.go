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

	"github.com/gomotor/gomotor/future"
)

// ClientOption configures a [Client] in what the connection string cannot say.
type ClientOption func(*clientSettings) error

type clientSettings struct {
	driver   *options.ClientOptions
	workers  int
	maxQueue int
	loop     future.Executor
	tzAware  bool
	tagSets  []map[string]string // nil: as the connection string says
	port     int
	keywords map[string]string // by their names in a connection string, in lower case
}

// WithClientOptions passes options to the driver, unchanged. Where they and the connection string say different
// things, they win.
func WithClientOptions(opts *options.ClientOptions) ClientOption {
	return func(s *clientSettings) error {
		if opts == nil {
			return newError(TypeError, "WithClientOptions: opts is nil")
		}
		s.driver = opts
		return nil
	}
}

// WithMaxWorkers sets how many operations run at once; the others are queued. The default is the environment
// variable MOTOR_MAX_WORKERS, or else the client's maxPoolSize (100): more would only wait for connections.
//
// Motor: MOTOR_MAX_WORKERS.
func WithMaxWorkers(n int) ClientOption {
	return func(s *clientSettings) error {
		if n < 1 {
			return newError(ConfigurationError, "WithMaxWorkers(%d): there must be at least 1", n)
		}
		s.workers = n
		return nil
	}
}

// WithMaxQueue bounds the queue of operations that wait for a worker: one more fails with [future.ErrQueueFull].
// Without it, the queue is unbounded.
func WithMaxQueue(n int) ClientOption {
	return func(s *clientSettings) error {
		if n < 0 {
			return newError(ConfigurationError, "WithMaxQueue(%d): a queue cannot be shorter than 0", n)
		}
		s.maxQueue = n
		return nil
	}
}

// WithIOLoop makes the callbacks and continuations of the client's futures run on loop: a callback.Loop, or
// whatever else runs functions. Without it, each future has a goroutine of its own for them.
//
// Motor: MotorClient(io_loop=...).
func WithIOLoop(loop future.Executor) ClientOption {
	return func(s *clientSettings) error {
		if loop == nil {
			return newError(TypeError, "WithIOLoop: loop is nil")
		}
		s.loop = loop
		return nil
	}
}

// driverOptions joins the connection string and the driver's options and validates the result. resolve is nil unless
// the DNS has to be asked.
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

// defaultWorkers is the limit of the executor where WithMaxWorkers does not say.
func defaultWorkers(driver *options.ClientOptions) (int, error) {
	if v := os.Getenv("MOTOR_MAX_WORKERS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, newError(ConfigurationError, "MOTOR_MAX_WORKERS=%q: not a number of at least 1", v)
		}
		return n, nil
	}
	switch size := driver.MaxPoolSize; {
	case size == nil:
		return 100, nil
	case *size == 0 || *size > math.MaxInt32: // 0: the driver's pool has no bound
		return math.MaxInt32, nil
	default:
		return int(*size), nil
	}
}

// WithPort sets the port of the hosts that are given without one. Without it, that is
// [DefaultPort].
//
// Motor: MotorClient(host, port).
func WithPort(port int) ClientOption {
	return func(s *clientSettings) error {
		if port < 1 || port > 65535 {
			return newError(ConfigurationError, "WithPort(%d): a port is a number from 1 to 65535", port)
		}
		s.port = port
		return nil
	}
}

// WithOptions sets options by their names, as Motor's keyword arguments do:
//
//	motor.WithOptions(map[string]any{"replicaSet": "rs", "w": 2, "max_pool_size": 10, "tz_aware": true})
//
// The names are those of a connection string, in either of Motor's spellings, maxPoolSize or max_pool_size; those of a
// write concern, wtimeout and j; and port, tz_aware, tag_sets and secondary_acceptable_latency_ms. Where they and the
// connection string say different things, they win.
//
// Errors: [ConfigurationError] for an unknown name, and for a value that a connection string could not have.
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
	wrong := newError(ConfigurationError, "the option %q cannot be %#v", name, value)
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

// keywordText returns a value as a connection string has it.
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

// connectionString returns the connection string that stands for hostOrURI, a port and keywords.
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
				return "", newError(InvalidURI, "no host, and no connection string: %q", hostOrURI)
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

// withPort gives a port to the hosts of a connection string that have none.
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

// withKeywords puts options in the place of those of a connection string.
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

// WithTZAware sets whether dates come as a time.Time, in UTC, instead of a bson.DateTime; see [Client.TZAware].
// Without it, they do not.
//
// Motor: MotorClient(tz_aware=...).
func WithTZAware(aware bool) ClientOption {
	return func(s *clientSettings) error {
		s.tzAware = aware
		return nil
	}
}

// defaultLatency is the driver's local threshold where nobody says another.
const defaultLatency = 15 * time.Millisecond
