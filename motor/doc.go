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
//   - The context of a call bounds the operation; the context of an Await bounds that wait only. One that ends while
//     the operation still waits for its slot is an error as it is, context.Canceled or context.DeadlineExceeded; while
//     it waits for a connection, a [WaitQueueTimeoutError]. That is also what an operation fails with that has waited
//     for its slot for longer than waitQueueTimeoutMS, an option of the connection string.
//   - An operation is in the session that its context has: see [Session]. Those of one session run one at a time, in the
//     order of their calls; one that waits for that holds no slot. The driver's mongo.NewSessionContext does as well as
//     Session.Context.
//   - What an operation calls of the user's on its way, an io.Reader that is uploaded or an http.ResponseWriter that a
//     file is written to, runs on a goroutine of its own, while the slot is lent. It may block, or panic; an error of it
//     is that of the operation, as it is.
//   - A read that waits for news, of a tailable cursor or of a change stream, takes no slot, and no connection that
//     others need. The next read has what comes after it was given up.
//   - Documents as bson.M, bson.D or bson.Raw are decoded without reflection, all others by the driver; what comes of
//     them is the same. A document within a bson.M is a bson.M.
//
// # Cost
//
// An operation costs a few allocations more than the driver's own call, an insert about twenty (of over a hundred), for
// encoding its document ahead of time. What decodes a bson.M costs fewer than the driver: a FindOne two thirds, a long
// ToList a quarter of the allocations and a sixth of the time. An operation that waits for a slot takes less than half
// a kilobyte, besides its arguments.
package motor

import (
	"runtime/debug"
	"sync"
)

const modulePath = "github.com/gomotor/gomotor"

// Version returns the version of this module that the program was built with: "v1.2.3", or "(devel)" where the go
// command does not know it.
//
// Motor: motor.version.
func Version() string { return version() }

var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return devel
	}
	return versionIn(info)
})

// devel is how the go command calls the version of a module that has none.
const devel = "(devel)"

// versionIn returns the version of this module in a program.
func versionIn(info *debug.BuildInfo) string {
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" {
			return m.Version
		}
	}
	return devel
}
