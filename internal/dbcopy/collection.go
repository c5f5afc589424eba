package dbcopy

import (
	"context"
	"errors"
	"slices"

	"github.com/sourcegraph/conc"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/progress"
)

// copy copies a part in steps.
func (c *Copy) copy(ctx context.Context, p *part) error {
	err := c.create(ctx, p)
	if err == nil && !p.view() {
		err = c.documents(ctx, p)
		if err == nil {
			err = c.indexes(ctx, p)
		}
	}
	if err == nil {
		p.copied.Complete = true
		c.done(p)
		return nil
	}
	var own *Error
	if !errors.As(err, &own) {
		own = &Error{Collection: p.name, Err: err}
	}
	return own
}

// count estimates the number of documents of a part.
func (c *Copy) count(ctx context.Context, p *part) error {
	err := c.Step(ctx, func(ctx context.Context) (err error) {
		p.expected, err = c.Source.Collection(p.name).EstimatedDocumentCount(ctx)
		return err
	})
	return err
}

// codeNamespaceExists is the code of the server's error when create finds an existing collection.
const codeNamespaceExists = 48

// create creates the collection or view. It drops one of that name in the target first.
func (c *Copy) create(ctx context.Context, p *part) error {
	command, err := p.createCommand()
	if err != nil {
		return err
	}
	err = c.Step(ctx, func(ctx context.Context) error {
		if p.exists {
			if err := c.Target.Collection(p.name).Drop(ctx); err != nil {
				return err
			}
		}
		return c.Target.RunCommand(ctx, command).Err()
	})
	var server mongo.ServerError
	if errors.As(err, &server) && server.HasErrorCode(codeNamespaceExists) { // created after Plan
		return &Error{Kind: Exists, Collection: p.name, Err: err}
	}
	p.started = err == nil
	return err
}

// documents copies the documents.
func (c *Copy) documents(ctx context.Context, p *part) error {
	// The server can copy the documents only if source and target belong to one client. Capped and time series
	// collections, and system.js, cannot be targets of $out.
	if c.OneClient && !p.has("capped") && !p.has("timeseries") && p.name != "system.js" {
		if err := c.out(ctx, p); err == nil || !c.Refused(err) {
			return err
		}
	}
	return c.stream(ctx, p)
}

// out makes the server copy the documents to the new collection, with $out. The collection keeps its options.
func (c *Copy) out(ctx context.Context, p *part) error {
	stage := bson.D{{Key: "$out", Value: bson.D{{Key: "db", Value: c.Target.Name()}, {Key: "coll", Value: p.name}}}}
	opts := options.Aggregate()
	if p.has("validator") {
		opts.SetBypassDocumentValidation(true)
	}
	var n int64
	err := c.Step(ctx, func(ctx context.Context) error {
		none, err := c.Source.Collection(p.name).Aggregate(ctx, mongo.Pipeline{stage}, opts)
		if err != nil {
			return err
		}
		if err := none.Close(ctx); err != nil {
			return err
		}
		n, err = c.Target.Collection(p.name).EstimatedDocumentCount(ctx)
		return err
	})
	if err == nil {
		c.add(p, n)
	}
	return err
}

// add records that n more documents were copied.
func (c *Copy) add(p *part, n int64) {
	p.copied.Documents += n
	c.Report.Update(func(now *progress.Progress) {
		now.Done += n
		if more := p.copied.Documents - p.expected; more > 0 { // the estimate was too low
			now.Total += more
			p.expected += more
		}
	})
}

// done records that a part is complete, and corrects the estimate of its documents.
func (c *Copy) done(p *part) {
	c.Report.Update(func(now *progress.Progress) {
		now.Collections++
		now.Total += p.copied.Documents - p.expected
	})
}

// stream reads the documents and writes them. It reads the next batch while it writes one.
func (c *Copy) stream(ctx context.Context, p *part) error {
	r := &reader{coll: c.Source.Collection(p.name), limits: c.Limits}
	defer r.close(ctx)
	next := func(ctx context.Context) (docs []bson.Raw, err error) {
		err = c.Step(ctx, func(ctx context.Context) (err error) {
			docs, err = r.read(ctx)
			return err
		})
		return docs, err
	}
	docs, err := next(ctx)
	for err == nil && len(docs) > 0 {
		docs, err = c.writeAndRead(ctx, p, docs, next)
	}
	return err
}

