package motor_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// corruptBatch returns a cursor document with n documents {i: 0}, {i: 1}, ... of which element bad has an invalid type.
func corruptBatch(t *testing.T, field string, id int64, n, bad int) bson.Raw {
	t.Helper()
	docs := bson.A{}
	for i := range n {
		docs = append(docs, bson.M{"i": int32(i)})
	}
	raw, err := bson.Marshal(bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "d.c"}, {Key: field, Value: docs}})
	if err != nil {
		t.Fatal(err)
	}
	element, err := bson.Marshal(docs[bad])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, element)
	at = bytes.LastIndexByte(raw[:at-2], byte(0x03)) // the type of the element, before its key and the NUL
	raw[at] = 0x20
	return raw
}

func TestCorruptBatch(t *testing.T) {
	for _, test := range []struct {
		name   string
		id     int64
		n, bad int
	}{
		{"last document", 0, 3, 2},
		{"last document, open cursor", 7, 3, 2},
		{"middle", 0, 3, 1},
		{"first document", 0, 3, 0},
		{"only document, open cursor", 7, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) {
				r.OK(bson.D{{Key: "cursor", Value: corruptBatch(t, "firstBatch", test.id, test.n, test.bad)}})
			})
			db := newClient(t, peer.URI()).Database("d")
			c, ctx := db.Collection("c"), t.Context()
			want := make([]int32, test.bad)
			for i := range want {
				want[i] = int32(i)
			}

			maps, err := c.Find(bson.M{}).ToList(ctx).Await(ctx)
			check(t, "ToList", want, maps, func(m bson.M) int32 { return m["i"].(int32) }, err)
			raws, err := motor.CollectionOf[bson.Raw](db, "c").Find(bson.M{}).ToList(ctx).Await(ctx)
			check(t, "ToList of bson.Raw", want, raws, func(r bson.Raw) int32 { return r.Lookup("i").Int32() }, err)
			type doc struct{ I int32 }
			structs, err := motor.CollectionOf[doc](db, "c").Find(bson.M{}).ToList(ctx).Await(ctx)
			check(t, "ToList of a struct", want, structs, func(d doc) int32 { return d.I }, err)

			var ranged []bson.M
			for m, e := range c.Find(bson.M{}).All(ctx) {
				if err = e; e == nil {
					ranged = append(ranged, m)
				}
			}
			check(t, "All", want, ranged, func(m bson.M) int32 { return m["i"].(int32) }, err)

			var each []bson.M
			ended := future.NewPromise[struct{}]()
			c.Find(bson.M{}).Each(ctx, func(m bson.M, e error) bool {
				if m != nil {
					each = append(each, m)
					return true
				}
				ended.Settle(struct{}{}, e)
				return false
			})
			_, err = ended.Future().Await(ctx)
			check(t, "Each", want, each, func(m bson.M) int32 { return m["i"].(int32) }, err)

			cursor := c.Find(bson.M{})
			var fetched []bson.M
			for {
				var more bool
				if more, err = cursor.FetchNext(ctx).Await(ctx); !more {
					break
				}
				m := cursor.NextObject()
				fetched = append(fetched, m)
			}
			check(t, "FetchNext", want, fetched, func(m bson.M) int32 { return m["i"].(int32) }, err)
			if _, err := cursor.Next(ctx).Await(ctx); !errors.Is(err, motor.InvalidBSON) {
				t.Errorf("Next after the error = %v, want InvalidBSON again: documents are missing", err)
			}
		})
	}
}

// check compares the documents of a corrupt batch.
func check[D any](t *testing.T, name string, want []int32, docs []D, number func(D) int32, err error) {
	t.Helper()
	got := []int32{}
	for _, d := range docs {
		got = append(got, number(d))
	}
	if !slices.Equal(got, want) || !errors.Is(err, motor.InvalidBSON) {
		t.Errorf("%s: got %v, %v, want %v, InvalidBSON", name, got, err, want)
	}
}

