package faultproxy_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// Change streams work on a server that has none.
func ExampleProxy_watch() {
	ctx := context.Background()
	server, err := mongotest.Run(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	proxy, err := faultproxy.Start(ctx, server.URI())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	client := motor.MustClient(proxy.URI())
	defer client.Close(ctx)
	users := client.Database("shop").Collection("users")

	stream := users.Watch(nil)
	defer stream.Close(ctx)
	if _, err := stream.TryNext(ctx).Await(ctx); err != nil { // opens the stream
		fmt.Println(err)
		return
	}
	users.InsertOne(ctx, bson.M{"_id": 1, "name": "Ada"}).Await(ctx)
	event, err := stream.Next(ctx).Await(ctx)
	fmt.Println(event["operationType"], event["fullDocument"].(bson.M)["name"], err)
	// Output: insert Ada <nil>
}

// await is the time for which a getMore waits, and so TryNext.
const await = 20 * time.Millisecond

// watch opens a stream, so that it has all events from now on.
func watch(t *testing.T, stream *motor.ChangeStream[bson.M]) *motor.ChangeStream[bson.M] {
	t.Helper()
	t.Cleanup(func() { _, _ = stream.Close(context.Background()).Await(context.Background()) })
	if _, err := stream.TryNext(t.Context()).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stream
}

// summary describes an event in one line.
func summary(e bson.M) string {
	text := fmt.Sprint(e["operationType"])
	if key, ok := e["documentKey"].(bson.M); ok {
		text += fmt.Sprint(" ", key["_id"])
	}
	if doc, ok := e["fullDocument"].(bson.M); ok {
		delete(doc, "_id")
		text += fmt.Sprint(" ", doc)
	}
	if d, ok := e["updateDescription"].(bson.M); ok {
		text += fmt.Sprint(" set ", map[string]any(d["updatedFields"].(bson.M)), " unset ", d["removedFields"], " cut ")
		for _, list := range d["truncatedArrays"].(bson.A) {
			text += fmt.Sprint(map[string]any(list.(bson.M)))
		}
	}
	return plain(text)
}

var number = regexp.MustCompile(`{"\$numberInt":"(-?\d+)"}`)

// plain shortens the text of a document.
func plain(text string) string {
	return strings.NewReplacer(`"`, "", "map[", "{", "[", "{", "]", "}").Replace(number.ReplaceAllString(text, "$1"))
}

func TestChangeEvents(t *testing.T) {
	_, client := behind(t, "")
	ctx := t.Context()
	c := client.Database("d").Collection("c")
	set := func(fields bson.M) bson.M { return bson.M{"$set": fields} }
	for _, test := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"insert", func() error { _, err := c.InsertOne(ctx, bson.M{"_id": 1, "a": 1}).Await(ctx); return err }, []string{"insert 1 {a:1}"}},
		{"insert of several, one there", func() error {
			_, err := c.InsertMany(ctx, []bson.M{{"_id": 2}, {"_id": 1}, {"_id": 3}}, options.InsertMany().SetOrdered(false)).Await(ctx)
			return expected(err, motor.BulkWriteError)
		}, []string{"insert 2 {}", "insert 3 {}"}},
		{"insert of several, in order", func() error {
			_, err := c.InsertMany(ctx, []bson.M{{"_id": 4}, {"_id": 1}, {"_id": 5}}).Await(ctx)
			return expected(err, motor.BulkWriteError)
		}, []string{"insert 4 {}"}},
		{"update", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.D{{Key: "$set", Value: bson.D{
				{Key: "a", Value: 2}, {Key: "b", Value: bson.M{"c": 1}}, {Key: "l", Value: bson.A{1, 2, 3}}}}}).Await(ctx)
			return err
		}, []string{"update 1 set {a:2 b:{c:1} l:{1 2 3}} unset {} cut "}},
		{"update within a document", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"b.d": 2}, "$unset": bson.M{"a": ""}}).Await(ctx)
			return err
		}, []string{"update 1 set {b.d:2} unset {a} cut "}},
		{"update within a list", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, set(bson.M{"l.1": 9})).Await(ctx)
			return err
		},
			[]string{"update 1 set {l.1:9} unset {} cut "}},
		{"end of a list removed", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$pop": bson.M{"l": 1}}).Await(ctx)
			return err
		}, []string{"update 1 set {} unset {} cut {field:l newSize:2}"}},
		{"update without effect", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 1}, set(bson.M{"l.1": 9})).Await(ctx)
			return err
		}, nil},
		{"update of several", func() error {
			_, err := c.UpdateMany(ctx, bson.M{"_id": bson.M{"$in": bson.A{2, 3}}}, set(bson.M{"x": 1})).Await(ctx)
			return err
		}, []string{"update 2 set {x:1} unset {} cut ", "update 3 set {x:1} unset {} cut "}},
		{"upsert", func() error {
			_, err := c.UpdateOne(ctx, bson.M{"_id": 7}, set(bson.M{"x": 1}), options.UpdateOne().SetUpsert(true)).Await(ctx)
			return err
		}, []string{"insert 7 {x:1}"}},
		{"replace", func() error { _, err := c.ReplaceOne(ctx, bson.M{"_id": 7}, bson.M{"y": 1}).Await(ctx); return err },
			[]string{"replace 7 {y:1}"}},
		{"find and modify", func() error {
			_, err := c.FindOneAndUpdate(ctx, bson.M{"_id": 7}, set(bson.M{"z": 1})).Await(ctx)
			return err
		},
			[]string{"update 7 set {z:1} unset {} cut "}},
		{"find and delete", func() error { _, err := c.FindOneAndDelete(ctx, bson.M{"_id": 7}).Await(ctx); return err }, []string{"delete 7"}},
		{"bulk write", func() error {
			_, err := c.BulkWrite(ctx, []mongo.WriteModel{
				mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 2}).SetUpdate(set(bson.M{"x": 2})),
				mongo.NewUpdateOneModel().SetFilter(bson.M{"x": 2}).SetUpdate(set(bson.M{"x": 3})),
				mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 8}).SetUpdate(set(bson.M{"x": 8})).SetUpsert(true),
				mongo.NewDeleteManyModel().SetFilter(bson.M{"x": bson.M{"$gt": 2}}),
			}).Await(ctx)
			return err
		}, []string{
			"update 2 set {x:2} unset {} cut ", "update 2 set {x:3} unset {} cut ", "insert 8 {x:8}", "delete 2", "delete 8"}},
		{"rename", func() error { _, err := c.Rename(ctx, "renamed").Await(ctx); return err }, []string{"rename"}},
		{"drop", func() error { _, err := client.Database("d").Collection("renamed").Drop(ctx).Await(ctx); return err }, []string{"drop"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			stream := watch(t, client.Database("d").Watch(nil, options.ChangeStream().SetMaxAwaitTime(await)))
			if err := test.do(); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Database("d").Collection("end").InsertOne(ctx, bson.M{"_id": "end"}).Await(ctx); err != nil {
				t.Fatal(err)
			}
			var got []string
			for len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "insert end") {
				event, err := stream.Next(ctx).Await(ctx)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, summary(event))
			}
			if got = got[:len(got)-1]; !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if _, err := client.Database("d").Collection("end").DeleteOne(ctx, bson.M{}).Await(ctx); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// expected returns nil for an error of a class.
