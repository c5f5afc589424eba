package contract_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// outPipelines has functions that start a cursor over a pipeline into the collection "out". They return the cursor, and
// a function that reads it and returns its length.
var outPipelines = []struct {
	name  string
	start func(ops operations) (state interface{ Started() bool }, list func() (int, error))
}{
	{"documents", func(ops operations) (interface{ Started() bool }, func() (int, error)) {
		r := aggregate(ops, intoOut)
		return r, func() (int, error) { return listed(r.reader) }
	}},
	{"raw batches", func(ops operations) (interface{ Started() bool }, func() (int, error)) {
		r := aggregateRawBatches(ops, intoOut)
		return r, func() (int, error) { return listed(r.reader) }
	}},
}

var intoOut = mongo.Pipeline{{{Key: "$out", Value: "out"}}}

func listed[D any](r reader[D]) (int, error) {
	all, err := r.ToList()
	return len(all), err
}

func TestOutPipelineIsSentOnRead(t *testing.T) {
	for _, pipeline := range outPipelines {
		t.Run(pipeline.name, func(t *testing.T) {
			withPeer(t, wiretest.Primary, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				pipeline.start(ops) // never read
				state, list := pipeline.start(ops)
				_, err := ops.Command("ping") // the peer receives it after any earlier aggregate
				noError(t, err)
				if n := len(peer.Seen("aggregate")); n != 0 || state.Started() {
					t.Errorf("%d pipelines were sent before the first read, want 0", n)
				}
				peer.Handle("aggregate", func(r *wiretest.Request) {
					r.Want(bson.M{"pipeline": bson.A{bson.M{"$out": "out"}}}).Cursor("d.c", 0)
				})
				if n, err := list(); n != 0 || err != nil {
					t.Errorf("ToList() = %d documents, %v; want 0", n, err)
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
	for _, pipeline := range outPipelines {
		t.Run(pipeline.name, func(t *testing.T) {
			withDocuments(t, 3, func(t *testing.T, ops operations) {
				out, ctx := collectionOf(ops).Database().Collection("out"), t.Context()
				_, list := pipeline.start(ops)
				if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 0 || err != nil {
					t.Errorf("before the read: %d documents, %v; want 0", n, err)
				}
				if n, err := list(); n != 0 || err != nil {
					t.Errorf("ToList() = %d documents, %v; want 0", n, err)
				}
				if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 3 || err != nil {
					t.Errorf("after the read: %d documents, %v; want 3", n, err)
				}
			})
		})
	}
}
