package motor

import (
	"bytes"
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Watch returns a stream of the changes of all collections of all databases, but the server's own. It does no I/O. A
// pipeline, of stages such as $match and $project, changes what comes; nil stands for none.
//
// Errors of reading: [TypeError] for what is no slice of documents, [InvalidDocument] for a stage or an option that
// cannot be encoded, [ValueError] for a batch size or a time below 0, [InvalidOperation] for ResumeAfter beside
// StartAfter, [OperationFailure].
//
// Motor: MotorClient.watch.
func (c *Client) Watch(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *ChangeStream[bson.M] {
	return WatchOf[bson.M](c, pipeline, opts...)
}

// Watch returns a stream of the changes of all collections of the database. See [Client.Watch].
//
// Motor: MotorDatabase.watch.
func (d *Database) Watch(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *ChangeStream[bson.M] {
	return WatchOf[bson.M](d, pipeline, opts...)
}

// Watch returns a stream of the changes of the collection. See [Client.Watch].
//
// A change is a document of its own, with the collection's in its fullDocument; as in Motor, it is nevertheless of the
// type of the collection's documents. That is right for bson.M and its like. Where it is a struct, [WatchOf] takes the
// type of the changes.
//
// Motor: MotorCollection.watch.
func (c *Collection[D]) Watch(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *ChangeStream[D] {
	return WatchOf[D](c, pipeline, opts...)
}

// WatchTarget is what can be watched: a [*Client], a [*Database] or a [*Collection].
type WatchTarget interface{ watchTarget() watchTarget }

// WatchOf is the Watch of a client, a database or a collection, with changes of type E.
//
//	type Change struct {
//		OperationType string `bson:"operationType"`
//		FullDocument  *User  `bson:"fullDocument"`
//	}
//	stream := motor.WatchOf[Change](users, nil)
//
// Motor: MotorCollection.watch.
func WatchOf[E any](
	target WatchTarget, pipeline any, opts ...options.Lister[options.ChangeStreamOptions],
) *ChangeStream[E] {
	s := new(ChangeStream[E])
	s.watch(target.watchTarget(), pipeline, opts)
	return s
}

// watchTarget is a collection, a database or a deployment that can be watched.
type watchTarget struct {
	coll     *Collection[bson.M] // the collection that the command names; "$cmd.aggregate" where there is none
	concerns *concerns
	at       func(*mongo.Client, moment) watcher
	cluster  bool
}

// watcher is the driver's database or collection.
type watcher interface {
	Watch(context.Context, any, ...options.Lister[options.ChangeStreamOptions]) (*mongo.ChangeStream, error)
}

// watchTarget watches the client by its database admin, as the command does: the driver's client has the read preference
// that it was made with.
func (c *Client) watchTarget() watchTarget {
	all := c.Database("admin").watchTarget()
	all.concerns, all.cluster = &c.concerns, true
	return all
}

func (d *Database) watchTarget() watchTarget {
	return watchTarget{
		coll:     d.Collection("$cmd.aggregate"),
		concerns: &d.concerns,
		at:       func(client *mongo.Client, now moment) watcher { return d.at(client, now) },
	}
}

func (c *Collection[D]) watchTarget() watchTarget { return watchCollection((*Collection[bson.M])(c)) }

func watchCollection(c *Collection[bson.M]) watchTarget {
	return watchTarget{
		coll:     c,
		concerns: &c.concerns,
		at:       func(client *mongo.Client, now moment) watcher { return c.at(client, now) },
	}
}

// streamSpec says how a stream is opened.
type streamSpec struct {
	target   watchTarget
	pipeline []bson.Raw
	set      options.ChangeStreamOptions // with all documents encoded
}

func (of watchTarget) spec(pipeline any, opts []options.Lister[options.ChangeStreamOptions]) (*streamSpec, error) {
	w := &streamSpec{target: of}
	if of.coll.err != nil {
		return w, of.coll.err
	}
	w.pipeline = []bson.Raw{}
	if !isNil(pipeline) {
		var err error
		if w.pipeline, err = of.coll.codec.encodePipeline(pipeline); err != nil {
			return w, err
		}
	}
	set, err := applied(opts)
	if err != nil {
		return w, err
	}
	switch {
	case set.BatchSize != nil && *set.BatchSize < 0:
		return w, newError(ValueError, "Watch: a batch size must be at least 0, not %d", *set.BatchSize)
	case set.MaxAwaitTime != nil && *set.MaxAwaitTime < 0:
		return w, newError(ValueError, "Watch: MaxAwaitTime must be at least 0, not %v", *set.MaxAwaitTime)
	case set.ResumeAfter != nil && set.StartAfter != nil:
		return w, newError(InvalidOperation, "Watch: ResumeAfter and StartAfter exclude each other")
	}
	e := of.coll.db.client.encoding(&of.coll.codec)
	set.ResumeAfter = e.option("ResumeAfter", set.ResumeAfter)
	set.StartAfter = e.option("StartAfter", set.StartAfter)
	set.Comment = e.value("Comment", set.Comment)
	set.Custom = e.values(set.Custom)
	set.CustomPipeline = e.values(set.CustomPipeline)
	if of.cluster {
		if set.CustomPipeline == nil {
			set.CustomPipeline = bson.M{}
		}
		set.CustomPipeline["allChangesForCluster"] = true
	}
	set.BatchSize, set.MaxAwaitTime = copied(set.BatchSize), copied(set.MaxAwaitTime)
	set.StartAtOperationTime, set.Collation = copied(set.StartAtOperationTime), copied(set.Collation)
	w.set = set
	return w, e.err
}

// from returns the options of a stream that goes on at a token; nil means where the options say.
func (w *streamSpec) from(token bson.Raw) options.Lister[options.ChangeStreamOptions] {
	set := w.set
	// StartAfter may name what ended a stream, which ResumeAfter may not: it stays until there is something else.
	if after, _ := set.StartAfter.(bson.Raw); token != nil && !bytes.Equal(token, after) {
		set.ResumeAfter, set.StartAfter, set.StartAtOperationTime = token, nil, nil
	}
	return &exactly[options.ChangeStreamOptions]{set}
}
