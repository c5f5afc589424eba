package motor

import (
	"math"
	"time"
)

// defaultLatency is the driver's local threshold where nobody says another.
const defaultLatency = 15 * time.Millisecond

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

// SecondaryAcceptableLatencyMS returns by how many milliseconds a member of a replica set may be farther away than
// the nearest one and still be read: 15 at first. It does not matter where a mongos stands before the replica set.
//
// Motor: MotorClient.secondary_acceptable_latency_ms.
func (c *Client) SecondaryAcceptableLatencyMS() int {
	return int(time.Duration(c.latency.Load()) / time.Millisecond)
}

// SetSecondaryAcceptableLatencyMS sets by how many milliseconds a member may be farther away than the nearest one. It
// takes effect when the client opens the next time: an open client is left as it is, since opening it anew would end
// its cursors. [Client.Close] has the next operation do it.
//
// Errors: [ConfigurationError] for a negative number.
//
// Motor: MotorClient.secondary_acceptable_latency_ms = ms.
func (c *Client) SetSecondaryAcceptableLatencyMS(ms int) error {
	if ms < 0 || int64(ms) > math.MaxInt64/int64(time.Millisecond) {
		return newError(ConfigurationError, "secondary acceptable latency is out of range: %d ms", ms)
	}
	c.latency.Store(int64(time.Duration(ms) * time.Millisecond))
	return nil
}

// LocalThresholdMS is [Client.SecondaryAcceptableLatencyMS] by its later name.
//
// Motor: MotorClient.local_threshold_ms.
func (c *Client) LocalThresholdMS() int { return c.SecondaryAcceptableLatencyMS() }

// SecondaryAcceptableLatencyMS returns that of the client: see [Client.SecondaryAcceptableLatencyMS].
//
// Motor: MotorDatabase.secondary_acceptable_latency_ms.
func (d *Database) SecondaryAcceptableLatencyMS() int { return d.client.SecondaryAcceptableLatencyMS() }

// SecondaryAcceptableLatencyMS returns that of the client: see [Client.SecondaryAcceptableLatencyMS].
//
// Motor: MotorCollection.secondary_acceptable_latency_ms.
func (c *collection) SecondaryAcceptableLatencyMS() int {
	return c.db.client.SecondaryAcceptableLatencyMS()
}
