package motor

import (
	"sync"
	"time"
)

// indexCache holds the indexes that the client's EnsureIndex has created, so that it need not ask for them
// again and again.
type indexCache struct {
	mu    sync.Mutex
	until map[indexKey]time.Time
	drops int // how many times something was forgotten

	dropping int // commands that drop indexes and run now
}

// indexKey is the full name of an index. With an empty index it stands for all indexes that the files of GridFS need in
// the collection.
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

// add notes that an index has been created. Nothing is noted if an index was dropped since moment returned before, or is
// being dropped now: it may be this one, and the server may have dropped it after it was created.
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

// forget removes indexes from the cache: one, or with an empty name all of a collection, or without a collection all of
// a database.
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

// drop forgets indexes that a command is about to drop. The caller calls the result when the command has ended: until
// then nothing is added.
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
