// Command futures looks up one document with a future.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gomotor/gomotor/motor"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func main() {
	ctx := context.Background()
	client, err := motor.NewClient("mongodb://localhost:27017")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer client.Close(ctx)

	user, err := client.Database("app").Collection("users").FindOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("edit 0", user)
}
