package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

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
