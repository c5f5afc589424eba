package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/command"
)

// query is what a cursor asks the server for, at one moment.
type query struct {
	filter bson.Raw
	set    options.FindOptions
	chain
}

// currentQuery returns the query as the cursor has it now.
func (c *cursor) currentQuery() (query, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, err := c.settings()
	q := query{filter: c.query, set: set, chain: c.chain}
	if err == nil && !q.where.IsZero() {
		q.filter, err = withField(c.query, "$where", q.where)
	}
	if tailFlags(set.CursorType) != QueryFlagTailable|QueryFlagAwaitData {
		q.set.MaxAwaitTime = nil // servers refuse it then, and Motor leaves it out
	}
	return q, err
}

// byCommand reports whether the driver's Find has no place for what the query has.
func (q *query) byCommand() bool {
	return q.maxTimeMS != nil || q.maxScan != nil || q.set.CursorType != nil && *q.set.CursorType == awaitAlone
}

// find sends the query.
func (c *cursor) find(ctx context.Context, client *mongo.Client) (batchSource, error) {
	driver, err := c.send(ctx, client)
	if err != nil {
		return nil, err
	}
	return driverCursor{driver}, nil
}

func (c *cursor) send(ctx context.Context, client *mongo.Client) (*mongo.Cursor, error) {
	q, err := c.currentQuery()
	if err != nil {
		return nil, err
	}
	now := c.coll.snapshot()
	if q.flags&QueryFlagSecondaryOkay != 0 {
		now = now.secondaryOkay()
	}
	if !q.byCommand() {
		return c.coll.at(client, now).Find(ctx, q.filter, &command.Literal[options.FindOptions]{Options: q.set})
	}
	f := &arguments{q.spec().Find(c.coll.codec.Codec, c.coll.name)}
	driver, err := readCommand(ctx, c.coll, client, now, f, func(
		ctx context.Context, db *mongo.Database, cmd bson.Raw, opts options.Lister[options.RunCmdOptions],
	) (*mongo.Cursor, error) {
		return db.RunCommandCursor(ctx, cmd, opts)
	})
	if err != nil {
		return nil, err
	}
	if q.set.BatchSize != nil {
		driver.SetBatchSize(*q.set.BatchSize)
	}
	if q.set.Comment != nil {
		driver.SetComment(q.set.Comment)
	}
	if q.set.MaxAwaitTime != nil {
		driver.SetMaxAwaitTime(*q.set.MaxAwaitTime)
	}
	return driver, nil
}

// spec returns the query for a command.
func (q *query) spec() *command.Query {
	flags := tailFlags(q.set.CursorType)
	return &command.Query{
		Filter: q.filter, Options: q.set, MaxTimeMS: q.maxTimeMS, MaxScan: q.maxScan,
		Tailable: flags&QueryFlagTailable != 0, AwaitData: flags&QueryFlagAwaitData != 0,
	}
}
