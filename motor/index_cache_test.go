package motor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/motor"
)

func TestIndexCacheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c motor.IndexCache
		c.Add("short", time.Second, c.DropCount())
		c.Add("long", time.Hour, c.DropCount())
		c.Add("never", 0, c.DropCount())
		c.Add("before", -time.Second, c.DropCount())
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
			if c.Has("short") != step.short || c.Has("long") != step.long || c.Has("never") || c.Has("before") {
				t.Errorf("after %v: short %t, long %t, never %t, before %t", step.after,
					c.Has("short"), c.Has("long"), c.Has("never"), c.Has("before"))
			}
		}
	})
}

// The server may have created the index before it dropped it.
func TestIndexCacheDropDuringCreate(t *testing.T) {
	var c motor.IndexCache
	before := c.DropCount()
	c.Forget("")
	c.Add("a", time.Hour, before)
	if c.Has("a") {
		t.Error("index is cached, want it unknown")
	}
	c.Add("a", time.Hour, c.DropCount())
	c.Add("b", time.Hour, c.DropCount())
	c.Forget("b")
	if !c.Has("a") || c.Has("b") {
		t.Errorf("got a %t, b %t, want true, false", c.Has("a"), c.Has("b"))
	}
}

func TestIndexCacheCreateDuringDrop(t *testing.T) {
	var c motor.IndexCache
	first, second := c.Drop(""), c.Drop("b")
	c.Add("a", time.Hour, c.DropCount())
	first()
	c.Add("a", time.Hour, c.DropCount())
	if c.Has("a") {
		t.Error("index is cached, want it unknown")
	}
	before := c.DropCount()
	second()
	c.Add("a", time.Hour, before)
	if c.Has("a") {
		t.Error("index is cached although a drop ended meanwhile")
	}
	if c.Add("a", time.Hour, c.DropCount()); !c.Has("a") {
		t.Error("index is not cached after the drops")
	}
}
