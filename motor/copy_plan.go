package motor

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// copyPart is a collection or view to be copied. One goroutine at a time works on it.
type copyPart struct {
	name    string
	kind    string   // "view", "timeseries", "collection", or "" of old servers
	options bson.Raw // as create takes them
	uuid    bson.RawValue

	exists   bool  // the target has it, and it is to be replaced
	expected int64 // documents, as estimated; only known for a progress report

	begun  bool // the target may have been changed
	copied CopiedCollection
}

func (p *copyPart) view() bool { return p.kind == "view" }

// has reports whether an option is there and not false.
func (p *copyPart) has(option string) bool {
	v := p.options.Lookup(option)
	on, isBool := v.BooleanOK()
	return !v.IsZero() && (on || !isBool)
}

// plan finds out what is to be copied, and that nothing is in the way. It runs in the slot of the copy.
func (cp *databaseCopy) plan(ctx context.Context) error {
	parts, err := listed(ctx, cp.source)
	if err != nil {
		return err
	}
	there, err := listed(ctx, cp.target)
	if err != nil {
		return err
	}
	byName := make(map[string]*copyPart, len(there))
	for _, p := range there {
		byName[p.name] = p
	}
	for _, p := range parts {
		old := byName[p.name]
		switch {
		case old == nil:
		case !cp.replace:
			return newError(CollectionInvalid, "there is a collection %s.%s: nothing was copied", cp.to.name, p.name)
		case !p.uuid.IsZero() && p.uuid.Equal(old.uuid):
			// Another name for the same host. Dropping the target would leave nothing to copy.
			return newError(ValueError, "CopyDatabase: %s.%s cannot be copied to itself", cp.to.name, p.name)
		default:
			p.exists = true
		}
	}
	slices.SortFunc(parts, func(a, b *copyPart) int {
		if a.view() != b.view() {
			if a.view() {
				return 1
			}
			return -1
		}
		return strings.Compare(a.name, b.name)
	})
	cp.parts = parts
	return nil
}

// listed returns what a database has that a copy is concerned with.
func listed(ctx context.Context, db *mongo.Database) ([]*copyPart, error) {
	cursor, err := db.ListCollections(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	defer cursor.Close(ctx)
	var parts []*copyPart
	for cursor.Next(ctx) {
		// Raw, because the client may have a registry or BSON options under which structs are not what they were.
		p := new(copyPart)
		p.name, _ = cursor.Current.Lookup("name").StringValueOK()
		p.kind, _ = cursor.Current.Lookup("type").StringValueOK()
		p.uuid = clonedValue(cursor.Current.Lookup("info", "uuid"))
		options, _ := cursor.Current.Lookup("options").DocumentOK()
		p.options = slices.Clone(options)
		p.copied = CopiedCollection{Name: p.name, View: p.view()}
		if !strings.HasPrefix(p.name, "system.") || p.name == "system.js" {
			parts = append(parts, p)
		}
	}
	return parts, cursor.Err()
}

func clonedValue(v bson.RawValue) bson.RawValue {
	v.Value = slices.Clone(v.Value)
	return v
}

// formerOptions are what old servers list as options of a collection, and no server takes any more.
var formerOptions = map[string]bool{"autoIndexId": true, "flags": true, "temp": true, "uuid": true, "create": true}

// createCommand returns the command that makes the collection or view.
func (p *copyPart) createCommand() (bson.D, error) {
	command := bson.D{{Key: "create", Value: p.name}}
	if p.options == nil {
		return command, nil
	}
	elements, err := p.options.Elements()
	for _, e := range elements {
		if !formerOptions[e.Key()] {
			command = append(command, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return command, err
}

// indexSpec returns an index as createIndexes takes it, or nil if the collection has it from its creation.
func indexSpec(raw bson.Raw) (bson.D, error) {
	if clustered, _ := raw.Lookup("clustered").BooleanOK(); clustered {
		return nil, nil
	}
	if name, _ := raw.Lookup("name").StringValueOK(); name == "_id_" {
		return nil, nil
	}
	elements, err := raw.Elements()
	var spec bson.D
	for _, e := range elements {
		switch version, _ := e.Value().AsInt64OK(); {
		case e.Key() == "ns": // of old servers
		case e.Key() == "v" && version == 2: // what it is anyhow; not all that list it take it
		default:
			spec = append(spec, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return spec, err
}
