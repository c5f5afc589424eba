package guide

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func Example_callbacks() {
	collection("users")
	// begin callbacks
	loop := callback.NewLoop()
	client := callback.MustClient(loop, uri)
	defer client.Close(ctx)
	defer loop.Close() // before the client, which its last callbacks may use
	users := client.Database("guide").Collection("users")
	found := func(user bson.M, err error) {
		fmt.Println("found", user["_id"], err)
		loop.Stop()
	}
	users.Insert(ctx, bson.M{"_id": "ann"}, func(result any, err error) {
		callback.Raise(err)
		users.FindOne(ctx, bson.M{"_id": "ann"}, found)
	})
	loop.Start()
	// end
	// Output: found ann <nil>
}

func Example_each() {
	collection("users", bson.M{"_id": "ann"}, bson.M{"_id": "ben"})
	loop := callback.NewLoop()
	defer loop.Close()
	users := callback.WrapCollection(loop, client.Database(database).Collection("users"))
	// begin each
	users.Find(bson.M{}).Sort("_id").Each(ctx, func(user bson.M, err error) bool {
		switch {
		case err != nil:
			fmt.Println(err)
		case user == nil: // the end
			loop.Stop()
		default:
			fmt.Println(user["_id"])
		}
		return true // false ends the calls
	})
	loop.Start()
	// end
	// Output:
	// ann
	// ben
}

func Example_engine() {
	users := collection("users", bson.M{"_id": "ann"}, bson.M{"_id": "ben"})
	loop := callback.NewLoop()
	defer loop.Close()
	// begin engine
	fetch := func(name string, done callback.Func[string]) {
		loop.AddCallback(func() { done(strings.ToUpper(name), nil) })
	}
	_, err := callback.RunSync(loop, callback.Proc(func(co *callback.Co) {
		title := callback.Must(co, callback.FromCallback(loop, func(done callback.Func[string]) { fetch("ann", done) }))
		user := callback.Must(co, users.FindOne(co, bson.M{"_id": "ann"}))
		pair := callback.Must(co, future.Multi(
			users.FindOne(co, bson.M{"_id": "ann"}),
			users.FindOne(co, bson.M{"_id": "ben"})))
		fmt.Println(title, user["_id"], len(pair))
	}))
	// end
	if err != nil {
		fmt.Println(err)
	}
	// Output: ANN ann 2
}

func Example_loop() {
	users := collection("users")
	loop := callback.NewLoop()
	defer loop.Close()
	// begin loop
	ticks := 0
	var timer *callback.Periodic
	timer = callback.NewPeriodic(loop, time.Millisecond, func() {
		if ticks++; ticks == 3 {
			timer.Stop()
			loop.Stop()
		}
	})
	timer.Start()
	loop.CallLater(time.Millisecond, func() { fmt.Println("later") })
	loop.SpawnCallback(func(co *callback.Co) error {
		_, err := users.InsertOne(co, bson.M{"_id": "ann"}).Await(co)
		return err
	})
	loop.Start()
	fmt.Println(ticks)
	// end
	// Output:
	// later
	// 3
}

func Example_doneCallback() {
	users := collection("users", bson.M{"_id": "ann"})
	loop := callback.NewLoop()
	defer loop.Close()
	// begin done-callback
	user := users.FindOne(ctx, bson.M{"_id": "ann"})
	callback.AddFuture(loop, user, func(f *future.Future[bson.M]) {
		fmt.Println(f.Result())
		loop.Stop()
	})
	loop.Start()
	// end
	// Output: map[_id:ann] <nil>
}

func Example_bothStyles() {
	collection("users", bson.M{"_id": "ann"})
	loop := callback.NewLoop()
	defer loop.Close()
	// begin both-styles
	users := callback.WrapCollection(loop, client.Database("guide").Collection("users"))
	futures := users.Futures() // a *motor.Collection on the same client
	n, err := futures.CountDocuments(ctx, bson.M{}).Await(ctx)
	fmt.Println(n, err)
	// end
	// Output: 1 <nil>
}
