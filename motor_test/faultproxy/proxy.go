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
	backend  string    // the address of the server
	members  []*member // of the set, or the routers
	balanced bool      // see StartBalanced
	doors    []*door
	points   failPoints
	faults   faults
	open     open
	recorder recorder

	done    chan struct{} // closed by Close
	serving sync.WaitGroup

	mu          sync.Mutex
	closed      bool
	stopped     bool // see Stop
	connections map[*connection]bool
	accepted    int32
	clock       bson.Timestamp
	writes      map[string]*write // retryable writes by session
	primary     int
	term        int64         // the number of elections
	moved       chan struct{} // closed by the next election
}

// write is the latest retryable write of a session.
type write struct {
	number int64
	done   chan struct{} // closed when reply is known
	reply  bson.Raw      // nil if the server gave no reply
}

// Start starts a proxy on a free loopback port, before the server that uri names. The context bounds the start only:
// the proxy runs until [Proxy.Close].
func Start(ctx context.Context, uri string) (*Proxy, error) { return StartSet(ctx, uri, 1) }

func newProxy(uri string) (*Proxy, error) {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "mongodb" || parsed.Port() == "" || parsed.User != nil {
		// The URI may contain a password.
		return nil, errors.New("faultproxy: cannot stand before this URI: need mongodb://host:port/ without a user")
	}
	return &Proxy{
		backend: parsed.Host, done: make(chan struct{}), connections: make(map[*connection]bool),
		writes: make(map[string]*write), term: 1, moved: make(chan struct{}),
		recorder: recorder{
			log: changes.NewLog(), streams: streams{all: make(map[int64]*stream)},
			images: make(map[changes.Namespace]bool), exists: make(map[changes.Namespace]*bson.Binary),
		},
	}, nil
}

// Address returns the host and port of the proxy, of its first member, or of the load balancer.
func (p *Proxy) Address() string { return p.doors[0].address }

// URI returns the connection string of the proxy. The client of a replica set looks for its servers twice a second. After
// a fault the driver may miss the moment to look again, and would else wait for ten seconds.
func (p *Proxy) URI() string {
	if p.balanced {
		return balancedURI(p.Address())
	}
	return uri(p.Addresses())
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
	err := p.closeListeners()
	p.mu.Unlock()
	p.serving.Wait()
	return err
}

// closeListeners closes those that are open.
func (p *Proxy) closeListeners() error {
	var errs []error
	for _, d := range p.doors {
		if d.listener != nil {
			errs = append(errs, d.listener.Close())
			d.listener = nil
		}
	}
	return errors.Join(errs...)
}

// door is an address of the proxy.
type door struct {
	address  string
	listener net.Listener // nil while the proxy is stopped
	leads    []*member    // to which one connection after the other goes
	next     int          // the index of the next of them
}

// addDoor listens at a free loopback port. It serves no connection yet. If it fails, it closes the other doors.
func (p *Proxy) addDoor(ctx context.Context, leads ...*member) (*door, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("faultproxy: %w", err), p.closeListeners())
	}
	d := &door{address: listener.Addr().String(), listener: listener, leads: leads}
	p.doors = append(p.doors, d)
	return d, nil
}

// serve accepts connections at a door until its listener is closed.
func (p *Proxy) serve(d *door) {
	listener := d.listener
	p.serving.Go(func() { p.accept(d, listener) })
}

func (p *Proxy) accept(d *door, listener net.Listener) {
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
		m := d.leads[d.next%len(d.leads)]
		d.next++
		c := &connection{proxy: p, member: m, client: conn, number: p.accepted, requests: make(chan *message)}
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