func TestCorruptBatchOfOtherCursors(t *testing.T) {
	for _, command := range []string{"aggregate", "listIndexes", "listCollections", "find"} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle(command, func(r *wiretest.Request) {
			r.OK(bson.D{{Key: "cursor", Value: corruptBatch(t, "firstBatch", 0, 3, 2)}})
		})
		client, ctx := newClient(t, peer.URI()), t.Context()
		db := client.Database("d")
		bucket, err := motor.NewGridFSBucket(db)
		noError(t, err)
		for _, test := range []struct {
			name, command string
			read          func() (int, error)
		}{
			{"Aggregate", "aggregate", func() (int, error) { return sized(db.Collection("c").Aggregate(bson.A{}).ToList(ctx).Await(ctx)) }},
			{"AggregateRawBatches", "aggregate", func() (int, error) {
				return countRaw(db.Collection("c").AggregateRawBatches(bson.A{}).ToList(ctx).Await(ctx))
			}},
			{"FindRawBatches", "find", func() (int, error) {
				return countRaw(db.Collection("c").FindRawBatches(bson.M{}).ToList(ctx).Await(ctx))
			}},
			{"ListIndexes", "listIndexes", func() (int, error) { return sized(db.Collection("c").ListIndexes().ToList(ctx).Await(ctx)) }},
			{"ListCollections", "listCollections", func() (int, error) {
				cursor, err := db.ListCollections(ctx, bson.M{}).Await(ctx)
				if err != nil {
					return 0, err
				}
				return sized(cursor.ToList(ctx).Await(ctx))
			}},
			{"CursorCommand", "find", func() (int, error) {
				cursor, err := db.CursorCommand(ctx, bson.D{{Key: "find", Value: "c"}}).Await(ctx)
				if err != nil {
					return 0, err
				}
				return sized(cursor.ToList(ctx).Await(ctx))
			}},
			{"GridFSBucket.Find", "find", func() (int, error) { return sized(bucket.Find(bson.M{}).ToList(ctx).Await(ctx)) }},
		} {
			if test.command != command {
				continue
			}
			if n, err := test.read(); n != 2 || !errors.Is(err, motor.InvalidBSON) {
				t.Errorf("%s: got %d documents, %v, want 2, InvalidBSON", test.name, n, err)
			}
		}
	}
}

func sized[D any](docs []D, err error) (int, error) { return len(docs), err }

// countRaw returns the number of documents in batches.
func countRaw(batches []motor.RawBatch, err error) (n int, _ error) {
	for _, b := range batches {
		for rest := []byte(b); len(rest) > 0; n++ {
			rest = rest[binary.LittleEndian.Uint32(rest):]
		}
	}
	return n, err
}

// A reply to a write that refers to other writes than those of the command.
func TestForeignWriteIndex(t *testing.T) {
	many := func(ctx context.Context, c collection) outcome {
		return started(c.BulkWrite(ctx, []mongo.WriteModel{
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 1}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}).SetUpsert(true),
		}))
	}
	index := func(v any) bson.M { return bson.M{"n": 0, "writeErrors": bson.A{bson.M{"index": v, "code": 11000}}} }
	upserted := func(v any) bson.M { return bson.M{"n": 1, "upserted": bson.A{bson.M{"index": v, "_id": 7}}} }
	for _, test := range []struct {
		name  string
		op    operation
		reply bson.M
	}{
		{"InsertMany", insertMany, index(99)},
		{"InsertMany, negative", insertMany, index(-1)},
		{"InsertMany, no index", insertMany, bson.M{"n": 0, "writeErrors": bson.A{bson.M{"code": 11000}}}},
		{"InsertMany, text", insertMany, index("0")},
		{"BulkWrite", bulkWrite, index(99)},
		{"BulkWrite, upserted", many, upserted(99)},
	} {
		for _, byCommand := range []bool{false, true} {
			peer := wiretest.Start(t, wiretest.Standalone)
			for _, name := range []string{"insert", "update", "delete"} {
				peer.Handle(name, func(r *wiretest.Request) { r.OK(test.reply) })
			}
			coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			if byCommand { // a command that we build
				noError(t, coll.SetWriteConcern(bson.M{"wtimeout": 1000}))
			}
			err := test.op(t.Context(), coll)(t.Context())
			if !errors.Is(err, motor.ProtocolError) {
				t.Errorf("%s, by a command of ours: %t: got %v, want ProtocolError", test.name, byCommand, err)
			}
			var own *motor.Error
			if errors.As(err, &own) {
				_ = own.Details()
			}
		}
	}
}

