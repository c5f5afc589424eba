// Command driver looks up one document with the driver.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func main() {
	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://localhost:27017"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer client.Disconnect(ctx)

	var user bson.M
	err = client.Database("app").Collection("users").FindOne(ctx, bson.M{"_id": "ann"}).Decode(&user)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		fmt.Println(err)
		return
	}
	fmt.Println("edit 0", user)
}
