package motor_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/motor"
)

// The example of MotorClient's documentation.
func ExampleWriteConcern() {
	client, _ := motor.NewClient("mongodb://localhost")
	fmt.Println(client.WriteConcern())
	_ = client.SetWriteConcern(bson.M{"w": 2, "wtimeout": 1000})
	fmt.Println(client.WriteConcern())
	_ = client.WriteConcern().Set("j", true)
	fmt.Println(client.WriteConcern())
	_ = client.SetWriteConcern(bson.M{"j": true})
	fmt.Println(client.WriteConcern())
	// Disable write acknowledgement and write concern.
	_ = client.WriteConcern().Set("w", 0)
	fmt.Println(client.WriteConcern())
	fmt.Println(client.WriteConcern().Set("x", 1))
	// Output:
	// {}
	// {w: 2, wtimeout: 1000}
	// {w: 2, wtimeout: 1000, j: true}
	// {j: true}
	// {w: 0}
	// motor: ConfigurationError: "x" is not a valid write concern option
}

func TestWriteConcernItems(t *testing.T) {
	var number int8 = 3
	for _, test := range []struct {
		key   string
		value any
		get   string
		want  any
	}{
		{"w", 2, "w", 2},
		{"w", int64(2), "w", 2},
		{"w", uint16(2), "w", 2},
		{"w", number, "w", 3},
		{"w", "majority", "w", "majority"},
		{"w", "2", "w", 2},
		{"W", 1, "w", 1},
		{"wtimeout", 1000, "wtimeout", 1000},
		{"wtimeout", 2 * time.Second, "wtimeout", 2000},
		{"wtimeoutms", 5, "wtimeout", 5},
		{"wTimeoutMS", 5, "wtimeout", 5},
		{"wtimeout", 0, "wTimeoutMS", 0},
		{"j", true, "journal", true},
		{"journal", false, "j", false},
		{"fsync", true, "fsync", true},
	} {
		t.Run(fmt.Sprintf("%s=%v", test.key, test.value), func(t *testing.T) {
			concern := newClient(t, noServerURI).WriteConcern()
			if err := concern.Set(test.key, test.value); err != nil {
				t.Fatalf("Set() = %v, want nil", err)
			}
			if got, ok := concern.Get(test.get); !ok || got != test.want || concern.Len() != 1 {
				t.Errorf("%s = %#v, want %#v, in %v", test.get, got, test.want, concern)
			}
			if !concern.Delete(test.get) || concern.Delete(test.get) || concern.Len() != 0 {
				t.Errorf("after the deletion: got %v, want no such item", concern)
			}
		})
	}
}

func TestWriteConcernBadItems(t *testing.T) {
	var none *writeconcern.WriteConcern
	for _, test := range []struct {
		name string
		bad  any
	}{
		{"nothing", nil},
		{"a number", 2},
		{"a text", "majority"},
		{"a list", []string{"w"}},
		{"a map by numbers", map[int]any{1: 2}},
		{"a nil concern", none},
		{"an unknown key", bson.M{"zz": 1}},
		{"an unknown key of a bson.D", bson.D{{Key: "safe", Value: true}}},
		{"w of another type", bson.M{"w": 1.5}},
		{"w: true", bson.M{"w": true}},
		{"w: nil", bson.M{"w": nil}},
		{"w: a negative number", bson.M{"w": -1}},
		{"w: a number that is too large", bson.M{"w": math.MaxInt64}},
		{"w: an enormous number", bson.M{"w": uint64(math.MaxUint64)}},
		{"w: nothing", bson.M{"w": ""}},
		{"w: a negative number, as a text", bson.M{"w": "-1"}},
		{"wtimeout of another type", bson.M{"wtimeout": "1000"}},
		{"a negative wtimeout", bson.M{"wtimeout": -1}},
		{"a wtimeout that is too large", bson.M{"wtimeout": math.MaxInt32 + 1}},
		{"j of another type", bson.M{"j": 1}},
		{"fsync of another type", bson.M{"fsync": "true"}},
		{"j and fsync", bson.M{"j": true, "fsync": true}},
		{"j in a concern with w: 0", bson.M{"w": 0, "j": true}},
		{"fsync in a concern with w: 0", bson.M{"w": 0, "fsync": true}},
		{"two values of one item", bson.M{"j": true, "journal": false}},
		{"the driver's, invalid", &writeconcern.WriteConcern{W: 2.5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := newClient(t, noServerURI)
			if err := client.SetWriteConcern(bson.M{"w": 3}); err != nil {
				t.Fatalf("SetWriteConcern() = %v, want nil", err)
			}
			if err := client.SetWriteConcern(test.bad); !errors.Is(err, motor.ConfigurationError) {
				t.Errorf("assigned: got %v, want a ConfigurationError", err)
			}
			if m, ok := test.bad.(bson.M); ok && len(m) == 1 {
				for key, value := range m {
					if err := client.WriteConcern().Set(key, value); !errors.Is(err, motor.ConfigurationError) {
						t.Errorf("set: got %v, want a ConfigurationError", err)
					}
				}
			}
			if got := client.WriteConcern().String(); got != "{w: 3}" {
				t.Errorf("after the errors: got %s, want {w: 3}", got)
			}
		})
	}
}

