package drivercompat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/wiretest"
)

func TestBatchIsCorrupt(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) {
		raw, err := bson.Marshal(bson.D{
			{Key: "id", Value: int64(0)}, {Key: "ns", Value: "d.c"}, {Key: "firstBatch", Value: bson.A{bson.M{"a": "x"}, bson.M{"b": "y"}}},
		})
		if err != nil {
			t.Error(err)
		}
		second := bytes.Index(raw, []byte("\x031\x00"))
		raw[second] = 0x20 // not a type
		r.OK(bson.D{{Key: "cursor", Value: bson.Raw(raw)}})
	})
	peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"a": "x"}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(1, "InternalError", "no") })
	coll, ctx := connect(t, peer.URI("retryReads=false")).Database("d").Collection("c"), context.Background()
	cursor, err := coll.Find(ctx, bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	if !cursor.TryNext(ctx) || drivercompat.BatchIsCorrupt(cursor) {
		t.Errorf("first document: got %v, corrupt %t, want a document", cursor.Err(), drivercompat.BatchIsCorrupt(cursor))
	}
	if cursor.TryNext(ctx) || !drivercompat.BatchIsCorrupt(cursor) {
		t.Errorf("second document: got %v, corrupt %t, want a corrupt batch. The fields of the driver's Cursor have changed.",
			cursor.Err(), drivercompat.BatchIsCorrupt(cursor))
	}
	if cursor, err = coll.Aggregate(ctx, bson.A{}); err != nil {
		t.Fatal(err)
	}
	if !cursor.TryNext(ctx) || cursor.TryNext(ctx) || cursor.Err() == nil || drivercompat.BatchIsCorrupt(cursor) {
		t.Errorf("failed getMore: got %v, corrupt %t, want an error and no corrupt batch", cursor.Err(), drivercompat.BatchIsCorrupt(cursor))
	}
}

// TestNextInBatch compares it with the driver's Next, also for lists that are corrupt.
func TestNextInBatch(t *testing.T) {
	const n = 12 // keys of one digit and of two
	whole := func(change func(list []byte)) bson.RawValue {
		var list bson.A
		for i := range n {
			list = append(list, bson.D{{Key: "i", Value: i}, {Key: "s", Value: "text"}})
		}
		kind, raw, err := bson.MarshalValue(list)
		if err != nil || kind != bson.TypeArray {
			t.Fatal(kind, err)
		}
		change(raw)
		return bson.RawValue{Type: kind, Value: raw}
	}
	at := func(list []byte, key string) int { return bytes.Index(list, []byte("\x03"+key+"\x00")) }
	ctx := context.Background()
	for _, test := range []struct {
		name   string
		change func(list []byte)
	}{
		{"valid", func([]byte) {}},
		{"no document", func(list []byte) { list[at(list, "10")] = byte(bson.TypeArray) }},
		{"no type", func(list []byte) { list[at(list, "3")] = 0x20 }},
		{"long document", func(list []byte) { list[at(list, "5")+3]++ }},
		{"document beyond the list", func(list []byte) { list[at(list, "11")+5] = 1 }},
		{"negative length", func(list []byte) { list[at(list, "4")+6] = 0x80 }},
		{"length of 4", func(list []byte) { list[at(list, "4")+3] = 4 }},
		{"length of 0", func(list []byte) { list[at(list, "4")+3] = 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) {
				r.OK(bson.D{{Key: "cursor", Value: bson.D{
					{Key: "id", Value: int64(7)}, {Key: "ns", Value: "d.c"}, {Key: "firstBatch", Value: whole(test.change)},
				}}})
			})
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": "later"}) })
			coll := connect(t, peer.URI("retryReads=false")).Database("d").Collection("c")
			read := func(next func(*mongo.Cursor) bool) (seen []string) {
				cursor, err := coll.Find(ctx, bson.D{})
				if err != nil {
					return []string{err.Error()}
				}
				for more := cursor.Next(ctx); more && len(seen) < 2*n; {
					seen = append(seen, fmt.Sprintf("%x, %d left", []byte(cursor.Current), cursor.RemainingBatchLength()))
					if cursor.RemainingBatchLength() > 0 {
						more = next(cursor)
					} else {
						more = cursor.Next(ctx)
					}
				}
				return append(seen, fmt.Sprint(cursor.Err(), cursor.RemainingBatchLength(), drivercompat.BatchIsCorrupt(cursor)))
			}
			got, want := read(drivercompat.NextInBatch), read(func(c *mongo.Cursor) bool { return c.Next(ctx) })
			if !slices.Equal(got, want) {
				t.Errorf("read %q, want as with the driver's Next %q", got, want)
			}
			if test.name == "valid" && len(want) != n+2 {
				t.Errorf("read %q, want %d documents", want, n+1)
			}
		})
	}
}

