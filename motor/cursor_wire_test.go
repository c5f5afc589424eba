package motor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// answerInTwo makes a peer answer a find with one document, and its getMore with another.
func answerInTwo(peer *wiretest.Peer) {
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 1}) })
}

// everyChained sets every chained option that the driver can send.
func everyChained(c *motor.Cursor[bson.M]) *motor.Cursor[bson.M] {
	return c.Sort(bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}).Skip(3).Limit(9).BatchSize(1).
		Hint(bson.D{{Key: "a", Value: 1}}).Min(bson.D{{Key: "a", Value: 0}}).Max(bson.D{{Key: "a", Value: 100}}).
		Comment(bson.D{{Key: "why", Value: 1}}).Collation(&options.Collation{Locale: "de", Strength: 2}).
		AllowDiskUse(true).Where("this.a > 0").AddOption(motor.QueryFlagNoTimeout | motor.QueryFlagPartial)
}

// findsOf makes cursors with many combinations of options.
var findsOf = []struct {
	name string
	find func(*motor.Collection[bson.M]) *motor.Cursor[bson.M]
}{
	{"nothing", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] { return c.Find(bson.D{}) }},
	{"everything", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] { return everyChained(c.Find(bson.M{"a": 1})) }},
	{"options", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
		return c.Find(bson.M{"a": 1}, options.Find().SetProjection(bson.M{"a": 1}).SetLet(bson.M{"x": 1}).SetReturnKey(true).
			SetShowRecordID(true).SetHint("a_1").SetComment("why"))
	}},
	{"a single batch", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] { return c.Find(bson.D{}).Limit(-2) }},
	{"tailable", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
		return c.Find(bson.D{}, options.Find().SetCursorType(options.Tailable))
	}},
	{"tailable, awaiting", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
		return c.Find(bson.D{}).AddOption(motor.QueryFlagTailable | motor.QueryFlagAwaitData).MaxAwaitTimeMS(50)
	}},
	{"secondaryOk flag", func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
		return c.Find(bson.D{}).AddOption(motor.QueryFlagSecondaryOkay)
	}},
}

// The find that motor builds equals the driver's find, except for maxTimeMS. So do its getMores.
func TestFindCommandMatchesDriver(t *testing.T) {
	handles := []struct {
		name string
		of   func(*motor.Client) *motor.Collection[bson.M]
	}{
		{"plain", func(c *motor.Client) *motor.Collection[bson.M] { return c.Database("d").Collection("c") }},
		{"concerns", func(c *motor.Client) *motor.Collection[bson.M] {
			return c.Database("d", options.Database().SetReadConcern(readconcern.Majority())).Collection("c",
				options.Collection().SetReadPreference(readpref.SecondaryPreferred(readpref.WithTags("dc", "ny"))))
		}},
		{"concern of the client", func(c *motor.Client) *motor.Collection[bson.M] {
			return c.Database("d").Collection("c", options.Collection().SetReadPreference(readpref.Nearest()))
		}},
	}
	for _, test := range findsOf {
		for _, handle := range handles {
			t.Run(test.name+", "+handle.name, func(t *testing.T) {
				peer := wiretest.Start(t, wiretest.Primary)
				answerInTwo(peer)
				var opts []string
				if handle.name == "concern of the client" {
					opts = append(opts, "readConcernLevel=local")
				}
				c := handle.of(newClient(t, peer.URI(opts...)))
				for _, cursor := range []*motor.Cursor[bson.M]{test.find(c), test.find(c).MaxTimeMS(1234)} {
					for range 2 {
						if _, err := cursor.Next(t.Context()).Await(t.Context()); err != nil {
							t.Fatalf("Next() = %v, want nil", err)
						}
					}
				}
				finds, mores := peer.Seen("find"), peer.Seen("getMore")
				if len(finds) != 2 || len(mores) != 2 {
					t.Fatalf("got %d find, %d getMore commands, want 2, 2", len(finds), len(mores))
				}
				sameCommand(t, finds[0], finds[1], bson.E{Key: "maxTimeMS", Value: int64(1234)})
				sameCommand(t, mores[0], mores[1])
			})
		}
	}
}

