package seams_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// wait is a kind of operation that can wait.
type wait struct {
	name    string
	workers int  // of the client; 0 means 2
	future  bool // the operation returns a future in callback style, too
	uri     []string
	start   func(*scene) *waiting
	ends    [len(endingNames)]want
}

// waiting is an operation that waits.
type waiting struct {
	*pending

	release func()                    // makes the operation succeed; nil if only time can
	hangUp  func()                    // makes the server close the connection instead; nil if nothing was sent
	again   func(outcome error) error // runs the same operation again, given the first outcome; or nil
}

// id returns a document with a number. The number shows that no result is lost or duplicated.
func id(i int) bson.M { return bson.M{"_id": i} }

// found checks the number of a found document.
func found(doc bson.M, err error, want int) error {
	if err == nil && doc["_id"] != int32(want) {
		return fmt.Errorf("got document %v, want %d", doc, want)
	}
	return err
}

// findOne starts the operation that most waits use.
func findOne(s *scene, ctx context.Context, coll *motor.Collection[bson.M]) *pending {
	return start(s,
		func() *future.Future[bson.M] { return coll.FindOne(ctx, bson.M{}) },
		func(done callback.Func[bson.M]) { callback.WrapCollection(s.loop, coll).FindOne(ctx, bson.M{}, done) })
}

// findAgain answers find commands and runs a find.
func findAgain(s *scene, ctx func() context.Context) func(error) error {
	return func(error) error {
		s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
		doc, err := s.coll.FindOne(ctx(), bson.M{}).Await(patience(s.t))
		return found(doc, err, 1)
	}
}

// hold starts an operation that the server does not answer. It returns two functions that end the operation.
func hold(s *scene, ctx context.Context) (release, hangUp func()) {
	f := s.coll.UpdateOne(ctx, bson.M{}, bson.M{"$set": bson.M{"a": 1}})
	held := s.peer.Receive("update")
	return func() {
			held.OK(bson.M{"n": 1, "nModified": 1})
			succeed(s.t, f)
		}, func() {
			held.HangUp()
			if _, err := f.Await(patience(s.t)); err == nil {
				s.t.Error("unanswered operation: got no error, want one")
			}
		}
}

func queuedInExecutor(s *scene) *waiting {
	release, hangUp := hold(s, context.Background())
	s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
	return &waiting{findOne(s, s.ctx, s.coll), release, hangUp, findAgain(s, context.Background)}
}

func running(s *scene) *waiting {
	p := findOne(s, s.ctx, s.coll)
	held := s.peer.Receive("find")
	return &waiting{p, func() { held.Cursor("d.c", 0, id(1)) }, held.HangUp, findAgain(s, context.Background)}
}

func derived(s *scene) *waiting {
	var f *future.Future[bson.M]
	p := startOnLoop(s, func() *future.Future[bson.M] {
		f = s.coll.FindOne(s.ctx, bson.M{})
		return future.Then(f, func(doc bson.M) (bson.M, error) {
			if s.codePanics {
				panic("the user's continuation")
			}
			return doc, nil
		})
	})
	held := s.peer.Receive("find")
	return &waiting{p, func() { held.Cursor("d.c", 0, id(1)) }, held.HangUp, func(error) error {
		doc, err := f.Await(patience(s.t))
		if s.ending == byContext || s.ending == byServer {
			return nil // the parent has failed, too
		}
		return found(doc, err, 1)
	}}
}

func queuedInSession(s *scene) *waiting {
	session := succeed(s.t, s.client.StartSession(context.Background()))
	s.t.Cleanup(func() { _, _ = session.EndSession(context.Background()).Await(patience(s.t)) })
	release, hangUp := hold(s, session.Context(context.Background()))
	s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
	return &waiting{findOne(s, session.Context(s.ctx), s.coll), release, hangUp,
		findAgain(s, func() context.Context { return session.Context(context.Background()) })}
}

