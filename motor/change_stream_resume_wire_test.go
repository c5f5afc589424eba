package motor_test

import (
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// interruptions are the failures after which a stream resumes.
var interruptions = []struct {
	name      string
	interrupt func(*wiretest.Request)
}{
	{"label", func(r *wiretest.Request) {
		r.Fail(10107, "NotWritablePrimary", "not primary", "ResumableChangeStreamError")
	}},
	{"network", func(r *wiretest.Request) { r.HangUp() }},
	{"CursorNotFound", func(r *wiretest.Request) { r.Fail(43, "CursorNotFound", "cursor id 7 not found") }},
}

// resumedAt returns the fields of the aggregate that resumes a stream after token(n).
func resumedAt(n int) bson.M {
	return bson.M{"pipeline": bson.A{bson.M{"$changeStream": bson.M{"resumeAfter": token(n)}}}}
}

func TestChangeStreamResumes(t *testing.T) {
	for _, test := range interruptions {
		t.Run(test.name, func(t *testing.T) {
			peer, _, stream := openChangeStream(t)
			next := stream.Next(t.Context())
			changes(peer.Receive("getMore"), 7, 2)
			test.interrupt(peer.Receive("getMore"))
			changes(peer.Receive("aggregate").Want(resumedAt(2)), 8, 3)
			changes(peer.Receive("getMore").Want(bson.M{"getMore": int64(8)}), 8, 9, changeEvent(4), changeEvent(5))
			if doc, err := next.Await(t.Context()); !isChange(doc, 4) || err != nil {
				t.Errorf("Next() = %v, %v, want change 4, nil", doc, err)
			}
			resumesAt(t, stream, 4)
			if doc, err := stream.Next(t.Context()).Await(t.Context()); !isChange(doc, 5) || err != nil {
				t.Errorf("Next() = %v, %v, want change 5, nil", doc, err)
			}

			// Resume once more. This time the first batch has changes.
			try := stream.TryNext(t.Context())
			test.interrupt(peer.Receive("getMore"))
			changes(peer.Receive("aggregate").Want(resumedAt(9)), 10, 0, changeEvent(11))
			if doc, err := try.Await(t.Context()); !isChange(doc, 11) || err != nil {
				t.Errorf("TryNext() = %v, %v, want change 11, nil", doc, err)
			}
		})
	}
}

// TryNext resumes once and then sends no getMore.
func TestTryNextResumesOnce(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	try := stream.TryNext(t.Context())
	peer.Receive("getMore").HangUp()
	changes(peer.Receive("aggregate").Want(resumedAt(1)), 8, 3)
	if doc, err := try.Await(t.Context()); doc != nil || err != nil || !stream.Alive() {
		t.Errorf("TryNext() = %v, %v, alive %t, want nil, nil, alive true", doc, err, stream.Alive())
	}
	resumesAt(t, stream, 3)
}

func TestChangeStreamFatalError(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	next := stream.Next(t.Context())
	peer.Receive("getMore").Fail(237, "CursorKilled", "cursor id 7 was killed")
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("Next() = %v, want OperationFailure", err)
	}
	if _, err := stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) || stream.Alive() {
		t.Errorf("Next() after the error = %v, alive %t, want StopAsyncIteration, alive false", err, stream.Alive())
	}
	if doc, err := stream.TryNext(t.Context()).Await(t.Context()); doc != nil || err != nil {
		t.Errorf("TryNext() = %v, %v, want nil, nil", doc, err)
	}
	resumesAt(t, stream, 1)
	if n := len(peer.Seen("aggregate")); n != 1 {
		t.Errorf("got %d aggregate commands, want 1", n)
	}
}

// The driver ends a stream at an error without the resumable label. After a network error or a NotPrimaryError, motor
// fails the read and resumes with the next one.
func TestChangeStreamResumesOnNextRead(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	next := stream.Next(t.Context())
	peer.Receive("getMore").Fail(10107, "NotWritablePrimary", "not primary")
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.NotPrimaryError) || !stream.Alive() {
		t.Errorf("Next() = %v, alive %t, want NotPrimaryError, alive true", err, stream.Alive())
	}
	next = stream.Next(t.Context())
	changes(peer.Receive("aggregate").Want(resumedAt(1)), 8, 0, changeEvent(2))
	if doc, err := next.Await(t.Context()); !isChange(doc, 2) || err != nil {
		t.Errorf("Next() = %v, %v, want change 2, nil", doc, err)
	}
}

