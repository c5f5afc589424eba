package motor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// These examples need a server, so they are compiled but not run. The tests in motor_test/contract run similar code.

var (
	ctx    = context.Background()
	client *motor.Client
	users  *motor.Collection[bson.M]
)

func ExampleNewClient() {
	client, err := motor.NewClient("mongodb://localhost:27017/?maxPoolSize=20")
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)

	info, err := client.ServerInfo(ctx).Await(ctx) // the first operation connects
	fmt.Println(info["version"], err)
}

func ExampleNewClient_options() {
	client, err := motor.NewClient("mongodb://localhost:27017",
		motor.WithMaxWorkers(50),
		motor.WithClientOptions(options.Client().SetAppName("shop").SetCompressors([]string{"zstd"})))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
}

func ExampleClient_Open() {
	if _, err := client.Open(ctx).Await(ctx); errors.Is(err, motor.ConnectionFailure) {
		log.Fatal("the database cannot be reached: ", err)
	}
}

func ExampleGridFSBucket() {
	bucket, err := motor.NewGridFSBucket(client.Database("app"))
	if err != nil {
		log.Fatal(err)
	}
	uploading := bucket.UploadFromStream(ctx, "notes.txt", strings.NewReader("one\ntwo\n"))
	out, err := future.ThenFuture(uploading, func(id bson.ObjectID) *future.Future[*motor.GridOut] {
		return bucket.OpenDownloadStream(ctx, id)
	}).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	line, err := out.ReadLine(ctx, -1).Await(ctx)
	fmt.Printf("%q %v\n", line, err)
}

