package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// person is a type for documents.
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

// flat has only fields that are not nested.
type flat struct {
	ID     bson.ObjectID `bson:"_id"`
	Name   string
	Age    int
	Score  float64
	Active bool
}

// clients has a client of each kind on the same server.
type clients struct {
	motor  *motor.Client
	driver *mongo.Client
	loop   *callback.Loop // running
	done   chan struct{}  // closed when the loop has ended
}

// withPool returns a connection string with the largest number of connections.
func withPool(uri string, size int) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return fmt.Sprintf("%s%smaxPoolSize=%d", uri, separator, size)
}

func connect(uri string) (*clients, error) {
	uri = withPool(uri, 100)
	loop := callback.NewLoop()
	ours, err := motor.NewClient(uri, motor.WithIOLoop(loop))
	if err != nil {
		return nil, err
	}
	driver, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return nil, err
	}
	c := &clients{ours, driver, loop, make(chan struct{})}
	go func() {
		defer close(c.done)
		loop.Start()
	}()
	return c, nil
}

func (c *clients) close(ctx context.Context) {
	_ = c.motor.Close(ctx)
	_ = c.driver.Disconnect(ctx)
	c.loop.Stop()
	<-c.done
	c.loop.Close()
}

func (c *clients) ours(name string) *motor.Collection[bson.M] {
	return c.motor.Database(db).Collection(name)
}
func (c *clients) theirs(name string) *mongo.Collection {
	return c.driver.Database(db).Collection(name)
}

const db = "d"

