package command

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Model returns a write model for the driver, with its documents encoded.
func (b *Builder) Model(model mongo.WriteModel) mongo.WriteModel {
	if IsNil(model) {
		b.Failf(bsoncodec.WrongType, "a write model must not be nil")
		return nil
	}
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return &mongo.InsertOneModel{Document: b.Inserted(m.Document)}
	case *mongo.UpdateOneModel:
		return &mongo.UpdateOneModel{
			Filter: b.Document("filter", m.Filter), Update: b.Update(m.Update),
			ArrayFilters: b.OptionalDocuments("an array filter", m.ArrayFilters), Collation: Copy(m.Collation),
			Hint: b.KeysOrName("hint", m.Hint), Sort: b.KeysOrName("sort", m.Sort), Upsert: Copy(m.Upsert),
		}
	case *mongo.UpdateManyModel:
		return &mongo.UpdateManyModel{
			Filter: b.Document("filter", m.Filter), Update: b.Update(m.Update),
			ArrayFilters: b.OptionalDocuments("an array filter", m.ArrayFilters), Collation: Copy(m.Collation),
			Hint: b.KeysOrName("hint", m.Hint), Upsert: Copy(m.Upsert),
		}
	case *mongo.ReplaceOneModel:
		return &mongo.ReplaceOneModel{
			Filter: b.Document("filter", m.Filter), Replacement: b.Replacement(m.Replacement), Collation: Copy(m.Collation),
			Hint: b.KeysOrName("hint", m.Hint), Sort: b.KeysOrName("sort", m.Sort), Upsert: Copy(m.Upsert),
		}
	case *mongo.DeleteOneModel:
		return &mongo.DeleteOneModel{
			Filter: b.Document("filter", m.Filter), Collation: Copy(m.Collation), Hint: b.KeysOrName("hint", m.Hint),
		}
	case *mongo.DeleteManyModel:
		return &mongo.DeleteManyModel{
			Filter: b.Document("filter", m.Filter), Collation: Copy(m.Collation), Hint: b.KeysOrName("hint", m.Hint),
		}
	}
	b.Failf(bsoncodec.WrongType, "%T is not a valid write model", model)
	return nil
}

// HintOf returns the hint of a write model, or nil.
func HintOf(model mongo.WriteModel) any {
	switch m := model.(type) {
	case *mongo.UpdateOneModel:
		return m.Hint
	case *mongo.UpdateManyModel:
		return m.Hint
	case *mongo.ReplaceOneModel:
		return m.Hint
	case *mongo.DeleteOneModel:
		return m.Hint
	case *mongo.DeleteManyModel:
		return m.Hint
	}
	return nil
}

// ClientModel is like Model, for the write models of Client.BulkWrite.
func (b *Builder) ClientModel(model mongo.ClientWriteModel) mongo.ClientWriteModel {
	switch m := b.Model(CollectionModel(model)).(type) {
	case *mongo.InsertOneModel:
		return (*mongo.ClientInsertOneModel)(m)
	case *mongo.UpdateOneModel:
		return (*mongo.ClientUpdateOneModel)(m)
	case *mongo.UpdateManyModel:
		return (*mongo.ClientUpdateManyModel)(m)
	case *mongo.ReplaceOneModel:
		return (*mongo.ClientReplaceOneModel)(m)
	case *mongo.DeleteOneModel:
		return (*mongo.ClientDeleteOneModel)(m)
	case *mongo.DeleteManyModel:
		return (*mongo.ClientDeleteManyModel)(m)
	}
	return nil
}

// UpdateModel returns an update or a replacement of one document, whose parts are encoded, for Client.BulkWrite. It
// returns nil if an option belongs to the whole command: a comment, variables, or the validation of documents. It also
// returns nil for an upsert of the _id null, which the driver does not tell from an update.
func UpdateModel(query bson.Raw, change any, replace bool, o options.UpdateOneOptions) mongo.ClientWriteModel {
	update := &mongo.ClientUpdateOneModel{
		Filter: query, Update: change, ArrayFilters: o.ArrayFilters, Collation: o.Collation, Hint: o.Hint, Sort: o.Sort, Upsert: o.Upsert,
	}
	raw, _ := change.(bson.Raw)
	if o.Upsert != nil && (query.Lookup("_id").Type == bson.TypeNull || raw.Lookup("_id").Type == bson.TypeNull) {
		return nil
	}
	o.ArrayFilters, o.Collation, o.Hint, o.Sort, o.Upsert = nil, nil, nil, nil, nil
	if !reflect.ValueOf(&o).Elem().IsZero() {
		return nil
	}
	if !replace {
		return update
	}
	return &mongo.ClientReplaceOneModel{
		Filter: query, Replacement: change, Collation: update.Collation, Hint: update.Hint, Sort: update.Sort, Upsert: update.Upsert,
	}
}

