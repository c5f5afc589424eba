// Completed ports a program with as_completed, wait, shield and add_done_callback.
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

func later(coll *motor.Collection[bson.M], n int, delay time.Duration) func(co *callback.Co) (int, error) {
	return callback.Value(func(co *callback.Co) int {
		co.Must(co.Sleep(delay))
		callback.Must(co, coll.InsertOne(co, bson.M{"_id": n}))
		return n
	})
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("completed")
	callback.Must(co, coll.Drop(co))
	var tasks []*future.Future[int]
	for n, delay := range []time.Duration{200 * time.Millisecond, 0, 100 * time.Millisecond} {
		tasks = append(tasks, callback.Spawn(co.Loop(), later(coll, n+1, delay)))
	}
	for n := range callback.Range(co, future.AsCompleted(co, tasks...)) {
		fmt.Println("completed", n)
	}
	fast := callback.CreateTask(co, later(coll, 4, 0))
	slow := callback.CreateTask(co, later(coll, 5, time.Minute))
	sets := callback.Must(co, future.Wait(future.FirstCompleted, fast.Future, slow.Future))
	fmt.Println(len(sets.Done), "done,", len(sets.Pending), "pending")
	sets = callback.Must(co, future.WaitTimeout(10*time.Millisecond, future.AllCompleted, slow.Future))
	fmt.Println(len(sets.Done), "done,", len(sets.Pending), "pending")
	slow.Cancel()
	if _, err := future.Shield(slow.Future).Await(co); err != nil && slow.Cancelled() {
		fmt.Println("cancelled: yes")
	}
	fast.OnComplete(func(n int, _ error) { fmt.Println("callback", n) })
	co.Must(co.Sleep(10 * time.Millisecond))
	fmt.Println("inserted", callback.Must(co, coll.CountDocuments(co, bson.M{})))
}

func main() { callback.Main(run) }
