package motor

import (
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Address is the address of a server: a host and a port, or the path of a Unix socket and port 0.
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

// The default address of a server.
const (
	// DefaultHost is the host of a client without a host.
	//
	// Motor: MotorClient.HOST.
	DefaultHost = "localhost"

	// DefaultPort is the port of hosts without a port; see [WithPort].
	//
	// Motor: MotorClient.PORT.
	DefaultPort = 27017
)

// The limits of a server before the client has connected to it.
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

// topology holds the latest description from the driver's monitors. The client's properties are read from it without
// I/O.
type topology struct {
	latest atomic.Value // *event.TopologyDescription
}

// withTopologyMonitor returns opts with a monitor that sends all changes to t. It also calls the user's own monitor.
func (t *topology) withTopologyMonitor(opts options.ClientOptions) *options.ClientOptions {
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

// connected returns the server that writes go to: the primary, the first mongos, or the only server.
func (t *topology) connected() (event.ServerDescription, bool) {
	servers := t.servers()
	for _, s := range servers {
		switch s.Kind {
		case kindStandalone, kindPrimary, kindMongos, kindLoadBalancer:
			return s, true
		}
	}
	// This is a direct connection to a member that is not the primary.
	if len(servers) == 1 && (servers[0].Kind == kindSecondary || servers[0].Kind == kindArbiter) {
		return servers[0], true
	}
	return event.ServerDescription{}, false
}

// incompatible returns err as a ConfigurationError if the driver does not support the version of a server, and err
// unchanged otherwise.
func (t *topology) incompatible(err error) error {
	if err == nil {
		return nil
	}
	if d := t.description(); d != nil && d.CompatibilityErr != nil && errors.Is(err, d.CompatibilityErr) {
		return &Error{class: ConfigurationError, cause: d.CompatibilityErr}
	}
	return err
}

// ofKind returns the addresses of the servers of a kind, sorted.
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

// parseAddress parses an address from a connection string or from the driver.
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

// addressKey is the key of a context value, an *Address: the server to which the operation's last command was sent. The
// driver reports the server of a command only to its monitor.
type addressKey struct{}

// recordAddress returns a context that records where its commands were sent: see lastAddress.
func recordAddress(ctx context.Context) context.Context {
	return context.WithValue(ctx, addressKey{}, new(Address))
}

// lastAddress returns the address of the server to which the last command with ctx was sent, or the zero Address if it
// is unknown. ctx must come from recordAddress. primary says whether the command went to the server that accepts
// writes.
func (t *topology) lastAddress(ctx context.Context, primary bool) Address {
	if at, ok := ctx.Value(addressKey{}).(*Address); ok && *at != (Address{}) {
		return *at
	}
	if s, ok := t.connected(); ok && (primary || len(t.servers()) == 1) {
		return parseAddress(s.Addr.String())
	}
	return Address{}
}

// oneServer reports whether a client was made with one server. It may still be a member of a replica set.
func oneServer(opts *options.ClientOptions) bool {
	return opts.Direct != nil && *opts.Direct || len(opts.Hosts) == 1 && opts.ReplicaSet == nil
}

// withCommandMonitor returns opts with a monitor that records the server of each command for recordAddress. It also
// calls the user's own monitor. The driver copies every command for a monitor, so there is none if there is only one
// server.
func withCommandMonitor(opts options.ClientOptions) *options.ClientOptions {
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

// connectedTo returns the address in the driver's id of a connection, "host:port[-7]".
func connectedTo(connection string) Address {
	if i := strings.LastIndex(connection, "[-"); i >= 0 {
		connection = connection[:i]
	}
	return parseAddress(connection)
}

// The methods below return values from the driver's monitors. They do no I/O and do not block. Before the first
// operation, and after Close, they return the documented defaults. [Client.Open] connects the client.

// Host returns the host of the server that writes go to, or "" if it is unknown.
//
// Motor: MotorClient.host.
func (c *Client) Host() string {
	a, _ := c.Address()
	return a.Host
}

// Port returns the port of the server that writes go to, or 0 if it is unknown.
//
// Motor: MotorClient.port.
func (c *Client) Port() int {
	a, _ := c.Address()
	return a.Port
}

// Address returns the address of the server that writes go to: the primary of a replica set, a mongos, or a standalone
// server. ok is false if it is unknown.
//
// Motor: MotorClient.address.
func (c *Client) Address() (address Address, ok bool) {
	s, ok := c.topology().connected()
	if !ok {
		return Address{}, false
	}
	return parseAddress(s.Addr.String()), true
}

// Nodes returns all known servers. Once the client is connected to a replica set, these are its members; before that,
// the servers that the client was made with.
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

// Hosts returns the members of the replica set that have data: the primary and the secondaries.
//
// Motor: MotorReplicaSetClient.hosts.
func (c *Client) Hosts() []Address {
	return sorted(append(c.topology().ofKind(kindPrimary), c.topology().ofKind(kindSecondary)...))
}

// Primary returns the primary of the replica set. ok is false if there is no primary or no replica set.
//
// Motor: MotorClient.primary.
func (c *Client) Primary() (address Address, ok bool) {
	if all := c.topology().ofKind(kindPrimary); len(all) > 0 {
		return all[0], true
	}
	return Address{}, false
}

// Secondaries returns the known secondaries of the replica set.
//
// Motor: MotorClient.secondaries.
func (c *Client) Secondaries() []Address { return c.topology().ofKind(kindSecondary) }

// Arbiters returns the known arbiters of the replica set.
//
// Motor: MotorClient.arbiters.
func (c *Client) Arbiters() []Address { return c.topology().ofKind(kindArbiter) }

// IsPrimary reports whether the client is connected to a server that accepts writes: a standalone server, or the
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

// Connected reports whether the client knows a server that it can use.
//
// Motor: MotorClient.connected.
func (c *Client) Connected() bool {
	_, ok := c.topology().connected()
	return ok
}

// MaxBSONSize returns the size in bytes of the largest document that the server accepts. It is 16 MiB if no server is
// known.
//
// Motor: MotorClient.max_bson_size.
func (c *Client) MaxBSONSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxDocumentSize, defaultMaxBSONSize)
}

// MaxMessageSize returns the size in bytes of the largest message that the server accepts. It is 32 MiB if no server is
// known.
//
// Motor: MotorClient.max_message_size.
func (c *Client) MaxMessageSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxMessageSize, defaultMaxMessageSize)
}

