package motor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// docsFrom returns n documents with the _ids from first on.
func docsFrom(first, n int) []bson.D {
	docs := make([]bson.D, n)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: int32(first + i)}}
	}
	return docs
}

// idsIn returns the _ids of the documents of an insert.
func idsIn(t *testing.T, insert bson.Raw) (ids []any) {
	t.Helper()
	docs, err := insert.Lookup("documents").Array().Values()
	noError(t, err)
	for _, doc := range docs {
		noError(t, doc.Document().Validate())
		var one struct {
			ID any `bson:"_id"`
		}
		noError(t, doc.Unmarshal(&one))
		ids = append(ids, one.ID)
	}
	return ids
}

func rangeOf(first, end int) []any {
	var ids []any
	for i := first; i < end; i++ {
		ids = append(ids, int32(i))
	}
	return ids
}

// insertAnswer answers the insert with a number, from 0 on.
type insertAnswer func(number int, r *wiretest.Request)

// acknowledge reports all documents of an insert as inserted.
func acknowledge(_ int, r *wiretest.Request) { r.OK(bson.M{"n": documentsOf(r)}) }

// answers answers inserts in order, and acknowledges those after the last.
func answers(all ...func(*wiretest.Request)) insertAnswer {
	return func(number int, r *wiretest.Request) {
		if number < len(all) {
			all[number](r)
			return
		}
		acknowledge(number, r)
	}
}

// duplicate refuses the document with an index; an unordered insert inserts the others.
func duplicate(index int) func(*wiretest.Request) {
	return func(r *wiretest.Request) {
		n := index
		if ordered, ok := r.Command.Lookup("ordered").BooleanOK(); ok && !ordered {
			n = documentsOf(r) - 1
		}
		r.OK(bson.M{"n": n, "writeErrors": bson.A{bson.M{"index": index, "code": 11000, "errmsg": "E11000 duplicate key"}}})
	}
}

func TestInsertManySplit(t *testing.T) {
	big := strings.Repeat("x", 600<<10)
	large := docsFrom(0, 4)
	for i := range large {
		large[i] = append(large[i], bson.E{Key: "v", Value: big})
	}
	ordered, unordered := options.InsertMany(), options.InsertMany().SetOrdered(false)
	for _, test := range []struct {
		name     string
		docs     []bson.D
		hello    bson.M
		opts     *options.InsertManyOptionsBuilder
		answer   insertAnswer
		want     []any // inserted _ids
		commands [][]any
		class    *motor.ErrorClass
		failed   []int // indexes of write errors
		unopened bool  // the first operation, so that the limits of the server are not known when it is called
	}{
		{name: "one command", docs: docsFrom(0, 7), opts: ordered, want: rangeOf(0, 7), commands: [][]any{rangeOf(0, 7)}},
		{name: "one document", docs: docsFrom(0, 1), opts: ordered, want: rangeOf(0, 1), commands: [][]any{rangeOf(0, 1)}},
		{
			name: "most documents of a command", docs: docsFrom(0, 8), hello: bson.M{"maxWriteBatchSize": 3}, opts: ordered,
			want: rangeOf(0, 8), commands: [][]any{rangeOf(0, 3), rangeOf(3, 6), rangeOf(6, 8)},
		},
		{
			name: "limits that are not known yet", docs: docsFrom(0, 8), hello: bson.M{"maxWriteBatchSize": 3}, opts: ordered,
			want: rangeOf(0, 8), commands: [][]any{rangeOf(0, 3), rangeOf(3, 6), rangeOf(6, 8)}, unopened: true,
		},
		{
			name: "most bytes of a message", opts: ordered, hello: bson.M{"maxMessageSizeBytes": 1 << 20},
			docs: slices.Concat(docsFrom(0, 60), []bson.D{{{Key: "_id", Value: int32(60)}, {Key: "v", Value: big}}},
				[]bson.D{{{Key: "_id", Value: int32(61)}, {Key: "v", Value: big}}}, docsFrom(62, 60)),
			want: rangeOf(0, 122), commands: [][]any{rangeOf(0, 61), rangeOf(61, 122)},
		},
		{
			name: "an error ends an ordered insert", docs: docsFrom(0, 8), hello: bson.M{"maxWriteBatchSize": 3}, opts: ordered,
			answer: answers(acknowledgeOne, duplicate(1)), want: rangeOf(0, 4), commands: [][]any{rangeOf(0, 3), rangeOf(3, 6)},
			class: motor.BulkWriteError, failed: []int{4},
		},
		{
			name: "errors do not end an unordered one", docs: docsFrom(0, 8), hello: bson.M{"maxWriteBatchSize": 3}, opts: unordered,
			answer: answers(duplicate(2), duplicate(1)), want: []any{int32(0), int32(1), int32(3), int32(5), int32(6), int32(7)},
			commands: [][]any{rangeOf(0, 3), rangeOf(3, 6), rangeOf(6, 8)}, class: motor.BulkWriteError, failed: []int{2, 4},
		},
		{
			name: "a lost connection", docs: docsFrom(0, 8), hello: bson.M{"maxWriteBatchSize": 3}, opts: unordered,
			answer: answers(duplicate(1), (*wiretest.Request).HangUp), want: []any{int32(0), int32(2)},
			commands: [][]any{rangeOf(0, 3), rangeOf(3, 6)}, class: motor.AutoReconnect, failed: []int{1},
		},
		{
			name: "a lost connection, large documents", docs: large, hello: bson.M{"maxMessageSizeBytes": 2 << 20}, opts: ordered,
			answer: answers(acknowledgeOne, (*wiretest.Request).HangUp), want: rangeOf(0, 3),
			commands: [][]any{rangeOf(0, 3), rangeOf(3, 4)}, class: motor.AutoReconnect,
		},
		{
			name: "a refused command", docs: docsFrom(0, 3), opts: ordered, answer: answers(refuse(13, "Unauthorized")),
			commands: [][]any{rangeOf(0, 3)}, class: motor.OperationFailure,
		},
		{
			name: "an index of no document", docs: docsFrom(0, 3), opts: ordered, answer: answers(duplicate(3)),
			commands: [][]any{rangeOf(0, 3)}, class: motor.ProtocolError,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone, test.hello)
			answer, number := test.answer, 0
			if answer == nil {
				answer = acknowledge
			}
			peer.Handle("insert", func(r *wiretest.Request) { number++; answer(number-1, r) })
			client := newClient(t, peer.URI())
			if !test.unopened {
				succeed(t, client.Open(t.Context()))
			}
			r, err := client.Database("d").Collection("c").InsertMany(t.Context(), test.docs, test.opts).Await(t.Context())
			if (err != nil || test.class != nil) && (test.class == nil || !errors.Is(err, test.class)) {
				t.Errorf("InsertMany() = %v, want %v", err, test.class)
			}
			var ids []any
			if r != nil {
				ids = r.InsertedIDs
			}
			if !reflect.DeepEqual(ids, test.want) {
				t.Errorf("InsertedIDs = %v, want %v", ids, test.want)
			}
			var failed []int
			if own := motor.AsError(err); own != nil {
				list, _ := own.Details().Lookup("writeErrors").ArrayOK()
				all, _ := list.Values()
				for _, e := range all {
					index := int(e.Document().Lookup("index").AsInt64())
					failed = append(failed, index)
					if id := e.Document().Lookup("op", "_id").Int32(); int(id) != index {
						t.Errorf("the error of write %d has the operation with _id %d", index, id)
					}
				}
			}
			if !slices.Equal(failed, test.failed) {
				t.Errorf("errors of the writes %v, want %v", failed, test.failed)
			}
			seen := peer.Seen("insert")
			if len(seen) != len(test.commands) {
				t.Fatalf("%d commands, want %d", len(seen), len(test.commands))
			}
			for i, insert := range seen {
				if ids := idsIn(t, insert); !reflect.DeepEqual(ids, test.commands[i]) {
					t.Errorf("command %d has the documents %v, want %v", i, ids, test.commands[i])
				}
			}
		})
	}
}