// TestNextInBatchAllocations fails if the driver has changed the fields of its cursor or of its list of documents.
func TestNextInBatchAllocations(t *testing.T) {
	const n = 1_000
	docs := make([]any, n)
	for i := range docs {
		docs[i] = bson.D{}
	}
	cursor, err := mongo.NewCursorFromDocuments(docs, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !cursor.Next(t.Context()) {
		t.Fatal(cursor.Err())
	}
	allocations := testing.AllocsPerRun(n-2, func() {
		if !drivercompat.NextInBatch(cursor) {
			t.Error(cursor.Err())
		}
	})
	if allocations > 0 || cursor.RemainingBatchLength() != 0 {
		t.Errorf("NextInBatch allocates %v times for a document, and %d are left, want 0, 0: the fields of the driver's Cursor have changed. Reading lists is slower now.",
			allocations, cursor.RemainingBatchLength())
	}
}

func TestIsPlain(t *testing.T) {
	plain := errors.New("plain")
	for _, test := range []struct {
		err  error
		want bool
	}{
		{plain, true},
		{fmt.Errorf("wrapped: %w", plain), true},
		{fmt.Errorf("two: %w, %w", plain, plain), true},
		{errors.Join(plain, plain), true},
		{bson.Unmarshal(bson.Raw("\x09\x00\x00\x00\x08b\x00\x01\x00"), new(struct{ B string })), true},
		{fmt.Errorf("read: %w", bson.Raw("\x05\x00").Validate()), true},
		{fmt.Errorf("wrapped: %w", ConnectionError{}), false},
		{errors.Join(plain, ConnectionError{}), false},
		{context.DeadlineExceeded, false},
	} {
		if got := drivercompat.IsPlain(test.err); got != test.want {
			t.Errorf("IsPlain(%T %v) = %t, want %t", test.err, test.err, got, test.want)
		}
	}
}

func TestCursorReaderRevive(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"a": 1}) })
	peer.Handle("insert", func(r *wiretest.Request) { r.HangUp() })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"a": 2}) })
	client := connect(t, peer.URI("retryWrites=false"))
	ctx := context.Background()
	cursor, err := client.Database("d").Collection("c").Find(ctx, bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	reader := drivercompat.CursorReader{Cursor: cursor, Client: client} // it does not wait
	if !reader.Next(ctx) {
		t.Fatalf("first document: got %v, want it", reader.Err())
	}
	if err := insert(ctx, client); err == nil {
		t.Fatal("insert: got no error, want one, after which the pool is paused")
	}
	if reader.Next(ctx) || !drivercompat.NotSent(reader.Err()) {
		t.Fatalf("getMore with a paused pool: got %v, want that it is not sent", reader.Err())
	}
	if !reader.Revive() || reader.Err() != nil {
		t.Fatalf("Revive(): got %v, want a usable cursor. The fields of the driver's Cursor or BatchCursor have changed.", reader.Err())
	}
	if err := client.Ping(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if !reader.Next(ctx) {
		t.Errorf("second document: got %v, want it", reader.Err())
	}
}
