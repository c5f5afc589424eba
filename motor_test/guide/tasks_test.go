package guide

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func Example_await() {
	collection("users")
	err := func() error {
		// begin await
		client, err := motor.NewClient(uri)
		if err != nil {
			return err
		}
		defer client.Close(ctx)
		users := client.Database("guide").Collection("users")
		if _, err := users.InsertOne(ctx, bson.M{"_id": "ann", "age": 31}).Await(ctx); err != nil {
			return err
		}
		user, err := users.FindOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
		if err != nil {
			return err
		}
		fmt.Println(user["age"])
		// end
		return nil
	}()
	if err != nil {
		fmt.Println(err)
	}
	// Output: 31
}

func Example_awaitCoroutine() {
	users := collection("users")
	start(func(co *callback.Co) {
		// begin await-coroutine
		callback.Must(co, users.InsertOne(co, bson.M{"_id": "ann", "age": 31}))
		user := callback.Must(co, users.FindOne(co, bson.M{"_id": "ann"}))
		fmt.Println(user["age"])
		// end
	})
	// Output: 31
}

func Example_errors() {
	users := collection("users", bson.M{"_id": "ann"})
	start(func(co *callback.Co) {
		// begin errors
		register := func(name string) {
			defer fmt.Println("done")
			err := co.Try(func() {
				callback.Must(co, users.InsertOne(co, bson.M{"_id": name}))
			}, motor.DuplicateKeyError)
			if err != nil {
				fmt.Println(name, "is taken, code", motor.Code(err))
			}
		}
		register("ann")
		// end
	})
	// Output:
	// ann is taken, code 11000
	// done
}

func Example_errorValues() {
	users := collection("users", bson.M{"_id": "ann"})
	// begin error-values
	_, err := users.InsertOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	switch {
	case errors.Is(err, motor.DuplicateKeyError):
		fmt.Println("taken, code", motor.Code(err))
	case errors.Is(err, motor.ConnectionFailure):
		fmt.Println("no connection:", err)
	case err != nil:
		fmt.Println(err)
	}
	// end
	// Output: taken, code 11000
}

func Example_gather() {
	users := collection("users", bson.M{"_id": "ann"}, bson.M{"_id": "ben"})
	start(func(co *callback.Co) {
		// begin gather
		both := callback.Must(co, future.All(
			users.FindOne(co, bson.M{"_id": "ann"}),
			users.FindOne(co, bson.M{"_id": "ben"})))
		fmt.Println(both[0]["_id"], both[1]["_id"])

		age := func(name string) func(co *callback.Co) (int, error) {
			return callback.Value(func(co *callback.Co) int {
				callback.Must(co, users.UpdateOne(co, bson.M{"_id": name}, bson.M{"$set": bson.M{"age": 31}}))
				return 31
			})
		}
		ages, err := callback.Gather(co, age("ann"), age("ben"))
		fmt.Println(ages, err)
		// end
	})
	// Output:
	// ann ben
	// [31 31] <nil>
}

func Example_createTask() {
	start(func(co *callback.Co) {
		// begin create-task
		task := callback.CreateTask(co, callback.Proc(func(co *callback.Co) {
			defer fmt.Println("cleaned up")
			co.Must(co.Sleep(time.Hour))
		}))
		co.Must(co.Sleep(0)) // the task starts
		task.Cancel()
		_, err := task.Await(co)
		fmt.Println(errors.Is(err, future.ErrCancelled))
		// end
	})
	// Output:
	// cleaned up
	// true
}

func Example_waitFor() {
	start(func(co *callback.Co) {
		// begin wait-for
		_, err := callback.WaitFor(co, time.Millisecond, callback.Proc(func(co *callback.Co) {
			co.Must(co.Sleep(time.Hour))
		}))
		if errors.Is(err, future.ErrTimeout) {
			fmt.Println("too slow")
		}
		// end
	})
	// Output: too slow
}

func Example_asCompleted() {
	users := collection("users", bson.M{"_id": "ann"}, bson.M{"_id": "ben"})
	start(func(co *callback.Co) {
		// begin as-completed
		a, b := users.FindOne(co, bson.M{"_id": "ann"}), users.FindOne(co, bson.M{"_id": "ben"})
		n := 0
		for user := range callback.Range(co, future.AsCompleted(co, a, b)) {
			n += len(user["_id"].(string))
		}
		sets := callback.Must(co, future.Wait(future.AllCompleted, a, b))
		fmt.Println(n, len(sets.Done), len(sets.Pending))
		// end
	})
	// Output: 6 2 0
}

