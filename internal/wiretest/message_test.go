package wiretest_test

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
)

const (
	opQuery      = 2004
	opCompressed = 2012
	opMsg        = 2013
)

// packet returns a message that consists of parts: 32-bit numbers, bytes, strings, byte slices and documents.
func packet(opcode int32, parts ...any) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint32(b[4:], 77) // the request ID
	binary.LittleEndian.PutUint32(b[12:], uint32(opcode))
	b = appendParts(b, parts...)
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

func appendParts(b []byte, parts ...any) []byte {
	for _, part := range parts {
		switch v := part.(type) {
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		case byte:
			b = append(b, v)
		case string:
			b = append(append(b, v...), 0)
		case []byte:
			b = append(b, v...)
		default:
			doc, err := bson.Marshal(v)
			if err != nil {
				panic(err)
			}
			b = append(b, doc...)
		}
	}
	return b
}

// sequence returns a section of kind 1.
func sequence(parts ...any) []byte {
	inner := appendParts(nil, parts...)
	return appendParts(nil, byte(1), 4+len(inner), inner)
}

// checked appends the checksum to a message whose flags announce one.
func checked(packet []byte) []byte {
	binary.LittleEndian.PutUint32(packet, uint32(len(packet)+4))
	return binary.LittleEndian.AppendUint32(packet, crc32.Checksum(packet, crc32.MakeTable(crc32.Castagnoli)))
}

func dial(t *testing.T, peer *wiretest.Peer) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", peer.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

var insert = bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}}

func TestReadValidMessage(t *testing.T) {
	one, two := bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}
	for _, test := range []struct {
		name    string
		packet  []byte
		want    bson.M
		exhaust bool
	}{
		{"body", packet(opMsg, 0, byte(0), insert), bson.M{"documents": wiretest.Absent}, false},
		{"checksum", checked(packet(opMsg, 1, byte(0), insert)), bson.M{"insert": "c"}, false},
		{"exhaustAllowed", packet(opMsg, 1<<16, byte(0), insert), bson.M{"insert": "c"}, true},
		{"unknown optional flags", packet(opMsg, 1<<31, byte(0), insert), bson.M{"insert": "c"}, false},
		{"sequence", packet(opMsg, 0, byte(0), insert, sequence("documents", one, two)),
			bson.M{"documents": bson.A{one, two}}, false},
		{"sequence before the body", packet(opMsg, 0, sequence("documents", one), byte(0), insert),
			bson.M{"documents": bson.A{one}, "$db": "d"}, false},
		{"two sequences", packet(opMsg, 0, byte(0), insert, sequence("documents", one), sequence("more", two)),
			bson.M{"documents": bson.A{one}, "more": bson.A{two}}, false},
		{"empty sequence", packet(opMsg, 0, byte(0), insert, sequence("documents")),
			bson.M{"documents": bson.A{}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			conn := dial(t, peer)
			if _, err := conn.Write(test.packet); err != nil {
				t.Fatal(err)
			}
			r := peer.Receive("insert")
			r.Want(test.want)
			if r.ExhaustAllowed != test.exhaust || r.MoreToCome {
				t.Errorf("got exhaustAllowed %v, moreToCome %v, want %v, false", r.ExhaustAllowed, r.MoreToCome, test.exhaust)
			}
			r.OK(bson.M{"n": 1})
			got := make([]byte, 21)
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Fatal(err)
			}
			if answers := binary.LittleEndian.Uint32(got[8:]); answers != 77 {
				t.Errorf("got an answer to message %d, want 77", answers)
			}
		})
	}
}

func TestLegacyHello(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	conn := dial(t, peer)
	hello := bson.D{{Key: "isMaster", Value: 1}}
	for _, query := range []bson.D{hello, {{Key: "$query", Value: hello}}} {
		if _, err := conn.Write(packet(opQuery, 0, "admin.$cmd", 0, -1, query)); err != nil {
			t.Fatal(err)
		}
		header := make([]byte, 36)
		if _, err := io.ReadFull(conn, header); err != nil {
			t.Fatal(err)
		}
		doc := make(bson.Raw, int(binary.LittleEndian.Uint32(header))-len(header))
		if _, err := io.ReadFull(conn, doc); err != nil {
			t.Fatal(err)
		}
		if op := binary.LittleEndian.Uint32(header[12:]); op != 1 || doc.Lookup("ismaster").Boolean() != true {
			t.Errorf("got opcode %d, %s, want opcode 1 and ismaster true", op, doc)
		}
	}
	if n := len(peer.Seen("hello")); n != 2 {
		t.Errorf("got %d recorded commands, want 2", n)
	}
}

