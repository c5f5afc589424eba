// Bulk ports a program that sends many writes at once and reads the errors of some of them.
package main

import (
	"errors"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("bulk")
	callback.Must(co, coll.Drop(co))
	result := callback.Must(co, coll.BulkWrite(co, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1, "n": 1}),
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 2, "n": 2}),
		mongo.NewUpdateManyModel().SetFilter(bson.M{}).SetUpdate(bson.M{"$inc": bson.M{"n": 10}}),
		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 3}).SetUpdate(bson.M{"$set": bson.M{"n": 3}}).SetUpsert(true),
		mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": 2}).SetReplacement(bson.M{"n": 0}),
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 1}),
	}))
	fmt.Println(result.Inserted(), result.Modified(), result.Upserted(), result.Deleted())
	three, four := mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 3}), mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 4})
	unordered := options.BulkWrite().SetOrdered(false)
	_, err := coll.BulkWrite(co, []mongo.WriteModel{three, four, three}, unordered).Await(co)
	if e := motor.AsError(err); errors.Is(err, motor.BulkWriteError) {
		fmt.Println("inserted", e.Details().Lookup("nInserted").AsInt64())
		for _, w := range callback.Must(co, future.Settled(e.Details().Lookup("writeErrors").Array().Values())) {
			fmt.Println("write", w.Document().Lookup("index").AsInt64(), "failed with code", w.Document().Lookup("code").AsInt64())
		}
	}
	for doc := range callback.Range(co, coll.Find(bson.M{}).Sort("_id").All(co)) {
		fmt.Println(doc["_id"], len(doc))
	}
}

func main() { callback.Main(run) }
