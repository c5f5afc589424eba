package wiretest

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// T has the methods of a test that a peer calls: it is a *testing.T, *testing.B or *testing.F.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	Cleanup(func())
	Context() context.Context
}

// Peer is a scripted MongoDB server. It is safe for concurrent use, except [Peer.Receive], which may end the test and
// so must be called on the test's goroutine.
type Peer struct {
	t        T
	listener net.Listener
	queue    chan *Request // requests for Receive
	serving  sync.WaitGroup

	// deployment.mu guards role and fields.
	deployment *deployment
	role       Role
	fields     bson.M

	mu          sync.Mutex
	patience    time.Duration // the time limit of everything that waits
	stage       stage
	handlers    map[string]func(*Request)
	seen        map[string][]bson.Raw
	pending     map[*Request]bool // requests whose clients wait for an answer
	connections map[*connection]bool
	accepted    int
	changed     chan struct{} // closed and replaced when a connection opens or closes
}

// stage is the progress of a test.
type stage int

const (
	running  stage = iota
	ending         // the test's context has ended, its cleanups run
	stopping       // no further connections are accepted
	ended          // the test accepts no further reports
)

// Start starts a peer that plays role, and stops it at the end of the test. fields are fields of hello, as in
// [Peer.SetHello].
func Start(t T, role Role, fields ...bson.M) *Peer {
	t.Helper()
	p := listen(t, new(deployment), role)
	for _, f := range fields {
		p.SetHello(f)
	}
	p.serve()
	return p
}

// listen makes a peer that has an address and does not accept connections yet.
func listen(t T, d *deployment, role Role) *Peer {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("wiretest: %v", err)
	}
	p := &Peer{
		t: t, listener: l, patience: 10 * time.Second, queue: make(chan *Request, 1024),
		deployment: d, fields: make(bson.M),
		handlers: make(map[string]func(*Request)), seen: make(map[string][]bson.Raw),
		pending: make(map[*Request]bool), connections: make(map[*connection]bool), changed: make(chan struct{}),
	}
	d.peers = append(d.peers, p)
	d.setRole(p, role)
	return p
}

// serve starts to accept connections.
func (p *Peer) serve() {
	p.serving.Go(p.accept)
	stop := context.AfterFunc(p.t.Context(), p.release)
	p.t.Cleanup(func() {
		if stop() {
			p.release()
		}
		p.stop()
	})
}

// Address returns the peer's host and port.
func (p *Peer) Address() string { return p.listener.Addr().String() }

// URI returns a connection string for the peer, with options such as "maxPoolSize=1" added.
func (p *Peer) URI(options ...string) string { return uri(options, p.Address()) }

// Handle makes handler answer all further commands of this name, on the goroutine of the connection. With a nil
// handler, the command waits for [Peer.Receive], even one that the peer would answer itself.
func (p *Peer) Handle(name string, handler func(*Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[name] = handler
}

// Receive waits for the next command that has no handler and returns it. The test must answer it. Receive ends the
// test if the command is not called name, or if there is none within ten seconds.
func (p *Peer) Receive(name string) *Request {
	p.t.Helper()
	limit := p.limit()
	patience := time.NewTimer(limit)
	defer patience.Stop()
	for {
		select {
		case r := <-p.queue:
			if !r.take() {
				continue // it came too early and has been reported
			}
			if r.Name != name {
				p.t.Fatalf("wiretest: got command %s, want %s", r, name)
			}
			return r
		case <-patience.C:
			p.t.Fatalf("wiretest: got no command within %v, want %s", limit, name)
		case <-p.t.Context().Done():
			p.t.Fatalf("wiretest: got no command until the end of the test, want %s", name)
		}
		return nil // for a T whose Fatalf returns
	}
}

// Seen returns all received commands of this name, in order.
func (p *Peer) Seen(name string) []bson.Raw {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[name][:len(p.seen[name]):len(p.seen[name])]
}

// dispatch passes a request to its handler, or to Receive.
func (p *Peer) dispatch(r *Request) {
	p.mu.Lock()
	p.seen[r.Name] = append(p.seen[r.Name], r.Command)
	handler, scripted := p.handlers[r.Name]
	if !scripted {
		handler = automatic[r.Name]
	}
	p.pending[r] = true
	r.timer = time.AfterFunc(p.patience, r.expire)
	late := handler == nil && p.stage != running
	r.handling = handler != nil
	p.mu.Unlock()

	switch {
	case late:
		r.expire()
	case handler != nil:
		r.take()
		handler(r)
		p.handled(r)
	default:
		p.queue <- r
	}
}

// handled notes that the handler of a request has returned. The handler may have passed the request to another
// goroutine, which answers later.
func (p *Peer) handled(r *Request) {
	p.mu.Lock()
	r.handling = false
	late := p.pending[r] && p.stage != running
	p.mu.Unlock()
	if late {
		r.expire()
	}
}

// automatic has the handlers of the commands that a peer answers itself.
var automatic = map[string]func(*Request){
	"hello":       func(r *Request) { r.OK(r.connection.peer.Hello()) },
	"ping":        func(r *Request) { r.OK() },
	"endSessions": func(r *Request) { r.OK() },
	"killCursors": func(r *Request) {
		r.OK(bson.D{
			{Key: "cursorsKilled", Value: r.Command.Lookup("cursors")},
			{Key: "cursorsNotFound", Value: bson.A{}},
			{Key: "cursorsAlive", Value: bson.A{}},
			{Key: "cursorsUnknown", Value: bson.A{}},
		})
	},
}

// release fails all requests that wait for an answer when the test can no longer give one. Otherwise a cleanup that
// closes the client would wait for these operations. Requests whose handlers still run are left out. stage changes
// under the same lock, so handled sees it, and fails such a request if the handler left it unanswered.
func (p *Peer) release() {
	p.mu.Lock()
	p.stage = max(p.stage, ending)
	var waiting []*Request
	for r := range p.pending {
		if !r.handling {
			waiting = append(waiting, r)
		}
	}
	p.mu.Unlock()
	for _, r := range waiting {
		r.expire()
	}
}

// stop ends all goroutines of the peer.
func (p *Peer) stop() {
	p.mu.Lock()
	p.stage = stopping
	connections := slices.Collect(maps.Keys(p.connections))
	p.mu.Unlock()
	_ = p.listener.Close()
	for _, c := range connections {
		c.close()
	}
	done := make(chan struct{})
	go func() { defer close(done); p.serving.Wait() }()
	limit := p.limit()
	patience := time.NewTimer(limit)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		p.errorf("wiretest: a handler still runs %v after the end of the test", limit)
	}
	p.release() // requests that came since then
	p.mu.Lock()
	p.stage = ended
	p.mu.Unlock()
}

func (p *Peer) limit() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.patience
}

// errorf fails the test. It does nothing once the test has ended, since a report would then panic.
func (p *Peer) errorf(format string, args ...any) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != ended {
		p.t.Errorf(format, args...)
	}
}
