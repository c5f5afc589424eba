// Gen_engine ports a program of the callback era with gen.engine, gen.Task and motor.Op.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

var (
	loop = callback.NewLoop()
	coll = motor.MustClient(os.Args[1]).Database("porting").Collection("gen_engine")
)

func fetch(name string, done callback.Func[string]) {
	loop.AddCallback(func() { done(strings.ToUpper(name), nil) })
}

func save(co *callback.Co, name string) string {
	title := callback.Must(co, callback.FromCallback(loop, func(done callback.Func[string]) { fetch(name, done) }))
	callback.Must(co, coll.Save(co, bson.M{"_id": name, "title": title}))
	return title
}

func run(co *callback.Co) error {
	callback.Must(co, coll.Drop(co))
	for _, name := range []string{"ann", "ben"} {
		title := save(co, name)
		fmt.Println("saved", title)
	}
	both := callback.Must(co, future.Join2(coll.Count(co), coll.FindOne(co, bson.M{"_id": "ben"})))
	fmt.Println(both.First, both.Second["title"])
	if _, err := coll.Insert(co, bson.M{"_id": "ann"}).Await(co); errors.Is(err, motor.DuplicateKeyError) {
		fmt.Println("ann is there")
	}
	result := callback.Must(co, coll.Update(co, bson.M{}, bson.M{"$set": bson.M{"seen": true}}, motor.UpdateOptions{Multi: true}))
	fmt.Println("updated", result["n"])
	callback.Must(co, coll.Remove(co, bson.M{"_id": "ann"}))
	cursor := coll.Find(bson.M{})
	for callback.Must(co, cursor.FetchNext(co)) {
		fmt.Println("left", cursor.NextObject()["_id"])
	}
	loop.Stop()
	return nil
}

func main() {
	loop.SpawnCallback(run)
	loop.Start()
}
