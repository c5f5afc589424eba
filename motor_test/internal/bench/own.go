package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// ownTask is a task of a row of the peers. Its function does it n times.
type ownTask struct {
	do   func(n int) error
	unit int     // the number of tasks is a multiple of it
	per  float64 // what the row counts for each task; 0 is 1
}

// ownRates measures the driver and this library, in the tasks of the peers.
func ownRates(ctx context.Context, uri string, seconds float64) ([]Peer, error) {
	c, err := connect(uri)
	if err != nil {
		return nil, err
	}
	defer c.close(context.WithoutCancel(ctx))
	tasks, err := ownTasks(ctx, c)
	if err != nil {
		return nil, err
	}
	var peers []Peer
	for _, name := range []string{"driver", "gomotor: future", "gomotor: callback", "gomotor: coroutine", "gomotor: batching"} {
		peers = append(peers, Peer{Name: name, Rates: map[string]float64{}, PerCPU: map[string]float64{}})
	}
	// One row after the other, so that the ways of a row are measured under the same load of the machine.
	for _, row := range peerRows() {
		for _, peer := range peers {
			task, ok := tasks[peer.Name][row]
			if !ok {
				continue
			}
			figure, err := task.measure(seconds)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", peer.Name, row, err)
			}
			per := max(1, task.per) * 1e9
			peer.Rates[row] = per / figure.Time
			if figure.CPU > 0 {
				peer.PerCPU[row] = per / figure.CPU
			}
		}
	}
	return peers, nil
}

// ownTasks returns the tasks of the driver and of each way of this library, by row.
func ownTasks(ctx context.Context, c *clients) (map[string]map[string]ownTask, error) {
	tasks := map[string]map[string]ownTask{}
	add := func(name, row string, task ownTask) {
		if tasks[name] == nil {
			tasks[name] = map[string]ownTask{}
		}
		tasks[name][row] = task
	}
	filter, doc, change := bson.D{{Key: "_id", Value: 7}}, document(7)[1:], bson.D{{Key: "$set", Value: bson.D{{Key: "age", Value: 8}}}}
	pipeline := mongo.Pipeline{{{Key: "$match", Value: filter}}}
	ours, theirs := c.ours(one), c.theirs(one)
	batching, coll := ours.WithBatching(), callback.WrapCollection(c.loop, ours)
	aggregate := func() *future.Future[[]bson.M] { return ours.Aggregate(pipeline).ToList(ctx) }
	for _, o := range []struct {
		row        string
		driver     func() error
		future     func(ctx context.Context) error
		byCallback func(done func(error))
		batching   func() error
	}{
		{rowFindOne,
			func() error { var m bson.M; return theirs.FindOne(ctx, filter).Decode(&m) },
			func(ctx context.Context) error { _, err := ours.FindOne(ctx, filter).Await(ctx); return err },
			func(done func(error)) { coll.FindOne(ctx, filter, func(_ bson.M, err error) { done(err) }) },
			awaited(ctx, func() *future.Future[bson.M] { return batching.FindOne(ctx, filter) })},
		{rowInsertOne,
			func() error { _, err := theirs.InsertOne(ctx, doc); return err },
			func(ctx context.Context) error { _, err := ours.InsertOne(ctx, doc).Await(ctx); return err },
			func(done func(error)) {
				coll.InsertOne(ctx, doc, func(_ *motor.InsertOneResult, err error) { done(err) })
			},
			awaited(ctx, func() *future.Future[*motor.InsertOneResult] { return batching.InsertOne(ctx, doc) })},
		{rowUpdateOne,
			func() error { _, err := theirs.UpdateOne(ctx, filter, change); return err },
			func(ctx context.Context) error { _, err := ours.UpdateOne(ctx, filter, change).Await(ctx); return err },
			func(done func(error)) {
				coll.UpdateOne(ctx, filter, change, func(_ *motor.UpdateResult, err error) { done(err) })
			},
			awaited(ctx, func() *future.Future[*motor.UpdateResult] { return batching.UpdateOne(ctx, filter, change) })},
		{rowAggregate,
			func() error {
				cursor, err := theirs.Aggregate(ctx, pipeline)
				if err != nil {
					return err
				}
				var docs []bson.M
				return cursor.All(ctx, &docs)
			},
			func(ctx context.Context) error { _, err := aggregate().Await(ctx); return err },
			func(done func(error)) {
				coll.Aggregate(pipeline).ToList(ctx, func(_ []bson.M, err error) { done(err) })
			}, nil},
	} {
		for _, n := range inFlight {
			row := fmt.Sprintf(o.row, n)
			add("driver", row, ownTask{do: concurrently(n, o.driver), unit: n})
			add("gomotor: future", row, ownTask{do: concurrently(n, func() error { return o.future(ctx) }), unit: n})
			add("gomotor: callback", row, ownTask{do: byCallback(c, n, o.byCallback), unit: n})
			add("gomotor: coroutine", row, ownTask{do: inCoroutines(c, n, func(co *callback.Co) error { return o.future(co) }), unit: n})
			if o.batching != nil {
				add("gomotor: batching", row, ownTask{do: concurrently(n, o.batching), unit: n})
			}
		}
	}
	for _, r := range append(manyRows(ctx, c), cursorRows(ctx, c)...) {
		row, ok := map[string]string{"10,000 FindOne at once": rowAtOnce, "ToList of 20,000 into bson.M": rowList,
			"20,000 documents one by one: Next": rowIterate}[r.Name]
		if !ok {
			continue
		}
		per := 1.0
		if row != rowAtOnce {
			per = manySize
		}
		add("driver", row, ownTask{r.Theirs, r.Unit, per})
		add("gomotor: future", row, ownTask{r.Ours, r.Unit, per})
	}
	docs := make([]bson.D, 1000)
	for i := range docs {
		docs[i] = doc
	}
	add("driver", rowInsertMany, ownTask{do: times(func() error { _, err := theirs.InsertMany(ctx, docs); return err }), per: 1000})
	add("gomotor: future", rowInsertMany, ownTask{per: 1000,
		do: times(awaited(ctx, func() *future.Future[*motor.InsertManyResult] { return ours.InsertMany(ctx, docs) }))})
	return tasks, addFiles(ctx, c, add)
}

