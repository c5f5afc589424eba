package motor_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// peer is a server that answers each command with a prepared reply for its name. It allocates nothing and takes almost
// no time, so that a benchmark measures the client.
type peer struct {
	listener net.Listener
	answers  map[string][]byte // encoded documents, by the name of the command
	serving  sync.WaitGroup
}

func startPeer(t testing.TB, answers map[string]any) *peer {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{listener: listener, answers: make(map[string][]byte)}
	for name, answer := range answers {
		p.answers[name] = marshaled(t, answer)
	}
	p.answers["hello"] = marshaled(t, bson.D{
		{Key: "helloOk", Value: true},
		{Key: "isWritablePrimary", Value: true},
		{Key: "maxBsonObjectSize", Value: 16 * 1024 * 1024},
		{Key: "maxMessageSizeBytes", Value: 48_000_000},
		{Key: "maxWriteBatchSize", Value: 100_000},
		{Key: "logicalSessionTimeoutMinutes", Value: 30},
		{Key: "minWireVersion", Value: 0},
		{Key: "maxWireVersion", Value: 25},
		{Key: "ok", Value: 1},
	})
	p.answers["isMaster"] = p.answers["hello"]
	p.answers["endSessions"] = marshaled(t, bson.D{{Key: "ok", Value: 1}})
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.serving.Wait() // the clients have been closed already
	})
	return p
}

func marshaled(t testing.TB, v any) bson.Raw {
	raw, err := bson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (p *peer) uri(options string) string {
	return "mongodb://" + p.listener.Addr().String() + "/?" + options
}

func (p *peer) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.serving.Go(func() { p.serve(conn) })
	}
}

// The opcodes of the wire protocol.
const (
	opReply = 1
	opQuery = 2004 // only for the first hello of a connection
	opMsg   = 2013
)

// serve answers until the client disconnects.
func (p *peer) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var message, answer []byte
	for {
		header, err := in.Peek(4)
		if err != nil {
			return
		}
		size := int(binary.LittleEndian.Uint32(header))
		if cap(message) < size {
			message = make([]byte, size)
		}
		message = message[:size]
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		answer = p.answer(answer[:0], message)
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// answer appends the reply to a message.
func (p *peer) answer(dst, message []byte) []byte {
	op := binary.LittleEndian.Uint32(message[12:])
	var command []byte
	if op == opQuery {
		command = message[16+4:]
		for command[0] != 0 {
			command = command[1:]
		}
		command = command[1+8:]
	} else {
		command = message[16+4+1:] // skips the flags and the section kind
	}
	name := command[5:]
	end := 0
	for name[end] != 0 {
		end++
	}
	document, ok := p.answers[string(name[:end])]
	if !ok {
		panic("no answer to " + strconv.Quote(string(name[:end])))
	}
	dst = append(dst, make([]byte, 16)...)
	copy(dst[8:], message[4:8]) // responseTo
	if op == opQuery {
		binary.LittleEndian.PutUint32(dst[12:], opReply)
		dst = append(dst, make([]byte, 20)...)
		dst[16+16] = 1 // the number of documents
	} else {
		binary.LittleEndian.PutUint32(dst[12:], opMsg)
		dst = append(dst, make([]byte, 5)...)
	}
	dst = append(dst, document...)
	binary.LittleEndian.PutUint32(dst, uint32(len(dst)))
	return dst
}
