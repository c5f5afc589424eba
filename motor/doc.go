// Package motor is an asynchronous MongoDB client: Motor for Go.
//
// Every operation starts when it is called and returns a [future.Future] at once:
//
//	client, err := motor.NewClient("mongodb://localhost:27017")
//	users := client.Database("app").Collection("users")
//
//	inserted := users.InsertOne(ctx, bson.M{"_id": "ann", "age": 31})
//	user, err := future.ThenFuture(inserted, func(*motor.InsertOneResult) *future.Future[bson.M] {
//		return users.FindOne(ctx, bson.M{"_id": "ann"})
//	}).Await(ctx)
//
// The callback style of the same operations, and event loops, are in package callback.
//
// # Rules
//
//   - Operations run on the client's executor, at most [WithMaxWorkers] at once. A slot of it covers the
//     conversation with the server and nothing else: callbacks and continuations may block, and may wait for other
//     operations of the same client, however few slots there are.
//   - Arguments are encoded before an operation's method returns. What was passed may be changed at once, and what
//     cannot be encoded is refused before anything is sent.
//   - Options are the driver's own (go.mongodb.org/mongo-driver/v2/mongo/options), unchanged.
//   - Errors form PyMongo's tree: see [ErrorClass]. The driver's own error is underneath, for errors.As.
//   - The context of a call bounds the operation; the context of an Await bounds that wait only.
//
// # Cost
//
// An operation costs some twenty allocations more than the driver's own call (of which there are over two hundred),
// most of them for encoding its arguments ahead of time. One that waits for a slot takes less than half a kilobyte,
// besides its arguments.
package motor