// next calls Next of a cursor or change stream.
func next[C interface {
	Next(context.Context) *future.Future[bson.M]
}, W interface {
	Next(context.Context, callback.Func[bson.M])
}](s *scene, cursor C, wrap func(future.Executor, C) W) *pending {
	return start(s,
		func() *future.Future[bson.M] { return cursor.Next(s.ctx) },
		func(done callback.Func[bson.M]) { wrap(s.loop, cursor).Next(s.ctx, done) })
}

// nextAgain reads the document that follows those read so far.
func nextAgain(s *scene, cursor interface {
	Next(context.Context) *future.Future[bson.M]
}, first int) func(error) error {
	return func(outcome error) error {
		if outcome == nil {
			first++
		}
		doc, err := cursor.Next(context.Background()).Await(patience(s.t))
		return found(doc, err, first)
	}
}

func queuedInCursor(s *scene) *waiting {
	cursor := s.coll.Find(bson.M{})
	first := cursor.Next(context.Background())
	held := s.peer.Receive("find")
	return &waiting{next(s, cursor, callback.WrapCursor), func() {
		held.Cursor("d.c", 7, id(1), id(2), id(3))
		if err := found(succeed(s.t, first), nil, 1); err != nil {
			s.t.Error(err)
		}
	}, func() {
		held.HangUp()
		if _, err := first.Await(patience(s.t)); err == nil {
			s.t.Error("unanswered read: got no error, want one")
		}
		s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, id(2), id(3)) })
	}, nextAgain(s, cursor, 2)}
}

func fetching(s *scene) *waiting {
	cursor := s.coll.Find(bson.M{})
	p := next(s, cursor, callback.WrapCursor)
	held := s.peer.Receive("find")
	return &waiting{p, func() { held.Cursor("d.c", 7, id(1), id(2)) }, held.HangUp, nil}
}

func tailing(s *scene) *waiting {
	cursor := s.coll.Find(bson.M{}, options.Find().SetCursorType(options.TailableAwait))
	first := cursor.Next(context.Background())
	s.peer.Receive("find").Cursor("d.c", 7, id(1))
	succeed(s.t, first)
	p := next(s, cursor, callback.WrapCursor)
	held := s.peer.Receive("getMore")
	return &waiting{p, func() { held.Cursor("d.c", 7, id(2), id(3)) }, held.HangUp, nextAgain(s, cursor, 2)}
}

// change returns a change event with a number.
func change(i int) bson.M {
	return bson.M{"_id": bson.M{"token": i}, "operationType": "insert", "n": i}
}

func watching(s *scene) *waiting {
	stream := s.coll.Watch(nil)
	open := stream.Open(context.Background())
	s.peer.Receive("aggregate").Cursor("d.c", 7)
	succeed(s.t, open)
	p := next(s, stream, callback.WrapChangeStream)
	held := s.peer.Receive("getMore")
	s.t.Cleanup(func() { _, _ = stream.Close(context.Background()).Await(patience(s.t)) })
	return &waiting{p, func() { held.Cursor("d.c", 7, change(1), change(2)) }, func() {
		held.HangUp()
		s.peer.Receive("aggregate").Cursor("d.c", 8, change(1), change(2)) // the change stream resumes
	}, func(outcome error) error {
		want := int32(1)
		if outcome == nil {
			want = 2
		}
		doc, err := stream.Next(context.Background()).Await(patience(s.t))
		if err == nil && doc["n"] != want {
			return fmt.Errorf("got event %v, want %d", doc, want)
		}
		return err
	}}
}

