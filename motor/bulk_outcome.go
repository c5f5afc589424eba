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

// bulkOutcome is what has come of several writes.
type bulkOutcome struct {
	result   BulkWriteResult
	bad      mongo.BulkWriteException // with the indexes of the writes among all, and the last of concerns
	concerns []mongo.WriteConcernError
	op       func(index int) any // a write as a statement of its command
}

// newInsertOutcome is for an insert of several documents, which is one kind of bulk.
func newInsertOutcome(docs []bson.Raw) *bulkOutcome {
	return &bulkOutcome{op: func(index int) any { return docs[index] }}
}

func (o *bulkOutcome) bulkWriteResult() *BulkWriteResult { return &o.result }

// oldResult is what the old Bulk.execute gives.
func (o *bulkOutcome) oldResult() bson.M {
	if !o.result.Acknowledged {
		return nil
	}
	doc, _ := decode[bson.M](new(codec), o.document()) // it has been encoded just now
	return doc
}

// add notes the server's reply to a part of a run, the first statement of which is the one at first.
func (o *bulkOutcome) add(run *bulkRun, first int, reply writeAnswer, failed mongo.WriteException) {
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
			o.result.addUpserted(run.indexes[first+u.Index], u.id())
		}
	}
	for _, e := range failed.WriteErrors {
		e.Index = run.indexes[first+e.Index]
		o.bad.WriteErrors = append(o.bad.WriteErrors, mongo.BulkWriteError{WriteError: e})
	}
	o.addConcern(failed.WriteConcernError)
	for _, label := range failed.Labels {
		if !slices.Contains(o.bad.Labels, label) {
			o.bad.Labels = append(o.bad.Labels, label)
		}
	}
}

func (o *bulkOutcome) addConcern(e *mongo.WriteConcernError) {
	if e != nil {
		o.bad.WriteConcernError = e
		o.concerns = append(o.concerns, *e)
	}
}

// take notes what the driver's error says.
func (o *bulkOutcome) take(err error) {
	if errors.As(err, &o.bad) {
		o.addConcern(o.bad.WriteConcernError)
	}
}

// err returns what has gone wrong, or nil.
func (o *bulkOutcome) err() error {
	if len(o.bad.WriteErrors) > 0 || o.bad.WriteConcernError != nil {
		return o.bad
	}
	return nil
}

// failed returns err with its class, and with the result of the writes before it.
func (o *bulkOutcome) failed(err error, partial any) error {
	err = wrapError(err)
	if errors.Is(err, BulkWriteError) {
		return withResult(err, o, partial)
	}
	return withResult(err, nil, partial)
}

// withResult returns an error that says also what was done before it. It makes a new one: err may belong to others, too.
func withResult(err error, outcome *bulkOutcome, partial any) error {
	var own *Error
	if !errors.As(err, &own) {
		return err
	}
	with := *own
	if error(own) != err {
		with = Error{class: own.class, cause: err}
	}
	with.outcome, with.partial = outcome, partial
	return &with
}

// document returns the whole of it, as PyMongo's BulkWriteError.details and the result of the old Bulk.execute.
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
	// What came from the server, or has been sent, can be encoded.
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

// clientBulkOutcome returns what has come of the writes of Client.BulkWrite.
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

// writeError returns what the server said of a write, with its index among all, and the write.
func (o *bulkOutcome) writeError(e mongo.BulkWriteError) bson.D {
	doc := bson.D{{Key: "index", Value: e.Index}}
	if e.Raw == nil { // the driver keeps no more of it
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
