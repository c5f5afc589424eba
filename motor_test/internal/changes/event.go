package changes

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Namespace names a collection, or a database if Collection is empty.
type Namespace struct{ Database, Collection string }

func (ns Namespace) doc() bson.D {
	doc := bson.D{{Key: "db", Value: ns.Database}}
	if ns.Collection != "" {
		doc = append(doc, bson.E{Key: "coll", Value: ns.Collection})
	}
	return doc
}

// The operations of events.
const (
	Insert        = "insert"
	Update        = "update"
	Replace       = "replace"
	Delete        = "delete"
	Drop          = "drop"
	DropDatabase  = "dropDatabase"
	Rename        = "rename"
	Create        = "create"
	CreateIndexes = "createIndexes"
	DropIndexes   = "dropIndexes"
	Modify        = "modify"
)

// Event describes a write.
type Event struct {
	Operation     string
	Namespace     Namespace
	UUID          *bson.Binary // of the collection, if known
	Time          bson.Timestamp
	ID            bson.RawValue // of the document
	Before, After bson.Raw      // the document, where the operation has it
	Images        bool          // the collection keeps images of its documents
	To            *Namespace    // of a rename
	Description   bson.D        // what an expanded event tells of the operation
}

// expanded reports whether only streams with showExpandedEvents have the event.
func (e *Event) expanded() bool {
	switch e.Operation {
	case Create, CreateIndexes, DropIndexes, Modify:
		return true
	}
	return false
}

func (e *Event) size() int { return 200 + len(e.Before) + len(e.After) + len(e.ID.Value) }

// shows reports whether the streams of a scope have an event.
func (s Scope) shows(e *Event) bool {
	if e.Operation == DropDatabase && s.Collection != "" {
		return false
	}
	return s.includes(e.Namespace) || e.To != nil && s.includes(*e.To)
}

// ends reports whether an event ends the streams of a scope, with an invalidate event.
func (s Scope) ends(e *Event) bool {
	switch e.Operation {
	case Drop, Rename:
		return s.Collection != "" && s.shows(e)
	case DropDatabase:
		return s.Database != "" && s.Collection == "" && s.shows(e)
	}
	return false
}

// render returns the document of an event.
func (e *taken) render(o *Options, lookup func(Namespace, bson.RawValue) (bson.Raw, error)) (bson.Raw, error) {
	wall := time.Unix(int64(e.Time.T), 0).UTC()
	doc := bson.D{{Key: "_id", Value: e.token}}
	if e.invalidate {
		return marshal(append(doc, bson.E{Key: "operationType", Value: "invalidate"}, bson.E{Key: "clusterTime", Value: e.Time},
			bson.E{Key: "wallTime", Value: wall})), nil
	}
	doc = append(doc, bson.E{Key: "operationType", Value: e.Operation}, bson.E{Key: "clusterTime", Value: e.Time})
	if o.Expanded && e.UUID != nil {
		doc = append(doc, bson.E{Key: "collectionUUID", Value: e.UUID})
	}
	doc = append(doc, bson.E{Key: "wallTime", Value: wall})
	full, has, err := e.fullDocument(o, lookup)
	if err != nil {
		return nil, err
	}
	if has {
		doc = append(doc, bson.E{Key: "fullDocument", Value: full})
	}
	doc = append(doc, bson.E{Key: "ns", Value: e.Namespace.doc()})
	if e.To != nil {
		doc = append(doc, bson.E{Key: "to", Value: e.To.doc()})
	}
	if !e.ID.IsZero() {
		doc = append(doc, bson.E{Key: "documentKey", Value: bson.D{{Key: "_id", Value: e.ID}}})
	}
	if o.Expanded && e.Description != nil {
		doc = append(doc, bson.E{Key: "operationDescription", Value: e.Description})
	}
	if e.Operation == Update {
		doc = append(doc, bson.E{Key: "updateDescription", Value: describe(e.Before, e.After, o.Expanded)})
	}
	before, has, err := e.beforeDocument(o)
	if has {
		doc = append(doc, bson.E{Key: "fullDocumentBeforeChange", Value: before})
	}
	return marshal(doc), err
}

// fullDocument returns the document of an event, or null. has is false if the event does not have the field.
func (e *taken) fullDocument(
	o *Options, lookup func(Namespace, bson.RawValue) (bson.Raw, error),
) (doc any, has bool, err error) {
	switch {
	case e.Operation == Insert || e.Operation == Replace:
		return e.After, true, nil
	case e.Operation != Update:
		return nil, false, nil
	}
	switch o.FullDocument {
	case UpdateLookup:
		now, err := lookup(e.Namespace, e.ID)
		return nullable(now), true, err
	case WhenAvailable, Required:
		return e.image(e.After, o.FullDocument, "fullDocument")
	}
	return nil, false, nil
}

func (e *taken) beforeDocument(o *Options) (doc any, has bool, err error) {
	if o.FullDocumentBefore != WhenAvailable && o.FullDocumentBefore != Required {
		return nil, false, nil
	}
	switch e.Operation {
	case Update, Replace, Delete:
		return e.image(e.Before, o.FullDocumentBefore, "fullDocumentBeforeChange")
	}
	return nil, false, nil
}

// image returns an image of the document, if the collection keeps them.
func (e *taken) image(image bson.Raw, mode, option string) (doc any, has bool, err error) {
	if !e.Images && mode == Required {
		return nil, false, &Error{CodeNoImage, fmt.Sprintf("%s is required, and the collection %s.%s keeps no images: "+
			"set changeStreamPreAndPostImages", option, e.Namespace.Database, e.Namespace.Collection)}
	}
	if !e.Images {
		return nil, true, nil
	}
	return image, true, nil
}

// nullable returns a document as a value. Nil is null.
func nullable(raw bson.Raw) any {
	if raw == nil {
		return nil
	}
	return raw
}

// marshal encodes a document of this package, which cannot fail.
func marshal(doc bson.D) bson.Raw {
	raw, err := bson.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("changes: %v", err))
	}
	return raw
}
