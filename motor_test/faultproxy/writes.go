package faultproxy

import (
	"bytes"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/internal/changes"
)

// insert records the documents that are there after an insert.
func (c *connection) insert(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	docs, err := m.statements("documents")
	if err != nil {
		return nil, nil, err
	}
	for i, doc := range docs {
		if doc.Lookup("_id").IsZero() {
			docs[i] = mustMarshal(append(bson.D{{Key: "_id", Value: bson.NewObjectID()}}, elements(doc)...))
		}
	}
	reply, err := c.forward(m.withStatements("documents", docs))
	if err != nil || failed(reply) {
		return reply, nil, err
	}
	ids, refused := docIDs(docs), writeErrors(reply)
	if len(refused) > 0 && m.ordered() {
		ids = ids[:min(refused[0], len(ids))]
	}
	var done []bson.RawValue
	for i, id := range ids {
		if !slices.Contains(refused, i) {
			done = append(done, id)
		}
	}
	events, err := c.insertions(ns, done)
	return reply, events, err
}

// insertions returns the events of documents that were inserted.
func (c *connection) insertions(ns changes.Namespace, ids []bson.RawValue) (events []*changes.Event, err error) {
	now, err := c.withIDs(ns, ids)
	for _, id := range ids {
		if doc := withID(now, id); doc != nil {
			events = append(events, &changes.Event{Operation: changes.Insert, Namespace: ns, ID: id, After: doc})
		}
	}
	return events, err
}

func (c *connection) update(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	return c.oneByOne(m, "updates", func(one *message, statement bson.Raw) (bson.Raw, []*changes.Event, error) {
		return c.modified(one, ns, statement, "q", updateKind(statement.Lookup("u")))
	})
}

func (c *connection) delete(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	return c.oneByOne(m, "deletes", func(one *message, statement bson.Raw) (bson.Raw, []*changes.Event, error) {
		return c.modified(one, ns, statement, "q", changes.Delete)
	})
}

func (c *connection) findAndModify(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	return c.modified(m, ns, m.body, "query", updateKind(m.body.Lookup("update")))
}

// updateKind returns the operation of an update. A document without operators replaces another.
func updateKind(update bson.RawValue) string {
	doc, ok := update.DocumentOK()
	first, err := doc.IndexErr(0)
	if ok && (err != nil || !strings.HasPrefix(first.Key(), "$")) {
		return changes.Replace
	}
	return changes.Update
}

// oneByOne does the statements of a write one after the other, and joins the replies. It also gives replies the fields
// that the embedded server leaves out: the n of updates that fail, and the index of each upsert.
func (c *connection) oneByOne(
	m *message, field string, do func(one *message, statement bson.Raw) (bson.Raw, []*changes.Event, error),
) (reply bson.Raw, events []*changes.Event, err error) {
	statements, err := m.statements(field)
	if err != nil {
		return nil, nil, err
	}
	if len(statements) == 0 {
		reply, err = c.forward(m)
		return reply, nil, err
	}
	var all writeReply
	for i, statement := range statements {
		one, more, err := do(m.withStatements(field, []bson.Raw{statement}), statement)
		events = append(events, more...)
		if err != nil || failed(one) {
			return one, events, err
		}
		if refused := all.add(i, one); refused && m.ordered() {
			break
		}
	}
	return all.encoded(), events, nil
}

