package socketlimit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/socketlimit"
)

// pipe dials a connection in memory, whose other end reads and does not answer.
type pipe struct{ peer net.Conn }

func (p *pipe) DialContext(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.peer = theirs
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	return ours, nil
}

func message(t *testing.T, command bson.D) []byte {
	doc, err := bson.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	m := binary.LittleEndian.AppendUint32(nil, uint32(21+len(doc)))
	m = append(m, make([]byte, 8)...)
	m = binary.LittleEndian.AppendUint32(m, 2013)
	return append(append(m, 0, 0, 0, 0, 0), doc...)
}

func TestWaitForReply(t *testing.T) {
	const limit = time.Second
	for _, test := range []struct {
		name    string
		command bson.D
		driver  time.Duration // the deadline of the driver; 0: none
		want    time.Duration
	}{
		{"find", bson.D{{Key: "find", Value: "c"}}, 0, limit},
		{"an earlier deadline", bson.D{{Key: "find", Value: "c"}}, time.Second / 2, time.Second / 2},
		{"a later deadline", bson.D{{Key: "find", Value: "c"}}, time.Minute, limit},
		{"getMore that waits", bson.D{{Key: "getMore", Value: int64(1)}, {Key: "maxTimeMS", Value: int64(5000)}}, 0, limit + 5*time.Second},
		{"getMore", bson.D{{Key: "getMore", Value: int64(1)}}, 0, limit + time.Second},
		{"getMore with a number of another type", bson.D{{Key: "getMore", Value: int64(1)}, {Key: "maxTimeMS", Value: 5.0}}, 0, limit + 5*time.Millisecond},
		{"a message that cannot be read", nil, 0, limit},
		{"hello", bson.D{{Key: "hello", Value: 1}, {Key: "maxAwaitTimeMS", Value: 10000}}, time.Minute, time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p pipe
				c, err := socketlimit.New(&p, limit).DialContext(t.Context(), "tcp", "h:1")
				if err != nil {
					t.Fatal(err)
				}
				defer p.peer.Close()
				defer c.Close()
				if test.driver > 0 {
					if err := c.SetDeadline(time.Now().Add(test.driver)); err != nil {
						t.Fatal(err)
					}
				}
				sent := []byte("\x16\x03\x01 a record of TLS, longer than a header")
				if test.command != nil {
					sent = message(t, test.command)
				}
				if _, err := c.Write(sent); err != nil {
					t.Fatal(err)
				}
				before := time.Now()
				_, err = c.Read(make([]byte, 1))
				if got := time.Since(before); !errors.Is(err, os.ErrDeadlineExceeded) || got != test.want {
					t.Errorf("got %v after %v, want a timeout after %v", err, got, test.want)
				}
			})
		})
	}
}
