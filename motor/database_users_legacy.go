package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// UserOptions say what a user of [Database.AddUser] may do.
type UserOptions struct {
	// Roles are names of roles in this database, or documents like bson.D{{"role", "read"}, {"db", "other"}}. Without
	// them a new user has all rights in the database, and a user that there is keeps its roles.
	Roles []any
	// ReadOnly stands for the role that may read and nothing else, instead of Roles.
	ReadOnly bool
	// CustomData is a document that is kept with the user, or nil.
	CustomData any
}

// AddUser creates a user of this database, or changes the one of this name. An empty password leaves the password as
// it is; a new user can be without one only where somebody else vouches for it, in the database $external.
//
// Errors: [ConfigurationError] for both Roles and ReadOnly; [TypeError] and [InvalidDocument] for a role that is
// neither a name nor a document and for other custom data; [OperationFailure].
//
// Legacy: use Command(ctx, bson.D{{"createUser", name}, ...}). Motor: MotorDatabase.add_user.
func (d *Database) AddUser(ctx context.Context, name, password string, opts ...UserOptions) *future.Future[struct{}] {
	how, err := atMostOne("AddUser", opts)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	fields, err := d.userFields(password, how)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.now(), nil, func(ctx context.Context, db *mongo.Database) (struct{}, error) {
		users, err := db.RunCommand(ctx, bson.D{{Key: "usersInfo", Value: name}}).Raw()
		command := "updateUser"
		switch _, none := users.LookupErr("users", "0"); {
		case isUnauthorized(err): // before there is any user, one may be created, but not looked for
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

// userFields returns what a user is to have, encoded.
func (d *Database) userFields(password string, how UserOptions) (fields bson.D, err error) {
	if password != "" {
		fields = append(fields, bson.E{Key: "pwd", Value: password})
	}
	switch {
	case how.ReadOnly && how.Roles != nil:
		return nil, newError(ConfigurationError, "AddUser: ReadOnly and Roles cannot be used together")
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

// In the admin database, roles are about all databases.
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
// Errors: [OperationFailure] if there is none of this name.
//
// Legacy: use Command(ctx, bson.D{{"dropUser", name}}). Motor: MotorDatabase.remove_user.
func (d *Database) RemoveUser(ctx context.Context, name string) *future.Future[struct{}] {
	return ask(ctx, d, bson.D{{Key: "dropUser", Value: name}}, done)
}

// Authenticate fails with [InvalidOperation]: a client has its credentials from its connection string, as in
// "mongodb://ann:secret@localhost/?authSource=app", and uses them on all its connections. Another user is another
// client.
//
// Legacy: use NewClient. Motor: MotorDatabase.authenticate, until 1.3.
func (d *Database) Authenticate(ctx context.Context, name, password string) *future.Future[bool] {
	return failed[bool](d.client, newError(InvalidOperation,
		"Authenticate(%q): credentials belong into the connection string of a client", name))
}

// Logout fails with [InvalidOperation]: a client whose work is done is closed.
//
// Legacy: use Client.Close. Motor: MotorDatabase.logout, until 1.3.
func (d *Database) Logout(ctx context.Context) *future.Future[struct{}] {
	return failed[struct{}](d.client, newError(InvalidOperation, "Logout: close the client instead"))
}
