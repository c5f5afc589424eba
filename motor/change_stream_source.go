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

// changeSource is a change stream of the driver's. That one resumes by itself, once in a round trip; if it fails it has
// come to its end, and if it need not be the end, the next round trip is with another that begins where it ended.
type changeSource struct {
	spec     *streamSpec
	client   *mongo.Client
	session  *mongo.Session
	settings settings

	driver *mongo.ChangeStream // nil when it has come to its end
	asked  bool                // whether driver has been asked for more than what came when it was opened
	token  bson.Raw            // where to resume
	lost   int64               // the number of a cursor that the driver has given up, and may have left on the server
	dead   bool                // there will be no other
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

// lentContext is a context until it is taken back. The driver's stream keeps the context that it was opened with; that
// one knows the operation, and so the stream, which is to be collected when the program has forgotten it: see abandon.
type lentContext struct {
	of atomic.Pointer[context.Context]
}

func lend(ctx context.Context) *lentContext {
	c := new(lentContext)
	c.of.Store(&ctx)
	return c
}

func (c *lentContext) takeBack() {
	none := context.Background()
	c.of.Store(&none)
}

func (c *lentContext) Deadline() (time.Time, bool) { return (*c.of.Load()).Deadline() }
func (c *lentContext) Done() <-chan struct{}       { return (*c.of.Load()).Done() }
func (c *lentContext) Err() error                  { return (*c.of.Load()).Err() }
func (c *lentContext) Value(key any) any           { return (*c.of.Load()).Value(key) }

// connect opens a stream of the driver's where the last one ended.
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
		ok = f.driver.TryNext(ctx) // what came when it was opened was nothing, and no round trip
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
	if come.docs != nil && come.docs.size() > 0 { // these first
		come.decodeErr, err = err, nil
	}
	return come, err
}

// batch takes, into a list, what the driver has fetched. It keeps nothing of that memory, which the driver uses again.
func (f *changeSource) batch(list *docs[change]) (come docBatch) {
	var memory bsoncodec.Arena
	*list = make(docs[change], 0, f.driver.RemainingBatchLength()+1)
	come.docs = list
	for more := true; more; more = f.driver.RemainingBatchLength() > 0 && f.driver.TryNext(context.Background()) { // no I/O
		raw := memory.Copy(f.driver.Current, f.driver.RemainingBatchLength())
		token, ok := raw.Lookup("_id").DocumentOK()
		if !ok { // which the driver lets pass where it has no need of it
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

// advance notes where the driver would resume.
func (f *changeSource) advance() {
	if token := f.driver.ResumeToken(); token != nil {
		f.token = slices.Clone(token)
	}
}

// end ends the driver's stream, which came to its end with err while its cursor was id.
func (f *changeSource) end(ctx context.Context, id int64, err error) {
	if ctx.Err() != nil {
		// The round trip was cut off. To the driver that is an error to be resumed from: it has given the cursor up, with
		// a command that this context has cut off as well, and forgotten its number.
		f.lost, f.dead = id, true
		return
	}
	_ = f.driver.Close(ctx)
	f.driver = nil
	f.dead = err == nil || !resumable(err) || f.token == nil && f.spec.set.StartAtOperationTime == nil
}

// resumable reports whether a stream may be resumed after what has ended it. A cursor that the server has lost is no end:
// after CursorNotFound the driver resumes.
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

// kill ends the cursor that was lost.
func (f *changeSource) kill(ctx context.Context) error {
	return killCursor(ctx, f.spec.target.coll, f.client, f.lost, options.RunCmd().SetReadPreference(f.settings.read.pref))
}

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
	coll     *collection // the collection that the command names; "$cmd.aggregate" where there is none
	concerns *concerns
	at       func(*mongo.Client, settings) watcher
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
	return watchTarget{coll: &d.Collection("$cmd.aggregate").collection, concerns: &d.concerns, at: d.watcher}
}

func (d *Database) watcher(client *mongo.Client, now settings) watcher { return d.at(client, now) }

func (c *collection) watchTarget() watchTarget {
	return watchTarget{coll: c, concerns: &c.concerns, at: c.watcher}
}

func (c *collection) watcher(client *mongo.Client, now settings) watcher { return c.at(client, now) }

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
		return w, newError(ValueError, "Watch: a batch size must be at least 0, not %d", *set.BatchSize)
	case set.MaxAwaitTime != nil && *set.MaxAwaitTime < 0:
		return w, newError(ValueError, "Watch: MaxAwaitTime must be at least 0, not %v", *set.MaxAwaitTime)
	case set.ResumeAfter != nil && set.StartAfter != nil:
		return w, newError(InvalidOperation, "Watch: ResumeAfter and StartAfter exclude each other")
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

// from returns the options of a stream that goes on at a token; nil means where the options say.
func (w *streamSpec) from(token bson.Raw) options.Lister[options.ChangeStreamOptions] {
	set := w.set
	// StartAfter may name what ended a stream, which ResumeAfter may not: it stays until there is something else.
	if after, _ := set.StartAfter.(bson.Raw); token != nil && !bytes.Equal(token, after) {
		set.ResumeAfter, set.StartAfter, set.StartAtOperationTime = token, nil, nil
	}
	return &command.Literal[options.ChangeStreamOptions]{Options: set}
}
