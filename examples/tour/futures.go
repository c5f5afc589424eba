package main

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// futures shows operations that run in parallel, and operations that depend on each other.
func futures(ctx context.Context, db *motor.Database) error {
	riders, trips := db.Collection("riders"), db.Collection("trips")

	heading("Futures, in parallel")
	var lookups []*future.Future[bson.M]
	for i := range riderCount {
		lookups = append(lookups, riders.FindOne(ctx, bson.M{"_id": riderID(i)}))
	}
	begin := time.Now()
	found, err := future.All(lookups...).Await(ctx)
	if err != nil {
		return err
	}
	var rides int32
	for _, rider := range found {
		rides += rider["rides"].(int32)
	}
	fmt.Printf("%d riders found in %s, in parallel: %.1f rides on average\n",
		len(found), time.Since(begin).Round(time.Millisecond), float64(rides)/float64(len(found)))

	var counts []*future.Future[int64]
	for _, tag := range tags {
		counts = append(counts, trips.CountDocuments(ctx, bson.M{"tags": tag}))
	}
	perTag, err := future.All(counts...).Await(ctx)
	if err != nil {
		return err
	}
	for i, tag := range tags {
		fmt.Printf("  %-8s %5d trips\n", tag, perTag[i])
	}

	heading("Futures, chained")
	// Each step starts when the step before has succeeded. If a step fails, the following steps do not run.
	inserted := riders.InsertOne(ctx, bson.M{"_id": "rider-new", "name": "Kim", "home": bson.M{"station": "Zoo"}})
	updated := future.ThenFuture(inserted, func(r *motor.InsertOneResult) *future.Future[*motor.UpdateResult] {
		fmt.Printf("inserted %v\n", r.InsertedID)
		return riders.UpdateOne(ctx, bson.M{"_id": r.InsertedID}, bson.M{"$inc": bson.M{"rides": 3}})
	})
	modified := future.Then(updated, (*motor.UpdateResult).ModifiedCount)
	read := future.ThenFuture(modified, func(n int64) *future.Future[bson.M] {
		fmt.Printf("updated %d document\n", n)
		return riders.FindOne(ctx, bson.M{"_id": "rider-new"})
	})
	sentence := future.Then(read, func(rider bson.M) (string, error) {
		home := rider["home"].(bson.M)["station"]
		return fmt.Sprintf("%v from %v has made %v rides", rider["name"], home, rider["rides"]), nil
	})
	text, err := sentence.Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println(text)

	// If no document matches, the result is a nil map and no error. Motor returns None.
	lost, err := riders.FindOne(ctx, bson.M{"_id": "rider-lost"}).Await(ctx)
	fmt.Printf("rider-lost: found %t, error %v\n", lost != nil, err)
	return err
}
