package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// CurrentOp asks the server for the operations in progress, which the field "inprog" of the result lists: with
// includeAll, idle connections and the server's own work too.
//
// Legacy: use Aggregate on the admin database, with the stage $currentOp. Motor: MotorDatabase.current_op.
func (d *Database) CurrentOp(ctx context.Context, includeAll bool) *future.Future[bson.M] {
	if d.err != nil {
		return failed[bson.M](d.client, d.err)
	}
	command := bson.D{{Key: "currentOp", Value: 1}, {Key: "$all", Value: includeAll}}
	return inAdmin(ctx, d.client, command, whole)
}

// whole is ask's result where it is the reply.
func whole(reply bson.M, err error) (bson.M, error) { return reply, err }

// Eval makes the server run JavaScript with args. The result is what that returns. code is a function: a string, a
// bson.JavaScript or a bson.CodeWithScope. MongoDB has no such command since version 4.2.
//
// Errors: [OperationFailure] from today's servers, which do not know the command; [TypeError] for other code;
// [InvalidDocument] for arguments that cannot be encoded.
//
// Legacy: use Aggregate, with $function where it must be JavaScript. Motor: MotorDatabase.eval.
func (d *Database) Eval(ctx context.Context, code any, args ...any) *future.Future[any] {
	code, err := command.JavaScript("code", code)
	if err != nil {
		return failed[any](d.client, codecError(err))
	}
	command := bson.D{{Key: "$eval", Value: code}, {Key: "args", Value: append(bson.A{}, args...)}}
	return ask(ctx, d, command, func(reply bson.M, err error) (any, error) { return reply["retval"], err })
}

// LastStatus asks the server about the last operation on one of the client's connections, whichever is free. MongoDB
// has no such command since version 5.1.
//
// Errors: [OperationFailure] from today's servers.
//
// Legacy: acknowledged writes fail by themselves. Motor: MotorDatabase.last_status.
func (d *Database) LastStatus(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getLastError", whole)
}

// Error is [Database.LastStatus] for failures alone: the result is nil if that operation did not fail.
//
// Legacy: acknowledged writes fail by themselves. Motor: MotorDatabase.error.
func (d *Database) Error(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getLastError", ifFailed)
}

// PreviousError asks the server about the last operation that failed since [Database.ResetErrorHistory], on one of the
// client's connections, whichever is free. The result is nil if none failed. MongoDB has no such command since version
// 3.6.
//
// Errors: [OperationFailure] from today's servers.
//
// Legacy: acknowledged writes fail by themselves. Motor: MotorDatabase.previous_error.
func (d *Database) PreviousError(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getPrevError", ifFailed)
}

// ifFailed is ask's result where a reply that tells of no error counts for none.
func ifFailed(reply bson.M, err error) (bson.M, error) {
	if told, ok := reply["err"]; ok && told == nil {
		return nil, err
	}
	return reply, err
}

// ResetErrorHistory has the server forget what [Database.PreviousError] tells.
//
// Errors: [OperationFailure] from today's servers.
//
// Legacy: acknowledged writes fail by themselves. Motor: MotorDatabase.reset_error_history.
func (d *Database) ResetErrorHistory(ctx context.Context) *future.Future[struct{}] {
	return ask(ctx, d, "resetError", done)
}
