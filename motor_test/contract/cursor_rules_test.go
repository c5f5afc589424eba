package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// everyChaining is each method that sets an option of a cursor, with a value that suits.
var everyChaining = map[string]func(*motor.Cursor[bson.M]) *motor.Cursor[bson.M]{
	"AddOption":    func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.AddOption(motor.QueryFlagNoTimeout) },
	"AllowDiskUse": func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.AllowDiskUse(true) },
	"BatchSize":    func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.BatchSize(10) },
	"Collation": func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] {
		return c.Collation(&options.Collation{Locale: "de"})
	},
	"Comment":        func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Comment("why") },
	"Hint":           func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Hint("_id_") },
	"Index":          func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Index(1) },
	"Limit":          func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Limit(5) },
	"Max":            func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Max(bson.D{{Key: "_id", Value: 9}}) },
	"MaxAwaitTimeMS": func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.MaxAwaitTimeMS(5) },
	"MaxScan":        func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.MaxScan(5) },
	"MaxTimeMS":      func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.MaxTimeMS(5000) },
	"Min":            func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Min(bson.D{{Key: "_id", Value: 0}}) },
	"RemoveOption":   func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.RemoveOption(motor.QueryFlagTailable) },
	"Skip":           func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Skip(1) },
	"Slice":          func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(1, 3) },
	"Sort":           func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Sort("_id") },
	"Where":          func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Where("true") },
}

func TestChainingReturnsTheCursorAndDoesNoIO(t *testing.T) {
	client, err := motor.NewClient("mongodb://127.0.0.1:1") // where nobody listens
	noError(t, err)
	for name, chain := range everyChaining {
		c := client.Database("d").Collection("c").Find(bson.D{})
		if chain(c) != c || c.Err() != nil || c.Started() || !c.Alive() || client.Connected() {
			t.Errorf("%s: another cursor, or not as before: %v", name, c.Err())
		}
	}
	handle := callback.WrapCursor(make(taskLoop), client.Database("d").Collection("c").Find(bson.D{}))
	if handle.Sort("a").Hint("a_1").Slice(1, 2) != handle {
		t.Error("another handle")
	}
	if client.Stats() != (future.PoolStats{}) {
		t.Error("the client was opened")
	}
}

func TestEveryChainingAfterTheFirstReadIsAnInvalidOperation(t *testing.T) {
	withCursor(t, 3, func(t *testing.T, r reader) {
		_, err := r.FetchNext()
		noError(t, err)
		for name, chain := range everyChaining {
			c := r.Cursor()
			if err := chain(c).Err(); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("%s: %v, want InvalidOperation", name, err)
			}
			c.Rewind()
			if c.Err() != nil {
				t.Errorf("%s: after Rewind: %v", name, c.Err())
			}
			_, err := r.FetchNext()
			noError(t, err)
		}
	})
}

