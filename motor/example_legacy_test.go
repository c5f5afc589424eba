package motor_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// The examples of this file show the methods of Motor's callback era, and administration. Like those of example_test.go
// they are compiled but not run.

func ExampleCollection_Insert() {
	ids, err := users.Insert(ctx, []bson.M{{"_id": "ann"}, {"_id": "ben"}}, motor.InsertOptions{ContinueOnError: true, W: "majority"}).Await(ctx)
	fmt.Println(ids, err)
}

func ExampleCollection_Save() {
	id, err := users.Save(ctx, bson.M{"_id": "ann", "age": 31}, motor.SaveOptions{J: true}).Await(ctx)
	fmt.Println(id, err)
}

func ExampleCollection_Update() {
	reply, err := users.Update(ctx, bson.M{"age": 31}, bson.M{"$inc": bson.M{"age": 1}}, motor.UpdateOptions{Multi: true}).Await(ctx)
	fmt.Println(reply["n"], err)
}

func ExampleCollection_Remove() {
	first := false
	reply, err := users.Remove(ctx, bson.M{"age": 31}, motor.RemoveOptions{Multi: &first}).Await(ctx)
	fmt.Println(reply["n"], err)
}

func ExampleCollection_FindAndModify() {
	counter, err := users.FindAndModify(ctx, bson.M{"_id": "counter"}, motor.FindAndModifyOptions{
		Update: bson.M{"$inc": bson.M{"n": 1}}, Upsert: true, New: true,
	}).Await(ctx)
	fmt.Println(counter["n"], err)
}

func ExampleCollection_EnsureIndex() {
	week := 7 * 24 * time.Hour
	name, err := users.EnsureIndex(ctx, bson.D{{Key: "email", Value: 1}}, motor.EnsureIndexOptions{
		Index: options.Index().SetUnique(true), CacheFor: &week,
	}).Await(ctx)
	fmt.Println(name, err)
}

func ExampleCollection_Rename() {
	_, err := users.Rename(ctx, "people", motor.RenameOptions{DropTarget: true}).Await(ctx)
	fmt.Println(err)
}

func ExampleCollection_MapReduce() {
	ages, err := users.MapReduce(ctx, "function() { emit(this.age, 1) }", "function(age, n) { return Array.sum(n) }", "ages",
		motor.MapReduceOptions{Query: bson.M{"age": bson.M{"$gt": 30}}}).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ages.Name())
}

func ExampleCollection_Group() {
	all, err := users.Group(ctx, bson.M{"age": 1}, bson.M{}, bson.M{"n": 0}, "function(doc, all) { all.n++ }",
		motor.GroupOptions{Finalize: "function(all) { return all }"}).Await(ctx)
	fmt.Println(len(all), err)
}

func ExampleBulkOperationBuilder() {
	bulk := users.InitializeUnorderedBulkOp(motor.BulkOptions{BypassDocumentValidation: true})
	bulk.Insert(bson.M{"_id": "cem"})
	bulk.Find(bson.M{"age": 31}).Update(bson.M{"$set": bson.M{"old": true}})
	var upsert *motor.BulkUpsertOperation = bulk.Find(bson.M{"_id": "dan"}).Upsert()
	upsert.ReplaceOne(bson.M{"age": 40})
	result, err := bulk.Execute(ctx).Await(ctx)
	fmt.Println(result["nInserted"], err)
}

func ExampleCollection_BulkWrite() {
	var result *motor.BulkWriteResult
	result, err := users.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": "eva"}),
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": "ben"}),
	}).Await(ctx)
	if bulk := motor.AsError(err); errors.Is(err, motor.BulkWriteError) {
		fmt.Println(bulk.Details()) // the writes that failed; result has what was written nevertheless
	}
	fmt.Println(result.Inserted(), result.Deleted())
}

func ExampleDatabase_CommandAllowing() {
	reply, err := users.Database().CommandAllowing(ctx, bson.D{{Key: "drop", Value: "missing"}}, motor.AllowedErrors{Codes: []int{26}}).Await(ctx)
	fmt.Println(reply["ok"], err)
}

