package motor

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/command"
)

// InsertOneResult is the result of InsertOne.
//
// Motor: pymongo.results.InsertOneResult.
type InsertOneResult struct {
	InsertedID   any  // the document's _id; a new bson.ObjectID if it had none
	Acknowledged bool // false with a write concern of w: 0
}

// InsertManyResult is the result of InsertMany.
//
// Motor: pymongo.results.InsertManyResult.
type InsertManyResult struct {
	InsertedIDs  []any // the _ids of the inserted documents, in order
	Acknowledged bool  // false with a write concern of w: 0
}

// UpdateResult is the result of UpdateOne, UpdateMany and ReplaceOne. The server does not report the outcome of an
// unacknowledged write (w: 0). The methods then fail with [InvalidOperation].
//
// The methods can be passed to Then: future.Then(coll.UpdateOne(...), (*motor.UpdateResult).ModifiedCount).
//
// Motor: pymongo.results.UpdateResult.
type UpdateResult struct {
	Acknowledged bool // false with a write concern of w: 0

	matched, modified, upserted int64
	upsertedID                  any
}

func newUpdateResult(r *mongo.UpdateResult) *UpdateResult {
	if r == nil {
		return nil
	}
	return &UpdateResult{
		Acknowledged: r.Acknowledged,
		matched:      r.MatchedCount,
		modified:     r.ModifiedCount,
		upserted:     r.UpsertedCount,
		upsertedID:   r.UpsertedID,
	}
}

// MatchedCount returns the number of documents that the filter matched.
func (r *UpdateResult) MatchedCount() (int64, error) {
	return r.matched, unacknowledged(r.Acknowledged)
}

// Matched is [UpdateResult.MatchedCount] without an error: it is 0 if the write was not acknowledged.
func (r *UpdateResult) Matched() int64 { return r.matched }

// ModifiedCount returns the number of documents that were changed.
func (r *UpdateResult) ModifiedCount() (int64, error) {
	return r.modified, unacknowledged(r.Acknowledged)
}

// Modified is [UpdateResult.ModifiedCount] without an error: it is 0 if the write was not acknowledged.
func (r *UpdateResult) Modified() int64 { return r.modified }

// UpsertedCount returns the number of documents that were inserted: 0 or 1.
func (r *UpdateResult) UpsertedCount() (int64, error) {
	return r.upserted, unacknowledged(r.Acknowledged)
}

// Upserted is [UpdateResult.UpsertedCount] without an error: it is 0 if the write was not acknowledged.
func (r *UpdateResult) Upserted() int64 { return r.upserted }

// UpsertedID returns the _id of the document that was inserted, or nil.
func (r *UpdateResult) UpsertedID() (any, error) {
	return r.upsertedID, unacknowledged(r.Acknowledged)
}

// DeleteResult is the result of DeleteOne and DeleteMany.
//
// Motor: pymongo.results.DeleteResult.
type DeleteResult struct {
	Acknowledged bool // false with a write concern of w: 0

	deleted int64
}

// DeletedCount returns the number of documents that were deleted. It fails with [InvalidOperation] if the write was not
// acknowledged.
func (r *DeleteResult) DeletedCount() (int64, error) {
	return r.deleted, unacknowledged(r.Acknowledged)
}

// Deleted is [DeleteResult.DeletedCount] without an error: it is 0 if the write was not acknowledged.
func (r *DeleteResult) Deleted() int64 { return r.deleted }

// BulkWriteResult is the result of BulkWrite. The server does not report the outcome of unacknowledged writes (w: 0).
// The methods then fail with [InvalidOperation].
//
// Motor: pymongo.results.BulkWriteResult.
type BulkWriteResult struct {
	Acknowledged bool // false with a write concern of w: 0

	inserted, matched, modified, deleted, upserted int64
	upsertedIDs                                    map[int64]any
}

// InsertedCount returns the number of documents that were inserted, without those that were upserted.
func (r *BulkWriteResult) InsertedCount() (int64, error) {
	return r.inserted, unacknowledged(r.Acknowledged)
}

