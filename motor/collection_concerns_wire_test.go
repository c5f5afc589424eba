package motor_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// readers are the operations that read a collection, with their commands.
var readers = []struct {
	command string
	call    operation
}{
	{"find", findOne},
	{"find", readAll},
	{"aggregate", func(ctx context.Context, c collection) outcome { return started(c.CountDocuments(ctx, bson.D{})) }},
	{"count", func(ctx context.Context, c collection) outcome { return started(c.EstimatedDocumentCount(ctx)) }},
	{"distinct", func(ctx context.Context, c collection) outcome { return started(c.Distinct(ctx, "a", bson.D{})) }},
	{"aggregate", func(ctx context.Context, c collection) outcome {
		return started(c.Aggregate(mongo.Pipeline{}).ToList(ctx))
	}},
}

// answerRead answers any of the readers.
func answerRead(r *wiretest.Request) {
	batch := bson.A{bson.M{"n": 1}}
	r.OK(bson.M{"n": 1, "values": bson.A{}, "cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": batch}})
}

func TestReadCommandSettings(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary)
	client := newClient(t, set.URI())
	coll := client.Database("d").Collection("c").WithOptions(
		options.Collection().SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Secondary()))
	ctx, session := withSession(t, client)
	for _, r := range readers {
		t.Run(r.command, func(t *testing.T) {
			wait := r.call(ctx, coll)
			answerRead(set.Peers[1].Receive(r.command).Want(bson.M{
				"readConcern": bson.M{"level": "majority"}, "$readPreference": bson.M{"mode": "secondary"}, "lsid": session,
			}))
			if err := wait(ctx); err != nil {
				t.Errorf("got error %v, want nil", err)
			}
		})
	}
}

func TestWriteCommandSession(t *testing.T) {
	for _, concern := range []bson.M{{}, {"wtimeout": 100}} {
		peer := wiretest.Start(t, wiretest.Standalone)
		peer.Handle("listCollections", cursorOf()) // CreateCollection lists the collections first.
		client := newClient(t, peer.URI())
		coll := client.Database("d").Collection("c")
		for _, set := range []func(any) error{coll.SetWriteConcern, coll.Database().SetWriteConcern} {
			if err := set(concern); err != nil {
				t.Fatalf("got error %v, want nil", err)
			}
		}
		ctx, session := withSession(t, client)
		for _, w := range writes {
			wait := w.call(ctx, coll)
			peer.Receive(w.command).Want(bson.M{"lsid": session}).OK(bson.M{"n": 1})
			if err := wait(ctx); err != nil {
				t.Errorf("%s: got error %v, want nil", w.command, err)
			}
		}
	}
}

// The time left of an operation's context becomes its maxTimeMS.
func TestMaxTimeMSFromContext(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listCollections", cursorOf())
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	for _, o := range slices.Concat(readers, legacyReads, writes, legacyWrites) {
		wait := within(time.Minute, o.call)(t.Context(), coll)
		request := peer.Receive(o.command)
		left, ok := request.Command.Lookup("maxTimeMS").AsInt64OK()
		// Cursors that the user holds send no maxTimeMS, since it would limit their later reads too.
		lazy := o.command == "find" || o.command == "aggregate"
		if !lazy && (!ok || left <= 0 || left > time.Minute.Milliseconds()) {
			t.Errorf("%s: got maxTimeMS %d, want 1 to 60000", o.command, left)
		}
		answerRead(request)
		if err := wait(t.Context()); err != nil && !errors.Is(err, motor.ProtocolError) {
			t.Errorf("%s: got %v, want nil or ProtocolError", o.command, err)
		}
	}
}

func TestCollectionReadConcernInherited(t *testing.T) {
	client := newClient(t, "mongodb://127.0.0.1:1/?readConcernLevel=majority")
	db := client.Database("d")
	if c := db.Collection("c").ReadConcern(); c == nil || c.Level != "majority" {
		t.Errorf(`client's ReadConcern() = %v, want "majority"`, c)
	}
	local := db.WithOptions(options.Database().SetReadConcern(readconcern.Local())).Collection("c")
	if c := local.ReadConcern(); c == nil || c.Level != "local" {
		t.Errorf(`database's ReadConcern() = %v, want "local"`, c)
	}
	available := local.WithOptions(options.Collection().SetReadConcern(readconcern.Available()))
	if c := available.ReadConcern(); c == nil || c.Level != "available" || available.Collection("below").ReadConcern() != c {
		t.Errorf(`collection's ReadConcern() = %v, want "available"`, c)
	}
	if c := newClient(t, noServerURI).Database("d").Collection("c").ReadConcern(); c != nil {
		t.Errorf("default ReadConcern() = %v, want nil", c)
	}
}
