package motor_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// collection abbreviates the type that most tests use.
type collection = *motor.Collection[bson.M]

// outcome awaits the error of a started operation.
type outcome func(context.Context) error

func started[T any](f *future.Future[T]) outcome {
	return func(ctx context.Context) error {
		_, err := f.Await(ctx)
		return err
	}
}

type operation func(context.Context, collection) outcome

func insertOne(ctx context.Context, c collection) outcome {
	return started(c.InsertOne(ctx, bson.M{"_id": 1}))
}
func findOne(ctx context.Context, c collection) outcome {
	return started(c.FindOne(ctx, bson.M{"_id": 1}))
}
func readAll(ctx context.Context, c collection) outcome { return started(c.Find(bson.M{}).ToList(ctx)) }
func drop(ctx context.Context, c collection) outcome    { return started(c.Drop(ctx)) }

func insertMany(ctx context.Context, c collection) outcome {
	return started(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}, {"_id": 3}}))
}

func upsert(ctx context.Context, c collection) outcome {
	change := bson.M{"$set": bson.M{"a": 2}}
	return started(c.UpdateOne(ctx, bson.M{"_id": 1}, change, options.UpdateOne().SetUpsert(true)))
}

func bulkWrite(ctx context.Context, c collection) outcome {
	return started(c.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 1}), mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
	}))
}

func clientBulkWrite(ctx context.Context, c collection) outcome {
	return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
		{Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": 1})},
		{Database: "d", Collection: "e", Model: mongo.NewClientDeleteOneModel().SetFilter(bson.M{"_id": 2})},
	}))
}

func command(name string) operation {
	return func(ctx context.Context, c collection) outcome { return started(c.Database().Command(ctx, name)) }
}

// within sets a time limit for an operation, but not for awaiting it.
func within(limit time.Duration, op operation) operation {
	return func(ctx context.Context, c collection) outcome {
		ctx, cancel := context.WithTimeout(ctx, limit)
		wait := op(ctx, c)
		return func(ctx context.Context) error { defer cancel(); return wait(ctx) }
	}
}

// noServerURI is the URI of an address without a server.
const noServerURI = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"

// newClient returns a client that the test closes when it ends.
func newClient(t *testing.T, uri string, opts ...motor.ClientOption) *motor.Client {
	t.Helper()
	client, err := motor.NewClient(uri, opts...)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return client
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("got error %v, want nil", err)
	}
}

func second[T any](_ T, err error) error { return err }

// succeed awaits f, which must not fail, and returns its result.
func succeed[T any](t *testing.T, f *future.Future[T]) T {
	t.Helper()
	guard, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	v, err := f.Await(guard)
	if err != nil {
		t.Errorf("got error %v, want nil", err)
	}
	return v
}

// eventually waits until a condition holds, for example until a monitor of the driver has seen a change.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("condition does not hold after 10 seconds")
		}
	}
}

// collected runs the garbage collector until a condition holds. After 30 seconds the test fails with the text what.
func collected(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 30 seconds: %s", what)
		}
		runtime.GC()
	}
}

// asA reports whether errors.As finds a driver error of type E.
func asA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// wantError lists the expected properties of an error.
type wantError struct {
	class   *motor.ErrorClass
	driver  func(error) bool // finds the driver's error
	code    int
	details map[string]any // by path
	labels  []string
	timeout bool
}

