package motor

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// model returns a write of several with its documents encoded, for the driver.
func (e *encoding) model(model mongo.WriteModel) mongo.WriteModel {
	if isNil(model) {
		e.check(newError(TypeError, "a write is nil"))
		return nil
	}
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return &mongo.InsertOneModel{Document: e.inserted(m.Document)}
	case *mongo.UpdateOneModel:
		return &mongo.UpdateOneModel{
			Filter: e.document("filter", m.Filter), Update: e.update(m.Update),
			ArrayFilters: e.list("an array filter", m.ArrayFilters), Collation: copied(m.Collation),
			Hint: e.keys("hint", m.Hint), Sort: e.keys("sort", m.Sort), Upsert: copied(m.Upsert),
		}
	case *mongo.UpdateManyModel:
		return &mongo.UpdateManyModel{
			Filter: e.document("filter", m.Filter), Update: e.update(m.Update),
			ArrayFilters: e.list("an array filter", m.ArrayFilters), Collation: copied(m.Collation),
			Hint: e.keys("hint", m.Hint), Upsert: copied(m.Upsert),
		}
	case *mongo.ReplaceOneModel:
		return &mongo.ReplaceOneModel{
			Filter: e.document("filter", m.Filter), Replacement: e.replacement(m.Replacement), Collation: copied(m.Collation),
			Hint: e.keys("hint", m.Hint), Sort: e.keys("sort", m.Sort), Upsert: copied(m.Upsert),
		}
	case *mongo.DeleteOneModel:
		return &mongo.DeleteOneModel{
			Filter: e.document("filter", m.Filter), Collation: copied(m.Collation), Hint: e.keys("hint", m.Hint),
		}
	case *mongo.DeleteManyModel:
		return &mongo.DeleteManyModel{
			Filter: e.document("filter", m.Filter), Collation: copied(m.Collation), Hint: e.keys("hint", m.Hint),
		}
	}
	e.check(newError(TypeError, "a write cannot be a %T", model))
	return nil
}

// statement is one write of a command, and the kind of that.
type statement struct {
	kind *writeKind
	doc  bson.Raw
}

// writeKind is one of the three commands that write documents.
type writeKind struct {
	name string
	list string // the name of the list of statements
}

var (
	insertKind = &writeKind{"insert", "documents"}
	updateKind = &writeKind{"update", "updates"}
	deleteKind = &writeKind{"delete", "deletes"}
)

// statementOf returns an encoded model as the driver sends it.
func (c *codec) statementOf(model mongo.WriteModel) (s statement, err error) {
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return statement{insertKind, m.Document.(bson.Raw)}, nil
	case *mongo.UpdateOneModel:
		s.doc, err = c.updateStatement(m.Filter, m.Update, false, options.UpdateOneOptions{
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Hint: m.Hint, Sort: m.Sort, Upsert: m.Upsert,
		})
	case *mongo.UpdateManyModel:
		s.doc, err = c.updateStatement(m.Filter, m.Update, true, options.UpdateOneOptions{
			ArrayFilters: m.ArrayFilters, Collation: m.Collation, Hint: m.Hint, Upsert: m.Upsert,
		})
	case *mongo.ReplaceOneModel:
		s.doc, err = c.updateStatement(m.Filter, m.Replacement, false, options.UpdateOneOptions{
			Collation: m.Collation, Hint: m.Hint, Sort: m.Sort, Upsert: m.Upsert,
		})
	case *mongo.DeleteOneModel:
		s.doc, err = c.deleteStatement(m.Filter, false, options.DeleteOneOptions{Collation: m.Collation, Hint: m.Hint})
		return statement{deleteKind, s.doc}, err
	case *mongo.DeleteManyModel:
		s.doc, err = c.deleteStatement(m.Filter, true, options.DeleteOneOptions{Collation: m.Collation, Hint: m.Hint})
		return statement{deleteKind, s.doc}, err
	}
	return statement{updateKind, s.doc}, err
}

// updateStatement returns a statement of update, from encoded documents.
func (c *codec) updateStatement(query, change any, many bool, o options.UpdateOneOptions) (bson.Raw, error) {
	s := fields{codec: c, doc: bson.D{{Key: "q", Value: query}, {Key: "u", Value: change}}}
	if many {
		s.add("multi", true)
	}
	s.keys("sort", o.Sort)
	s.documents("arrayFilters", o.ArrayFilters)
	s.collation(o.Collation)
	optional(&s, "upsert", o.Upsert)
	s.keys("hint", o.Hint)
	return s.statement(), s.err
}

// deleteStatement returns a statement of delete, from an encoded query.
func (c *codec) deleteStatement(query any, many bool, o options.DeleteOneOptions) (bson.Raw, error) {
	limit := 1
	if many {
		limit = 0
	}
	s := fields{codec: c, doc: bson.D{{Key: "q", Value: query}, {Key: "limit", Value: limit}}}
	s.collation(o.Collation)
	s.keys("hint", o.Hint)
	return s.statement(), s.err
}
