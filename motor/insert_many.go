package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/progress"
)

// InsertMany inserts a slice of documents, each of a type that InsertOne takes. The server stops at the first that
// fails. With options.InsertMany().SetOrdered(false) it tries all of them.
//
// Errors: [BulkWriteError]: errors.As finds its [Error], whose Details list the writes that failed and whose
// PartialResult has the result of the others. A future also has that result beside the error. A document that exists
// already is one of those that failed, with code 11000. The error is a [BulkWriteError] then, too. An error of the
// network has the result of the commands before it in the same way. Nothing is sent after these: [TypeError] for a value
// that is not a slice, for an empty slice, and for elements that are not documents; [InvalidDocument] for an element that
// cannot be encoded; [DocumentTooLarge].
//
// Motor: MotorCollection.insert_many.
func (c *collection) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) *future.Future[*InsertManyResult] {
	e, now := c.arguments(), c.snapshot()
	report := c.db.client.reportOf(ctx, unitWrites)
	insert, err := c.insertMany(ctx, now, e, e.Documents(documents), opts, report)
	op := writeOp(ctx, c, now, err, insert)
	op.ending = c.db.client.ending(report)
	return submit(ctx, c.db.client, op)
}

// insertMany inserts encoded documents. If there is a report, it sends them in parts and reports the progress.
func (c *collection) insertMany(
	ctx context.Context, now settings, e *arguments, raws []bson.Raw, opts []options.Lister[options.InsertManyOptions],
	report *progress.Report,
) (writeFunc[*InsertManyResult], error) {
	if opts = encoded(e, opts); e.err() != nil {
		return nil, e.err()
	}
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	byCommand, acknowledged := now.byCommand(ctx), now.acknowledged(ctx)
	all, err := newInserts(c, raws, o, byCommand)
	if err != nil {
		return nil, err
	}
	all.split = acknowledged && !byCommand && c.db.client.knowsLimits()
	all.joined = all.split && joins(c, all.docs, o.Comment)
	send := all.byDriver
	if byCommand {
		w := newWriteCommand(command.InsertKind, now, command.InsertMany(c.codec.Codec, c.name, o), nil)
		if w.err() != nil {
			return nil, w.err()
		}
		send = func(ctx context.Context, coll *mongo.Collection, first, end int, part *bulkOutcome) error {
			if err := w.sendAll(ctx, c.db.client, coll.Database(), newInsertRun(all.docs[first:end]), all.ordered, part); err != nil {
				return err
			}
			return part.err()
		}
	}
	return func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		ctx, cancel := c.db.client.limited(ctx, time.Now()) // the timeout of the client limits all commands together
		defer cancel()
		done := newInsertOutcome(all.docs)
		err, invalid := sendParts(len(all.docs), all.ordered, all.runEnd, report, done, func(first, end int, part *bulkOutcome) error {
			return send(ctx, coll, first, end, part)
		})
		if invalid != nil {
			return nil, invalid
		}
		if done.tried == 0 { // the first command failed
			return nil, err
		}
		ids := withoutFailed(all.ids[:done.tried], done.bad.WriteErrors, all.ordered)
		result := &InsertManyResult{InsertedIDs: ids, Acknowledged: acknowledged}
		return result, done.failed(err, result)
	}, nil
}

// inserts are documents to be inserted.
type inserts struct {
	client  *Client
	docs    []bson.Raw
	ids     []any // of each document, or nil if the driver finds or makes it
	ordered bool
	options options.InsertManyOptions // encoded
	split   bool                      // each command is sent by itself, so that the result of one that fails does not hide the others
	joined  bool                      // the driver gets the documents of a command as one; see [drivercompat.Documents]
}

// newInserts returns documents to be inserted, with their _ids.
func newInserts(c *collection, raws []bson.Raw, o options.InsertManyOptions, byCommand bool) (*inserts, error) {
	all := &inserts{client: c.db.client, docs: raws, ids: make([]any, len(raws)), ordered: valueOr(o.Ordered, true), options: o}
	if wholeRegistry(c) == nil && !byCommand {
		return all, nil // the driver decodes the _ids with the registry of the handle
	}
	all.docs = make([]bson.Raw, len(raws))
	for i, raw := range raws {
		var err error
		if all.docs[i], all.ids[i], err = withID(raw); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// joins reports whether the driver may get documents as one. That saves time for small ones. Encryption looks at each.
func joins(c *collection, docs []bson.Raw, comment any) bool {
	const small = 16 << 10
	size := 0
	for _, doc := range docs {
		size += len(doc)
	}
	return len(docs) > 1 && size/len(docs) <= small && comment == nil && drivercompat.JoinsDocuments() &&
		c.db.client.knowsLimits() && wholeRegistry(c) != nil && c.db.client.driver.AutoEncryptionOptions == nil
}

// runEnd returns the index after the last document that may be sent together with the document first.
func (s *inserts) runEnd(first int) int {
	if !s.split {
		return len(s.docs) // the driver makes several commands if they are needed
	}
	return first + s.client.fitting(len(s.docs)-first, s.client.messageLimit(), func(i int) int { return len(s.docs[first+i]) })
}

// byDriver sends the documents from first and before end with the driver's InsertMany. It is a part of sendParts.
func (s *inserts) byDriver(ctx context.Context, coll *mongo.Collection, first, end int, part *bulkOutcome) error {
	var docs any = s.docs[first:end]
	if s.joined {
		docs = []drivercompat.Documents{s.docs[first:end]}
	}
	r, err := coll.InsertMany(ctx, docs, &command.Literal[options.InsertManyOptions]{Options: s.options})
	if r == nil {
		return err
	}
	part.addError(err)
	ids := s.ids[first:end]
	part.result.inserted = int64(len(withoutFailed(ids, part.bad.WriteErrors, s.ordered)))
	if !s.joined {
		places := make([]*any, len(ids))
		for i := range ids {
			places[i] = &ids[i]
		}
		places = withoutFailed(places, part.bad.WriteErrors, s.ordered)
		for i, id := range r.InsertedIDs { // the driver leaves out the same
			if i < len(places) && *places[i] == nil {
				*places[i] = id
			}
		}
	}
	return err
}

// withoutFailed returns the elements of those inserts that succeeded.
func withoutFailed[T any](all []T, failed []mongo.BulkWriteError, ordered bool) []T {
	if len(failed) == 0 {
		return all
	}
	bad := make(map[int]bool)
	for _, e := range failed {
		bad[e.Index] = true
	}
	var kept []T
	for i, v := range all {
		if bad[i] && ordered {
			break
		}
		if !bad[i] {
			kept = append(kept, v)
		}
	}
	return kept
}

// knowsLimits reports whether a server is known that writes go to, and so its limits are.
func (c *Client) knowsLimits() bool {
	_, known := c.topology().connected()
	return known
}

// messageLimit returns how many bytes of writes fit into one message.
func (c *Client) messageLimit() int {
	const rest = 16 << 10 // bytes of the rest of the message
	return c.MaxMessageSize() - rest
}

// fitting returns how many of n writes fit into one command, at least 1. size returns how many bytes of limit a write
// takes.
func (c *Client) fitting(n, limit int, size func(int) int) int {
	total, most := 0, c.MaxWriteBatchSize()
	for i := range n {
		if total += size(i); i > 0 && (total > limit || i == most) {
			return i
		}
	}
	return n
}
