package contract_test

import (
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// checkDecodes checks that every way of reading gives the document that matches filter in class D.
func checkDecodes[D any](t *testing.T, ops operations, filter any, wanted func(D) bool) {
	t.Helper()
	coll := motor.CollectionOf[D](collectionOf(ops).Database(), collectionOf(ops).Name())
	check := func(way string, got D, err error) {
		t.Helper()
		if err != nil || !wanted(got) {
			t.Errorf("%v by %s: got %v, %v; want the document", reflect.TypeFor[D](), way, got, err)
		}
	}
	ctx := contextOf(ops)
	var one D
	var err error
	if s, ok := ops.(byCallbacks); ok {
		one, err = awaitOnLoop(ctx, s.loop, func(done callback.Func[D]) { callback.WrapCollection(s.loop, coll).FindOne(ctx, filter, done) })
	} else {
		one, err = coll.FindOne(ctx, filter).Await(ctx)
	}
	check("FindOne", one, err)
	list, err := queryOf(ops, coll.Find(filter)).ToList()
	if len(list) == 1 {
		check("ToList", list[0], err)
	} else if len(list) > 0 || err != nil || !wanted(one) {
		t.Errorf("%v by ToList: got %v, %v; want the document", reflect.TypeFor[D](), list, err)
	}
}

func TestDocumentClasses(t *testing.T) {
	type inner struct{ N int }
	type document struct {
		ID    string `bson:"_id"`
		Inner inner
	}
	want := document{"a", inner{3}}
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(want)
		noError(t, err)
		a, none := bson.M{"_id": "a"}, bson.M{"_id": "b"}
		checkDecodes(t, ops, a, func(got document) bool { return got == want })
		checkDecodes(t, ops, a, func(got *document) bool { return got != nil && *got == want })
		checkDecodes(t, ops, a, func(got bson.D) bool { return len(got) == 2 && got[0].Value == "a" })
		checkDecodes(t, ops, a, func(got bson.Raw) bool { return got.Lookup("inner", "n").AsInt64() == 3 })
		checkDecodes(t, ops, a, func(got any) bool { return got.(bson.M)["inner"].(bson.M)["n"] != nil })
		checkDecodes(t, ops, none, func(got *document) bool { return got == nil })
		checkDecodes(t, ops, none, func(got bson.M) bool { return got == nil })
		checkDecodes(t, ops, none, func(got document) bool { return got == document{} })
	})
}