func acknowledgeOne(r *wiretest.Request) { acknowledge(0, r) }

// TestInsertManyRetry checks that a retried command has the same documents and the same txnNumber.
func TestInsertManyRetry(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary, bson.M{"maxWriteBatchSize": 2})
	number := 0
	peer.Handle("insert", func(r *wiretest.Request) {
		if number++; number == 2 {
			r.HangUp()
			return
		}
		acknowledge(number, r)
	})
	client := newClient(t, peer.URI())
	succeed(t, client.Open(t.Context()))
	r := succeed(t, client.Database("d").Collection("c").InsertMany(t.Context(), docsFrom(0, 4)))
	seen := peer.Seen("insert")
	if !reflect.DeepEqual(r.InsertedIDs, rangeOf(0, 4)) || len(seen) != 3 {
		t.Fatalf("InsertedIDs = %v, %d commands, want 0 to 3 and 3 commands", r.InsertedIDs, len(seen))
	}
	same := func(key string) bool { return bytes.Equal(seen[1].Lookup(key).Value, seen[2].Lookup(key).Value) }
	if !same("txnNumber") || !same("documents") || !same("lsid") || seen[1].Lookup("txnNumber").Type != bson.TypeInt64 {
		t.Errorf("the retried command is\n%v\nthe first was\n%v", seen[2], seen[1])
	}
}

// TestInsertManyEvents checks that a monitor sees the documents one by one.
func TestInsertManyEvents(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { acknowledge(0, r) })
	var commands []bson.Raw
	monitor := &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if e.CommandName == "insert" {
			commands = append(commands, e.Command)
		}
	}}
	client := newClient(t, peer.URI(), motor.WithClientOptions(options.Client().SetMonitor(monitor)))
	succeed(t, client.Open(t.Context()))
	coll := client.Database("d").Collection("c")
	succeed(t, coll.InsertMany(t.Context(), docsFrom(0, 12)))
	if len(commands) != 1 {
		t.Fatalf("%d events, want 1", len(commands))
	}
	noError(t, commands[0].Validate())
	if ids := idsIn(t, commands[0]); !reflect.DeepEqual(ids, rangeOf(0, 12)) {
		t.Errorf("the event has the documents %v, want 0 to 11", ids)
	}
}

