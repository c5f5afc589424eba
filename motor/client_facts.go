package motor

import (
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

// What follows is known from the driver's monitors: asking does no I/O and never waits. Before the first operation,
// and after Close, there are the documented defaults. [Client.Open] is a way to know more.

// Host returns the host of the server that writes go to, or "" if there is none yet.
//
// Motor: MotorClient.host.
func (c *Client) Host() string {
	a, _ := c.Address()
	return a.Host
}

// Port returns the port of the server that writes go to, or 0 if there is none yet.
//
// Motor: MotorClient.port.
func (c *Client) Port() int {
	a, _ := c.Address()
	return a.Port
}

// Address returns where the server is that writes go to: the primary of a replica set, a mongos, a server that
// stands alone. ok is false if there is none yet.
//
// Motor: MotorClient.address.
func (c *Client) Address() (address Address, ok bool) {
	s, ok := c.topology().connected()
	if !ok {
		return Address{}, false
	}
	return parseAddress(s.Addr.String()), true
}

// Nodes returns all servers that are known: those that the client was made with, and, once it is connected, those
// of the replica set instead.
//
// Motor: MotorClient.nodes.
func (c *Client) Nodes() []Address {
	var nodes []Address
	for _, s := range c.topology().servers() {
		nodes = append(nodes, parseAddress(s.Addr.String()))
	}
	if nodes == nil {
		return c.Seeds()
	}
	return sorted(nodes)
}

// Seeds returns the servers that the client was made with.
//
// Motor: MotorReplicaSetClient.seeds.
func (c *Client) Seeds() []Address {
	var seeds []Address
	for _, host := range c.driver.Hosts {
		seeds = append(seeds, parseAddress(host))
	}
	return sorted(seeds)
}

// Hosts returns the members of the replica set that may have data: the primary and the secondaries.
//
// Motor: MotorReplicaSetClient.hosts.
func (c *Client) Hosts() []Address {
	return sorted(append(c.topology().ofKind(kindPrimary), c.topology().ofKind(kindSecondary)...))
}

// Primary returns the primary of the replica set. ok is false if there is none, or no replica set.
//
// Motor: MotorClient.primary.
func (c *Client) Primary() (address Address, ok bool) {
	if all := c.topology().ofKind(kindPrimary); len(all) > 0 {
		return all[0], true
	}
	return Address{}, false
}

// Secondaries returns the secondaries of the replica set that are known.
//
// Motor: MotorClient.secondaries.
func (c *Client) Secondaries() []Address { return c.topology().ofKind(kindSecondary) }

// Arbiters returns the arbiters of the replica set that are known.
//
// Motor: MotorClient.arbiters.
func (c *Client) Arbiters() []Address { return c.topology().ofKind(kindArbiter) }

// IsPrimary reports whether the client is connected to a server that takes writes: one that stands alone, or the
// primary of a replica set.
//
// Motor: MotorClient.is_primary.
func (c *Client) IsPrimary() bool {
	s, _ := c.topology().connected()
	return s.Kind == kindStandalone || s.Kind == kindPrimary || s.Kind == kindMongos
}

// IsMongos reports whether the client is connected to a mongos.
//
// Motor: MotorClient.is_mongos.
func (c *Client) IsMongos() bool {
	s, _ := c.topology().connected()
	return s.Kind == kindMongos
}

// Connected reports whether a server is known that can be worked with.
//
// Motor: MotorClient.connected.
func (c *Client) Connected() bool {
	_, ok := c.topology().connected()
	return ok
}

// MaxBSONSize returns the size in bytes of the largest document that the server takes: 16 MiB if it is not known.
//
// Motor: MotorClient.max_bson_size.
func (c *Client) MaxBSONSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxDocumentSize, defaultMaxBSONSize)
}

// MaxMessageSize returns the size in bytes of the largest message that the server takes: 32 MiB if it is not known.
//
// Motor: MotorClient.max_message_size.
func (c *Client) MaxMessageSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxMessageSize, defaultMaxMessageSize)
}

// MaxWriteBatchSize returns how many writes the server takes in one command: 1,000 if it is not known.
//
// Motor: MotorClient.max_write_batch_size.
func (c *Client) MaxWriteBatchSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxBatchCount, defaultMaxWriteBatchSize)
}

func orDefault(known uint32, otherwise int) int {
	if known == 0 {
		return otherwise
	}
	return int(known)
}

// MinWireVersion returns the lowest version of the wire protocol that the server speaks: 0 if it is not known.
//
// Motor: MotorClient.min_wire_version.
func (c *Client) MinWireVersion() int {
	s, _ := c.topology().connected()
	return int(s.MinWireVersion)
}

// MaxWireVersion returns the highest version of the wire protocol that the server speaks: 0 if it is not known.
//
// Motor: MotorClient.max_wire_version.
func (c *Client) MaxWireVersion() int {
	s, _ := c.topology().connected()
	return int(s.MaxWireVersion)
}

// MaxPoolSize returns how many connections to one server the client opens at most: 0 means without bound.
//
// Motor: MotorClient.max_pool_size.
func (c *Client) MaxPoolSize() int {
	if size := c.driver.MaxPoolSize; size != nil {
		return int(*size)
	}
	return 100
}

// TopologyDescription returns what the driver's monitors have found out, whole: the zero value before the first
// operation.
//
// Motor: MotorClient.topology_description.
func (c *Client) TopologyDescription() event.TopologyDescription {
	d := c.topology().description()
	if d == nil {
		return event.TopologyDescription{}
	}
	whole := *d
	whole.Servers = slices.Clone(d.Servers)
	return whole
}

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
