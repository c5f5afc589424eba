package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/indexcache"
)

// CreateIndex creates an index. The result is its name, which is made from the keys unless the options set it. keys is
// the name of one key, which is ascending, or a document of keys and their directions or kinds:
//
//	coll.CreateIndex(ctx, "name")                                         // name_1
//	coll.CreateIndex(ctx, bson.D{{"age", motor.Descending}, {"name", 1}}) // age_-1_name_1
//	coll.CreateIndex(ctx, bson.D{{"about", "text"}}, options.Index().SetName("words"))
//
// Creating an index that already exists is not an error.
//
// Errors: [TypeError] for nil, for a map of several keys (a map has no order), and for an invalid direction;
// [ValueError] for keys without a key; [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.create_index.
func (c *collection) CreateIndex(ctx context.Context, keys any, opts ...options.Lister[options.IndexOptions]) *future.Future[string] {
	model, err := c.codec.index(keys, opts)
	if err != nil {
		return failed[string](c.db.client, err)
	}
	return createIndex(ctx, c, model, defaultCacheFor)
}

// createIndex creates an index. The client remembers it for some time, so that EnsureIndex does nothing.
func createIndex(ctx context.Context, c *collection, model command.Index, keep time.Duration) *future.Future[string] {
	cache, key := &c.db.client.indexes, indexcache.Key{Database: c.db.name, Collection: c.name, Index: model.Name()}
	before := cache.DropCount()
	return createIndexes(ctx, c, []command.Index{model}, nil, func(names []string) string {
		cache.Add(key, keep, before)
		return names[0]
	})
}

// CreateIndexes creates indexes with one command. The result is a list of their names, in order. See
// [Collection.CreateIndex] for the keys.
//
// Errors: [TypeError] without an index; those of CreateIndex.
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

// createIndexes creates indexes. Its result is result(their names).
func createIndexes[T any](
	ctx context.Context, c *collection, models []command.Index, opts []options.Lister[options.CreateIndexesOptions],
	result func(names []string) T,
) *future.Future[T] {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name()
	}
	now := c.snapshot()
	create, err := c.creating(ctx, now, models, opts)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		if err := create(ctx, coll); err != nil {
			return none, err
		}
		return result(names), nil
	}))
}

// creating returns a function that creates indexes, with the settings now.
func (c *collection) creating(
	ctx context.Context, now settings, models []command.Index, opts []options.Lister[options.CreateIndexesOptions],
) (func(context.Context, *mongo.Collection) error, error) {
	if now.byCommand(ctx) {
		o, err := mergeOptions(opts)
		f := &arguments{command.CreateIndexes(c.codec.Codec, c.name, models, o)}
		f.Check(err)
		return f.sender(now), f.err()
	}
	opts, err := encodeOptions(&c.codec, opts)
	return func(ctx context.Context, coll *mongo.Collection) error {
		all := make([]mongo.IndexModel, len(models))
		for i, m := range models {
			all[i] = m.Driver()
		}
		_, err := coll.Indexes().CreateMany(ctx, all, opts...)
		return err
	}, err
}

// sender returns a function that sends the command, with the write concern of the settings now.
func (a *arguments) sender(now settings) func(context.Context, *mongo.Collection) error {
	a.Add("writeConcern", now.write.wire)
	cmd := a.Fields()
	return func(ctx context.Context, coll *mongo.Collection) error {
		return coll.Database().RunCommand(ctx, cmd).Err()
	}
}

