package wiretest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// connection is one that a client has opened.
type connection struct {
	net.Conn

	peer   *Peer
	number int

	writing sync.Mutex
}

// Connections returns how many connections are open, and how many were ever accepted. A driver keeps one to each
// server for itself, to watch it.
func (p *Peer) Connections() (open, accepted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.connections), p.accepted
}

// AwaitConnections waits until n connections are open: a peer learns a little later than the client that one was
// closed. It belongs to the test's goroutine, and ends the test if there are not n within ten seconds.
func (p *Peer) AwaitConnections(n int) {
	p.t.Helper()
	limit := p.limit()
	patience := time.NewTimer(limit)
	defer patience.Stop()
	for {
		p.mu.Lock()
		open, changed := len(p.connections), p.changed
		p.mu.Unlock()
		if open == n {
			return
		}
		select {
		case <-changed:
		case <-patience.C:
			p.t.Fatalf("wiretest: waited for %d connections for %v, and there are %d", n, limit, open)
			return
		}
	}
}

// accept takes connections until the listener is closed.
func (p *Peer) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.stage >= stopping {
			p.mu.Unlock()
			_ = conn.Close()
			return
		}
		p.accepted++
		c := &connection{Conn: conn, peer: p, number: p.accepted}
		p.connections[c] = true
		p.signal()
		p.mu.Unlock()
		p.serving.Go(c.serve)
	}
}

// signal tells AwaitConnections that the number has changed. mu is held.
func (p *Peer) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// serve reads messages until the connection is closed. It does not wait for the answers, so that it notices at
// once when a client goes away.
func (c *connection) serve() {
	defer c.close()
	for {
		m, err := readMessage(c)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isNetworkError(err):
			return // what a client that goes away leaves
		case err != nil:
			c.peer.errorf("wiretest: a client sent %v", err)
			return
		}
		r, err := newRequest(c, m)
		if err != nil {
			c.peer.errorf("wiretest: a client sent %v", err)
			return
		}
		c.peer.dispatch(r)
	}
}

func isNetworkError(err error) bool {
	var network *net.OpError
	return errors.As(err, &network)
}

// send writes a message. That a client does not wait for it any more is no error: tests of time limits want that.
func (c *connection) send(message []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.Write(message)
}

// close hangs up.
func (c *connection) close() {
	_ = c.Close()
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	if c.peer.connections[c] {
		delete(c.peer.connections, c)
		c.peer.signal()
	}
}
