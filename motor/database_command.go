package motor

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// AllowedErrors are the server's errors that [Database.CommandAllowing] accepts.
type AllowedErrors struct {
	Codes    []int    // the server's error codes
	Messages []string // the server's exact messages; old servers send no codes
	All      bool     // all errors of the server
}

// CommandAllowing is [Database.Command] for a command that the server may reject. An allowed error of the server is not
// an error: the result is then the server's reply, in which "ok" is 0.
//
// This command also succeeds if the collection does not exist:
//
//	db.CommandAllowing(ctx, bson.D{{"drop", "old"}}, motor.AllowedErrors{Codes: []int{26}})
//
// Errors: those of Command. Errors that are not a reply of the server, such as [AutoReconnect], are never allowed.
//
// Motor: MotorDatabase.command(allowable_errors=..., check=...).
func (d *Database) CommandAllowing(ctx context.Context, command any, allowed AllowedErrors, opts ...options.Lister[options.RunCmdOptions]) *future.Future[bson.M] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[bson.M](d.client, err)
	}
	allowed.Codes, allowed.Messages = slices.Clone(allowed.Codes), slices.Clone(allowed.Messages)
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (bson.M, error) {
		reply, err := d.send(ctx, db, encoded, opts...)
		if refusal := allowed.refusal(err); refusal != nil {
			return decode[bson.M](&d.codec, refusal)
		}
		return reply, err
	}))
}

// refusal returns the server's reply if err is allowed.
func (a *AllowedErrors) refusal(err error) bson.Raw {
	var (
		command mongo.CommandError
		write   mongo.WriteException
		reply   bson.Raw
		code    int
		message string
	)
	switch {
	case errors.As(err, &command):
		reply, code, message = command.Raw, int(command.Code), command.Message
	case errors.As(err, &write) && write.WriteConcernError != nil:
		reply, code, message = write.Raw, write.WriteConcernError.Code, write.WriteConcernError.Message
	}
	if a.All || slices.Contains(a.Codes, code) || slices.Contains(a.Messages, message) {
		return reply
	}
	return nil
}

// CursorCommand sends a command whose reply has a cursor, such as find or aggregate. The result is that cursor. See
// [Database.Command] for command.
//
// Errors: [InvalidOperation] if the reply has no cursor (use Command for such a command); those of Command.
//
// Motor: MotorDatabase.cursor_command.
func (d *Database) CursorCommand(ctx context.Context, command any, opts ...options.Lister[options.RunCmdOptions]) *future.Future[*CommandCursor[bson.M]] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[*CommandCursor[bson.M]](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (*CommandCursor[bson.M], error) {
		ctx = recordAddress(ctx)
		driver, err := db.RunCommandCursor(ctx, encoded, opts...)
		if err != nil {
			return nil, cursorCommandError(err)
		}
		return openedCommandCursor(ctx, d.Collection("$cmd"), db.Client(), driver), nil
	}))
}

// cursorCommandError gives the error of CursorCommand its class. If the reply has no cursor, the driver returns an
// error without a type of its own.
func cursorCommandError(err error) error {
	err = wrapError(err)
	var own *Error
	if errors.As(err, &own) && own.class == ProtocolError && drivercompat.IsPlain(own.cause) {
		return &Error{class: InvalidOperation, text: "CursorCommand: the reply has no cursor; use Command", cause: own.cause}
	}
	return err
}

// encodeCommand returns command as a document. A string is the name of a command.
func (d *Database) encodeCommand(command any) (bson.Raw, error) {
	if name, ok := command.(string); ok {
		command = bson.D{{Key: name, Value: 1}}
	}
	raw, err := d.codec.encodeCommand("command", command)
	if _, bad := raw.IndexErr(0); err == nil && bad != nil {
		return nil, newError(ValueError, "command is empty")
	}
	return raw, err
}

// ask sends a command. Its result is result(reply).
func ask[T any](ctx context.Context, d *Database, command any, result func(bson.M, error) (T, error)) *future.Future[T] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[T](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (T, error) {
		return result(d.send(ctx, db, encoded))
	}))
}

// done is a result for ask. It drops the reply.
func done(_ bson.M, err error) (struct{}, error) { return struct{}{}, err }

// Command sends a command. The result is the server's reply. command is a document, whose first key is the name of the
// command, or only that name, such as "ping".
//
// Errors: [OperationFailure] if the server rejects the command; [TypeError] for nil, for a map of several keys (a map
// has no order), and for a value that is not a document; [InvalidDocument] if it cannot be encoded.
//
// Motor: MotorDatabase.command.
func (d *Database) Command(ctx context.Context, command any, opts ...options.Lister[options.RunCmdOptions]) *future.Future[bson.M] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[bson.M](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (bson.M, error) {
		return d.send(ctx, db, encoded, opts...)
	}))
}

// send is the part of Command that runs in a slot. It wraps its error.
func (d *Database) send(ctx context.Context, db *mongo.Database, command any, opts ...options.Lister[options.RunCmdOptions]) (bson.M, error) {
	raw, err := db.RunCommand(ctx, command, opts...).Raw()
	if err != nil {
		return nil, wrapError(err)
	}
	return decode[bson.M](&d.codec, raw)
}