// writeAndRead writes a batch and, at the same time, reads the next one and returns it. It returns when both have
// ended, so that the caller can close the reader.
func (c *Copy) writeAndRead(
	ctx context.Context, p *part, docs []bson.Raw, next func(context.Context) ([]bson.Raw, error),
) ([]bson.Raw, error) {
	reading, cancel := context.WithCancel(ctx)
	var reader conc.WaitGroup
	defer reader.Wait()
	defer cancel()
	var following []bson.Raw
	var readErr error
	reader.Go(func() { following, readErr = next(reading) })

	var n int
	err := c.Step(ctx, func(ctx context.Context) (err error) {
		n, err = c.insert(ctx, p, docs)
		return err
	})
	c.add(p, int64(n))
	if err != nil {
		return nil, err // the copy fails with this error, not with the reader's
	}
	reader.Wait()
	return following, readErr
}

// insert writes a batch and returns the number of documents that the server has confirmed.
func (c *Copy) insert(ctx context.Context, p *part, docs []bson.Raw) (int, error) {
	opts := options.InsertMany()
	if p.has("validator") { // the source may have documents that predate its validator
		opts.SetBypassDocumentValidation(true)
	}
	r, err := c.Target.Collection(p.name).InsertMany(ctx, docs, opts)
	if r == nil {
		return 0, err
	}
	return len(r.InsertedIDs), err
}

// indexes creates the indexes that are missing in the new collection.
func (c *Copy) indexes(ctx context.Context, p *part) error {
	return c.Step(ctx, func(ctx context.Context) error {
		names, specs, err := c.sourceIndexes(ctx, p)
		if err != nil || len(specs) == 0 {
			return err
		}
		command := bson.D{{Key: "createIndexes", Value: p.name}, {Key: "indexes", Value: specs}}
		if err := c.Target.RunCommand(ctx, command).Err(); err != nil {
			return err
		}
		p.copied.Indexes = names
		return nil
	})
}

func (c *Copy) sourceIndexes(ctx context.Context, p *part) (names []string, specs []bson.D, err error) {
	driver, err := c.Source.Collection(p.name).Indexes().List(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer driver.Close(ctx)
	for cursor := c.Limits.reader(driver, c.Source); cursor.Next(ctx); {
		spec, err := indexSpec(slices.Clone(driver.Current))
		if err != nil {
			return nil, nil, err
		}
		if spec != nil {
			name, _ := driver.Current.Lookup("name").StringValueOK()
			names, specs = append(names, name), append(specs, spec)
		}
	}
	return names, specs, driver.Err()
}

// indexSpec returns an index in the form that createIndexes takes, or nil if every new collection has the index.
func indexSpec(raw bson.Raw) (bson.D, error) {
	if clustered, _ := raw.Lookup("clustered").BooleanOK(); clustered {
		return nil, nil
	}
	if name, _ := raw.Lookup("name").StringValueOK(); name == "_id_" {
		return nil, nil
	}
	elements, err := raw.Elements()
	var spec bson.D
	for _, e := range elements {
		switch version, _ := e.Value().AsInt64OK(); {
		case e.Key() == "ns": // listed by old servers
		case e.Key() == "v" && version == 2: // the default; some servers list it but do not accept it
		default:
			spec = append(spec, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return spec, err
}

// reader reads a collection in batches. The steps of a copy use it one after the other.
type reader struct {
	coll   *mongo.Collection
	limits Limits
	cursor drivercompat.CursorReader // its Cursor is nil before the first batch
}

// reader returns a reader of a cursor whose getMore waits for its server.
func (l Limits) reader(cursor *mongo.Cursor, db *mongo.Database) drivercompat.CursorReader {
	return drivercompat.CursorReader{Cursor: cursor, Client: db.Client(), Wait: l.Select}
}

// read returns the next batch, or none at the end. A batch has the documents of one reply of the server, at most 16
// MiB.
func (r *reader) read(ctx context.Context) (docs []bson.Raw, err error) {
	if r.cursor.Cursor == nil {
		find := options.Find().SetBatchSize(int32(r.limits.Batch))
		cursor, err := r.coll.Find(ctx, bson.D{}, find)
		if err != nil {
			return nil, err
		}
		r.cursor = r.limits.reader(cursor, r.coll.Database())
	}
	for r.cursor.Next(ctx) {
		docs = append(docs, slices.Clone(r.cursor.Current))
		if len(docs) == r.limits.Batch || r.cursor.RemainingBatchLength() == 0 {
			return docs, nil
		}
	}
	return docs, r.cursor.Err()
}

// close closes the cursor on the server, even if the copy was cancelled.
func (r *reader) close(ctx context.Context) {
	if r.cursor.Cursor == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.limits.Close)
	defer cancel()
	_ = r.cursor.Close(ctx) // an error does not matter: the documents are copied
}