// DeleteModel is UpdateModel for a deletion of one document.
func DeleteModel(query bson.Raw, o options.DeleteOneOptions) mongo.ClientWriteModel {
	remove := &mongo.ClientDeleteOneModel{Filter: query, Collation: o.Collation, Hint: o.Hint}
	o.Collation, o.Hint = nil, nil
	if !reflect.ValueOf(&o).Elem().IsZero() {
		return nil
	}
	return remove
}

// ModelSize returns the most bytes that a write adds to the command of Client.BulkWrite.
func ModelSize(c bsoncodec.Codec, model mongo.ClientWriteModel) (int, error) {
	const more = 128 // names of fields, and those that a statement of an update or a delete command does not have
	switch m := model.(type) {
	case *mongo.ClientUpdateOneModel:
		if change, ok := m.Update.(bson.Raw); ok && m.ArrayFilters == nil && m.Collation == nil && m.Hint == nil && m.Sort == nil {
			return len(m.Filter.(bson.Raw)) + len(change) + more, nil
		}
	case *mongo.ClientReplaceOneModel:
		if m.Collation == nil && m.Hint == nil && m.Sort == nil {
			return len(m.Filter.(bson.Raw)) + len(m.Replacement.(bson.Raw)) + more, nil
		}
	case *mongo.ClientDeleteOneModel:
		if m.Collation == nil && m.Hint == nil {
			return len(m.Filter.(bson.Raw)) + more, nil
		}
	}
	s, err := StatementOf(c, CollectionModel(model))
	return len(s.Doc) + more, err
}

// CollectionModel converts a write model of Client.BulkWrite to the one of Collection.BulkWrite with the same fields.
func CollectionModel(model mongo.ClientWriteModel) mongo.WriteModel {
	switch m := model.(type) {
	case *mongo.ClientInsertOneModel:
		return (*mongo.InsertOneModel)(m)
	case *mongo.ClientUpdateOneModel:
		return (*mongo.UpdateOneModel)(m)
	case *mongo.ClientUpdateManyModel:
		return (*mongo.UpdateManyModel)(m)
	case *mongo.ClientReplaceOneModel:
		return (*mongo.ReplaceOneModel)(m)
	case *mongo.ClientDeleteOneModel:
		return (*mongo.DeleteOneModel)(m)
	case *mongo.ClientDeleteManyModel:
		return (*mongo.DeleteManyModel)(m)
	}
	return nil
}

// Statement is one write of a write command.
type Statement struct {
	Kind *Kind
	Doc  bson.Raw
}

// OpOf returns the statement of an encoded write model for the details of its error. Of an update it also has multi if
// that is false, as in PyMongo. The result is nil if the model cannot be encoded.
func OpOf(c bsoncodec.Codec, model mongo.WriteModel) any {
	s, err := StatementOf(c, model)
	if err != nil || s.Doc == nil {
		return nil
	}
	if s.Kind == UpdateKind && s.Doc.Lookup("multi").IsZero() {
		if with, err := bsoncodec.WithField(s.Doc, "multi", false); err == nil {
			return with
		}
	}
	return s.Doc
}

// StatementOf returns the statement that the driver sends for an encoded write model.
func StatementOf(c bsoncodec.Codec, model mongo.WriteModel) (s Statement, err error) {
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return Statement{InsertKind, m.Document.(bson.Raw)}, nil
	case *mongo.UpdateOneModel:
		s.Kind = UpdateKind
		s.Doc, err = UpdateStatement(c, m.Filter, m.Update, false, options.UpdateOneOptions{
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Hint: m.Hint, Sort: m.Sort, Upsert: m.Upsert,
		})
	case *mongo.UpdateManyModel:
		s.Kind = UpdateKind
		s.Doc, err = UpdateStatement(c, m.Filter, m.Update, true, options.UpdateOneOptions{
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Hint: m.Hint, Upsert: m.Upsert,
		})
	case *mongo.ReplaceOneModel:
		s.Kind = UpdateKind
		s.Doc, err = UpdateStatement(c, m.Filter, m.Replacement, false, options.UpdateOneOptions{
			Collation: m.Collation, Hint: m.Hint, Sort: m.Sort, Upsert: m.Upsert,
		})
	case *mongo.DeleteOneModel:
		s.Kind = DeleteKind
		s.Doc, err = DeleteStatement(c, m.Filter, false, options.DeleteOneOptions{Collation: m.Collation, Hint: m.Hint})
	case *mongo.DeleteManyModel:
		s.Kind = DeleteKind
		s.Doc, err = DeleteStatement(c, m.Filter, true, options.DeleteOneOptions{Collation: m.Collation, Hint: m.Hint})
	}
	return s, err
}
