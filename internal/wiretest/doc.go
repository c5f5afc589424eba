// Package wiretest is a MongoDB peer for tests: it speaks the real wire protocol (OP_MSG) on a loopback port, says
// what it was sent, and answers what the test tells it to. It stands in for the servers that a test has no other way
// to get: replica sets that fail over, mongos, old and new versions, and every refusal and fault there is.
//
//	peer := wiretest.Start(t, wiretest.Standalone)
//	client := newClient(t, peer.URI("retryReads=false"))
//	found := client.Database("d").Collection("c").FindOne(ctx, bson.M{"_id": 1})
//
//	find := peer.Receive("find")
//	find.Want(bson.M{"filter": bson.M{"_id": 1}, "txnNumber": wiretest.Absent})
//	find.Fail(50, "MaxTimeMSExpired", "operation exceeded time limit")
//
// # Rules
//
//   - A peer answers hello (and isMaster, which scripts know as hello too), ping, endSessions and killCursors by
//     itself. Everything else is the test's: a command goes to its handler ([Peer.Handle]) or else waits for
//     [Peer.Receive]. A nil handler gives the test what the peer would answer itself.
//   - A command that nobody expected, a request that was received and never answered, and a message that is no
//     proper MongoDB fail the test, with the command printed.
//   - Nothing waits for ever: what is not answered within ten seconds is reported, and refused. When the test's
//     context ends, which is before its cleanups, whoever still waits for an answer is refused, so that closing a
//     client does not hang. The peer stops in a cleanup of its own: start it before the client.
//   - A peer does not stream hello, so a driver polls it: with the URIs of [Peer.URI] and [Set.URI], a change of
//     role is seen within half a second.
//
// # Cost
//
// A round trip takes a tenth of a millisecond; a failover half a second, which is the driver's least interval between
// two looks at a server. A peer has one goroutine, and one more for each connection.
package wiretest
