// Package wiretest provides a scripted MongoDB server for tests. A peer speaks the real wire protocol (OP_MSG) on a
// loopback port, records the commands that it receives, and answers as the test says. It stands in for servers that a
// test cannot easily get: replica sets that fail over, mongos, old and new versions, and servers that fail in every
// way.
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
//   - A peer itself answers hello (and isMaster, which scripts call hello too), ping, endSessions and killCursors. The
//     test answers everything else: a command goes to its handler ([Peer.Handle]), or waits for [Peer.Receive]. With a
//     nil handler, the test also answers a command that the peer would answer itself.
//   - The test fails, and prints the command, if a command is unexpected or a received request is never answered. It
//     also fails if a message is not valid MongoDB wire protocol.
//   - Nothing waits forever. A command that is not answered within ten seconds is reported and fails. When the test's
//     context ends, which is before its cleanups, all unanswered commands fail, so that closing a client does not
//     hang. The peer stops in a cleanup: start it before the client.
//   - A peer does not stream hello, so a driver polls it. With the URIs of [Peer.URI] and [Set.URI], a driver sees a
//     change of role within half a second.
//
// # Cost
//
// A round trip takes a tenth of a millisecond. A failover takes half a second, the driver's shortest interval between
// two checks of a server. A peer has one goroutine, and one more for each connection.
package wiretest