// addFiles adds the tasks of GridFS. The row of uploads comes first, so that there is a file.
func addFiles(ctx context.Context, c *clients, add func(name, row string, task ownTask)) error {
	ours, err := motor.NewGridFSBucket(c.motor.Database(db))
	if err != nil {
		return err
	}
	theirs := c.driver.Database(db).GridFSBucket()
	data, size := make([]byte, fileSize), float64(fileSize)/1e6
	add("driver", rowUpload, ownTask{per: size, do: times(func() error {
		_, err := theirs.UploadFromStream(ctx, "f", bytes.NewReader(data), options.GridFSUpload())
		return err
	})})
	add("driver", rowDownload, ownTask{per: size, do: times(func() error { return whole(theirs.DownloadToStreamByName(ctx, "f", io.Discard)) })})
	add("gomotor: future", rowUpload, ownTask{per: size, do: times(awaited(ctx, func() *future.Future[bson.ObjectID] {
		return ours.UploadFromStream(ctx, "f", bytes.NewReader(data))
	}))})
	add("gomotor: future", rowDownload, ownTask{per: size, do: times(func() error {
		return whole(ours.DownloadToStreamByName(ctx, "f", io.Discard).Await(ctx))
	})})
	return nil
}

// measure does the task for some seconds.
func (t *ownTask) measure(seconds float64) (Figure, error) {
	row := Row{Unit: t.unit}
	n, err := row.size(t.do, time.Duration(seconds*float64(time.Second)))
	if err != nil {
		return Figure{}, err
	}
	return measure(t.do, n)
}
