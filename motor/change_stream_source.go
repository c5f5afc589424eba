package motor

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

// changeSource reads a change stream of the driver. The driver's stream resumes by itself, once in a round trip. If
// that fails, the driver's stream is over. If the error is resumable, the next round trip opens another stream at the
// last resume token.
type changeSource struct {
	spec     *streamSpec
	client   *mongo.Client
	session  *mongo.Session
	settings settings

	driver *mongo.ChangeStream // nil once it has ended
	asked  bool                // whether driver has been asked for more than its first batch
	token  bson.Raw            // where to resume
	lost   int64               // the id of a cursor that the driver has given up, and that may still be open on the server
	dead   bool                // the stream cannot be resumed
}

// open opens a stream.
func (w *streamSpec) open(ctx context.Context, client *mongo.Client) (batchSource, error) {
	f := &changeSource{spec: w, client: client, session: mongo.SessionFromContext(ctx), settings: w.target.concerns.snapshot()}
	lent := lend(ctx)
	defer lent.takeBack()
	if err := f.connect(lent); err != nil {
		return nil, err
	}
	return f, nil
}

// lentContext is a context that can be taken back. The driver's stream keeps the context that it was opened with. That
// context refers to the operation and so to our stream, which would keep the garbage collector from freeing a stream
// that the program has dropped. See abandon.
type lentContext struct {
	of atomic.Pointer[context.Context]
}

func lend(ctx context.Context) *lentContext {
	c := new(lentContext)
	c.lend(ctx)
	return c
}

func (c *lentContext) lend(ctx context.Context) { c.of.Store(&ctx) }

func (c *lentContext) takeBack() { c.lend(context.Background()) }

func (c *lentContext) Deadline() (time.Time, bool) { return (*c.of.Load()).Deadline() }
func (c *lentContext) Done() <-chan struct{}       { return (*c.of.Load()).Done() }
func (c *lentContext) Err() error                  { return (*c.of.Load()).Err() }
func (c *lentContext) Value(key any) any           { return (*c.of.Load()).Value(key) }

// connect opens a stream of the driver where the last one ended.
func (f *changeSource) connect(ctx context.Context) error {
	driver, err := f.spec.target.at(f.client, f.settings).Watch(ctx, f.spec.pipeline, f.spec.from(f.token))
	if err != nil {
		return err
	}
	f.driver, f.asked = driver, false
	f.token = slices.Clone(driver.ResumeToken())
	return nil
}

func (f *changeSource) more(ctx context.Context, _ *codec, list docList) (come docBatch, err error) {
	if f.driver == nil {
		if err := f.connect(mongo.NewSessionContext(ctx, f.session)); err != nil {
			f.dead = !resumable(err)
			return come, err
		}
	}
	id := f.driver.ID()
	ok := f.driver.TryNext(ctx)
	if !ok && !f.asked && f.driver.Err() == nil && f.driver.ID() == id && id != 0 {
		ok = f.driver.TryNext(ctx) // the first call only read the empty first batch; ask the server
	}
	f.asked = true
	if ok {
		come = f.batch(list.(*docs[change]))
	} else {
		f.advance()
	}
	if f.driver == nil {
		return come, nil
	}
	if err = f.driver.Err(); err == nil && f.driver.ID() != 0 {
		return come, nil
	}
	f.end(ctx, id, err)
	if come.docs != nil && come.docs.size() > 0 { // return these first
		come.decodeErr, err = err, nil
	}
	return come, err
}

// batch moves the changes that the driver has fetched into a list. It copies them, since the driver reuses its memory.
func (f *changeSource) batch(list *docs[change]) (come docBatch) {
	var memory bsoncodec.Arena
	*list = make(docs[change], 0, f.driver.RemainingBatchLength()+1)
	come.docs = list
	for more := true; more; more = f.driver.RemainingBatchLength() > 0 && f.driver.TryNext(context.Background()) { // no I/O
		raw := memory.Copy(f.driver.Current, f.driver.RemainingBatchLength())
		token, ok := raw.Lookup("_id").DocumentOK()
		if !ok { // the driver accepts a change without an _id if it does not need it
			f.end(context.Background(), f.driver.ID(), mongo.ErrMissingResumeToken)
			come.decodeErr = mongo.ErrMissingResumeToken
			return come
		}
		*list = append(*list, change{raw, f.token})
		f.token = token
	}
	f.advance()
	return come
}

// advance records where the driver would resume.
func (f *changeSource) advance() {
	if token := f.driver.ResumeToken(); token != nil {
		f.token = slices.Clone(token)
	}
}

// end ends the driver's stream, which failed with err while its cursor was id.
func (f *changeSource) end(ctx context.Context, id int64, err error) {
	if ctx.Err() != nil {
		// The round trip was cancelled. The driver treats that as an error to resume from. It has given up its cursor
		// with a killCursors command, which this context has cancelled too, and no longer has the cursor's id.
		f.lost, f.dead = id, true
		return
	}
	_ = f.driver.Close(ctx)
	f.driver = nil
	f.dead = err == nil || !resumable(err) || f.token == nil && f.spec.set.StartAtOperationTime == nil
}

// resumable reports whether a stream may be resumed after err. A cursor that the server has lost is resumable: the
// driver resumes after CursorNotFound.
func resumable(err error) bool {
	err = wrapError(err)
	var labelled mongo.LabeledError
	return errors.Is(err, ConnectionFailure) || errors.As(err, &labelled) && labelled.HasErrorLabel("ResumableChangeStreamError")
}

func (f *changeSource) over(error) bool { return f.dead }

func (f *changeSource) resume() bson.Raw { return f.token }