func (w wantError) check(t *testing.T, err error) {
	t.Helper()
	var own *motor.Error
	if !errors.As(err, &own) {
		t.Fatalf("got %v, want a *motor.Error", err)
	}
	if own.Class() != w.class {
		t.Errorf("got %s, want %s: %v", own.Class().Name(), w.class.Name(), err)
	}
	family := make(map[*motor.ErrorClass]bool)
	for class := w.class; class != nil; class = class.Parent() {
		family[class] = true
	}
	for _, class := range errorClasses {
		if is := errors.Is(err, class); is != family[class] {
			t.Errorf("errors.Is(err, %s) = %v, want %v", class.Name(), is, family[class])
		}
	}
	if w.driver != nil && !w.driver(err) {
		t.Errorf("errors.As found no driver error, got %T", errors.Unwrap(own))
	}
	if own.Code() != w.code {
		t.Errorf("got code %d, want %d", own.Code(), w.code)
	}
	for path, want := range w.details {
		var got any
		_ = own.Details().Lookup(strings.Split(path, ".")...).Unmarshal(&got)
		if got != want {
			t.Errorf("details: %s = %v, want %v, in %s", path, got, want, own.Details())
		}
	}
	for _, label := range w.labels {
		if !own.HasErrorLabel(label) {
			t.Errorf("label %s is missing", label)
		}
	}
	if own.HasErrorLabel("UnknownLabel") {
		t.Error("got a label that the server did not send")
	}
	if own.Timeout() != w.timeout {
		t.Errorf("Timeout() = %v, want %v", own.Timeout(), w.timeout)
	}
}

// errorClasses are all classes. An error must match its own class and the parents of that class only.
var errorClasses = []*motor.ErrorClass{
	motor.PyMongoError,
	motor.ConnectionFailure, motor.WaitQueueTimeoutError, motor.AutoReconnect, motor.NetworkTimeout,
	motor.NotPrimaryError, motor.ServerSelectionTimeoutError, motor.ConfigurationError, motor.InvalidURI,
	motor.OperationFailure, motor.CursorNotFound, motor.ExecutionTimeout, motor.WriteConcernError,
	motor.WTimeoutError, motor.WriteError, motor.DuplicateKeyError, motor.BulkWriteError,
	motor.ClientBulkWriteException, motor.InvalidOperation, motor.InvalidName, motor.CollectionInvalid,
	motor.ProtocolError, motor.EncryptionError, motor.EncryptedCollectionError,
	motor.BSONError, motor.InvalidBSON, motor.InvalidDocument, motor.DocumentTooLarge, motor.InvalidStringData,
	motor.TypeError, motor.ValueError, motor.StopAsyncIteration,
}

// pending is a started operation with a result of any type.
type pending func(context.Context) (any, error)

func resultOf[T any](f *future.Future[T]) pending {
	return func(ctx context.Context) (any, error) { return f.Await(ctx) }
}

// exchange is a command and the server's reply.
type exchange struct {
	name   string
	want   bson.M
	answer func(*wiretest.Request)
}

// converse replies to an operation's commands and checks its result, or the class of its error.
func converse(t *testing.T, peer *wiretest.Peer, wait pending, exchanges []exchange, want any, class *motor.ErrorClass) {
	t.Helper()
	for _, e := range exchanges {
		e.answer(peer.Receive(e.name).Want(e.want))
	}
	result, err := wait(t.Context())
	switch {
	case class != nil && !errors.Is(err, class):
		t.Errorf("got %v, %v, want %s", result, err, class.Name())
	case class == nil && (err != nil || !reflect.DeepEqual(result, want)):
		t.Errorf("got %#v, %v, want %#v", result, err, want)
	}
}

// conversation is an operation on a collection: its commands, their replies and its result.
type conversation struct {
	name      string
	concern   bson.M // the write concern
	call      func(context.Context, collection) pending
	exchanges []exchange
	result    any
	class     *motor.ErrorClass
}

// runConversations runs conversations of the collection "d.c" with a scripted peer.
func runConversations(t *testing.T, all []conversation) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI("retryReads=false")).Database("d").Collection("c")
			if err := coll.SetWriteConcern(c.concern); c.concern != nil && err != nil {
				t.Fatalf("SetWriteConcern() = %v, want nil", err)
			}
			converse(t, peer, c.call(t.Context(), coll), c.exchanges, c.result, c.class)
		})
	}
}

func ok(fields ...any) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.OK(fields...) }
}

func refuse(code int, name string) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.Fail(code, name, name) }
}

func cursorOf(docs ...any) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.Cursor("d.c", 0, docs...) }
}