// modified does a write that changes or deletes documents, or upserts one. spec has the filter and its collation. The
// documents that match the filter before the write are compared with what is there after it.
func (c *connection) modified(
	m *message, ns changes.Namespace, spec bson.Raw, filter, operation string,
) (reply bson.Raw, events []*changes.Event, err error) {
	query, ok := spec.Lookup(filter).DocumentOK()
	if !ok {
		query = mustMarshal(bson.D{})
	}
	collation, _ := spec.Lookup("collation").DocumentOK()
	before, unknown := c.find(ns, query, collation)
	if reply, err = c.forward(m); err != nil {
		return nil, nil, err
	}
	if unknown != nil && !failed(reply) && len(writeErrors(reply)) == 0 {
		return reply, nil, unknown
	}
	ids := docIDs(before)
	after, err := c.withIDs(ns, ids)
	if err != nil {
		return reply, nil, err
	}
	for i, id := range ids {
		e := &changes.Event{Operation: operation, Namespace: ns, ID: id, Before: before[i], After: withID(after, id)}
		if e.After == nil {
			e.Operation = changes.Delete
		}
		if !bytes.Equal(e.Before, e.After) {
			events = append(events, e)
		}
	}
	if id := upserted(reply); !id.IsZero() {
		events, err = c.insertions(ns, []bson.RawValue{id})
	}
	return reply, events, err
}

// upserted returns the _id of the document that an update or findAndModify of one has inserted.
func upserted(reply bson.Raw) bson.RawValue {
	if id, err := reply.LookupErr("lastErrorObject", "upserted"); err == nil {
		return id
	}
	for _, one := range values(reply, "upserted") {
		return one.Document().Lookup("_id")
	}
	return bson.RawValue{}
}

// define creates or changes a collection. The server need not know images of documents.
func (c *connection) define(m *message, ns changes.Namespace) (reply bson.Raw, events []*changes.Event, err error) {
	enabled, set := m.body.Lookup("changeStreamPreAndPostImages", "enabled").BooleanOK()
	reply = mustMarshal(bson.D{{Key: "ok", Value: 1.0}})
	rest := m.without("changeStreamPreAndPostImages")
	if options := description(rest); m.name() == "create" || len(options) > 0 {
		if reply, err = c.forward(rest); err != nil || failed(reply) {
			return reply, nil, err
		}
	}
	if r := &c.proxy.recorder; set {
		r.images[ns] = enabled
	}
	if m.name() == "collMod" {
		events = []*changes.Event{{Operation: changes.Modify, Namespace: ns, Description: description(m)}}
	}
	return reply, events, nil
}

// description returns the options of a command that concern the collection.
func description(m *message) bson.D {
	doc := bson.D{}
	for i, e := range elements(m.body) {
		if i > 0 && !slices.Contains(removed, e.Key) && !strings.HasPrefix(e.Key, "$") && e.Key != "writeConcern" &&
			e.Key != "documents" && e.Key != "updates" {
			doc = append(doc, e)
		}
	}
	return doc
}

// changeIndexes creates or drops indexes.
func (c *connection) changeIndexes(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	before, _ := c.indexes(ns) // of a collection that does not exist there are none
	reply, err := c.forward(m)
	if err != nil || failed(reply) {
		return reply, nil, err
	}
	after, err := c.indexes(ns)
	operation, indexes := changes.CreateIndexes, without(after, before)
	if m.name() != "createIndexes" {
		operation, indexes = changes.DropIndexes, without(before, after)
	}
	if err != nil || len(indexes) == 0 {
		return reply, nil, err
	}
	return reply, []*changes.Event{{Operation: operation, Namespace: ns, Description: bson.D{{Key: "indexes", Value: indexes}}}}, nil
}

func (c *connection) indexes(ns changes.Namespace) ([]bson.Raw, error) {
	return c.all(ns.Database, bson.D{{Key: "listIndexes", Value: ns.Collection}})
}

// without returns the documents that are not in others.
func without(docs, others []bson.Raw) (rest []bson.Raw) {
	for _, doc := range docs {
		if !slices.ContainsFunc(others, func(other bson.Raw) bool { return bytes.Equal(doc, other) }) {
			rest = append(rest, doc)
		}
	}
	return rest
}

func (c *connection) drop(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	r := &c.proxy.recorder
	existed := r.exists[ns] != nil // see recorded
	reply, err := c.forward(m)
	if err != nil || failed(reply) || !existed {
		return reply, nil, err
	}
	event := &changes.Event{Operation: changes.Drop, Namespace: ns, UUID: r.exists[ns]}
	r.forget(ns)
	return reply, []*changes.Event{event}, nil
}

