package wiretest

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// connection is a client's connection to a peer.
type connection struct {
	net.Conn

	peer   *Peer
	number int

	writing sync.Mutex
}

// Connections returns the number of open connections and the number of connections accepted so far. A driver keeps one
// connection to each server for monitoring.
func (p *Peer) Connections() (open, accepted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.connections), p.accepted
}

// AwaitConnections waits until n connections are open, since a peer learns of a closed connection a little later than
// the client. Call it on the test's goroutine: it ends the test if there are not n connections within ten seconds.
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
			p.t.Fatalf("wiretest: after %v: got %d connections, want %d", limit, open, n)
			return
		}
	}
}

// accept accepts connections until the listener is closed.
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

// signal tells AwaitConnections that the number of connections has changed. The caller holds mu.
func (p *Peer) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// serve reads messages until the connection is closed. It does not wait for the answers, so it notices at once when a
// client disconnects.
func (c *connection) serve() {
	defer c.close()
	for {
		m, err := readMessage(c)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isNetworkError(err):
			return // the client has disconnected
		case err != nil:
			c.peer.errorf("wiretest: invalid message: %v", err)
			return
		}
		r, err := newRequest(c, m)
		if err != nil {
			c.peer.errorf("wiretest: invalid message: %v", err)
			return
		}
		c.peer.dispatch(r)
	}
}

func isNetworkError(err error) bool {
	var network *net.OpError
	return errors.As(err, &network)
}

// send writes a message. It ignores errors: in tests of time limits the client no longer waits for the answer.
func (c *connection) send(message []byte) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.Write(message)
}

// close closes the connection and removes it from the peer.
func (c *connection) close() {
	_ = c.Close()
	c.peer.mu.Lock()
	defer c.peer.mu.Unlock()
	if c.peer.connections[c] {
		delete(c.peer.connections, c)
		c.peer.signal()
	}
}
