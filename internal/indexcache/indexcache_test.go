package indexcache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/internal/indexcache"
)

// key returns the key of an index. With "", it is that of all indexes of the collection.
func key(index string) indexcache.Key {
	return indexcache.Key{Database: "d", Collection: "c", Index: index}
}

func TestCacheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c indexcache.Cache
		c.Add(key("short"), time.Second, c.DropCount())
		c.Add(key("long"), time.Hour, c.DropCount())
		c.Add(key("never"), 0, c.DropCount())
		c.Add(key("before"), -time.Second, c.DropCount())
		for _, step := range []struct {
			after       time.Duration
			short, long bool
		}{
			{0, true, true},
			{time.Second - 1, true, true},
			{1, false, true},
			{time.Hour - time.Second - 1, false, true},
			{1, false, false},
		} {
			time.Sleep(step.after)
			if c.Has(key("short")) != step.short || c.Has(key("long")) != step.long || c.Has(key("never")) || c.Has(key("before")) {
				t.Errorf("after %v: short %t, long %t, never %t, before %t", step.after,
					c.Has(key("short")), c.Has(key("long")), c.Has(key("never")), c.Has(key("before")))
			}
		}
	})
}

// The server may have created the index before it dropped it.
func TestCacheDropDuringCreate(t *testing.T) {
	var c indexcache.Cache
	before := c.DropCount()
	c.Forget(key(""))
	c.Add(key("a"), time.Hour, before)
	if c.Has(key("a")) {
		t.Error("index is cached, want it unknown")
	}
	c.Add(key("a"), time.Hour, c.DropCount())
	c.Add(key("b"), time.Hour, c.DropCount())
	c.Forget(key("b"))
	if !c.Has(key("a")) || c.Has(key("b")) {
		t.Errorf("got a %t, b %t, want true, false", c.Has(key("a")), c.Has(key("b")))
	}
}

func TestCacheCreateDuringDrop(t *testing.T) {
	var c indexcache.Cache
	first, second := c.Drop(key("")), c.Drop(key("b"))
	c.Add(key("a"), time.Hour, c.DropCount())
	first()
	c.Add(key("a"), time.Hour, c.DropCount())
	if c.Has(key("a")) {
		t.Error("index is cached, want it unknown")
	}
	before := c.DropCount()
	second()
	c.Add(key("a"), time.Hour, before)
	if c.Has(key("a")) {
		t.Error("index is cached although a drop ended meanwhile")
	}
	if c.Add(key("a"), time.Hour, c.DropCount()); !c.Has(key("a")) {
		t.Error("index is not cached after the drops")
	}
}
