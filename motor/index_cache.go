package motor

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// indexCache is what a client knows of the indexes that its EnsureIndex has created, so that it need not ask for them
// again and again.
type indexCache struct {
	mu    sync.Mutex
	until map[indexKey]time.Time
	drops int // how many times something was forgotten
}

// indexKey is the full name of an index.
type indexKey struct{ database, collection, index string }

// has reports whether the index is known to be there.
func (c *indexCache) has(key indexKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.until[key]
	if ok && !time.Now().Before(until) {
		delete(c.until, key)
		ok = false
	}
	return ok
}

// moment returns what add is to be told of the time before the index was created.
func (c *indexCache) moment() (drops int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

// add notes that an index has been created. If something was dropped since the moment before, it may be this index,
// whichever the server has done first, and nothing is noted.
func (c *indexCache) add(key indexKey, keep time.Duration, before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != before || keep <= 0 {
		return
	}
	if c.until == nil {
		c.until = make(map[indexKey]time.Time)
	}
	c.until[key] = time.Now().Add(keep)
}

// forget takes indexes for gone: one, or with an empty name all of a collection, or without a collection all of a
// database.
func (c *indexCache) forget(which indexKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	for key := range c.until {
		if key.database == which.database && (which.collection == "" || key.collection == which.collection) &&
			(which.index == "" || key.index == which.index) {
			delete(c.until, key)
		}
	}
}

// forgetting returns op, which drops indexes of the collection: the one of this name, or with an empty name all. They
// are forgotten at once, since EnsureIndex may be called before op has run, and again when op is over: an index that
// was created meanwhile may have been dropped with the others.
func forgetting[D, T any](
	c *Collection[D], name string, op func(context.Context, *mongo.Collection) (T, error),
) func(context.Context, *mongo.Collection) (T, error) {
	cache, which := &c.db.client.indexes, indexKey{c.db.name, c.name, name}
	cache.forget(which)
	return func(ctx context.Context, coll *mongo.Collection) (T, error) {
		defer cache.forget(which)
		return op(ctx, coll)
	}
}