func TestReadInvalidMessage(t *testing.T) {
	broken := appendParts(nil, insert)
	broken[len(broken)-1] = 1
	wrong := checked(packet(opMsg, 1, byte(0), insert))
	wrong[len(wrong)-1]++
	for _, test := range []struct {
		name   string
		packet []byte
		says   string
	}{
		{"compression", packet(opCompressed, opMsg, 0, byte(0)), "OP_COMPRESSED"},
		{"unknown opcode", packet(2002, 0), "unknown opcode 2002"},
		{"invalid length", []byte{5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "invalid message length 5: need at least 16 and at most 48000000"},
		{"no flags", packet(opMsg), "without flags"},
		{"unknown flags", packet(opMsg, 4, byte(0), insert), "unknown required flags 0x4"},
		{"no checksum", packet(opMsg, 1), "without checksum"},
		{"wrong checksum", wrong, "OP_MSG with checksum"},
		{"no body", packet(opMsg, 0, sequence("documents")), "without body"},
		{"two bodies", packet(opMsg, 0, byte(0), insert, byte(0), insert), "two bodies"},
		{"unknown kind", packet(opMsg, 0, byte(3), insert), "unknown kind 3"},
		{"empty command", packet(opMsg, 0, byte(0), bson.D{}), "without name"},
		{"invalid document", packet(opMsg, 0, byte(0), broken), "invalid message"},
		{"invalid document size", packet(opMsg, 0, byte(0), 1000), "invalid size 1000: need at least 4 and at most 4"},
		{"sequence without name", packet(opMsg, 0, byte(1), 6, byte(65), byte(66)), "without name"},
		{"OP_QUERY find", packet(opQuery, 0, "d.c", 0, -1, insert), "OP_QUERY on d.c"},
		{"OP_QUERY command", packet(opQuery, 0, "d.$cmd", 0, -1, insert), `OP_QUERY other than hello: {"insert"`},
		{"truncated OP_QUERY", packet(opQuery, 0), "truncated OP_QUERY"},
		{"OP_QUERY with selector", packet(opQuery, 0, "d.$cmd", 0, -1, insert, insert), "data after the query"},
	} {
		t.Run(test.name, func(t *testing.T) {
			reports := reportsOf(func(mock *recorder) {
				conn := dial(t, wiretest.Start(mock, wiretest.Standalone))
				if _, err := conn.Write(test.packet); err != nil {
					mock.Fatalf("%v", err)
				}
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					mock.Errorf("got an answer, want a closed connection")
				}
			})
			wantReports(t, reports, []string{"wiretest: ", test.says})
		})
	}
}

func TestClientDisconnects(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	whole := packet(opMsg, 0, byte(0), insert)
	for _, part := range [][]byte{nil, whole[:3], whole[:20]} {
		conn := dial(t, peer)
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
		peer.AwaitConnections(1)
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		peer.AwaitConnections(0)
	}
}

func TestReportPrintsCommand(t *testing.T) {
	reports := reportsOf(func(mock *recorder) {
		peer := wiretest.Start(mock, wiretest.Standalone)
		conn := dial(t, peer)
		if _, err := conn.Write(packet(opMsg, 0, byte(0), insert, sequence("documents", bson.M{"a": 1}))); err != nil {
			mock.Fatalf("%v", err)
		}
		peer.Receive("find")
	})
	const want = `got command {"insert": "c","$db": "d","documents": [{"a": {"$numberInt":"1"}}]}, want find`
	if len(reports) != 1 || !strings.Contains(reports[0], want) {
		t.Errorf("got %q, want %s", reports, want)
	}
}
