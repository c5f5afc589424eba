package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The collections of the stub. Each find in them gives the same documents, except a find of an ObjectID as the _id, or of
// a list of them.
const (
	one      = "one"  // one document
	many     = "many" // manySize documents
	manySize = 20_000
	chunks   = "fs.chunks" // those of one file
	files    = "fs.files"
	watched  = "watched" // a change stream without end
	idle     = "idle"    // a change stream without events
	far      = "far"     // farSize documents, of a server that is a millisecond away
	farSize  = 1_000

	chunkSize = 255 << 10
	idleTime  = 250 * time.Millisecond // the wait of a getMore without events
)

// fileSize is the size of a file in GridFS. The test makes it smaller.
var fileSize = 64 << 20

const (
	firstBatch = 101
	maxBatch   = 16 << 20 // bytes
)

// Stub is a server that answers each command with a prepared reply. It takes almost no time.
type Stub struct {
	listener net.Listener
	replies  map[string][]byte
	docs     map[string][][]byte // encoded documents by collection
	serving  sync.WaitGroup

	closed chan struct{}
	mu     sync.Mutex
	conns  map[net.Conn]bool
}

// StartStub starts a stub on a free loopback port.
func StartStub(corpus *Corpus) (*Stub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Stub{listener: listener, closed: make(chan struct{}), conns: make(map[net.Conn]bool), docs: map[string][][]byte{
		one: {mustMarshal(document(7))}, watched: {mustMarshal(changeEvent(1))}, idle: {},
		files: {mustMarshal(bson.D{{Key: "_id", Value: 1}, {Key: "length", Value: int64(fileSize)}, {Key: "chunkSize", Value: int32(chunkSize)},
			{Key: "uploadDate", Value: bson.DateTime(0)}, {Key: "filename", Value: "f"}})},
	}}
	for i := range manySize {
		s.docs[many] = append(s.docs[many], mustMarshal(document(i)))
	}
	s.docs[far] = s.docs[many][:farSize]
	for _, doc := range numbered(corpus.tweet, 1, tweetCount) {
		s.docs[tweets] = append(s.docs[tweets], mustMarshal(doc))
	}
	for _, doc := range numbered(append(slices.Clone(corpus.line), ofFile(0)...), 0, lineCount) {
		s.docs[lines] = append(s.docs[lines], mustMarshal(doc))
	}
	data := make([]byte, chunkSize)
	for n := 0; n*chunkSize < fileSize; n++ {
		s.docs[chunks] = append(s.docs[chunks], mustMarshal(bson.D{{Key: "_id", Value: n}, {Key: "files_id", Value: 1}, {Key: "n", Value: int32(n)},
			{Key: "data", Value: bson.Binary{Data: data[:min(chunkSize, fileSize-n*chunkSize)]}}}))
	}
	ok := bson.E{Key: "ok", Value: 1.0}
	hello := mustMarshal(bson.D{
		{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true},
		{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: 48_000_000}, {Key: "maxWriteBatchSize", Value: 100_000},
		{Key: "logicalSessionTimeoutMinutes", Value: 30}, {Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 25},
		{Key: "connectionId", Value: 1}, {Key: "readOnly", Value: false}, ok,
	})
	okay := mustMarshal(bson.D{ok})
	s.replies = map[string][]byte{
		"hello": hello, "isMaster": hello, "ismaster": hello, "ping": okay, "endSessions": okay, "killCursors": okay,
		"createIndexes": mustMarshal(bson.D{{Key: "numIndexesBefore", Value: 1}, {Key: "numIndexesAfter", Value: 1}, ok}),
		"insert":        mustMarshal(bson.D{{Key: "n", Value: 1}, ok}),
		"update":        mustMarshal(bson.D{{Key: "n", Value: 1}, {Key: "nModified", Value: 1}, ok}),
		"delete":        mustMarshal(bson.D{{Key: "n", Value: 1}, ok}),
	}
	s.serving.Go(s.accept)
	return s, nil
}

// mustMarshal encodes a document of this package, which cannot fail.
func mustMarshal(doc any) []byte {
	raw, err := bson.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("bench: %v", err))
	}
	return raw
}

// document returns a small document.
func document(i int) bson.D {
	return bson.D{
		{Key: "_id", Value: bson.ObjectID{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}},
		{Key: "name", Value: "somebody or other"},
		{Key: "age", Value: int32(1_000 + i)},
		{Key: "score", Value: float64(i) / 3},
		{Key: "active", Value: i%2 == 0},
		{Key: "tags", Value: bson.A{"red", "green"}},
		{Key: "address", Value: bson.D{{Key: "city", Value: "Berlin"}, {Key: "zip", Value: int32(10_000 + i)}}},
		{Key: "at", Value: bson.DateTime(1_700_000_000_000 + int64(i))},
	}
}

