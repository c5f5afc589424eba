package motor_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/internal/figures"
)

const (
	firstBatch = 101
	documents  = 20_000
)

// document returns a small document.
func document(i int) bson.D {
	return bson.D{
		{Key: "_id", Value: bson.ObjectID{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}},
		{Key: "name", Value: "somebody or other"},
		{Key: "age", Value: int32(1_000 + i)},
		{Key: "score", Value: float64(i) / 3},
		{Key: "active", Value: i%2 == 0},
		{Key: "tags", Value: bson.A{"red", "green"}},
		{Key: "address", Value: bson.D{{Key: "city", Value: "Berlin"}, {Key: "zip", Value: int32(10_000 + i)}}},
		{Key: "at", Value: bson.DateTime(1_700_000_000_000 + int64(i))},
	}
}

// answers returns the replies of a server with documents, by the name of the command.
func answers() map[string]any {
	var first, next bson.A
	for i := range documents {
		if i < firstBatch {
			first = append(first, document(i))
		} else {
			next = append(next, document(i))
		}
	}
	reply := func(id int64, batch string, docs bson.A) bson.D {
		return bson.D{
			{Key: "cursor", Value: bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "d.c"}, {Key: batch, Value: docs}}},
			{Key: "ok", Value: 1},
		}
	}
	return map[string]any{
		"find":      reply(7, "firstBatch", first),
		"getMore":   reply(0, "nextBatch", next),
		"aggregate": reply(0, "firstBatch", first[:1]),
		"insert":    bson.D{{Key: "n", Value: 1}, {Key: "ok", Value: 1}},
		"ping":      bson.D{{Key: "ok", Value: 1}},
	}
}

// ways has a collection of motor and the same collection of the driver.
type ways struct {
	t      testing.TB
	motor  *motor.Database
	driver *mongo.Database
}

func connect(t testing.TB, p *peer) ways {
	client, err := motor.NewClient(p.uri("maxPoolSize=100"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	driver, err := mongo.Connect(options.Client().ApplyURI(p.uri("maxPoolSize=100")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Disconnect(context.Background()) })
	return ways{t, client.Database("d"), driver.Database("d")}
}

func table(t *testing.T) []figures.Row {
	all := answers()
	many := connect(t, startPeer(t, all))
	all["find"] = all["aggregate"]
	one := connect(t, startPeer(t, all))
	return append([]figures.Row{
		figures.Compare("ToList of 20,000 into bson.M", toList[bson.M](many).each(t, 1)...),
		figures.Compare("ToList of 20,000 into bson.D", toList[bson.D](many).each(t, 1)...),
		figures.Compare("ToList of 20,000 into bson.Raw", toList[bson.Raw](many).each(t, 1)...),
		figures.Compare("ToList of 20,000 into a struct", toList[person](many).each(t, 1)...),
	}, operations(t, one)...)
}

// operations returns the rows for operations that send one command.
func operations(t testing.TB, w ways) []figures.Row {
	ctx := context.Background()
	filter := bson.D{{Key: "_id", Value: 7}}
	doc := document(7)
	ping := bson.D{{Key: "ping", Value: 1}}
	ours, theirs := w.motor.Collection("c"), w.driver.Collection("c")
	var rows []figures.Row
	for _, o := range []struct {
		name string
		pair
	}{
		{"ping", pair{
			func() error { _, err := w.motor.Command(ctx, ping).Await(ctx); return err },
			func() error { var m bson.M; return w.driver.RunCommand(ctx, ping).Decode(&m) },
		}},
		{"FindOne", pair{
			func() error { _, err := ours.FindOne(ctx, filter).Await(ctx); return err },
			func() error { var m bson.M; return theirs.FindOne(ctx, filter).Decode(&m) },
		}},
		{"InsertOne", pair{
			func() error { _, err := ours.InsertOne(ctx, doc).Await(ctx); return err },
			func() error { _, err := theirs.InsertOne(ctx, doc); return err },
		}},
	} {
		rows = append(rows, figures.Compare(o.name+", 1 caller", o.each(t, 1)...), figures.Compare(o.name+", 100 callers", o.each(t, 100)...))
	}
	batching := ours.WithBatching()
	together := pair{
		func() error { _, err := batching.InsertOne(ctx, doc).Await(ctx); return err },
		func() error { _, err := theirs.InsertOne(ctx, doc); return err },
	}
	for _, callers := range []int{1, 100, 1000} {
		rows = append(rows, figures.Compare(fmt.Sprintf("InsertOne with batching, %d callers", callers), together.each(t, callers)...))
	}
	return rows
}

type person struct {
	ID      bson.ObjectID `bson:"_id"`
	Name    string
	Age     int
	Score   float64
	Active  bool
	Tags    []string
	Address struct {
		City string
		Zip  int
	}
	At time.Time
}

// pair is the same operation with motor and with the driver.
type pair struct{ motor, driver func() error }

// each returns the two as contestants. callers goroutines call the operation concurrently.
func (p pair) each(t testing.TB, callers int) []figures.Contestant {
	by := func(op func() error) func(int) {
		return func(n int) {
			var calling sync.WaitGroup
			for caller := range callers {
				calling.Go(func() {
					for i := caller; i < n; i += callers {
						if err := op(); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			calling.Wait()
		}
	}
	return []figures.Contestant{figures.By("gomotor", 1, by(p.motor)), figures.By("driver", 1, by(p.driver))}
}

// toList returns an operation that reads all documents into a slice.
func toList[D any](w ways) pair {
	ctx := context.Background()
	ours, theirs := motor.CollectionOf[D](w.motor, "c"), w.driver.Collection("c")
	count := func(docs []D) {
		if len(docs) != documents {
			w.t.Errorf("got %d documents, want more", len(docs))
		}
	}
	return pair{
		func() error {
			docs, err := ours.Find(bson.D{}).ToList(ctx).Await(ctx)
			count(docs)
			return err
		},
		func() error {
			cursor, err := theirs.Find(ctx, bson.D{})
			if err != nil {
				return err
			}
			var docs []D
			err = cursor.All(ctx, &docs)
			count(docs)
			return err
		},
	}
}
