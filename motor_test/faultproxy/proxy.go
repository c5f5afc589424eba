package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/internal/changes"
)

// setName is the name of the replica set.
const setName = "faultproxy"

// Proxy is a proxy before one server. It is safe for concurrent use.
type Proxy struct {
	backend  string // the address of the server
	address  string // of the proxy
	points   failPoints
	faults   faults
	open     open
	recorder recorder
	process  bson.ObjectID // the processId of topologyVersion

	done    chan struct{} // closed by Close
	serving sync.WaitGroup

	mu          sync.Mutex
	listener    net.Listener
	closed      bool
	stopped     bool // see Stop
	connections map[*connection]bool
	accepted    int32
	clock       bson.Timestamp
	writes      map[string]*write // retryable writes by session
}

// write is the latest retryable write of a session.
type write struct {
	number int64
	done   chan struct{} // closed when reply is known
	reply  bson.Raw      // nil if the server gave no reply
}

// Start starts a proxy on a free loopback port, before the server that uri names. The context bounds the start only:
// the proxy runs until [Proxy.Close].
func Start(ctx context.Context, uri string) (*Proxy, error) {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "mongodb" || parsed.Port() == "" || parsed.User != nil {
		// The URI may contain a password.
		return nil, errors.New("faultproxy: cannot stand before this URI: need mongodb://host:port/ without a user")
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	p := &Proxy{
		backend: parsed.Host, address: listener.Addr().String(), listener: listener, process: bson.NewObjectID(), done: make(chan struct{}),
		connections: make(map[*connection]bool), writes: make(map[string]*write),
		recorder: recorder{
			log: changes.NewLog(), streams: streams{all: make(map[int64]*stream)},
			images: make(map[changes.Namespace]bool), exists: make(map[changes.Namespace]*bson.Binary),
		},
	}
	p.serving.Go(func() { p.accept(listener) })
	return p, nil
}

// Address returns the host and port of the proxy.
func (p *Proxy) Address() string { return p.address }

// URI returns the connection string of the proxy. Its client looks for the server twice a second. After a fault the
// driver may miss the moment to look again, and would else wait for ten seconds.
func (p *Proxy) URI() string {
	return "mongodb://" + p.Address() + "/?replicaSet=" + setName + "&heartbeatFrequencyMS=500"
}

// Close closes the proxy and its connections, and waits until its goroutines have ended. The server goes on. A second
// call does nothing.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	for c := range p.connections {
		c.close()
		c.closeServer()
	}
	p.open.abandon()
	var err error
	if !p.stopped {
		err = p.listener.Close()
	}
	p.mu.Unlock()
	p.serving.Wait()
	return err
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.closed || p.stopped {
			p.mu.Unlock()
			_ = conn.Close()
			return
		}
		p.accepted++
		c := &connection{proxy: p, client: conn, number: p.accepted, requests: make(chan *message)}
		p.connections[c] = true
		p.mu.Unlock()
		p.serving.Go(c.read)
		p.serving.Go(c.serve)
	}
}

// tick returns the next cluster time.
func (p *Proxy) tick() bson.Timestamp {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := uint32(time.Now().Unix()); now > p.clock.T {
		p.clock = bson.Timestamp{T: now}
	}
	p.clock.I++
	return p.clock
}

// claim returns the retryable write with this session and number. first reports that the caller has to do it.
func (p *Proxy) claim(session string, number int64) (w *write, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.writes[session]; w != nil && w.number == number {
		return w, false
	}
	w = &write{number: number, done: make(chan struct{})}
	p.writes[session] = w
	return w, true
}

// settle records the reply to a retryable write. A write without a reply may be done again.
func (p *Proxy) settle(session string, w *write, reply bson.Raw) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.reply = reply
	if reply == nil && p.writes[session] == w {
		delete(p.writes, session)
	}
	close(w.done)
}

// forget forgets the retryable writes of sessions that have ended.
func (p *Proxy) forget(sessions []bson.RawValue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range sessions {
		delete(p.writes, string(id.Value))
	}
}

// topologyVersion never changes, since the primary does not.
func (p *Proxy) topologyVersion() bson.D {
	return bson.D{{Key: "processId", Value: p.process}, {Key: "counter", Value: int64(1)}}
}

// hello returns the reply of the primary.
func (p *Proxy) hello(c *connection) bson.D {
	address := p.Address()
	now := p.tick()
	return bson.D{
		{Key: "helloOk", Value: true},
		{Key: "ismaster", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "secondary", Value: false},
		{Key: "topologyVersion", Value: p.topologyVersion()},
		{Key: "hosts", Value: bson.A{address}},
		{Key: "setName", Value: setName},
		{Key: "setVersion", Value: int32(1)},
		{Key: "primary", Value: address},
		{Key: "me", Value: address},
		{Key: "electionId", Value: bson.ObjectID{0x7f, 0xff, 0xff, 0xff, 11: 1}},
		{Key: "lastWrite", Value: bson.D{
			{Key: "opTime", Value: bson.D{{Key: "ts", Value: now}, {Key: "t", Value: int64(1)}}},
			{Key: "lastWriteDate", Value: time.Unix(int64(now.T), 0)},
		}},
		{Key: "maxBsonObjectSize", Value: int32(16 * 1024 * 1024)},
		{Key: "maxMessageSizeBytes", Value: int32(maxMessageSize)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)},
		{Key: "localTime", Value: time.Now()},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "connectionId", Value: c.number},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: int32(21)},
		{Key: "readOnly", Value: false},
	}
}
