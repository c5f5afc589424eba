package guide

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// The variables of the guide's examples.
var (
	ctx    = context.Background()
	uri    string
	client *motor.Client
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	server, err := mongotest.Run(ctx)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	uri, client = server.URI(), motor.MustClient(server.URI())
	code := m.Run()
	for _, name := range []string{database, "guide_files"} {
		if _, err := client.DropDatabase(ctx, name).Await(ctx); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	for _, stop := range []func() error{func() error { return client.Close(ctx) }, server.Close, func() error { return goleak.Find() }} {
		if err := stop(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	return code
}

// database is the database of the examples.
const database = "guide"

// collection returns a collection that has only these documents.
func collection(name string, documents ...bson.M) *motor.Collection[bson.M] {
	coll := client.Database(database).Collection(name)
	_, err := coll.Drop(ctx).Await(ctx)
	if err == nil && len(documents) > 0 {
		_, err = coll.InsertMany(ctx, documents).Await(ctx)
	}
	if err != nil {
		panic(err)
	}
	return coll
}

// start runs a coroutine and prints its error.
func start(fn func(co *callback.Co)) {
	if err := callback.Run(ctx, fn); err != nil {
		fmt.Println("error:", err)
	}
}