func changeEvent(i int) bson.D {
	return bson.D{
		{Key: "_id", Value: bson.D{{Key: "_data", Value: fmt.Sprintf("82%030x", i)}}}, {Key: "operationType", Value: "insert"},
		{Key: "clusterTime", Value: bson.Timestamp{T: 1_700_000_000, I: uint32(i)}}, {Key: "fullDocument", Value: document(i)},
		{Key: "ns", Value: bson.D{{Key: "db", Value: "d"}, {Key: "coll", Value: watched}}},
		{Key: "documentKey", Value: bson.D{{Key: "_id", Value: i}}},
	}
}

// URI returns the connection string of the stub.
func (s *Stub) URI() string { return "mongodb://" + s.listener.Addr().String() + "/" }

// Close closes the stub and its connections.
func (s *Stub) Close() error {
	err := s.listener.Close()
	close(s.closed)
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.serving.Wait()
	return err
}

func (s *Stub) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.conns == nil {
			s.mu.Unlock()
			_ = conn.Close()
			return
		}
		s.conns[conn] = true
		s.mu.Unlock()
		s.serving.Go(func() {
			_ = s.serve(conn) // an error closes the connection, which the client reports
			_ = conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}

// The opcodes of the wire protocol.
const (
	opReply = 1
	opQuery = 2004 // only for the first hello of a connection
	opMsg   = 2013
)

// serve answers until the client disconnects.
func (s *Stub) serve(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 64<<10)
	var message, answer []byte
	for {
		header, err := in.Peek(4)
		if err != nil {
			return err
		}
		size := int(binary.LittleEndian.Uint32(header))
		if cap(message) < size {
			message = make([]byte, size)
		}
		message = message[:size]
		if _, err := io.ReadFull(in, message); err != nil {
			return err
		}
		if answer, err = s.answer(answer[:0], message); err != nil {
			return err
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
}

// answer appends the reply to a message.
func (s *Stub) answer(dst, message []byte) ([]byte, error) {
	op := binary.LittleEndian.Uint32(message[12:])
	dst = append(dst, make([]byte, 16)...)
	copy(dst[8:], message[4:8]) // responseTo
	var command bson.Raw
	if op == opQuery {
		binary.LittleEndian.PutUint32(dst[12:], opReply)
		dst = append(dst, make([]byte, 20)...)
		dst[16+16] = 1 // the number of documents
		name := 16 + 4
		for message[name] != 0 {
			name++
		}
		command = message[name+9:]
	} else {
		binary.LittleEndian.PutUint32(dst[12:], opMsg)
		dst = append(dst, make([]byte, 5)...)
		command = message[16+5:] // without sequences before the body: no driver sends them so
	}
	body := binary.LittleEndian.Uint32(command)
	dst, err := s.reply(dst, command[:body], command[body:])
	binary.LittleEndian.PutUint32(dst, uint32(len(dst)))
	return dst, err
}

// reply appends the reply to a command. sections are those of the message after the command.
func (s *Stub) reply(dst []byte, command bson.Raw, sections []byte) ([]byte, error) {
	first, err := command.IndexErr(0)
	if err != nil {
		return dst, err
	}
	name := first.Key()
	if fixed, ok := s.replies[name]; ok {
		return append(dst, fixed...), nil
	}
	switch name {
	case "bulkWrite":
		return appendBulkReply(dst, documentsOf(sections, "ops")), nil
	case "find", "aggregate":
		collection, _ := first.Value().StringValueOK()
		size := int64(firstBatch)
		if n, ok := command.Lookup("batchSize").AsInt64OK(); ok {
			size = n
		}
		if n, ok := command.Lookup("limit").AsInt64OK(); ok && n == 1 {
			size = 1
		}
		if asked := idsOf(command); asked != nil {
			return s.batch(dst, "firstBatch", collection, s.withIDs(collection, asked), 0, len(asked))
		}
		from := 0
		if n, ok := command.Lookup("filter", "n", "$gte").AsInt64OK(); ok {
			from = int(n)
		}
		return s.batch(dst, "firstBatch", collection, s.docs[collection], from, int(size))
	case "getMore":
		collection, _ := command.Lookup("collection").StringValueOK()
		switch collection {
		case far:
			time.Sleep(time.Millisecond)
		case idle:
			select {
			case <-time.After(idleTime):
			case <-s.closed:
			}
		}
		size, ok := command.Lookup("batchSize").AsInt64OK()
		if !ok || size == 0 {
			size = maxBatch
		}
		return s.batch(dst, "nextBatch", collection, s.docs[collection], int(first.Value().Int64()), int(size))
	}
	return dst, errors.New("bench: the stub does not know the command " + name)
}

// documentsOf returns how many documents the section of a message with a name has.
func documentsOf(sections []byte, name string) (n int) {
	for len(sections) > 5 && sections[0] == 1 {
		size := int(binary.LittleEndian.Uint32(sections[1:]))
		section := sections[5 : 1+size]
		sections = sections[1+size:]
		docs, ok := bytes.CutPrefix(section, []byte(name+"\x00"))
		for ok && len(docs) > 0 {
			docs = docs[binary.LittleEndian.Uint32(docs):]
			n++
		}
	}
	return n
}

// writeResult is the result of a write in the reply to bulkWrite. Its index is the value of the first field.
var writeResult = mustMarshal(bson.D{{Key: "idx", Value: int32(0)}, {Key: "ok", Value: 1.0}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}})

// appendBulkReply appends the reply to a bulkWrite of n writes.
func appendBulkReply(dst []byte, n int) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 3)
	dst = append(dst, "cursor\x00"...)
	cursor := len(dst)
	dst = append(dst, 0, 0, 0, 0, 4)
	dst = append(dst, "firstBatch\x00"...)
	list := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var name [20]byte
	for i := range n {
		dst = append(dst, 3)
		dst = append(append(dst, itoa(name[:0], i)...), 0)
		dst = append(dst, writeResult...)
		index := len(dst) - len(writeResult) + 4 + len("\x10idx\x00")
		binary.LittleEndian.PutUint32(dst[index:], uint32(i))
	}
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[list:], uint32(len(dst)-list))
	dst = append(dst, "\x12id\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02ns\x00\x15\x00\x00\x00admin.$cmd.bulkWrite\x00\x00"...)
	binary.LittleEndian.PutUint32(dst[cursor:], uint32(len(dst)-cursor))
	dst = append(dst, "\x01ok\x00\x00\x00\x00\x00\x00\x00\xf0\x3f\x00"...)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

