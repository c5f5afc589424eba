package command

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Kind is the kind of a write command.
type Kind struct {
	Name string
	List string // the name of the field with the list of statements
}

// The kinds of write commands.
var (
	InsertKind = &Kind{"insert", "documents"}
	UpdateKind = &Kind{"update", "updates"}
	DeleteKind = &Kind{"delete", "deletes"}
)

// InsertOne returns an insert command without its document.
func InsertOne(c bsoncodec.Codec, collection string, o options.InsertOneOptions) *Builder {
	b := New(c, bson.E{Key: InsertKind.Name, Value: collection})
	AddOptional(b, "bypassDocumentValidation", o.BypassDocumentValidation)
	b.AddValue("comment", o.Comment)
	return b
}

// InsertMany returns an insert command without its documents.
func InsertMany(c bsoncodec.Codec, collection string, o options.InsertManyOptions) *Builder {
	b := New(c, bson.E{Key: InsertKind.Name, Value: collection})
	b.Add("ordered", o.Ordered == nil || *o.Ordered)
	AddOptional(b, "bypassDocumentValidation", o.BypassDocumentValidation)
	b.AddValue("comment", o.Comment)
	return b
}

// Update returns an update command without its statement; see [UpdateStatement]. It takes the options of UpdateOne,
// which include those of all other updates and replacements.
func Update(c bsoncodec.Codec, collection string, o options.UpdateOneOptions) *Builder {
	b := New(c, bson.E{Key: UpdateKind.Name, Value: collection})
	AddOptional(b, "bypassDocumentValidation", o.BypassDocumentValidation)
	b.AddValue("comment", o.Comment)
	b.AddDocument("let", o.Let)
	return b
}

// Delete returns a delete command without its statement; see [DeleteStatement]. DeleteMany has the same options.
func Delete(c bsoncodec.Codec, collection string, o options.DeleteOneOptions) *Builder {
	b := New(c, bson.E{Key: DeleteKind.Name, Value: collection})
	b.AddValue("comment", o.Comment)
	b.AddDocument("let", o.Let)
	return b
}

// Bulk returns a command of a bulk write without its statements.
func Bulk(c bsoncodec.Codec, collection string, kind *Kind, o options.BulkWriteOptions) *Builder {
	b := New(c, bson.E{Key: kind.Name, Value: collection})
	b.Add("ordered", o.Ordered == nil || *o.Ordered)
	if kind != DeleteKind {
		AddOptional(b, "bypassDocumentValidation", o.BypassDocumentValidation)
	}
	b.AddValue("comment", o.Comment)
	if kind != InsertKind {
		b.AddDocument("let", o.Let)
	}
	return b
}

// UpdateStatement returns the statement of an update. query and change are encoded.
func UpdateStatement(c bsoncodec.Codec, query, change any, many bool, o options.UpdateOneOptions) (bson.Raw, error) {
	b := New(c, bson.E{Key: "q", Value: query}, bson.E{Key: "u", Value: change})
	b.AddTrue("multi", many)
	b.AddKeysOrName("sort", o.Sort)
	b.AddDocuments("arrayFilters", o.ArrayFilters)
	b.AddCollation(o.Collation)
	AddOptional(b, "upsert", o.Upsert)
	b.AddKeysOrName("hint", o.Hint)
	return b.Raw(), b.Err()
}

// DeleteStatement returns the statement of a delete. query is encoded.
func DeleteStatement(c bsoncodec.Codec, query any, many bool, o options.DeleteOneOptions) (bson.Raw, error) {
	limit := 1
	if many {
		limit = 0
	}
	b := New(c, bson.E{Key: "q", Value: query}, bson.E{Key: "limit", Value: limit})
	b.AddCollation(o.Collation)
	b.AddKeysOrName("hint", o.Hint)
	return b.Raw(), b.Err()
}

// FindAndModify returns the command without its write concern. query and change are encoded; a nil change deletes. The
// options of FindOneAndUpdate include those of FindOneAndDelete and FindOneAndReplace.
func FindAndModify(c bsoncodec.Codec, collection string, query, change any, o options.FindOneAndUpdateOptions) *Builder {
	b := New(c, bson.E{Key: "findAndModify", Value: collection}, bson.E{Key: "query", Value: query})
	if change == nil {
		b.Add("remove", true)
	} else {
		b.Add("update", change)
	}
	b.AddDocuments("arrayFilters", o.ArrayFilters)
	AddOptional(b, "bypassDocumentValidation", o.BypassDocumentValidation)
	b.AddCollation(o.Collation)
	b.AddValue("comment", o.Comment)
	b.AddDocument("fields", o.Projection)
	if o.ReturnDocument != nil {
		b.Add("new", *o.ReturnDocument == options.After)
	}
	b.AddKeysOrName("sort", o.Sort)
	AddOptional(b, "upsert", o.Upsert)
	b.AddKeysOrName("hint", o.Hint)
	b.AddDocument("let", o.Let)
	return b
}

// UpdateMany converts options to those of UpdateOne.
func UpdateMany(o options.UpdateManyOptions) options.UpdateOneOptions {
	return options.UpdateOneOptions{
		ArrayFilters: o.ArrayFilters, BypassDocumentValidation: o.BypassDocumentValidation, Collation: o.Collation,
		Comment: o.Comment, Hint: o.Hint, Upsert: o.Upsert, Let: o.Let,
	}
}

// Replace converts options to those of UpdateOne.
func Replace(o options.ReplaceOptions) options.UpdateOneOptions {
	return options.UpdateOneOptions{
		BypassDocumentValidation: o.BypassDocumentValidation, Collation: o.Collation, Comment: o.Comment, Hint: o.Hint,
		Upsert: o.Upsert, Let: o.Let, Sort: o.Sort,
	}
}

// DeleteMany converts options to those of DeleteOne.
func DeleteMany(o options.DeleteManyOptions) options.DeleteOneOptions {
	return options.DeleteOneOptions{Collation: o.Collation, Comment: o.Comment, Hint: o.Hint, Let: o.Let}
}

// FindOneAndDelete converts options to those of FindOneAndUpdate.
func FindOneAndDelete(o options.FindOneAndDeleteOptions) options.FindOneAndUpdateOptions {
	return options.FindOneAndUpdateOptions{
		Collation: o.Collation, Comment: o.Comment, Projection: o.Projection, Sort: o.Sort, Hint: o.Hint, Let: o.Let,
	}
}

// FindOneAndReplace converts options to those of FindOneAndUpdate.
func FindOneAndReplace(o options.FindOneAndReplaceOptions) options.FindOneAndUpdateOptions {
	return options.FindOneAndUpdateOptions{
		BypassDocumentValidation: o.BypassDocumentValidation, Collation: o.Collation, Comment: o.Comment,
		Projection: o.Projection, ReturnDocument: o.ReturnDocument, Sort: o.Sort, Upsert: o.Upsert, Hint: o.Hint, Let: o.Let,
	}
}
