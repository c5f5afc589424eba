package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// commandReader is a command cursor in one style or the other.
type commandReader interface {
	FetchNext() (bool, error)
	Next() (bson.M, error)
	TryNext() (bson.M, error)
	ToList(length ...int) ([]bson.M, error)
	Each(fn func(bson.M, error) bool)
	Close() error
	Cursor() *motor.CommandCursor[bson.M] // for what is the same in both styles
}

// cursorOf sends a command by which the style of ops gets a cursor.
func cursorOf(t *testing.T, ops operations, command any) commandReader {
	t.Helper()
	switch s := ops.(type) {
	case byFutures:
		cursor, err := s.coll.Database().CursorCommand(s.ctx, command).Await(s.ctx)
		noError(t, err)
		return futureCommandReader{s, cursor}
	case byCallbacks:
		cursor, err := called(s.ctx, s.loop, func(done callback.Func[*callback.CommandCursor[bson.M]]) {
			s.coll.Database().CursorCommand(s.ctx, command, done)
		})
		noError(t, err)
		return callbackCommandReader{s, cursor}
	}
	t.Fatalf("%T", ops)
	return nil
}

type futureCommandReader struct {
	byFutures
	cursor *motor.CommandCursor[bson.M]
}

func (r futureCommandReader) FetchNext() (bool, error) { return r.cursor.FetchNext(r.ctx).Await(r.ctx) }
func (r futureCommandReader) Next() (bson.M, error)    { return r.cursor.Next(r.ctx).Await(r.ctx) }
func (r futureCommandReader) TryNext() (bson.M, error) { return r.cursor.TryNext(r.ctx).Await(r.ctx) }
func (r futureCommandReader) ToList(length ...int) ([]bson.M, error) {
	return r.cursor.ToList(r.ctx, length...).Await(r.ctx)
}
func (r futureCommandReader) Each(fn func(bson.M, error) bool)     { r.cursor.Each(r.ctx, fn) }
func (r futureCommandReader) Cursor() *motor.CommandCursor[bson.M] { return r.cursor }
func (r futureCommandReader) Close() error {
	_, err := r.cursor.Close(r.ctx).Await(r.ctx)
	return err
}

type callbackCommandReader struct {
	byCallbacks
	cursor *callback.CommandCursor[bson.M]
}

func (r callbackCommandReader) FetchNext() (bool, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bool]) { r.cursor.FetchNext(r.ctx, done) })
}

func (r callbackCommandReader) Next() (bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bson.M]) { r.cursor.Next(r.ctx, done) })
}

func (r callbackCommandReader) TryNext() (bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bson.M]) { r.cursor.TryNext(r.ctx, done) })
}

func (r callbackCommandReader) ToList(length ...int) ([]bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[[]bson.M]) { r.cursor.ToList(r.ctx, done, length...) })
}
func (r callbackCommandReader) Each(fn func(bson.M, error) bool)     { r.cursor.Each(r.ctx, fn) }
func (r callbackCommandReader) Cursor() *motor.CommandCursor[bson.M] { return r.cursor.Futures() }
func (r callbackCommandReader) Close() error {
	_, err := called(r.ctx, r.loop, func(done callback.Func[struct{}]) { r.cursor.Close(r.ctx, done) })
	return err
}

// withCommandCursor runs test in both styles on the cursor of a command that finds n documents, in batches of 10.
func withCommandCursor(t *testing.T, n int, test func(t *testing.T, r commandReader)) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		if n > 0 {
			_, err := ops.InsertMany(numbered(n))
			noError(t, err)
		}
		r := cursorOf(t, ops, bson.D{
			{Key: "find", Value: "documents"}, {Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "batchSize", Value: 10},
		})
		r.Cursor().BatchSize(10)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	})
}

