package guide

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func Example_keywords() {
	users := collection("users", bson.M{"_id": "ann", "age": 31}, bson.M{"_id": "ben", "age": 17})
	start(func(co *callback.Co) {
		// begin keywords
		callback.Must(co, users.UpdateOne(co, bson.M{"_id": "cem"}, bson.M{"$set": bson.M{"age": 40}},
			options.UpdateOne().SetUpsert(true)))
		user := callback.Must(co, users.FindOneAndUpdate(co, bson.M{"_id": "ben"}, bson.M{"$inc": bson.M{"age": 1}},
			options.FindOneAndUpdate().SetReturnDocument(options.After)))
		fmt.Println(user["age"])
		sorted := users.Find(bson.M{}).Projection([]string{"age"}).Sort("age", motor.Descending).Limit(2)
		oldest := callback.Must(co, sorted.ToList(co))
		fmt.Println(oldest[0]["_id"], oldest[1]["_id"])
		callback.Must(co, users.Insert(co, bson.M{"_id": "dan"}, motor.InsertOptions{W: 1}))
		// end
	})
	// Output:
	// 18
	// cem ann
}

func Example_bulk() {
	users := collection("users", bson.M{"_id": "ann"})
	start(func(co *callback.Co) {
		// begin bulk
		result := callback.Must(co, users.BulkWrite(co, []mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": "ben"}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": "ann"}).SetUpdate(bson.M{"$set": bson.M{"age": 31}}),
			mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": "ben"}),
		}, options.BulkWrite().SetOrdered(true)))
		fmt.Println(result.Inserted(), result.Modified(), result.Deleted())
		// end
	})
	// Output: 1 1 1
}

func Example_values() {
	collection("values")
	start(func(co *callback.Co) {
		// begin values
		values := motor.CollectionOf[bson.D](client.Database("guide"), "values")
		callback.Must(co, values.InsertOne(co, bson.D{
			{Key: "_id", Value: 1},
			{Key: "int", Value: 7},
			{Key: "float", Value: 1.0},
			{Key: "date", Value: time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)},
			{Key: "bytes", Value: []byte("ab")},
			{Key: "none", Value: nil},
			{Key: "list", Value: bson.A{1, "two"}},
		}))
		doc := callback.Must(co, values.FindOne(co, bson.M{"_id": 1}))
		for _, e := range doc {
			fmt.Printf("%s %T\n", e.Key, e.Value)
		}
		fmt.Println(motor.Repr(doc))
		// end
	})
	// Output:
	// _id int32
	// int int32
	// float float64
	// date bson.DateTime
	// bytes bson.Binary
	// none <nil>
	// list bson.A
	// {'_id': 1, 'int': 7, 'float': 1.0, 'date': datetime.datetime(2024, 2, 29, 12, 30), 'bytes': b'ab', 'none': None, 'list': [1, 'two']}
}

func Example_specialValues() {
	// begin special-values
	price, err := bson.ParseDecimal128("9.99")
	if err != nil {
		panic(err)
	}
	id := [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}
	doc := bson.D{
		{Key: "price", Value: price},
		{Key: "uuid", Value: bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id[:]}},
		{Key: "pattern", Value: bson.Regex{Pattern: "^a", Options: "i"}},
	}
	motor.Set(&doc, "b", 2)
	motor.Set(&doc, "a", 1) // after b
	fmt.Println(motor.Get(doc, "price"), motor.Get(doc, "missing"))
	// end
	// Output: 9.99 <nil>
}

func Example_structs() {
	collection("users", bson.M{"_id": "ann", "age": 31})
	start(func(co *callback.Co) {
		// begin structs
		type User struct {
			Name string `bson:"_id"`
			Age  int
		}
		users := motor.CollectionOf[*User](client.Database("guide"), "users")
		user := callback.Must(co, users.FindOne(co, bson.M{"_id": "ann"}))
		fmt.Println(user.Name, user.Age)
		missing := callback.Must(co, users.FindOne(co, bson.M{"_id": "zoe"}))
		fmt.Println(missing == nil)
		// end
	})
	// Output:
	// ann 31
	// true
}

func Example_gridfs() {
	client.DropDatabase(ctx, "guide_files").Await(ctx)
	db := client.Database("guide_files")
	start(func(co *callback.Co) {
		// begin gridfs
		bucket := callback.Must(co, future.Settled(motor.NewGridFSBucket(db)))
		id := callback.Must(co, bucket.UploadFromStream(co, "a.txt", strings.NewReader("hello"),
			options.GridFSUpload().SetMetadata(bson.D{{Key: "type", Value: "text"}})))
		co.Must(bucket.OpenUploadStream("b.txt").Scope(co, func(in *motor.GridIn) error {
			callback.Must(co, in.Write(co, "hello, "))
			callback.Must(co, in.Write(co, "world"))
			return nil
		}))
		out := callback.Must(co, bucket.OpenDownloadStream(co, id))
		info := callback.Must(co, future.Settled(out.Info()))
		fmt.Println(info.Filename, info.Length, string(callback.Must(co, out.Read(co, -1))))
		for file := range callback.Range(co, bucket.Find(bson.M{}).Sort("filename").All(co)) {
			fmt.Println(callback.Must(co, future.Settled(file.Filename())))
		}
		callback.Must(co, bucket.Delete(co, id))
		// end
	})
	// Output:
	// a.txt 5 hello
	// a.txt
	// b.txt
}

func Example_traps() {
	users := collection("users", bson.M{"_id": "ann", "age": 31})
	// begin trap-defer
	cursor := users.Find(bson.M{})
	defer cursor.Close(ctx) // not cursor.Close(ctx).Await(ctx), which closes it now
	user, err := cursor.Next(ctx).Await(ctx)
	fmt.Println(user["_id"], err)
	// end
	// begin trap-int
	age, ok := user["age"].(int32) // an int was written
	fmt.Println(age, ok)
	// end
	// begin trap-order
	_, err = users.CreateIndex(ctx, bson.D{{Key: "age", Value: -1}, {Key: "_id", Value: 1}}).Await(ctx)
	fmt.Println(err)
	// end
	// Output:
	// ann <nil>
	// 31 true
	// <nil>
}