func TestChainingWithWhatDoesNotSuit(t *testing.T) {
	coll := newCollection(t)
	for name, c := range map[string]struct {
		cursor *motor.Cursor[bson.M]
		want   error
	}{
		"Hint of a map":           {coll.Find(bson.D{}).Hint(bson.M{"a": 1, "b": 1}), motor.TypeError},
		"Hint of a number":        {coll.Find(bson.D{}).Hint(5), motor.TypeError},
		"Min of nothing":          {coll.Find(bson.D{}).Min(nil), motor.TypeError},
		"Max of a map":            {coll.Find(bson.D{}).Max(bson.M{"a": 1, "b": 1}), motor.TypeError},
		"Where of a number":       {coll.Find(bson.D{}).Where(5), motor.TypeError},
		"Comment of a function":   {coll.Find(bson.D{}).Comment(func() {}), motor.InvalidDocument},
		"negative MaxTimeMS":      {coll.Find(bson.D{}).MaxTimeMS(-1), motor.ValueError},
		"negative MaxAwaitTimeMS": {coll.Find(bson.D{}).MaxAwaitTimeMS(-1), motor.ValueError},
		"negative MaxScan":        {coll.Find(bson.D{}).MaxScan(-1), motor.ValueError},
		"unknown flag":            {coll.Find(bson.D{}).AddOption(1), motor.ValueError},
		"negative flags":          {coll.Find(bson.D{}).AddOption(-1), motor.ValueError},
		"unknown flag taken back": {coll.Find(bson.D{}).RemoveOption(256), motor.ValueError},
		"a limit, then exhaust":   {coll.Find(bson.D{}).Limit(1).AddOption(motor.QueryFlagExhaust), motor.InvalidOperation},
		"exhaust, then a limit":   {coll.Find(bson.D{}).AddOption(motor.QueryFlagExhaust).Limit(1), motor.InvalidOperation},
		"Slice from the end":      {coll.Find(bson.D{}).Slice(-1), motor.ValueError},
		"Slice to the end":        {coll.Find(bson.D{}).Slice(0, -1), motor.ValueError},
		"Slice backwards":         {coll.Find(bson.D{}).Slice(3, 2), motor.ValueError},
		"Slice with a step":       {coll.Find(bson.D{}).Slice(1, 5, 2), motor.TypeError},
		"Index from the end":      {coll.Find(bson.D{}).Index(-1), motor.ValueError},
		"the first error is kept": {coll.Find(bson.D{}).Index(-1).Hint(5), motor.ValueError},
		"it is kept by Clone":     {coll.Find(bson.D{}).Index(-1).Clone(), motor.ValueError},
		"and by Rewind":           {coll.Find(bson.D{}).Index(-1).Rewind(), motor.ValueError},
		"no filter":               {coll.Find(nil), motor.TypeError},
		"a number for a filter":   {coll.Find(5), motor.TypeError},
	} {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(c.cursor.Err(), c.want) {
				t.Errorf("Err is %v, want %v", c.cursor.Err(), c.want)
			}
			if _, err := c.cursor.ToList(t.Context()).Await(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("ToList: %v, want %v", err, c.want)
			}
			if _, err := c.cursor.Count(t.Context(), true).Await(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("Count: %v, want %v", err, c.want)
			}
			if _, err := c.cursor.Explain(t.Context()).Await(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("Explain: %v, want %v", err, c.want)
			}
		})
	}
}

func TestToListOfNothingSendsTheQueryAllTheSame(t *testing.T) {
	withCursor(t, 15, func(t *testing.T, r reader) {
		docs, err := r.ToList(0)
		if docs == nil || len(docs) != 0 || err != nil || !r.Cursor().Started() || r.Cursor().CursorID() == 0 {
			t.Errorf("%v, %v, id %d", docs, err, r.Cursor().CursorID())
		}
		if docs, err := r.ToList(); len(docs) != 15 || err != nil {
			t.Errorf("then %d documents, %v", len(docs), err)
		}
	})
}

func TestToListWithABadLength(t *testing.T) {
	withCursor(t, 1, func(t *testing.T, r reader) {
		if _, err := r.ToList(-1); !errors.Is(err, motor.ValueError) {
			t.Errorf("negative: %v, want ValueError", err)
		}
		if _, err := r.ToList(1, 2); !errors.Is(err, motor.TypeError) {
			t.Errorf("two: %v, want TypeError", err)
		}
		if r.Cursor().Started() {
			t.Error("it was read")
		}
		r.Cursor().AddOption(motor.QueryFlagTailable)
		if _, err := r.ToList(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("tailable: %v, want InvalidOperation", err)
		}
	})
}

func TestClosedOnlyReflectsClose(t *testing.T) {
	withCursor(t, 3, func(t *testing.T, r reader) {
		_, err := r.ToList()
		noError(t, err)
		if r.Cursor().Closed() || r.Cursor().Alive() {
			t.Errorf("at the end: closed %t, alive %t", r.Cursor().Closed(), r.Cursor().Alive())
		}
		noError(t, r.Close())
		if !r.Cursor().Closed() || r.Cursor().Rewind().Closed() {
			t.Error("closed, and rewound")
		}
	})
}

func TestStartedAddressAndSessionBeforeAndAfterTheFirstRead(t *testing.T) {
	withCursor(t, 3, func(t *testing.T, r reader) {
		c := r.Cursor()
		if _, ok := c.Address(); ok || c.Started() || c.Session() != nil {
			t.Error("before the first read there is something")
		}
		_, err := r.Next()
		noError(t, err)
		want, _ := c.Collection().Database().Client().Address()
		if at, ok := c.Address(); !ok || at != want || !c.Started() || c.Session() != nil {
			t.Errorf("the address is %v, want %v; started %t", at, want, c.Started())
		}
		if c.IOLoop() != c.Collection().Database().Client().IOLoop() {
			t.Error("another loop than the client's")
		}
	})
}

