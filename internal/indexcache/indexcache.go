// Package indexcache remembers indexes that exist, so that a program need not ask the server again.
package indexcache

import (
	"sync"
	"time"
)

// Cache holds the indexes that a client has created. The zero Cache is ready to use.
type Cache struct {
	mu    sync.Mutex
	until map[Key]time.Time
	drops int // how many times indexes were forgotten

	dropping int // how many commands that drop indexes are running
}

// Key is the full name of an index. With an empty index it stands for all indexes that GridFS needs in the
// collection.
type Key struct{ Database, Collection, Index string }

// Has reports whether the index is known to exist.
func (c *Cache) Has(key Key) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.until[key]
	if ok && !time.Now().Before(until) {
		delete(c.until, key)
		ok = false
	}
	return ok
}

// DropCount returns the number of drops, for Add. The caller gets it before it creates the index.
func (c *Cache) DropCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drops
}

// Add records that an index has been created. It records nothing if an index was dropped since before, or is being
// dropped now. That index may be this one, and the server may have dropped it after creating it.
func (c *Cache) Add(key Key, keep time.Duration, before int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops != before || c.dropping > 0 || keep <= 0 {
		return
	}
	if c.until == nil {
		c.until = make(map[Key]time.Time)
	}
	c.until[key] = time.Now().Add(keep)
}

// Forget removes indexes from the cache: one index, with an empty index all of a collection, or with an empty
// collection all of a database.
func (c *Cache) Forget(which Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(which)
}

func (c *Cache) forgetLocked(which Key) {
	c.drops++
	for key := range c.until {
		if key.Database == which.Database && (which.Collection == "" || key.Collection == which.Collection) &&
			(which.Index == "" || key.Index == "" || key.Index == which.Index) {
			delete(c.until, key)
		}
	}
}

// Drop forgets indexes that a command is about to drop. The caller calls the result when the command has ended. Until
// then Add records nothing.
func (c *Cache) Drop(which Key) (end func()) {
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