// MaxWriteBatchSize returns the largest number of writes that the server accepts in one command. It is 1,000 if no
// server is known.
//
// Motor: MotorClient.max_write_batch_size.
func (c *Client) MaxWriteBatchSize() int {
	s, _ := c.topology().connected()
	return orDefault(s.MaxBatchCount, defaultMaxWriteBatchSize)
}

// orDefault returns a limit from the server's hello reply. A limit that makes no sense is ignored: messages and documents
// have a length of 31 bits. The driver gives negative limits as larger numbers.
func orDefault(known uint32, otherwise int) int {
	if known == 0 || known > math.MaxInt32 {
		return otherwise
	}
	return int(known)
}

// MinWireVersion returns the lowest version of the wire protocol that the server supports. It is 0 if no server is
// known.
//
// Motor: MotorClient.min_wire_version.
func (c *Client) MinWireVersion() int {
	s, _ := c.topology().connected()
	return int(s.MinWireVersion)
}

// MaxWireVersion returns the highest version of the wire protocol that the server supports. It is 0 if no server is
// known.
//
// Motor: MotorClient.max_wire_version.
func (c *Client) MaxWireVersion() int {
	s, _ := c.topology().connected()
	return int(s.MaxWireVersion)
}

// TopologyDescription returns the latest description from the driver's monitors. It is the zero value before the first
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
