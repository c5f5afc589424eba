package motor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
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
// Legacy: use Database.Command on the database admin, with bson.D{{"fsync", 1}}. Motor: MotorClient.fsync.
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
// Legacy: use Database.Command on the database admin, with "fsyncUnlock". Motor: MotorClient.unlock.
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
// Legacy: use Database.Command on the database admin, with "currentOp". Motor: MotorClient.is_locked.
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

// The methods below are those of the embedded Client. They are declared because go doc does not show methods that a
// type gets by embedding an exported type.

// BulkWrite is [Client.BulkWrite].
func (c *ReplicaSetClient) BulkWrite(
	ctx context.Context, writes []mongo.ClientBulkWrite, opts ...options.Lister[options.ClientBulkWriteOptions],
) *future.Future[*mongo.ClientBulkWriteResult] {
	return c.Client.BulkWrite(ctx, writes, opts...)
}

// Watch is [Client.Watch].
func (c *ReplicaSetClient) Watch(
	pipeline any, opts ...options.Lister[options.ChangeStreamOptions],
) *ChangeStream[bson.M] {
	return c.Client.Watch(pipeline, opts...)
}

// Close is [Client.Close].
//
// Motor: MotorReplicaSetClient.close.
func (c *ReplicaSetClient) Close(ctx context.Context) error { return c.Client.Close(ctx) }

// Disconnect is [Client.Disconnect].
//
// Motor: MotorReplicaSetClient.disconnect.
func (c *ReplicaSetClient) Disconnect(ctx context.Context) error { return c.Client.Disconnect(ctx) }

// Database is [Client.Database].
//
// Motor: MotorReplicaSetClient.get_database.
func (c *ReplicaSetClient) Database(name string, opts ...options.Lister[options.DatabaseOptions]) *Database {
	return c.Client.Database(name, opts...)
}

// Stats is [Client.Stats].
func (c *ReplicaSetClient) Stats() future.PoolStats { return c.Client.Stats() }

// MaxWorkers is [Client.MaxWorkers].
func (c *ReplicaSetClient) MaxWorkers() int { return c.Client.MaxWorkers() }

// IOLoop is [Client.IOLoop].
//
// Motor: MotorReplicaSetClient.get_io_loop, MotorReplicaSetClient.io_loop.
func (c *ReplicaSetClient) IOLoop() future.Executor { return c.Client.IOLoop() }

// Delegate is [Client.Delegate].
//
// Motor: MotorReplicaSetClient.delegate, MotorReplicaSetClient.sync_client.
func (c *ReplicaSetClient) Delegate(ctx context.Context) *future.Future[*mongo.Client] {
	return c.Client.Delegate(ctx)
}

// TZAware is [Client.TZAware].
//
// Motor: MotorReplicaSetClient.tz_aware.
func (c *ReplicaSetClient) TZAware() bool { return c.Client.TZAware() }

// SetTZAware is [Client.SetTZAware].
//
// Motor: MotorReplicaSetClient.tz_aware.
func (c *ReplicaSetClient) SetTZAware(aware bool) { c.Client.SetTZAware(aware) }

// GetDefaultDatabase is [Client.GetDefaultDatabase].
//
// Motor: MotorReplicaSetClient.get_default_database.
func (c *ReplicaSetClient) GetDefaultDatabase(opts ...options.Lister[options.DatabaseOptions]) (*Database, error) {
	return c.Client.GetDefaultDatabase(opts...)
}

// ListDatabaseNames is [Client.ListDatabaseNames].
func (c *ReplicaSetClient) ListDatabaseNames(
	ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions],
) *future.Future[[]string] {
	return c.Client.ListDatabaseNames(ctx, filter, opts...)
}

// DatabaseNames is [Client.DatabaseNames].
//
// Motor: MotorReplicaSetClient.database_names.
func (c *ReplicaSetClient) DatabaseNames(ctx context.Context) *future.Future[[]string] {
	return c.Client.DatabaseNames(ctx)
}

// DropDatabase is [Client.DropDatabase].
//
// Motor: MotorReplicaSetClient.drop_database.
func (c *ReplicaSetClient) DropDatabase(ctx context.Context, nameOrDatabase any) *future.Future[struct{}] {
	return c.Client.DropDatabase(ctx, nameOrDatabase)
}

// Alive is [Client.Alive].
//
// Motor: MotorReplicaSetClient.alive.
func (c *ReplicaSetClient) Alive(ctx context.Context) *future.Future[bool] {
	return c.Client.Alive(ctx)
}

// ListDatabases is [Client.ListDatabases].
func (c *ReplicaSetClient) ListDatabases(
	ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions],
) *future.Future[*CommandCursor[bson.M]] {
	return c.Client.ListDatabases(ctx, filter, opts...)
}

