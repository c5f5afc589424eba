package faultproxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The opcodes that drivers send, and the reply to the older one.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
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

// message is a message of the wire protocol with one command or reply.
type message struct {
	id, responseTo int32
	flags          uint32
	body           bson.Raw
	sequences      []byte // the sections with document sequences, as they were sent
	legacy         bool   // OP_QUERY and OP_REPLY
}

var errMessage = errors.New("faultproxy: invalid message")

func readMessage(r io.Reader) (*message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := int(int32(binary.LittleEndian.Uint32(header[:])))
	if size < headerSize || size > maxMessageSize {
		return nil, fmt.Errorf("%w: length %d, need %d to %d", errMessage, size, headerSize, maxMessageSize)
	}
	m := &message{id: int32(binary.LittleEndian.Uint32(header[4:])), responseTo: int32(binary.LittleEndian.Uint32(header[8:]))}
	rest := make([]byte, size-headerSize)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	switch code := binary.LittleEndian.Uint32(header[12:]); code {
	case opMsg:
		return m, m.parse(rest)
	case opQuery:
		return m, m.parseQuery(rest)
	default:
		return nil, fmt.Errorf("%w: unknown opcode %d", errMessage, code)
	}
}

// parse parses the contents of an OP_MSG.
func (m *message) parse(b []byte) error {
	if len(b) < 4 {
		return fmt.Errorf("%w: OP_MSG without flags", errMessage)
	}
	m.flags, b = binary.LittleEndian.Uint32(b), b[4:]
	if m.flags&flagChecksum != 0 {
		if len(b) < 4 {
			return fmt.Errorf("%w: OP_MSG without checksum", errMessage)
		}
		m.flags, b = m.flags&^flagChecksum, b[:len(b)-4]
	}
	for len(b) > 0 {
		if len(b) < 5 {
			return fmt.Errorf("%w: section of %d bytes", errMessage, len(b))
		}
		size := int(int32(binary.LittleEndian.Uint32(b[1:])))
		if size < 5 || size > len(b)-1 {
			return fmt.Errorf("%w: section of length %d, %d bytes left", errMessage, size, len(b)-1)
		}
		if b[0] == 0 {
			m.body = bson.Raw(b[1 : 1+size])
		} else {
			m.sequences = append(m.sequences, b[:1+size]...)
		}
		b = b[1+size:]
	}
	if m.body == nil {
		return fmt.Errorf("%w: OP_MSG without body", errMessage)
	}
	return m.body.Validate()
}

// parseQuery parses the contents of an OP_QUERY, which drivers use for the first hello.
func (m *message) parseQuery(b []byte) error {
	m.legacy = true
	name := 4
	for name < len(b) && b[name] != 0 {
		name++
	}
	if name+9+5 > len(b) {
		return fmt.Errorf("%w: OP_QUERY of %d bytes", errMessage, len(b))
	}
	m.body = bson.Raw(b[name+9:])
	return m.body.Validate()
}

// encoded returns the message with a body.
func (m *message) encoded() []byte {
	b := make([]byte, headerSize, headerSize+4+1+len(m.body)+len(m.sequences)+20)
	if m.legacy {
		binary.LittleEndian.PutUint32(b[12:], opReply)
		b = append(b, make([]byte, 20)...)
		binary.LittleEndian.PutUint32(b[headerSize:], 8) // AwaitCapable
		binary.LittleEndian.PutUint32(b[headerSize+16:], 1)
		b = append(b, m.body...)
	} else {
		binary.LittleEndian.PutUint32(b[12:], opMsg)
		b = binary.LittleEndian.AppendUint32(b, m.flags)
		b = append(append(b, 0), m.body...)
		b = append(b, m.sequences...)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[4:], uint32(m.id))
	binary.LittleEndian.PutUint32(b[8:], uint32(m.responseTo))
	return b
}
