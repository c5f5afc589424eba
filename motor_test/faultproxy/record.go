package faultproxy

import (
	"fmt"
	"net"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/internal/changes"
)

// recorder records the events of writes, from the first change stream of their collection on.
type recorder struct {
	log     *changes.Log
	streams streams

	// gate is held by all writes: for writing by those that are recorded, and for reading by others. The proxy does the
	// former one after the other, since it compares the documents before and after each.
	gate   sync.RWMutex
	images map[changes.Namespace]bool         // the collections that keep images of documents
	exists map[changes.Namespace]*bson.Binary // the UUIDs of the collections that are known to exist
}

// writeFunc does a write, and returns its reply and its events.
type writeFunc func(c *connection, m *message, ns changes.Namespace) (bson.Raw, []*changes.Event, error)

// writes are the commands that write.
var writes = map[string]writeFunc{
	"insert": (*connection).insert, "update": (*connection).update, "delete": (*connection).delete,
	"findAndModify": (*connection).findAndModify, "findandmodify": (*connection).findAndModify,
	"create": (*connection).define, "collMod": (*connection).define, "createIndexes": (*connection).changeIndexes,
	"dropIndexes": (*connection).changeIndexes, "deleteIndexes": (*connection).changeIndexes,
	"drop": (*connection).drop, "dropDatabase": (*connection).dropDatabase, "renameCollection": (*connection).rename,
}

// execute runs a command on the server, and records its events.
func (c *connection) execute(m *message) (bson.Raw, error) {
	name, ns := m.target()
	write, r := writes[name], &c.proxy.recorder
	if write != nil { // it goes on when the client leaves
		if !c.beginWrite() {
			return nil, net.ErrClosed
		}
		defer c.endWrite()
	}
	records := func() bool { return r.log.Records(ns) || name == "renameCollection" && r.log.Records(m.renamed()) }
	r.gate.RLock()
	recorded := records()
	if write == nil || !recorded && name != "create" && name != "collMod" {
		defer r.gate.RUnlock()
		if recorded && writesResult(m.body) {
			return c.failure(codeIllegalOperation, "the proxy does not record the writes of $out and $merge for change streams", nil), nil
		}
		if name == "update" {
			reply, _, err := c.oneByOne(m, "updates", func(one *message, _ bson.Raw) (bson.Raw, []*changes.Event, error) {
				reply, err := c.forward(one)
				return reply, nil, err
			})
			return reply, err
		}
		return c.forward(m)
	}
	r.gate.RUnlock()
	r.gate.Lock()
	defer r.gate.Unlock()
	if !records() {
		reply, _, err := write(c, m, ns)
		return reply, err
	}
	return c.recorded(m, ns, write)
}

// recorded does a write and adds its events to the log.
func (c *connection) recorded(m *message, ns changes.Namespace, write writeFunc) (bson.Raw, error) {
	r := &c.proxy.recorder
	existed, err := c.known(ns)
	if err != nil {
		return nil, err
	}
	uuid := r.exists[ns]
	reply, events, err := write(c, m, ns)
	if err != nil {
		r.log.Lose() // what was written is not known
		return nil, err
	}
	if now, err := c.known(ns); err == nil && now && !existed {
		created := &changes.Event{Operation: changes.Create, Namespace: ns, Description: description(m)}
		events, uuid = append([]*changes.Event{created}, events...), r.exists[ns]
	}
	for _, e := range events {
		e.Time, e.Images = c.proxy.tick(), r.images[e.Namespace]
		if e.Namespace == ns {
			e.UUID = uuid
		}
	}
	r.log.Add(events...)
	return reply, nil
}

// known reports whether a collection exists.
func (c *connection) known(ns changes.Namespace) (bool, error) {
	r := &c.proxy.recorder
	if ns.Collection == "" || r.exists[ns] != nil {
		return ns.Collection != "", nil
	}
	all, err := c.collections(ns.Database, bson.D{{Key: "name", Value: ns.Collection}})
	if err != nil || len(all) == 0 {
		return false, err
	}
	subtype, data, _ := all[0].Lookup("info", "uuid").BinaryOK()
	r.exists[ns] = &bson.Binary{Subtype: subtype, Data: data}
	return true, nil
}

// forget forgets a collection that is gone.
func (r *recorder) forget(ns changes.Namespace) {
	delete(r.exists, ns)
	delete(r.images, ns)
}

// writesResult reports whether an aggregation writes its result into a collection.
func writesResult(command bson.Raw) bool {
	stages := values(command, "pipeline")
	if len(stages) == 0 {
		return false
	}
	last, _ := stages[len(stages)-1].DocumentOK()
	return !last.Lookup("$out").IsZero() || !last.Lookup("$merge").IsZero()
}

// find returns the documents of a collection that match a filter.
func (c *connection) find(ns changes.Namespace, filter any, collation bson.Raw) ([]bson.Raw, error) {
	command := bson.D{{Key: "find", Value: ns.Collection}, {Key: "filter", Value: filter}}
	if len(collation) > 0 {
		command = append(command, bson.E{Key: "collation", Value: collation})
	}
	return c.all(ns.Database, command)
}

// withIDs returns the documents that have one of some ids.
func (c *connection) withIDs(ns changes.Namespace, ids []bson.RawValue) (docs []bson.Raw, err error) {
	if len(ids) < 5 { // the embedded server has no index for $in
		for _, id := range ids {
			found, err := c.find(ns, bson.D{{Key: "_id", Value: id}}, nil)
			if err != nil {
				return nil, err
			}
			docs = append(docs, found...)
		}
		return docs, nil
	}
	return c.find(ns, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, nil)
}

// collections returns the descriptions of the collections of a database.
func (c *connection) collections(db string, filter bson.D) ([]bson.Raw, error) {
	return c.all(db, bson.D{{Key: "listCollections", Value: 1}, {Key: "filter", Value: filter}})
}

// all returns the documents of the cursor that a command opens.
func (c *connection) all(db string, command bson.D) (docs []bson.Raw, err error) {
	for {
		reply, err := c.ask(db, command)
		if err != nil {
			return nil, err
		}
		for _, batch := range []string{"firstBatch", "nextBatch"} {
			for _, v := range values(reply, "cursor", batch) {
				docs = append(docs, v.Document())
			}
		}
		id, _ := reply.Lookup("cursor", "id").AsInt64OK()
		if id == 0 {
			return docs, nil
		}
		ns, _ := reply.Lookup("cursor", "ns").StringValueOK()
		_, collection, _ := strings.Cut(ns, ".")
		command = bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: collection}}
	}
}

// ask sends a command of the proxy to the server. It returns an error if the command fails.
func (c *connection) ask(db string, command bson.D) (bson.Raw, error) {
	reply, err := c.forward(&message{body: mustMarshal(append(command, bson.E{Key: "$db", Value: db}))})
	if err == nil && failed(reply) {
		code, _ := reply.Lookup("code").AsInt64OK()
		text, _ := reply.Lookup("errmsg").StringValueOK()
		err = &serverError{int32(code), text}
	}
	return reply, err
}

// serverError is the error of a command that the proxy has sent to the server.
type serverError struct {
	code int32
	text string
}

func (e *serverError) Error() string { return fmt.Sprintf("faultproxy: %s", e.text) }

// values returns the elements of a list in a document, if there is one.
func values(doc bson.Raw, path ...string) []bson.RawValue {
	list, _ := doc.Lookup(path...).ArrayOK()
	all, _ := list.Values()
	return all
}

// failed reports whether a command has failed.
func failed(reply bson.Raw) bool {
	ok, _ := reply.Lookup("ok").AsFloat64OK()
	return ok != 1
}