func batchedInsert(s *scene) *waiting {
	coll := s.coll.WithBatching()
	first := coll.InsertOne(context.Background(), id(0))
	held := s.peer.Receive("insert")
	s.answer("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	insert := func() *future.Future[*motor.InsertOneResult] { return coll.InsertOne(s.ctx, id(1)) }
	p := start(s, insert, func(done callback.Func[*motor.InsertOneResult]) {
		callback.WrapCollection(s.loop, coll).InsertOne(s.ctx, id(1), done)
	})
	return &waiting{p, func() {
		held.OK(bson.M{"n": 1})
		succeed(s.t, first)
	}, func() {
		held.HangUp()
		if _, err := first.Await(patience(s.t)); err == nil {
			s.t.Error("unanswered insert: got no error, want one")
		}
	}, func(error) error {
		_, err := coll.InsertOne(context.Background(), id(2)).Await(patience(s.t))
		return err
	}}
}

func batchedUpdate(s *scene) *waiting {
	s.peer.SetHello(bson.M{"maxWireVersion": 25})
	succeed(s.t, s.client.Database("d").Command(context.Background(), "ping"))
	coll, change := s.coll.WithBatching(), bson.M{"$set": bson.M{"a": 1}}
	first := coll.UpdateOne(context.Background(), id(0), change)
	held := s.peer.Receive("update")
	s.answer("update", func(r *wiretest.Request) { r.OK(bson.M{"n": 1, "nModified": 1}) })
	update := func() *future.Future[*motor.UpdateResult] { return coll.UpdateOne(s.ctx, id(1), change) }
	p := start(s, update, func(done callback.Func[*motor.UpdateResult]) {
		callback.WrapCollection(s.loop, coll).UpdateOne(s.ctx, id(1), change, done)
	})
	return &waiting{p, func() {
		held.OK(bson.M{"n": 1, "nModified": 1})
		succeed(s.t, first)
	}, func() {
		held.HangUp()
		if _, err := first.Await(patience(s.t)); err == nil {
			s.t.Error("unanswered update: got no error, want one")
		}
	}, func(error) error {
		_, err := coll.UpdateOne(context.Background(), id(2), change).Await(patience(s.t))
		return err
	}}
}

func batchedFind(s *scene) *waiting {
	coll := s.coll.WithBatching()
	first := coll.FindOne(context.Background(), id(0))
	held := s.peer.Receive("find")
	s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
	find := func() *future.Future[bson.M] { return coll.FindOne(s.ctx, id(1)) }
	p := start(s, find, func(done callback.Func[bson.M]) { callback.WrapCollection(s.loop, coll).FindOne(s.ctx, id(1), done) })
	return &waiting{p, func() {
		held.Cursor("d.c", 0, id(0))
		succeed(s.t, first)
	}, func() {
		held.HangUp()
		if _, err := first.Await(patience(s.t)); err == nil {
			s.t.Error("unanswered find: got no error, want one")
		}
	}, func(error) error {
		doc, err := coll.FindOne(context.Background(), id(1)).Await(patience(s.t))
		return found(doc, err, 1)
	}}
}

func forConnection(s *scene) *waiting {
	release, hangUp := hold(s, context.Background())
	s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
	p := findOne(s, s.ctx, s.coll)
	return &waiting{p, release, hangUp, findAgain(s, context.Background)}
}

func opening(s *scene) *waiting {
	var mu sync.Mutex
	var held []*wiretest.Request
	released := false
	first := make(chan struct{}, 1)
	s.answer("hello", func(r *wiretest.Request) {
		mu.Lock()
		defer mu.Unlock()
		if released {
			r.OK(s.peer.Hello())
			return
		}
		if held = append(held, r); len(held) == 1 {
			first <- struct{}{}
		}
	})
	s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, id(1)) })
	answer := func(answer func(*wiretest.Request)) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			released = true
			for _, r := range held {
				answer(r)
			}
			held = nil
		}
	}
	p := findOne(s, s.ctx, s.coll)
	<-first
	return &waiting{p, answer(func(r *wiretest.Request) { r.OK(s.peer.Hello()) }), answer((*wiretest.Request).HangUp),
		findAgain(s, context.Background)}
}