// ServerInfo is [Client.ServerInfo].
//
// Motor: MotorReplicaSetClient.server_info.
func (c *ReplicaSetClient) ServerInfo(ctx context.Context) *future.Future[bson.M] {
	return c.Client.ServerInfo(ctx)
}

// Fsync is [Client.Fsync].
func (c *ReplicaSetClient) Fsync(ctx context.Context, how FsyncOptions) *future.Future[struct{}] {
	return c.Client.Fsync(ctx, how)
}

// Unlock is [Client.Unlock].
func (c *ReplicaSetClient) Unlock(ctx context.Context) *future.Future[struct{}] {
	return c.Client.Unlock(ctx)
}

// IsLocked is [Client.IsLocked].
func (c *ReplicaSetClient) IsLocked(ctx context.Context) *future.Future[bool] {
	return c.Client.IsLocked(ctx)
}

// Options is [Client.Options].
func (c *ReplicaSetClient) Options() *options.ClientOptions { return c.Client.Options() }

// MaxPoolSize is [Client.MaxPoolSize].
//
// Motor: MotorReplicaSetClient.max_pool_size.
func (c *ReplicaSetClient) MaxPoolSize() int { return c.Client.MaxPoolSize() }

// MinPoolSize is [Client.MinPoolSize].
func (c *ReplicaSetClient) MinPoolSize() int { return c.Client.MinPoolSize() }

// MaxIdleTimeMS is [Client.MaxIdleTimeMS].
func (c *ReplicaSetClient) MaxIdleTimeMS() int { return c.Client.MaxIdleTimeMS() }

// ReadConcern is [Client.ReadConcern].
func (c *ReplicaSetClient) ReadConcern() *readconcern.ReadConcern { return c.Client.ReadConcern() }

// RetryReads is [Client.RetryReads].
func (c *ReplicaSetClient) RetryReads() bool { return c.Client.RetryReads() }

// RetryWrites is [Client.RetryWrites].
func (c *ReplicaSetClient) RetryWrites() bool { return c.Client.RetryWrites() }

// ServerSelectionTimeout is [Client.ServerSelectionTimeout].
func (c *ReplicaSetClient) ServerSelectionTimeout() time.Duration {
	return c.Client.ServerSelectionTimeout()
}

// EventListeners is [Client.EventListeners].
func (c *ReplicaSetClient) EventListeners() []any { return c.Client.EventListeners() }

// SecondaryAcceptableLatencyMS is [Client.SecondaryAcceptableLatencyMS].
//
// Motor: MotorReplicaSetClient.secondary_acceptable_latency_ms.
func (c *ReplicaSetClient) SecondaryAcceptableLatencyMS() int {
	return c.Client.SecondaryAcceptableLatencyMS()
}

// SetSecondaryAcceptableLatencyMS is [Client.SetSecondaryAcceptableLatencyMS].
//
// Motor: MotorReplicaSetClient.secondary_acceptable_latency_ms.
func (c *ReplicaSetClient) SetSecondaryAcceptableLatencyMS(ms int) error {
	return c.Client.SetSecondaryAcceptableLatencyMS(ms)
}

// LocalThresholdMS is [Client.LocalThresholdMS].
//
// Motor: MotorReplicaSetClient.local_threshold_ms.
func (c *ReplicaSetClient) LocalThresholdMS() int { return c.Client.LocalThresholdMS() }

// CodecOptions is [Client.CodecOptions].
//
// Motor: MotorReplicaSetClient.uuid_subtype, MotorReplicaSetClient.codec_options.
func (c *ReplicaSetClient) CodecOptions() CodecOptions { return c.Client.CodecOptions() }

// WriteConcern is [Client.WriteConcern].
//
// Motor: MotorReplicaSetClient.write_concern.
func (c *ReplicaSetClient) WriteConcern() *WriteConcern { return c.Client.WriteConcern() }

// SetWriteConcern is [Client.SetWriteConcern].
//
// Motor: MotorReplicaSetClient.write_concern.
func (c *ReplicaSetClient) SetWriteConcern(dictionary any) error {
	return c.Client.SetWriteConcern(dictionary)
}

// ReadPreference is [Client.ReadPreference].
//
// Motor: MotorReplicaSetClient.read_preference.
func (c *ReplicaSetClient) ReadPreference() readpref.Mode { return c.Client.ReadPreference() }

// SetReadPreference is [Client.SetReadPreference].
//
// Motor: MotorReplicaSetClient.read_preference.
func (c *ReplicaSetClient) SetReadPreference(mode readpref.Mode) error {
	return c.Client.SetReadPreference(mode)
}

// TagSets is [Client.TagSets].
//
// Motor: MotorReplicaSetClient.tag_sets.
func (c *ReplicaSetClient) TagSets() []map[string]string { return c.Client.TagSets() }

