package motor_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type tags = []map[string]string

func TestReadPreferenceFromOptions(t *testing.T) {
	for _, test := range []struct {
		options string
		mode    readpref.Mode
		tags    tags
	}{
		{"", readpref.PrimaryMode, tags{{}}},
		{"readPreference=nearest", readpref.NearestMode, tags{{}}},
		{"readPreference=secondary&readPreferenceTags=dc:ny,rack:1&readPreferenceTags=", readpref.SecondaryMode,
			tags{{"dc": "ny", "rack": "1"}, {}}},
	} {
		client := newClient(t, "mongodb://localhost/?"+test.options)
		if got := client.ReadPreference(); got != test.mode {
			t.Errorf("%s: got mode %v, want %v", test.options, got, test.mode)
		}
		if got := client.TagSets(); !reflect.DeepEqual(got, test.tags) {
			t.Errorf("%s: got tags %v, want %v", test.options, got, test.tags)
		}
	}
	db := newClient(t, noServerURI).Database("d", options.Database().SetReadPreference(readpref.Nearest()))
	if got := db.ReadPreference(); got != readpref.NearestMode {
		t.Errorf("ReadPreference() from driver options = %v, want %v", got, readpref.NearestMode)
	}
}

func TestReadPreferenceBadOptions(t *testing.T) {
	client := newClient(t, noServerURI)
	for _, test := range []struct {
		name string
		err  error
	}{
		{"unknown mode", client.SetReadPreference(readpref.Mode(9))},
		{"no mode", client.SetReadPreference(0)},
		{"no sets", client.SetTagSets(tags{})},
		{"tags of the primary", client.SetTagSets(tags{{"dc": "ny"}})},
		{"a negative latency", client.SetSecondaryAcceptableLatencyMS(-1)},
		{"an astronomical number", client.SetSecondaryAcceptableLatencyMS(1 << 62)},
	} {
		if !errors.Is(test.err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want a ConfigurationError", test.name, test.err)
		}
	}
	noError(t, client.SetReadPreference(readpref.SecondaryMode))
	noError(t, client.SetTagSets(tags{{"dc": "ny"}}))
	if err := client.SetReadPreference(readpref.PrimaryMode); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("primary with tags: got %v, want a ConfigurationError", err)
	}
	noError(t, client.SetTagSets(nil))
	noError(t, client.SetReadPreference(readpref.PrimaryMode))
}

func TestReadPreferenceInherited(t *testing.T) {
	client := newClient(t, noServerURI)
	noError(t, client.SetReadPreference(readpref.SecondaryMode))
	given := tags{{"dc": "ny"}, {}}
	noError(t, client.SetTagSets(given))
	given[0]["dc"] = "la"
	client.TagSets()[0]["dc"] = "sf"
	db := client.Database("d")
	noError(t, client.SetReadPreference(readpref.NearestMode))
	coll := db.Collection("c")
	noError(t, db.SetTagSets(nil))
	if got := coll.ReadPreference(); got != readpref.SecondaryMode {
		t.Errorf("got mode %v, want %v", got, readpref.SecondaryMode)
	}
	if got := coll.TagSets(); !reflect.DeepEqual(got, tags{{"dc": "ny"}, {}}) {
		t.Errorf("got tags %v, want %v", got, tags{{"dc": "ny"}, {}})
	}
}

func TestReadPreferenceCommands(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Mongos)
	client := newClient(t, peer.URI("maxStalenessSeconds=120", "readPreference=secondary"))
	coll := client.Database("d").Collection("c")
	read := func(want any) {
		t.Helper()
		for _, op := range []operation{findOne, readAll} {
			wait := op(t.Context(), coll)
			peer.Receive("find").Want(bson.M{"$readPreference": want}).Cursor("d.c", 0)
			noError(t, wait(t.Context()))
		}
	}
	read(bson.M{"mode": "secondary", "maxStalenessSeconds": 120})
	noError(t, coll.SetReadPreference(readpref.NearestMode))
	noError(t, coll.SetTagSets(tags{{"rack": "1", "dc": "ny"}, {"dc": "la"}, {}}))
	read(bson.M{
		"mode": "nearest", "maxStalenessSeconds": 120,
		"tags": []any{bson.D{{Key: "dc", Value: "ny"}, {Key: "rack", Value: "1"}}, bson.M{"dc": "la"}, bson.M{}},
	})
	noError(t, coll.SetTagSets(nil))
	noError(t, coll.SetReadPreference(readpref.PrimaryMode))
	read(wiretest.Absent)
	noError(t, coll.SetReadPreference(readpref.PrimaryPreferredMode))
	read(bson.M{"mode": "primaryPreferred", "maxStalenessSeconds": 120})
}