// Inserted is [BulkWriteResult.InsertedCount] without an error: it is 0 if the write was not acknowledged.
func (r *BulkWriteResult) Inserted() int64 { return r.inserted }

// MatchedCount returns the number of documents that the filters of updates and replacements matched.
func (r *BulkWriteResult) MatchedCount() (int64, error) {
	return r.matched, unacknowledged(r.Acknowledged)
}

// Matched is [BulkWriteResult.MatchedCount] without an error: it is 0 if the write was not acknowledged.
func (r *BulkWriteResult) Matched() int64 { return r.matched }

// ModifiedCount returns the number of documents that were changed.
func (r *BulkWriteResult) ModifiedCount() (int64, error) {
	return r.modified, unacknowledged(r.Acknowledged)
}

// Modified is [BulkWriteResult.ModifiedCount] without an error: it is 0 if the write was not acknowledged.
func (r *BulkWriteResult) Modified() int64 { return r.modified }

// DeletedCount returns the number of documents that were deleted.
func (r *BulkWriteResult) DeletedCount() (int64, error) {
	return r.deleted, unacknowledged(r.Acknowledged)
}

// Deleted is [BulkWriteResult.DeletedCount] without an error: it is 0 if the write was not acknowledged.
func (r *BulkWriteResult) Deleted() int64 { return r.deleted }

// UpsertedCount returns the number of documents that were upserted.
func (r *BulkWriteResult) UpsertedCount() (int64, error) {
	return r.upserted, unacknowledged(r.Acknowledged)
}

// Upserted is [BulkWriteResult.UpsertedCount] without an error: it is 0 if the write was not acknowledged.
func (r *BulkWriteResult) Upserted() int64 { return r.upserted }

// UpsertedIDs returns the _ids of the documents that were upserted, by the indexes of their writes.
func (r *BulkWriteResult) UpsertedIDs() (map[int64]any, error) {
	return r.upsertedIDs, unacknowledged(r.Acknowledged)
}

// setCounts sets all but Acknowledged from a result of the driver.
func (r *BulkWriteResult) setCounts(from *mongo.BulkWriteResult) {
	r.inserted, r.matched, r.modified = from.InsertedCount, from.MatchedCount, from.ModifiedCount
	r.deleted, r.upserted, r.upsertedIDs = from.DeletedCount, from.UpsertedCount, from.UpsertedIDs
}

func (r *BulkWriteResult) addUpserted(index int, id any) {
	if r.upsertedIDs == nil {
		r.upsertedIDs = make(map[int64]any)
	}
	r.upsertedIDs[int64(index)] = id
}

func unacknowledged(acknowledged bool) error {
	if acknowledged {
		return nil
	}
	return newError(InvalidOperation, "the result is not available when the write is unacknowledged")
}

// bulkOutcome is the outcome of several writes.
type bulkOutcome struct {
	result   BulkWriteResult
	bad      mongo.BulkWriteException // with indexes in the whole list, and the last write concern error
	concerns []mongo.WriteConcernError
	tried    int                 // how many writes sendParts has sent before an error that is not of a write
	op       func(index int) any // returns a write as a statement of its command
}

// newInsertOutcome returns an empty outcome for an insert of several documents.
func newInsertOutcome(docs []bson.Raw) *bulkOutcome {
	return &bulkOutcome{op: func(index int) any { return docs[index] }}
}

func (o *bulkOutcome) bulkWriteResult() *BulkWriteResult { return &o.result }

// oldResult returns the result of the old Bulk.execute.
func (o *bulkOutcome) oldResult() bson.M {
	if !o.result.Acknowledged {
		return nil
	}
	doc, _ := decode[bson.M](new(codec), o.document()) // document returned valid BSON
	return doc
}

