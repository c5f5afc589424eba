package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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
	return driverCursor{driver, &c.coll.codec}, nil
}

func (c *cursor) send(ctx context.Context, client *mongo.Client) (*mongo.Cursor, error) {
	q, err := c.currentQuery()
	if err != nil {
		return nil, err
	}
	now := c.coll.now()
	if q.flags&QueryFlagSecondaryOkay != 0 {
		now = now.secondaryOkay()
	}
	if !q.byCommand() {
		return c.coll.at(client, now).Find(ctx, q.filter, &exactly[options.FindOptions]{q.set})
	}
	f := q.command(&c.coll.codec, c.coll.name)
	driver, err := readCommand(ctx, c.coll, client, now, f, func(
		ctx context.Context, db *mongo.Database, command bson.Raw, opts options.Lister[options.RunCmdOptions],
	) (*mongo.Cursor, error) {
		return db.RunCommandCursor(ctx, command, opts)
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

// command returns the find command, option for option as the driver sends it, and what the driver cannot send.
func (q *query) command(codec *codec, collection string) *fields {
	f, o := &fields{codec: codec}, q.set
	f.add("find", collection)
	optional(f, "allowDiskUse", o.AllowDiskUse)
	optional(f, "allowPartialResults", o.AllowPartialResults)
	optional(f, "batchSize", o.BatchSize)
	f.collation(o.Collation)
	f.value("comment", o.Comment)
	f.add("filter", q.filter)
	f.keys("hint", o.Hint)
	f.document("let", o.Let)
	if o.Limit != nil {
		f.add("limit", max(*o.Limit, -*o.Limit))
		if *o.Limit < 0 {
			f.add("singleBatch", true)
		}
	}
	f.document("max", o.Max)
	optional(f, "maxScan", q.maxScan)
	optional(f, "maxTimeMS", q.maxTimeMS)
	f.document("min", o.Min)
	optional(f, "noCursorTimeout", o.NoCursorTimeout)
	optional(f, "oplogReplay", o.OplogReplay)
	f.document("projection", o.Projection)
	optional(f, "returnKey", o.ReturnKey)
	optional(f, "showRecordId", o.ShowRecordID)
	optional(f, "skip", o.Skip)
	f.keys("sort", o.Sort)
	flags := tailFlags(o.CursorType)
	if flags&QueryFlagTailable != 0 {
		f.add("tailable", true)
	}
	if flags&QueryFlagAwaitData != 0 {
		f.add("awaitData", true)
	}
	return f
}
