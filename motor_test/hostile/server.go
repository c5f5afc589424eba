package hostile

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Server answers hello truthfully, and every other command with what the test says.
type Server struct {
	listener net.Listener
	wait     sync.WaitGroup

	mu      sync.Mutex
	replies map[string][]byte // by the name of the command; others get {ok: 1}
	open    map[net.Conn]bool
}

// Start starts a server on a loopback port.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, replies: map[string][]byte{}, open: map[net.Conn]bool{}}
	s.wait.Go(s.accept)
	return s, nil
}

// URI returns the connection string of the server. Nothing is retried, and the monitor asks seldom.
func (s *Server) URI() string {
	return "mongodb://" + s.listener.Addr().String() +
		"/?directConnection=true&retryReads=false&retryWrites=false&serverMonitoringMode=poll&heartbeatFrequencyMS=60000"
}

// Answer sets the reply to a command. It need not be valid BSON.
func (s *Server) Answer(command string, reply []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[command] = reply
}

// Close stops the server.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		s.mu.Unlock()
		s.wait.Go(func() {
			s.serve(c)
			_ = c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

const (
	headerSize = 16
	opReply    = 1
	opQuery    = 2004
	opMessage  = 2013
	maxMessage = 48_000_000
)

// serve answers the messages of a connection.
func (s *Server) serve(c net.Conn) {
	header := make([]byte, headerSize)
	for {
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		size := binary.LittleEndian.Uint32(header)
		if size < headerSize || size > maxMessage {
			return
		}
		body := make([]byte, size-headerSize)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		id, kind := binary.LittleEndian.Uint32(header[4:]), binary.LittleEndian.Uint32(header[12:])
		var answer []byte
		switch kind {
		case opQuery: // the first hello
			answer = append(frame(opReply, id), make([]byte, 20)...)
			binary.LittleEndian.PutUint32(answer[headerSize+16:], 1) // one document
			answer = append(answer, hello()...)
		case opMessage:
			answer = append(frame(opMessage, id), 0, 0, 0, 0, 0)
			answer = append(answer, s.reply(body[5:])...)
		default:
			return
		}
		binary.LittleEndian.PutUint32(answer, uint32(len(answer)))
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func frame(kind, to uint32) []byte {
	header := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(header[8:], to)
	binary.LittleEndian.PutUint32(header[12:], kind)
	return header
}

func (s *Server) reply(command bson.Raw) []byte {
	name := ""
	if first, err := command.IndexErr(0); err == nil {
		name = first.Key()
	}
	if name == "hello" || name == "isMaster" || name == "ismaster" {
		return hello()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if reply, ok := s.replies[name]; ok {
		if name == "getMore" { // a cursor that is never at its end would be read for ever
			delete(s.replies, name)
		}
		return reply
	}
	if name == "getMore" {
		return encode(batch("nextBatch", 0, bson.A{}))
	}
	return encode(bson.D{{Key: "ok", Value: 1}})
}

func hello() bson.Raw {
	return encode(bson.D{
		{Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true}, {Key: "helloOk", Value: true},
		{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: maxMessage},
		{Key: "maxWriteBatchSize", Value: 100_000}, {Key: "localTime", Value: time.Now()}, {Key: "minWireVersion", Value: 0},
		{Key: "maxWireVersion", Value: 25}, {Key: "ok", Value: 1},
	})
}

// encode encodes a document that can be encoded.
func encode(doc any) bson.Raw {
	raw, err := bson.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return raw
}