// sameCommand compares two commands by field. The second has one field more.
func sameCommand(t *testing.T, one, other bson.Raw, more ...bson.E) {
	t.Helper()
	want, got := bson.M{}, bson.M{}
	for _, command := range []struct {
		raw    bson.Raw
		fields bson.M
	}{{one, want}, {other, got}} {
		if err := bson.Unmarshal(command.raw, &command.fields); err != nil {
			t.Fatalf("Unmarshal() = %v, want nil", err)
		}
		delete(command.fields, "lsid")
		delete(command.fields, "$clusterTime")
	}
	for _, e := range more {
		want[e.Key] = e.Value
	}
	if len(want) != len(got) {
		t.Errorf("got fields\n%s\nwant\n%s", other, one)
	}
	for key, value := range want {
		if fmt.Sprintf("%T %v", value, value) != fmt.Sprintf("%T %v", got[key], got[key]) {
			t.Errorf("%s: got %v, want %v as the driver sends", key, got[key], value)
		}
	}
}

func TestFindCommandInSession(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("find", func(r *wiretest.Request) {
		r.OK(bson.D{
			{Key: "operationTime", Value: bson.Timestamp{T: 5, I: 6}},
			{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "d.c"}, {Key: "firstBatch", Value: bson.A{}}}},
		})
	})
	client := newClient(t, peer.URI())
	for _, test := range []struct {
		name string
		opts *options.SessionOptionsBuilder
	}{
		{"causal", options.Session()},
		{"not causal", options.Session().SetCausalConsistency(false)},
		{"snapshot", options.Session().SetSnapshot(true)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen []bson.Raw
			for _, ms := range []int64{0, 1234} {
				session, err := motor.StartDriverSession(t.Context(), client, test.opts)
				if err != nil {
					t.Fatalf("got error %v, want nil", err)
				}
				ctx := mongo.NewSessionContext(t.Context(), session)
				for range 2 { // The second insert comes after the first.
					if _, err := client.Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(ms).ToList(ctx).Await(ctx); err != nil {
						t.Fatalf("ToList() = %v, want nil", err)
					}
				}
				session.EndSession(t.Context())
				all := peer.Seen("find")
				seen = append(seen, all[len(all)-1])
			}
			sameCommand(t, seen[0], seen[1], bson.E{Key: "maxTimeMS", Value: int64(1234)})
		})
	}
}

func TestFindCommandRetry(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(*wiretest.Request)
		opts  []string
		finds int
		want  error
	}{
		{name: "a transient error code", fail: func(r *wiretest.Request) { r.Fail(11602, "InterruptedDueToReplStateChange", "no") }, finds: 2},
		{name: "a closed connection", fail: func(r *wiretest.Request) { r.HangUp() }, finds: 2},
		{name: "another code", fail: func(r *wiretest.Request) { r.Fail(2, "BadValue", "no") }, finds: 1, want: motor.OperationFailure},
		{
			name: "switched off",
			fail: func(r *wiretest.Request) { r.HangUp() }, opts: []string{"retryReads=false"}, finds: 1, want: motor.AutoReconnect,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			peer.Handle("find", func(r *wiretest.Request) {
				if len(peer.Seen("find")) == 1 {
					c.fail(r)
				} else {
					r.Cursor("d.c", 0)
				}
			})
			cursor := newClient(t, peer.URI(c.opts...)).Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(5)
			_, err := cursor.ToList(t.Context()).Await(t.Context())
			if n := len(peer.Seen("find")); n != c.finds || !errors.Is(err, c.want) {
				t.Errorf("got %d finds, %v, want %d, %v", n, err, c.finds, c.want)
			}
		})
	}
}

// The driver sends the find without maxTimeMS, and gomotor sends the other. Both are retried until the time limit, or
// once if there is none. A timeoutMS of 0 is a limit that never ends.
func TestFindRetriesUntilTimeLimit(t *testing.T) {
	for _, test := range []struct {
		name     string
		opts     []string
		deadline time.Duration
		finds    int
		want     error
	}{
		{name: "no limit", finds: 2, want: motor.OperationFailure},
		{name: "a deadline", deadline: time.Minute, finds: 4},
		{name: "timeoutMS of the client", opts: []string{"timeoutMS=60000"}, finds: 4},
		{name: "timeoutMS=0", opts: []string{"timeoutMS=0"}, finds: 4},
		{
			name: "switched off",
			opts: []string{"timeoutMS=0", "retryReads=false"}, finds: 1, want: motor.OperationFailure,
		},
	} {
		for _, ms := range []int64{0, 5} {
			t.Run(fmt.Sprintf("%s/maxTimeMS %d", test.name, ms), func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				if test.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), test.deadline)
				}
				defer cancel()
				peer := wiretest.Start(t, wiretest.Primary)
				peer.Handle("find", func(r *wiretest.Request) {
					if len(peer.Seen("find")) < 4 {
						r.Fail(134, "ReadConcernMajorityNotAvailableYet", "no")
					} else {
						r.Cursor("d.c", 0)
					}
				})
				cursor := newClient(t, peer.URI(test.opts...)).Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(ms)
				_, err := cursor.ToList(ctx).Await(ctx)
				if n := len(peer.Seen("find")); n != test.finds || !errors.Is(err, test.want) {
					t.Errorf("got %d finds, %v, want %d, %v", n, err, test.finds, test.want)
				}
			})
		}
	}
}