// A read that cannot resume fails. The next read tries again after the last change that was read.
func TestChangeStreamRetriesFailedResume(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	for range 2 {
		next := stream.Next(t.Context())
		if len(peer.Seen("aggregate")) == 1 {
			peer.Receive("getMore").HangUp()
		}
		for range 2 { // The driver retries the command, as it retries any read.
			peer.Receive("aggregate").Want(resumedAt(1)).HangUp()
		}
		if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || !stream.Alive() {
			t.Errorf("Next() = %v, alive %t, want AutoReconnect, alive true", err, stream.Alive())
		}
		resumesAt(t, stream, 1)
	}
	next := stream.Next(t.Context())
	changes(peer.Receive("aggregate").Want(resumedAt(1)), 9, 2)
	changes(peer.Receive("getMore").Want(bson.M{"getMore": int64(9)}), 9, 0, changeEvent(3))
	if doc, err := next.Await(t.Context()); !isChange(doc, 3) || err != nil {
		t.Errorf("Next() = %v, %v, want change 3, nil", doc, err)
	}

	next = stream.Next(t.Context())
	peer.Receive("getMore").HangUp()
	peer.Receive("aggregate").Fail(286, "ChangeStreamHistoryLost", "resume of change stream was not possible")
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || stream.Alive() {
		t.Errorf("Next() after a fatal error = %v, alive %t, want OperationFailure, alive false", err, stream.Alive())
	}
	if _, err := stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() = %v, want StopAsyncIteration", err)
	}
}

// A stream that has read no change resumes where its options say.
func TestChangeStreamResumePoint(t *testing.T) {
	at := func(field string, value any) bson.M {
		return bson.M{"pipeline": bson.A{bson.M{"$changeStream": bson.M{field: value}}}}
	}
	moment := bson.Timestamp{T: 9, I: 1}
	for _, c := range []struct {
		name        string
		opts        *options.ChangeStreamOptionsBuilder
		first, then bson.M // resumed by the driver, and by the next read
	}{
		{"resumeAfter", options.ChangeStream().SetResumeAfter(token(5)), at("resumeAfter", token(5)), at("resumeAfter", token(5))},
		{"startAfter", options.ChangeStream().SetStartAfter(token(5)), at("resumeAfter", token(5)), at("startAfter", token(5))},
		{"startAtOperationTime", options.ChangeStream().SetStartAtOperationTime(&moment), at("startAtOperationTime", moment), at("startAtOperationTime", moment)},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			stream := newClient(t, peer.URI("retryReads=false")).Database("d").Collection("c").Watch(nil, c.opts)
			opened := stream.Open(t.Context())
			changes(peer.Receive("aggregate"), 7, 0)
			if _, err := opened.Await(t.Context()); err != nil {
				t.Fatalf("Open() = %v, want nil", err)
			}
			next := stream.Next(t.Context())
			peer.Receive("getMore").HangUp()
			peer.Receive("aggregate").Want(c.first).HangUp()
			if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || !stream.Alive() {
				t.Errorf("Next() = %v, alive %t, want AutoReconnect, alive true", err, stream.Alive())
			}
			next = stream.Next(t.Context())
			changes(peer.Receive("aggregate").Want(c.then), 9, 0, changeEvent(6))
			if doc, err := next.Await(t.Context()); !isChange(doc, 6) || err != nil {
				t.Errorf("Next() = %v, %v, want change 6, nil", doc, err)
			}
			next = stream.Next(t.Context())
			peer.Receive("getMore").HangUp()
			changes(peer.Receive("aggregate").Want(resumedAt(6)), 10, 0, changeEvent(7))
			if doc, err := next.Await(t.Context()); !isChange(doc, 7) || err != nil {
				t.Errorf("Next() = %v, %v, want change 7, nil", doc, err)
			}

			// After the first change the start options no longer apply.
			next = stream.Next(t.Context())
			peer.Receive("getMore").HangUp()
			peer.Receive("aggregate").Want(resumedAt(7)).HangUp()
			if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || !stream.Alive() {
				t.Errorf("Next() = %v, alive %t, want AutoReconnect, alive true", err, stream.Alive())
			}
			next = stream.Next(t.Context())
			changes(peer.Receive("aggregate").Want(resumedAt(7)), 11, 0, changeEvent(8))
			if doc, err := next.Await(t.Context()); !isChange(doc, 8) || err != nil {
				t.Errorf("Next() = %v, %v, want change 8, nil", doc, err)
			}
		})
	}
}

