package specs

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// byDriver calls the driver directly. It is the reference.
type byDriver struct{}

func (byDriver) partial() bool { return true }
func (byDriver) ofMotor() bool { return false }
func (byDriver) close()        {}

func (byDriver) newClient(uri string, opts *options.ClientOptions) (any, func(context.Context) error, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri), opts)
	if err != nil {
		return nil, nil, err
	}
	return driverClient{client}, client.Disconnect, nil
}

func (byDriver) database(client any, name string, opts *options.DatabaseOptionsBuilder) any {
	return driverDatabase{client.(driverClient).Database(name, opts)}
}

func (byDriver) collection(database any, name string, opts *options.CollectionOptionsBuilder) any {
	return driverCollection{database.(driverDatabase).Collection(name, opts)}
}

func (byDriver) bucket(database any, opts *options.BucketOptionsBuilder) (any, error) {
	return database.(driverDatabase).GridFSBucket(opts), nil
}

func (byDriver) call(ctx context.Context, handle any, method string, args, opts []any) (outcome, error) {
	m, err := methodOf(handle, method)
	if err != nil {
		return outcome{}, err
	}
	in, err := inputs(m, ctx, args, opts, nil)
	if err != nil {
		return outcome{}, err
	}
	o := outcomeOf(m.Call(in))
	switch r := o.result.(type) {
	case *mongo.SingleResult:
		raw, err := r.Raw()
		if errors.Is(err, mongo.ErrNoDocuments) {
			err = nil
		}
		return outcome{raw, err}, nil
	case *mongo.DistinctResult:
		raw, err := r.Raw()
		return outcome{raw, err}, nil
	}
	return o, nil
}

func (byDriver) withTransaction(ctx context.Context, session any, opts *options.TransactionOptionsBuilder, fn func() error) error {
	_, err := session.(*mongo.Session).WithTransaction(ctx, func(context.Context) (any, error) { return nil, fn() }, opts)
	return err
}

// The driver's handles, with motor's names where the driver's names differ.
type (
	driverClient     struct{ *mongo.Client }
	driverDatabase   struct{ *mongo.Database }
	driverCollection struct{ *mongo.Collection }
)

func (d driverDatabase) Command(ctx context.Context, command any, opts ...options.Lister[options.RunCmdOptions]) *mongo.SingleResult {
	return d.RunCommand(ctx, command, opts...)
}

func (d driverDatabase) CursorCommand(ctx context.Context, command any, opts ...options.Lister[options.RunCmdOptions]) (*mongo.Cursor, error) {
	return d.RunCommandCursor(ctx, command, opts...)
}

func (d driverDatabase) DropCollection(ctx context.Context, name string, opts ...options.Lister[options.DropCollectionOptions]) error {
	return d.Collection(name).Drop(ctx, opts...)
}

func (c driverCollection) CreateIndex(ctx context.Context, keys any, opts ...options.Lister[options.IndexOptions]) (string, error) {
	all := options.Index()
	for _, opt := range opts {
		all.Opts = append(all.Opts, opt.List()...)
	}
	return c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: all})
}

func (c driverCollection) CreateIndexes(ctx context.Context, models []mongo.IndexModel, opts ...options.Lister[options.CreateIndexesOptions]) ([]string, error) {
	return c.Indexes().CreateMany(ctx, models, opts...)
}

func (c driverCollection) ListIndexes(ctx context.Context, opts ...options.Lister[options.ListIndexesOptions]) (*mongo.Cursor, error) {
	return c.Indexes().List(ctx, opts...)
}

func (c driverCollection) DropIndex(ctx context.Context, name string, opts ...options.Lister[options.DropIndexesOptions]) error {
	return c.Indexes().DropOne(ctx, name, opts...)
}

func (c driverCollection) DropIndexes(ctx context.Context, opts ...options.Lister[options.DropIndexesOptions]) error {
	return c.Indexes().DropAll(ctx, opts...)
}

func (c driverCollection) CreateSearchIndex(ctx context.Context, model mongo.SearchIndexModel) (string, error) {
	return c.SearchIndexes().CreateOne(ctx, model)
}

func (c driverCollection) CreateSearchIndexes(ctx context.Context, models []mongo.SearchIndexModel) ([]string, error) {
	return c.SearchIndexes().CreateMany(ctx, models)
}

func (c driverCollection) DropSearchIndex(ctx context.Context, name string) error {
	return c.SearchIndexes().DropOne(ctx, name)
}

func (c driverCollection) UpdateSearchIndex(ctx context.Context, name string, definition any) error {
	return c.SearchIndexes().UpdateOne(ctx, name, definition)
}

func (c driverCollection) ListSearchIndexes(ctx context.Context, name string, opts ...options.Lister[options.ListSearchIndexesOptions]) (*mongo.Cursor, error) {
	which := options.SearchIndexes()
	if name != "" {
		which.SetName(name)
	}
	return c.SearchIndexes().List(ctx, which, opts...)
}

// Rename sends a command, since the driver has no method for it.
func (c driverCollection) Rename(ctx context.Context, newName string) *mongo.SingleResult {
	db := c.Database()
	return db.Client().Database("admin").RunCommand(ctx, bson.D{
		{Key: "renameCollection", Value: db.Name() + "." + c.Name()},
		{Key: "to", Value: db.Name() + "." + newName},
	})
}
