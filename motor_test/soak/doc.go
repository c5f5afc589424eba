// Package soak runs mixed operations for long, through futures, callbacks and coroutines, while the server fails in every
// way that package faultproxy has, its primary moves, operations are cancelled, and the client and the loop are stopped and
// started again.
//
// It holds these promises:
//
//   - Every future settles, and every callback is called, exactly once.
//   - What was acknowledged is there, and what was reported as not sent is not.
//   - A file is read whole or not at all.
//   - A change stream that resumes has the event of each acknowledged document, and no event twice.
//   - In the end no goroutine and no connection is left, and, of the last operations, no cursor and no session.
//
// Faults come by a seed. What the operating system does between them does not, so a seed reproduces a failure often, not
// always.
package soak