func expected(err error, class *motor.ErrorClass) error {
	if errors.Is(err, class) {
		return nil
	}
	return fmt.Errorf("got %w, want %v", err, class)
}

// A resuming reader has each event exactly once, whatever happens to its connections.
func TestWatchUnderFaults(t *testing.T) {
	proxy, client := behind(t, "")
	ctx := t.Context()
	c := client.Database("d").Collection("c")
	stream := watch(t, c.Watch(nil, options.ChangeStream().SetMaxAwaitTime(await)))
	if err := proxy.SetChances(faultproxy.Chances{Seed: 1, CutBefore: 0.1, CutWithin: 0.1, CutUnanswered: 0.1, CutAfter: 0.1,
		Commands: []string{"getMore", "aggregate"}}); err != nil {
		t.Fatal(err)
	}
	const documents = 300
	go func() {
		for i := range documents {
			_, err := c.InsertOne(ctx, bson.M{"_id": i}).Await(ctx)
			for err != nil && !errors.Is(err, motor.DuplicateKeyError) && ctx.Err() == nil {
				_, err = c.InsertOne(ctx, bson.M{"_id": i}).Await(ctx)
			}
			if i == documents/2 {
				_ = proxy.Stop()
				time.Sleep(50 * time.Millisecond)
				_ = proxy.Resume()
			}
		}
	}()
	for next := range documents {
		event, err := stream.Next(ctx).Await(ctx)
		for errors.Is(err, motor.AutoReconnect) { // resuming has failed
			event, err = stream.Next(ctx).Await(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := event["documentKey"].(bson.M)["_id"]; got != int32(next) {
			t.Fatalf("got event of document %v, want %d", got, next)
		}
	}
	if faults := proxy.Stats().Faults; faults == 0 {
		t.Error("got no faults, want some")
	}
}

func TestInvalidate(t *testing.T) {
	_, client := behind(t, "")
	ctx := t.Context()
	c := client.Database("d").Collection("c")
	if _, err := c.InsertOne(ctx, bson.M{}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	stream := watch(t, c.Watch(nil, options.ChangeStream().SetMaxAwaitTime(await)))
	if _, err := c.Drop(ctx).Await(ctx); err != nil {
		t.Fatal(err)
	}
	var tokens []any
	for _, want := range []string{"drop", "invalidate"} {
		event, err := stream.Next(ctx).Await(ctx)
		if err != nil || event["operationType"] != want {
			t.Fatalf("got %v, %v, want %s", event, err, want)
		}
		tokens = append(tokens, event["_id"])
	}
	if stream.Alive() {
		t.Error("got a stream that goes on after invalidate")
	}
	if _, err := c.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		opts *options.ChangeStreamOptionsBuilder
		want string
	}{
		{"resume after drop", options.ChangeStream().SetResumeAfter(tokens[0]), "invalidate"},
		{"start after invalidate", options.ChangeStream().SetStartAfter(tokens[1]), "insert"},
		{"resume after invalidate", options.ChangeStream().SetResumeAfter(tokens[1]), "InvalidResumeToken"},
		{"unknown token", options.ChangeStream().SetResumeAfter(bson.M{"_data": "00"}), "InvalidResumeToken"},
	} {
		again := c.Watch(nil, test.opts)
		event, err := again.Next(ctx).Await(ctx)
		if got := fmt.Sprint(event["operationType"], err); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		_, _ = again.Close(ctx).Await(ctx)
	}
}

func TestWatchPipeline(t *testing.T) {
	_, client := behind(t, "")
	ctx := t.Context()
	c := client.Database("d").Collection("c")
	stream := watch(t, c.Watch(bson.A{
		bson.M{"$match": bson.M{"operationType": "update", "fullDocument.n": bson.M{"$gte": 2}}},
		bson.M{"$project": bson.M{"fullDocument.n": 1, "from": "$ns.coll"}},
		bson.M{"$unset": "ns"}, bson.M{"$set": bson.M{"kind": "big"}},
	}, options.ChangeStream().SetFullDocument(options.UpdateLookup).SetMaxAwaitTime(await)))
	for n := range 3 {
		change := bson.M{"$set": bson.M{"n": n, "a.b": n}}
		if _, err := c.UpdateOne(ctx, bson.M{"_id": 1}, change, options.UpdateOne().SetUpsert(true)).Await(ctx); err != nil {
			t.Fatal(err)
		}
	}
	event, err := stream.Next(ctx).Await(ctx)
	got := fmt.Sprint(event["from"], plain(fmt.Sprint(event["fullDocument"])), event["kind"], len(event))
	if want := "c{n:2}big4"; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, test := range []struct{ stage, want string }{
		{`{"$group": {"_id": 1}}`, "Unrecognized pipeline stage name"}, {`{"$redact": {}}`, "does not evaluate $redact"},
		{`{"$project": {"a": {"$concat": ["a", "b"]}}}`, "does not evaluate $concat"}, {`{"$match": {"a": {"$none": 1}}}`, "$none"},
		{`{"$project": {"_id": 0}}`, "must keep the _id"},
	} {
		var stage bson.D
		if err := bson.UnmarshalExtJSON([]byte(test.stage), false, &stage); err != nil {
			t.Fatal(err)
		}
		refused := c.Watch(bson.A{stage}, options.ChangeStream().SetMaxAwaitTime(await))
		_, err := refused.TryNext(ctx).Await(ctx)
		if err == nil {
			if _, err = c.InsertOne(ctx, bson.M{}).Await(ctx); err == nil {
				_, err = refused.Next(ctx).Await(ctx)
			}
		}
		if !errors.Is(err, motor.OperationFailure) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an OperationFailure with %q", test.stage, err, test.want)
		}
		_, _ = refused.Close(ctx).Await(ctx)
	}
}
