package motor_test

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// A value in an option that BSON cannot hold is refused before anything is sent.
func TestValuesInOptions(t *testing.T) {
	client := newClient(t, noServerURI)
	db := client.Database("d")
	ctx := t.Context()
	none, set := bson.M{}, bson.M{"$set": bson.M{"a": 1}}
	for _, bad := range []struct {
		value any
		class *motor.ErrorClass
	}{{big.NewRat(3, 2), motor.InvalidDocument}, {"a\xff", motor.InvalidStringData}} {
		v, doc := bad.value, bson.D{{Key: "v", Value: bad.value}}
		for _, c := range []struct {
			name string
			coll *motor.Collection[bson.M]
		}{
			{"by the driver", db.Collection("c")},
			{"by command", db.Collection("c", options.Collection().SetWriteConcern(&writeconcern.WriteConcern{W: "a"}))},
		} {
			c, by := c.coll, c.name
			bucket, err := motor.NewGridFSBucket(db)
			noError(t, err)
			for _, test := range []struct {
				name string
				op   outcome
			}{
				{"FindOne projection", started(c.FindOne(ctx, none, options.FindOne().SetProjection(doc)))},
				{"FindOne sort", started(c.FindOne(ctx, none, options.FindOne().SetSort(doc)))},
				{"FindOne hint", started(c.FindOne(ctx, none, options.FindOne().SetHint(doc)))},
				{"FindOne comment", started(c.FindOne(ctx, none, options.FindOne().SetComment(v)))},
				{"FindOne collation", started(c.FindOne(ctx, none, options.FindOne().SetCollation(&options.Collation{Locale: "\xff"}), options.FindOne().SetMin(doc)))},
				{"FindOne max", started(c.FindOne(ctx, none, options.FindOne().SetMax(doc)))},
				{"Find projection", started(c.Find(none, options.Find().SetProjection(doc)).ToList(ctx))},
				{"Find sort", started(c.Find(none, options.Find().SetSort(doc)).ToList(ctx))},
				{"Find let", started(c.Find(none, options.Find().SetLet(doc)).ToList(ctx))},
				{"Find comment", started(c.Find(none, options.Find().SetComment(v)).ToList(ctx))},
				{"Find hint", started(c.Find(none, options.Find().SetHint(doc)).ToList(ctx))},
				{"Cursor.Comment", started(c.Find(none).Comment(v).ToList(ctx))},
				{"Cursor.Hint", started(c.Find(none).Hint(doc).ToList(ctx))},
				{"Cursor.Min", started(c.Find(none).Min(doc).ToList(ctx))},
				{"CountDocuments hint", started(c.CountDocuments(ctx, none, options.Count().SetHint(doc)))},
				{"CountDocuments comment", started(c.CountDocuments(ctx, none, options.Count().SetComment(v)))},
				{"EstimatedDocumentCount comment", started(c.EstimatedDocumentCount(ctx, options.EstimatedDocumentCount().SetComment(v)))},
				{"Distinct comment", started(c.Distinct(ctx, "k", none, options.Distinct().SetComment(v)))},
				{"Distinct hint", started(c.Distinct(ctx, "k", none, options.Distinct().SetHint(doc)))},
				{"Aggregate let", started(c.Aggregate(bson.A{}, options.Aggregate().SetLet(doc)).ToList(ctx))},
				{"Aggregate hint", started(c.Aggregate(bson.A{}, options.Aggregate().SetHint(doc)).ToList(ctx))},
				{"Aggregate comment", started(c.Aggregate(bson.A{}, options.Aggregate().SetComment(v)).ToList(ctx))},
				{"Watch comment", started(c.Watch(nil, options.ChangeStream().SetComment(v)).Next(ctx))},
				{"Watch resume token", started(c.Watch(nil, options.ChangeStream().SetResumeAfter(doc)).Next(ctx))},
				{"InsertOne comment", started(c.InsertOne(ctx, none, options.InsertOne().SetComment(v)))},
				{"InsertMany comment", started(c.InsertMany(ctx, []bson.M{none}, options.InsertMany().SetComment(v)))},
				{"UpdateOne array filters", started(c.UpdateOne(ctx, none, set, options.UpdateOne().SetArrayFilters([]any{doc})))},
				{"UpdateOne let", started(c.UpdateOne(ctx, none, set, options.UpdateOne().SetLet(doc)))},
				{"UpdateOne sort", started(c.UpdateOne(ctx, none, set, options.UpdateOne().SetSort(doc)))},
				{"UpdateMany array filters", started(c.UpdateMany(ctx, none, set, options.UpdateMany().SetArrayFilters([]any{doc})))},
				{"UpdateMany hint", started(c.UpdateMany(ctx, none, set, options.UpdateMany().SetHint(doc)))},
				{"ReplaceOne hint", started(c.ReplaceOne(ctx, none, none, options.Replace().SetHint(doc)))},
				{"ReplaceOne let", started(c.ReplaceOne(ctx, none, none, options.Replace().SetLet(doc)))},
				{"DeleteOne let", started(c.DeleteOne(ctx, none, options.DeleteOne().SetLet(doc)))},
				{"DeleteMany hint", started(c.DeleteMany(ctx, none, options.DeleteMany().SetHint(doc)))},
				{"FindOneAndDelete projection", started(c.FindOneAndDelete(ctx, none, options.FindOneAndDelete().SetProjection(doc)))},
				{"FindOneAndDelete sort", started(c.FindOneAndDelete(ctx, none, options.FindOneAndDelete().SetSort(doc)))},
				{"FindOneAndReplace let", started(c.FindOneAndReplace(ctx, none, none, options.FindOneAndReplace().SetLet(doc)))},
				{"FindOneAndUpdate array filters", started(c.FindOneAndUpdate(ctx, none, set, options.FindOneAndUpdate().SetArrayFilters([]any{doc})))},
				{"BulkWrite comment", started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(none)}, options.BulkWrite().SetComment(v)))},
				{"BulkWrite hint", started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(none).SetHint(doc)}))},
				{"BulkWrite array filters", started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewUpdateOneModel().SetFilter(none).SetUpdate(set).SetArrayFilters([]any{doc})}))},
				{"CreateIndex partial filter", started(c.CreateIndex(ctx, bson.D{{Key: "a", Value: 1}}, options.Index().SetPartialFilterExpression(doc)))},
				{"CreateIndex storage engine", started(c.CreateIndex(ctx, bson.D{{Key: "a", Value: 1}}, options.Index().SetStorageEngine(doc)))},
				{"CreateIndex weights", started(c.CreateIndex(ctx, bson.D{{Key: "a", Value: "text"}}, options.Index().SetWeights(doc)))},
				{"CreateIndexes commit quorum", started(c.CreateIndexes(ctx, []mongo.IndexModel{{Keys: bson.D{{Key: "a", Value: 1}}}}, options.CreateIndexes().SetCommitQuorumString("\xff"), options.CreateIndexes()))},
				{"CreateSearchIndex definition", started(c.CreateSearchIndex(ctx, mongo.SearchIndexModel{Definition: doc}))},
				{"Rename comment", started(c.Rename(ctx, "n", motor.RenameOptions{Comment: v}))},
				{"CreateCollection validator", started(db.CreateCollection(ctx, "n", options.CreateCollection().SetValidator(doc)))},
				{"CreateCollection default index options", started(db.CreateCollection(ctx, "n", options.CreateCollection().
					SetDefaultIndexOptions(options.DefaultIndex().SetStorageEngine(doc))))},
				{"CreateCollection clustered index", started(db.CreateCollection(ctx, "n", options.CreateCollection().SetClusteredIndex(doc)))},
				{"UploadFromStream metadata", started(bucket.OpenUploadStream("f", options.GridFSUpload().SetMetadata(doc)).Close(ctx))},
				{"GridFSBucket.Find sort", started(bucket.Find(none, options.GridFSFind().SetSort(doc)).ToList(ctx))},
				{"Client.BulkWrite let", started(client.BulkWrite(ctx, []mongo.ClientBulkWrite{{Database: "d", Collection: "c", Model: mongo.NewClientDeleteOneModel().SetFilter(none)}},
					options.ClientBulkWrite().SetLet(doc)))},
			} {
				class := bad.class
				if _, isText := v.(string); !isText && test.name == "CreateIndexes commit quorum" {
					class = motor.InvalidStringData
				}
				if err := test.op(ctx); !errors.Is(err, class) {
					t.Errorf("%s of %T, %s: got %v, want %v", test.name, v, by, err, class)
				}
			}
		}
	}
}

