package specs_test

import (
	"testing"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestMatch(t *testing.T) {
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
		{"number of another type", `1`, `1.0`, nested, true},
		{"number of a wider type", `1`, `{"$numberLong": "1"}`, nested, true},
		{"number with a fraction", `1`, `1.5`, nested, false},
		{"integers that are equal as float64", `{"$numberLong": "9007199254740993"}`, `{"$numberLong": "9007199254740992"}`, nested, false},
		{"long and double that are equal as float64", `{"$numberLong": "9007199254740993"}`, `9007199254740992.0`, nested, false},
		{"NaN", `{"$numberDouble": "NaN"}`, `{"$numberDouble": "NaN"}`, nested, true},
		{"NaN for a number", `1`, `{"$numberDouble": "NaN"}`, nested, false},
		{"decimal for a number", `1`, `{"$numberDecimal": "1"}`, nested, false},
		{"decimal with another exponent", `{"$numberDecimal": "1.0"}`, `{"$numberDecimal": "1.00"}`, nested, false},
		{"boolean for a number", `1`, `true`, nested, false},
		{"string", `"a"`, `"a"`, nested, true},
		{"another string", `"a"`, `"b"`, nested, false},
		{"null", `null`, `null`, nested, true},
		{"unset for null", `null`, ``, nested, false},
		{"unset", `1`, ``, nested, false},

		{"keys in another order", `{"a": 1, "b": 2}`, `{"b": 2, "a": 1}`, nested, true},
		{"extra key at the root", `{"a": 1}`, `{"a": 1, "b": 2}`, root, true},
		{"extra key not at the root", `{"a": 1}`, `{"a": 1, "b": 2}`, nested, false},
		{"extra key in a nested document", `{"a": {"b": 1}}`, `{"a": {"b": 1, "c": 2}}`, root, false},
		{"extra key in an array", `{"a": [{"b": 1}]}`, `{"a": [{"b": 1, "c": 2}]}`, root, false},
		{"extra key in an array at the root", `[{"a": 1}]`, `[{"a": 1, "b": 2}]`, root, false},
		{"missing key", `{"a": 1, "b": 2}`, `{"a": 1}`, root, false},
		{"array in another order", `[1, 2]`, `[2, 1]`, root, false},
		{"longer array", `[1]`, `[1, 2]`, root, false},
		{"shorter array", `[1, 2]`, `[1]`, root, false},
		{"array for a document", `{"0": 1}`, `[1]`, root, false},

		{"$$ with another key is a key", `{"$$exists": true, "a": 1}`, `{"$$exists": true, "a": 1}`, nested, true},
		{"$$ with another key is not an operator", `{"$$exists": true, "a": 1}`, `{"a": 1}`, nested, false},
		{"$$ in a value", `{"a": "$$ROOT"}`, `{"a": "$$ROOT"}`, nested, true},
		{"$$ in a value, other value", `{"a": "$$ROOT"}`, `{"a": 1}`, nested, false},
		{"unknown operator", `{"$$isThere": true}`, `1`, nested, false},

		{"$$exists: true of null", `{"a": {"$$exists": true}}`, `{"a": null}`, nested, true},
		{"$$exists: true of unset", `{"a": {"$$exists": true}}`, `{}`, nested, false},
		{"$$exists: false of unset", `{"a": {"$$exists": false}}`, `{}`, nested, true},
		{"$$exists: false of null", `{"a": {"$$exists": false}}`, `{"a": null}`, nested, false},

		{"$$type", `{"$$type": "int"}`, `1`, nested, true},
		{"$$type of another type", `{"$$type": "int"}`, `{"$numberLong": "1"}`, nested, false},
		{"$$type, one of several", `{"$$type": ["string", "long"]}`, `{"$numberLong": "1"}`, nested, true},
		{"$$type: number", `{"$$type": "number"}`, `1.5`, nested, true},
		{"$$type: number, of a decimal", `{"$$type": "number"}`, `{"$numberDecimal": "1"}`, nested, true},
		{"$$type: number, of a string", `{"$$type": "number"}`, `"1"`, nested, false},
		{"$$type, unset", `{"$$type": "null"}`, ``, nested, false},
		{"$$type, unknown", `{"$$type": "int64"}`, `1`, nested, false},

		{"$$unsetOrMatches, unset", `{"a": {"$$unsetOrMatches": 1}}`, `{}`, nested, true},
		{"$$unsetOrMatches, of null", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": null}`, nested, false},
		{"$$unsetOrMatches, same value", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": 1.0}`, nested, true},
		{"$$unsetOrMatches, other value", `{"a": {"$$unsetOrMatches": 1}}`, `{"a": 2}`, nested, false},
		{"$$unsetOrMatches, at the root, unset", `{"$$unsetOrMatches": {"a": 1}}`, ``, root, true},
		{"$$unsetOrMatches, at the root, extra key", `{"$$unsetOrMatches": {"a": 1}}`, `{"a": 1, "b": 2}`, root, true},
		{"$$unsetOrMatches, not at the root, extra key", `{"a": {"$$unsetOrMatches": {"b": 1}}}`, `{"a": {"b": 1, "c": 2}}`, root, false},
		{"operators in operators", `{"a": {"$$unsetOrMatches": {"$$type": "int"}}}`, `{"a": "b"}`, nested, false},

		{"$$lte", `{"$$lte": 2}`, `1.5`, nested, true},
		{"$$lte, equal", `{"$$lte": 2}`, `{"$numberLong": "2"}`, nested, true},
		{"$$lte, greater", `{"$$lte": 2}`, `2.5`, nested, false},
		{"$$lte, of a string", `{"$$lte": 2}`, `"1"`, nested, false},
		{"$$lte, unset", `{"$$lte": 2}`, ``, nested, false},

		{"$$matchesHexBytes", `{"$$matchesHexBytes": "DEadbeef"}`, `{"$binary": {"base64": "3q2+7w==", "subType": "00"}}`, nested, true},
		{"$$matchesHexBytes, other bytes", `{"$$matchesHexBytes": "deadbeee"}`, `{"$binary": {"base64": "3q2+7w==", "subType": "00"}}`, nested, false},
		{"$$matchesHexBytes, of a string", `{"$$matchesHexBytes": "61"}`, `"a"`, nested, false},

		{"$$matchesEntity", `{"$$matchesEntity": "document"}`, `{"a": 1}`, nested, true},
		{"$$matchesEntity, other value", `{"$$matchesEntity": "document"}`, `{"a": 2}`, nested, false},
		{"$$matchesEntity, unknown entity", `{"$$matchesEntity": "none"}`, `{"a": 1}`, nested, false},
		{"$$sessionLsid", `{"lsid": {"$$sessionLsid": "session"}}`, `{"lsid": {"id": "s"}}`, nested, true},
		{"$$sessionLsid, other value", `{"lsid": {"$$sessionLsid": "session"}}`, `{"lsid": {"id": "t"}}`, nested, false},

		{"$$matchAsDocument", `{"$$matchAsDocument": {"a": 1}}`, `"{\"a\": 1}"`, nested, true},
		{"$$matchAsDocument, extra key", `{"$$matchAsDocument": {"a": 1}}`, `"{\"a\": 1, \"b\": 2}"`, root, false},
		{"$$matchAsDocument, not a document", `{"$$matchAsDocument": {"a": 1}}`, `"a"`, nested, false},
		{"$$matchAsRoot, extra key", `{"a": {"$$matchAsRoot": {"b": 1}}}`, `{"a": {"b": 1, "c": 2}}`, nested, true},
		{"$$matchAsRoot, missing key", `{"a": {"$$matchAsRoot": {"b": 1}}}`, `{"a": {"c": 2}}`, nested, false},
		{"$$matchAsRoot, in $$matchAsDocument", `{"$$matchAsDocument": {"$$matchAsRoot": {"a": 1}}}`, `"{\"a\": 1, \"b\": 2}"`, nested, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			entities := map[string]string{"document": `{"a": 1}`, "session": `{"id": "s"}`}
			err := specs.Match(test.expected, test.actual, test.root, entities)
			if matches := err == nil; matches != test.matches {
				t.Errorf("got a match of %s with %s: %v (%v), want %v", test.expected, test.actual, matches, err, test.matches)
			}
		})
	}
}

func TestMatchList(t *testing.T) {
	for _, test := range []struct {
		name     string
		expected string
		matches  bool
	}{
		{"extra key in each", `[{"a": 1}, {"a": 2}]`, true},
		{"extra key in a nested document", `[{"a": 1}, {"a": 2, "nested": {}}]`, false},
		{"another order", `[{"a": 2}, {"a": 1}]`, false},
		{"shorter list", `[{"a": 1}]`, false},
		{"not a list", `{"a": 1}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := specs.MatchList(test.expected, `{"a": 1, "b": 1}`, `{"a": 2, "nested": {"b": 1}}`)
			if matches := err == nil; matches != test.matches {
				t.Errorf("got a match: %v (%v), want %v", matches, err, test.matches)
			}
		})
	}
}

func TestIdentical(t *testing.T) {
	for _, test := range []struct {
		name, expected, actual string
		identical              bool
	}{
		{"keys in another order", `{"a": 1, "b": {"c": 1, "d": 2}}`, `{"b": {"d": 2, "c": 1}, "a": 1}`, true},
		{"number of another type", `{"a": 1}`, `{"a": 1.0}`, false},
		{"long", `{"a": 1}`, `{"a": {"$numberLong": "1"}}`, false},
		{"extra key", `{"a": 1}`, `{"a": 1, "b": 2}`, false},
		{"missing key", `{"a": 1, "b": 2}`, `{"a": 1}`, false},
		{"another key", `{"a": 1}`, `{"b": 1}`, false},
		{"array in another order", `{"a": [1, 2]}`, `{"a": [2, 1]}`, false},
		{"operator as a key", `{"a": {"$$exists": true}}`, `{"a": 1}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := specs.Identical(test.expected, test.actual); got != test.identical {
				t.Errorf("Identical() = %v, want %v", got, test.identical)
			}
		})
	}
}
