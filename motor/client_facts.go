package motor

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/event"
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
	d := c.topology().latest.Load()
	if d == nil {
		return event.TopologyDescription{}
	}
	whole := *d
	whole.Servers = slices.Clone(d.Servers)
	return whole
}
