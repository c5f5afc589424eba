package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/niltest"
	"github.com/gomotor/gomotor/motor"
)

func hasClass(err error) bool { return motor.AsError(err) != nil }

func TestMethodsWithNil(t *testing.T) {
	client := newClient(t, noServerURI)
	db := client.Database("d")
	bucket, err := motor.NewGridFSBucket(db)
	noError(t, err)
	for _, value := range []func() any{
		func() any { return newClient(t, noServerURI) },
		func() any { return newClient(t, noServerURI).Database("d") },
		func() any { return db.Collection("c") },
		func() any { return db.Collection("c").Find(bson.M{}) },
		func() any { return db.Collection("c").Aggregate(bson.A{}) },
		func() any { return db.Collection("c").FindRawBatches(bson.M{}) },
		func() any { return db.Collection("c").AggregateRawBatches(bson.A{}) },
		func() any { return db.Collection("c").InitializeOrderedBulkOp() },
		func() any { return db.Collection("c").Watch(nil) },
		func() any { return bucket },
		func() any { return bucket.OpenUploadStream("f") },
		func() any { return bucket.Find(bson.M{}) },
		func() any { return motor.NewGridOut(db.Collection("fs"), 1) },
		func() any { return motor.NewGridFS(db, "") },
		func() any {
			s, err := client.StartSession(t.Context()).Await(t.Context())
			noError(t, err)
			t.Cleanup(func() { s.EndSession(context.Background()) })
			return s
		},
	} {
		niltest.Caller{Wait: true, Typed: hasClass}.Methods(t, value)
	}
}

func TestFunctionsWithNil(t *testing.T) {
	client := newClient(t, noServerURI)
	type inTransaction = func(context.Context) (int, error)
	type transactionOption = options.Lister[options.TransactionOptions]
	for _, f := range []struct {
		name string
		fn   any
	}{
		{"AsError", motor.AsError},
		{"Code", motor.Code},
		{"CollectionOf", motor.CollectionOf[bson.M]},
		{"Get", motor.Get},
		{"MustClient", func(opt motor.ClientOption) { motor.MustClient(noServerURI, opt) }},
		{"NewClientEncryption", motor.NewClientEncryption},
		{"NewGridFS", motor.NewGridFS},
		{"NewGridFSBucket", motor.NewGridFSBucket},
		{"NewGridIn", motor.NewGridIn},
		{"NewGridOut", motor.NewGridOut},
		{"NewReplicaSetClient", motor.NewReplicaSetClient},
		{"Repr", motor.Repr},
		{"Set", motor.Set},
		{"WithTransaction", func(ctx context.Context, fn inTransaction, opts ...transactionOption) *future.Future[int] {
			s, err := client.StartSession(t.Context()).Await(t.Context())
			noError(t, err)
			t.Cleanup(func() { s.EndSession(context.Background()) })
			return motor.WithTransaction(ctx, s, fn, opts...)
		}},

		{"WatchOf", motor.WatchOf[bson.M]},
		{"WithProgress", motor.WithProgress},
		{"WithSession", motor.WithSession[int]},
	} {
		niltest.Caller{Wait: true, Typed: hasClass}.Func(t, f.name, f.fn)
	}
	var loop *future.Pool
	for name, opt := range map[string]motor.ClientOption{
		"an option": nil, "driver options": motor.WithClientOptions(nil), "a loop": motor.WithIOLoop(nil), "a nil *Pool": motor.WithIOLoop(loop),
	} {
		if _, err := motor.NewClient(noServerURI, opt); !errors.Is(err, motor.TypeError) {
			t.Errorf("NewClient with nil for %s: got %v, want TypeError", name, err)
		}
	}
}
