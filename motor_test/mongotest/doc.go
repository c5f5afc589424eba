// Package mongotest gives tests and examples a MongoDB server, with nothing to install.
//
// The environment variable MONGODB_URI names the server. Without the variable, the package starts an embedded
// FerretDB. It speaks MongoDB's wire protocol on a free port of the loopback interface, and keeps its data in a
// temporary directory.
//
// The package is in a module of its own, so that programs do not depend on FerretDB:
//
//	go get github.com/gomotor/gomotor/motor_test
//
// # In a test package
//
// Most packages share one server. [Main] stops it and then looks for leaked goroutines; [URI] starts it when the
// first test asks for it; [DatabaseName] keeps the tests apart:
//
//	func TestMain(m *testing.M) { mongotest.Main(m) }
//
//	func TestInsert(t *testing.T) {
//		client, err := motor.NewClient(mongotest.URI(t))
//		...
//		db := client.Database(mongotest.DatabaseName(t))
//	}
//
// A test that stops its server, or that must see no other databases, calls [Start] for a separate server. Close
// clients in t.Cleanup or by defer, as usual. Cleanups run last in, first out, so the server stops after its clients.
//
// The embedded server has no transactions, change streams, collation and other features. A test of one of them skips
// itself without a real server:
//
//	mongotest.SkipIfEmbedded(t, "change streams")
//
// Its updates of one document are not atomic. Two concurrent $inc may count once, and two concurrent FindOneAndUpdate
// may return the same document. A test of a counter, a lock or a job queue with concurrent clients needs a real server:
//
//	mongotest.SkipIfEmbedded(t, "atomic updates")
//
// It looks at all documents of a collection to find one, also by _id, so it suits collections of up to some thousands. It
// hangs when 100 cursors on one database are open: close cursors that are not read to the end.
//
// Of a stage $group only the first accumulator is right. The others give 0. It knows $sum and $count.
//
// A test that must have a server to itself, for example because it stops the server, skips itself with a real one:
//
//	mongotest.SkipUnlessEmbedded(t, "the test stops its server")
//
// # In a program
//
//	server, err := mongotest.Run(ctx)
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	client, err := motor.NewClient(server.URI())
//
// # Cost
//
// An embedded server starts in about 2 ms inside the process. It stops in 5 to 10 ms once its clients have
// disconnected. It waits 3 s for clients that are still connected, so a test that does not close its client is slow.
//
// In a build with the race detector the server is a separate process, which the go command builds without the
// detector. It starts in about half a second when it is in the build cache, so share it.
//
// Set MONGOTEST_LOG to debug, info, warn or error to log what an embedded server does.
package mongotest
