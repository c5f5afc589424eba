package motor

import (
	"context"

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
	var come decoded[D]
	var err error
	if s.client != d {
		err = newError(InvalidOperation, "the client was closed after the cursor had been opened")
	} else {
		if size := c.batchSize(); size != nil {
			s.driver.SetBatchSize(*size)
		}
		if s.driver.Next(ctx) {
			come = decodeBatch[D](&c.coll.codec, s.driver)
		} else {
			err = s.driver.Err()
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	s.know(c, s.driver.ID())
	if s.id == 0 || err != nil || len(come.docs) == 0 && come.bad == nil {
		s.closed = true
	}
	if s != c.source {
		return nil // rewound meanwhile
	}
	s.take(come)
	return err
}

// batchSize returns what BatchSize has set for the batches to come, or nil.
func (c *cursorReader[D]) batchSize() *int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// fill decodes raws into the batch. mu is held.
func (s *source[D]) fill(c *cursorReader[D], raws []bson.Raw) {
	s.take(decodeList[D](&c.coll.codec, raws))
}

// take adds what has come to the batch. mu is held.
func (s *source[D]) take(b decoded[D]) {
	if len(s.batch) == 0 {
		s.batch = b.docs
	} else {
		s.batch = append(s.batch, b.docs...)
	}
	s.bad, s.after = b.bad, b.after
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