// concurrently calls an operation n times, from several goroutines.
func concurrently(callers int, operation func() error) func(n int) error {
	return func(n int) error {
		var calling sync.WaitGroup
		failed := make(chan error, callers)
		for caller := range callers {
			calling.Go(func() {
				for i := caller; i < n; i += callers {
					if err := operation(); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		calling.Wait()
		close(failed)
		return <-failed
	}
}

// awaited is an operation that awaits a future.
func awaited[T any](ctx context.Context, start func() *future.Future[T]) func() error {
	return func() error {
		_, err := start().Await(ctx)
		return err
	}
}

// operationRows are the rows of operations that send one command.
func operationRows(ctx context.Context, c *clients) (rows []Row) {
	ours, theirs := c.ours(one), c.theirs(one)
	people := motor.CollectionOf[person](c.motor.Database(db), one)
	filter := bson.D{{Key: "_id", Value: 7}}
	doc, change := document(7), bson.D{{Key: "$set", Value: bson.D{{Key: "age", Value: 8}}}}
	replacement := doc[1:]
	batching, byID, theirsMany := ours.WithBatching(), c.ours(many).WithBatching(), c.theirs(many)
	var asked atomic.Int64
	nextID := func() bson.D { return document(int(asked.Add(1)) % manySize)[:1] }
	counts := []int{1, 10, 100, 1000}
	for _, o := range []struct {
		name           string
		goal           float64
		ours, theirs   func() error
		goals, callers []int // goals in hundredths for each number of callers, if they differ
	}{
		{name: "FindOne into bson.M", goal: 0.85,
			ours:   awaited(ctx, func() *future.Future[bson.M] { return ours.FindOne(ctx, filter) }),
			theirs: func() error { var m bson.M; return theirs.FindOne(ctx, filter).Decode(&m) }},
		{name: "FindOne into a struct", goal: 0.95,
			ours:   awaited(ctx, func() *future.Future[person] { return people.FindOne(ctx, filter) }),
			theirs: func() error { var p person; return theirs.FindOne(ctx, filter).Decode(&p) }},
		{name: "InsertOne", goal: 0.97,
			ours:   awaited(ctx, func() *future.Future[*motor.InsertOneResult] { return ours.InsertOne(ctx, doc) }),
			theirs: func() error { _, err := theirs.InsertOne(ctx, doc); return err }},
		{name: "UpdateOne", goal: 0.97,
			ours:   awaited(ctx, func() *future.Future[*motor.UpdateResult] { return ours.UpdateOne(ctx, filter, change) }),
			theirs: func() error { _, err := theirs.UpdateOne(ctx, filter, change); return err }},
		{name: "ReplaceOne", goal: 0.97,
			ours:   awaited(ctx, func() *future.Future[*motor.UpdateResult] { return ours.ReplaceOne(ctx, filter, replacement) }),
			theirs: func() error { _, err := theirs.ReplaceOne(ctx, filter, replacement); return err }},
		{name: "DeleteOne", goal: 0.97,
			ours:   awaited(ctx, func() *future.Future[*motor.DeleteResult] { return ours.DeleteOne(ctx, filter) }),
			theirs: func() error { _, err := theirs.DeleteOne(ctx, filter); return err }},
		{name: "InsertOne with batching", goals: []int{105, 15, 12}, callers: []int{1, 100, 1000},
			ours:   awaited(ctx, func() *future.Future[*motor.InsertOneResult] { return batching.InsertOne(ctx, doc) }),
			theirs: func() error { _, err := theirs.InsertOne(ctx, doc); return err }},
		{name: "FindOne by _id with batching", goals: []int{25, 20}, callers: []int{100, 1000},
			ours:   awaited(ctx, func() *future.Future[bson.M] { return byID.FindOne(ctx, nextID()) }),
			theirs: func() error { var m bson.M; return theirsMany.FindOne(ctx, nextID()).Decode(&m) }},
		{name: "UpdateOne with batching", goals: []int{25, 20}, callers: []int{100, 1000},
			ours:   awaited(ctx, func() *future.Future[*motor.UpdateResult] { return batching.UpdateOne(ctx, filter, change) }),
			theirs: func() error { _, err := theirs.UpdateOne(ctx, filter, change); return err }},
		{name: "ReplaceOne with batching", goals: []int{25, 20}, callers: []int{100, 1000},
			ours:   awaited(ctx, func() *future.Future[*motor.UpdateResult] { return batching.ReplaceOne(ctx, filter, replacement) }),
			theirs: func() error { _, err := theirs.ReplaceOne(ctx, filter, replacement); return err }},
		{name: "DeleteOne with batching", goals: []int{25, 20}, callers: []int{100, 1000},
			ours:   awaited(ctx, func() *future.Future[*motor.DeleteResult] { return batching.DeleteOne(ctx, filter) }),
			theirs: func() error { _, err := theirs.DeleteOne(ctx, filter); return err }},
	} {
		if o.callers == nil {
			o.callers = counts
		}
		for i, n := range o.callers {
			goal := o.goal
			if o.goals != nil {
				goal = float64(o.goals[i]) / 100
			}
			rows = append(rows, Row{Name: fmt.Sprintf("%s, %s", o.name, callers(n)), Goal: goal, Other: "driver",
				Ours: concurrently(n, o.ours), Theirs: concurrently(n, o.theirs)})
		}
	}
	return append(rows, manyRows(ctx, c)...)
}

// share allows us a part of the memory of the other way.
func share(part float64) func(theirs float64) float64 {
	return func(theirs float64) float64 { return part * theirs }
}

func callers(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", n)
}

// manyRows are the rows of operations that write many documents, and of many operations at once.
func manyRows(ctx context.Context, c *clients) []Row {
	const size = 1000
	ours, theirs := c.ours(one), c.theirs(one)
	docs := make([]bson.D, size)
	var models []mongo.WriteModel
	for i := range docs {
		docs[i] = document(i)
		id := bson.D{{Key: "_id", Value: i}}
		switch i % 3 {
		case 0:
			models = append(models, mongo.NewInsertOneModel().SetDocument(docs[i]))
		case 1:
			models = append(models, mongo.NewUpdateOneModel().SetFilter(id).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "age", Value: i}}}}))
		default:
			models = append(models, mongo.NewDeleteOneModel().SetFilter(id))
		}
	}
	filter := bson.D{{Key: "_id", Value: 7}}
	const atOnce = 10_000
	coll := callback.WrapCollection(c.loop, ours)
	unordered := options.BulkWrite().SetOrdered(false)
	return []Row{
		{Name: "InsertMany of 1,000", Goal: 0.5, Other: "driver",
			Ours: times(awaited(ctx, func() *future.Future[*motor.InsertManyResult] { return ours.InsertMany(ctx, docs) })),
			Theirs: times(func() error {
				_, err := theirs.InsertMany(ctx, docs)
				return err
			})},
		{Name: "BulkWrite of 1,000 mixed", Goal: 0.5, Other: "driver",
			Ours: times(awaited(ctx, func() *future.Future[*motor.BulkWriteResult] { return ours.BulkWrite(ctx, models, unordered) })),
			Theirs: times(func() error {
				_, err := theirs.BulkWrite(ctx, models, unordered)
				return err
			})},
		{Name: "10,000 FindOne at once", Goal: 0.65, Other: "driver, a goroutine each", Unit: atOnce, Memory: share(0.3),
			Ours: func(n int) error {
				for range n / atOnce {
					all := make([]*future.Future[bson.M], atOnce)
					for i := range all {
						all[i] = ours.FindOne(ctx, filter)
					}
					for _, f := range all {
						if _, err := f.Await(ctx); err != nil {
							return err
						}
					}
				}
				return nil
			},
			Theirs: func(n int) error {
				for range n / atOnce {
					replies := make(chan error, atOnce)
					for range atOnce {
						go func() { var m bson.M; replies <- theirs.FindOne(ctx, filter).Decode(&m) }()
					}
					for range atOnce {
						if err := <-replies; err != nil {
							return err
						}
					}
				}
				return nil
			}},
		{Name: "FindOne by callback, 100 in flight", Goal: 1.05, Other: "by future", Unit: 100,
			Ours: byCallback(c, 100, func(done func(error)) {
				coll.FindOne(ctx, filter, func(_ bson.M, err error) { done(err) })
			}),
			Theirs: concurrently(100, awaited(ctx, func() *future.Future[bson.M] { return ours.FindOne(ctx, filter) }))},
		{Name: "FindOne in 100 coroutines", Goal: 1.05, Other: "by future", Unit: 100,
			Ours:   inCoroutines(c, 100, func(co *callback.Co) error { _, err := ours.FindOne(co, filter).Await(co); return err }),
			Theirs: concurrently(100, awaited(ctx, func() *future.Future[bson.M] { return ours.FindOne(ctx, filter) }))},
	}
}

// byCallback keeps operations in flight: the callback of one starts the next.
func byCallback(c *clients, inFlight int, start func(done func(error))) func(n int) error {
	return func(n int) error {
		done := make(chan error, 1)
		c.loop.AddCallback(func() {
			left, running := n, 0
			var failed error
			var next func()
			next = func() {
				if left == 0 || failed != nil {
					if running == 0 {
						done <- failed
					}
					return
				}
				left--
				running++
				start(func(err error) {
					running--
					if err != nil && failed == nil {
						failed = err
					}
					next()
				})
			}
			for range inFlight {
				next()
			}
		})
		return <-done
	}
}

// inCoroutines runs an operation n times, in coroutines of the loop.
func inCoroutines(c *clients, coroutines int, operation func(co *callback.Co) error) func(n int) error {
	return func(n int) error {
		done := make(chan error, coroutines)
		for worker := range coroutines {
			c.loop.SpawnCallback(func(co *callback.Co) error {
				var err error
				for i := worker; i < n && err == nil; i += coroutines {
					err = operation(co)
				}
				done <- err
				return nil
			})
		}
		var failed error
		for range coroutines {
			if err := <-done; err != nil {
				failed = err
			}
		}
		return failed
	}
}
