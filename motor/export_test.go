package motor

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Documents are made of BSON in two ways: by a reader of motor's own, and by the driver's decoder where a registry or
// an option asks for it. The tests hold them equal.

// ReadDocument makes a bson.M or a bson.D by a reader.
func ReadDocument[D bson.M | bson.D](raw []byte, tzAware bool) (doc D, err error) {
	c := &codec{tzAware: tzAware}
	r := c.reader()
	defer r.release()
	readInto(r, raw, &doc, &err)
	return doc, err
}

// UnmarshalDocument makes one by the driver's decoder.
func UnmarshalDocument[D bson.M | bson.D](raw []byte, tzAware bool) (doc D, err error) {
	c := &codec{tzAware: tzAware}
	err = c.unmarshal(raw, &doc)
	return doc, err
}

// CheckDocument checks a document that comes encoded.
func CheckDocument(raw []byte) error { return checkBSON(raw) }

// MaxDepth is how deep documents may be nested.
const MaxDepth = maxDepth

// IsTooDeep reports whether err is that of a document that is nested deeper.
func IsTooDeep(err error) bool { return errors.Is(err, errDepth) }

// VersionIn is what Version finds in a program.
var VersionIn = versionIn

// WriteDocument makes BSON of a document without the driver's encoder. It is not ok if it leaves that to it.
func WriteDocument(v any) (raw bson.Raw, ok bool) { return write(v) }

// StartDriverSession starts a session of the driver's on the client's connection.
func StartDriverSession(ctx context.Context, c *Client, opts ...options.Lister[options.SessionOptions]) (*mongo.Session, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	driver, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	return driver.StartSession(opts...)
}

// IsOpen reports whether the client has a connection, which may not be connected to anything yet.
func IsOpen(c *Client) bool { return c.opened() != nil }

// WrapError gives a driver's error its class.
var WrapError = wrapError

// SetTransactionClock has now tell for how long WithTransaction has tried, until the end of the test, which no other may
// run beside.
func SetTransactionClock(t interface{ Cleanup(func()) }, now func() time.Time) {
	before := transactionClock
	transactionClock = now
	t.Cleanup(func() { transactionClock = before })
}

// KnownSessions is how many of the driver's sessions are known.
func KnownSessions() int {
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	return len(sessions.known)
}
