package motor

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

// What follows is what the client was made with, or the driver's default for it.

// Options returns the driver's options that the client was made with: a copy, which has the connection string's in it.
// With mongodb+srv, those that the DNS knows are missing.
//
// Motor: MotorClient.options.
func (c *Client) Options() *options.ClientOptions {
	copied := *c.driver
	return &copied
}

// ReadConcern returns how widely what is read must have been written: nil leaves that to the server.
//
// Motor: MotorClient.read_concern.
func (c *Client) ReadConcern() *readconcern.ReadConcern { return c.driver.ReadConcern }

// RetryReads reports whether the driver tries a read again, once, after an error of the network.
//
// Motor: MotorClient.retry_reads.
func (c *Client) RetryReads() bool { return valueOr(c.driver.RetryReads, true) }

// RetryWrites reports whether the driver tries a write again, once, after an error of the network. Of a write with
// wtimeout or fsync it does not: see [WriteConcern].
//
// Motor: MotorClient.retry_writes.
func (c *Client) RetryWrites() bool { return valueOr(c.driver.RetryWrites, true) }

// ServerSelectionTimeout returns for how long an operation looks for a server before it fails.
//
// Motor: MotorClient.server_selection_timeout.
func (c *Client) ServerSelectionTimeout() time.Duration {
	return valueOr(c.driver.ServerSelectionTimeout, 30*time.Second)
}

// MinPoolSize returns how many connections to one server the client keeps open at least.
//
// Motor: MotorClient.min_pool_size.
func (c *Client) MinPoolSize() int { return int(valueOr(c.driver.MinPoolSize, 0)) }

// MaxIdleTimeMS returns for how many milliseconds a connection may be idle before it is closed: 0 means without bound.
//
// Motor: MotorClient.max_idle_time_ms.
func (c *Client) MaxIdleTimeMS() int { return int(valueOr(c.driver.MaxConnIdleTime, 0).Milliseconds()) }

// EventListeners returns the monitors that the client was given: an *event.CommandMonitor, an *event.PoolMonitor, an
// *event.ServerMonitor, as many as there are.
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
