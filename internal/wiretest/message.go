package wiretest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The opcodes of the wire protocol that a peer knows.
const (
	opReply      = 1    // answers opQuery
	opQuery      = 2004 // only for the first hello of a connection
	opCompressed = 2012
	opMsg        = 2013
)

// The flag bits of OP_MSG.
const (
	flagChecksum       = 1 << 0
	flagMoreToCome     = 1 << 1
	flagExhaustAllowed = 1 << 16
)

const (
	headerSize     = 16
	maxMessageSize = 48_000_000
)

// message is a message from a client.
type message struct {
	id      int32
	legacy  bool // OP_QUERY
	flags   uint32
	command bson.Raw
}

// readMessage reads one message. It returns io.EOF between two messages, and otherwise an error that says what is
// wrong.
func readMessage(r io.Reader) (message, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return message{}, err
	}
	size := int32(binary.LittleEndian.Uint32(header))
	if size < headerSize || size > maxMessageSize {
		return message{}, fmt.Errorf("invalid message length %d: need at least %d and at most %d", size, headerSize, maxMessageSize)
	}
	whole := append(header, make([]byte, size-headerSize)...)
	if _, err := io.ReadFull(r, whole[headerSize:]); err != nil {
		return message{}, err
	}
	m := message{id: int32(binary.LittleEndian.Uint32(whole[4:]))}
	var err error
	switch op := binary.LittleEndian.Uint32(whole[12:]); op {
	case opMsg:
		err = m.parseMsg(whole)
	case opQuery:
		err = m.parseQuery(whole[headerSize:])
	case opCompressed:
		err = errors.New("OP_COMPRESSED: the peer offers no compression")
	default:
		err = fmt.Errorf("unknown opcode %d", op)
	}
	return m, err
}

// parseMsg parses an OP_MSG. It adds document sequences to the command, as fields.
func (m *message) parseMsg(whole []byte) error {
	body := whole[headerSize:]
	if len(body) < 4 {
		return errors.New("OP_MSG without flags")
	}
	m.flags = binary.LittleEndian.Uint32(body)
	if unknown := m.flags & 0xffff &^ (flagChecksum | flagMoreToCome); unknown != 0 {
		return fmt.Errorf("OP_MSG with unknown required flags %#x", unknown)
	}
	body = body[4:]
	if m.flags&flagChecksum != 0 {
		if len(body) < 4 {
			return errors.New("OP_MSG without checksum")
		}
		end := len(whole) - 4
		sum := crc32.Checksum(whole[:end], crc32.MakeTable(crc32.Castagnoli))
		if got := binary.LittleEndian.Uint32(whole[end:]); got != sum {
			return fmt.Errorf("OP_MSG with checksum %#x, want %#x", got, sum)
		}
		body = body[:len(body)-4]
	}
	var sequences bson.D
	for len(body) > 0 {
		kind := body[0]
		body = body[1:]
		switch kind {
		case 0:
			if m.command != nil {
				return errors.New("OP_MSG with two bodies")
			}
			var err error
			if m.command, body, err = cutDocument(body); err != nil {
				return err
			}
		case 1:
			section, rest, err := cutSized(body)
			if err != nil {
				return err
			}
			sequence, err := parseSequence(section[4:])
			if err != nil {
				return err
			}
			sequences, body = append(sequences, sequence), rest
		default:
			return fmt.Errorf("OP_MSG with section of unknown kind %d", kind)
		}
	}
	if m.command == nil {
		return errors.New("OP_MSG without body")
	}
	if len(sequences) == 0 {
		return nil
	}
	var err error
	m.command, err = join(m.command, sequences)
	return err
}

// parseSequence parses a document sequence, without its size.
func parseSequence(section []byte) (bson.E, error) {
	name, rest, ok := bytes.Cut(section, []byte{0})
	if !ok {
		return bson.E{}, errors.New("document sequence without name")
	}
	docs := bson.A{}
	for len(rest) > 0 {
		var doc bson.Raw
		var err error
		if doc, rest, err = cutDocument(rest); err != nil {
			return bson.E{}, err
		}
		docs = append(docs, doc)
	}
	return bson.E{Key: string(name), Value: docs}, nil
}

// parseQuery parses an OP_QUERY that holds a command.
func (m *message) parseQuery(body []byte) error {
	m.legacy = true
	if len(body) < 4 {
		return errors.New("OP_QUERY without flags")
	}
	name, rest, ok := bytes.Cut(body[4:], []byte{0})
	if !ok || len(rest) < 8 {
		return errors.New("truncated OP_QUERY")
	}
	db, isCommand := strings.CutSuffix(string(name), ".$cmd")
	if !isCommand {
		return fmt.Errorf("OP_QUERY on %s: only commands are supported", name)
	}
	command, rest, err := cutDocument(rest[8:])
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return errors.New("OP_QUERY with data after the query")
	}
	if query, ok := command.Lookup("$query").DocumentOK(); ok {
		command = query
	}
	m.command, err = join(command, bson.D{{Key: "$db", Value: db}})
	return err
}

// join returns doc with more fields appended.
func join(doc bson.Raw, more bson.D) (bson.Raw, error) {
	all, err := fieldsOf(doc)
	if err != nil {
		return nil, err
	}
	return bson.Marshal(append(all, more...))
}

// fieldsOf returns the fields of a document of any type, in order.
func fieldsOf(doc any) (bson.D, error) {
	raw, ok := doc.(bson.Raw)
	if !ok {
		var err error
		if raw, err = bson.Marshal(doc); err != nil {
			return nil, err
		}
	}
	elements, err := raw.Elements()
	if err != nil {
		return nil, err
	}
	fields := make(bson.D, 0, len(elements))
	for _, e := range elements {
		fields = append(fields, bson.E{Key: e.Key(), Value: e.Value()})
	}
	return fields, nil
}

// cutDocument cuts a document from the front of b.
func cutDocument(b []byte) (doc bson.Raw, rest []byte, err error) {
	doc, rest, err = cutSized(b)
	if err == nil {
		err = doc.Validate()
	}
	return doc, rest, err
}

// cutSized cuts a part that starts with its size, such as a document or a document sequence, from the front of b.
func cutSized(b []byte) (front, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	size := binary.LittleEndian.Uint32(b)
	if size < 4 || uint64(size) > uint64(len(b)) {
		return nil, nil, fmt.Errorf("invalid size %d: need at least 4 and at most %d", size, len(b))
	}
	return b[:size], b[size:], nil
}

// reply returns the message that answers m with doc.
func (m message) reply(doc bson.Raw) []byte {
	b := make([]byte, headerSize, headerSize+20+len(doc))
	binary.LittleEndian.PutUint32(b[8:], uint32(m.id))
	if m.legacy {
		binary.LittleEndian.PutUint32(b[12:], opReply)
		b = append(b, make([]byte, 16)...)         // flags, cursor ID, starting from
		b = binary.LittleEndian.AppendUint32(b, 1) // documents
	} else {
		binary.LittleEndian.PutUint32(b[12:], opMsg)
		b = append(b, 0, 0, 0, 0) // flags
		b = append(b, 0)          // kind of the section
	}
	b = append(b, doc...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}