// A name that is not UTF-8 is refused before anything is sent.
func TestNamesThatAreNotUTF8(t *testing.T) {
	const bad = "a\xff"
	client := newClient(t, noServerURI)
	db := client.Database("d")
	c, ctx, keys := db.Collection("c"), t.Context(), bson.D{{Key: "a", Value: 1}}
	bucket, err := motor.NewGridFSBucket(db)
	noError(t, err)
	for _, test := range []struct {
		name string
		op   outcome
	}{
		{"database", started(client.Database(bad).Command(ctx, "ping"))},
		{"collection", started(db.Collection(bad).FindOne(ctx, keys))},
		{"Distinct", started(c.Distinct(ctx, bad, keys))},
		{"Rename", started(c.Rename(ctx, bad))},
		{"DropIndex", started(c.DropIndex(ctx, bad))},
		{"CreateIndex", started(c.CreateIndex(ctx, keys, options.Index().SetName(bad)))},
		{"EnsureIndex", started(c.EnsureIndex(ctx, keys, motor.EnsureIndexOptions{Index: options.Index().SetName(bad)}))},
		{"CreateCollection", started(db.CreateCollection(ctx, bad))},
		{"CreateCollection of a time series", started(db.CreateCollection(ctx, "n", options.CreateCollection().
			SetTimeSeriesOptions(options.TimeSeries().SetTimeField("t").SetMetaField(bad))))},
		{"DropCollection", started(db.DropCollection(ctx, bad))},
		{"CreateSearchIndex", started(c.CreateSearchIndex(ctx, mongo.SearchIndexModel{Definition: keys, Options: options.SearchIndexes().SetName(bad)}))},
		{"DropSearchIndex", started(c.DropSearchIndex(ctx, bad))},
		{"UpdateSearchIndex", started(c.UpdateSearchIndex(ctx, bad, keys))},
		{"ListSearchIndexes", started(c.ListSearchIndexes(bad).ToList(ctx))},
		{"Command", started(db.Command(ctx, bad))},
		{"DropDatabase", started(client.DropDatabase(ctx, bad))},
		{"UploadFromStream", started(bucket.OpenUploadStream(bad).Close(ctx))},
		{"OpenDownloadStreamByName", started(bucket.OpenDownloadStreamByName(ctx, bad))},
		{"GridFSBucket.Rename", started(bucket.Rename(ctx, 1, bad))},
	} {
		if err := test.op(ctx); !errors.Is(err, motor.InvalidStringData) {
			t.Errorf("%s: got %v, want InvalidStringData", test.name, err)
		}
	}
}