// Without a resume token the position is unknown. Opening a new stream would lose changes.
func TestChangeStreamWithoutResumeToken(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI("retryReads=false")).Database("d").Collection("c").Watch(nil)
	next := stream.Next(t.Context())
	changes(peer.Receive("aggregate"), 7, 0)
	peer.Receive("getMore").HangUp()
	peer.Receive("aggregate").Want(bson.M{"pipeline": bson.A{
		bson.M{"$changeStream": bson.M{"startAtOperationTime": bson.Timestamp{T: 100, I: 1}}}, // from the driver
	}}).HangUp()
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || stream.Alive() {
		t.Errorf("Next() = %v, alive %t, want AutoReconnect, alive false", err, stream.Alive())
	}
}

// The server labels an error as resumable. The stream resumes even if the failed command was itself a resume.
func TestChangeStreamResumableResumeError(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	stream := coll.Watch(nil, options.ChangeStream().SetMaxAwaitTime(7*time.Millisecond))
	next := stream.Next(t.Context())
	changes(peer.Receive("aggregate"), 7, 1)
	peer.Receive("getMore").HangUp()
	peer.Receive("aggregate").Want(resumedAt(1)).Fail(133, "FailedToSatisfyReadPreference", "no member", "ResumableChangeStreamError")
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || !stream.Alive() {
		t.Fatalf("Next() = %v, alive %t, want OperationFailure, alive true", err, stream.Alive())
	}
	if err := coll.SetReadPreference(readpref.NearestMode); err != nil { // does not affect the open stream
		t.Fatalf("SetReadPreference() = %v, want nil", err)
	}
	// TryNext opens the stream and reads once, as for a new stream.
	try := stream.TryNext(t.Context())
	changes(peer.Receive("aggregate").Want(resumedAt(1)).Want(bson.M{"$readPreference": wiretest.Absent}), 8, 2)
	changes(peer.Receive("getMore").Want(bson.M{"getMore": int64(8), "maxTimeMS": 7}), 8, 3)
	if doc, err := try.Await(t.Context()); doc != nil || err != nil {
		t.Errorf("TryNext() = %v, %v, want nil, nil", doc, err)
	}
	resumesAt(t, stream, 3)

	// A server error without the label ends the stream.
	next = stream.Next(t.Context())
	peer.Receive("getMore").HangUp()
	for range 2 {
		peer.Receive("aggregate").Want(resumedAt(3)).HangUp()
	}
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || !stream.Alive() {
		t.Errorf("Next() = %v, alive %t, want AutoReconnect, alive true", err, stream.Alive())
	}
	next = stream.Next(t.Context())
	peer.Receive("aggregate").Want(resumedAt(3)).Fail(286, "ChangeStreamHistoryLost", "resume of change stream was not possible")
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || stream.Alive() {
		t.Errorf("Next() = %v, alive %t, want OperationFailure, alive false", err, stream.Alive())
	}
}

// The caller may change the timestamp after Watch returns.
func TestStartAtOperationTimeIsCopied(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	at := bson.Timestamp{T: 9, I: 1}
	stream := newClient(t, peer.URI()).Database("d").Watch(nil, options.ChangeStream().SetStartAtOperationTime(&at))
	at.T = 10
	opened := stream.Open(t.Context())
	changes(peer.Receive("aggregate").Want(bson.M{"pipeline": bson.A{
		bson.M{"$changeStream": bson.M{"startAtOperationTime": bson.Timestamp{T: 9, I: 1}}}}}), 0, 0)
	succeed(t, opened)
}
