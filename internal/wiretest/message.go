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

// message is what came over the wire.
type message struct {
	id      int32
	legacy  bool // OP_QUERY
	flags   uint32
	command bson.Raw
}

// readMessage reads one message. Its errors are io.EOF between two messages, and otherwise say what is wrong.
func readMessage(r io.Reader) (message, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return message{}, err
	}
	size := int32(binary.LittleEndian.Uint32(header))
	if size < headerSize || size > maxMessageSize {
		return message{}, fmt.Errorf("a message of %d bytes", size)
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
		err = errors.New("OP_COMPRESSED, although the peer offers no compression")
	default:
		err = fmt.Errorf("an unknown opcode: %d", op)
	}
	return m, err
}

// parseMsg takes an OP_MSG apart and puts its document sequences into the command, as if they were fields of it.
func (m *message) parseMsg(whole []byte) error {
	body := whole[headerSize:]
	if len(body) < 4 {
		return errors.New("an OP_MSG without flags")
	}
	m.flags = binary.LittleEndian.Uint32(body)
	if unknown := m.flags & 0xffff &^ (flagChecksum | flagMoreToCome); unknown != 0 {
		return fmt.Errorf("an OP_MSG with unknown required flags: %#x", unknown)
	}
	body = body[4:]
	if m.flags&flagChecksum != 0 {
		if len(body) < 4 {
			return errors.New("an OP_MSG without its checksum")
		}
		end := len(whole) - 4
		sum := crc32.Checksum(whole[:end], crc32.MakeTable(crc32.Castagnoli))
		if got := binary.LittleEndian.Uint32(whole[end:]); got != sum {
			return fmt.Errorf("an OP_MSG whose checksum is %#x and should be %#x", got, sum)
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
				return errors.New("an OP_MSG with two bodies")
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
			return fmt.Errorf("an OP_MSG section of unknown kind %d", kind)
		}
	}
	if m.command == nil {
		return errors.New("an OP_MSG without a body")
	}
	if len(sequences) == 0 {
		return nil
	}
	var err error
	m.command, err = join(m.command, sequences)
	return err
}

// parseSequence reads a document sequence, without its size.
func parseSequence(section []byte) (bson.E, error) {
	name, rest, ok := bytes.Cut(section, []byte{0})
	if !ok {
		return bson.E{}, errors.New("a document sequence without a name")
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

// parseQuery takes an OP_QUERY for a command apart.
func (m *message) parseQuery(body []byte) error {
	m.legacy = true
	if len(body) < 4 {
		return errors.New("an OP_QUERY without flags")
	}
	name, rest, ok := bytes.Cut(body[4:], []byte{0})
	if !ok || len(rest) < 8 {
		return errors.New("an OP_QUERY that is cut short")
	}
	db, isCommand := strings.CutSuffix(string(name), ".$cmd")
	if !isCommand {
		return fmt.Errorf("a legacy OP_QUERY on %s", name)
	}
	command, rest, err := cutDocument(rest[8:])
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return errors.New("an OP_QUERY with more than a query")
	}
	if query, ok := command.Lookup("$query").DocumentOK(); ok {
		command = query
	}
	m.command, err = join(command, bson.D{{Key: "$db", Value: db}})
	return err
}

// join returns doc with more fields at its end.
func join(doc bson.Raw, more bson.D) (bson.Raw, error) {
	all, err := fieldsOf(doc)
	if err != nil {
		return nil, err
	}
	return bson.Marshal(append(all, more...))
}

// fieldsOf returns the fields of a document in their order, whatever type the document has.
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

// cutSized cuts from the front of b what begins with its own size, as documents and document sequences do.
func cutSized(b []byte) (front, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	size := binary.LittleEndian.Uint32(b)
	if size < 4 || uint64(size) > uint64(len(b)) {
		return nil, nil, fmt.Errorf("a size of %d where %d bytes are left", size, len(b))
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
