package motor_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// bulkPeer is a server that inserts the documents of bulkWrite commands, except those whose _id is in bad.
func bulkPeer(t *testing.T, bad []int, also func(command int, r *wiretest.Request) (fields bson.M, answered bool)) *wiretest.Peer {
	peer := wiretest.Start(t, wiretest.Primary)
	commands := 0
	peer.Handle("bulkWrite", func(r *wiretest.Request) {
		commands++
		fields, answered := also(commands, r)
		if answered {
			return
		}
		ops, err := r.Command.Lookup("ops").Array().Values()
		noError(t, err)
		ordered, verbose := r.Command.Lookup("ordered").Boolean(), !r.Command.Lookup("errorsOnly").Boolean()
		var results bson.A
		inserted, failed := 0, 0
		for i, op := range ops {
			id := int(op.Document().Lookup("document", "_id").AsInt64())
			refused := slices.Contains(bad, id)
			if refused {
				failed++
				results = append(results, bson.M{"ok": 0.0, "idx": i, "code": 11000, "errmsg": "duplicate", "n": 0})
			} else {
				inserted++
				if verbose {
					results = append(results, bson.M{"ok": 1.0, "idx": i, "n": 1})
				}
			}
			if refused && ordered {
				break
			}
		}
		if results == nil {
			results = bson.A{}
		}
		r.OK(bson.M{
			"cursor":    bson.M{"id": int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": results},
			"nInserted": inserted, "nMatched": 0, "nModified": 0, "nUpserted": 0, "nDeleted": 0, "nErrors": failed,
		}, fields)
	})
	return peer
}

func TestProgressOfClientBulk(t *testing.T) {
	const n = 2500
	var writes []mongo.ClientBulkWrite
	for i := range n {
		writes = append(writes, mongo.ClientBulkWrite{
			Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": i}),
		})
	}
	type also = func(int, *wiretest.Request) (bson.M, bool)
	nothing := func(int, *wiretest.Request) (bson.M, bool) { return bson.M{}, false }
	concern := func(int, *wiretest.Request) (bson.M, bool) {
		return bson.M{"writeConcernError": bson.M{"code": 64, "errmsg": "slow"}}, false
	}
	hangUp := func(command int, r *wiretest.Request) (bson.M, bool) {
		if command == 2 {
			r.HangUp()
		}
		return bson.M{}, command == 2
	}
	fail := func(command int, r *wiretest.Request) (bson.M, bool) {
		if command == 2 {
			r.Fail(8, "UnknownError", "as scripted")
		}
		return bson.M{}, command == 2
	}
	unordered := options.ClientBulkWrite().SetOrdered(false)
	for _, test := range []struct {
		name     string
		opts     *options.ClientBulkWriteOptionsBuilder
		bad      []int
		also     also
		commands int
		inserted int64
		class    error
		failed   []int // the indexes of the write errors
		concerns int   // the number of write concern errors
		done     int64 // 0: the success of all
	}{
		{"success", options.ClientBulkWrite(), nil, nothing, 3, n, nil, nil, 0, 0},
		{"write error", options.ClientBulkWrite(), []int{1500}, nothing, 2, 1500, motor.ClientBulkWriteException, []int{1500}, 0, 1501},
		{"first write fails", options.ClientBulkWrite(), []int{0}, nothing, 1, 0, motor.ClientBulkWriteException, []int{0}, 0, 1},
		{"write errors, unordered", unordered, []int{5, 1005, 2005}, nothing, 3, n - 3, motor.ClientBulkWriteException,
			[]int{5, 1005, 2005}, 0, n},
		{"write concern errors", options.ClientBulkWrite(), nil, concern, 3, n, motor.ClientBulkWriteException, nil, 3, n},
		{"connection lost", options.ClientBulkWrite(), nil, hangUp, 2, 1000, motor.AutoReconnect, nil, 0, 1000},
		{"connection lost after a write error", unordered, []int{5}, hangUp, 2, 999, motor.AutoReconnect, []int{5}, 0, 1000},
		{"command fails after a write error", unordered, []int{5}, fail, 2, 999, motor.OperationFailure, []int{5}, 0, 1000},
	} {
		for _, verbose := range []bool{false, true} {
			name := test.name
			if verbose {
				name += ", verbose"
			}
			t.Run(name, func(t *testing.T) {
				peer := bulkPeer(t, test.bad, test.also)
				client := newClient(t, peer.URI("retryWrites=false"))
				var calls followed
				r, err := client.BulkWrite(calls.in(t.Context()), writes, test.opts.SetVerboseResults(verbose)).Await(t.Context())
				if !errors.Is(err, test.class) || len(peer.Seen("bulkWrite")) != test.commands {
					t.Fatalf("got %v after %d commands, want %v after %d", err, len(peer.Seen("bulkWrite")), test.class, test.commands)
				}
				last := motor.Progress{Done: test.done, Total: n, Unit: "writes"}
				if test.done == 0 {
					last.Done = n
				}
				calls.want(t, last)
				if r == nil || r.InsertedCount != test.inserted || verbose != (len(r.InsertResults) > 0) && test.inserted > 0 {
					t.Fatalf("got %+v, want %d inserted, verbose %t", r, test.inserted, verbose)
				}
				if verbose {
					wantInsertResults(t, r, int(test.inserted)+len(test.failed))
				}
				if err == nil {
					return
				}
				var (
					of      = motor.AsError(err)
					details struct {
						WriteErrors []struct {
							Index int
							Op    struct {
								ID int `bson:"_id"`
							}
						}
						WriteConcernErrors []bson.Raw
						NInserted          int64
					}
					failed []int
				)
				if of.Details() != nil {
					noError(t, bson.Unmarshal(of.Details(), &details))
				}
				for _, e := range details.WriteErrors {
					failed = append(failed, e.Index)
					if e.Op.ID != e.Index {
						t.Errorf("got the write %d for the error at %d, want the same", e.Op.ID, e.Index)
					}
				}
				if !reflect.DeepEqual(failed, test.failed) || len(details.WriteConcernErrors) != test.concerns {
					t.Errorf("got errors at %v and %d of the write concern, want %v and %d",
						failed, len(details.WriteConcernErrors), test.failed, test.concerns)
				}
				if partial, _ := of.PartialResult().(*mongo.ClientBulkWriteResult); test.inserted > 0 && partial != r {
					t.Errorf("got the partial result %p, want %p, which is returned too", partial, r)
				}
			})
		}
	}
}

// wantInsertResults checks that the documents before the one with the index end have their results.
func wantInsertResults(t *testing.T, r *mongo.ClientBulkWriteResult, end int) {
	t.Helper()
	for i, inserted := range r.InsertResults {
		if id, ok := inserted.InsertedID.(int32); !ok || int(id) != i || i >= end {
			t.Fatalf("got the _id %v (%[1]T) at %d, want the same number, less than %d", inserted.InsertedID, i, end)
		}
	}
	if int64(len(r.InsertResults)) != r.InsertedCount {
		t.Errorf("got %d results of inserts, want %d", len(r.InsertResults), r.InsertedCount)
	}
}

func TestClientBulkParts(t *testing.T) {
	var writes []mongo.ClientBulkWrite
	for i := range 2500 {
		writes = append(writes, mongo.ClientBulkWrite{
			Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": i}),
		})
	}
	none := func(int, *wiretest.Request) (bson.M, bool) { return bson.M{}, false }
	t.Run("one command without progress", func(t *testing.T) {
		peer := bulkPeer(t, nil, none)
		succeed(t, newClient(t, peer.URI()).BulkWrite(t.Context(), writes))
		if got := len(peer.Seen("bulkWrite")); got != 1 {
			t.Errorf("got %d commands, want 1", got)
		}
	})
	t.Run("unacknowledged", func(t *testing.T) {
		peer := bulkPeer(t, nil, func(_ int, r *wiretest.Request) (bson.M, bool) { r.Nothing(); return nil, true })
		var calls followed
		opts := options.ClientBulkWrite().SetOrdered(false).SetWriteConcern(writeconcern.Unacknowledged())
		r := succeed(t, newClient(t, peer.URI()).BulkWrite(calls.in(t.Context()), writes, opts))
		if r.Acknowledged {
			t.Error("got an acknowledged result, want an unacknowledged one")
		}
		calls.want(t, motor.Progress{Done: 2500, Total: 2500, Unit: "writes"})
	})
}
