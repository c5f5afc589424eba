// Gather ports a program with gather, create_task and wait_for.
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

func count(coll *motor.Collection[bson.M], kind string) func(co *callback.Co) (int64, error) {
	return func(co *callback.Co) (int64, error) {
		n := callback.Must(co, coll.CountDocuments(co, bson.M{"kind": kind}))
		if n == 0 {
			return 0, fmt.Errorf("no %s", kind)
		}
		return n, nil
	}
}

func slow(co *callback.Co) {
	defer fmt.Println("slow was cancelled")
	co.Must(co.Sleep(time.Minute))
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("gather")
	callback.Must(co, coll.Drop(co))
	var inserts []*future.Future[*motor.InsertOneResult]
	for i, k := range []string{"tea", "tea", "cake"} {
		inserts = append(inserts, coll.InsertOne(co, bson.M{"_id": i, "kind": k}))
	}
	callback.Must(co, future.All(inserts...))
	counts := callback.Must(co, future.Settled(callback.Gather(co, count(coll, "tea"), count(coll, "cake"))))
	fmt.Println(counts[0], "tea,", counts[1], "cake")
	results := callback.Must(co, future.Settled(callback.GatherSettled(co, count(coll, "tea"), count(coll, "jam"))))
	fmt.Println("result:", results[0].Value)
	fmt.Println("result:", results[1].Err)
	both := callback.Must(co, future.Join2(coll.CountDocuments(co, bson.M{}), coll.FindOne(co, bson.M{"_id": 0})))
	fmt.Println(both.First, both.Second["kind"])
	if _, err := callback.WaitFor(co, 50*time.Millisecond, callback.Proc(slow)); err != nil {
		fmt.Println("too slow")
	}
	task := callback.CreateTask(co, count(coll, "cake"))
	fmt.Println("the task gives", callback.Must(co, task.Future))
	if _, err := callback.Gather(co, count(coll, "tea"), count(coll, "jam")); err != nil {
		fmt.Println("error:", err)
	}
}

func main() { callback.Main(run) }
