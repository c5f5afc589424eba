package mongotest_test

import (
	"context"
	"fmt"
	"log"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func ExampleRun() {
	ctx := context.Background()
	server, err := mongotest.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = server.Close() }()

	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Disconnect(ctx) }()

	db := client.Database(mongotest.DatabasePrefix + "example")
	defer func() { _ = db.Drop(ctx) }()
	if _, err := db.Collection("greetings").InsertOne(ctx, bson.M{"_id": 1, "text": "hello"}); err != nil {
		log.Fatal(err)
	}
	var greeting struct{ Text string }
	if err := db.Collection("greetings").FindOne(ctx, bson.M{"_id": 1}).Decode(&greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting.Text)
	// Output: hello
}
