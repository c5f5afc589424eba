package motor

import (
	"math"
	"os"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// ClientOption configures a [Client] in what the connection string cannot say.
type ClientOption func(*settings) error

type settings struct {
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
	return func(s *settings) error {
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
	return func(s *settings) error {
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
	return func(s *settings) error {
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
	return func(s *settings) error {
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