func Example_shield() {
	users := collection("users")
	start(func(co *callback.Co) {
		// begin shield
		insert := users.InsertOne(co, bson.M{"_id": "ann"})
		shielded := future.Shield(insert)
		shielded.Cancel() // insert goes on
		callback.Must(co, insert)
		fmt.Println(callback.Must(co, users.CountDocuments(co, bson.M{})))
		// end
	})
	// Output: 1
}

func Example_queue() {
	start(func(co *callback.Co) {
		// begin queue
		queue := callback.NewQueue[string](co.Loop(), 2)
		worker := callback.CreateTask(co, callback.Proc(func(co *callback.Co) {
			for item := range callback.Range(co, queue.All(co)) {
				fmt.Println("got", item)
				queue.TaskDone()
			}
		}))
		for _, item := range []string{"a", "b", "c"} {
			callback.Must(co, queue.Put(item))
		}
		callback.Must(co, queue.Join())
		worker.Cancel()
		// end
	})
	// Output:
	// got a
	// got b
	// got c
}

func Example_locks() {
	start(func(co *callback.Co) {
		// begin locks
		lock, ready := callback.NewLock(co.Loop()), callback.NewEvent(co.Loop())
		free, changed := callback.NewSemaphore(co.Loop(), 2), callback.NewCondition(co.Loop())
		work := func(co *callback.Co) {
			callback.Must(co, ready.Wait())
			defer callback.Must(co, free.Acquire())()
			defer callback.Must(co, lock.Acquire())()
			fmt.Println("one at a time")
			changed.NotifyAll()
		}
		task := callback.CreateTask(co, callback.Proc(work))
		told := changed.Wait()
		ready.Set()
		fmt.Println(callback.Must(co, told))
		callback.Must(co, task.Future)
		// end
	})
	// Output:
	// one at a time
	// true
}

func Example_asyncFor() {
	users := collection("users", bson.M{"_id": "ann", "age": 31}, bson.M{"_id": "ben", "age": 17})
	start(func(co *callback.Co) {
		// begin async-for
		for user := range callback.Range(co, users.Find(bson.M{}).Sort("age", motor.Descending).All(co)) {
			fmt.Println(user["_id"])
		}
		// end
	})
	// begin async-for-future
	for user, err := range users.Find(bson.M{"age": bson.M{"$gt": 30}}).All(ctx) {
		if err != nil {
			break // the last value of the loop
		}
		fmt.Println(user["_id"])
	}
	docs, err := users.Find(bson.M{}).ToList(ctx, 100).Await(ctx)
	fmt.Println(len(docs), err)
	// end
	// Output:
	// ann
	// ben
	// ann
	// 2 <nil>
}

// begin async-with
type connection struct{}

func (c *connection) AEnter(co *callback.Co) (*connection, error) { fmt.Println("open"); return c, nil }

func (c *connection) AExit(co *callback.Co, err error) error { fmt.Println("closed"); return err }

func use(co *callback.Co) error {
	return callback.With(co, &connection{}, func(c *connection) error {
		fmt.Println("used")
		return nil
	})
}

// end

func Example_asyncWith() {
	start(func(co *callback.Co) { co.Must(use(co)) })
	// Output:
	// open
	// used
	// closed
}

func Example_signals() {
	start(func(co *callback.Co) {
		interrupt := func() {
			process, err := os.FindProcess(os.Getpid())
			co.Must(err)
			co.Must(process.Signal(os.Interrupt))
		}
		// begin signals
		stop := callback.NewEvent(co.Loop())
		defer co.Loop().AddSignalHandler(stop.Set, os.Interrupt)()
		interrupt()
		callback.Must(co, stop.Wait())
		fmt.Println("stopped")
		// end
	})
	// Output: stopped
}

func Example_cancelledContext() {
	users := collection("users")
	// begin context
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n, err := users.CountDocuments(limited, bson.M{}).Await(limited)
	fmt.Println(n, err)
	// end
	// Output: 0 <nil>
}
