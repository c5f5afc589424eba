package motor_test

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func ExampleRepr() {
	doc := bson.D{{Key: "_id", Value: 1}, {Key: "name", Value: "ann"}, {Key: "scores", Value: bson.A{1.0, nil, true}}}
	fmt.Println(motor.Repr(doc))
	// Output: {'_id': 1, 'name': 'ann', 'scores': [1.0, None, True]}
}

func ExampleSet() {
	doc := bson.D{{Key: "z", Value: 1}}
	motor.Set(&doc, "a", 2)
	motor.Set(&doc, "z", 3)
	fmt.Println(motor.Repr(doc), motor.Get(doc, "a"), motor.Get(doc, "b"))
	// Output: {'z': 3, 'a': 2} 2 <nil>
}

// The values that Python's own repr gives are in examples/porting/values, whose test compares the two.
func TestRepr(t *testing.T) {
	type user struct {
		Name string   `bson:"name"`
		Tags []string `bson:"tags"`
	}
	raw, err := bson.Marshal(bson.D{{Key: "z", Value: 1}, {Key: "a", Value: 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		value any
		want  string
	}{
		{bson.M{"b": 1, "a": 2}, `{'a': 2, 'b': 1}`},
		{bson.Raw(raw), `{'z': 1, 'a': 2}`},
		{user{"ann", []string{"x"}}, `{'name': 'ann', 'tags': ['x']}`},
		{&user{Name: "ann"}, `{'name': 'ann', 'tags': None}`},
		{[]user{{Name: "b"}}, `[{'name': 'b', 'tags': None}]`},
		{(*user)(nil), `None`},
		{[]any{int8(1), uint64(2), float32(0.5)}, `[1, 2, 0.5]`},
		{bson.Symbol("s"), `'s'`},
		{bson.Undefined{}, `None`},
		{bson.CodeWithScope{Code: "f()", Scope: bson.D{{Key: "x", Value: 1}}}, `Code('f()', {'x': 1})`},
		{bson.DBPointer{DB: "d.c"}, `DBRef('d.c', ObjectId('000000000000000000000000'))`},
		{bson.Regex{Pattern: "a/b", Options: "sx"}, `Regex('a/b', 80)`},
		{bson.Regex{Options: "xusmli"}, `Regex('', 126)`},
		{motor.DBRef{Collection: "c", ID: 1}, `DBRef('c', 1)`},
		{bson.M{"r": bson.D{{Key: "x", Value: 2}, {Key: "$db", Value: "d"}, {Key: "$id", Value: 1}, {Key: "$ref", Value: "c"}}}, `{'r': DBRef('c', 1, 'd', x=2)}`},
		{bson.D{{Key: "$ref", Value: "c"}, {Key: "$id", Value: nil}, {Key: "$db", Value: nil}}, `DBRef('c', None)`},
		{bson.D{{Key: "$ref", Value: "c"}}, `{'$ref': 'c'}`},
		{bson.D{{Key: "$ref", Value: 1}, {Key: "$id", Value: 1}}, `{'$ref': 1, '$id': 1}`},
		{bson.D{{Key: "$ref", Value: "c"}, {Key: "$id", Value: 1}, {Key: "$db", Value: 1}}, `{'$ref': 'c', '$id': 1, '$db': 1}`},
		{make(chan int), fmt.Sprint(make(chan int))[:2]},
	} {
		got := motor.Repr(test.value)
		if _, ok := test.value.(chan int); ok {
			got = got[:2]
		}
		if got != test.want {
			t.Errorf("Repr(%v) = %s, want %s", test.value, got, test.want)
		}
	}
}