func TestCountIgnoresLimitAndSkipUnlessAsked(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
		r.Cursor().Skip(20).Limit(10)
		if n, err := r.Count(false); n != 25 || err != nil {
			t.Errorf("without: %d, %v", n, err)
		}
		if n, err := r.Count(true); n != 5 || err != nil {
			t.Errorf("with limit and skip: %d, %v", n, err)
		}
		if docs, err := r.ToList(); len(docs) != 5 || err != nil {
			t.Errorf("the cursor goes on: %d documents, %v", len(docs), err)
		}
	})
}

func TestDistinctAndExplainLeaveTheCursor(t *testing.T) {
	withCursor(t, 5, func(t *testing.T, r reader) {
		if values, err := r.Distinct("i"); len(values) != 5 || values[0] != int32(0) || err != nil {
			t.Errorf("%v, %v", values, err)
		}
		if plan, err := r.Explain(); plan["queryPlanner"] == nil || err != nil {
			t.Errorf("%v, %v", plan, err)
		}
		if r.Cursor().Started() {
			t.Error("it was read")
		}
	})
}

func TestSlices(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
		for name, c := range map[string]struct {
			slice       func(*motor.Cursor[bson.M]) *motor.Cursor[bson.M]
			first, want int
		}{
			"[5:8]":           {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(5, 8) }, 5, 3},
			"[20:]":           {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(20) }, 20, 5},
			"[20:100]":        {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(20, 100) }, 20, 5},
			"[:0]":            {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(0, 0) }, 0, 0},
			"[5:5]":           {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(5, 5) }, 0, 0},
			"[5:5], cloned":   {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(5, 5).Clone() }, 0, 0},
			"[5:5], then [3]": {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(5, 5).Index(3) }, 8, 1},
			"[5:5], then 2":   {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Slice(5, 5).Limit(2) }, 5, 2},
			"[7]":             {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Index(7) }, 7, 1},
			"[7] after 10":    {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Skip(10).Index(7) }, 17, 1},
			"[25], a miss":    {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Index(25) }, 0, 0},
			"forgets Skip":    {func(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] { return c.Skip(9).Limit(9).Slice(1, 3) }, 1, 2},
		} {
			docs, err := c.slice(r.Cursor().Clone()).ToList(t.Context()).Await(t.Context())
			if len(docs) != c.want || err != nil || c.want > 0 && !isNumber(docs[0], c.first) {
				t.Errorf("%s: %v, %v; want %d from %d on", name, docs, err, c.want, c.first)
			}
		}
	})
}

func TestEmptySliceDoesNoIO(t *testing.T) {
	client := newClient(t)
	cursor := client.Database("d").Collection("c").Find(bson.D{}).Slice(5, 5)
	docs, err := cursor.ToList(t.Context()).Await(t.Context())
	if len(docs) != 0 || err != nil || cursor.Alive() {
		t.Errorf("%v, %v, alive %t", docs, err, cursor.Alive())
	}
	if _, ok := cursor.Address(); ok {
		t.Error("the query was sent")
	}
}

func TestFirstBatchIsTheServersDefault(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 150)
	cursor := coll.FindRawBatches(bson.D{})
	batch, err := cursor.Next(t.Context()).Await(t.Context())
	noError(t, err)
	if docs, err := batch.Documents(); len(docs) != 101 || err != nil {
		t.Errorf("%d documents in the first batch, %v", len(docs), err)
	}
	if rest, err := cursor.ToList(t.Context()).Await(t.Context()); len(rest) != 1 || err != nil {
		t.Errorf("%d more batches, %v", len(rest), err)
	}
}

func TestRawBatchesOfFindAndAggregate(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 25)
	ctx := t.Context()
	find, err := coll.FindRawBatches(bson.D{}).Sort("_id").BatchSize(10).ToList(ctx, 2).Await(ctx)
	if len(find) != 2 || err != nil {
		t.Fatalf("%d batches, %v", len(find), err)
	}
	docs, err := find[1].Documents()
	if len(docs) != 10 || docs[9].Lookup("i").Int32() != 19 || err != nil {
		t.Errorf("the second batch is %v, %v", docs, err)
	}
	n := 0
	for batch, err := range coll.AggregateRawBatches(mongo.Pipeline{}).BatchSize(10).All(ctx) {
		noError(t, err)
		docs, err := batch.Documents()
		noError(t, err)
		n += len(docs)
	}
	if n != 25 {
		t.Errorf("%d documents", n)
	}
}