func (f *changeSource) ID() int64 {
	switch {
	case f.lost != 0:
		return f.lost
	case f.driver == nil:
		return 0
	}
	return f.driver.ID()
}

func (f *changeSource) Close(ctx context.Context) error {
	var err error
	if f.lost != 0 {
		err = f.kill(ctx)
		f.lost = 0
	}
	if f.driver != nil {
		if e := f.driver.Close(ctx); err == nil {
			err = e
		}
		f.driver = nil
	}
	return err
}

// kill closes the lost cursor on the server.
func (f *changeSource) kill(ctx context.Context) error {
	return killCursor(ctx, f.spec.target.coll, f.client, f.lost, options.RunCmd().SetReadPreference(f.settings.read.pref))
}

// Watch returns a stream of the changes of all collections of all databases, except the server's own. It does no I/O.
// pipeline is a list of stages such as $match and $project that filter or change the changes; nil means no stages.
//
// Errors of reading: [TypeError] for a pipeline that is not a slice of documents, [InvalidDocument] for a stage or an
// option that cannot be encoded, [ValueError] for a batch size or a time below 0, [InvalidOperation] for ResumeAfter
// together with StartAfter, [OperationFailure].
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
// A change is a document that contains the collection's document as its fullDocument. As in Motor, it nevertheless has
// the type of the collection's documents. That suits bson.M and similar types. If the collection's type is a struct,
// use [WatchOf], which takes the type of the changes.
//
// Motor: MotorCollection.watch.
func (c *Collection[D]) Watch(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) *ChangeStream[D] {
	return WatchOf[D](c, pipeline, opts...)
}

// WatchTarget is a value that can be watched: a [*Client], a [*Database] or a [*Collection].
type WatchTarget interface{ watchTarget() watchTarget }

// WatchOf is Watch for a client, a database or a collection, with changes of type E. It panics for a nil target.
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
	mustHave(!command.IsNil(target), "WatchOf", "target")
	s := new(ChangeStream[E])
	s.watch(target.watchTarget(), pipeline, opts)
	return s
}

// watchTarget is a collection, a database or a deployment that can be watched.
type watchTarget struct {
	coll     *collection // the collection of the command, or "$cmd.aggregate"
	concerns *concerns
	at       func(*mongo.Client, settings) watcher
	cluster  bool
}

// watcher is the driver's database or collection.
type watcher interface {
	Watch(context.Context, any, ...options.Lister[options.ChangeStreamOptions]) (*mongo.ChangeStream, error)
}

// watchTarget watches the client through its database admin, as the command does. The driver's client would use the
// read preference that it was made with.
func (c *Client) watchTarget() watchTarget {
	all := c.Database("admin").watchTarget()
	all.concerns, all.cluster = &c.concerns, true
	return all
}

func (d *Database) watchTarget() watchTarget {
	return watchTarget{coll: &d.Collection("$cmd.aggregate").collection, concerns: &d.concerns, at: d.watcher}
}

func (d *Database) watcher(client *mongo.Client, now settings) watcher { return d.at(client, now) }

//go:noinline
func (c *collection) watchTarget() watchTarget {
	at := func(client *mongo.Client, now settings) watcher { return c.at(client, now) }
	return watchTarget{coll: c, concerns: &c.concerns, at: at}
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
	if !command.IsNil(pipeline) {
		var err error
		if w.pipeline, err = of.coll.codec.encodePipeline(pipeline); err != nil {
			return w, err
		}
	}
	set, err := mergeOptions(opts)
	if err != nil {
		return w, err
	}
	switch {
	case set.BatchSize != nil && *set.BatchSize < 0:
		return w, newError(ValueError, "Watch: invalid BatchSize %d: must be at least 0", *set.BatchSize)
	case set.MaxAwaitTime != nil && *set.MaxAwaitTime < 0:
		return w, newError(ValueError, "Watch: invalid MaxAwaitTime %v: must be at least 0", *set.MaxAwaitTime)
	case set.ResumeAfter != nil && set.StartAfter != nil:
		return w, newError(InvalidOperation, "Watch: cannot use both ResumeAfter and StartAfter")
	}
	e := of.coll.db.client.arguments(&of.coll.codec)
	set.ResumeAfter = e.OptionalDocument("ResumeAfter", set.ResumeAfter)
	set.StartAfter = e.OptionalDocument("StartAfter", set.StartAfter)
	set.Comment = e.OptionalValue("Comment", set.Comment)
	set.Custom = e.Values(set.Custom)
	set.CustomPipeline = e.Values(set.CustomPipeline)
	if of.cluster {
		if set.CustomPipeline == nil {
			set.CustomPipeline = bson.M{}
		}
		set.CustomPipeline["allChangesForCluster"] = true
	}
	set.BatchSize, set.MaxAwaitTime = command.Copy(set.BatchSize), command.Copy(set.MaxAwaitTime)
	set.StartAtOperationTime, set.Collation = command.Copy(set.StartAtOperationTime), command.Copy(set.Collation)
	w.set = set
	return w, e.err()
}

// from returns the options of a stream that starts at a token. With nil it starts where the user's options say.
func (w *streamSpec) from(token bson.Raw) options.Lister[options.ChangeStreamOptions] {
	set := w.set
	// StartAfter may be the token of an event that invalidated a stream; ResumeAfter may not. Keep StartAfter until
	// there is a newer token.
	if after, _ := set.StartAfter.(bson.Raw); token != nil && !bytes.Equal(token, after) {
		set.ResumeAfter, set.StartAfter, set.StartAtOperationTime = token, nil, nil
	}
	return &command.Literal[options.ChangeStreamOptions]{Options: set}
}