// A context's deadline adds no maxTimeMS to the command, but ends the query.
func TestMaxTimeMSWithDeadline(t *testing.T) {
	for _, test := range []struct {
		name string
		opts []string
	}{{"of the context", nil}, {"of the client", []string{"timeoutMS=60000"}}} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			ctx := t.Context()
			if test.opts == nil {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Minute)
				defer cancel()
			}
			list := newClient(t, peer.URI(test.opts...)).Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(5).ToList(ctx)
			find := peer.Receive("find").Want(bson.M{"maxTimeMS": 5})
			if elements, _ := find.Command.Elements(); count(elements, "maxTimeMS") != 1 {
				t.Errorf("got find %s, want maxTimeMS once", find)
			}
			find.Cursor("d.c", 0)
			if _, err := list.Await(ctx); err != nil {
				t.Errorf("ToList() = %v, want nil", err)
			}
		})
	}
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx, cancel := context.WithCancel(t.Context())
	list := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{}).MaxTimeMS(5).ToList(ctx)
	find := peer.Receive("find")
	cancel()
	if _, err := list.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("ToList() = %v, want context.Canceled", err)
	}
	find.Nothing()
}

func count(elements []bson.RawElement, key string) (n int) {
	for _, e := range elements {
		if e.Key() == key {
			n++
		}
	}
	return n
}

func TestFindSendsUnsupportedOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		find func(*motor.Collection[bson.M]) *motor.Cursor[bson.M]
		want bson.M
	}{
		{
			name: "maxScan",
			find: func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] { return c.Find(bson.D{}).MaxScan(10) },
			want: bson.M{"maxScan": 10},
		},
		{
			name: "awaiting data, not tailable",
			find: func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
				return c.Find(bson.D{}).AddOption(motor.QueryFlagAwaitData)
			},
			want: bson.M{"awaitData": true, "tailable": wiretest.Absent},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			list := c.find(newClient(t, peer.URI()).Database("d").Collection("c")).ToList(t.Context())
			peer.Receive("find").Want(c.want).Fail(9, "FailedToParse", "no")
			if _, err := list.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
				t.Errorf("got %v, want OperationFailure", err)
			}
		})
	}
}

func TestWhereJoinsFilter(t *testing.T) {
	for _, c := range []struct {
		name  string
		codes []any
		want  bson.M
	}{
		{"a string", []any{"true"}, bson.M{"a": 1, "$where": bson.JavaScript("true")}},
		{"the last one", []any{"true", bson.JavaScript("false")}, bson.M{"a": 1, "$where": bson.JavaScript("false")}},
		{"with a scope",
			[]any{bson.CodeWithScope{Code: "x", Scope: bson.M{"x": 1}}},
			bson.M{"a": 1, "$where": bson.CodeWithScope{Code: "x", Scope: bson.M{"x": 1}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.M{"a": 1})
			for _, code := range c.codes {
				cursor.Where(code)
			}
			list := cursor.Clone().ToList(t.Context())
			peer.Receive("find").Want(bson.M{"filter": c.want}).Cursor("d.c", 0)
			if _, err := list.Await(t.Context()); err != nil {
				t.Errorf("ToList() = %v, want nil", err)
			}
		})
	}
}

