// Cancel ports a program whose task cleans up when it is cancelled.
package main

import (
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func work(co *callback.Co, coll *motor.Collection[bson.M], started *callback.Event) {
	callback.Must(co, coll.InsertOne(co, bson.M{"_id": "lock"}))
	started.Set()
	defer func() {
		co := co.WithoutCancel()
		callback.Must(co, coll.DeleteOne(co, bson.M{"_id": "lock"}))
		fmt.Println("released the lock")
	}()
	if err := co.Sleep(time.Minute); err != nil {
		fmt.Println("cancelled")
		co.Must(err)
	}
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("cancel")
	callback.Must(co, coll.Drop(co))
	started := callback.NewEvent(co.Loop())
	task := callback.CreateTask(co, callback.Proc(func(co *callback.Co) { work(co, coll, started) }))
	callback.Must(co, started.Wait())
	fmt.Println("locks:", callback.Must(co, coll.CountDocuments(co, bson.M{})))
	task.Cancel()
	if _, err := task.Await(co); err != nil {
		fmt.Println("the task has ended")
	}
	fmt.Println("locks:", callback.Must(co, coll.CountDocuments(co, bson.M{})))
	never := callback.CreateTask(co, callback.Proc(func(co *callback.Co) { work(co, coll, started) }))
	never.Cancel()
	callback.Must(co, future.AllSettled(never.Future))
	fmt.Println("locks:", callback.Must(co, coll.CountDocuments(co, bson.M{})))
}

func main() { callback.Main(run) }
