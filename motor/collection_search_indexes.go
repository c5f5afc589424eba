package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// The indexes of Atlas Search. Their commands have neither a read nor a write concern, and are over before what they
// ask for is done: ListSearchIndexes tells how far that has come.

// CreateSearchIndex asks for a search index. The result is its name. Only MongoDB Atlas has search indexes.
//
// Errors: [TypeError] for a definition that is nil or no document, [InvalidDocument] for one that cannot be encoded;
// [OperationFailure], from other servers always.
//
// Motor: MotorCollection.create_search_index.
func (c *collection) CreateSearchIndex(
	ctx context.Context, model mongo.SearchIndexModel, opts ...options.Lister[options.CreateSearchIndexesOptions],
) *future.Future[string] {
	return createSearchIndexes(ctx, c, []mongo.SearchIndexModel{model}, opts, func(names []string) (string, error) {
		if len(names) == 0 {
			return "", newError(ProtocolError, "CreateSearchIndex: the reply names no index")
		}
		return names[0], nil
	})
}

// CreateSearchIndexes asks for search indexes with one command. The result is their names, in their order. Only
// MongoDB Atlas has search indexes.
//
// Errors: [TypeError] where there is no index, and those of CreateSearchIndex.
//
// Motor: MotorCollection.create_search_indexes.
func (c *collection) CreateSearchIndexes(
	ctx context.Context, models []mongo.SearchIndexModel, opts ...options.Lister[options.CreateSearchIndexesOptions],
) *future.Future[[]string] {
	return createSearchIndexes(ctx, c, models, opts, func(names []string) ([]string, error) { return names, nil })
}

// createSearchIndexes asks for search indexes. The result is what result makes of their names.
func createSearchIndexes[T any](
	ctx context.Context, c *collection, models []mongo.SearchIndexModel,
	opts []options.Lister[options.CreateSearchIndexesOptions], result func(names []string) (T, error),
) *future.Future[T] {
	var err error
	if len(models) == 0 {
		err = newError(TypeError, "search indexes must have at least one index")
	}
	all := make([]mongo.SearchIndexModel, len(models))
	for i, m := range models {
		definition, e := c.codec.encode("definition", m.Definition)
		err = firstError(err, e)
		all[i] = mongo.SearchIndexModel{Definition: definition, Options: m.Options}
	}
	return submit(ctx, c.db.client, collectionOp(c, c.now(), err, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		names, err := coll.SearchIndexes().CreateMany(ctx, all, opts...)
		if err != nil {
			return none, err
		}
		return result(names)
	}))
}

// DropSearchIndex asks for the removal of a search index. That the collection is not there is no error. Only MongoDB
// Atlas has search indexes.
//
// Errors: [OperationFailure], from other servers always.
//
// Motor: MotorCollection.drop_search_index.
func (c *collection) DropSearchIndex(
	ctx context.Context, name string, opts ...options.Lister[options.DropSearchIndexOptions],
) *future.Future[struct{}] {
	_, err := mergeOptions(opts)
	f := c.codec.command()
	f.Check(err)
	f.Add("dropSearchIndex", c.name)
	f.Add("name", name)
	return searchIndexCommand(ctx, c, f, unlessMissing)
}

// UpdateSearchIndex asks for another definition of a search index. Only MongoDB Atlas has search indexes.
//
// Errors: [TypeError] for a definition that is nil or no document, [InvalidDocument] for one that cannot be encoded;
// [OperationFailure], from other servers always.
//
// Motor: MotorCollection.update_search_index.
func (c *collection) UpdateSearchIndex(
	ctx context.Context, name string, definition any, opts ...options.Lister[options.UpdateSearchIndexOptions],
) *future.Future[struct{}] {
	raw, err := c.codec.encode("definition", definition)
	if _, e := mergeOptions(opts); err == nil {
		err = e
	}
	f := c.codec.command()
	f.Check(err)
	f.Add("updateSearchIndex", c.name)
	f.Add("name", name)
	f.Add("definition", raw)
	return searchIndexCommand(ctx, c, f, func(err error) error { return err })
}

// searchIndexCommand sends a command of which the driver's own method gives out errors of an internal type. What comes
// of it is what outcome makes of its error.
func searchIndexCommand(ctx context.Context, c *collection, f *arguments, outcome func(error) error) *future.Future[struct{}] {
	command := f.Raw()
	return submit(ctx, c.db.client, collectionOp(c, c.now(), f.err(), func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, outcome(coll.Database().RunCommand(ctx, command).Err())
	}))
}

// ListSearchIndexes returns a cursor over descriptions of the collection's search indexes, or of the one of this name;
// an empty name stands for all. It does no I/O: the command is sent when the cursor is first read. Only MongoDB Atlas
// has search indexes.
//
// Errors of reading: [OperationFailure], from other servers always.
//
// Motor: MotorCollection.list_search_indexes.
func (c *collection) ListSearchIndexes(name string, opts ...options.Lister[options.ListSearchIndexesOptions]) *CommandCursor[bson.M] {
	set, err := mergeOptions(opts)
	which := options.SearchIndexes()
	if name != "" {
		which.SetName(name)
	}
	send := func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		own := set
		if size != nil {
			var aggregate options.AggregateOptions
			if set.AggregateOptions != nil {
				aggregate = *set.AggregateOptions
			}
			aggregate.BatchSize = size
			own.AggregateOptions = &aggregate
		}
		return c.in(client).SearchIndexes().List(ctx, which, &command.Literal[options.ListSearchIndexesOptions]{Options: own})
	}
	return newCommandCursor(withDocuments[bson.M](c), err, send)
}
