package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
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
	model, err := c.codec.indexModel(keys, opts)
	if err != nil {
		return failed[string](c.db.client, err)
	}
	return createIndexes(ctx, c, []indexModel{model}, nil, func(names []string) string { return names[0] })
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
	models, err := c.codec.indexModels(indexes)
	if err != nil {
		return failed[[]string](c.db.client, err)
	}
	return createIndexes(ctx, c, models, opts, func(names []string) []string { return names })
}

// createIndexes creates indexes. The result is what result makes of their names.
func createIndexes[T any](
	ctx context.Context, c *collection, models []indexModel, opts []options.Lister[options.CreateIndexesOptions],
	result func(names []string) T,
) *future.Future[T] {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = *m.options.Name
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
	ctx context.Context, now moment, models []indexModel, opts []options.Lister[options.CreateIndexesOptions],
) (func(context.Context, *mongo.Collection) error, error) {
	if now.byCommand(ctx) {
		f, err := createIndexesCommand(c, models, opts)
		if err != nil {
			return nil, err
		}
		return f.sender(now), nil
	}
	return func(ctx context.Context, coll *mongo.Collection) error {
		all := make([]mongo.IndexModel, len(models))
		for i, m := range models {
			all[i] = m.driver()
		}
		_, err := coll.Indexes().CreateMany(ctx, all, opts...)
		return err
	}, nil
}

// createIndexesCommand returns the command that the driver's CreateMany sends.
func createIndexesCommand(
	c *collection, models []indexModel, opts []options.Lister[options.CreateIndexesOptions],
) (*fields, error) {
	f := &fields{codec: &c.codec}
	f.add("createIndexes", c.name)
	o, err := applied(opts)
	f.check(err)
	f.value("commitQuorum", o.CommitQuorum)
	statements := make([]bson.Raw, len(models))
	for i, m := range models {
		statements[i], err = m.statement(&c.codec)
		f.check(err)
	}
	f.add("indexes", statements)
	return f, f.err
}

// sender returns what sends the fields as a command, with the write concern of a moment.
func (f *fields) sender(now moment) func(context.Context, *mongo.Collection) error {
	f.add("writeConcern", now.write.wire)
	command := f.doc
	return func(ctx context.Context, coll *mongo.Collection) error {
		return coll.Database().RunCommand(ctx, command).Err()
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
		keys, err := c.codec.encodeIndexKeys(indexOrName)
		if err != nil {
			return failed[struct{}](c.db.client, err)
		}
		name = indexName(keys)
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
		f := &fields{codec: &c.codec, doc: bson.D{{Key: "dropIndexes", Value: c.name}, {Key: "index", Value: name}}}
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
