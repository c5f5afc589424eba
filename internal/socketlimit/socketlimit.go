// Package socketlimit limits how long a connection waits for a reply: the option socketTimeoutMS, which the driver
// accepts and does not use. A reply that takes longer fails with an error for which [os.ErrDeadlineExceeded] is true.
//
// The hello commands of a monitor are not limited: the server answers them when its state changes. A getMore may wait for
// new documents, so it may take longer by its maxTimeMS, or without that by a second, the server's default. Neither
// command can be seen on an encrypted connection, so there the limit counts for all commands; the monitors of such a
// client must poll. A getMore cannot be seen in a compressed message either; the driver never compresses hello.
package socketlimit

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Dialer opens connections.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns a dialer whose connections wait for a reply for at most limit. They are those of inner, or of a
// [net.Dialer] if inner is nil.
func New(inner Dialer, limit time.Duration) Dialer {
	if inner == nil {
		inner = &net.Dialer{}
	}
	return dialer{inner, limit}
}

type dialer struct {
	inner Dialer
	limit time.Duration
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.inner.DialContext(ctx, network, address)
	if err != nil || c == nil {
		return c, err
	}
	return &conn{Conn: c, limit: d.limit, wait: d.limit}, nil
}

type conn struct {
	net.Conn
	limit time.Duration

	mu       sync.Mutex
	wait     time.Duration // for the reply to the last message; 0: no limit
	deadline time.Time     // of reads, as the driver has set it
}

func (c *conn) Write(message []byte) (int, error) {
	c.mu.Lock()
	c.wait = waitFor(message, c.limit)
	c.mu.Unlock()
	return c.Conn.Write(message)
}

func (c *conn) Read(b []byte) (int, error) {
	c.mu.Lock()
	deadline := c.deadline
	if own := time.Now().Add(c.wait); c.wait > 0 && (deadline.IsZero() || own.Before(deadline)) {
		deadline = own
	}
	err := c.Conn.SetReadDeadline(deadline)
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetReadDeadline(t) // also ends a read that has begun
}

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.Conn.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// The layout of a message of type OP_MSG with one document.
const (
	headerSize = 16
	opMessage  = 2013
	bodyAt     = headerSize + 4 + 1 // after the flags and the kind of the section
)

// defaultAwait is how long a server waits for new documents if a getMore of a tailable cursor or of a change stream has
// no maxTimeMS. A getMore does not show whether its cursor is one of those.
const defaultAwait = time.Second

// waitFor returns how long the reply to a message may take, or 0 for no limit.
func waitFor(message []byte, limit time.Duration) time.Duration {
	if len(message) <= bodyAt || binary.LittleEndian.Uint32(message[12:]) != opMessage {
		return limit
	}
	command := bson.Raw(message[bodyAt:]) // and what follows it
	first, err := command.IndexErr(0)
	if err != nil {
		return limit
	}
	switch first.Key() {
	case "hello", "isMaster", "ismaster":
		return 0
	case "getMore":
		if ms, ok := command.Lookup("maxTimeMS").AsInt64OK(); ok {
			return limit + time.Duration(ms)*time.Millisecond
		}
		return limit + defaultAwait
	}
	return limit
}