func TestCursorRemoveFlags(t *testing.T) {
	const all = motor.QueryFlagTailable | motor.QueryFlagSecondaryOkay | motor.QueryFlagOplogReplay |
		motor.QueryFlagNoTimeout | motor.QueryFlagAwaitData | motor.QueryFlagExhaust | motor.QueryFlagPartial
	peer := wiretest.Start(t, wiretest.Primary)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	on := coll.Find(bson.D{}).AddOption(all).FetchNext(t.Context())
	peer.Receive("find").Want(bson.M{
		"tailable": true, "awaitData": true, "noCursorTimeout": true, "oplogReplay": true, "allowPartialResults": true,
		"$readPreference": bson.M{"mode": "secondaryPreferred"},
	}).Cursor("d.c", 0)
	opts := options.Find().SetCursorType(options.TailableAwait).SetNoCursorTimeout(true)
	off := coll.Find(bson.D{}, opts).AddOption(all).RemoveOption(all).FetchNext(t.Context())
	peer.Receive("find").Want(bson.M{
		"tailable": wiretest.Absent, "awaitData": wiretest.Absent, "noCursorTimeout": wiretest.Absent,
		"oplogReplay": wiretest.Absent, "allowPartialResults": wiretest.Absent,
		"$readPreference": wiretest.Absent,
	}).Cursor("d.c", 0)
	for _, f := range []*future.Future[bool]{on, off} {
		if _, err := f.Await(t.Context()); err != nil {
			t.Errorf("got error %v, want nil", err)
		}
	}
}

func TestCursorExplainDistinctCount(t *testing.T) {
	for _, c := range []struct {
		title string
		ask   func(*motor.Cursor[bson.M], context.Context) (any, error)
		name  string
		want  bson.M
		reply bson.M
		is    any
	}{
		{
			title: "explain",
			ask:   func(c *motor.Cursor[bson.M], ctx context.Context) (any, error) { return c.Explain(ctx).Await(ctx) },
			name:  "explain",
			want:  bson.M{"explain.find": "c", "explain.filter": bson.M{"a": 1}, "explain.limit": 4, "explain.singleBatch": true, "explain.skip": 2},
			reply: bson.M{"queryPlanner": 1}, is: bson.M{"queryPlanner": int32(1), "ok": int32(1)},
		},
		{
			title: "distinct",
			ask: func(c *motor.Cursor[bson.M], ctx context.Context) (any, error) {
				return c.Distinct(ctx, "k").Await(ctx)
			},
			name:  "distinct",
			want:  bson.M{"distinct": "c", "key": "k", "query": bson.M{"a": 1}, "limit": wiretest.Absent, "skip": wiretest.Absent},
			reply: bson.M{"values": bson.A{1, bson.M{"x": 2}}}, is: []any{int32(1), bson.M{"x": int32(2)}},
		},
		{
			title: "count",
			ask:   func(c *motor.Cursor[bson.M], ctx context.Context) (any, error) { return c.Count(ctx, false).Await(ctx) },
			name:  "count",
			want:  bson.M{"count": "c", "query": bson.M{"a": 1}, "hint": "a_1", "limit": wiretest.Absent, "skip": wiretest.Absent},
			reply: bson.M{"n": 5}, is: int64(5),
		},
		{
			title: "count with limit and skip",
			ask:   func(c *motor.Cursor[bson.M], ctx context.Context) (any, error) { return c.Count(ctx, true).Await(ctx) },
			name:  "count",
			want:  bson.M{"count": "c", "query": bson.M{"a": 1}, "hint": "a_1", "limit": 4, "skip": 2},
			reply: bson.M{"n": int64(3)}, is: int64(3),
		},
	} {
		t.Run(c.title, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			coll := newClient(t, peer.URI("readConcernLevel=majority")).Database("d").
				Collection("c", options.Collection().SetReadPreference(readpref.Nearest()))
			cursor := coll.Find(bson.M{"a": 1}).Limit(4).Skip(2).Hint("a_1").Comment("why").
				Collation(&options.Collation{Locale: "de"}).MaxTimeMS(7)
			peer.Handle(c.name, func(r *wiretest.Request) {
				r.Want(c.want)
				at, concern := "", any(bson.M{"level": "majority"})
				if c.name == "explain" {
					at, concern = "explain.", wiretest.Absent
				}
				r.Want(bson.M{
					at + "comment": "why", at + "collation": bson.M{"locale": "de"}, at + "maxTimeMS": 7,
					"$readPreference": bson.M{"mode": "nearest"}, "readConcern": concern,
				})
				r.OK(c.reply)
			})
			got, err := c.ask(cursor, t.Context())
			if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.is) {
				t.Errorf("got %#v, %v; want %#v", got, err, c.is)
			}
			if cursor.Started() {
				t.Error("cursor has started")
			}
		})
	}
}
