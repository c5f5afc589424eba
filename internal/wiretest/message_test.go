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

// packet returns a message of parts, each of which is a number of 32 bits, a byte, a string, bytes or a document.
func packet(opcode int32, parts ...any) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint32(b[4:], 77) // its number
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

// checked adds a checksum to a message that announces one.
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

func TestProperMessages(t *testing.T) {
	one, two := bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}
	for _, test := range []struct {
		name    string
		packet  []byte
		want    bson.M
		exhaust bool
	}{
		{"a body", packet(opMsg, 0, byte(0), insert), bson.M{"documents": wiretest.Absent}, false},
		{"a checksum", checked(packet(opMsg, 1, byte(0), insert)), bson.M{"insert": "c"}, false},
		{"exhaustAllowed", packet(opMsg, 1<<16, byte(0), insert), bson.M{"insert": "c"}, true},
		{"optional flags that are unknown", packet(opMsg, 1<<31, byte(0), insert), bson.M{"insert": "c"}, false},
		{"a sequence", packet(opMsg, 0, byte(0), insert, sequence("documents", one, two)),
			bson.M{"documents": bson.A{one, two}}, false},
		{"a sequence before the body", packet(opMsg, 0, sequence("documents", one), byte(0), insert),
			bson.M{"documents": bson.A{one}, "$db": "d"}, false},
		{"two sequences", packet(opMsg, 0, byte(0), insert, sequence("documents", one), sequence("more", two)),
			bson.M{"documents": bson.A{one}, "more": bson.A{two}}, false},
		{"an empty sequence", packet(opMsg, 0, byte(0), insert, sequence("documents")),
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
				t.Errorf("exhaustAllowed %v, moreToCome %v", r.ExhaustAllowed, r.MoreToCome)
			}
			r.OK(bson.M{"n": 1})
			got := make([]byte, 21)
			if _, err := io.ReadFull(conn, got); err != nil {
				t.Fatal(err)
			}
			if answers := binary.LittleEndian.Uint32(got[8:]); answers != 77 {
				t.Errorf("the answer is to message %d, not to 77", answers)
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
			t.Errorf("opcode %d, %s", op, doc)
		}
	}
	if n := len(peer.Seen("hello")); n != 2 {
		t.Errorf("recorded %d of 2", n)
	}
}

func TestImproperMessages(t *testing.T) {
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
		{"an opcode", packet(2002, 0), "unknown opcode: 2002"},
		{"a size", []byte{5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "a message of 5 bytes"},
		{"no flags", packet(opMsg), "without flags"},
		{"flags", packet(opMsg, 4, byte(0), insert), "unknown required flags: 0x4"},
		{"no checksum", packet(opMsg, 1), "without its checksum"},
		{"a checksum", wrong, "whose checksum is"},
		{"no body", packet(opMsg, 0, sequence("documents")), "without a body"},
		{"two bodies", packet(opMsg, 0, byte(0), insert, byte(0), insert), "two bodies"},
		{"a kind", packet(opMsg, 0, byte(3), insert), "unknown kind 3"},
		{"an empty command", packet(opMsg, 0, byte(0), bson.D{}), "without a name"},
		{"a broken document", packet(opMsg, 0, byte(0), broken), "a client sent"},
		{"a size within", packet(opMsg, 0, byte(0), 1000), "a size of 1000 where 4 bytes are left"},
		{"a nameless sequence", packet(opMsg, 0, byte(1), 6, byte(65), byte(66)), "without a name"},
		{"a legacy find", packet(opQuery, 0, "d.c", 0, -1, insert), "a legacy OP_QUERY on d.c"},
		{"a legacy command", packet(opQuery, 0, "d.$cmd", 0, -1, insert), `a legacy OP_QUERY: {"insert"`},
		{"a legacy nothing", packet(opQuery, 0), "cut short"},
		{"a legacy selector", packet(opQuery, 0, "d.$cmd", 0, -1, insert, insert), "more than a query"},
	} {
		t.Run(test.name, func(t *testing.T) {
			reports := reportsOf(func(mock *recorder) {
				conn := dial(t, wiretest.Start(mock, wiretest.Standalone))
				if _, err := conn.Write(test.packet); err != nil {
					mock.Fatalf("%v", err)
				}
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					mock.Errorf("the peer has answered")
				}
			})
			wantReports(t, reports, []string{"wiretest: ", test.says})
		})
	}
}

func TestClientThatGoesAwayIsNoFailure(t *testing.T) {
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

func TestCommandIsPrintedAsJSON(t *testing.T) {
	reports := reportsOf(func(mock *recorder) {
		peer := wiretest.Start(mock, wiretest.Standalone)
		conn := dial(t, peer)
		if _, err := conn.Write(packet(opMsg, 0, byte(0), insert, sequence("documents", bson.M{"a": 1}))); err != nil {
			mock.Fatalf("%v", err)
		}
		peer.Receive("find")
	})
	const want = `waited for find and received {"insert": "c","$db": "d","documents": [{"a": {"$numberInt":"1"}}]}`
	if len(reports) != 1 || !strings.Contains(reports[0], want) {
		t.Errorf("got %q, want %s", reports, want)
	}
}