// TestInsertManyWithoutIDs checks that each document gets an _id, which the result has.
func TestInsertManyWithoutIDs(t *testing.T) {
	for _, opts := range [][]motor.ClientOption{nil, {motor.WithClientOptions(options.Client().SetRegistry(bson.NewRegistry()))}} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle("insert", func(r *wiretest.Request) { acknowledge(0, r) })
		client := newClient(t, peer.URI(), opts...)
		succeed(t, client.Open(t.Context()))
		coll := client.Database("d").Collection("c")
		docs := []bson.M{{"a": 1}, {"_id": "x"}, {}, {"b": bson.D{{Key: "_id", Value: 1}}}}
		r := succeed(t, coll.InsertMany(t.Context(), docs))
		sent := idsIn(t, peer.Seen("insert")[0])
		if !reflect.DeepEqual(r.InsertedIDs, sent) || len(sent) != 4 || sent[1] != "x" {
			t.Errorf("InsertedIDs = %v, want the sent ones %v", r.InsertedIDs, sent)
		}
		for _, i := range []int{0, 2, 3} {
			if id, ok := sent[i].(bson.ObjectID); !ok || id.IsZero() {
				t.Errorf("document %d has the _id %v, want an ObjectID", i, sent[i])
			}
		}
	}
}

// TestBulkWriteJoined checks the indexes of results and errors when the inserts of an unordered bulk are sent first.
func TestBulkWriteJoined(t *testing.T) {
	models := func() (models []mongo.WriteModel) {
		for i := range 9 {
			switch i % 3 {
			case 0:
				models = append(models, mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": i}).SetUpdate(bson.M{"$set": bson.M{"a": i}}).SetUpsert(true))
			default:
				models = append(models, mongo.NewInsertOneModel().SetDocument(bson.M{"_id": i}))
			}
		}
		return models
	}
	for _, test := range []struct {
		ordered bool
		inserts []string // the _ids of each command
		failed  []int
		counts  string
	}{
		{false, []string{"[1 2 4]", "[5 7 8]"}, []int{5, 6}, "5 2 0"},
		{true, []string{"[1 2]", "[4 5]"}, []int{5}, "3 2 0"},
	} {
		t.Run(fmt.Sprint("ordered ", test.ordered), func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone, bson.M{"maxWriteBatchSize": 3})
			inserts, updates := 0, 0
			peer.Handle("insert", func(r *wiretest.Request) {
				if inserts++; inserts == 2 {
					for i, id := range idsIn(t, r.Command) {
						if id == int32(5) {
							duplicate(i)(r)
							return
						}
					}
				}
				acknowledge(inserts, r)
			})
			peer.Handle("update", func(r *wiretest.Request) {
				updates++
				list, _ := r.Command.Lookup("updates").Array().Values()
				if test.ordered {
					id := list[0].Document().Lookup("q", "_id")
					r.OK(bson.M{"n": 1, "upserted": bson.A{bson.M{"index": 0, "_id": id}}})
					return
				}
				r.OK(bson.M{
					"n": 2, "upserted": bson.A{bson.M{"index": 0, "_id": 0}, bson.M{"index": 1, "_id": 3}},
					"writeErrors": bson.A{bson.M{"index": 2, "code": 66, "errmsg": "immutable"}},
				})
			})
			client := newClient(t, peer.URI())
			succeed(t, client.Open(t.Context()))
			opts := options.BulkWrite().SetOrdered(test.ordered)
			r, err := client.Database("d").Collection("c").BulkWrite(t.Context(), models(), opts).Await(t.Context())
			var bulk mongo.BulkWriteException
			if !errors.As(err, &bulk) || !errors.Is(err, motor.BulkWriteError) {
				t.Fatalf("BulkWrite() = %v, want BulkWriteError", err)
			}
			var failed []int
			for _, e := range bulk.WriteErrors {
				failed = append(failed, e.Index)
				if !reflect.DeepEqual(e.Request, models()[e.Index]) {
					t.Errorf("the error of write %d has the request %v", e.Index, e.Request)
				}
			}
			slices.Sort(failed)
			if !slices.Equal(failed, test.failed) {
				t.Errorf("errors of the writes %v, want %v", failed, test.failed)
			}
			var sent []string
			for _, insert := range peer.Seen("insert") {
				sent = append(sent, fmt.Sprint(idsIn(t, insert)))
			}
			if !slices.Equal(sent, test.inserts) {
				t.Errorf("inserts of %v, want %v", sent, test.inserts)
			}
			want := map[int64]any{0: int32(0), 3: int32(3)}
			if got, _ := r.UpsertedIDs(); !reflect.DeepEqual(got, want) {
				t.Errorf("UpsertedIDs() = %v, want %v", got, want)
			}
			if counts := fmt.Sprint(r.Inserted(), r.Upserted(), r.Matched()); counts != test.counts {
				t.Errorf("inserted, upserted, matched: %v, want %v", counts, test.counts)
			}
		})
	}
}