func TestCommandCursorIsReadInEveryWay(t *testing.T) {
	withCommandCursor(t, 25, func(t *testing.T, r commandReader) {
		if doc := r.Cursor().NextObject(); !isNumber(doc, 0) {
			t.Errorf("at once: %v; want the first document, which came with the reply", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 1) || err != nil {
			t.Errorf("Next: %v, %v", doc, err)
		}
		for range 2 {
			if more, err := r.FetchNext(); !more || err != nil {
				t.Errorf("FetchNext: %t, %v", more, err)
			}
		}
		if doc := r.Cursor().NextObject(); !isNumber(doc, 2) {
			t.Errorf("NextObject: %v", doc)
		}
		docs, err := r.ToList(12)
		if len(docs) != 12 || !isNumber(docs[11], 14) || err != nil {
			t.Errorf("ToList: %d documents, %v", len(docs), err)
		}
		for doc, err := range r.Cursor().All(t.Context()) {
			if !isNumber(doc, 15) || err != nil {
				t.Errorf("All: %v, %v", doc, err)
			}
			break
		}
		if !r.Cursor().Alive() || r.Cursor().CursorID() == 0 {
			t.Error("half way it is alive and has a number")
		}
		end := make(chan int, 1)
		next := 16
		r.Each(func(doc bson.M, err error) bool {
			if doc == nil {
				end <- next
			} else if !isNumber(doc, next) || err != nil {
				t.Errorf("Each: %v, %v; want document %d", doc, err, next)
			}
			next++
			return true
		})
		if n := <-end; n != 25 {
			t.Errorf("the end came after %d documents", n)
		}
		if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) {
			t.Errorf("at the end: %v, want StopAsyncIteration", err)
		}
		if docs, err := r.ToList(); docs == nil || len(docs) != 0 || err != nil {
			t.Errorf("at the end: %v, %v; want an empty list", docs, err)
		}
		if r.Cursor().Alive() || r.Cursor().CursorID() != 0 {
			t.Error("at the end it is alive, or has a number")
		}
	})
}

func TestCommandCursorOfNothing(t *testing.T) {
	withCommandCursor(t, 0, func(t *testing.T, r commandReader) {
		if more, err := r.FetchNext(); more || err != nil {
			t.Errorf("%t, %v", more, err)
		}
	})
}

func TestClosedCommandCursorKeepsWhatHasCome(t *testing.T) {
	withCommandCursor(t, 25, func(t *testing.T, r commandReader) {
		noError(t, r.Close())
		noError(t, r.Close())
		docs, err := r.ToList()
		if len(docs) != 10 || err != nil {
			t.Errorf("%d documents, %v; want the first batch", len(docs), err)
		}
	})
}

func TestNegativeBatchSizeIsAValueErrorOfEveryRead(t *testing.T) {
	withCommandCursor(t, 5, func(t *testing.T, r commandReader) {
		r.Cursor().BatchSize(-1)
		if _, err := r.Next(); !errors.Is(err, motor.ValueError) || !errors.Is(r.Cursor().Err(), motor.ValueError) {
			t.Errorf("got %v, want a ValueError", err)
		}
	})
}

func TestListCollections(t *testing.T) {
	coll := newCollection(t)
	db, ctx := coll.Database(), t.Context()
	for _, name := range []string{"a", "b", "c"} {
		_, err := db.CreateCollection(ctx, name).Await(ctx)
		noError(t, err)
	}
	cursor, err := db.ListCollections(ctx, bson.D{}).Await(ctx)
	noError(t, err)
	docs, err := cursor.ToList(ctx).Await(ctx)
	if len(docs) != 3 || docs[0]["type"] != "collection" || err != nil {
		t.Errorf("%v, %v", docs, err)
	}
	cursor, err = db.ListCollections(ctx, bson.M{"name": "b"}).Await(ctx)
	noError(t, err)
	if docs, err = cursor.ToList(ctx).Await(ctx); len(docs) != 1 || docs[0]["name"] != "b" || err != nil {
		t.Errorf("of the name b: %v, %v", docs, err)
	}
}

func TestListDatabases(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 1)
	db, ctx := coll.Database(), t.Context()
	cursor, err := db.Client().ListDatabases(ctx, bson.M{"name": db.Name()}).Await(ctx)
	noError(t, err)
	docs, err := cursor.ToList(ctx).Await(ctx)
	if len(docs) != 1 || docs[0]["name"] != db.Name() || docs[0]["empty"] != false || err != nil {
		t.Errorf("%v, %v", docs, err)
	}
}

func TestAggregateOfADatabase(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "aggregation of a database")
	client, ctx := newClient(t), t.Context()
	cursor := client.Database("admin").Aggregate(mongo.Pipeline{
		{{Key: "$currentOp", Value: bson.D{}}}, {{Key: "$limit", Value: 1}},
	})
	if docs, err := cursor.ToList(ctx).Await(ctx); len(docs) != 1 || err != nil {
		t.Errorf("%v, %v", docs, err)
	}
}
