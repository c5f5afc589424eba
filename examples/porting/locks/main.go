// Locks ports a program with a Lock and a Semaphore.
package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func add(co *callback.Co, coll *motor.Collection[bson.M], lock *callback.Lock, n int32) {
	defer callback.Must(co, lock.Acquire())()
	doc := callback.Must(co, coll.FindOne(co, bson.M{"_id": "sum"}))
	co.Must(co.Sleep(time.Millisecond))
	callback.Must(co, coll.UpdateOne(co, bson.M{"_id": "sum"}, bson.M{"$set": bson.M{"n": doc["n"].(int32) + n}}))
}

func limited(co *callback.Co, semaphore *callback.Semaphore, running *int, peak *[]int) {
	defer callback.Must(co, semaphore.Acquire())()
	*running++
	*peak = append(*peak, *running)
	co.Must(co.Sleep(time.Millisecond))
	*running--
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("locks")
	callback.Must(co, coll.Drop(co))
	callback.Must(co, coll.InsertOne(co, bson.M{"_id": "sum", "n": 0}))
	lock := callback.NewLock(co.Loop())
	var tasks []*future.Future[struct{}]
	for n := int32(1); n <= 10; n++ {
		tasks = append(tasks, callback.Spawn(co.Loop(), callback.Proc(func(co *callback.Co) { add(co, coll, lock, n) })))
	}
	callback.Must(co, future.All(tasks...))
	doc := callback.Must(co, coll.FindOne(co, bson.M{"_id": "sum"}))
	fmt.Println("the sum is", doc["n"])
	semaphore, running, peak := callback.NewSemaphore(co.Loop(), 2), 0, []int{}
	one := callback.Proc(func(co *callback.Co) { limited(co, semaphore, &running, &peak) })
	callback.Must(co, future.Settled(callback.Gather(co, one, one, one, one, one, one)))
	fmt.Println("at most", slices.Max(peak), "at a time")
}

func main() { callback.Main(run) }