func TestArgumentsThatAreEmpty(t *testing.T) {
	db := newClient(t, noServerURI).Database("d")
	c, ctx := db.Collection("c"), t.Context()
	for _, test := range []struct {
		name string
		op   outcome
	}{
		{"UpdateOne", started(c.UpdateOne(ctx, bson.M{}, bson.A{}))},
		{"UpdateMany", started(c.UpdateMany(ctx, bson.M{}, []bson.M{}))},
		{"FindOneAndUpdate", started(c.FindOneAndUpdate(ctx, bson.M{}, mongo.Pipeline{}))},
		{"BulkWrite", started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewUpdateOneModel().SetFilter(bson.M{}).SetUpdate(bson.A{})}))},
		{"Command", started(db.Command(ctx, bson.D{}))},
		{"CursorCommand", started(db.CursorCommand(ctx, bson.M{}))},
	} {
		if err := test.op(ctx); !errors.Is(err, motor.ValueError) {
			t.Errorf("%s: got %v, want ValueError", test.name, err)
		}
	}
}

func TestHintOfUnacknowledgedWrites(t *testing.T) {
	client := newClient(t, noServerURI)
	c := client.Database("d").Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	ctx, none, set := t.Context(), bson.M{}, bson.M{"$set": bson.M{"a": 1}}
	unordered := options.ClientBulkWrite().SetOrdered(false).SetWriteConcern(writeconcern.Unacknowledged())
	for _, test := range []struct {
		name string
		op   outcome
	}{
		{"UpdateOne", started(c.UpdateOne(ctx, none, set, options.UpdateOne().SetHint("i")))},
		{"UpdateMany", started(c.UpdateMany(ctx, none, set, options.UpdateMany().SetHint("i")))},
		{"ReplaceOne", started(c.ReplaceOne(ctx, none, none, options.Replace().SetHint("i")))},
		{"DeleteOne", started(c.DeleteOne(ctx, none, options.DeleteOne().SetHint("i")))},
		{"DeleteMany", started(c.DeleteMany(ctx, none, options.DeleteMany().SetHint("i")))},
		{"FindOneAndDelete", started(c.FindOneAndDelete(ctx, none, options.FindOneAndDelete().SetHint("i")))},
		{"FindOneAndUpdate", started(c.FindOneAndUpdate(ctx, none, set, options.FindOneAndUpdate().SetHint("i")))},
		{"BulkWrite", started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(none).SetHint("i")}))},
		{"Client.BulkWrite", started(client.BulkWrite(ctx, []mongo.ClientBulkWrite{
			{Database: "d", Collection: "c", Model: mongo.NewClientDeleteOneModel().SetFilter(none).SetHint("i")}}, unordered))},
	} {
		if err := test.op(ctx); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want ConfigurationError", test.name, err)
		}
	}
}