// add records the server's reply to a part of a run: n statements from the one at first. It returns [ProtocolError] if
// the reply refers to other statements.
func (o *bulkOutcome) add(run *bulkRun, first, n int, reply writeAnswer, failed mongo.WriteException) error {
	for _, e := range failed.WriteErrors {
		if err := checkWriteIndex(e, n); err != nil {
			return err
		}
		e.Index = run.indexes[first+e.Index]
		o.bad.WriteErrors = append(o.bad.WriteErrors, mongo.BulkWriteError{WriteError: e})
	}
	switch run.kind {
	case command.InsertKind:
		o.result.inserted += reply.N
	case command.DeleteKind:
		o.result.deleted += reply.N
	default:
		upserted := int64(len(reply.Upserted))
		o.result.matched += reply.N - upserted
		o.result.modified += reply.NModified
		o.result.upserted += upserted
		for _, u := range reply.Upserted {
			index, err := u.index(n)
			if err != nil {
				return err
			}
			o.result.addUpserted(run.indexes[first+index], u.id())
		}
	}
	o.addConcern(failed.WriteConcernError)
	o.addLabels(failed.Labels)
	return nil
}

func (o *bulkOutcome) addLabels(labels []string) {
	for _, label := range labels {
		if !slices.Contains(o.bad.Labels, label) {
			o.bad.Labels = append(o.bad.Labels, label)
		}
	}
}

// check returns [ProtocolError] if an error or an _id of an outcome from the driver is not that of one of n writes.
func (o *bulkOutcome) check(n int) error {
	for _, e := range o.bad.WriteErrors {
		if err := checkWriteIndex(e.WriteError, n); err != nil {
			return err
		}
	}
	for index := range o.result.upsertedIDs {
		if index < 0 || index >= int64(n) {
			return errWriteIndex("upserted", index, n)
		}
	}
	return nil
}

// checkWriteIndex returns [ProtocolError] if a write error is not that of one of n writes. The driver sets the index to
// 0 if the reply has none.
func checkWriteIndex(e mongo.WriteError, n int) error {
	if index := e.Raw.Lookup("index"); e.Raw != nil && !index.IsNumber() {
		return errWriteIndex("writeErrors", index, n)
	}
	if e.Index < 0 || e.Index >= n {
		return errWriteIndex("writeErrors", e.Index, n)
	}
	return nil
}

func errWriteIndex(field string, index any, n int) error {
	return newError(ProtocolError, "invalid index %v in %s of the reply: the command has %d writes", index, field, n)
}

func (o *bulkOutcome) addConcern(e *mongo.WriteConcernError) {
	if e != nil {
		o.bad.WriteConcernError = e
		o.concerns = append(o.concerns, *e)
	}
}

// addError records the driver's error.
func (o *bulkOutcome) addError(err error) {
	if errors.As(err, &o.bad) {
		o.addConcern(o.bad.WriteConcernError)
	}
}

// err returns the errors of all writes as one error, or nil.
func (o *bulkOutcome) err() error {
	if len(o.bad.WriteErrors) > 0 || o.bad.WriteConcernError != nil {
		return o.bad
	}
	return nil
}

// failed gives err its class, and the result and the errors of the writes before it.
func (o *bulkOutcome) failed(err error, partial any) error {
	err = wrapError(err)
	if errors.Is(err, BulkWriteError) || o.err() != nil {
		return withResult(err, o, partial)
	}
	return withResult(err, nil, partial)
}

// withResult returns err with the outcome of the writes. It returns a new error, since err may have other owners.
func withResult(err error, outcome *bulkOutcome, partial any) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	with := *own
	if error(own) != err {
		with = Error{class: own.class, cause: err}
	}
	with.partial = partial
	if outcome != nil {
		with.outcome = outcome
	}
	return &with
}

// merge adds the outcome of a part, whose first write has the index first in the whole list.
func (o *bulkOutcome) merge(part *bulkOutcome, first int) {
	o.result.inserted += part.result.inserted
	o.result.matched += part.result.matched
	o.result.modified += part.result.modified
	o.result.deleted += part.result.deleted
	o.result.upserted += part.result.upserted
	if part.result.upsertedIDs != nil && o.result.upsertedIDs == nil {
		o.result.upsertedIDs = make(map[int64]any)
	}
	for i, id := range part.result.upsertedIDs {
		o.result.upsertedIDs[int64(first)+i] = id
	}
	for _, e := range part.bad.WriteErrors {
		e.Index += first
		o.bad.WriteErrors = append(o.bad.WriteErrors, e)
	}
	if part.bad.WriteConcernError != nil {
		o.bad.WriteConcernError = part.bad.WriteConcernError
	}
	o.concerns = append(o.concerns, part.concerns...)
	o.addLabels(part.bad.Labels)
}

