// Aggregate ports a program with a pipeline, an index, a projection and the ways to read a cursor.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

var orderDocs = []bson.M{
	{"_id": 1, "customer": "ann", "item": "tea", "total": 12},
	{"_id": 2, "customer": "ben", "item": "cake", "total": 30},
	{"_id": 3, "customer": "ann", "item": "cake", "total": 25},
	{"_id": 4, "customer": "cid", "item": "tea", "total": 4},
}

func run(co *callback.Co) {
	orders := motor.MustClient(os.Args[1]).Database("porting").Collection("orders")
	callback.Must(co, orders.Drop(co))
	callback.Must(co, orders.CreateIndex(co, bson.D{{Key: "customer", Value: 1}, {Key: "total", Value: -1}}))
	callback.Must(co, orders.InsertMany(co, orderDocs))
	pipeline := []bson.M{
		{"$match": bson.M{"total": bson.M{"$gte": 5}}},
		{"$group": bson.M{"_id": "$customer", "sum": bson.M{"$sum": "$total"}}},
		{"$sort": bson.M{"sum": -1}},
	}
	for row := range callback.Range(co, orders.Aggregate(pipeline).All(co)) {
		fmt.Println(row["_id"], row["sum"])
	}
	var items []string
	for _, doc := range callback.Must(co, orders.Find(bson.M{}).Projection(bson.M{"item": 1, "_id": 0}).Sort("total", -1).ToList(co, 2)) {
		items = append(items, doc["item"].(string))
	}
	fmt.Println("best:", strings.Join(items, ", "))
	cursor := orders.Find(bson.M{"item": "tea"}).Sort("_id", 1)
	for callback.Must(co, cursor.FetchNext(co)) {
		order := cursor.NextObject()
		fmt.Println("order", order["_id"], "of", order["customer"])
	}
	fmt.Println("customers:", len(callback.Must(co, orders.Distinct(co, "customer", bson.M{}))))
	indexes := callback.Must(co, orders.IndexInformation(co))
	fmt.Printf("['%s']\n", strings.Join(slices.Sorted(maps.Keys(indexes)), "', '"))
}

func main() { callback.Main(run) }
