package wiretest_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
)

func TestWant(t *testing.T) {
	command := bson.D{
		{Key: "find", Value: "users"},
		{Key: "limit", Value: int64(3)},
		{Key: "filter", Value: bson.D{{Key: "a", Value: 1}, {Key: "b", Value: bson.A{"x", 2.5}}}},
		{Key: "hint", Value: nil},
		{Key: "$db", Value: "app"},
	}
	for _, test := range []struct {
		name string
		want any
		says []string // one line each
	}{
		{"some fields", bson.M{"find": "users", "$db": "app"}, nil},
		{"integers of different sizes", bson.D{{Key: "limit", Value: 3}, {Key: "filter.a", Value: int64(1)}}, nil},
		{"path", bson.M{"filter.b.1": 2.5}, nil},
		{"document", bson.M{"filter": bson.D{{Key: "a", Value: 1}, {Key: "b", Value: bson.A{"x", 2.5}}}}, nil},
		{"map", bson.M{"filter": bson.M{"b": []any{"x", 2.5}, "a": 1}}, nil},
		{"presence", bson.M{"lsid": wiretest.Absent, "limit": wiretest.Present, "hint": wiretest.Present}, nil},
		{"null", bson.M{"hint": nil}, nil},
		{"nested presence", bson.M{"filter": bson.M{"a": wiretest.Present, "b": wiretest.Present}}, nil},

		{"another value", bson.M{"find": "people"}, []string{`find: want "people", got "users"`}},
		{"another type", bson.M{"limit": 3.0}, []string{`limit: want {"$numberDouble":"3.0"}, got {"$numberLong":"3"}`}},
		{"null for a missing field", bson.M{"lsid": nil}, []string{"lsid: want null, got no such field"}},
		{"missing field", bson.M{"lsid": wiretest.Present}, []string{"lsid: want any value, got no such field"}},
		{"extra field", bson.M{"hint": wiretest.Absent}, []string{"hint: want no such field, got null"}},
		{"nested difference", bson.M{"filter": bson.M{"a": 2, "b": bson.A{"x", 3}}}, []string{
			`filter.a: want {"$numberInt":"2"}, got {"$numberInt":"1"}`,
			`filter.b.1: want {"$numberInt":"3"}, got {"$numberDouble":"2.5"}`,
		}},
		{"missing nested field", bson.M{"filter": bson.M{"a": 1}}, []string{`filter: want {"a": {"$numberInt":"1"}}, got {"a"`}},
		{"another order", bson.M{"filter": bson.D{{Key: "b", Value: bson.A{"x", 2.5}}, {Key: "a", Value: 1}}},
			[]string{`filter: want {"b"`}},
		{"short list", bson.M{"filter.b": bson.A{"x"}}, []string{`filter.b: want ["x"], got ["x",`}},
		{"not a list", bson.M{"find": bson.A{"users"}}, []string{`find: want ["users"], got "users"`}},
		{"not a document", bson.M{"find": bson.M{}}, []string{`find: want {}, got "users"`}},
		{"not fields", "find", []string{"Want needs a bson.M or bson.D, got string"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			reports := reportsOf(func(mock *recorder) {
				peer := wiretest.Start(mock, wiretest.Standalone)
				if _, err := dial(t, peer).Write(packet(opMsg, 0, byte(0), command)); err != nil {
					mock.Fatalf("%v", err)
				}
				find := peer.Receive("find")
				find.Want(test.want)
				find.Nothing()
			})
			if test.says == nil {
				wantReports(t, reports)
				return
			}
			for _, line := range test.says {
				if all := strings.Join(reports, "\n"); len(reports) != 1 || !strings.Contains(all, line) {
					t.Errorf("got %q, want one report with %s", reports, line)
				}
			}
		})
	}
}