// DropIndex removes an index. The argument is its name, or the keys of an index that [Collection.CreateIndex] created
// without a name. "*" removes all indexes except that of _id. Dropping from a collection that does not exist is not an
// error.
//
// Errors: [OperationFailure] if there is no such index; [TypeError] and [ValueError] for invalid keys; [ValueError] for
// an empty name; [WriteConcernError].
//
// Motor: MotorCollection.drop_index.
func (c *collection) DropIndex(ctx context.Context, indexOrName any, opts ...options.Lister[options.DropIndexesOptions]) *future.Future[struct{}] {
	name, ok := indexOrName.(string)
	if err := checkText("index name", name); err != nil {
		return failed[struct{}](c.db.client, err)
	}
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

// DropIndexes removes all indexes except that of _id. Dropping from a collection that does not exist is not an error.
//
// Errors: [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.drop_indexes.
func (c *collection) DropIndexes(ctx context.Context, opts ...options.Lister[options.DropIndexesOptions]) *future.Future[struct{}] {
	return dropIndex(ctx, c, allIndexes, opts)
}

// allIndexes is the name that stands for all indexes on the server.
const allIndexes = "*"

func dropIndex(
	ctx context.Context, c *collection, name string, opts []options.Lister[options.DropIndexesOptions],
) *future.Future[struct{}] {
	now := c.snapshot()
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

// ListIndexes returns a cursor over descriptions of the collection's indexes: their names and options, and their keys,
// in order, as a bson.D under "key". It does no I/O: the first read sends the command. A collection that does not exist
// has no indexes.
//
// Errors of reading: [OperationFailure].
//
// Motor: MotorCollection.list_indexes.
func (c *collection) ListIndexes(opts ...options.Lister[options.ListIndexesOptions]) *CommandCursor[bson.M] {
	_, err := mergeOptions(opts)
	send := func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		all := opts
		if size != nil {
			all = append(all[:len(all):len(all)], options.ListIndexes().SetBatchSize(*size))
		}
		return c.in(client).Indexes().List(ctx, all...)
	}
	described := withDocuments[bson.M](c)
	described.codec.Hook = decodeIndexKeys(c.codec.Codec)
	return newCommandCursor(described, err, send)
}

// IndexInformation returns descriptions of the collection's indexes by their names. A description has the options of an
// index and its keys, in order, as a bson.D under "key". A collection that does not exist has no indexes.
//
// Errors: [OperationFailure].
//
// Motor: MotorCollection.index_information.
func (c *collection) IndexInformation(ctx context.Context) *future.Future[map[string]bson.M] {
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), nil, func(ctx context.Context, coll *mongo.Collection) (map[string]bson.M, error) {
		driver, err := coll.Indexes().List(ctx)
		if err != nil {
			return nil, err
		}
		defer driver.Close(context.WithoutCancel(ctx))
		described := c.codec
		described.Hook = decodeIndexKeys(c.codec.Codec)
		information := make(map[string]bson.M)
		for cursor := c.db.client.cursorReader(driver, coll.Database().Client()); cursor.Next(ctx); {
			index, err := decode[bson.M](&described, driver.Current)
			if err != nil {
				return nil, err
			}
			name, ok := index["name"].(string)
			if !ok {
				return nil, newError(ProtocolError, "the server's description of an index has no name")
			}
			delete(index, "name")
			delete(index, "ns") // servers before MongoDB 4.4 repeat the collection's name
			information[name] = index
		}
		return information, driver.Err()
	}))
}

// EnsureIndexOptions are the options of [Collection.EnsureIndex].
type EnsureIndexOptions struct {
	Index options.Lister[options.IndexOptions] // the options of CreateIndex; nil: none
	// CacheFor is how long the client remembers that the index exists; nil: 300 seconds. With 0 it does not remember
	// it.
	CacheFor *time.Duration
}

// defaultCacheFor is PyMongo's default.
const defaultCacheFor = 300 * time.Second

// EnsureIndex creates an index, unless this client has done so with EnsureIndex or CreateIndex within the last CacheFor.
// The result is the name of the index, or "" if nothing was done. See [Collection.CreateIndex] for the keys.
//
// The client remembers indexes by name: EnsureIndex does nothing for other keys or options under the same name. It
// forgets an index when this client drops it, its collection or its database. It does not notice drops by other
// clients.
//
// Errors: those of CreateIndex.
//
// Legacy: use CreateIndex. Motor: MotorCollection.ensure_index.
func (c *collection) EnsureIndex(ctx context.Context, keys any, opts ...EnsureIndexOptions) *future.Future[string] {
	set, err := atMostOne("EnsureIndex", opts)
	var index []options.Lister[options.IndexOptions]
	if set.Index != nil {
		index = append(index, set.Index)
	}
	model, e := c.codec.index(keys, index)
	if err == nil {
		err = e
	}
	if err != nil {
		return failed[string](c.db.client, err)
	}
	if c.db.client.indexes.Has(indexcache.Key{Database: c.db.name, Collection: c.name, Index: model.Name()}) {
		return resolved(c.db.client, "")
	}
	return createIndex(ctx, c, model, valueOr(set.CacheFor, defaultCacheFor))
}

// Reindex drops and rebuilds all indexes of the collection. The result is the server's reply. Since MongoDB 5.0 only a
// standalone server has this command.
//
// Errors: [OperationFailure], always from members of replica sets and from mongos.
//
// Legacy: drop and create a damaged index. Motor: MotorCollection.reindex.
func (c *collection) Reindex(ctx context.Context) *future.Future[bson.M] {
	f := c.codec.command(bson.E{Key: "reIndex", Value: c.name})
	return legacyCommand(ctx, c, f, toPrimary, c.codec.reply)
}

// The indexes of Atlas Search. Their commands have neither a read nor a write concern. The server replies before an
// index is ready: ListSearchIndexes returns its state.

