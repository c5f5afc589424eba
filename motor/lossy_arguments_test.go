package motor_test

import (
	"errors"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

type hidden struct{ n int }

type marshals struct{ n int }

func (m marshals) MarshalBSON() ([]byte, error) { return bson.Marshal(bson.D{{Key: "n", Value: m.n}}) }

type (
	amount   struct{ *big.Rat }
	priced   struct{ *hidden } // not encoded, since hidden is not exported
	numbered struct{ n int }   // *numbered is a bson.Marshaler
	guarded  struct {
		sync.Mutex
		N int
	}
)

func (n *numbered) MarshalBSON() ([]byte, error) { return bson.Marshal(bson.D{{Key: "n", Value: n.n}}) }

// zero is omitted by omitempty.
type zero struct{ n int }

func (z zero) IsZero() bool { return z.n == 0 }

// A value that the driver's encoder would store as an empty document, or as another date, is refused before anything is
// sent.
func TestLossyValues(t *testing.T) {
	_ = hidden{1}.n
	c := newClient(t, noServerURI).Database("d").Collection("c")
	for _, test := range []struct {
		name, key, typ string
		doc            any
	}{
		{"big.Rat", "v", "big.Rat", bson.M{"v": big.NewRat(3, 2)}},
		{"big.Int", "v", "big.Int", bson.D{{Key: "v", Value: big.NewInt(3)}}},
		{"big.Float", "v", "big.Float", bson.M{"v": big.NewFloat(3)}},
		{"netip.Addr", "v", "netip.Addr", bson.M{"v": netip.MustParseAddr("::1")}},
		{"regexp.Regexp", "v", "regexp.Regexp", bson.M{"v": regexp.MustCompile("a")}},
		{"error", "v", "errorString", bson.M{"v": errors.New("text")}},
		{"hidden", "v", "hidden", bson.M{"v": hidden{1}}},
		{"in a list", "v.1", "hidden", bson.M{"v": bson.A{1, hidden{1}}}},
		{"in a document", "a.b", "hidden", bson.M{"a": bson.D{{Key: "b", Value: &hidden{1}}}}},
		{"in a struct", "amount", "big.Rat", struct{ Amount *big.Rat }{big.NewRat(1, 2)}},
		{"in a struct with a tag", "sum", "big.Rat", struct {
			Amount any `bson:"sum"`
		}{big.NewRat(1, 2)}},
		{"in a map of structs", "a.h", "hidden", map[string]struct{ H hidden }{"a": {hidden{1}}}},
		{"the document", "", "hidden", hidden{1}},
		{"embedded", "v.rat", "big.Rat", bson.M{"v": amount{big.NewRat(1, 2)}}},
		{"embedded beside a field", "rat", "big.Rat", struct {
			*big.Rat
			Name string
		}{big.NewRat(1, 2), "a"}},
		{"embedded, not exported", "v", "priced", bson.M{"v": priced{&hidden{1}}}},
		{"marshaler without an address", "v", "numbered", bson.M{"v": numbered{1}}},
		{"marshaler without an address in a struct", "n", "numbered", struct{ N numbered }{numbered{1}}},
		{"in the scope of code", "v.scope.a", "big.Rat", bson.M{"v": bson.CodeWithScope{Code: "a", Scope: bson.M{"a": big.NewRat(1, 2)}}}},
		{"list of raw values", "v", "bson.RawArray", bson.M{"v": bson.RawArray{5, 0, 0, 0, 0}}},
		{"not zero", "z", "zero", struct {
			Z zero `bson:",omitempty"`
		}{zero{1}}},
		{"date", "v", "year", bson.M{"v": time.Date(300_000_000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"date in a struct", "when", "year", struct{ When time.Time }{time.Date(-300_000_000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		_, err := c.InsertOne(t.Context(), test.doc).Await(t.Context())
		if !errors.Is(err, motor.InvalidDocument) || !strings.Contains(err.Error(), test.typ) ||
			test.key != "" && !strings.Contains(err.Error(), `"`+test.key+`"`) {
			t.Errorf("%s: got %v, want InvalidDocument that names key %q and %s", test.name, err, test.key, test.typ)
		}
	}
}

func TestValuesThatAreStored(t *testing.T) {
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(reflect.TypeFor[hidden](), bson.ValueEncoderFunc(func(_ bson.EncodeContext, w bson.ValueWriter, _ reflect.Value) error {
		return w.WriteString("encoded")
	}))
	link, err := url.Parse("http://localhost/")
	noError(t, err)
	client := newClient(t, noServerURI)
	plain := client.Database("d").Collection("c")
	registered := motor.CollectionOf[bson.M](client.Database("d"), "c", options.Collection().SetRegistry(registry))
	for _, test := range []struct {
		name string
		coll collection
		doc  any
	}{
		{"struct without fields", plain, bson.M{"v": struct{}{}}},
		{"marshaler", plain, bson.M{"v": marshals{1}}},
		{"marshaler with an address", plain, bson.M{"v": &numbered{1}}},
		{"marshaler with an address in a struct", plain, &struct{ N numbered }{numbered{1}}},
		{"embedded lock", plain, &guarded{N: 1}},
		{"embedded beside a field, not exported", plain, struct {
			*hidden
			N int
		}{&hidden{1}, 1}},
		{"omitted", plain, struct {
			Z zero `bson:",omitempty"`
		}{}},
		{"raw value of a list", plain, bson.M{"v": bson.RawValue{Type: bson.TypeArray, Value: bson.RawArray{5, 0, 0, 0, 0}}}},
		{"registered encoder", registered, bson.M{"v": hidden{1}}},
		{"url", plain, bson.M{"v": *link}},
		{"time", plain, struct{ At time.Time }{time.Now()}},
		{"nil pointer", plain, bson.M{"v": (*big.Int)(nil)}},
		{"decimal", plain, bson.M{"v": bson.NewDecimal128(1, 2)}},
		{"only omitted fields", plain, bson.M{"v": struct {
			A int `bson:"-"`
		}{1}}},
	} {
		_, err := test.coll.InsertOne(t.Context(), test.doc).Await(t.Context())
		if !errors.Is(err, motor.ServerSelectionTimeoutError) {
			t.Errorf("%s: got %v, want that it is sent", test.name, err)
		}
	}
}

// Text that is not UTF-8 is refused before anything is sent.
func TestInvalidText(t *testing.T) {
	c := newClient(t, noServerURI).Database("d").Collection("c")
	ctx := t.Context()
	for _, test := range []struct {
		name  string
		value any
	}{
		{"text", "a\xff"},
		{"regex", bson.Regex{Pattern: "a\xff"}},
		{"struct", struct{ S string }{"a\xff"}},
		{"key", bson.M{"a\xff": 1}},
		{"regex options", bson.Regex{Pattern: "a", Options: "\xff"}},
		{"symbol", bson.Symbol("a\xff")},
		{"code", bson.JavaScript("a\xff")},
		{"code with scope", bson.CodeWithScope{Code: "x", Scope: bson.M{"a": "\xff"}}},
	} {
		doc := bson.M{"v": test.value}
		for _, op := range []struct {
			name string
			op   outcome
		}{
			{"InsertOne", started(c.InsertOne(ctx, doc))},
			{"InsertMany", started(c.InsertMany(ctx, []bson.M{doc}))},
			{"UpdateOne filter", started(c.UpdateOne(ctx, doc, bson.M{"$set": bson.M{"a": 1}}))},
			{"UpdateOne update", started(c.UpdateOne(ctx, bson.M{}, bson.M{"$set": doc}))},
			{"ReplaceOne", started(c.ReplaceOne(ctx, bson.M{}, doc))},
			{"Find", started(c.Find(doc).ToList(ctx))},
			{"Aggregate", started(c.Aggregate([]bson.M{{"$match": doc}}).ToList(ctx))},
			{"Command", started(c.Database().Command(ctx, bson.D{{Key: "ping", Value: 1}, {Key: "a", Value: test.value}}))},
		} {
			if err := op.op(ctx); !errors.Is(err, motor.InvalidStringData) || !errors.Is(err, motor.InvalidDocument) {
				t.Errorf("%s, %s: got %v, want InvalidStringData", op.name, test.name, err)
			}
		}
	}
}
