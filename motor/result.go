package motor

import "go.mongodb.org/mongo-driver/v2/mongo"

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
