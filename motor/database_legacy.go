package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// CurrentOp returns the operations in progress on the server, in the field "inprog" of the result. With includeAll, it
// includes idle connections and internal operations of the server.
//
// Legacy: use Aggregate on the admin database, with the stage $currentOp. Motor: MotorDatabase.current_op.
func (d *Database) CurrentOp(ctx context.Context, includeAll bool) *future.Future[bson.M] {
	if d.err != nil {
		return failed[bson.M](d.client, d.err)
	}
	command := bson.D{{Key: "currentOp", Value: 1}, {Key: "$all", Value: includeAll}}
	return inAdmin(ctx, d.client, command, wholeReply)
}

// wholeReply is a result for ask. It returns the whole reply.
func wholeReply(reply bson.M, err error) (bson.M, error) { return reply, err }

// Eval makes the server run JavaScript. The result is its return value. code is a function: a string, a bson.JavaScript
// or a bson.CodeWithScope. args are its arguments. MongoDB 4.2 removed the command.
//
// Errors: [OperationFailure] from servers since MongoDB 4.2; [TypeError] for code of another type; [InvalidDocument]
// for arguments that cannot be encoded.
//
// Legacy: use Aggregate, with $function if JavaScript is needed. Motor: MotorDatabase.eval.
func (d *Database) Eval(ctx context.Context, code any, args ...any) *future.Future[any] {
	code, err := command.JavaScript("code", code)
	if err != nil {
		return failed[any](d.client, codecError(err))
	}
	command := bson.D{{Key: "$eval", Value: code}, {Key: "args", Value: append(bson.A{}, args...)}}
	return ask(ctx, d, command, func(reply bson.M, err error) (any, error) { return reply["retval"], err })
}

// LastStatus asks the server for the outcome of the last operation on one of the client's connections; any free
// connection is used. MongoDB 5.1 removed the command.
//
// Errors: [OperationFailure] from servers since MongoDB 5.1.
//
// Legacy: acknowledged writes return their errors. Motor: MotorDatabase.last_status.
func (d *Database) LastStatus(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getLastError", wholeReply)
}

// Error is [Database.LastStatus] for errors only. The result is nil if the last operation succeeded.
//
// Legacy: acknowledged writes return their errors. Motor: MotorDatabase.error.
func (d *Database) Error(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getLastError", ifFailed)
}

// PreviousError asks the server for the last operation that failed since [Database.ResetErrorHistory], on one of the
// client's connections; any free connection is used. The result is nil if none failed. MongoDB 3.6 removed the command.
//
// Errors: [OperationFailure] from servers since MongoDB 3.6.
//
// Legacy: acknowledged writes return their errors. Motor: MotorDatabase.previous_error.
func (d *Database) PreviousError(ctx context.Context) *future.Future[bson.M] {
	return ask(ctx, d, "getPrevError", ifFailed)
}

// ifFailed is a result for ask. It returns the reply if that has an error, and nil otherwise.
func ifFailed(reply bson.M, err error) (bson.M, error) {
	if told, ok := reply["err"]; ok && told == nil {
		return nil, err
	}
	return reply, err
}

// ResetErrorHistory makes the server forget the error of [Database.PreviousError].
//
// Errors: [OperationFailure] from servers since MongoDB 3.6.
//
// Legacy: acknowledged writes return their errors. Motor: MotorDatabase.reset_error_history.
func (d *Database) ResetErrorHistory(ctx context.Context) *future.Future[struct{}] {
	return ask(ctx, d, "resetError", done)
}

// ProfilingLevel says which operations the server's profiler records.
//
// Motor: pymongo.OFF, pymongo.SLOW_ONLY, pymongo.ALL.
type ProfilingLevel int

// The levels of SetProfilingLevel.
const (
	ProfilingOff      ProfilingLevel = 0
	ProfilingSlowOnly ProfilingLevel = 1
	ProfilingAll      ProfilingLevel = 2
)

