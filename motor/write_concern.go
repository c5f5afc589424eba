package motor

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// WriteConcern says what must have come of a write before it is taken for done: a dictionary that is always valid,
// and live: what is changed here holds for the next operation of the client, database or collection that it was got
// from ([Client.WriteConcern]). It is safe for any number of goroutines. Its items are
//
//	w         a number of servers, or the name of a set of them, such as "majority", that must have the write;
//	          0 asks for no answer at all and so turns all other items off
//	wtimeout  for how many milliseconds that is waited for; a time.Duration will do as well
//	j         true: until the write is in the journal; not together with fsync
//	fsync     true: until the server has synced its files, or, if it has a journal, as j
//
// journal is another name for j, and wtimeoutms for wtimeout.
//
//	client.WriteConcern()                                            // {}
//	client.SetWriteConcern(bson.M{"w": 2, "wtimeout": 1000})         // {w: 2, wtimeout: 1000}
//	client.WriteConcern().Set("j", true)                             // {w: 2, wtimeout: 1000, j: true}
//	client.WriteConcern().Set("w", 0)                                // {w: 0}
//
// wtimeout and fsync are no longer a matter of the driver's methods. Writes that are to have one of these are sent by
// commands of their own, which the driver does not retry (retryWrites); an operation for which that cannot be done
// fails with [ConfigurationError]. In a transaction, a write has no write concern, whatever is set.
//
// Motor: write_concern, a dict, as it was until 0.7.
type WriteConcern struct {
	mu  sync.Mutex // held by whoever makes now from what it was
	now atomic.Pointer[writeItems]
}

// items returns what is set.
func (c *WriteConcern) items() *writeItems {
	if now := c.now.Load(); now != nil {
		return now
	}
	return noWriteItems
}

// Get returns an item: w as an int or a string, wtimeout as an int, j and fsync as a bool. ok is false for one that
// is not set.
func (c *WriteConcern) Get(key string) (value any, ok bool) {
	key, err := writeKey(key)
	if err != nil {
		return nil, false
	}
	value, ok = c.items().all[key]
	return value, ok
}

// Set changes an item. Setting w to 0 removes the others, which mean nothing then.
//
// Errors, which leave all as it was: [ConfigurationError] for an item that there is none of, for a value of another
// type or out of range, for j or fsync where w is 0, and for both of these.
func (c *WriteConcern) Set(key string, value any) error {
	key, value, err := writeItem(key, value)
	if err != nil {
		return err
	}
	return c.change(func(all bson.M) {
		if key == "w" && value == 0 {
			clear(all)
		}
		all[key] = value
	})
}

// Delete removes an item and reports whether it was set.
func (c *WriteConcern) Delete(key string) bool {
	if _, ok := c.Get(key); !ok {
		return false
	}
	key, _ = writeKey(key)
	found := false
	_ = c.change(func(all bson.M) { // what is valid is so without an item
		_, found = all[key]
		delete(all, key)
	})
	return found
}

// change makes the items what edit makes of a copy of them, if that is valid.
func (c *WriteConcern) change(edit func(bson.M)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.Map()
	edit(all)
	items, err := newWriteItems(all)
	if err != nil {
		return err
	}
	c.now.Store(items)
	return nil
}

// assign makes the items those of a dictionary.
func (c *WriteConcern) assign(dictionary any) error {
	items, err := writeItemsOf(dictionary)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.now.Store(items)
	c.mu.Unlock()
	return nil
}

// Len returns how many items are set.
func (c *WriteConcern) Len() int { return len(c.items().all) }

// Map returns a copy of the items.
func (c *WriteConcern) Map() bson.M {
	all := make(bson.M)
	for key, value := range c.items().all {
		all[key] = value
	}
	return all
}

// Acknowledged reports whether the server answers writes: whether w is anything but 0.
func (c *WriteConcern) Acknowledged() bool { return c.items().acknowledged() }

// String returns the items as {w: 2, wtimeout: 1000}.
func (c *WriteConcern) String() string {
	var parts []string
	for _, e := range c.items().ordered() {
		format := "%s: %v"
		if _, ok := e.Value.(string); ok {
			format = "%s: %q"
		}
		parts = append(parts, fmt.Sprintf(format, e.Key, e.Value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
