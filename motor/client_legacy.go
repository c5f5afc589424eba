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

// FsyncOptions say what [Client.Fsync] does besides flushing.
type FsyncOptions struct {
	Lock  bool // hold up all writes until Unlock
	Async bool // do not wait for the flush
}

// Fsync has the server write everything to its files. Lock and Async together are a [ConfigurationError].
//
// Legacy: use Command(ctx, bson.D{{"fsync", 1}}). Motor: MotorClient.fsync.
func (c *Client) Fsync(ctx context.Context, how FsyncOptions) *future.Future[struct{}] {
	if how.Lock && how.Async {
		return failed[struct{}](c, newError(ConfigurationError, "Fsync: Lock and Async cannot be used together"))
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

// Unlock lets writes pass again after Fsync with Lock. A server that is not locked is no error.
//
// Legacy: use Command(ctx, "fsyncUnlock"). Motor: MotorClient.unlock.
func (c *Client) Unlock(ctx context.Context) *future.Future[struct{}] {
	return inAdmin(ctx, c, bson.D{{Key: "fsyncUnlock", Value: 1}}, func(_ bson.M, err error) (struct{}, error) {
		var e *Error
		if errors.As(err, &e) && e.Code() == codeIllegalOperation { // not locked
			err = nil
		}
		return struct{}{}, err
	})
}

const codeIllegalOperation = 125

// IsLocked reports whether the server is locked by Fsync.
//
// Legacy: use Command(ctx, "currentOp"). Motor: MotorClient.is_locked.
func (c *Client) IsLocked(ctx context.Context) *future.Future[bool] {
	return inAdmin(ctx, c, bson.D{{Key: "currentOp", Value: 1}}, func(reply bson.M, err error) (bool, error) {
		locked, _ := reply["fsyncLock"].(bool)
		return locked, err
	})
}

// inAdmin is ask for the admin database.
func inAdmin[T any](ctx context.Context, c *Client, command bson.D, result func(bson.M, error) (T, error)) *future.Future[T] {
	return ask(ctx, c.Database("admin"), command, result)
}

// ReplicaSetClient is a [Client] of a replica set: it insists on the name of the set, and [ReplicaSetClient.Open] on
// a primary. A Client can do all the rest as well, also where there is a replica set.
//
//	motor.NewReplicaSetClient("a:27017,b:27017", motor.WithOptions(map[string]any{"replicaSet": "rs"}))
//
// Motor: MotorReplicaSetClient.
type ReplicaSetClient struct {
	*Client
}

// NewReplicaSetClient returns a client for the replica set some members of which hostsOrURI names, as [NewClient]
// does for a host.
//
// Errors: [ConfigurationError] without the set's name, which the connection string or [WithOptions] gives as
// replicaSet; and as of NewClient.
//
// Motor: MotorReplicaSetClient(hosts_or_uri, replicaSet=...).
func NewReplicaSetClient(hostsOrURI string, opts ...ClientOption) (*ReplicaSetClient, error) {
	c, err := NewClient(hostsOrURI, opts...)
	if err != nil {
		return nil, err
	}
	// With mongodb+srv, the DNS may have the name.
	if name := c.driver.ReplicaSet; c.resolve == nil && (name == nil || *name == "") {
		return nil, newError(ConfigurationError, "a client of a replica set has to be told its name: the option replicaSet is missing")
	}
	return &ReplicaSetClient{c}, nil
}

// Open checks that the replica set can be reached and has a primary. The result is the client itself. Open need not be
// called: the first operation opens the client.
//
// Errors: [AutoReconnect] ([ServerSelectionTimeoutError]) if there is no primary within serverSelectionTimeoutMS.
//
// Motor: MotorReplicaSetClient.open.
func (c *ReplicaSetClient) Open(ctx context.Context) *future.Future[*ReplicaSetClient] {
	return submit(ctx, c.Client, driverOp(func(ctx context.Context, d *mongo.Client) (*ReplicaSetClient, error) {
		return c, d.Ping(ctx, readpref.Primary())
	}))
}

// Refresh asks a member of the replica set whether it is there, and looks for one if none is known. What the others
// are doing, the driver's monitors find out by themselves, all the time.
//
// Errors: [AutoReconnect] ([ServerSelectionTimeoutError]) if no member can be reached.
//
// Legacy: use Alive. Motor: MotorReplicaSetClient.refresh.
func (c *ReplicaSetClient) Refresh(ctx context.Context) *future.Future[struct{}] {
	return submit(ctx, c.Client, driverOp(func(ctx context.Context, d *mongo.Client) (struct{}, error) {
		return struct{}{}, d.Ping(ctx, readpref.Nearest())
	}))
}

// ReplicaSetName returns the name of the replica set, or "" if the DNS has it and has not been asked.
func (c *ReplicaSetClient) ReplicaSetName() string {
	if name := c.driver.ReplicaSet; name != nil {
		return *name
	}
	return c.TopologyDescription().SetName
}

// String names the client by the hosts that it was made for, never with its credentials.
func (c *ReplicaSetClient) String() string {
	return fmt.Sprintf("motor.ReplicaSetClient(%s", strings.TrimPrefix(c.Client.String(), "motor.Client("))
}
