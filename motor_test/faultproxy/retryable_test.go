package faultproxy_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/faultproxy"
)

func frame(t *testing.T, doc any) []byte {
	raw, err := bson.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(21+len(raw)))
	for _, n := range []uint32{1, 0, 2013, 0} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return append(append(b, 0), raw...)
}

// A client that gives up does not make the proxy forget that a retryable write was sent.
func TestRetryableWriteAfterClientLeft(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	var ran atomic.Int32
	started, release := make(chan bool, 9), make(chan bool)
	go func() {
		for {
			c, err := backend.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					head := make([]byte, 16)
					if _, err := io.ReadFull(c, head); err != nil {
						return
					}
					if _, err := io.CopyN(io.Discard, c, int64(binary.LittleEndian.Uint32(head))-16); err != nil {
						return
					}
					ran.Add(1) // the server executes it
					started <- true
					<-release
					_, _ = c.Write(frame(t, bson.D{{Key: "n", Value: 1}, {Key: "ok", Value: 1.0}}))
				}
			}()
		}
	}()
	p, err := faultproxy.Start(context.Background(), "mongodb://"+backend.Addr().String()+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	write := frame(t, bson.D{{Key: "update", Value: "c"}, {Key: "$db", Value: "d"},
		{Key: "lsid", Value: bson.D{{Key: "id", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}}}}, {Key: "txnNumber", Value: int64(1)}})
	a, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = a.Write(write)
	<-started
	_ = a.Close()                      // the client's time limit
	time.Sleep(300 * time.Millisecond) // in which the proxy notices that the client has gone
	close(release)
	b, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, _ = b.Write(write)
	_, _ = b.Read(make([]byte, 1000))
	if n := ran.Load(); n != 1 {
		t.Errorf("the server ran the write %d times, want 1", n)
	}
}
