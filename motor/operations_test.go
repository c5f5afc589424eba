package motor_test

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// collection abbreviates the type that most tests use.
type collection = *motor.Collection[bson.M]

// outcome awaits the error of a started operation.
type outcome func(context.Context) error

func started[T any](f *future.Future[T]) outcome {
	return func(ctx context.Context) error {
		_, err := f.Await(ctx)
		return err
	}
}

type operation func(context.Context, collection) outcome

func insertOne(ctx context.Context, c collection) outcome {
	return started(c.InsertOne(ctx, bson.M{"_id": 1}))
}
func findOne(ctx context.Context, c collection) outcome {
	return started(c.FindOne(ctx, bson.M{"_id": 1}))
}
func readAll(ctx context.Context, c collection) outcome { return started(c.Find(bson.M{}).ToList(ctx)) }
func drop(ctx context.Context, c collection) outcome    { return started(c.Drop(ctx)) }

func insertMany(ctx context.Context, c collection) outcome {
	return started(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}, {"_id": 3}}))
}

func upsert(ctx context.Context, c collection) outcome {
	change := bson.M{"$set": bson.M{"a": 2}}
	return started(c.UpdateOne(ctx, bson.M{"_id": 1}, change, options.UpdateOne().SetUpsert(true)))
}

func bulkWrite(ctx context.Context, c collection) outcome {
	return started(c.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 1}), mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
	}))
}

func clientBulkWrite(ctx context.Context, c collection) outcome {
	return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
		{Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": 1})},
		{Database: "d", Collection: "e", Model: mongo.NewClientDeleteOneModel().SetFilter(bson.M{"_id": 2})},
	}))
}

func command(name string) operation {
	return func(ctx context.Context, c collection) outcome { return started(c.Database().Command(ctx, name)) }
}

// within sets a time limit for an operation, but not for awaiting it.
func within(limit time.Duration, op operation) operation {
	return func(ctx context.Context, c collection) outcome {
		ctx, cancel := context.WithTimeout(ctx, limit)
		wait := op(ctx, c)
		return func(ctx context.Context) error { defer cancel(); return wait(ctx) }
	}
}
