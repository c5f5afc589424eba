// Values ports a program that prints documents with values of all types, as Python prints them.
package main

import (
	"fmt"
	"math"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func run(co *callback.Co) {
	id := callback.Must(co, future.Settled(bson.ObjectIDFromHex("0123456789abcdef01234567")))
	price := callback.Must(co, future.Settled(bson.ParseDecimal128("1.50")))
	values := []any{
		nil, true, false, 7, -1, 1 << 40, 1.0, 0.5, -2.25, 1e16, 1.5e300, 123456789012345.0, 0.0001, 0.00001, 1e22,
		math.Inf(1), math.Inf(-1), math.NaN(), "text", "it's", `a "quote"`, "both ' and \"", "line\nbreak\ttab\\",
		"caf\u00e9 \u4e16\u754c \U0001f600 \x01\x7f\u200b\u00a0", []byte("bytes\x00\xff'"), bson.Binary{Subtype: 128, Data: []byte("x")},
		time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC), time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		time.Date(2024, 1, 2, 3, 4, 0, 6e6, time.UTC), id, price,
		bson.Timestamp{T: 1, I: 2}, bson.Regex{Pattern: "a+", Options: "im"}, bson.Regex{Pattern: "b"}, bson.JavaScript("f()"), bson.MinKey{}, bson.MaxKey{},
		motor.DBRef{Collection: "c", ID: 1}, bson.A{}, bson.D{}, bson.A{1, bson.A{2, bson.D{{Key: "a", Value: bson.A{3}}}}},
		bson.D{{Key: "z", Value: 1}, {Key: "a", Value: bson.D{{Key: "y", Value: 2}, {Key: "b", Value: 3}}}},
	}
	coll := motor.CollectionOf[bson.D](motor.MustClient(os.Args[1]).Database("porting"), "reprs")
	callback.Must(co, coll.Drop(co))
	for _, value := range values {
		fmt.Println(motor.Repr(bson.D{{Key: "value", Value: value}}))
	}
	callback.Must(co, coll.InsertOne(co, bson.D{
		{Key: "_id", Value: 1}, {Key: "list", Value: bson.A{1.0, "two", nil}}, {Key: "at", Value: values[26]}, {Key: "id", Value: id}}))
	fmt.Println(motor.Repr(callback.Must(co, coll.FindOne(co, bson.M{}))))
	doc := bson.D{{Key: "z", Value: 1}, {Key: "a", Value: 2}}
	motor.Set(&doc, "z", 3)
	motor.Set(&doc, "b", 4)
	fmt.Println(motor.Repr(doc), motor.Get(doc, "a"), motor.Repr(motor.Get(doc, "c")))
}

func main() { callback.Main(run) }
