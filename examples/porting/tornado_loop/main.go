// Tornado_loop ports a program with a PeriodicCallback, call_later, spawn_callback, an Event and a Queue of Tornado.
package main

import (
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

var (
	loop  = callback.NewLoop()
	coll  = motor.MustClient(os.Args[1]).Database("porting").Collection("tornado_loop")
	queue = callback.NewQueue[any](loop, 2)
	ready = callback.NewEvent(loop)
	timer *callback.Periodic
	ticks int
)

func tick() {
	ticks++
	fmt.Println("tick", ticks)
	if ticks == 3 {
		timer.Stop()
		queue.Put(nil)
	}
}

func start(co *callback.Co) error {
	callback.Must(co, coll.Drop(co))
	callback.Must(co, coll.InsertOne(co, bson.M{"_id": "state", "n": 0}))
	ready.Set()
	return nil
}

func watch(co *callback.Co) error {
	callback.Must(co, ready.Wait())
	timer.Start()
	callback.Must(co, queue.Get())
	doc := callback.Must(co, coll.FindOne(co, bson.M{"_id": "state"}))
	fmt.Println("state", doc["n"])
	loop.AddCallback(func() { stop("finished") })
	return nil
}

func stop(text string) {
	fmt.Println(text)
	loop.Stop()
}

func main() {
	timer = callback.NewPeriodic(loop, 2*time.Millisecond, tick)
	loop.SpawnCallback(watch)
	loop.CallLater(10*time.Millisecond, func() { loop.SpawnCallback(start) })
	loop.Start()
}
