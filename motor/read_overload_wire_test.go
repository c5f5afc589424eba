package motor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The labels of errors of a server that has too much to do.
var (
	overloaded = []string{"SystemOverloadedError"}
	retryLater = []string{"SystemOverloadedError", "RetryableError"}
)

// refusal is the error of a command, or nothing if the command succeeds.
type refusal struct {
	code   int
	labels []string
}

// answer answers a find. A refusal names a base of 1 ms for the time to wait.
func (f refusal) answer(r *wiretest.Request) {
	if f.code == 0 {
		r.Cursor("d.c", 0)
		return
	}
	r.Reply(bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: "no"}, {Key: "code", Value: f.code},
		{Key: "errorLabels", Value: f.labels}, {Key: "baseBackoffMS", Value: 1}})
}

// The driver sends the find without maxTimeMS, and gomotor sends the other. Both are sent as often after errors of a
// server that is overloaded.
func TestFindRetriesWhenOverloaded(t *testing.T) {
	const rateLimit, readConcern, badValue = 462, 134, 2
	always := func(code int, labels []string) []refusal { return slices.Repeat([]refusal{{code, labels}}, 20) }
	for _, test := range []struct {
		name     string
		opts     []string
		deadline bool
		replies  []refusal
		finds    int
		want     error
	}{
		{name: "always", replies: always(rateLimit, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "always, deadline", deadline: true, replies: always(rateLimit, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "always, timeoutMS=0", opts: []string{"timeoutMS=0"}, replies: always(rateLimit, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "once", replies: []refusal{{rateLimit, retryLater}, {}}, finds: 2},
		{name: "twice", replies: []refusal{{rateLimit, retryLater}, {rateLimit, retryLater}, {}}, finds: 3},
		{name: "five times", opts: []string{"maxAdaptiveRetries=5"}, replies: append(always(rateLimit, retryLater)[:5], refusal{}), finds: 6},
		{name: "not retryable", replies: always(rateLimit, overloaded), finds: 1, want: motor.OperationFailure},
		{name: "retryable, not overloaded", replies: always(rateLimit, retryLater[1:]), finds: 1, want: motor.OperationFailure},
		{name: "a code to retry", replies: always(readConcern, overloaded), finds: 3, want: motor.OperationFailure},
		{name: "a code to retry, deadline", deadline: true, replies: always(readConcern, overloaded), finds: 3, want: motor.OperationFailure},
		{name: "a code and a label to retry", replies: always(readConcern, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "a code and a label to retry, deadline", deadline: true, replies: always(readConcern, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "no retries of overload", opts: []string{"maxAdaptiveRetries=0"}, replies: always(rateLimit, retryLater), finds: 1, want: motor.OperationFailure},
		{name: "no retries of overload, a code", opts: []string{"maxAdaptiveRetries=0"}, replies: always(readConcern, retryLater), finds: 2, want: motor.OperationFailure},
		{name: "no retries of reads", opts: []string{"retryReads=false"}, replies: always(rateLimit, retryLater), finds: 1, want: motor.OperationFailure},
		{name: "no retries of writes", opts: []string{"retryWrites=false"}, replies: always(rateLimit, retryLater), finds: 3, want: motor.OperationFailure},
		{name: "no retries of writes, twice", opts: []string{"retryWrites=false"}, replies: []refusal{{rateLimit, retryLater}, {rateLimit, retryLater}, {}}, finds: 3},
		{name: "another error first", replies: append([]refusal{{readConcern, nil}}, always(rateLimit, overloaded)...), finds: 2, want: motor.OperationFailure},
		{name: "another error later", replies: append([]refusal{{rateLimit, retryLater}}, always(readConcern, nil)...), finds: 3, want: motor.OperationFailure},
		{name: "another error later, deadline", deadline: true, replies: []refusal{{readConcern, overloaded}, {readConcern, nil}, {readConcern, nil}, {}}, finds: 4},
		{name: "a final error later", replies: []refusal{{rateLimit, retryLater}, {badValue, nil}}, finds: 2, want: motor.OperationFailure},
	} {
		for _, ms := range []int64{0, 5} {
			t.Run(fmt.Sprintf("%s/maxTimeMS %d", test.name, ms), func(t *testing.T) {
				ctx := t.Context()
				if test.deadline {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Minute)
					defer cancel()
				}
				peer := wiretest.Start(t, wiretest.Primary)
				peer.Handle("find", func(r *wiretest.Request) { test.replies[min(len(peer.Seen("find")), len(test.replies))-1].answer(r) })
				cursor := newClient(t, peer.URI(test.opts...)).Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(ms)
				_, err := cursor.ToList(ctx).Await(ctx)
				if n := len(peer.Seen("find")); n != test.finds || !errors.Is(err, test.want) {
					t.Errorf("got %d finds, %v, want %d, %v", n, err, test.finds, test.want)
				}
			})
		}
	}
}
