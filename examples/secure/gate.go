package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"sync"
)

// gate accepts connections with TLS, and passes their data on to a server without it. It refuses clients without a
// certificate. It stands for a mongod with --tlsMode requireTLS.
type gate struct {
	listener net.Listener
	server   string // host:port
	running  sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// newGate starts a gate before a server. It trusts the clients with a certificate of clients.
func newGate(server string, own tls.Certificate, clients *x509.CertPool) (*gate, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{
		listener: tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
			MinVersion: tls.VersionTLS12,
		}),
		server: server, open: map[net.Conn]bool{},
	}
	g.running.Go(g.accept)
	return g, nil
}

func (g *gate) address() string { return g.listener.Addr().String() }

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return // the gate is closed
		}
		g.running.Go(func() { g.pass(client.(*tls.Conn)) })
	}
}

// pass passes the data of a connection on, in both directions. It ends when one of the sides has ended.
func (g *gate) pass(client *tls.Conn) {
	if !g.add(client) {
		return
	}
	defer g.remove(client)
	if err := client.Handshake(); err != nil {
		return // the client gets the reason
	}
	server, err := net.Dial("tcp", g.server)
	if err != nil || !g.add(server) {
		return
	}
	defer g.remove(server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
	_ = client.Close()
	<-done
}

// add records an open connection. If the gate is closed, add closes the connection.
func (g *gate) add(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = c.Close()
		return false
	}
	g.open[c] = true
	return true
}

func (g *gate) remove(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	_ = c.Close()
}

// close closes the gate and its connections.
func (g *gate) close() {
	_ = g.listener.Close()
	g.mu.Lock()
	g.closed = true
	for c := range g.open {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.running.Wait()
}
