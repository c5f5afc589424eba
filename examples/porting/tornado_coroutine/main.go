// Tornado_coroutine ports a program with gen.coroutine, yield of a list and a dict, with_timeout and run_sync.
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

func insert(co *callback.Co, coll *motor.Collection[bson.M], docs []bson.M) int {
	for _, doc := range docs {
		callback.Must(co, coll.InsertOne(co, doc))
	}
	return len(docs)
}

func run(co *callback.Co) {
	coll := motor.MustClient(os.Args[1]).Database("porting").Collection("tornado_coroutine")
	callback.Must(co, coll.Drop(co))
	var docs []bson.M
	for i := range 4 {
		docs = append(docs, bson.M{"_id": i, "even": i%2 == 0})
	}
	fmt.Println("inserted", insert(co, coll, docs))
	counts := callback.Must(co, future.Multi(coll.CountDocuments(co, bson.M{"even": true}), coll.CountDocuments(co, bson.M{"even": false})))
	fmt.Println(counts[0], "even,", counts[1], "odd")
	cursor := coll.Find(bson.M{"even": true}).Sort("_id", -1)
	for callback.Must(co, cursor.FetchNext(co)) {
		fmt.Println(cursor.NextObject()["_id"])
	}
	co.Must(co.Sleep(time.Millisecond))
	if _, err := future.WithTimeout(future.Sleep(time.Minute), 10*time.Millisecond).Await(co); err != nil {
		fmt.Println("timeout")
	}
	ends := callback.Must(co, future.MultiMap(map[string]*future.Future[bson.M]{
		"first": coll.FindOne(co, bson.M{"_id": 0}), "last": coll.FindOne(co, bson.M{"_id": 3})}))
	fmt.Println(ends["first"]["_id"], ends["last"]["_id"])
	if _, err := coll.InsertOne(co, bson.M{"_id": 0}).Await(co); err != nil {
		fmt.Println(motor.AsError(err).Class().Name())
	}
}

func main() { callback.Main(run) }