func ExampleDatabase_SetProfilingLevel() {
	slow := 50
	db := users.Database()
	_, err := db.SetProfilingLevel(ctx, motor.ProfilingSlowOnly, motor.ProfilingOptions{SlowMS: &slow}).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	level, err := db.ProfilingLevel(ctx).Await(ctx)
	fmt.Println(level, err)
}

func ExampleDatabase_AddUser() {
	_, err := users.Database().AddUser(ctx, "ann", "secret", motor.UserOptions{Roles: []any{"readWrite"}}).Await(ctx)
	fmt.Println(err)
}

func ExampleDatabase_ValidateCollection() {
	report, err := users.Database().ValidateCollection(ctx, users, motor.ValidateOptions{Full: true}).Await(ctx)
	fmt.Println(report["valid"], err)
}

func ExampleDatabase_Dereference() {
	message := bson.M{"text": "hello", "from": motor.DBRef{Collection: "users", ID: "ann"}}
	ann, err := users.Database().Dereference(ctx, message["from"]).Await(ctx)
	fmt.Println(ann["age"], err)
}

func ExampleClient_Fsync() {
	if _, err := client.Fsync(ctx, motor.FsyncOptions{Lock: true}).Await(ctx); err != nil {
		log.Fatal(err)
	}
	// The files of the server can be copied now.
	_, err := client.Unlock(ctx).Await(ctx)
	fmt.Println(err)
}

func ExampleClient_Address() {
	if address, ok := client.Address(); ok { // false before the client has connected
		fmt.Println(address.Host, address.Port)
	}
}

func ExampleClient_CodecOptions() {
	var how motor.CodecOptions = client.CodecOptions()
	fmt.Println(how.TZAware, how.Registry != nil)
}

func ExampleCopyError() {
	result, err := client.CopyDatabase(ctx, "shop", "backup").Await(ctx)
	var failed *motor.CopyError
	if errors.As(err, &failed) {
		log.Printf("%s could not be copied: %v", failed.Collection, err)
	}
	for _, c := range result.Collections {
		describe(c)
	}
}

func describe(c motor.CopiedCollection) { fmt.Println(c.Name, c.Documents, c.Indexes, c.Complete) }

func ExampleCopiedCollection() {
	result, err := client.CopyDatabase(ctx, "shop", "backup").Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var first motor.CopiedCollection = result.Collections[0]
	fmt.Println(first.Name, first.Documents)
}

func ExampleGridFS() {
	fs := motor.NewGridFS(users.Database(), "fs")
	id, err := fs.Put(ctx, "hello", motor.GridInOptions{Filename: "a.txt", ContentType: "text/plain"}).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	out, err := fs.Get(ctx, id).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var info motor.GridOutInfo
	info, err = out.Info()
	fmt.Println(info.Filename, info.Length, err)
}

func ExampleClientEncryption() {
	encryption, err := motor.NewClientEncryption(client, options.ClientEncryption().SetKeyVaultNamespace("encryption.__keyVault").
		SetKmsProviders(map[string]map[string]any{"local": {"key": make([]byte, 96)}})) // a key of your own
	if err != nil {
		log.Fatal(err) // the program needs the build tag cse
	}
	defer encryption.Close(ctx)
	key, err := encryption.CreateDataKey(ctx, "local").Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	secret, err := encryption.Encrypt(ctx, "457-55-5462", motor.AlgorithmRandom, options.Encrypt().SetKeyID(key)).Await(ctx)
	fmt.Println(len(secret.Data), err)

	var rewrapped *motor.RewrapManyDataKeyResult
	rewrapped, err = encryption.RewrapManyDataKey(ctx, bson.D{}).Await(ctx)
	fmt.Println(rewrapped.BulkWriteResult.Modified(), err)

	var created *motor.EncryptedCollection
	created, err = encryption.CreateEncryptedCollection(ctx, users.Database(), "patients", bson.M{"fields": bson.A{}}, "local", nil).Await(ctx)
	fmt.Println(created.EncryptedFields, err)
}