// ProfilingOptions are the options of [Database.SetProfilingLevel]. A nil field keeps the current value.
type ProfilingOptions struct {
	SlowMS     *int     // the duration from which an operation is slow, in milliseconds
	SampleRate *float64 // the fraction of slow operations to record, from 0 to 1
	Filter     any      // a query: record the operations that it matches, slow or not
}

// SetProfilingLevel sets which operations the database's profiler records.
//
// Errors: [ValueError] for an unknown level, a negative time and a rate outside 0 to 1; [TypeError] and
// [InvalidDocument] for an invalid filter.
//
// Legacy: use Command, with bson.D{{"profile", level}}. Motor: MotorDatabase.set_profiling_level.
func (d *Database) SetProfilingLevel(ctx context.Context, level ProfilingLevel, opts ...ProfilingOptions) *future.Future[struct{}] {
	command, err := d.profileCommand(level, opts)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	return ask(ctx, d, command, done)
}

func (d *Database) profileCommand(level ProfilingLevel, opts []ProfilingOptions) (bson.D, error) {
	how, err := atMostOne("SetProfilingLevel", opts)
	if err != nil {
		return nil, err
	}
	if level < ProfilingOff || level > ProfilingAll {
		return nil, newError(ValueError, "SetProfilingLevel: invalid level %d: must be 0, 1 or 2", level)
	}
	command := bson.D{{Key: "profile", Value: int(level)}}
	if ms := how.SlowMS; ms != nil {
		if *ms < 0 {
			return nil, newError(ValueError, "SetProfilingLevel: invalid SlowMS %d: must be at least 0", *ms)
		}
		command = append(command, bson.E{Key: "slowms", Value: *ms})
	}
	if rate := how.SampleRate; rate != nil {
		if !(*rate >= 0 && *rate <= 1) { // false for NaN
			return nil, newError(ValueError, "SetProfilingLevel: invalid SampleRate %g: must be from 0 to 1", *rate)
		}
		command = append(command, bson.E{Key: "sampleRate", Value: *rate})
	}
	if how.Filter != nil {
		filter, err := d.codec.encode("filter", how.Filter)
		if err != nil {
			return nil, err
		}
		command = append(command, bson.E{Key: "filter", Value: filter})
	}
	return command, nil
}

// ProfilingLevel returns which operations the database's profiler records.
//
// Legacy: use Command, with bson.D{{"profile", -1}}. Motor: MotorDatabase.profiling_level.
func (d *Database) ProfilingLevel(ctx context.Context) *future.Future[ProfilingLevel] {
	command := bson.D{{Key: "profile", Value: -1}}
	return ask(ctx, d, command, func(reply bson.M, err error) (ProfilingLevel, error) {
		if err != nil {
			return 0, err
		}
		switch level := reply["was"].(type) {
		case int32:
			return ProfilingLevel(level), nil
		case int64:
			return ProfilingLevel(level), nil
		case float64:
			return ProfilingLevel(level), nil
		}
		return 0, newError(ProtocolError, "profile: the reply has no level: %v", reply)
	})
}

// ProfilingInfo returns all documents that the database's profiler has recorded and still keeps.
//
// Legacy: use Find on the collection system.profile. Motor: MotorDatabase.profiling_info.
func (d *Database) ProfilingInfo(ctx context.Context) *future.Future[[]bson.M] {
	return d.Collection("system.profile").Find(bson.D{}).ToList(ctx)
}

// UserOptions are the options of [Database.AddUser].
type UserOptions struct {
	// Roles are names of roles in this database, or documents such as bson.D{{"role", "read"}, {"db", "other"}}.
	// Without them, a new user has all rights in the database, and an existing user keeps its roles.
	Roles []any
	// ReadOnly gives the user only the role to read. It excludes Roles.
	ReadOnly bool
	// CustomData is a document that is stored with the user, or nil.
	CustomData any
}

