package contract_test

import (
	"fmt"
	"log"
	"regexp"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// The tests of this file contain the Go code of MIGRATION.md, line by line, except the lines that connect.
// TestMigrationCodeIsTested compares the two.

func TestMigrationFutures(t *testing.T) {
	ctx, users := t.Context(), newCollection(t)
	seen := map[any]error{}
	sees := func(id any, err error) { seen[id] = err }

	_, err := users.InsertOne(ctx, bson.M{"_id": "ann", "age": 31}).Await(ctx)
	noError(t, err)
	for user, err := range users.Find(bson.M{"age": bson.M{"$gt": 30}}).Sort("age").All(ctx) {
		sees(user["_id"], err)
	}
	if err, ok := seen["ann"]; len(seen) != 1 || !ok || err != nil {
		t.Errorf("seen = %v, want only ann, without an error", seen)
	}

	loop := callback.NewLoop()
	defer loop.Close()
	user, err := callback.RunSync(loop, func(co *callback.Co) (bson.M, error) {
		return users.FindOne(co, bson.M{"_id": "ann"}).Await(co)
	})
	if fmt.Sprint(user["age"]) != "31" || err != nil {
		t.Errorf("RunSync() = %v, %v; want age 31, no error", user, err)
	}
}

func TestMigrationExceptions(t *testing.T) {
	users := newCollection(t)
	register := func(co *callback.Co, name string) {
		func() {
			defer fmt.Println("done")
			if err := co.Try(func() {
				callback.Must(co, users.InsertOne(co, bson.M{"_id": name}))
			}, motor.DuplicateKeyError); err != nil {
				fmt.Println(name, "is taken, code", motor.Code(err))
			}
		}()
		for user := range callback.Range(co, users.Find(bson.M{}).Sort("_id").All(co)) {
			fmt.Println(user["_id"])
		}
	}
	for range 2 {
		callback.Main(func(co *callback.Co) { register(co, "ann") })
	}
	n, err := users.CountDocuments(t.Context(), bson.M{}).Await(t.Context())
	if n != 1 || err != nil {
		t.Errorf("CountDocuments() = %v, %v; want 1, <nil>", n, err)
	}
}

func TestMigrationCallbacks(t *testing.T) {
	ctx, name := t.Context(), newCollection(t).Database().Name()
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := callback.NewClient(loop, mongotest.URI(t))
	noError(t, err)
	defer client.Close(ctx)
	var user bson.M
	found := func(doc bson.M, err error) {
		if err != nil {
			log.Print(err)
		}
		user = doc
		loop.Stop()
	}

	users := client.Database(name).Collection("users")
	users.InsertOne(ctx, bson.M{"_id": "ann"}, func(result *motor.InsertOneResult, err error) {
		if err != nil {
			log.Fatal(err)
		}
		users.FindOne(ctx, bson.M{"_id": "ann"}, found)
	})
	loop.Start()
	if user["_id"] != "ann" {
		t.Errorf("user = %v, want _id ann", user)
	}
}

func TestMigrationCodeIsTested(t *testing.T) {
	elsewhere := regexp.MustCompile(`Println|NewClient|\.Database\("app"\)|^_, err = users`)
	documentIsTested(t, "../../MIGRATION.md", "migration_test.go", elsewhere, 15)
}