func (c *connection) dropDatabase(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	all, err := c.collections(ns.Database, bson.D{})
	if err != nil {
		return nil, nil, err
	}
	reply, err := c.forward(m)
	if err != nil || failed(reply) || len(all) == 0 {
		return reply, nil, err
	}
	var events []*changes.Event
	for _, one := range all {
		name, _ := one.Lookup("name").StringValueOK()
		of := changes.Namespace{Database: ns.Database, Collection: name}
		events = append(events, &changes.Event{Operation: changes.Drop, Namespace: of})
		c.proxy.recorder.forget(of)
	}
	return reply, append(events, &changes.Event{Operation: changes.DropDatabase, Namespace: ns}), nil
}

// rename renames a collection. ns is the old name.
func (c *connection) rename(m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error) {
	to := m.renamed()
	replaced, err := c.known(to)
	if err != nil {
		return nil, nil, err
	}
	reply, err := c.forward(m)
	if err != nil || failed(reply) {
		return reply, nil, err
	}
	r := &c.proxy.recorder
	description := bson.D{{Key: "to", Value: bson.D{{Key: "db", Value: to.Database}, {Key: "coll", Value: to.Collection}}}}
	if replaced {
		description = append(description, bson.E{Key: "dropTarget", Value: r.exists[to]})
	}
	event := &changes.Event{Operation: changes.Rename, Namespace: ns, To: &to, Description: description}
	images := r.images[ns]
	r.forget(ns)
	r.forget(to)
	r.images[to] = images
	return reply, []*changes.Event{event}, nil
}

func docIDs(docs []bson.Raw) []bson.RawValue {
	ids := make([]bson.RawValue, len(docs))
	for i, doc := range docs {
		ids[i] = doc.Lookup("_id")
	}
	return ids
}

func withID(docs []bson.Raw, id bson.RawValue) bson.Raw {
	for _, doc := range docs {
		if doc.Lookup("_id").Equal(id) {
			return doc
		}
	}
	return nil
}

// writeErrors returns the indexes of the statements that have failed.
func writeErrors(reply bson.Raw) (indexes []int) {
	for _, e := range values(reply, "writeErrors") {
		index, _ := e.Document().Lookup("index").AsInt64OK()
		indexes = append(indexes, int(index))
	}
	return indexes
}

// writeReply joins the replies of the statements of a write.
type writeReply struct {
	last             bson.Raw
	n, modified      int64
	upserted, failed bson.A
}

// add adds the reply of the statement with an index, and reports whether it has failed.
func (w *writeReply) add(index int, reply bson.Raw) (refused bool) {
	w.last = reply
	n, _ := reply.Lookup("n").AsInt64OK()
	modified, _ := reply.Lookup("nModified").AsInt64OK()
	w.n, w.modified = w.n+n, w.modified+modified
	at := bson.E{Key: "index", Value: int32(index)}
	for _, v := range values(reply, "upserted") {
		w.upserted = append(w.upserted, with(v.Document(), at))
	}
	for _, v := range values(reply, "writeErrors") {
		w.failed = append(w.failed, with(v.Document(), at))
		refused = true
	}
	return refused
}

func (w *writeReply) encoded() bson.Raw {
	joined := []bson.E{{Key: "n", Value: int32(w.n)}}
	if !w.last.Lookup("nModified").IsZero() {
		joined = append(joined, bson.E{Key: "nModified", Value: int32(w.modified)})
	}
	if len(w.upserted) > 0 {
		joined = append(joined, bson.E{Key: "upserted", Value: w.upserted})
	}
	if len(w.failed) > 0 {
		joined = append(joined, bson.E{Key: "writeErrors", Value: w.failed})
	}
	return with(w.last, joined...)
}
