package callback_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// The examples of the handles need a server, so they are compiled but not run. Package motor has examples of the same
// methods with futures.

func ExampleClient() {
	ctx, loop := context.Background(), callback.NewLoop()
	var client *callback.Client = callback.MustClient(loop, "mongodb://localhost:27017")
	var app *callback.Database = client.Database("app")
	var users *callback.Collection[bson.M] = app.Collection("users")
	users.InsertOne(ctx, bson.M{"_id": "ann"}, func(r *motor.InsertOneResult, err error) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println("inserted", r.InsertedID)
	})
	loop.Start()
}

func ExampleCursor() {
	ctx, users := context.Background(), new(callback.Collection[bson.M])
	var adults *callback.Cursor[bson.M] = users.Find(bson.M{"age": bson.M{"$gte": 18}}).Sort("_id")
	adults.Each(ctx, func(user bson.M, err error) bool {
		if err == nil && user != nil { // nil at the end
			fmt.Println(user["_id"])
		}
		return true
	})
	var ages *callback.CommandCursor[bson.M] = users.Aggregate(bson.A{bson.M{"$group": bson.M{"_id": "$age"}}})
	ages.ToList(ctx, func(groups []bson.M, err error) { fmt.Println(len(groups), err) })
}

func ExampleRawBatchCursor() {
	ctx, users := context.Background(), new(callback.Collection[bson.M])
	size := func(batch motor.RawBatch, err error) bool {
		fmt.Println(len(batch), err)
		return batch != nil
	}
	var found *callback.RawBatchCursor = users.FindRawBatches(bson.M{})
	found.Each(ctx, size)
	var grouped *callback.RawBatchCommandCursor = users.AggregateRawBatches(bson.A{})
	grouped.Each(ctx, size)
}

func ExampleChangeStream() {
	ctx, users := context.Background(), new(callback.Collection[bson.M])
	var changes *callback.ChangeStream[bson.M] = users.Watch(nil)
	changes.Next(ctx, func(change bson.M, err error) { fmt.Println(change["operationType"], err) })

	type event struct {
		Kind string `bson:"operationType"`
	}
	var watched callback.WatchTarget = users
	callback.WatchOf[event](watched, nil).Next(ctx, func(e event, err error) { fmt.Println(e.Kind, err) })
}

func ExampleSession() {
	ctx, client := context.Background(), new(callback.Client)
	users := client.Database("app").Collection("users")
	client.StartSession(ctx, func(s *callback.Session, err error) {
		if err != nil {
			log.Print(err)
			return
		}
		users.InsertOne(s.Context(ctx), bson.M{"_id": "ann"}, func(_ *motor.InsertOneResult, err error) {
			fmt.Println(err)
			s.EndSession(ctx, nil)
		})
	})
}

func ExampleGridFSBucket() {
	ctx, db := context.Background(), new(callback.Database)
	var bucket *callback.GridFSBucket
	bucket, err := callback.NewGridFSBucket(db)
	if err != nil {
		log.Fatal(err)
	}
	var in *callback.GridIn = bucket.OpenUploadStream("a.txt")
	in.Write(ctx, "hello", func(_ struct{}, err error) { in.Close(ctx, nil) })
	var files *callback.GridOutCursor = bucket.Find(bson.M{})
	files.Each(ctx, func(file *callback.GridOut, err error) bool {
		if file == nil {
			return false
		}
		file.Read(ctx, -1, func(data []byte, err error) { fmt.Println(len(data), err) })
		return true
	})
}

func ExampleGridFS() {
	ctx, db := context.Background(), new(callback.Database)
	var fs *callback.GridFS = callback.NewGridFS(db, "fs")
	fs.Put(ctx, "hello", func(id any, err error) { fmt.Println(id, err) }, motor.GridInOptions{Filename: "a.txt"})
}

func ExampleBulkOperationBuilder() {
	ctx, users := context.Background(), new(callback.Collection[bson.M])
	var bulk *callback.BulkOperationBuilder = users.InitializeOrderedBulkOp()
	bulk.Insert(bson.M{"_id": "ann"})
	bulk.Execute(ctx, func(result bson.M, err error) { fmt.Println(result["nInserted"], err) })
}

func ExampleReplicaSetClient() {
	loop := callback.NewLoop()
	var client *callback.ReplicaSetClient
	client, err := callback.NewReplicaSetClient(loop, "mongodb://localhost:27017/?replicaSet=rs0")
	fmt.Println(client.Database("app"), err)
}

func ExampleClientEncryption() {
	ctx, vault := context.Background(), new(callback.Client)
	var encryption *callback.ClientEncryption
	encryption, err := callback.NewClientEncryption(vault, options.ClientEncryption().SetKeyVaultNamespace("encryption.__keyVault"))
	if err != nil {
		log.Fatal(err) // the program needs the build tag cse
	}
	encryption.CreateDataKey(ctx, "local", func(key bson.Binary, err error) { fmt.Println(key, err) })
}

func ExampleEvent() {
	callback.Main(func(co *callback.Co) {
		var opened *callback.Event = callback.NewEvent(co.Loop())
		co.Loop().AddCallback(opened.Set)
		callback.Must(co, opened.Wait())
		fmt.Println("open:", opened.IsSet())
	})
	// Output: open: true
}

func ExampleCondition() {
	callback.Main(func(co *callback.Co) {
		var changed *callback.Condition = callback.NewCondition(co.Loop())
		co.Loop().AddCallback(changed.NotifyAll)
		fmt.Println(callback.Must(co, changed.Wait()))
	})
	// Output: true
}

func ExampleSemaphore() {
	callback.Main(func(co *callback.Co) {
		var two *callback.Semaphore = callback.NewSemaphore(co.Loop(), 2)
		release := callback.Must(co, two.Acquire())
		defer release()
		fmt.Println("one of two is held")

		var one *callback.BoundedSemaphore = callback.NewBoundedSemaphore(co.Loop(), 1)
		defer callback.Must(co, one.Acquire())() // releasing it twice would panic
	})
	// Output: one of two is held
}

func ExampleLifoQueue() {
	callback.Main(func(co *callback.Co) {
		var stack *callback.LifoQueue[string] = callback.NewLifoQueue[string](co.Loop(), 0)
		for _, item := range []string{"first", "last"} {
			callback.Must(co, stack.Put(item))
		}
		fmt.Println(callback.Must(co, stack.Get()))
	})
	// Output: last
}

func ExampleWithSlowCallback() {
	loop := callback.NewLoop(callback.WithSlowCallback(time.Millisecond, func(s callback.SlowCallback) { fmt.Println("slow:", s.Took > time.Millisecond) }))
	defer loop.Close()
	loop.AddCallback(func() { time.Sleep(2 * time.Millisecond) })
	loop.Poll()
	// Output: slow: true
}

func ExampleLoop_Stats() {
	loop := callback.NewLoop()
	defer loop.Close()
	loop.AddCallback(func() {})
	loop.Poll()
	var s future.LoopStats = loop.Stats()
	fmt.Println(s.Callbacks, "callback,", s.Queued, "queued")
	// Output: 1 callback, 0 queued
}
