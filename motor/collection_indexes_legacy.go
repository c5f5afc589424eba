package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// EnsureIndexOptions say more of the index that [Collection.EnsureIndex] creates.
type EnsureIndexOptions struct {
	Index options.Lister[options.IndexOptions] // the options of CreateIndex; nil: none
	// CacheFor is how long the client then takes the index to be there; nil: 300 seconds. 0 is no time at all.
	CacheFor *time.Duration
}

// defaultCacheFor is PyMongo's.
const defaultCacheFor = 300 * time.Second

// EnsureIndex creates an index, unless this client has done so with EnsureIndex a short while ago: CacheFor. The
// result is the name of the index, or "" if nothing was done. Keys are given as in [Collection.CreateIndex].
//
// The client knows its indexes by their names: EnsureIndex does nothing for other keys or options under the same name.
// It forgets those that it drops itself, with their collection or database or without; of what other clients drop it
// learns nothing.
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
	cache, key := &c.db.client.indexes, indexKey{c.db.name, c.name, model.Name()}
	if cache.has(key) {
		return resolved(c.db.client, "")
	}
	keep, before := defaultCacheFor, cache.moment()
	if set.CacheFor != nil {
		keep = *set.CacheFor
	}
	return createIndexes(ctx, c, []command.Index{model}, nil, func(names []string) string {
		cache.add(key, keep, before)
		return names[0]
	})
}

// Reindex drops and rebuilds all indexes of the collection. The result is the server's reply. Since MongoDB 5.0 only a
// standalone server does that.
//
// Errors: [OperationFailure], from members of replica sets and from mongos always.
//
// Legacy: an index that is damaged is dropped and created anew. Motor: MotorCollection.reindex.
func (c *collection) Reindex(ctx context.Context) *future.Future[bson.M] {
	f := c.codec.command(bson.E{Key: "reIndex", Value: c.name})
	return legacyCommand(ctx, c, f, toPrimary, c.codec.reply)
}
