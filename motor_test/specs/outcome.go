package specs

import (
	"bytes"
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// prepare fills the collection with its initial documents.
func (d *collectionData) prepare(ctx context.Context, s *server) error {
	majority := options.Database().SetWriteConcern(writeconcern.Majority())
	db := s.client.Database(d.Database, majority)
	if err := db.Collection(d.Collection).Drop(ctx); err != nil {
		return fmt.Errorf("dropping %s.%s: %w", d.Database, d.Collection, err)
	}
	if len(d.Documents) > 0 && d.Options == nil {
		if _, err := db.Collection(d.Collection).InsertMany(ctx, d.Documents); err != nil {
			return fmt.Errorf("filling %s.%s: %w", d.Database, d.Collection, err)
		}
		return nil
	}
	command := bson.D{{Key: "create", Value: d.Collection}}
	elements, err := d.Options.Elements()
	if d.Options != nil && err != nil {
		return err
	}
	for _, element := range elements {
		command = append(command, bson.E{Key: element.Key(), Value: element.Value()})
	}
	command = append(command, bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}})
	if err := db.RunCommand(ctx, command).Err(); err != nil {
		return fmt.Errorf("creating %s.%s: %w", d.Database, d.Collection, err)
	}
	if len(d.Documents) > 0 {
		if _, err := db.Collection(d.Collection).InsertMany(ctx, d.Documents); err != nil {
			return fmt.Errorf("filling %s.%s: %w", d.Database, d.Collection, err)
		}
	}
	return nil
}

// check compares the documents of the collection, in the order of their _ids, with the expected ones. They must be
// equal except for the order of keys.
func (d *collectionData) check(ctx context.Context, s *server) error {
	coll := s.client.Database(d.Database).Collection(d.Collection,
		options.Collection().SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Local()))
	cursor, err := coll.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return fmt.Errorf("outcome: cannot read the collection: %w", err)
	}
	var docs []bson.Raw
	if err := cursor.All(ctx, &docs); err != nil {
		return fmt.Errorf("outcome: cannot read the collection: %w", err)
	}
	if len(docs) != len(d.Documents) {
		return fmt.Errorf("outcome: want %d documents, got %d: %v", len(d.Documents), len(docs), docs)
	}
	for i, want := range d.Documents {
		if !identical(ofDocument(want), ofDocument(docs[i])) {
			return fmt.Errorf("outcome: document %d: want %s, got %s", i, want, docs[i])
		}
	}
	return nil
}

// identical reports whether two values and their types are equal. The order of keys does not matter.
func identical(a, b value) bool {
	if a.Type != b.Type {
		return false
	}
	switch a.Type {
	case bson.TypeEmbeddedDocument:
		x, errX := a.Document().Elements()
		y, errY := b.Document().Elements()
		if errX != nil || errY != nil || len(x) != len(y) {
			return false
		}
		for _, element := range x {
			if !identical(element.Value(), b.Document().Lookup(element.Key())) {
				return false
			}
		}
		return true
	case bson.TypeArray:
		x, errX := a.Array().Values()
		y, errY := b.Array().Values()
		if errX != nil || errY != nil || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !identical(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return bytes.Equal(a.Value, b.Value)
}
