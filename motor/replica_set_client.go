package motor

import (
	"context"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
)

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
