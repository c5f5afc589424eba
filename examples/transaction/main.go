// Transaction moves money between two accounts, so that both change or none: in futures, and in a coroutine on a loop.
//
// It needs a replica set or a sharded cluster, because a server that stands alone has no transactions. MONGODB_URI names
// it; for one to try it with, start "mongod --replSet rs0" and call rs.initiate() in its shell:
//
//	MONGODB_URI='mongodb://localhost:27017/?replicaSet=rs0' go run ./examples/transaction
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

var errPoor = errors.New("there is not enough in the account")

func main() {
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		fmt.Println("MONGODB_URI names no server: transactions need a replica set. See the top of this program.")
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := motor.NewClient(uri)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(context.Background())
	if err := run(ctx, client); err != nil {
		log.Print(err)
	}
}

func run(ctx context.Context, client *motor.Client) error {
	accounts := client.Database("example").Collection("accounts")
	if _, err := accounts.Drop(ctx).Await(ctx); err != nil {
		return err
	}
	start := []bson.M{{"_id": "ann", "balance": 100}, {"_id": "bob", "balance": 0}}
	if _, err := accounts.InsertMany(ctx, start).Await(ctx); err != nil {
		return err
	}
	session, err := client.StartSession(ctx).Await(ctx)
	if err != nil {
		return err
	}
	defer session.EndSession(ctx)

	// What is called with the context of the function is part of the transaction. An error aborts it.
	transfer := func(amount int) *future.Future[bson.M] {
		return motor.WithTransaction(ctx, session, func(ctx context.Context) (bson.M, error) {
			take := accounts.UpdateOne(ctx, bson.M{"_id": "ann"}, bson.M{"$inc": bson.M{"balance": -amount}})
			give := accounts.UpdateOne(ctx, bson.M{"_id": "bob"}, bson.M{"$inc": bson.M{"balance": amount}})
			if _, err := future.All(take, give).Await(ctx); err != nil {
				return nil, err
			}
			ann, err := accounts.FindOne(ctx, bson.M{"_id": "ann", "balance": bson.M{"$gte": 0}}).Await(ctx)
			if err == nil && ann == nil {
				err = errPoor
			}
			return ann, err
		})
	}
	for _, amount := range []int{70, 70} {
		ann, err := transfer(amount).Await(ctx)
		switch {
		case errors.Is(err, errPoor):
			fmt.Printf("%d more: %v, and nothing has changed\n", amount, err)
		case err != nil:
			return err
		default:
			fmt.Printf("%d moved: ann has %v left\n", amount, ann["balance"])
		}
	}

	// The same with a coroutine, as Motor's with_transaction has it.
	loop := callback.NewLoop()
	defer loop.Close()
	on := callback.WrapSession(loop, session)
	_, err = callback.RunSync(loop, func(co *callback.Co) (any, error) {
		return callback.SpawnWithTransaction(co, on, func(co *callback.Co) (any, error) {
			_, err := accounts.UpdateMany(co, bson.M{}, bson.M{"$inc": bson.M{"balance": 1}}).Await(co)
			return nil, err
		}).Await(co)
	}, time.Minute)
	if err != nil {
		return err
	}
	all, err := accounts.Find(bson.M{}).Sort("_id").ToList(ctx).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("at last:", all)
	return nil
}
