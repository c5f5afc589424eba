package contract_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// writing returns what is the same of the cursors of a pipeline that writes into the collection "out".
var writing = map[string]func(ops operations) (state interface{ Started() bool }, list func() (int, error)){
	"documents": func(ops operations) (interface{ Started() bool }, func() (int, error)) {
		r := aggregate(ops, intoOut)
		return r, func() (int, error) { return listed(r.reader) }
	},
	"raw batches": func(ops operations) (interface{ Started() bool }, func() (int, error)) {
		r := aggregateRawBatches(ops, intoOut)
		return r, func() (int, error) { return listed(r.reader) }
	},
}

var intoOut = mongo.Pipeline{{{Key: "$out", Value: "out"}}}

func listed[D any](r reader[D]) (int, error) {
	all, err := r.ToList()
	return len(all), err
}

func TestOutPipelineIsSentOnRead(t *testing.T) {
	for name, pipeline := range writing {
		t.Run(name, func(t *testing.T) {
			withPeer(t, wiretest.Primary, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				pipeline(ops) // is never read
				state, list := pipeline(ops)
				_, err := ops.Command("ping") // comes after whatever would have been sent
				noError(t, err)
				if n := len(peer.Seen("aggregate")); n != 0 || state.Started() {
					t.Errorf("%d pipelines were sent before they were read", n)
				}
				peer.Handle("aggregate", func(r *wiretest.Request) {
					r.Want(bson.M{"pipeline": bson.A{bson.M{"$out": "out"}}}).Cursor("d.c", 0)
				})
				if n, err := list(); n != 0 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
				if n := len(peer.Seen("aggregate")); n != 1 {
					t.Errorf("%d pipelines were sent, want 1", n)
				}
			})
		})
	}
}

func TestOutPipelineWritesOnRead(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "$out")
	for name, pipeline := range writing {
		t.Run(name, func(t *testing.T) {
			withDocuments(t, 3, func(t *testing.T, ops operations) {
				out, ctx := collectionOf(ops).Database().Collection("out"), t.Context()
				_, list := pipeline(ops)
				if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 0 || err != nil {
					t.Errorf("before: %d, %v", n, err)
				}
				if n, err := list(); n != 0 || err != nil {
					t.Errorf("read: %d, %v", n, err)
				}
				if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 3 || err != nil {
					t.Errorf("after: %d, %v", n, err)
				}
			})
		})
	}
}
