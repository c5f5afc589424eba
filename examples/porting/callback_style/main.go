// Callback_style ports a program of the callback era: each function gets a result or an error.
package main

import (
	"context"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

var (
	ctx  = context.Background()
	loop = callback.NewLoop()
	coll = callback.MustClient(loop, os.Args[1]).Database("porting").Collection("callback_style")
)

func dropped(_ struct{}, err error) {
	callback.Raise(err)
	coll.Insert(ctx, []bson.M{{"_id": 0}, {"_id": 1}, {"_id": 2}, {"_id": 3}, {"_id": 4}}, inserted)
}

func inserted(result any, err error) {
	callback.Raise(err)
	fmt.Println("inserted", motor.Repr(result))
	coll.Find(bson.M{"_id": bson.M{"$gte": 3}}).Sort("_id", -1).Each(ctx, each)
}

func each(doc bson.M, err error) bool {
	callback.Raise(err)
	if doc != nil {
		fmt.Println("doc", doc["_id"])
	} else {
		coll.FindOne(ctx, bson.M{"_id": 7}, found)
	}
	return true
}

func found(doc bson.M, err error) {
	fmt.Println(map[bool]any{true: "none", false: doc["_id"]}[doc == nil])
	coll.Insert(ctx, bson.M{"_id": 1}, insertedAgain)
}

func insertedAgain(_ any, err error) {
	fmt.Println("error:", motor.AsError(err).Class().Name())
	coll.Find(bson.M{}).Sort("_id").ToList(ctx, listed, 2)
}

func listed(docs []bson.M, err error) {
	fmt.Println("list", motor.Repr([]any{docs[0]["_id"], docs[1]["_id"]}))
	loop.Stop()
}

func main() {
	coll.Drop(ctx, dropped)
	loop.Start()
}