// SetTagSets is [Client.SetTagSets].
//
// Motor: MotorReplicaSetClient.tag_sets.
func (c *ReplicaSetClient) SetTagSets(sets []map[string]string) error {
	return c.Client.SetTagSets(sets)
}

// CopyDatabase is [Client.CopyDatabase].
//
// Motor: MotorReplicaSetClient.copy_database.
func (c *ReplicaSetClient) CopyDatabase(
	ctx context.Context, from, to string, opts ...CopyOption,
) *future.Future[*CopyResult] {
	return c.Client.CopyDatabase(ctx, from, to, opts...)
}

// CloseCursor is [Client.CloseCursor].
//
// Motor: MotorReplicaSetClient.close_cursor.
func (c *ReplicaSetClient) CloseCursor(ctx context.Context, id int64) *future.Future[struct{}] {
	return c.Client.CloseCursor(ctx, id)
}

// KillCursors is [Client.KillCursors].
func (c *ReplicaSetClient) KillCursors(ctx context.Context, ids []int64) *future.Future[struct{}] {
	return c.Client.KillCursors(ctx, ids)
}

// StartSession is [Client.StartSession].
func (c *ReplicaSetClient) StartSession(
	ctx context.Context, opts ...options.Lister[options.SessionOptions],
) *future.Future[*Session] {
	return c.Client.StartSession(ctx, opts...)
}

// Host is [Client.Host].
func (c *ReplicaSetClient) Host() string { return c.Client.Host() }

// Port is [Client.Port].
func (c *ReplicaSetClient) Port() int { return c.Client.Port() }

// Address is [Client.Address].
//
// Motor: MotorReplicaSetClient.address.
func (c *ReplicaSetClient) Address() (address Address, ok bool) { return c.Client.Address() }

// Nodes is [Client.Nodes].
func (c *ReplicaSetClient) Nodes() []Address { return c.Client.Nodes() }

// Seeds is [Client.Seeds].
//
// Motor: MotorReplicaSetClient.seeds.
func (c *ReplicaSetClient) Seeds() []Address { return c.Client.Seeds() }

// Hosts is [Client.Hosts].
//
// Motor: MotorReplicaSetClient.hosts.
func (c *ReplicaSetClient) Hosts() []Address { return c.Client.Hosts() }

// Primary is [Client.Primary].
//
// Motor: MotorReplicaSetClient.primary.
func (c *ReplicaSetClient) Primary() (address Address, ok bool) { return c.Client.Primary() }

// Secondaries is [Client.Secondaries].
//
// Motor: MotorReplicaSetClient.secondaries.
func (c *ReplicaSetClient) Secondaries() []Address { return c.Client.Secondaries() }

// Arbiters is [Client.Arbiters].
//
// Motor: MotorReplicaSetClient.arbiters.
func (c *ReplicaSetClient) Arbiters() []Address { return c.Client.Arbiters() }

// IsPrimary is [Client.IsPrimary].
//
// Motor: MotorReplicaSetClient.is_primary.
func (c *ReplicaSetClient) IsPrimary() bool { return c.Client.IsPrimary() }

// IsMongos is [Client.IsMongos].
//
// Motor: MotorReplicaSetClient.is_mongos.
func (c *ReplicaSetClient) IsMongos() bool { return c.Client.IsMongos() }

// Connected is [Client.Connected].
//
// Motor: MotorReplicaSetClient.connected.
func (c *ReplicaSetClient) Connected() bool { return c.Client.Connected() }

// MaxBSONSize is [Client.MaxBSONSize].
//
// Motor: MotorReplicaSetClient.max_bson_size.
func (c *ReplicaSetClient) MaxBSONSize() int { return c.Client.MaxBSONSize() }

// MaxMessageSize is [Client.MaxMessageSize].
//
// Motor: MotorReplicaSetClient.max_message_size.
func (c *ReplicaSetClient) MaxMessageSize() int { return c.Client.MaxMessageSize() }

// MaxWriteBatchSize is [Client.MaxWriteBatchSize].
//
// Motor: MotorReplicaSetClient.max_write_batch_size.
func (c *ReplicaSetClient) MaxWriteBatchSize() int { return c.Client.MaxWriteBatchSize() }

// MinWireVersion is [Client.MinWireVersion].
//
// Motor: MotorReplicaSetClient.min_wire_version.
func (c *ReplicaSetClient) MinWireVersion() int { return c.Client.MinWireVersion() }

// MaxWireVersion is [Client.MaxWireVersion].
//
// Motor: MotorReplicaSetClient.max_wire_version.
func (c *ReplicaSetClient) MaxWireVersion() int { return c.Client.MaxWireVersion() }

// TopologyDescription is [Client.TopologyDescription].
func (c *ReplicaSetClient) TopologyDescription() event.TopologyDescription {
	return c.Client.TopologyDescription()
}
