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
// Package callback has the same operations in callback style, and event loops.
//
// # Rules
//
//   - Operations run on the client's executor, at most [WithMaxWorkers] at once. An operation holds a slot only while
//     it talks to the server. Callbacks and continuations hold none: they may block, and may wait for other operations
//     of the same client, even if the client has one slot.
//   - Arguments are encoded before the method returns. The caller may change them at once. If an argument cannot be
//     encoded, nothing is sent.
//   - Options are the driver's own (go.mongodb.org/mongo-driver/v2/mongo/options), unchanged.
//   - Errors form PyMongo's tree: see [ErrorClass]. They wrap the driver's error, for errors.As.
//   - A reply of any form gives a result or an error with a class, usually [InvalidBSON] or [ProtocolError]. Two cases
//     are left to the driver: the _id that an upsert has made must not be nested millions of levels deep, since the driver
//     has no limit, and errors of a write (writeErrors, writeConcernError) that have another type than they should are
//     ignored.
//   - The context of a call limits the operation. The context of an Await limits only that wait. If the context of a
//     call ends while the operation waits for a slot, the error is context.Canceled or context.DeadlineExceeded. If it
//     ends while the operation waits for a connection, the error is a [WaitQueueTimeoutError]. An operation also fails
//     with that error if it waits for a slot longer than waitQueueTimeoutMS, an option of the connection string.
//   - An operation is in the session of its context: see [Session]. The operations of one session run one at a time, in
//     the order of their calls. While an operation waits for its turn in the session, it holds no slot. The driver's
//     mongo.NewSessionContext works as well as Session.Context.
//   - User code that an operation calls, such as an io.Reader that it uploads or an http.ResponseWriter that it writes
//     a file to, runs on its own goroutine. The slot is lent to other operations meanwhile. User code may block, or
//     panic. Its error is returned unchanged, as the error of the operation.
//   - A read that waits for new data, from a tailable cursor or a change stream, holds no slot, and no connection of
//     other operations. Giving up such a read loses no data: the next read returns it.
//   - Documents of type bson.M, bson.D and bson.Raw are decoded without reflection, all other types by the driver. The
//     results are the same. A document within a bson.M is a bson.M.
//
// # Cost
//
// An operation makes a few more allocations than the driver's own call. An insert makes about twenty more (of over a
// hundred), because it encodes its document ahead of time. Decoding into bson.M costs less than in the driver: a
// FindOne makes two thirds of the allocations, and a long ToList makes a quarter of the allocations in a sixth of the
// time. An operation that waits for a slot takes less than half a kilobyte, without its arguments.
package motor

import (
	"runtime/debug"
	"sync"
)

const modulePath = "github.com/gomotor/gomotor"

// Version returns the version of this module in the program: "v1.2.3", or "(devel)" if the go command does not know it.
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

// devel is the go command's version of a module without one.
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
