package specs

import (
	"context"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// byFutures uses package motor and awaits every future.
type byFutures struct{}

func (byFutures) partial() bool { return true }
func (byFutures) ofMotor() bool { return true }
func (byFutures) close()        {}

func (byFutures) newClient(uri string, opts *options.ClientOptions) (any, func(context.Context) error, error) {
	client, err := motor.NewClient(uri, motor.WithClientOptions(opts))
	if err != nil {
		return nil, nil, err
	}
	return client, client.Close, nil
}

func (byFutures) database(client any, name string, opts *options.DatabaseOptionsBuilder) any {
	return client.(*motor.Client).Database(name, opts)
}

func (byFutures) collection(database any, name string, opts *options.CollectionOptionsBuilder) any {
	return motor.CollectionOf[bson.Raw](database.(*motor.Database), name, opts)
}

func (byFutures) bucket(database any, opts *options.BucketOptionsBuilder) (any, error) {
	return motor.NewGridFSBucket(database.(*motor.Database), opts)
}

func (byFutures) call(ctx context.Context, handle any, method string, args, opts []any) (outcome, error) {
	m, err := methodOf(handle, method)
	if err != nil {
		return outcome{}, err
	}
	in, err := inputs(m, ctx, args, opts, nil)
	if err != nil {
		return outcome{}, err
	}
	out := m.Call(in)
	if len(out) == 1 {
		if await := out[0].MethodByName("Await"); await.IsValid() {
			out = await.Call([]reflect.Value{reflect.ValueOf(ctx)})
		}
	}
	return outcomeOf(out), nil
}

func (byFutures) withTransaction(ctx context.Context, session any, opts *options.TransactionOptionsBuilder, fn func() error) error {
	_, err := motor.WithTransaction(ctx, session.(*motor.Session), func(context.Context) (any, error) { return nil, fn() }, opts).Await(ctx)
	return err
}