func ExampleGridIn_Scope() {
	bucket, err := motor.NewGridFSBucket(client.Database("app"))
	if err != nil {
		log.Fatal(err)
	}
	// Scope closes the file. If the function fails, Scope aborts the file and deletes its chunks.
	err = bucket.OpenUploadStream("numbers").Scope(ctx, func(in *motor.GridIn) error {
		for i := range 1000 {
			if _, err := in.Write(ctx, fmt.Sprintln(i)).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println(err)
}

func ExampleDatabase_Command() {
	reply, err := client.Database("admin").Command(ctx, "ping").Await(ctx)
	fmt.Println(reply["ok"], err)
}

func ExampleCollectionOf() {
	type User struct {
		ID  string `bson:"_id"`
		Age int
	}
	users := motor.CollectionOf[*User](client.Database("app"), "users")

	ann, err := users.FindOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	switch {
	case err != nil:
		log.Fatal(err)
	case ann == nil:
		fmt.Println("no user of that name")
	default:
		fmt.Println(ann.Age)
	}
}

func ExampleCollection_InsertOne() {
	r, err := users.InsertOne(ctx, bson.M{"_id": "ann", "age": 31}).Await(ctx)
	switch {
	case errors.Is(err, motor.DuplicateKeyError):
		fmt.Println("ann is there already")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("inserted", r.InsertedID)
	}
}

func ExampleCollection_InsertMany() {
	documents := []bson.M{{"_id": "ben"}, {"_id": "cid"}, {"_id": "ben"}}
	r, err := users.InsertMany(ctx, documents, options.InsertMany().SetOrdered(false)).Await(ctx)
	if errors.Is(err, motor.BulkWriteError) {
		fmt.Println("all but some were inserted:", r.InsertedIDs, err)
	}
}

// future.Then maps a result. The count methods of a result fit as its function.
func ExampleCollection_UpdateOne() {
	updated := users.UpdateOne(ctx, bson.M{"_id": "ann"}, bson.M{"$inc": bson.M{"age": 1}})
	modified := future.Then(updated, (*motor.UpdateResult).ModifiedCount)
	n, err := modified.Await(ctx)
	fmt.Println(n, err)
}

func ExampleCollection_Find() {
	adults := users.Find(bson.M{"age": bson.M{"$gte": 18}}).Sort("age", motor.Descending).Limit(10)
	list, err := adults.ToList(ctx, 10).Await(ctx)
	fmt.Println(list, err)
}

func ExampleCursor_All() {
	for user, err := range users.Find(bson.D{}).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user["_id"])
	}
}

func ExampleCursor_FetchNext() {
	cursor := users.Find(bson.D{})
	for {
		more, err := cursor.FetchNext(ctx).Await(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if !more {
			break
		}
		fmt.Println(cursor.NextObject()["_id"])
	}
}

func ExampleCursor_Each() {
	done := make(chan error)
	users.Find(bson.D{}).Each(ctx, func(user bson.M, err error) bool {
		switch {
		case err != nil:
			done <- err
		case user == nil: // no more documents
			done <- nil
		default:
			fmt.Println(user["_id"])
		}
		return true
	})
	if err := <-done; err != nil {
		log.Fatal(err)
	}
}

func ExampleError() {
	_, err := users.InsertOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	var e *motor.Error
	if errors.As(err, &e) {
		fmt.Println(e.Class().Name(), e.Code(), e.HasErrorLabel("RetryableWriteError"), e.Timeout())
	}
}

func ExampleCollection_WithBatching() {
	events := users.Database().Collection("events").WithBatching()
	var inserts []*future.Future[*motor.InsertOneResult]
	for n := range 1000 { // batching sends them in a few commands
		inserts = append(inserts, events.InsertOne(ctx, bson.M{"n": n}))
	}
	if _, err := future.All(inserts...).Await(ctx); err != nil {
		log.Fatal(err)
	}
}

func ExampleCollection_Watch() {
	onlyInserts := mongo.Pipeline{{{Key: "$match", Value: bson.M{"operationType": "insert"}}}}
	stream := users.Watch(onlyInserts)
	defer stream.Close(ctx)

	for change, err := range stream.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(change["fullDocument"])
	}
}

func ExampleWatchOf() {
	type User struct{ Age int }
	type Change struct {
		OperationType string `bson:"operationType"`
		FullDocument  *User  `bson:"fullDocument"`
	}
	stream := motor.WatchOf[Change](users, nil, options.ChangeStream().SetFullDocument(options.UpdateLookup))
	defer stream.Close(ctx)

	change, err := stream.Next(ctx).Await(ctx) // waits for a change
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(change.OperationType, change.FullDocument.Age)
}

// A restarted program continues after the saved token.
func ExampleChangeStream_ResumeToken() {
	var saved bson.Raw
	opts := options.ChangeStream()
	if saved != nil {
		opts.SetResumeAfter(saved)
	}
	stream := users.Watch(nil, opts)
	defer stream.Close(ctx)

	for stream.Alive() {
		change, err := stream.TryNext(ctx).Await(ctx) // at most one round trip
		if err != nil {
			log.Fatal(err)
		}
		saved = stream.ResumeToken() // The token advances even without changes.
		if change == nil {
			continue
		}
		fmt.Println(change["operationType"])
	}
}

func ExampleClient_StartSession() {
	s, err := client.StartSession(ctx).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer s.EndSession(ctx)

	in := s.Context(ctx)
	users.InsertOne(in, bson.M{"_id": "ann"})
	ann, err := users.FindOne(in, bson.M{"_id": "ann"}).Await(ctx) // sees the insert
	fmt.Println(ann, err)
}

func ExampleWithTransaction() {
	s, err := client.StartSession(ctx).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer s.EndSession(ctx)

	// Either both updates happen or neither. WithTransaction retries transient errors.
	_, err = motor.WithTransaction(ctx, s, func(ctx context.Context) ([]*motor.UpdateResult, error) {
		return future.All(
			users.UpdateOne(ctx, bson.M{"_id": "ann"}, bson.M{"$inc": bson.M{"balance": -100}}),
			users.UpdateOne(ctx, bson.M{"_id": "bob"}, bson.M{"$inc": bson.M{"balance": 100}}),
		).Await(ctx)
	}).Await(ctx)
	fmt.Println(err)
}

func ExampleSession_StartTransaction() {
	s, err := client.StartSession(ctx).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer s.EndSession(ctx) // aborts the transaction unless it is committed

	if err := s.StartTransaction(); err != nil {
		log.Fatal(err)
	}
	_, err = users.DeleteOne(s.Context(ctx), bson.M{"_id": "ann"}).Await(ctx)
	if err == nil {
		_, err = s.CommitTransaction(ctx).Await(ctx)
	}
	fmt.Println(err)
}

func ExampleWithSession() {
	_, err := motor.WithSession(ctx, client, func(ctx context.Context, s *motor.Session) (int64, error) {
		if _, err := users.DeleteMany(ctx, bson.M{"age": bson.M{"$lt": 18}}).Await(ctx); err != nil {
			return 0, err
		}
		return users.CountDocuments(ctx, bson.D{}).Await(ctx)
	}).Await(ctx)
	fmt.Println(err)
}

func ExampleCursor_ReadAhead() {
	for user, err := range users.Find(bson.M{}).BatchSize(500).ReadAhead(2).All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(user["name"]) // meanwhile the next batches are on their way
	}
}

func ExampleWithSlowOperations() {
	client, err := motor.NewClient("mongodb://localhost:27017",
		motor.WithSlowOperations(100*time.Millisecond, func(o motor.SlowOperation) {
			log.Printf("%s on %s took %v, %v of it in the queue", o.Name, o.Namespace, o.Took, o.Waited)
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
}
