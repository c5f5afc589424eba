package motor_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// dialer connects to one address, whatever the requested one is.
type dialer string

func (d dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, string(d))
}

// The name server knows one host. It replaces a global variable, so the test is not parallel.
func TestClientSRV(t *testing.T) {
	previous := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answerSRV(server)
		return client, nil
	}}
	t.Cleanup(func() { net.DefaultResolver = previous })

	ctx := t.Context()
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, "mongodb+srv://cluster.example.com/?tls=false&maxPoolSize=3",
		motor.WithClientOptions(options.Client().SetDialer(dialer(peer.Address()))))
	for range 2 { // also after a reopen
		f := client.Open(ctx)
		if got, err := f.Await(ctx); got != client || err != nil {
			t.Fatalf("Open() = %v, %v, want %v, nil", got, err, client)
		}
		if got := client.Host(); got != "node.example.com" || client.Port() != 27018 {
			t.Errorf(`got server %s, %d, want "node.example.com", 27018`, got, client.Port())
		}
		noError(t, client.Close(ctx))
	}

	// A caller may give up during the lookup. Client.Close waits for it.
	short, cancel := context.WithTimeout(ctx, time.Nanosecond)
	defer cancel()
	if _, err := client.Open(short).Await(ctx); err == nil {
		t.Error("Open() = nil within a nanosecond, want an error")
	}
}

// answerSRV answers a DNS query over TCP. Each name has an SRV record and no other records.
func answerSRV(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	size := make([]byte, 2)
	if _, err := io.ReadFull(conn, size); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(size))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	const header = 12
	end := header
	for query[end] != 0 { // skips the labels of the name
		end += int(query[end]) + 1
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	question := query[header : end+5]

	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	const srv = 33
	if kind == srv {
		answer[7] = 1
		data := []byte{0, 0, 0, 0}
		data = binary.BigEndian.AppendUint16(data, 27018)
		for label := range strings.SplitSeq("node.example.com", ".") {
			data = append(append(data, byte(len(label))), label...)
		}
		data = append(data, 0)
		answer = append(answer, 0xc0, header, 0, srv, 0, 1, 0, 0, 0, 60)
		answer = append(binary.BigEndian.AppendUint16(answer, uint16(len(data))), data...)
	}
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
}