// A document that the driver refuses to send, since the server accepts less than was known when it was encoded.
func TestTooLargeForServer(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	for _, hello := range []string{"hello", "isMaster"} {
		peer.Handle(hello, func(r *wiretest.Request) {
			r.OK(peer.Hello(), bson.M{"maxBsonObjectSize": 1000, "maxMessageSizeBytes": 3000, "maxWriteBatchSize": 100})
		})
	}
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	none, large := bson.M{}, bson.M{"a": strings.Repeat("a", 4000)}
	set := bson.M{"$set": large}
	for _, test := range []struct {
		name string
		op   func(*testing.T, *motor.Client, *motor.Collection[bson.M]) outcome
	}{
		{"InsertOne", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.InsertOne(t.Context(), large))
		}},
		{"InsertMany", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.InsertMany(t.Context(), []bson.M{none, large}))
		}},
		{"UpdateOne", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.UpdateOne(t.Context(), none, set))
		}},
		{"UpdateMany filter", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.UpdateMany(t.Context(), large, bson.M{"$set": none}))
		}},
		{"ReplaceOne", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.ReplaceOne(t.Context(), none, large))
		}},
		{"DeleteMany", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.DeleteMany(t.Context(), large))
		}},
		{"BulkWrite", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.BulkWrite(t.Context(), []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(large)}))
		}},
		{"BulkWrite update", func(t *testing.T, _ *motor.Client, c *motor.Collection[bson.M]) outcome {
			return started(c.BulkWrite(t.Context(), []mongo.WriteModel{mongo.NewUpdateOneModel().SetFilter(none).SetUpdate(set)}))
		}},
		{"Client.BulkWrite", func(t *testing.T, client *motor.Client, _ *motor.Collection[bson.M]) outcome {
			return started(client.BulkWrite(t.Context(), []mongo.ClientBulkWrite{{Database: "d", Collection: "c",
				Model: mongo.NewClientUpdateOneModel().SetFilter(none).SetUpdate(set)}}))
		}},
	} {
		client := newClient(t, peer.URI("retryWrites=false"))
		if err := test.op(t, client, client.Database("d").Collection("c"))(t.Context()); !errors.Is(err, motor.DocumentTooLarge) {
			t.Errorf("%s: got %v, want DocumentTooLarge", test.name, err)
		}
	}
}

func TestProjectionOfNames(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	var got bson.Raw
	for name, field := range map[string]string{"find": "projection", "findAndModify": "fields"} {
		peer.Handle(name, func(r *wiretest.Request) {
			got, _ = r.Command.Lookup(field).DocumentOK()
			r.OK(bson.M{"value": nil, "cursor": bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{}}})
		})
	}
	c, ctx := newClient(t, peer.URI()).Database("d").Collection("c"), t.Context()
	for _, test := range []struct {
		names []string
		want  bson.D
	}{
		{[]string{"n", "a.b"}, bson.D{{Key: "n", Value: 1}, {Key: "a.b", Value: 1}}},
		{[]string{}, bson.D{{Key: "_id", Value: 1}}},
	} {
		want, err := bson.Marshal(test.want)
		noError(t, err)
		for _, op := range []struct {
			name string
			op   func() outcome
		}{
			{"FindOne", func() outcome { return started(c.FindOne(ctx, bson.M{}, options.FindOne().SetProjection(test.names))) }},
			{"Find", func() outcome {
				return started(c.Find(bson.M{}, options.Find().SetProjection(test.names)).ToList(ctx))
			}},
			{"FindOneAndDelete", func() outcome {
				return started(c.FindOneAndDelete(ctx, bson.M{}, options.FindOneAndDelete().SetProjection(test.names)))
			}},
		} {
			noError(t, op.op()(ctx))
			if !bytes.Equal(got, want) {
				t.Errorf("%s with %q: got %v, want %v", op.name, test.names, got, test.want)
			}
		}
	}
}