func document(fields bson.M) func(*wiretest.Request) { return ok(bson.M{"value": fields}) }

func documentsOf(r *wiretest.Request) int {
	values, _ := r.Command.Lookup("documents").Array().Values()
	return len(values)
}

// newSession returns a session, and a collection of its client. The peer plays the primary of a replica set.
func newSession(t *testing.T, opts ...options.Lister[options.SessionOptions]) (*wiretest.Peer, *motor.Session, collection) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	for _, name := range []string{"commitTransaction", "abortTransaction"} {
		peer.Handle(name, ok())
	}
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(2))
	return peer, sessionOf(t, client, opts...), client.Database("d").Collection("c")
}

func sessionOf(t *testing.T, client *motor.Client, opts ...options.Lister[options.SessionOptions]) *motor.Session {
	t.Helper()
	s, err := client.StartSession(t.Context(), opts...).Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() {
		guard, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := s.EndSession(guard).Await(guard); err != nil {
			t.Errorf("EndSession() = %v, want nil", err)
		}
	})
	return s
}

// inSession returns the fields of each command in a session, outside transactions.
func inSession(s *motor.Session) bson.M {
	return bson.M{"lsid": s.SessionID(), "autocommit": wiretest.Absent, "startTransaction": wiretest.Absent}
}

// withSession returns a context with a session of the client, and the session's lsid.
func withSession(t *testing.T, client *motor.Client) (context.Context, bson.Raw) {
	t.Helper()
	driver, err := motor.Driver(t.Context(), client).Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	session, err := driver.StartSession(options.Session().SetCausalConsistency(false))
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() { session.EndSession(context.Background()) })
	return mongo.NewSessionContext(t.Context(), session), session.ID()
}

// token returns a resume token.
func token(n int) bson.M { return bson.M{"_data": n} }

// changeEvent returns a change with the resume token token(n).
func changeEvent(n int) bson.M {
	return bson.M{"_id": token(n), "operationType": "insert", "fullDocument": bson.M{"_id": n, "nested": bson.M{"n": n}}}
}

// changes answers with a batch of changes. Its postBatchResumeToken is token(after), or absent if after is 0.
func changes(r *wiretest.Request, id int64, after int, docs ...any) {
	batch := "firstBatch"
	if r.Name == "getMore" {
		batch = "nextBatch"
	}
	cursor := bson.D{{Key: "id", Value: id}, {Key: "ns", Value: "d.c"}, {Key: batch, Value: append(bson.A{}, docs...)}}
	if after > 0 {
		cursor = append(cursor, bson.E{Key: "postBatchResumeToken", Value: token(after)})
	}
	r.OK(bson.M{"cursor": cursor, "operationTime": bson.Timestamp{T: 100, I: 1}})
}

// openChangeStream returns a stream that is open as cursor 7, at token(1). Its client has one worker and one
// connection.
func openChangeStream(t *testing.T, opts ...options.Lister[options.ChangeStreamOptions]) (*wiretest.Peer, *motor.Client, *motor.ChangeStream[bson.M]) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("maxPoolSize=1"), motor.WithMaxWorkers(1))
	stream := client.Database("d").Collection("c").Watch(nil, opts...)
	opened := stream.Open(t.Context())
	changes(peer.Receive("aggregate"), 7, 1)
	if s, err := opened.Await(t.Context()); s != stream || err != nil {
		t.Fatalf("Open() = %v, %v, want %v, nil", s, err, stream)
	}
	return peer, client, stream
}

// resumesAt checks the stream's resume token.
func resumesAt(t *testing.T, stream interface{ ResumeToken() bson.Raw }, want int) {
	t.Helper()
	n, ok := stream.ResumeToken().Lookup("_data").AsInt64OK()
	if want == 0 && stream.ResumeToken() != nil || want != 0 && (!ok || n != int64(want)) {
		t.Errorf("got resume token %s, want %d", stream.ResumeToken(), want)
	}
}