func TestWriteConcernContradictions(t *testing.T) {
	for _, test := range []struct {
		name string
		was  bson.M
		key  string
		to   any
		want string // empty: the item is refused
	}{
		{"j beside w: 0", bson.M{"w": 0}, "j", true, ""},
		{"fsync beside w: 0", bson.M{"w": 0}, "fsync", true, ""},
		{"fsync beside j", bson.M{"j": true}, "fsync", true, ""},
		{"j beside fsync", bson.M{"fsync": true}, "j", true, ""},
		{"w: 0 beside j turns it off", bson.M{"j": true, "wtimeout": 10}, "w", 0, "{w: 0}"},
		{"j: false beside fsync", bson.M{"fsync": true}, "j", false, "{j: false, fsync: true}"},
		{"wtimeout beside w: 0", bson.M{"w": 0}, "wtimeout", 10, "{w: 0, wtimeout: 10}"},
		{"another w", bson.M{"w": 0}, "w", "dc", `{w: "dc"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := newClient(t, noServerURI)
			if err := client.SetWriteConcern(test.was); err != nil {
				t.Fatalf("SetWriteConcern() = %v, want nil", err)
			}
			err := client.WriteConcern().Set(test.key, test.to)
			switch got := client.WriteConcern(); {
			case test.want != "" && (err != nil || got.String() != test.want):
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			case test.want == "" && (!errors.Is(err, motor.ConfigurationError) || !maps.Equal(got.Map(), test.was)):
				t.Errorf("got %v, %v, want a ConfigurationError and %v", got, err, test.was)
			}
		})
	}
}

func TestWriteConcernFromOptions(t *testing.T) {
	for _, test := range []struct {
		options string
		driver  *writeconcern.WriteConcern
		want    string // empty: an InvalidURI
	}{
		{"", nil, "{}"},
		{"w=2&wTimeoutMS=500&journal=true", nil, "{w: 2, wtimeout: 500, j: true}"},
		{"w=majority&fsync=true", nil, `{w: "majority", fsync: true}`},
		{"w=0", nil, "{w: 0}"},
		{"WTIMEOUTMS=7;FSYNC=false", nil, "{wtimeout: 7, fsync: false}"},
		{"w=2&wTimeoutMS=500", writeconcern.Majority(), `{w: "majority"}`},
		{"", writeconcern.Journaled(), "{j: true}"},
		{"wTimeoutMS=soon", nil, ""},
		{"wTimeoutMS=-1", nil, ""},
		{"fsync=perhaps", nil, ""},
		{"journal=true&fsync=true", nil, ""},
		{"w=0&fsync=true", nil, ""},
		{"w=0&journal=true", nil, ""},
	} {
		opts := []motor.ClientOption{motor.WithStrictOptions()}
		if test.driver != nil {
			opts = append(opts, motor.WithClientOptions(options.Client().SetWriteConcern(test.driver)))
		}
		client, err := motor.NewClient("mongodb://localhost/?"+test.options, opts...)
		switch {
		case test.want == "" && !errors.Is(err, motor.ConfigurationError):
			t.Errorf("%s: got %v, want a ConfigurationError", test.options, err)
		case test.want != "" && err != nil:
			t.Errorf("%s: got error %v, want %s", test.options, err, test.want)
		case test.want != "" && client.WriteConcern().String() != test.want:
			t.Errorf("%s: got %v, want %s", test.options, client.WriteConcern(), test.want)
		}
	}
}

func TestWriteConcernInherited(t *testing.T) {
	client := newClient(t, noServerURI)
	set := func(handle interface{ SetWriteConcern(any) error }, concern any) {
		t.Helper()
		if err := handle.SetWriteConcern(concern); err != nil {
			t.Fatalf("SetWriteConcern() = %v, want nil", err)
		}
	}
	want := func(handle interface{ WriteConcern() *motor.WriteConcern }, want string) {
		t.Helper()
		if got := handle.WriteConcern().String(); got != want {
			t.Errorf("%T: got %s, want %s", handle, got, want)
		}
	}
	set(client, bson.M{"w": 2, "wtimeout": 100})
	db := client.Database("d")
	set(client, bson.D{{Key: "w", Value: 3}})
	want(db, "{w: 2, wtimeout: 100}")
	coll := db.Collection("c")
	set(db, map[string]int{"w": 4})
	want(coll, "{w: 2, wtimeout: 100}")
	want(client, "{w: 3}")
	set(coll, db.WriteConcern())
	want(coll, "{w: 4}")
	want(coll.Collection("below"), "{w: 4}")

	majority := writeconcern.Majority()
	want(client.Database("d", options.Database().SetWriteConcern(majority)), `{w: "majority"}`)
	want(db.Collection("c", options.Collection().SetWriteConcern(majority)), `{w: "majority"}`)
	bad := db.Collection("c", options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: -1}))
	if !errors.Is(bad.Err(), motor.ConfigurationError) {
		t.Errorf("got %v, want a ConfigurationError", bad.Err())
	}
}

func TestWriteConcernConcurrentUse(t *testing.T) {
	client := newClient(t, noServerURI)
	concern := client.WriteConcern()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				_ = concern.Set("w", n)
				_ = concern.Set("j", n%2 == 0)
				concern.Delete("j")
				if i == 0 {
					_ = client.SetWriteConcern(bson.M{"wtimeout": n})
				}
				m := client.Database("d").WriteConcern().Map()
				if m["w"] == 0 && m["j"] == true {
					t.Error("got w: 0 with j: true, want no contradiction")
				}
			}
		})
	}
	all.Wait()
}
