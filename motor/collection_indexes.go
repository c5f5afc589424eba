package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// CreateIndex creates an index. The result is its name, which is made of the keys unless the options give one. keys is
// the name of a single key, which is ascending, or a document of keys and their directions or kinds:
//
//	coll.CreateIndex(ctx, "name")                                              // name_1
//	coll.CreateIndex(ctx, bson.D{{"age", motor.Descending}, {"name", 1}})      // age_-1_name_1
//	coll.CreateIndex(ctx, bson.D{{"about", "text"}}, options.Index().SetName("words"))
//
// Creating an index that is there already is no error.
//
// Errors: [TypeError] for nil, for a map of several keys (the order of which would be lost), and for a direction that
// is none; [ValueError] where there is no key; [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.create_index.
func (c *collection) CreateIndex(ctx context.Context, keys any, opts ...options.Lister[options.IndexOptions]) *future.Future[string] {
	model, err := c.codec.index(keys, opts)
	if err != nil {
		return failed[string](c.db.client, err)
	}
	return createIndexes(ctx, c, []command.Index{model}, nil, func(names []string) string { return names[0] })
}

// CreateIndexes creates indexes with one command. The result is their names, in their order. The keys of each are
// given as in [Collection.CreateIndex].
//
// Errors: [TypeError] where there is no index, and those of CreateIndex.
//
// Motor: MotorCollection.create_indexes.
func (c *collection) CreateIndexes(
	ctx context.Context, indexes []mongo.IndexModel, opts ...options.Lister[options.CreateIndexesOptions],
) *future.Future[[]string] {
	models, err := c.codec.indexes(indexes)
	if err != nil {
		return failed[[]string](c.db.client, err)
	}
	return createIndexes(ctx, c, models, opts, func(names []string) []string { return names })
}

// createIndexes creates indexes. The result is what result makes of their names.
func createIndexes[T any](
	ctx context.Context, c *collection, models []command.Index, opts []options.Lister[options.CreateIndexesOptions],
	result func(names []string) T,
) *future.Future[T] {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name()
	}
	now := c.now()
	create, err := c.creating(ctx, now, models, opts)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		if err := create(ctx, coll); err != nil {
			return none, err
		}
		return result(names), nil
	}))
}

// creating returns what creates indexes, with the concerns of a moment.
func (c *collection) creating(
	ctx context.Context, now moment, models []command.Index, opts []options.Lister[options.CreateIndexesOptions],
) (func(context.Context, *mongo.Collection) error, error) {
	if now.byCommand(ctx) {
		o, err := mergeOptions(opts)
		f := &arguments{command.CreateIndexes(c.codec.Codec, c.name, models, o)}
		f.Check(err)
		return f.sender(now), f.err()
	}
	return func(ctx context.Context, coll *mongo.Collection) error {
		all := make([]mongo.IndexModel, len(models))
		for i, m := range models {
			all[i] = m.Driver()
		}
		_, err := coll.Indexes().CreateMany(ctx, all, opts...)
		return err
	}, nil
}

// sender returns a function that sends the command, with the write concern of a moment.
func (a *arguments) sender(now moment) func(context.Context, *mongo.Collection) error {
	a.Add("writeConcern", now.write.wire)
	cmd := a.Fields()
	return func(ctx context.Context, coll *mongo.Collection) error {
		return coll.Database().RunCommand(ctx, cmd).Err()
	}
}

// DropIndex removes an index: the one of this name, or, given keys, the one that [Collection.CreateIndex] creates of
// them without a name. "*" stands for all indexes but that of _id. Dropping from a collection that is not there is no
// error.
//
// Errors: [OperationFailure] if there is no such index; [TypeError] and [ValueError] for keys that are none, or an
// empty name; [WriteConcernError].
//
// Motor: MotorCollection.drop_index.
func (c *collection) DropIndex(ctx context.Context, indexOrName any, opts ...options.Lister[options.DropIndexesOptions]) *future.Future[struct{}] {
	name, ok := indexOrName.(string)
	if ok && name == "" {
		return failed[struct{}](c.db.client, newError(ValueError, "the name of an index cannot be empty"))
	}
	if !ok {
		keys, err := command.IndexKeys(c.codec.Codec, indexOrName)
		if err != nil {
			return failed[struct{}](c.db.client, codecError(err))
		}
		name = command.IndexName(keys)
	}
	return dropIndex(ctx, c, name, opts)
}

// DropIndexes removes all indexes but that of _id. Dropping from a collection that is not there is no error.
//
// Errors: [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.drop_indexes.
func (c *collection) DropIndexes(ctx context.Context, opts ...options.Lister[options.DropIndexesOptions]) *future.Future[struct{}] {
	return dropIndex(ctx, c, allIndexes, opts)
}

// allIndexes is what the server takes for all names.
const allIndexes = "*"

func dropIndex(
	ctx context.Context, c *collection, name string, opts []options.Lister[options.DropIndexesOptions],
) *future.Future[struct{}] {
	now := c.now()
	drop := func(ctx context.Context, coll *mongo.Collection) error {
		if name == allIndexes {
			return coll.Indexes().DropAll(ctx, opts...)
		}
		return coll.Indexes().DropOne(ctx, name, opts...)
	}
	if now.byCommand(ctx) {
		f := c.codec.command(bson.E{Key: "dropIndexes", Value: c.name}, bson.E{Key: "index", Value: name})
		drop = f.sender(now)
	}
	gone := name
	if name == allIndexes {
		gone = ""
	}
	return submit(ctx, c.db.client, writeOp(ctx, c, now, nil, invalidating(c, gone, func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, unlessMissing(drop(ctx, coll))
	})))
}