// reorder gives the writes the indexes of order, or none if it is nil.
func (o *bulkOutcome) reorder(order []int) {
	if order == nil {
		return
	}
	for i := range o.bad.WriteErrors {
		o.bad.WriteErrors[i].Index = order[o.bad.WriteErrors[i].Index]
	}
	if o.result.upsertedIDs != nil {
		ids := make(map[int64]any, len(o.result.upsertedIDs))
		for i, id := range o.result.upsertedIDs {
			ids[int64(order[i])] = id
		}
		o.result.upsertedIDs = ids
	}
}

// document returns the outcome as a document: PyMongo's BulkWriteError.details, and the result of the old Bulk.execute.
func (o *bulkOutcome) document() bson.Raw {
	failed, concerns, upserted := bson.A{}, bson.A{}, bson.A{}
	errs := slices.Clone(o.bad.WriteErrors)
	slices.SortStableFunc(errs, func(a, b mongo.BulkWriteError) int { return cmp.Compare(a.Index, b.Index) })
	for _, e := range errs {
		failed = append(failed, o.writeError(e))
	}
	for _, e := range o.concerns {
		concerns = append(concerns, e.Raw)
	}
	for _, index := range slices.Sorted(maps.Keys(o.result.upsertedIDs)) {
		upserted = append(upserted, bson.D{{Key: "index", Value: int(index)}, {Key: "_id", Value: o.result.upsertedIDs[index]}})
	}
	// Values that the server sent, or that were sent to it, can be encoded.
	raw, _ := bson.Marshal(bson.D{
		{Key: "writeErrors", Value: failed},
		{Key: "writeConcernErrors", Value: concerns},
		{Key: "nInserted", Value: int(o.result.inserted)},
		{Key: "nUpserted", Value: int(o.result.upserted)},
		{Key: "nMatched", Value: int(o.result.matched)},
		{Key: "nModified", Value: int(o.result.modified)},
		{Key: "nRemoved", Value: int(o.result.deleted)},
		{Key: "upserted", Value: upserted},
	})
	return raw
}

// clientBulkOutcome returns the outcome of the writes of Client.BulkWrite.
func clientBulkOutcome(err mongo.ClientBulkWriteException, op func(int) any) *bulkOutcome {
	o := &bulkOutcome{concerns: err.WriteConcernErrors, op: op}
	for i, e := range err.WriteErrors {
		e.Index = i
		o.bad.WriteErrors = append(o.bad.WriteErrors, mongo.BulkWriteError{WriteError: e})
	}
	if r := err.PartialResult; r != nil {
		o.result.inserted, o.result.matched, o.result.modified = r.InsertedCount, r.MatchedCount, r.ModifiedCount
		o.result.deleted, o.result.upserted = r.DeletedCount, r.UpsertedCount
		for i, u := range r.UpdateResults {
			if u.UpsertedID != nil {
				o.result.addUpserted(i, u.UpsertedID)
			}
		}
	}
	return o
}

// writeError returns the server's error of a write, with its index in the whole list and the write as op.
func (o *bulkOutcome) writeError(e mongo.BulkWriteError) bson.D {
	doc := bson.D{{Key: "index", Value: e.Index}}
	if e.Raw == nil { // the driver has dropped the server's document
		doc = append(doc, bson.E{Key: "code", Value: e.Code}, bson.E{Key: "errmsg", Value: e.Message})
		if e.WriteError.Details != nil {
			doc = append(doc, bson.E{Key: "errInfo", Value: e.WriteError.Details})
		}
	}
	elements, _ := e.Raw.Elements()
	for _, element := range elements {
		if key := element.Key(); key != "index" {
			doc = append(doc, bson.E{Key: key, Value: element.Value()})
		}
	}
	return append(doc, bson.E{Key: "op", Value: o.op(e.Index)})
}