func TestReadPreferenceSelectsServer(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Secondary)
	for i, place := range []string{"ny", "ny", "la"} {
		set.Peers[i].SetHello(bson.M{"tags": bson.M{"dc": place}})
	}
	set.Handle("find", func(r request) { r.Cursor("d.c", 0) })
	client := newClient(t, set.URI("localThresholdMS=10000"))
	coll := client.Database("d").Collection("c")
	for _, test := range []struct {
		name string
		mode readpref.Mode
		tags tags
		peer int
	}{
		{"the primary", readpref.PrimaryMode, nil, 0},
		{"a secondary in Los Angeles", readpref.SecondaryMode, tags{{"dc": "la"}}, 2},
		{"a secondary in New York", readpref.SecondaryMode, tags{{"dc": "sf"}, {"dc": "ny"}}, 1},
		{"the nearest in Los Angeles", readpref.NearestMode, tags{{"dc": "la"}, {}}, 2},
	} {
		noError(t, coll.SetTagSets(nil))
		noError(t, coll.SetReadPreference(test.mode))
		noError(t, coll.SetTagSets(test.tags))
		before := len(set.Peers[test.peer].Seen("find"))
		for range 5 {
			noError(t, findOne(t.Context(), coll)(t.Context()))
		}
		if n := len(set.Peers[test.peer].Seen("find")) - before; n != 5 {
			t.Errorf("%s: got %d reads, want 5", test.name, n)
		}
	}
	// Writes go to the primary, whatever the read preference is.
	set.Peers[0].Handle("insert", func(r request) { r.OK(bson.M{"n": 1}) })
	noError(t, insertOne(t.Context(), coll)(t.Context()))
	noError(t, coll.WriteConcern().Set("wtimeout", 10))
	noError(t, insertOne(t.Context(), coll)(t.Context()))
}

// One secondary answers slowly, so it lies outside the latency window.
func TestLatencyAppliesAtOpen(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary, wiretest.Secondary)
	near, far := set.Peers[1], set.Peers[2]
	far.Handle("hello", func(r request) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-t.Context().Done():
		}
		r.OK(far.Hello())
	})
	set.Handle("find", func(r request) { r.Cursor("d.c", 0) })
	client := newClient(t, set.URI("readPreference=secondary"))
	coll := client.Database("d").Collection("c")
	reads := func() (ofNear, ofFar int) {
		known := func() bool { return len(client.Secondaries()) == 2 }
		for end := time.Now().Add(5 * time.Second); !known() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			_, _ = client.Open(t.Context()).Await(t.Context())
		}
		near0, far0 := len(near.Seen("find")), len(far.Seen("find"))
		for range 40 {
			noError(t, findOne(t.Context(), coll)(t.Context()))
		}
		return len(near.Seen("find")) - near0, len(far.Seen("find")) - far0
	}
	if got := client.SecondaryAcceptableLatencyMS(); got != 15 {
		t.Errorf("initial SecondaryAcceptableLatencyMS() = %d, want 15", got)
	}
	if _, far := reads(); far > 0 {
		t.Errorf("got %d reads of the far secondary, want 0", far)
	}
	noError(t, client.SetSecondaryAcceptableLatencyMS(60_000))
	if got := coll.SecondaryAcceptableLatencyMS(); got != 60_000 || client.LocalThresholdMS() != got {
		t.Errorf("SecondaryAcceptableLatencyMS() after the change = %d, want 60000", got)
	}
	if _, far := reads(); far > 0 {
		t.Errorf("got %d reads of the far secondary before Close, want 0", far)
	}
	noError(t, client.Close(t.Context()))
	if near, far := reads(); far == 0 || near == 0 {
		t.Errorf("got %d reads of the near secondary, %d of the far one, want some of both", near, far)
	}
}

func TestTZAware(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	when := time.Date(2014, 6, 1, 12, 0, 0, 123e6, time.UTC)
	peer.Handle("find", func(r request) {
		date := bson.NewDateTimeFromTime(when)
		r.Cursor("d.c", 0, bson.D{
			{Key: "a", Value: date},
			{Key: "b", Value: bson.D{{Key: "c", Value: bson.A{date, bson.D{{Key: "d", Value: date}}, bson.A{date}}}}},
		})
	})
	peer.Handle("buildInfo", func(r request) { r.OK(bson.M{"now": when}) })
	ctx := t.Context()
	naive := newClient(t, peer.URI())
	aware := newClient(t, peer.URI(), motor.WithTZAware(true))
	if naive.TZAware() || !aware.TZAware() {
		t.Error("TZAware() differs from the option")
	}
	for _, test := range []struct {
		client *motor.Client
		want   any
	}{{naive, bson.NewDateTimeFromTime(when)}, {aware, when}} {
		db := test.client.Database("d")
		db.Client().SetTZAware(!db.Client().TZAware()) // affects later handles only
		m, err := db.Collection("c").FindOne(ctx, bson.M{}).Await(ctx)
		noError(t, err)
		list := bson.A{test.want, bson.M{"d": test.want}, bson.A{test.want}}
		if want := (bson.M{"a": test.want, "b": bson.M{"c": list}}); !reflect.DeepEqual(m, want) {
			t.Errorf("bson.M: got %v, want %v", m, want)
		}
		d, err := motor.CollectionOf[bson.D](db, "c").Find(bson.M{}).Next(ctx).Await(ctx)
		noError(t, err)
		list = bson.A{test.want, bson.D{{Key: "d", Value: test.want}}, bson.A{test.want}}
		want := bson.D{{Key: "a", Value: test.want}, {Key: "b", Value: bson.D{{Key: "c", Value: list}}}}
		if !reflect.DeepEqual(d, want) {
			t.Errorf("bson.D: got %v, want %v", d, want)
		}
		typed, err := motor.CollectionOf[struct{ A time.Time }](db, "c").FindOne(ctx, bson.M{}).Await(ctx)
		noError(t, err)
		if !typed.A.Equal(when) {
			t.Errorf("struct: got %v, want %v", typed, when)
		}
		info, err := test.client.ServerInfo(ctx).Await(ctx)
		noError(t, err)
		if _, isTime := info["now"].(time.Time); isTime != test.client.TZAware() {
			t.Errorf("with TZAware() = %t: got now as %T", test.client.TZAware(), info["now"])
		}
	}
}