// idsOf returns the ObjectIDs that a find asks for as the _id, or nil.
func idsOf(command bson.Raw) (ids []bson.ObjectID) {
	filter := command.Lookup("filter", "_id")
	if id, ok := filter.ObjectIDOK(); ok {
		return []bson.ObjectID{id}
	}
	operators, _ := filter.DocumentOK()
	list, _ := operators.Lookup("$in").ArrayOK()
	values, _ := list.Values()
	for _, v := range values {
		if id, ok := v.ObjectIDOK(); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// withIDs returns the documents with these ids, of those that document makes.
func (s *Stub) withIDs(collection string, ids []bson.ObjectID) [][]byte {
	docs := make([][]byte, 0, len(ids))
	for _, id := range ids {
		if n := int(id[0]) | int(id[1])<<8 | int(id[2])<<16; n < len(s.docs[collection]) {
			docs = append(docs, s.docs[collection][n])
		}
	}
	return docs
}

// batch appends a reply with documents of a collection. The id of its cursor is the number of the next document.
func (s *Stub) batch(dst []byte, key, collection string, docs [][]byte, from, size int) ([]byte, error) {
	if s.docs[collection] == nil {
		return dst, fmt.Errorf("bench: the stub does not have the collection %q", collection)
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 3)
	dst = append(dst, "cursor\x00"...)
	cursor := len(dst)
	dst = append(dst, 0, 0, 0, 0, 4)
	dst = append(append(dst, key...), 0)
	list := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	next := from
	var name [20]byte
	for i := 0; i < size && len(dst)-start < maxBatch; i++ {
		if collection == watched {
			next = 1 // without end
			if i == firstBatch {
				break
			}
		} else if next >= len(docs) || i > 0 && len(dst)-start+len(docs[next]) > maxBatch {
			break
		}
		dst = append(dst, 3)
		dst = append(append(dst, itoa(name[:0], i)...), 0)
		if collection == watched {
			dst = append(dst, docs[0]...)
			continue
		}
		dst = append(dst, docs[next]...)
		next++
	}
	dst = append(dst, 0)
	binary.LittleEndian.PutUint32(dst[list:], uint32(len(dst)-list))
	switch {
	case collection == idle:
		next = 1 // without end
	case next == len(docs) && collection != watched:
		next = 0
	}
	dst = append(dst, "\x12id\x00"...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(next))
	dst = append(dst, "\x02ns\x00"...)
	ns := "d." + collection + "\x00"
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(ns)))
	dst = append(append(dst, ns...), 0)
	binary.LittleEndian.PutUint32(dst[cursor:], uint32(len(dst)-cursor))
	dst = append(dst, "\x10ok\x00\x01\x00\x00\x00\x00"...)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst, nil
}

// itoa appends a number in decimal.
func itoa(dst []byte, n int) []byte {
	if n >= 10 {
		dst = itoa(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}
