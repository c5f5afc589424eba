package specs_test

import (
	"testing"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestMatching(t *testing.T) {
	const (
		root   = true
		nested = false
	)
	for _, test := range []struct {
		name             string
		expected, actual string
		root             bool
		matches          bool
	}{
		{"a number of another type", `1`, `1.0`, nested, true},
		{"a number of a wider type", `1`, `{"$numberLong": "1"}`, nested, true},
		{"a number that would be the same if it were cut", `1`, `1.5`, nested, false},
		{"numbers that a float64 cannot tell apart", `{"$numberLong": "9007199254740993"}`, `{"$numberLong": "9007199254740992"}`, nested, false},
		{"a long and a double that it would be rounded to", `{"$numberLong": "9007199254740993"}`, `9007199254740992.0`, nested, false},
		{"NaN", `{"$numberDouble": "NaN"}`, `{"$numberDouble": "NaN"}`, nested, true},
		{"NaN for a number", `1`, `{"$numberDouble": "NaN"}`, nested, false},
		{"a decimal for a number", `1`, `{"$numberDecimal": "1"}`, nested, false},
		{"a decimal with another exponent", `{"$numberDecimal": "1.0"}`, `{"$numberDecimal": "1.00"}`, nested, false},
		{"a boolean for a number", `1`, `true`, nested, false},
		{"a string", `"a"`, `"a"`, nested, true},
		{"another string", `"a"`, `"b"`, nested, false},
		{"null", `null`, `null`, nested, true},
		{"nothing for null", `null`, ``, nested, false},
		{"nothing", `1`, ``, nested, false},

		{"keys in another order", `{"a": 1, "b": 2}`, `{"b": 2, "a": 1}`, nested, true},
		{"a key more, at the root", `{"a": 1}`, `{"a": 1, "b": 2}`, root, true},
		{"a key more, not at the root", `{"a": 1}`, `{"a": 1, "b": 2}`, nested, false},
		{"a key more, in a nested document", `{"a": {"b": 1}}`, `{"a": {"b": 1, "c": 2}}`, root, false},
		{"a key more, in an array", `{"a": [{"b": 1}]}`, `{"a": [{"b": 1, "c": 2}]}`, root, false},
		{"a key more, in an array at the root, as of distinct", `[{"a": 1}]`, `[{"a": 1, "b": 2}]`, root, false},
		{"a key less", `{"a": 1, "b": 2}`, `{"a": 1}`, root, false},
		{"an array in another order", `[1, 2]`, `[2, 1]`, root, false},
		{"a longer array", `[1]`, `[1, 2]`, root, false},
		{"a shorter array", `[1, 2]`, `[1]`, root, false},
		{"an array for a document", `{"0": 1}`, `[1]`, root, false},

		{"two dollars beside another key are a key", `{"$$exists": true, "a": 1}`, `{"$$exists": true, "a": 1}`, nested, true},
		{"two dollars beside another key are no operator", `{"$$exists": true, "a": 1}`, `{"a": 1}`, nested, false},
		{"two dollars as a value", `{"a": "$$ROOT"}`, `{"a": "$$ROOT"}`, nested, true},
		{"two dollars as another value", `{"a": "$$ROOT"}`, `{"a": 1}`, nested, false},
		{"an operator that there is not", `{"$$isThere": true}`, `1`, nested, false},

		{"$$exists, of null", `{"a": {"$$exists": true}}`, `{"a": null}`, nested, true},
		{"$$exists, of nothing", `{"a": {"$$exists": true}}`, `{}`, nested, false},
		{"$$exists: false, of nothing", `{"a": {"$$exists": false}}`, `{}`, nested, true},
		{"$$exists: false, of null", `{"a": {"$$exists": false}}`, `{"a": null}`, nested, false},

		{"$$type", `{"$$type": "int"}`, `1`, nested, true},
		{"$$type, of another", `{"$$type": "int"}`, `{"$numberLong": "1"}`, nested, false},
		{"$$type, one of several", `{"$$type": ["string", "long"]}`, `{"$numberLong": "1"}`, nested, true},
		{"$$type: number", `{"$$type": "number"}`, `1.5`, nested, true},
		{"$$type: number, of a decimal", `{"$$type": "number"}`, `{"$numberDecimal": "1"}`, nested, true},
		{"$$type: number, of a string", `{"$$type": "number"}`, `"1"`, nested, false},
		{"$$type, of nothing", `{"$$type": "null"}`, ``, nested, false},
		{"$$type, that there is not", `{"$$type": "int64"}`, `1`, nested, false},

		{"$$unsetOrMatches, of nothing", `{"a": {"$$unsetOrMatches": 1}}`, `{}`, nested, true},
		{"$$unsetOrMatches, of null", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": null}`, nested, false},
		{"$$unsetOrMatches, of the value", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": 1.0}`, nested, true},
		{"$$unsetOrMatches, of another", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": 2}`, nested, false},
		{"$$unsetOrMatches, at the root, of nothing", `{"$$unsetOrMatches": {"a": 1}}`, ``, root, true},
		{"$$unsetOrMatches, at the root, with a key more", `{"$$unsetOrMatches": {"a": 1}}`, `{"a": 1, "b": 2}`, root, true},
		{"$$unsetOrMatches, not at the root, with a key more", `{"a": {"$$unsetOrMatches": {"b": 1}}}`, `{"a": {"b": 1, "c": 2}}`, root, false},
		{"operators in operators", `{"a": {"$$unsetOrMatches": {"$$type": "int"}}}`, `{"a": "b"}`, nested, false},

		{"$$lte", `{"$$lte": 2}`, `1.5`, nested, true},
		{"$$lte, of the same", `{"$$lte": 2}`, `{"$numberLong": "2"}`, nested, true},
		{"$$lte, of more", `{"$$lte": 2}`, `2.5`, nested, false},
		{"$$lte, of a string", `{"$$lte": 2}`, `"1"`, nested, false},
		{"$$lte, of nothing", `{"$$lte": 2}`, ``, nested, false},

		{"$$matchesHexBytes", `{"$$matchesHexBytes": "DEadbeef"}`, `{"$binary": {"base64": "3q2+7w==", "subType": "00"}}`, nested, true},
		{"$$matchesHexBytes, of others", `{"$$matchesHexBytes": "deadbeee"}`, `{"$binary": {"base64": "3q2+7w==", "subType": "00"}}`, nested, false},
		{"$$matchesHexBytes, of a string", `{"$$matchesHexBytes": "61"}`, `"a"`, nested, false},

		{"$$matchesEntity", `{"$$matchesEntity": "document"}`, `{"a": 1}`, nested, true},
		{"$$matchesEntity, of another", `{"$$matchesEntity": "document"}`, `{"a": 2}`, nested, false},
		{"$$matchesEntity, that there is not", `{"$$matchesEntity": "none"}`, `{"a": 1}`, nested, false},
		{"$$sessionLsid", `{"lsid": {"$$sessionLsid": "session"}}`, `{"lsid": {"id": "s"}}`, nested, true},
		{"$$sessionLsid, of another", `{"lsid": {"$$sessionLsid": "session"}}`, `{"lsid": {"id": "t"}}`, nested, false},

		{"$$matchAsDocument", `{"$$matchAsDocument": {"a": 1}}`, `"{\"a\": 1}"`, nested, true},
		{"$$matchAsDocument, with a key more", `{"$$matchAsDocument": {"a": 1}}`, `"{\"a\": 1, \"b\": 2}"`, root, false},
		{"$$matchAsDocument, of no document", `{"$$matchAsDocument": {"a": 1}}`, `"a"`, nested, false},
		{"$$matchAsRoot, with a key more", `{"a": {"$$matchAsRoot": {"b": 1}}}`, `{"a": {"b": 1, "c": 2}}`, nested, true},
		{"$$matchAsRoot, with a key less", `{"a": {"$$matchAsRoot": {"b": 1}}}`, `{"a": {"c": 2}}`, nested, false},
		{"$$matchAsRoot, in $$matchAsDocument", `{"$$matchAsDocument": {"$$matchAsRoot": {"a": 1}}}`, `"{\"a\": 1, \"b\": 2}"`, nested, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			entities := map[string]string{"document": `{"a": 1}`, "session": `{"id": "s"}`}
			err := specs.Match(test.expected, test.actual, test.root, entities)
			if matches := err == nil; matches != test.matches {
				t.Errorf("%s and %s match: %v (%v)", test.expected, test.actual, matches, err)
			}
		})
	}
}

func TestEachDocumentOfAListIsARoot(t *testing.T) {
	for _, test := range []struct {
		name     string
		expected string
		matches  bool
	}{
		{"a key more in each", `[{"a": 1}, {"a": 2}]`, true},
		{"a key more in a nested document", `[{"a": 1}, {"a": 2, "nested": {}}]`, false},
		{"another order", `[{"a": 2}, {"a": 1}]`, false},
		{"fewer", `[{"a": 1}]`, false},
		{"no list", `{"a": 1}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := specs.MatchList(test.expected, `{"a": 1, "b": 1}`, `{"a": 2, "nested": {"b": 1}}`)
			if matches := err == nil; matches != test.matches {
				t.Errorf("matches: %v (%v)", matches, err)
			}
		})
	}
}

func TestOutcomesAreExact(t *testing.T) {
	for _, test := range []struct {
		name, expected, actual string
		identical              bool
	}{
		{"keys in another order", `{"a": 1, "b": {"c": 1, "d": 2}}`, `{"b": {"d": 2, "c": 1}, "a": 1}`, true},
		{"a number of another type", `{"a": 1}`, `{"a": 1.0}`, false},
		{"a long", `{"a": 1}`, `{"a": {"$numberLong": "1"}}`, false},
		{"a key more", `{"a": 1}`, `{"a": 1, "b": 2}`, false},
		{"a key less", `{"a": 1, "b": 2}`, `{"a": 1}`, false},
		{"another key", `{"a": 1}`, `{"b": 1}`, false},
		{"an array in another order", `{"a": [1, 2]}`, `{"a": [2, 1]}`, false},
		{"what would be an operator", `{"a": {"$$exists": true}}`, `{"a": 1}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := specs.Identical(test.expected, test.actual); got != test.identical {
				t.Errorf("identical: %v", got)
			}
		})
	}
}