// Errors of another type would be ignored.
func TestWriteErrorsOfOtherTypes(t *testing.T) {
	for _, reply := range []bson.M{
		{"n": 0, "writeErrors": "x"},
		{"n": 0, "writeErrors": bson.A{1}},
		{"n": 0, "writeErrors": bson.M{"code": 1}},
		{"n": 1, "writeConcernError": "x"},
	} {
		peer := wiretest.Start(t, wiretest.Standalone)
		for _, name := range []string{"insert", "update", "delete"} {
			peer.Handle(name, func(r *wiretest.Request) { r.OK(reply) })
		}
		coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
		noError(t, coll.SetWriteConcern(bson.M{"wtimeout": 1000})) // by commands that we build
		for _, op := range []operation{insertOne, insertMany, upsert, bulkWrite} {
			if err := op(t.Context(), coll)(t.Context()); !errors.Is(err, motor.ProtocolError) {
				t.Errorf("%v: got %v, want ProtocolError", reply, err)
			}
		}
	}
}

func TestForeignWriteIndexWithBatching(t *testing.T) {
	for _, index := range []any{99, "0", -1} {
		peer := wiretest.Start(t, wiretest.Standalone)
		coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c").WithBatching()
		first := insertOne(t.Context(), coll)
		one := peer.Receive("insert")
		second, third := coll.InsertOne(t.Context(), bson.M{"_id": 2}), coll.InsertOne(t.Context(), bson.M{"_id": 3})
		one.OK(bson.M{"n": 1})
		noError(t, first(t.Context()))
		peer.Receive("insert").OK(bson.M{"n": 1, "writeErrors": bson.A{bson.M{"index": index, "code": 11000}}})
		for _, f := range []*future.Future[*motor.InsertOneResult]{second, third} {
			if r, err := f.Await(t.Context()); r != nil || !errors.Is(err, motor.ProtocolError) {
				t.Errorf("index %v: got %v, %v, want no result, ProtocolError", index, r, err)
			}
		}
	}
}

