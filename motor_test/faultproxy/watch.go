package faultproxy

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor_test/internal/changes"
)

var errGone = errors.New("faultproxy: the client has left")

// streams are the cursors of change streams by their ids.
type streams struct {
	mu  sync.Mutex
	all map[int64]*stream
}

// stream is the cursor of a change stream.
type stream struct {
	ns     string
	stages []changes.Stage // after $changeStream
	killed chan struct{}

	mu     sync.Mutex // held by a getMore
	events *changes.Stream
}

// The number of documents in a batch, if the command does not say it, and the time that a getMore waits for one.
const (
	firstBatchSize = 101
	nextBatchSize  = 1000
	awaitTime      = time.Second
)

func (s *streams) get(id int64) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// add returns the id of a new cursor.
func (s *streams) add(one *stream) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if id := 1 + rand.Int64N(1<<62); s.all[id] == nil {
			s.all[id] = one
			return id
		}
	}
}

func (s *streams) remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.all[id]; one != nil {
		close(one.killed)
		delete(s.all, id)
	}
}

// abandon removes all cursors.
func (s *streams) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.all {
		close(one.killed)
		delete(s.all, id)
	}
}

// watch answers the commands of change streams. own is false for other commands, and for what is left of the command
// for the server.
func (c *connection) watch(m *message) (reply bson.Raw, own bool) {
	switch name := m.name(); name {
	case "aggregate":
		stages := values(m.body, "pipeline")
		if len(stages) == 0 {
			return nil, false
		}
		first, _ := stages[0].DocumentOK()
		stage, ok := first.Lookup("$changeStream").DocumentOK()
		if !ok {
			return nil, false
		}
		return c.watchReply(c.open(m, stage, stages[1:])), true
	case "getMore":
		id, _ := m.body.Lookup(name).AsInt64OK()
		s := c.proxy.recorder.streams.get(id)
		if s == nil {
			return nil, false
		}
		return c.watchReply(c.next(m, id, s)), true
	case "killCursors":
		return c.kill(m)
	}
	return nil, false
}

// watchReply returns a reply, or that of an error.
func (c *connection) watchReply(reply bson.D, err error) bson.Raw {
	if err == nil {
		return mustMarshal(append(reply, bson.E{Key: "ok", Value: 1.0}))
	}
	code, labels := int32(codeInternal), []string(nil)
	var own *changes.Error
	var ofServer *serverError
	switch {
	case errors.As(err, &own):
		if code = own.Code; code == changes.CodeFatal || code == changes.CodeHistoryLost {
			labels = []string{notResumable}
		}
	case errors.As(err, &ofServer):
		code = ofServer.code
	}
	return c.failure(code, err.Error(), labels)
}

// open opens a change stream.
func (c *connection) open(m *message, stage bson.Raw, stages []bson.RawValue) (bson.D, error) {
	_, ns := m.target()
	options, err := changes.ParseOptions(stage)
	if err != nil {
		return nil, err
	}
	scope := changes.Scope(ns)
	s := &stream{ns: ns.Database + "." + ns.Collection, killed: make(chan struct{})}
	if ns.Collection == "" {
		s.ns += "$cmd.aggregate"
	}
	if options.WholeCluster {
		if ns.Database != "admin" || ns.Collection != "" {
			return nil, &changes.Error{Code: codeInvalidOptions, Text: "allChangesForCluster needs the database admin"}
		}
		scope = changes.Scope{}
	}
	if s.stages, err = changes.Stages(stages); err != nil {
		return nil, err
	}
	for _, stage := range s.stages {
		if _, err := c.match(stage.Match, nil); err != nil {
			return nil, err
		}
	}
	r := &c.proxy.recorder
	r.gate.Lock()
	s.events, err = r.log.Open(scope, options, c.proxy.tick())
	r.gate.Unlock()
	if err != nil {
		return nil, err
	}
	docs, closed, err := c.batch(s, batchSize(m.body.Lookup("cursor", "batchSize"), firstBatchSize))
	if err != nil {
		return nil, err
	}
	id := int64(0)
	if !closed {
		id = r.streams.add(s)
	}
	return s.reply("firstBatch", id, docs), nil
}

// next answers a getMore. It waits for a document.
func (c *connection) next(m *message, id int64, s *stream) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := awaitTime
	if ms, ok := m.body.Lookup("maxTimeMS").AsInt64OK(); ok {
		wait = time.Duration(ms) * time.Millisecond
	}
	size := batchSize(m.body.Lookup("batchSize"), nextBatchSize)
	for end := time.Now().Add(wait); ; {
		changed := c.proxy.recorder.log.Changed()
		docs, closed, err := c.batch(s, size)
		if err != nil || closed {
			c.proxy.recorder.streams.remove(id)
		}
		if err != nil {
			return nil, err
		}
		left := time.Until(end)
		if closed {
			id = 0
		}
		if closed || len(docs) > 0 || left <= 0 {
			return s.reply("nextBatch", id, docs), nil
		}
		if !c.wait(left, changed, s.killed) {
			return nil, errGone
		}
		select {
		case <-s.killed:
			return nil, &changes.Error{Code: codeCursorKilled, Text: "the cursor was killed"}
		default:
		}
	}
}

