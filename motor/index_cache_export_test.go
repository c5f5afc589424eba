package motor

import "time"

// IndexCache exposes the index cache to tests.
type IndexCache struct{ cache indexCache }

func indexKeyOf(index string) indexKey { return indexKey{"d", "c", index} }

func (c *IndexCache) Has(index string) bool { return c.cache.has(indexKeyOf(index)) }
func (c *IndexCache) Moment() int           { return c.cache.dropCount() }
func (c *IndexCache) Forget(index string)   { c.cache.forget(indexKeyOf(index)) }
func (c *IndexCache) Drop(index string) (end func()) {
	return c.cache.drop(indexKeyOf(index))
}
func (c *IndexCache) Add(index string, keep time.Duration, before int) {
	c.cache.add(indexKeyOf(index), keep, before)
}
