package contract_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMustClient(t *testing.T) {
	client := motor.MustClient(mongotest.URI(t))
	noError(t, client.Close(t.Context()))
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, motor.InvalidURI) {
			t.Errorf("MustClient() panicked with %v, want InvalidURI", err)
		}
	}()
	motor.MustClient("mongodb://")
}

func TestResultCounts(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	writes := []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 2}),
		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 1}).SetUpdate(bson.M{"$set": bson.M{"n": 1}}),
		mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 3}).SetUpdate(bson.M{"$set": bson.M{"n": 1}}).SetUpsert(true),
		mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
	}
	bulk, err := coll.BulkWrite(ctx, writes).Await(ctx)
	noError(t, err)
	counts := []int64{bulk.Inserted(), bulk.Matched(), bulk.Modified(), bulk.Upserted(), bulk.Deleted()}
	if want := []int64{2, 1, 1, 1, 1}; !slices.Equal(counts, want) {
		t.Errorf("counts of the bulk write = %v, want %v", counts, want)
	}
	set := bson.M{"$set": bson.M{"n": 2}}
	updated, err := coll.UpdateMany(ctx, bson.M{}, set).Await(ctx)
	noError(t, err)
	upserted, err := coll.UpdateOne(ctx, bson.M{"_id": 4}, set, options.UpdateOne().SetUpsert(true)).Await(ctx)
	noError(t, err)
	deleted, err := coll.DeleteMany(ctx, bson.M{}).Await(ctx)
	noError(t, err)
	counts = []int64{updated.Matched(), updated.Modified(), upserted.Upserted(), deleted.Deleted()}
	if want := []int64{2, 2, 1, 3}; !slices.Equal(counts, want) {
		t.Errorf("counts = %v, want %v", counts, want)
	}
	silent := coll.WithOptions(options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))
	unknown, err := silent.DeleteMany(ctx, bson.M{}).Await(ctx)
	noError(t, err)
	if n := unknown.Deleted(); n != 0 {
		t.Errorf("Deleted() = %d, want 0 for an unacknowledged write", n)
	}
}

func TestErrorShortcuts(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	_, err := coll.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx)
	noError(t, err)
	_, err = coll.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx)
	wrapped := fmt.Errorf("wrapped: %w", err)
	if e := motor.AsError(wrapped); e == nil || e.Class() != motor.DuplicateKeyError || motor.Code(wrapped) != 11000 {
		t.Errorf("AsError() = %v, Code() = %d; want a DuplicateKeyError and 11000", e, motor.Code(wrapped))
	} else if m := e.Message(); !bytes.HasPrefix([]byte(m), []byte("E11000 duplicate key error")) {
		t.Errorf("Message() = %q, want it to begin with the server's message", m)
	}
	_, err = coll.Database().Command(ctx, bson.D{{Key: "nonsense", Value: 1}}).Await(ctx)
	if m := motor.AsError(err).Message(); m != `no such command: 'nonsense'` {
		t.Errorf("Message() = %q, want the server's message", m)
	}
	if e, code := motor.AsError(errors.New("other")), motor.Code(nil); e != nil || code != 0 {
		t.Errorf("AsError() = %v, Code() = %d; want nil, 0", e, code)
	}
	err = coll.Database().Collection("").Err()
	if e := motor.AsError(err); e == nil || e.Message() != "collection names cannot be empty" {
		t.Errorf("Message() = %q, want the text of %q without the class", e.Message(), e)
	}
}

func TestGridOutInfo(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	bucket, err := motor.NewGridFSBucket(coll.Database())
	noError(t, err)
	metadata := bson.D{{Key: "z", Value: int32(1)}, {Key: "a", Value: int32(2)}, {Key: "m", Value: int32(3)}}
	id, err := bucket.UploadFromStream(ctx, "f.txt", bytes.NewReader([]byte("content")),
		options.GridFSUpload().SetMetadata(metadata).SetChunkSizeBytes(4)).Await(ctx)
	noError(t, err)
	out, err := bucket.OpenDownloadStream(ctx, id).Await(ctx)
	noError(t, err)
	info, err := out.Info()
	noError(t, err)
	if info.ID != id || info.Filename != "f.txt" || info.Length != 7 || info.ChunkSize != 4 || info.UploadDate.IsZero() {
		t.Errorf("Info() = %+v, want the file that was written", info)
	}
	if !slices.Equal(info.Metadata, metadata) {
		t.Errorf("Metadata = %v, want %v", info.Metadata, metadata)
	}
	if _, err := motor.NewGridOut(bucket.Collection(), id).Info(); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("Info() error = %v before the file is open, want InvalidOperation", err)
	}
}

func TestGridInFilename(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	bucket, err := motor.NewGridFSBucket(coll.Database())
	noError(t, err)
	for _, test := range []struct {
		in   *motor.GridIn
		want string
	}{
		{motor.NewGridIn(bucket.Collection()), "no field"},
		{motor.NewGridIn(bucket.Collection(), motor.GridInOptions{Filename: "f"}), "f"},
		{motor.NewGridIn(bucket.Collection(), motor.GridInOptions{Fields: bson.D{{Key: "filename", Value: ""}}}), ""},
		{bucket.OpenUploadStream(""), ""},
	} {
		_, err := test.in.Close(ctx).Await(ctx)
		noError(t, err)
		file, err := coll.Database().Collection("fs.files").FindOne(ctx, bson.M{"_id": test.in.ID()}).Await(ctx)
		noError(t, err)
		got, ok := file["filename"].(string)
		if !ok {
			got = "no field"
		}
		if got != test.want {
			t.Errorf("filename = %q, want %q", got, test.want)
		}
	}
}
