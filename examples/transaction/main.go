// Transaction moves money between two accounts in a transaction: either both accounts change or neither. It shows
// transactions with futures and with a coroutine on a loop.
//
// It needs a replica set or a sharded cluster, because a standalone server has no transactions. To try it, start
// "mongod --replSet rs0", call rs.initiate() in mongosh, and run:
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

var errFunds = errors.New("insufficient funds")

func main() {
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		fmt.Println("transactions need a replica set: set MONGODB_URI to the address of one (see the top of this file)")
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

	// Operations with the context of the function are part of the transaction. If the function returns an error, the
	// transaction is aborted.
	transfer := func(amount int) *future.Future[bson.M] {
		return motor.WithTransaction(ctx, session, func(ctx context.Context) (bson.M, error) {
			take := accounts.UpdateOne(ctx, bson.M{"_id": "ann"}, bson.M{"$inc": bson.M{"balance": -amount}})
			give := accounts.UpdateOne(ctx, bson.M{"_id": "bob"}, bson.M{"$inc": bson.M{"balance": amount}})
			if _, err := future.All(take, give).Await(ctx); err != nil {
				return nil, err
			}
			ann, err := accounts.FindOne(ctx, bson.M{"_id": "ann", "balance": bson.M{"$gte": 0}}).Await(ctx)
			if err == nil && ann == nil {
				err = errFunds
			}
			return ann, err
		})
	}
	for _, amount := range []int{70, 70} {
		ann, err := transfer(amount).Await(ctx)
		switch {
		case errors.Is(err, errFunds):
			fmt.Printf("%d not moved: %v; no account has changed\n", amount, err)
		case err != nil:
			return err
		default:
			fmt.Printf("%d moved: the balance of ann is %v\n", amount, ann["balance"])
		}
	}

	// The same with a coroutine, like with_transaction in Motor.
	loop := callback.NewLoop()
	defer loop.Close()
	wrapped := callback.WrapSession(loop, session)
	_, err = callback.RunSync(loop, func(co *callback.Co) (any, error) {
		return callback.SpawnWithTransaction(co, wrapped, func(co *callback.Co) (any, error) {
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
	fmt.Println("accounts at the end:", all)
	return nil
}
