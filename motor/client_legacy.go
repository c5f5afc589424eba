package motor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
)

// FsyncOptions are the options of [Client.Fsync].
type FsyncOptions struct {
	Lock  bool // block all writes until Unlock
	Async bool // do not wait for the flush
}

// Fsync makes the server write all data to its files. Lock together with Async is a [ConfigurationError].
//
// Legacy: use Command(ctx, bson.D{{"fsync", 1}}). Motor: MotorClient.fsync.
func (c *Client) Fsync(ctx context.Context, how FsyncOptions) *future.Future[struct{}] {
	if how.Lock && how.Async {
		return failed[struct{}](c, newError(ConfigurationError, "Fsync: cannot use both Lock and Async"))
	}
	command := bson.D{{Key: "fsync", Value: 1}}
	if how.Lock {
		command = append(command, bson.E{Key: "lock", Value: true})
	}
	if how.Async {
		command = append(command, bson.E{Key: "async", Value: true})
	}
	return inAdmin(ctx, c, command, func(_ bson.M, err error) (struct{}, error) { return struct{}{}, err })
}

// Unlock allows writes again after Fsync with Lock. It succeeds if the server is not locked.
//
// Legacy: use Command(ctx, "fsyncUnlock"). Motor: MotorClient.unlock.
func (c *Client) Unlock(ctx context.Context) *future.Future[struct{}] {
	return inAdmin(ctx, c, bson.D{{Key: "fsyncUnlock", Value: 1}}, func(_ bson.M, err error) (struct{}, error) {
		var e *Error
		if errors.As(err, &e) && (e.Code() == codeCommandFailed || e.Code() == codeIllegalOperation) { // not locked
			err = nil
		}
		return struct{}{}, err
	})
}

// The codes of fsyncUnlock when the server is not locked, before version 4.4 and since.
const (
	codeCommandFailed    = 125
	codeIllegalOperation = 20
)

// IsLocked reports whether the server is locked by Fsync.
//
// Legacy: use Command(ctx, "currentOp"). Motor: MotorClient.is_locked.
func (c *Client) IsLocked(ctx context.Context) *future.Future[bool] {
	return inAdmin(ctx, c, bson.D{{Key: "currentOp", Value: 1}}, func(reply bson.M, err error) (bool, error) {
		locked, _ := reply["fsyncLock"].(bool)
		return locked, err
	})
}

// inAdmin calls ask for the admin database.
func inAdmin[T any](ctx context.Context, c *Client, command bson.D, result func(bson.M, error) (T, error)) *future.Future[T] {
	return ask(ctx, c.Database("admin"), command, result)
}

// ReplicaSetClient is a [Client] that requires a replica set: NewReplicaSetClient requires its name, and
// [ReplicaSetClient.Open] requires a primary. A Client works with replica sets as well.
//
//	motor.NewReplicaSetClient("a:27017,b:27017", motor.WithOptions(map[string]any{"replicaSet": "rs"}))
//
// Motor: MotorReplicaSetClient.
type ReplicaSetClient struct {
	*Client
}

// NewReplicaSetClient returns a client for a replica set. hostsOrURI has one or more of its members, in the format of
// [NewClient].
//
// Errors: [ConfigurationError] without the option replicaSet, in the connection string or in [WithOptions]; those of
// NewClient.
//
// Motor: MotorReplicaSetClient(hosts_or_uri, replicaSet=...).
func NewReplicaSetClient(hostsOrURI string, opts ...ClientOption) (*ReplicaSetClient, error) {
	c, err := NewClient(hostsOrURI, opts...)
	if err != nil {
		return nil, err
	}
	// With mongodb+srv, the DNS may have the name.
	if name := c.driver.ReplicaSet; c.resolve == nil && (name == nil || *name == "") {
		return nil, newError(ConfigurationError, "NewReplicaSetClient: the option replicaSet is missing")
	}
	return &ReplicaSetClient{c}, nil
}

// Open checks that the replica set can be reached and has a primary. The result is the client itself. Calling Open is
// optional, since the first operation opens the client.
//
// Errors: [AutoReconnect] ([ServerSelectionTimeoutError]) if there is no primary within serverSelectionTimeoutMS.
//
// Motor: MotorReplicaSetClient.open.
func (c *ReplicaSetClient) Open(ctx context.Context) *future.Future[*ReplicaSetClient] {
	return submit(ctx, c.Client, driverOp(func(ctx context.Context, d *mongo.Client) (*ReplicaSetClient, error) {
		return c, d.Ping(ctx, readpref.Primary())
	}))
}

// Refresh checks that a member of the replica set answers, and looks for one if none is known. The driver's monitors
// follow the state of all members by themselves.
//
// Errors: [AutoReconnect] ([ServerSelectionTimeoutError]) if no member can be reached.
//
// Legacy: use Alive. Motor: MotorReplicaSetClient.refresh.
func (c *ReplicaSetClient) Refresh(ctx context.Context) *future.Future[struct{}] {
	return submit(ctx, c.Client, driverOp(func(ctx context.Context, d *mongo.Client) (struct{}, error) {
		return struct{}{}, d.Ping(ctx, readpref.Nearest())
	}))
}

// ReplicaSetName returns the name of the replica set. It is "" if the name is in the DNS, which has not been queried
// yet.
func (c *ReplicaSetClient) ReplicaSetName() string {
	if name := c.driver.ReplicaSet; name != nil {
		return *name
	}
	return c.TopologyDescription().SetName
}

// String returns the hosts of the client, never its credentials.
func (c *ReplicaSetClient) String() string {
	return fmt.Sprintf("motor.ReplicaSetClient(%s", strings.TrimPrefix(c.Client.String(), "motor.Client("))
}
