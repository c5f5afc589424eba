package motor

import (
	"sync"
	"time"
)

// indexCache remembers the indexes that the client has created, so that it need not ask the server again.
type indexCache struct {
	mu    sync.Mutex
	until map[indexKey]time.Time
	drops int // how many times indexes were forgotten

	dropping int // how many commands that drop indexes are running
}

// indexKey is the full name of an index. With an empty index it stands for all indexes that GridFS needs in the
// collection.
type indexKey struct{ database, collection, index string }

// has reports whether the index is known to exist.
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

// dropCount returns the number of drops, for add. The caller gets it before it creates the index.
func (c *indexCache) dropCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

// add records that an index has been created. It records nothing if an index was dropped since before, or is being
// dropped now. That index may be this one, and the server may have dropped it after creating it.
func (c *indexCache) add(key indexKey, keep time.Duration, before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != before || c.dropping > 0 || keep <= 0 {
		return
	}
	if c.until == nil {
		c.until = make(map[indexKey]time.Time)
	}
	c.until[key] = time.Now().Add(keep)
}

// forget removes indexes from the cache: one index, with an empty index all of a collection, or with an empty
// collection all of a database.
func (c *indexCache) forget(which indexKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(which)
}

func (c *indexCache) forgetLocked(which indexKey) {
	c.drops++
	for key := range c.until {
		if key.database == which.database && (which.collection == "" || key.collection == which.collection) &&
			(which.index == "" || key.index == "" || key.index == which.index) {
			delete(c.until, key)
		}
	}
}

// drop forgets indexes that a command is about to drop. The caller calls the result when the command has ended. Until
// then add records nothing.
func (c *indexCache) drop(which indexKey) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropping++
	c.forgetLocked(which)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dropping--
		c.forgetLocked(which)
	}
}
