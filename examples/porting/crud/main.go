// Crud ports a program that writes, reads, changes and deletes documents.
package main

import (
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

func run(co *callback.Co) {
	users := motor.MustClient(os.Args[1]).Database("porting").Collection("crud")
	callback.Must(co, users.Drop(co))
	inserted := callback.Must(co, users.InsertOne(co, bson.M{"_id": "ann", "visits": 1}))
	fmt.Println("inserted", inserted.InsertedID)
	many := callback.Must(co, users.InsertMany(co, []bson.M{{"_id": "ben", "visits": 0}, {"_id": "cid", "visits": 0}}))
	fmt.Println("inserted", len(many.InsertedIDs))
	ann := callback.Must(co, users.FindOne(co, bson.M{"_id": "ann"}))
	fmt.Println("ann has", ann["visits"], "visits")
	updated := callback.Must(co, users.UpdateMany(co, bson.M{"visits": 0}, bson.M{"$inc": bson.M{"visits": 5}}))
	fmt.Println("matched", updated.Matched(), "modified", updated.Modified())
	for user := range callback.Range(co, users.Find(bson.M{"visits": bson.M{"$gt": 2}}).Sort("_id").All(co)) {
		fmt.Println(user["_id"], user["visits"])
	}
	old := callback.Must(co, users.FindOneAndUpdate(co, bson.M{"_id": "cid"}, bson.M{"$set": bson.M{"visits": 9}}))
	fmt.Println("cid had", old["visits"])
	deleted := callback.Must(co, users.DeleteOne(co, bson.M{"_id": "ben"}))
	fmt.Println("deleted", deleted.Deleted())
	fmt.Println("left", callback.Must(co, users.CountDocuments(co, bson.M{})))
	if callback.Must(co, users.FindOne(co, bson.M{"_id": "dan"})) == nil {
		fmt.Println("no dan")
	}
}

func main() { callback.Main(run) }
