// Queue ports a producer and a consumer that share an asyncio.Queue.
package main

import (
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

const end = -1

func produce(co *callback.Co, queue *callback.Queue[int], n int) {
	for i := range n {
		callback.Must(co, queue.Put(i))
	}
	callback.Must(co, queue.Put(end))
}

func consume(co *callback.Co, queue *callback.Queue[int], coll *motor.Collection[bson.M]) {
	for item := range callback.Range(co, queue.All(co)) {
		if item == end {
			break
		}
		callback.Must(co, coll.InsertOne(co, bson.M{"_id": item, "square": item * item}))
		queue.TaskDone()
	}
	fmt.Println("the consumer is done")
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("queue")
	callback.Must(co, coll.Drop(co))
	queue := callback.NewQueue[int](co.Loop(), 2)
	_, err := callback.Gather(co,
		callback.Proc(func(co *callback.Co) { produce(co, queue, 5) }),
		callback.Proc(func(co *callback.Co) { consume(co, queue, coll) }))
	co.Must(err)
	for doc := range callback.Range(co, coll.Find(bson.M{}).Sort("_id", -1).Limit(3).All(co)) {
		fmt.Println(doc["_id"], doc["square"])
	}
	if _, err := queue.GetNowait(); err == callback.ErrQueueEmpty {
		fmt.Println("the queue is empty")
	}
}

func main() { callback.Main(run) }