// CreateSearchIndex asks the server to create a search index. The result is its name. Only MongoDB Atlas has search
// indexes.
//
// Errors: [TypeError] for a definition that is nil or not a document, [InvalidDocument] for one that cannot be encoded;
// [OperationFailure], always from servers other than Atlas.
//
// Motor: MotorCollection.create_search_index.
func (c *collection) CreateSearchIndex(
	ctx context.Context, model mongo.SearchIndexModel, opts ...options.Lister[options.CreateSearchIndexesOptions],
) *future.Future[string] {
	return createSearchIndexes(ctx, c, []mongo.SearchIndexModel{model}, opts, func(names []string) (string, error) {
		if len(names) == 0 {
			return "", newError(ProtocolError, "CreateSearchIndex: the reply has no index name")
		}
		return names[0], nil
	})
}

// CreateSearchIndexes asks the server to create search indexes, with one command. The result is a list of their names,
// in order. Only MongoDB Atlas has search indexes.
//
// Errors: those of CreateSearchIndex. An empty list is sent to the server, too.
//
// Motor: MotorCollection.create_search_indexes.
func (c *collection) CreateSearchIndexes(
	ctx context.Context, models []mongo.SearchIndexModel, opts ...options.Lister[options.CreateSearchIndexesOptions],
) *future.Future[[]string] {
	return createSearchIndexes(ctx, c, models, opts, func(names []string) ([]string, error) { return names, nil })
}

// createSearchIndexes asks the server to create search indexes. Its result is result(their names).
func createSearchIndexes[T any](
	ctx context.Context, c *collection, models []mongo.SearchIndexModel,
	opts []options.Lister[options.CreateSearchIndexesOptions], result func(names []string) (T, error),
) *future.Future[T] {
	var err error
	all := make([]mongo.SearchIndexModel, len(models))
	for i, m := range models {
		definition, bad := c.codec.encode("definition", m.Definition)
		o, e := mergeOptions([]options.Lister[options.SearchIndexesOptions]{m.Options})
		err = firstError(err, bad, e, checkText("index name", valueOr(o.Name, "")), checkText("index type", valueOr(o.Type, "")))
		all[i] = mongo.SearchIndexModel{Definition: definition, Options: m.Options}
	}
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), err, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		names, err := coll.SearchIndexes().CreateMany(ctx, all, opts...)
		if err != nil {
			return none, err
		}
		return result(names)
	}))
}

// DropSearchIndex asks the server to remove a search index. A collection that does not exist is not an error. Only
// MongoDB Atlas has search indexes.
//
// Errors: [OperationFailure], always from servers other than Atlas.
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

// UpdateSearchIndex asks the server to change the definition of a search index. Only MongoDB Atlas has search indexes.
//
// Errors: [TypeError] for a definition that is nil or not a document, [InvalidDocument] for one that cannot be encoded;
// [OperationFailure], always from servers other than Atlas.
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

// searchIndexCommand sends a command whose method in the driver returns errors of an internal type. Its error is
// outcome(error of the command).
func searchIndexCommand(ctx context.Context, c *collection, f *arguments, outcome func(error) error) *future.Future[struct{}] {
	command := f.Raw()
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), f.err(), func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, outcome(coll.Database().RunCommand(ctx, command).Err())
	}))
}

// ListSearchIndexes returns a cursor over descriptions of the collection's search indexes, or of the index with this
// name. An empty name means all indexes. It does no I/O: the first read sends the command. Only MongoDB Atlas has
// search indexes.
//
// Errors of reading: [OperationFailure], always from servers other than Atlas.
//
// Motor: MotorCollection.list_search_indexes.
func (c *collection) ListSearchIndexes(name string, opts ...options.Lister[options.ListSearchIndexesOptions]) *CommandCursor[bson.M] {
	opts, bad := encodeOptions(&c.codec, opts)
	set, err := mergeOptions(opts)
	err = firstError(bad, err, checkText("index name", name))
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

// invalidating returns op, which drops the index of this name, or with an empty name all indexes of the collection. The
// cache forgets them at the call, since EnsureIndex may be called before op runs, and again while op runs.
func invalidating[T any](
	c *collection, name string, op func(context.Context, *mongo.Collection) (T, error),
) func(context.Context, *mongo.Collection) (T, error) {
	cache, which := &c.db.client.indexes, indexcache.Key{Database: c.db.name, Collection: c.name, Index: name}
	cache.Forget(which)
	return func(ctx context.Context, coll *mongo.Collection) (T, error) {
		defer cache.Drop(which)()
		return op(ctx, coll)
	}
}
