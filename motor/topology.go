package motor

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Address is where a server listens: a host and a port, or the path of a Unix socket and 0.
type Address struct {
	Host string
	Port int
}

// String returns "host:port", or the path.
func (a Address) String() string {
	if a.Port == 0 {
		return a.Host
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// Where a client looks for a server if it is not told.
const (
	// DefaultHost is the host of a client that is made for none.
	//
	// Motor: MotorClient.HOST.
	DefaultHost = "localhost"

	// DefaultPort is the port of hosts that are given without one; see [WithPort].
	//
	// Motor: MotorClient.PORT.
	DefaultPort = 27017
)

// The values that a server which is not known yet is taken to have.
const (
	defaultMaxBSONSize       = 16 << 20
	defaultMaxMessageSize    = 32 << 20
	defaultMaxWriteBatchSize = 1000
)

// The kinds of servers in the driver's events.
const (
	kindStandalone   = "Standalone"
	kindPrimary      = "RSPrimary"
	kindSecondary    = "RSSecondary"
	kindArbiter      = "RSArbiter"
	kindMongos       = "Mongos"
	kindLoadBalancer = "LoadBalancer"
)

// topology is what the driver's monitors have found out on a connection. The client's properties are read from it,
// without I/O.
type topology struct {
	latest atomic.Value // *event.TopologyDescription
}

// followed returns opts with a monitor by which t learns of all changes. The user's own monitor, if there is one, is
// told as before.
func (t *topology) followed(opts options.ClientOptions) *options.ClientOptions {
	var monitor event.ServerMonitor
	if opts.ServerMonitor != nil {
		monitor = *opts.ServerMonitor
	}
	theirs := monitor.TopologyDescriptionChanged
	monitor.TopologyDescriptionChanged = func(e *event.TopologyDescriptionChangedEvent) {
		t.latest.Store(&e.NewDescription)
		if theirs != nil {
			theirs(e)
		}
	}
	return opts.SetServerMonitor(&monitor)
}

// description returns the latest description, or nil.
func (t *topology) description() *event.TopologyDescription {
	d, _ := t.latest.Load().(*event.TopologyDescription)
	return d
}

func (t *topology) servers() []event.ServerDescription {
	if d := t.description(); d != nil {
		return d.Servers
	}
	return nil
}

// connected returns the server that writes go to: the primary, the first mongos, the only server there is.
func (t *topology) connected() (event.ServerDescription, bool) {
	servers := t.servers()
	for _, s := range servers {
		switch s.Kind {
		case kindStandalone, kindPrimary, kindMongos, kindLoadBalancer:
			return s, true
		}
	}
	// A direct connection to a member that is not the primary.
	if len(servers) == 1 && (servers[0].Kind == kindSecondary || servers[0].Kind == kindArbiter) {
		return servers[0], true
	}
	return event.ServerDescription{}, false
}

// incompatible returns err, as a ConfigurationError if it is the driver's that a server is too old or too new for it.
func (t *topology) incompatible(err error) error {
	if err == nil {
		return nil
	}
	if d := t.description(); d != nil && d.CompatibilityErr != nil && errors.Is(err, d.CompatibilityErr) {
		return &Error{class: ConfigurationError, cause: d.CompatibilityErr}
	}
	return err
}

// ofKind returns the addresses of the servers of a kind, in order.
func (t *topology) ofKind(kind string) []Address {
	var found []Address
	for _, s := range t.servers() {
		if s.Kind == kind {
			found = append(found, parseAddress(s.Addr.String()))
		}
	}
	return sorted(found)
}

func sorted(addresses []Address) []Address {
	slices.SortFunc(addresses, func(a, b Address) int { return strings.Compare(a.String(), b.String()) })
	return addresses
}

// parseAddress reads an address of a connection string or of the driver.
func parseAddress(s string) Address {
	if strings.HasSuffix(s, ".sock") {
		return Address{Host: s}
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return Address{strings.Trim(s, "[]"), DefaultPort}
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		n = DefaultPort
	}
	return Address{host, n}
}

// addressKey is the key of a context under which an operation has an Address: that of the server to which its command
// was sent last. The driver tells where a command goes only to its monitor, on the way.
type addressKey struct{}

// locate returns a context that knows where its commands went: see whereTo.
func locate(ctx context.Context) context.Context {
	return context.WithValue(ctx, addressKey{}, new(Address))
}

// whereTo returns the address of the server to which the latest command of a context went that locate has made, or
// the zero Address if it is not known. primary is whether it went to the one server that takes writes.
func (t *topology) whereTo(ctx context.Context, primary bool) Address {
	if at, ok := ctx.Value(addressKey{}).(*Address); ok && *at != (Address{}) {
		return *at
	}
	if s, ok := t.connected(); ok && (primary || len(t.servers()) == 1) {
		return parseAddress(s.Addr.String())
	}
	return Address{}
}

// oneServer reports whether a client was made with one server. It may yet turn out to be a member of a replica set.
func oneServer(opts *options.ClientOptions) bool {
	return opts.Direct != nil && *opts.Direct || len(opts.Hosts) == 1 && opts.ReplicaSet == nil
}

// located returns opts with a monitor by which operations that want to know it learn where they went. The user's own
// monitor, if there is one, is told as before. For a monitor the driver copies every command, so there is none where
// there is one server.
func located(opts options.ClientOptions) *options.ClientOptions {
	if oneServer(&opts) {
		return &opts
	}
	var monitor event.CommandMonitor
	if opts.Monitor != nil {
		monitor = *opts.Monitor
	}
	theirs := monitor.Started
	monitor.Started = func(ctx context.Context, e *event.CommandStartedEvent) {
		if at, ok := ctx.Value(addressKey{}).(*Address); ok {
			*at = connectedTo(e.ConnectionID)
		}
		if theirs != nil {
			theirs(ctx, e)
		}
	}
	return opts.SetMonitor(&monitor)
}

// connectedTo returns the address in the driver's name for a connection, "host:port[-7]".
func connectedTo(connection string) Address {
	if i := strings.LastIndex(connection, "[-"); i >= 0 {
		connection = connection[:i]
	}
	return parseAddress(connection)
}

// The methods below return what the driver's monitors have found out. They do no I/O and never wait. Before the first
// operation, and after Close, they return the documented defaults; [Client.Open] makes more known.

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