// openFile opens a file of three chunks.
func openFile(s *scene) *motor.GridOut {
	bucket, err := motor.NewGridFSBucket(s.client.Database("d"))
	if err != nil {
		s.t.Fatal(err)
	}
	opened := bucket.OpenDownloadStream(context.Background(), 1)
	s.peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": int64(3), "chunkSize": int32(1)})
	return succeed(s.t, opened)
}

func chunks(r *wiretest.Request, from int) {
	var docs []any
	for n := from; n < 3; n++ {
		docs = append(docs, bson.M{"_id": n, "files_id": 1, "n": int32(n), "data": []byte{byte(n + 1)}})
	}
	r.Cursor("d.fs.chunks", 0, docs...)
}

// readChunk calls ReadChunk.
func readChunk(s *scene, out *motor.GridOut) *pending {
	return start(s,
		func() *future.Future[[]byte] { return out.ReadChunk(s.ctx) },
		func(done callback.Func[[]byte]) { callback.WrapGridOut(s.loop, out).ReadChunk(s.ctx, done) })
}

// chunkAgain reads the chunk that follows those read so far.
func chunkAgain(s *scene, out *motor.GridOut, first int) func(error) error {
	return func(outcome error) error {
		if outcome == nil {
			first++
		}
		s.answer("find", func(r *wiretest.Request) { chunks(r, first-1) })
		chunk, err := out.ReadChunk(context.Background()).Await(patience(s.t))
		if err == nil && !bytes.Equal(chunk, []byte{byte(first)}) {
			return fmt.Errorf("got chunk %v, want %d", chunk, first)
		}
		return err
	}
}

func readingFile(s *scene) *waiting {
	out := openFile(s)
	p := readChunk(s, out)
	held := s.peer.Receive("find")
	return &waiting{p, func() { chunks(held, 0) }, held.HangUp, chunkAgain(s, out, 1)}
}

func queuedInFile(s *scene) *waiting {
	out := openFile(s)
	first := out.ReadChunk(context.Background())
	held := s.peer.Receive("find")
	p := readChunk(s, out)
	return &waiting{p, func() {
		chunks(held, 0)
		if chunk := succeed(s.t, first); !bytes.Equal(chunk, []byte{1}) {
			s.t.Errorf("got chunk %v, want 1", chunk)
		}
	}, func() {
		s.answer("find", func(r *wiretest.Request) { chunks(r, 0) })
		held.HangUp()
		if _, err := first.Await(patience(s.t)); err == nil {
			s.t.Error("unanswered read: got no error, want one")
		}
	}, func(outcome error) error {
		if s.ending == byServer { // the failed read leaves its chunk to the next one
			return chunkAgain(s, out, 1)(outcome)
		}
		return chunkAgain(s, out, 2)(outcome)
	}}
}

func withSession(s *scene) *waiting {
	p := startOnLoop(s, func() *future.Future[bson.M] {
		return motor.WithSession(s.ctx, s.client, func(ctx context.Context, _ *motor.Session) (bson.M, error) {
			doc, err := s.coll.FindOne(ctx, bson.M{}).Await(ctx)
			if s.codePanics {
				panic("the user's function")
			}
			return doc, err
		})
	})
	held := s.peer.Receive("find")
	return &waiting{p, func() { held.Cursor("d.c", 0, id(1)) }, held.HangUp, findAgain(s, context.Background)}
}

func inSequence(s *scene) *waiting {
	var sequence future.Sequence
	first := future.NewPromise[int]()
	future.Enqueue(&sequence, first.Future)
	enqueue := func() *future.Future[int] {
		return future.Enqueue(&sequence, func() *future.Future[int] {
			if s.codePanics {
				panic("the user's function")
			}
			return future.Resolved(2)
		})
	}
	return &waiting{startOnLoop(s, enqueue), func() { first.Resolve(1) }, nil, func(error) error {
		_, err := future.Enqueue(&sequence, func() *future.Future[int] { return future.Resolved(3) }).Await(patience(s.t))
		return err
	}}
}