func TestParallelScanOfACollection(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 250)
	ctx := t.Context()
	cursors, err := coll.ParallelScan(ctx, 3).Await(ctx)
	noError(t, err)
	got := make(map[int32]bool)
	for more := true; more; {
		more = false
		for _, c := range cursors {
			docs, err := c.ToList(ctx, 7).Await(ctx)
			noError(t, err)
			for _, doc := range docs {
				got[doc["i"].(int32)] = true
			}
			more = more || len(docs) > 0
		}
	}
	if len(got) != 250 || len(cursors) != 3 {
		t.Errorf("%d documents of %d cursors", len(got), len(cursors))
	}
}

func TestTryNextOfACommandCursor(t *testing.T) {
	withCommandCursor(t, 2, func(t *testing.T, r commandReader) {
		for i := range 3 {
			doc, err := r.TryNext()
			if err != nil || (doc == nil) != (i == 2) || i < 2 && !isNumber(doc, i) {
				t.Errorf("%d: %v, %v", i, doc, err)
			}
		}
	})
}

// capped makes the collection of a test a capped one.
func capped(t *testing.T, coll *motor.Collection[bson.M]) {
	t.Helper()
	_, err := coll.Database().CreateCollection(t.Context(), coll.Name(),
		options.CreateCollection().SetCapped(true).SetSizeInBytes(1<<20)).Await(t.Context())
	noError(t, err)
}

func TestTailableCursorGoesOnWithWhatIsInserted(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "tailable cursors")
	for name, kind := range map[string]options.CursorType{"awaiting": options.TailableAwait, "not awaiting": options.Tailable} {
		t.Run(name, func(t *testing.T) {
			coll, ctx := newCollection(t, motor.WithMaxWorkers(1)), t.Context()
			capped(t, coll)
			dead := coll.Find(bson.D{}, options.Find().SetCursorType(kind))
			if more, err := dead.FetchNext(ctx).Await(ctx); more || err != nil || dead.Alive() {
				t.Errorf("of an empty collection: %t, %v, alive %t", more, err, dead.Alive())
			}
			fill(t, coll, 2)
			cursor := coll.Find(bson.D{}, options.Find().SetCursorType(kind))
			for i := range 2 {
				if doc, err := cursor.Next(ctx).Await(ctx); !isNumber(doc, i) || err != nil {
					t.Fatalf("%v, %v", doc, err)
				}
			}
			if more, err := cursor.FetchNext(ctx).Await(ctx); more || err != nil || !cursor.Alive() {
				t.Errorf("no news: %t, %v, alive %t", more, err, cursor.Alive())
			}
			got := make(chan bson.M, 1)
			cursor.Each(ctx, func(doc bson.M, err error) bool { got <- doc; return false })
			_, err := coll.InsertOne(ctx, bson.M{"i": 2}).Await(ctx)
			noError(t, err)
			if doc := <-got; !isNumber(doc, 2) {
				t.Errorf("the news are %v", doc)
			}
			_, err = cursor.Close(ctx).Await(ctx)
			noError(t, err)
		})
	}
}

func TestTail(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "tailable cursors")
	coll, ctx := newCollection(t), t.Context()
	capped(t, coll)
	got := make(chan bson.M, 10)
	coll.Find(bson.D{}).Tail(ctx, func(doc bson.M, err error) bool { got <- doc; return !isNumber(doc, 1) })
	fill(t, coll, 2) // into a collection that was empty
	for i := range 2 {
		if doc := <-got; !isNumber(doc, i) {
			t.Errorf("document %d is %v", i, doc)
		}
	}
}

func TestPipelineWithOutRunsOnlyIfItIsRead(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "$out")
	coll, ctx := newCollection(t), t.Context()
	fill(t, coll, 3)
	out := coll.Collection("out")
	cursor := coll.AggregateRawBatches(mongo.Pipeline{{{Key: "$out", Value: out.Name()}}})
	if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 0 || err != nil {
		t.Errorf("before: %d, %v", n, err)
	}
	_, err := cursor.ToList(ctx).Await(ctx)
	noError(t, err)
	if n, err := out.CountDocuments(ctx, bson.D{}).Await(ctx); n != 3 || err != nil {
		t.Errorf("after: %d, %v", n, err)
	}
}
