// Package mongotest gives tests and examples a MongoDB server, with nothing to install.
//
// The server is the one that the environment variable MONGODB_URI names. Without the variable it is an embedded
// FerretDB: a real server that speaks the real protocol, with its data in a temporary directory, on a free port of
// the loopback interface.
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
// A test that stops its server, or that must see no other databases, gets one of its own from [Start]. Close clients
// in t.Cleanup or by defer, as usual: cleanups run last in, first out, so the server outlives them.
//
// What the embedded server lacks (transactions, change streams, collation, …) is tested against a real one only:
//
//	mongotest.SkipIfEmbedded(t, "change streams")
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
// An embedded server starts in about 2 ms inside the process, and stops in 5 to 10 ms once its clients have left. It
// gives clients that are still connected 3 s, so a test that forgets to close its client is that much slower.
//
// In a build with the race detector the server is a separate process instead, built without the detector by the go
// command when it is not in the build cache; it starts in about half a second, so share it. To see what a server does,
// set MONGOTEST_LOG to debug, info, warn or error.
package mongotest
