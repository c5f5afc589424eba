// Command coroutine looks up one document in a coroutine.
package main

import (
	"fmt"
	"os"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func main() {
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := motor.NewClient("mongodb://localhost:27017")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	user, err := callback.RunSync(loop, func(co *callback.Co) (bson.M, error) {
		return client.Database("app").Collection("users").FindOne(co, bson.M{"_id": "ann"}).Await(co)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("edit 0", user)
}
