// Command callback looks up one document on a loop, and gets it in a callback.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gomotor/gomotor/callback"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func main() {
	ctx := context.Background()
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := callback.NewClient(loop, "mongodb://localhost:27017")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client.Database("app").Collection("users").FindOne(ctx, bson.M{"_id": "ann"}, func(user bson.M, err error) {
		defer loop.Stop()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("edit 0", user)
	})
	loop.Start()
}