// A count that is none, and a list of documents that has other values.
func TestReplyOfOtherTypes(t *testing.T) {
	first := func(v any) bson.M {
		return bson.M{"cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{v}}}
	}
	count := func(ctx context.Context, c collection) outcome { return started(c.Count(ctx)) }
	cursorCount := func(ctx context.Context, c collection) outcome { return started(c.Find(bson.M{}).Count(ctx, true)) }
	countDocuments := func(ctx context.Context, c collection) outcome { return started(c.CountDocuments(ctx, bson.M{})) }
	names := func(ctx context.Context, c collection) outcome {
		return started(c.Database().ListCollectionNames(ctx, bson.M{}))
	}
	findAndDelete := func(ctx context.Context, c collection) outcome {
		return started(c.FindOneAndDelete(ctx, bson.M{}, options.FindOneAndDelete()))
	}
	legacy := func(ctx context.Context, c collection) outcome {
		return started(c.FindAndModify(ctx, bson.M{}, motor.FindAndModifyOptions{Remove: true}))
	}
	for _, test := range []struct {
		name, command string
		op            operation
		reply         any
	}{
		{"Count: text", "count", count, bson.M{"n": "1"}},
		{"Count: negative", "count", count, bson.M{"n": -1}},
		{"Count: too large", "count", count, bson.M{"n": 1e300}},
		{"Count: not a number", "count", count, bson.M{"n": math.NaN()}},
		{"Cursor.Count: negative", "count", cursorCount, bson.M{"n": -1}},
		{"Cursor.Count: text", "count", cursorCount, bson.M{"n": "1"}},
		{"CountDocuments: not a document", "aggregate", countDocuments, first(1)},
		{"CountDocuments: no count", "aggregate", countDocuments, first(bson.M{})},
		{"CountDocuments: too large", "aggregate", countDocuments, first(bson.M{"n": 1e300})},
		{"CountDocuments: corrupt", "aggregate", countDocuments, bson.D{{Key: "cursor", Value: corruptBatch(t, "firstBatch", 0, 3, 0)}}},
		{"ListCollectionNames: corrupt", "listCollections", names, bson.D{{Key: "cursor", Value: corruptBatch(t, "firstBatch", 0, 3, 0)}}},
		{"ListCollectionNames: no name", "listCollections", names, first(bson.M{})},
		{"IndexInformation: no name", "listIndexes", func(ctx context.Context, c collection) outcome {
			return started(c.IndexInformation(ctx))
		}, first(bson.M{"key": bson.M{"a": 1}})},
		{"FindOneAndDelete: text", "findAndModify", findAndDelete, bson.M{"value": "x"}},
		{"FindAndModify: list", "findAndModify", legacy, bson.M{"value": bson.A{1}}},
	} {
		for _, byCommand := range []bool{false, true} {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle(test.command, func(r *wiretest.Request) { r.OK(test.reply) })
			c := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			if byCommand {
				noError(t, c.SetWriteConcern(bson.M{"wtimeout": 1000}))
			}
			if err := test.op(t.Context(), c)(t.Context()); !errors.Is(err, motor.ProtocolError) && !errors.Is(err, motor.InvalidBSON) {
				t.Errorf("%s, by a command of ours: %t: got %v, want ProtocolError or InvalidBSON", test.name, byCommand, err)
			}
		}
	}
}

// A raw batch has only documents.
func TestRawBatchOfOtherTypes(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	for _, command := range []string{"find", "aggregate"} {
		peer.Handle(command, func(r *wiretest.Request) {
			r.OK(bson.M{"cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{bson.M{"i": 1}, 2, bson.M{"i": 3}}}})
		})
	}
	c, ctx := newClient(t, peer.URI()).Database("d").Collection("c"), t.Context()
	find, aggregate := c.FindRawBatches(bson.M{}), c.AggregateRawBatches(bson.A{})
	for _, test := range []struct {
		name string
		list func() ([]motor.RawBatch, error)
	}{
		{"FindRawBatches", func() ([]motor.RawBatch, error) { return find.ToList(ctx).Await(ctx) }},
		{"AggregateRawBatches", func() ([]motor.RawBatch, error) { return aggregate.ToList(ctx).Await(ctx) }},
	} {
		if n, err := countRaw(test.list()); n != 1 || !errors.Is(err, motor.InvalidBSON) {
			t.Errorf("%s: got %d documents, %v, want 1, InvalidBSON", test.name, n, err)
		}
		if n, err := countRaw(test.list()); n != 1 || err != nil {
			t.Errorf("%s: got %d documents, %v, want the document after the bad value", test.name, n, err)
		}
	}
}

// The driver panics on these replies.
func TestDriverPanicsOnReply(t *testing.T) {
	for _, test := range []struct {
		name    string
		op      operation
		command string
		reply   bson.M
	}{
		{"no firstBatch", readAll, "find", bson.M{"cursor": bson.M{"id": int64(0), "ns": "d.c"}}},
		{"operationTime", findOne, "find", bson.M{"operationTime": "x", "cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{}}}},
		{"clusterTime", insertOne, "insert", bson.M{"n": 1, "$clusterTime": bson.M{"clusterTime": "x"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			peer.Handle(test.command, func(r *wiretest.Request) { r.OK(test.reply) })
			coll := newClient(t, peer.URI("retryWrites=false", "retryReads=false"), motor.WithMaxWorkers(1)).Database("d").Collection("c")
			for range 2 { // the slot is free again
				err := test.op(t.Context(), coll)(t.Context())
				if err != nil && !errors.Is(err, motor.ProtocolError) || err == nil && test.command == "find" && test.name == "no firstBatch" {
					t.Errorf("got %v, want ProtocolError", err)
				}
				if p := (*future.PanicError)(nil); err != nil && !errors.As(err, &p) {
					t.Errorf("got %v, want the driver's panic as the cause", err)
				}
			}
		})
	}
}

// nestedReply returns a document with depth levels.
func nestedReply(depth int) bson.Raw {
	doc := []byte{5, 0, 0, 0, 0}
	const level = 8 // length, type, key "a" and two zero bytes
	raw := make([]byte, level*depth+len(doc))
	for i := range depth {
		at := raw[(level-1)*i:]
		binary.LittleEndian.PutUint32(at, uint32(level*(depth-i)+len(doc)))
		copy(at[4:], "\x03a\x00")
	}
	copy(raw[(level-1)*depth:], doc)
	return raw
}

func TestDeepReply(t *testing.T) {
	deep := nestedReply(1_000_000)
	if err := deep.Validate(); err != nil && len(deep) < 1000 {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		op    operation
		reply bson.M
		byOwn bool
	}{
		{"upserted _id", upsert, bson.M{"n": 1, "upserted": bson.A{bson.M{"index": 0, "_id": deep}}}, true},
		{"errInfo", upsert, bson.M{"n": 0, "writeErrors": bson.A{bson.M{"index": 0, "code": 121, "errmsg": "m", "errInfo": deep}}}, false},
		{"errInfo of a bulk", insertMany, bson.M{"n": 0, "writeErrors": bson.A{bson.M{"index": 0, "code": 121, "errmsg": "m", "errInfo": deep}}}, false},
		{"write concern", upsert, bson.M{"n": 1, "writeConcernError": bson.M{"code": 64, "errmsg": "m", "errInfo": deep}}, false},
		{"reply", command("ping"), bson.M{"a": deep}, false},
		{"failed command", command("ping"), bson.M{"ok": 0, "errmsg": "m", "code": 1, "a": deep}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			for _, name := range []string{"insert", "update", "ping"} {
				peer.Handle(name, func(r *wiretest.Request) {
					if test.reply["ok"] != nil {
						r.Reply(test.reply)
						return
					}
					r.OK(test.reply)
				})
			}
			coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			if test.byOwn {
				noError(t, coll.SetWriteConcern(bson.M{"wtimeout": 1000}))
			}
			err := test.op(t.Context(), coll)(t.Context())
			if !errors.Is(err, motor.ProtocolError) && !errors.Is(err, motor.InvalidBSON) {
				t.Errorf("got %.200v, want ProtocolError or InvalidBSON", err)
			}
		})
	}
}

func TestCorruptFileDocument(t *testing.T) {
	chunk := bson.M{"n": 0, "data": []byte("abc")}
	for _, test := range []struct {
		name        string
		file, chunk bson.M
	}{
		{"negative length", bson.M{"_id": "f", "length": -3, "chunkSize": 5}, chunk},
		{"length is text", bson.M{"_id": "f", "length": "3", "chunkSize": 5}, chunk},
		{"no length", bson.M{"_id": "f", "chunkSize": 5}, chunk},
		{"no chunkSize", bson.M{"_id": "f", "length": 3}, chunk},
		{"chunkSize 0", bson.M{"_id": "f", "length": 3, "chunkSize": 0}, chunk},
		{"no data", bson.M{"_id": "f", "length": 3, "chunkSize": 5}, bson.M{"n": 0}},
		{"data is text", bson.M{"_id": "f", "length": 3, "chunkSize": 5}, bson.M{"n": 0, "data": "abc"}},
		{"short data", bson.M{"_id": "f", "length": 3, "chunkSize": 5}, bson.M{"n": 0, "data": []byte("ab")}},
		{"no n", bson.M{"_id": "f", "length": 3, "chunkSize": 5}, bson.M{"data": []byte("abc")}},
		{"n is text", bson.M{"_id": "f", "length": 3, "chunkSize": 5}, bson.M{"n": "0", "data": []byte("abc")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) {
				if r.Command.Lookup("find").StringValue() == "fs.files" {
					r.Cursor("d.fs.files", 0, test.file)
				} else {
					r.Cursor("d.fs.chunks", 0, test.chunk)
				}
			})
			out := gridFile(t, peer)
			for i := range 3 {
				for _, read := range []outcome{
					started(out.Read(t.Context(), -1)), started(out.ReadChunk(t.Context())), started(out.ReadLine(t.Context(), -1)),
				} {
					if err := read(t.Context()); !errors.Is(err, motor.CorruptGridFile) {
						t.Errorf("round %d: got %v, want CorruptGridFile", i, err)
					}
				}
			}
		})
	}
}

// An extra chunk is corrupt too if it has no data.
func TestExtraChunkWithoutData(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	reading := gridFile(t, peer).Read(t.Context(), -1)
	peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": "f", "length": 3, "chunkSize": 5})
	peer.Receive("find").Cursor("d.fs.chunks", 0, bson.M{"n": 0, "data": []byte("abc")}, bson.M{"n": 1})
	if _, err := reading.Await(t.Context()); !errors.Is(err, motor.CorruptGridFile) {
		t.Errorf("Read() = %v, want CorruptGridFile", err)
	}
}

func TestSenselessLimits(t *testing.T) {
	for _, limit := range []any{int32(-1), int32(0), int64(-1 << 40), int64(1) << 33, int64(1) << 31} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle("hello", func(r *wiretest.Request) {
			r.OK(peer.Hello(), bson.M{"maxBsonObjectSize": limit, "maxMessageSizeBytes": limit, "maxWriteBatchSize": limit})
		})
		peer.Handle("isMaster", func(r *wiretest.Request) {
			r.OK(peer.Hello(), bson.M{"maxBsonObjectSize": limit, "maxMessageSizeBytes": limit, "maxWriteBatchSize": limit})
		})
		client := newClient(t, peer.URI())
		succeed(t, client.Open(t.Context()))
		if a, b, c := client.MaxBSONSize(), client.MaxMessageSize(), client.MaxWriteBatchSize(); a != 16<<20 || b != 32<<20 || c != 1000 {
			t.Errorf("limit %v: got %d, %d, %d, want the defaults", limit, a, b, c)
		}
	}
}

func TestClientBulkForeignIndex(t *testing.T) {
	for _, test := range []struct {
		index int
		want  *motor.ErrorClass
	}{
		{99, motor.ClientBulkWriteException}, // the driver ignores the document
		{-1, motor.ProtocolError},            // the driver panics
	} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle("bulkWrite", func(r *wiretest.Request) {
			failed := bson.M{"ok": 0, "idx": test.index, "code": 11000, "errmsg": "m", "n": 0}
			r.OK(bson.M{
				"cursor":    bson.M{"id": int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": bson.A{failed}},
				"nInserted": 0, "nMatched": 0, "nModified": 0, "nUpserted": 0, "nDeleted": 0, "nErrors": 1,
			})
		})
		err := clientBulkWrite(t.Context(), newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c"))(t.Context())
		if !errors.Is(err, test.want) {
			t.Errorf("index %d: got %v, want %s", test.index, err, test.want.Name())
		}
	}
}
