package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// read starts an operation that reads the cursor. take is called under mu with what has been fetched, and told
// whether more can come; as long as it says that it is not done, another batch is fetched.
func read[D, T any](ctx context.Context, c *Cursor[D], take func(s *source[D], more bool) (v T, done bool, err error)) *future.Future[T] {
	client := c.coll.db.client
	if err := c.Err(); err != nil {
		return failed[T](client, err)
	}
	return inTurn(ctx, client, &c.turns, func(ctx context.Context, d *mongo.Client) (T, error) {
		s, opts := c.begin()
		var v T
		// A read that nobody waits for any more takes nothing.
		err := ctx.Err()
		for done := false; err == nil && !done; {
			if v, done, err = step(c, s, take); err == nil && !done {
				err = c.fetch(ctx, d, s, opts)
			}
		}
		return v, err
	})
}

// step lets take have what there is. A document that could not be decoded is an error when its turn comes; the
// documents after it can still be read.
func step[D, T any](c *Cursor[D], s *source[D], take func(*source[D], bool) (T, bool, error)) (v T, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, done, err = take(s, !s.closed || s.bad != nil)
	if !done && s.bad != nil {
		err = s.bad
		s.fill(c, s.after)
	}
	return v, done, err
}

// begin returns the source that is to be read, and, for the one that sends the query, the options.
func (c *Cursor[D]) begin() (*source[D], []options.Lister[options.FindOptions]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		c.source = &source[D]{closed: c.closed}
	}
	if c.chain == nil {
		return c.source, c.opts
	}
	chain := &options.FindOptionsBuilder{Opts: slices.Clone(c.chain.Opts)}
	return c.source, append(c.opts[:len(c.opts):len(c.opts)], chain)
}

// fetch gets the first batch, or the next. The caller has the turn.
func (c *Cursor[D]) fetch(ctx context.Context, d *mongo.Client, s *source[D], opts []options.Lister[options.FindOptions]) error {
	if s.driver == nil {
		// A query that fails may be sent again: nothing has been read of it.
		driver, err := c.coll.in(d).Find(ctx, c.query, opts...)
		if err != nil {
			return err
		}
		s.driver, s.client = driver, d
	}
	var raws []bson.Raw
	var err error
	if s.client != d {
		err = newError(InvalidOperation, "the client was closed after the cursor had been opened")
	} else if s.driver.Next(ctx) {
		raws = batchOf(s.driver)
	} else {
		err = s.driver.Err()
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
func (s *source[D]) fill(c *Cursor[D], raws []bson.Raw) {
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
func (s *source[D]) know(c *Cursor[D], id int64) {
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

// shut ends what is left of a query on the server, after the reads that were called before.
func (c *Cursor[D]) shut(ctx context.Context, s *source[D]) *future.Future[struct{}] {
	client := c.coll.db.client
	c.mu.Lock()
	if s != nil {
		s.closed = true
	}
	open := s != nil && s.id != 0
	c.mu.Unlock()
	if !open {
		return resolved(client, struct{}{})
	}
	return inTurn(ctx, client, &c.turns, func(ctx context.Context, d *mongo.Client) (struct{}, error) {
		c.mu.Lock()
		s.know(c, 0)
		c.mu.Unlock()
		if s.client != d {
			return struct{}{}, nil // gone with its connection
		}
		return struct{}{}, s.driver.Close(ctx)
	})
}
