package motor

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// AllowedErrors are the refusals that [Database.CommandAllowing] takes for an answer.
type AllowedErrors struct {
	Codes    []int    // the server's error codes
	Messages []string // or its messages, word for word: old servers send no codes
	All      bool     // any refusal at all
}

// CommandAllowing is [Database.Command] for a command that the server may well refuse. A refusal that is allowed is
// not an error: the result is then that reply, whose "ok" is 0.
//
//	// Done if it is not there.
//	db.CommandAllowing(ctx, bson.D{{"drop", "old"}}, motor.AllowedErrors{Codes: []int{26}})
//
// Errors: those of Command. What is no reply of the server, such as an [AutoReconnect], is never allowed.
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

// refusal returns the server's reply if err is an error that is allowed.
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

// CursorCommand sends a command whose reply is a cursor, such as find or aggregate. The result is that cursor. command
// is given as in [Database.Command].
//
// Errors: [InvalidOperation] if the reply has no cursor: use Command for such a command; and those of Command.
//
// Motor: MotorDatabase.cursor_command.
func (d *Database) CursorCommand(ctx context.Context, command any, opts ...options.Lister[options.RunCmdOptions]) *future.Future[*CommandCursor[bson.M]] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[*CommandCursor[bson.M]](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (*CommandCursor[bson.M], error) {
		ctx = locate(ctx)
		driver, err := db.RunCommandCursor(ctx, encoded, opts...)
		if err != nil {
			return nil, cursorCommandError(err)
		}
		return openedCommandCursor(ctx, d.Collection("$cmd"), db.Client(), driver), nil
	}))
}

// cursorCommandError gives the error of a command that was to have a cursor its class. That there is none is the one
// error here for which the driver has no type.
func cursorCommandError(err error) error {
	err = wrapError(err)
	var own *Error
	if errors.As(err, &own) && own.class == PyMongoError {
		return &Error{class: InvalidOperation, text: "CursorCommand: the reply has no cursor", cause: own.cause}
	}
	return err
}

// encodeCommand returns the document that command is, or the name of which it is.
func (d *Database) encodeCommand(command any) (bson.Raw, error) {
	if name, ok := command.(string); ok {
		command = bson.D{{Key: name, Value: 1}}
	}
	return d.codec.encodeCommand("command", command)
}

// ask sends a command. The result is what result makes of the reply.
func ask[T any](ctx context.Context, d *Database, command any, result func(bson.M, error) (T, error)) *future.Future[T] {
	encoded, err := d.encodeCommand(command)
	if err != nil {
		return failed[T](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (T, error) {
		return result(d.send(ctx, db, encoded))
	}))
}

// done is ask's result where the reply says nothing more than that.
func done(_ bson.M, err error) (struct{}, error) { return struct{}{}, err }

// Command sends a command. The result is the server's reply. command is a document, whose first key is the name of the
// command, or that name alone, such as "ping".
//
// Errors: [OperationFailure] if the server refuses; [TypeError] for nil, for a map of several keys (the order of
// which would be lost), and for what is no document at all; [InvalidDocument] if it cannot be encoded.
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

// send is the part of Command that runs in a slot. Its error has its class.
func (d *Database) send(ctx context.Context, db *mongo.Database, command any, opts ...options.Lister[options.RunCmdOptions]) (bson.M, error) {
	raw, err := db.RunCommand(ctx, command, opts...).Raw()
	if err != nil {
		return nil, wrapError(err)
	}
	return decode[bson.M](&d.codec, raw)
}
