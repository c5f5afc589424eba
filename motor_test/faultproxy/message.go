package faultproxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/gomotor/gomotor/motor_test/internal/changes"
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

// name returns the name of a command.
func (m *message) name() string {
	first, _ := m.body.IndexErr(0)
	return first.Key()
}

// target returns the name of a command and the namespace that it concerns.
func (m *message) target() (name string, ns changes.Namespace) {
	name = m.name()
	ns.Database, _ = m.body.Lookup("$db").StringValueOK()
	ns.Collection, _ = m.body.Lookup(name).StringValueOK()
	if name == "renameCollection" {
		ns.Database, ns.Collection, _ = strings.Cut(ns.Collection, ".")
	}
	return name, ns
}

// renamed returns the new name of a collection that is renamed.
func (m *message) renamed() (ns changes.Namespace) {
	full, _ := m.body.Lookup("to").StringValueOK()
	ns.Database, ns.Collection, _ = strings.Cut(full, ".")
	return ns
}

// ordered reports whether a write stops at the first error.
func (m *message) ordered() bool {
	ordered, set := m.body.Lookup("ordered").BooleanOK()
	return ordered || !set
}

// statements returns the documents of a write, which are in a field of the command or in a document sequence.
func (m *message) statements(field string) (docs []bson.Raw, err error) {
	for _, v := range values(m.body, field) {
		doc, ok := v.DocumentOK()
		if !ok {
			return nil, fmt.Errorf("%w: %s has a BSON %s", errMessage, field, v.Type)
		}
		docs = append(docs, doc)
	}
	for b := m.sequences; len(b) > 0; {
		size := int(binary.LittleEndian.Uint32(b[1:])) // see parse
		name, rest, found := bytes.Cut(b[5:1+size], []byte{0})
		if !found || string(name) != field {
			return nil, fmt.Errorf("%w: document sequence %q, need %q", errMessage, name, field)
		}
		for len(rest) > 0 {
			doc, next, ok := bsoncore.ReadDocument(rest)
			if !ok {
				return nil, fmt.Errorf("%w: truncated document in %s", errMessage, field)
			}
			if err := doc.Validate(); err != nil {
				return nil, fmt.Errorf("%w: %s: %w", errMessage, field, err)
			}
			docs, rest = append(docs, bson.Raw(doc)), next
		}
		b = b[1+size:]
	}
	return docs, nil
}

// withStatements returns a write with other documents in a field.
func (m *message) withStatements(field string, docs []bson.Raw) *message {
	other := m.without(field)
	section := append([]byte{1, 0, 0, 0, 0}, field...)
	section = append(section, 0)
	for _, doc := range docs {
		section = append(section, doc...)
	}
	binary.LittleEndian.PutUint32(section[1:], uint32(len(section)-1))
	other.sequences = section
	return other
}

// without returns a command without some fields.
func (m *message) without(fields ...string) *message {
	other := *m
	other.body = mustMarshal(slices.DeleteFunc(elements(m.body), func(e bson.E) bool { return slices.Contains(fields, e.Key) }))
	return &other
}

// elements returns the fields of a valid document.
func elements(doc bson.Raw) bson.D {
	list, _ := doc.Elements()
	all := make(bson.D, len(list))
	for i, e := range list {
		all[i] = bson.E{Key: e.Key(), Value: e.Value()}
	}
	return all
}