// AddUser creates a user of this database, or changes the user of this name. An empty password keeps the current
// password. A new user needs a password, except in the database $external, where another system authenticates users.
//
// Errors: [ConfigurationError] for both Roles and ReadOnly; [TypeError] and [InvalidDocument] for a role that is
// neither a name nor a document, and for invalid custom data; [OperationFailure].
//
// Legacy: use Command, with bson.D{{"createUser", name}, ...}. Motor: MotorDatabase.add_user.
func (d *Database) AddUser(ctx context.Context, name, password string, opts ...UserOptions) *future.Future[struct{}] {
	how, err := atMostOne("AddUser", opts)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	fields, err := d.userFields(password, how)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (struct{}, error) {
		users, err := db.RunCommand(ctx, bson.D{{Key: "usersInfo", Value: name}}).Raw()
		command := "updateUser"
		switch _, none := users.LookupErr("users", "0"); {
		case isUnauthorized(err): // without users, the server allows creating one, but not listing them
			command, err = "createUser", nil
		case none != nil:
			command = "createUser"
		}
		if err != nil {
			return struct{}{}, err
		}
		user := append(bson.D{{Key: command, Value: name}}, fields...)
		if command == "createUser" && !how.ReadOnly && how.Roles == nil {
			user = append(user, bson.E{Key: "roles", Value: bson.A{d.ownerRole()}})
		}
		return done(d.send(ctx, db, user))
	}))
}

// userFields returns the fields of a user, encoded.
func (d *Database) userFields(password string, how UserOptions) (fields bson.D, err error) {
	if password != "" {
		fields = append(fields, bson.E{Key: "pwd", Value: password})
	}
	switch {
	case how.ReadOnly && how.Roles != nil:
		return nil, newError(ConfigurationError, "AddUser: cannot use both ReadOnly and Roles")
	case how.ReadOnly:
		fields = append(fields, bson.E{Key: "roles", Value: bson.A{d.readerRole()}})
	case how.Roles != nil:
		roles := make(bson.A, len(how.Roles))
		for i, role := range how.Roles {
			roles[i] = role
			if _, name := role.(string); !name {
				if roles[i], err = d.codec.encode("a role", role); err != nil {
					return nil, err
				}
			}
		}
		fields = append(fields, bson.E{Key: "roles", Value: roles})
	}
	if how.CustomData != nil {
		data, err := d.codec.encode("CustomData", how.CustomData)
		if err != nil {
			return nil, err
		}
		fields = append(fields, bson.E{Key: "customData", Value: data})
	}
	return fields, nil
}

// In the admin database, the default roles apply to all databases.
const adminDatabase = "admin"

func (d *Database) ownerRole() string {
	if d.name == adminDatabase {
		return "root"
	}
	return "dbOwner"
}

func (d *Database) readerRole() string {
	if d.name == adminDatabase {
		return "readAnyDatabase"
	}
	return "read"
}

const codeUnauthorized = 13

func isUnauthorized(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(codeUnauthorized)
}

// RemoveUser removes a user of this database.
//
// Errors: [OperationFailure] if there is no user of this name.
//
// Legacy: use Command, with bson.D{{"dropUser", name}}. Motor: MotorDatabase.remove_user.
func (d *Database) RemoveUser(ctx context.Context, name string) *future.Future[struct{}] {
	return ask(ctx, d, bson.D{{Key: "dropUser", Value: name}}, done)
}

// Authenticate fails with [InvalidOperation]. A client has its credentials in its connection string, as in
// "mongodb://ann:secret@localhost/?authSource=app", and uses them on all connections. Use another client for another
// user.
//
// Legacy: use NewClient. Motor: MotorDatabase.authenticate, until 1.3.
func (d *Database) Authenticate(ctx context.Context, name, password string) *future.Future[bool] {
	return failed[bool](d.client, newError(InvalidOperation,
		"Authenticate(%q): put the credentials into the connection string of NewClient", name))
}

// Logout fails with [InvalidOperation]. Close the client instead.
//
// Legacy: use Client.Close. Motor: MotorDatabase.logout, until 1.3.
func (d *Database) Logout(ctx context.Context) *future.Future[struct{}] {
	return failed[struct{}](d.client, newError(InvalidOperation, "Logout: close the client instead"))
}
