// Package faultproxy makes a MongoDB server fail on purpose, for tests. A [Proxy] stands before a server and poses as a
// replica set of one member, the primary, or of several ([StartSet]), or as a load balancer ([StartBalanced]).
//
//	proxy, err := faultproxy.Start(ctx, "mongodb://127.0.0.1:27017/")
//	defer proxy.Close()
//	client, err := motor.NewClient(proxy.URI())
//
// # Faults
//
// [Proxy.Script] says what happens to the next commands of a name: a delay, a stall, or a connection that is closed or reset
// before the command, within its reply, instead of its reply, or after it. [Proxy.SetChances] makes that happen by chance,
// with a seed. [Proxy.Stop] and [Proxy.Resume] act like a server that stops and comes back. [Proxy.Stats] counts what is
// open, for tests that look for leaks.
//
// Tests also set faults as on a real server, with the command configureFailPoint on the database admin:
//
//   - failCommand, with the modes off, alwaysOn, {times: n} and {skip: n}, and with failCommands, errorCode, errorLabels,
//     closeConnection, writeConcernError, blockConnection, blockTimeMS and appName.
//   - onPrimaryTransactionalWrite, with failBeforeCommitExceptionCode and closeConnection: it fails retryable writes before
//     or after they were done.
//   - failGetMoreAfterCursorCheckout, with errorCode and closeConnection.
//
// # Replica set
//
// The proxy answers hello and the commands that start, refresh and end sessions. Its replies have operationTime and
// $clusterTime. A retryable write is done once: a repeated txnNumber gets the reply to the first. Errors of retryable
// writes have the label RetryableWriteError where a server adds it.
//
// The members of a set have the same data. [Proxy.MovePrimary] makes another member the primary. A member that is not
// answers reads if the client allows that.
//
// # Load balancer
//
// Behind a load balancer, the proxy poses as several routers of a sharded cluster. Each has a serviceId, which it tells
// in the handshake. A getMore or killCursors that reaches another router than that of the cursor does not find it. A cursor
// ends with the connection that has opened it.
//
// # What it does not emulate
//
// The server behind the proxy need not know sessions. The proxy removes lsid, txnNumber, $clusterTime and readConcern
// from the commands. So it does not emulate what these would do: it refuses transactions and snapshot reads with the
// code 20, and reads are only as consistent as the server itself makes them.
//
// # Lost cursors
//
// A cursor outlives the connection that has opened it, as on a real server, which ends it after ten minutes without use.
// The proxy keeps 50 such cursors, and ends the one that was not used for longest. [Proxy.Stats] still counts it.
//
// # Change streams
//
// The proxy has change streams on a collection, a database and all databases, whatever the server behind it has. Their
// events are those of writes that pass through the proxy: insert, update, replace, delete, drop, dropDatabase, rename and
// invalidate; with showExpandedEvents also create, createIndexes, dropIndexes and modify. resumeAfter, startAfter,
// startAtOperationTime, fullDocument and fullDocumentBeforeChange work as on a server, also with images of documents
// (changeStreamPreAndPostImages). Of pipelines it evaluates $match, $project, $addFields, $set and $unset, without
// operators in expressions, and refuses the rest by name. $out and $merge are refused while there are streams.
//
// A write that does not pass through the proxy has no event. The proxy records the events of a collection from the first
// stream on that watches it, and keeps the last 64 MB: an older token gets ChangeStreamHistoryLost. It does the writes to
// such collections one after the other, and asks the server for the documents before and after each. So they are slower.
//
// # Cost
//
// Each connection has one connection to the server, which is opened at the first command, and two goroutines.
package faultproxy
