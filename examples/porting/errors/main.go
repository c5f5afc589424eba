// Errors ports a program with try, except, finally and raise.
package main

import (
	"fmt"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

type notFound string

func (e notFound) Error() string        { return "no user " + string(e) }
func (e notFound) Is(target error) bool { return target == errNotFound }

const errNotFound = notFound("")

func register(co *callback.Co, users *motor.Collection[bson.M], name, email string) {
	defer fmt.Println("done with", name)
	if err := co.Try(func() {
		callback.Must(co, users.InsertOne(co, bson.M{"_id": name, "email": email}))
		fmt.Println("registered", name)
	}, motor.DuplicateKeyError); err != nil {
		fmt.Println(name, "is taken, code", motor.Code(err))
	}
}

func email(co *callback.Co, users *motor.Collection[bson.M], name string) any {
	user := callback.Must(co, users.FindOne(co, bson.M{"_id": name}))
	if user == nil {
		co.Must(notFound(name))
	}
	return user["email"]
}

func run(co *callback.Co) {
	users := motor.MustClient(os.Args[1]).Database("porting").Collection("errors")
	callback.Must(co, users.Drop(co))
	for _, name := range []string{"ann", "ben", "ann"} {
		register(co, users, name, name+"@example.com")
	}
	if err := co.Try(func() {
		fmt.Println(email(co, users, "ben"))
		fmt.Println(email(co, users, "cid"))
	}, errNotFound); err != nil {
		fmt.Println("error:", err)
	}
	if err := co.Try(func() {
		for user := range callback.Range(co, users.Find(bson.M{"$nonsense": 1}).All(co)) {
			fmt.Println(user["_id"])
		}
	}, motor.OperationFailure); err != nil {
		fmt.Println("the query failed")
	}
}

func main() { callback.Main(run) }
