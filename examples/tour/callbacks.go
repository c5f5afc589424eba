package main

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// callbacks does similar work with callbacks on an event loop. The loop runs one callback at a time, so variables that
// they share need no lock.
func callbacks(ctx context.Context, database *motor.Database) error {
	loop := callback.NewLoop()
	defer loop.Close()
	riders := callback.WrapDatabase(loop, database).Collection("riders")

	heading("Callbacks, in parallel, on one loop")
	var answered, rides int // used only on the loop
	var failed error
	for i := range riderCount {
		riders.FindOne(ctx, bson.M{"_id": riderID(i)}, func(rider bson.M, err error) {
			if err != nil {
				failed = err
			} else {
				rides += int(rider["rides"].(int32))
			}
			if answered++; answered == riderCount {
				loop.Stop()
			}
		})
	}
	loop.Start() // returns after Stop
	if failed != nil {
		return failed
	}
	fmt.Printf("%d callbacks without a lock: %.1f rides on average\n", answered, float64(rides)/riderCount)

	heading("Callbacks, nested")
	// Typical event-loop code: each step starts in the callback of the step before.
	stop := func(err error) {
		failed = err
		loop.Stop()
	}
	riders.ReplaceOne(ctx, bson.M{"_id": "rider-new"}, bson.M{"name": "Lou"},
		func(_ *motor.UpdateResult, err error) {
			if err != nil {
				stop(err)
				return
			}
			fmt.Println("replaced rider-new")
			riders.FindOne(ctx, bson.M{"_id": "rider-new"}, func(rider bson.M, err error) {
				if err != nil {
					stop(err)
					return
				}
				fmt.Printf("its name is %v now\n", rider["name"])
				riders.DeleteOne(ctx, bson.M{"_id": "rider-new"}, func(r *motor.DeleteResult, err error) {
					if err == nil {
						n, _ := r.DeletedCount()
						fmt.Printf("deleted %d document\n", n)
					}
					stop(err)
				})
			})
		})
	loop.Start()
	return failed
}