// kill removes the cursors of change streams. It leaves others to the server.
func (c *connection) kill(m *message) (reply bson.Raw, own bool) {
	var killed, others bson.A
	for _, v := range values(m.body, "cursors") {
		id, _ := v.AsInt64OK()
		if c.proxy.recorder.streams.get(id) == nil {
			others = append(others, v)
			continue
		}
		c.proxy.recorder.streams.remove(id)
		killed = append(killed, v)
	}
	if len(others) > 0 {
		return nil, false // the server does not find the killed ones
	}
	return killedReply(killed, bson.A{}), true
}

// killedReply returns the reply to killCursors.
func killedReply(killed, missing bson.A) bson.Raw {
	none := bson.A{}
	return mustMarshal(bson.D{{Key: "cursorsKilled", Value: killed}, {Key: "cursorsNotFound", Value: missing},
		{Key: "cursorsAlive", Value: none}, {Key: "cursorsUnknown", Value: none}, {Key: "ok", Value: 1.0}})
}

func batchSize(v bson.RawValue, otherwise int) int {
	if n, ok := v.AsInt64OK(); ok && n >= 0 {
		return int(min(n, int64(otherwise)*10))
	}
	return otherwise
}

func (s *stream) reply(batch string, id int64, docs []bson.Raw) bson.D {
	if docs == nil {
		docs = []bson.Raw{}
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: batch, Value: docs}, {Key: "id", Value: id}, {Key: "ns", Value: s.ns},
		{Key: "postBatchResumeToken", Value: s.events.Token()}}}}
}

// batch returns the next documents of a stream that pass its pipeline.
func (c *connection) batch(s *stream, size int) (docs []bson.Raw, closed bool, err error) {
	docs, closed, err = s.events.Next(size, func(ns changes.Namespace, id bson.RawValue) (bson.Raw, error) {
		found, err := c.withIDs(ns, []bson.RawValue{id})
		return withID(found, id), err
	})
	if err == nil && len(docs) > 0 {
		docs, err = c.filtered(s, docs)
	}
	return docs, closed, err
}

// filtered applies the pipeline of a stream to documents.
func (c *connection) filtered(s *stream, docs []bson.Raw) (passed []bson.Raw, err error) {
	passed = docs
	for _, stage := range s.stages {
		if stage.Match != nil {
			if passed, err = c.match(stage.Match, passed); err != nil {
				return nil, err
			}
			continue
		}
		for i, doc := range passed {
			passed[i] = mustMarshal(stage.Project(doc))
			if !passed[i].Lookup("_id").Equal(doc.Lookup("_id")) {
				return nil, &changes.Error{Code: changes.CodeFatal, Text: "the pipeline of a change stream must keep the _id"}
			}
		}
	}
	return passed, nil
}

// match returns the documents that match a filter. The server decides that, on a collection of the proxy.
func (c *connection) match(filter bson.Raw, docs []bson.Raw) (matching []bson.Raw, err error) {
	if filter == nil {
		return docs, nil
	}
	scratch := changes.Namespace{Database: "faultproxy", Collection: bson.NewObjectID().Hex()}
	if len(docs) > 0 {
		escaped := make([]bson.Raw, len(docs))
		for i, doc := range docs {
			escaped[i] = renamed(doc, escapeName)
		}
		if _, err := c.ask(scratch.Database, bson.D{{Key: "insert", Value: scratch.Collection}, {Key: "documents", Value: escaped}}); err != nil {
			return nil, err
		}
		defer func() { _, _ = c.ask(scratch.Database, bson.D{{Key: "drop", Value: scratch.Collection}}) }()
	}
	found, err := c.find(scratch, filter, nil)
	for _, doc := range docs {
		if withID(found, doc.Lookup("_id")) != nil {
			matching = append(matching, doc)
		}
	}
	return matching, err
}

// escapeName replaces dots. The names of updatedFields can have them, and the embedded server does not store them.
func escapeName(name string) string { return strings.ReplaceAll(name, ".", "\uff0e") }

// renamed returns an event with other names in updatedFields and disambiguatedPaths.
func renamed(doc bson.Raw, rename func(string) string) bson.Raw {
	description, ok := doc.Lookup("updateDescription").DocumentOK()
	if !ok {
		return doc
	}
	for _, key := range []string{"updatedFields", "disambiguatedPaths"} {
		inner, ok := description.Lookup(key).DocumentOK()
		if !ok {
			continue
		}
		all := elements(inner)
		for i := range all {
			all[i].Key = rename(all[i].Key)
		}
		description = replaced(description, key, all)
	}
	return replaced(doc, "updateDescription", description)
}

// replaced returns a document with another value in a field.
func replaced(doc bson.Raw, key string, value any) bson.Raw {
	all := elements(doc)
	for i := range all {
		if all[i].Key == key {
			all[i].Value = value
		}
	}
	return mustMarshal(all)
}
