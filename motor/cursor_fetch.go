package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// read starts an operation that reads the cursor. take is called under mu with what has been fetched, and told
// whether more can come; as long as it says that it is not done, another batch is fetched.
func read[D, T any](ctx context.Context, c *cursorReader[D], take func(s *source[D], more bool) (v T, done bool, err error)) *future.Future[T] {
	client := c.coll.db.client
	if err := c.Err(); err != nil {
		return failed[T](client, err)
	}
	return inTurn(ctx, client, &c.turns, func(ctx context.Context, d *mongo.Client) (T, error) {
		s := c.begin()
		var v T
		// A read that nobody waits for any more takes nothing.
		err := ctx.Err()
		for done := false; err == nil && !done; {
			if v, done, err = step(c, s, take); err == nil && !done {
				err = c.fetch(ctx, d, s)
			}
		}
		return v, err
	})
}

// step lets take have what there is. A document that could not be decoded is an error when its turn comes; the
// documents after it can still be read.
func step[D, T any](c *cursorReader[D], s *source[D], take func(*source[D], bool) (T, bool, error)) (v T, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, done, err = take(s, !s.closed || s.bad != nil)
	if !done && s.bad != nil {
		err = s.bad
		s.fill(c, s.after)
	}
	return v, done, err
}

// begin returns the source that is to be read.
func (c *cursorReader[D]) begin() *source[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		c.source = &source[D]{closed: c.closed}
	}
	return c.source
}

// fetch gets the first batch, or the next. The caller has the turn.
func (c *cursorReader[D]) fetch(ctx context.Context, d *mongo.Client, s *source[D]) error {
	if s.driver == nil {
		// A command that fails may be sent again: nothing has been read of it.
		driver, err := c.open(ctx, d)
		if err != nil {
			return err
		}
		s.driver, s.client = driver, d
	}
	var raws []bson.Raw
	var err error
	if s.client != d {
		err = newError(InvalidOperation, "the client was closed after the cursor had been opened")
	} else {
		if size := c.batchSize(); size != nil {
			s.driver.SetBatchSize(*size)
		}
		if s.driver.Next(ctx) {
			raws = batchOf(s.driver)
		} else {
			err = s.driver.Err()
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	s.know(c, s.driver.ID())
	if s.id == 0 || err != nil || len(raws) == 0 {
		s.closed = true
	}
	if s != c.source {
		return nil // rewound meanwhile
	}
	s.fill(c, raws)
	return err
}

// batchSize returns what BatchSize has set for the batches to come, or nil.
func (c *cursorReader[D]) batchSize() *int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// batchOf copies what the driver has fetched: its memory is the driver's to reuse.
func batchOf(driver *mongo.Cursor) []bson.Raw {
	n := driver.RemainingBatchLength() + 1
	docs := make([]bson.Raw, n)
	sizes := make([]int, n)
	all := make([]byte, 0, n*len(driver.Current))
	for i := range docs {
		if i > 0 && !driver.Next(context.Background()) { // within the batch: no I/O
			docs, sizes = docs[:i], sizes[:i]
			break
		}
		all = append(all, driver.Current...)
		sizes[i] = len(driver.Current)
	}
	for i, size := range sizes {
		docs[i], all = bson.Raw(all[:size:size]), all[size:]
	}
	return docs
}

// fill decodes raws into the batch, up to one that cannot be decoded. mu is held.
func (s *source[D]) fill(c *cursorReader[D], raws []bson.Raw) {
	s.batch, s.bad, s.after = slices.Grow(s.batch, len(raws)), nil, nil
	for i, raw := range raws {
		doc, err := c.coll.document(raw)
		if err != nil {
			s.bad, s.after = err, raws[i+1:]
			return
		}
		s.batch = append(s.batch, doc)
	}
}

// know notes the server's number for the cursor. mu is held.
func (s *source[D]) know(c *cursorReader[D], id int64) {
	moved(&c.coll.db.client.cursors, c, s.id, id)
	s.id = id
}

// buffered reports whether something can be read without I/O.
func (s *source[D]) buffered() bool { return len(s.batch) > 0 || s.bad != nil }

// pop takes the next document from the batch.
func (s *source[D]) pop() D {
	var none D
	doc := s.batch[0]
	s.batch[0] = none
	s.batch = s.batch[1:]
	return doc
}