// isChange reports whether doc is changeEvent(n).
func isChange(doc bson.M, n int) bool {
	full, _ := doc["fullDocument"].(bson.M)
	nested, _ := full["nested"].(bson.M)
	return doc["operationType"] == "insert" && nested["n"] == int32(n)
}

// gridChunkSize is the chunk size of the test files. A batch has two chunks.
const gridChunkSize = 300 * 1024

// gridPeer serves one file of n chunks, in batches of two. Its cursors have the ids 7, 8 and so on.
func gridPeer(t *testing.T, n int) *wiretest.Peer { return gridPeerAs(t, wiretest.Standalone, n) }

func gridPeerAs(t *testing.T, role wiretest.Role, n int) *wiretest.Peer {
	peer := wiretest.Start(t, role)
	next, id := 0, int64(6)
	chunk := func() any { // handlers run one at a time
		data := make([]byte, gridChunkSize)
		data[0] = byte(next)
		next++
		return bson.M{"files_id": "f", "n": next - 1, "data": data}
	}
	answer := func(r *wiretest.Request) {
		var docs []any
		for len(docs) < 2 && next < n {
			docs = append(docs, chunk())
		}
		if len(docs) < 2 {
			r.Cursor("d.fs.chunks", 0, docs...)
		} else {
			r.Cursor("d.fs.chunks", id, docs...)
		}
	}
	peer.Handle("find", func(r *wiretest.Request) {
		if r.Command.Lookup("find").StringValue() == "fs.files" {
			r.Cursor("d.fs.files", 0, bson.M{"_id": "f", "length": int64(n) * gridChunkSize, "chunkSize": gridChunkSize, "filename": "f"})
			return
		}
		id++
		next = 0
		if from, ok := r.Command.Lookup("filter", "n", "$gte").AsInt64OK(); ok {
			next = int(from)
		}
		answer(r)
	})
	peer.Handle("getMore", func(r *wiretest.Request) {
		if r.Command.Lookup("getMore").Int64() != id {
			r.Fail(43, "CursorNotFound", "cursor id not found")
			return
		}
		answer(r)
	})
	peer.Handle("killCursors", func(r *wiretest.Request) { r.OK() })
	return peer
}

// gridFile returns the file of a gridPeer, unopened.
func gridFile(t *testing.T, peer *wiretest.Peer, opts ...motor.ClientOption) *motor.GridOut {
	return motor.NewGridOut(newClient(t, peer.URI(), opts...).Database("d").Collection("fs"), "f")
}

// readChunks reads and checks the chunks from up to, but excluding, to.
func readChunks(t *testing.T, out *motor.GridOut, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		chunk, err := out.ReadChunk(t.Context()).Await(t.Context())
		if err != nil || len(chunk) != gridChunkSize || int(chunk[0]) != i {
			t.Fatalf("chunk %d: got %d bytes, %v, want %d, nil", i, len(chunk), err, gridChunkSize)
		}
	}
}

// chunkFinds returns the finds on the chunks collection.
func chunkFinds(peer *wiretest.Peer) (finds []bson.Raw) {
	for _, find := range peer.Seen("find") {
		if find.Lookup("find").StringValue() == "fs.chunks" {
			finds = append(finds, find)
		}
	}
	return finds
}

func bucketOf(t *testing.T, peer *wiretest.Peer, opts ...options.Lister[options.BucketOptions]) *motor.GridFSBucket {
	t.Helper()
	bucket, err := motor.NewGridFSBucket(newClient(t, peer.URI()).Database("d"), opts...)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	return bucket
}

// gridBucket returns the bucket of a peer that has files. So an upload creates no indexes.
func gridBucket(t *testing.T) (*wiretest.Peer, *motor.GridFSBucket) {
	t.Helper()
	return gridBucketOf(t, wiretest.Standalone)
}

func gridBucketOf(t *testing.T, role wiretest.Role) (*wiretest.Peer, *motor.GridFSBucket) {
	t.Helper()
	peer := wiretest.Start(t, role)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.fs.files", 0, bson.M{"_id": 1}) })
	return peer, bucketOf(t, peer)
}
