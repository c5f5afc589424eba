package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// failure describes how a server makes an operation fail, and the error that motor makes of it.
type failure struct {
	name    string
	method  string
	args    []any
	command string // the command that fails
	answer  func(*wiretest.Request)
	class   *motor.ErrorClass
	also    []*motor.ErrorClass
	not     []*motor.ErrorClass
	code    int
	timeout bool
	driver  func(error) bool // reports whether errors.As finds the driver's error
}

// isA reports whether errors.As finds an error of type E.
func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func refused(code int, name string) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.Fail(code, name, "no", "Label") }
}

var (
	oneDocument  = []any{bson.M{"_id": 1}}
	twoDocuments = []any{[]bson.M{{"_id": 1}, {"_id": 2}}}
)

// failures has a failure for each class of server errors.
var failures = []failure{
	{
		"command error",
		"Collection.FindOne", []any{bson.M{}}, "find", refused(13, "Unauthorized"), motor.OperationFailure,
		[]*motor.ErrorClass{motor.PyMongoError}, []*motor.ErrorClass{motor.ConnectionFailure, motor.WriteError}, 13, false,
		isA[mongo.CommandError],
	},
	{
		"maxTimeMS",
		"Collection.CountDocuments", []any{bson.M{}}, "aggregate", refused(50, "MaxTimeMSExpired"), motor.ExecutionTimeout,
		[]*motor.ErrorClass{motor.OperationFailure}, nil, 50, true, isA[mongo.CommandError],
	},
	{
		"unknown command",
		"Database.Command", []any{"copydb"}, "copydb", refused(59, "CommandNotFound"), motor.OperationFailure,
		nil, nil, 59, false, isA[mongo.CommandError],
	},
	{
		"not the primary",
		"Collection.InsertOne", oneDocument, "insert", refused(10107, "NotWritablePrimary"), motor.NotPrimaryError,
		[]*motor.ErrorClass{motor.AutoReconnect, motor.ConnectionFailure}, []*motor.ErrorClass{motor.OperationFailure}, 10107, false,
		isA[mongo.CommandError],
	},
	{
		"a duplicate key",
		"Collection.InsertOne", oneDocument, "insert", func(r *wiretest.Request) { r.WriteError(0, 11000, "E11000", "Label") },
		motor.DuplicateKeyError, []*motor.ErrorClass{motor.WriteError, motor.OperationFailure},
		[]*motor.ErrorClass{motor.BulkWriteError}, 11000, false, isA[mongo.WriteException],
	},
	{
		"a duplicate key, by an update",
		"Collection.UpdateOne", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "update",
		func(r *wiretest.Request) { r.WriteError(0, 11000, "E11000", "Label") }, motor.DuplicateKeyError,
		[]*motor.ErrorClass{motor.WriteError}, nil, 11000, false, isA[mongo.WriteException],
	},
	{
		"a duplicate key, by findAndModify",
		"Collection.FindOneAndUpdate", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "findAndModify",
		refused(11000, "DuplicateKey"), motor.DuplicateKeyError, []*motor.ErrorClass{motor.OperationFailure}, nil, 11000, false,
		isA[mongo.CommandError],
	},
	{
		"a duplicate key, of an old insert",
		"Collection.Insert", twoDocuments, "insert", func(r *wiretest.Request) { r.WriteError(1, 11000, "E11000", "Label") },
		motor.DuplicateKeyError, []*motor.ErrorClass{motor.OperationFailure}, []*motor.ErrorClass{motor.BulkWriteError}, 11000, false,
		isA[mongo.WriteException],
	},
	{
		"another write error",
		"Collection.DeleteOne", []any{bson.M{}}, "delete", func(r *wiretest.Request) { r.WriteError(0, 121, "no", "Label") },
		motor.WriteError, []*motor.ErrorClass{motor.OperationFailure}, []*motor.ErrorClass{motor.DuplicateKeyError}, 121, false,
		isA[mongo.WriteException],
	},
	{
		"a write concern that cannot be met",
		"Collection.InsertOne", oneDocument, "insert",
		func(r *wiretest.Request) { r.WriteConcernError(100, "UnsatisfiableWriteConcern", "no", "Label") },
		motor.WriteConcernError, []*motor.ErrorClass{motor.OperationFailure}, []*motor.ErrorClass{motor.WTimeoutError}, 100, false,
		isA[mongo.WriteException],
	},
	{
		"a write concern that takes too long",
		"Collection.UpdateMany", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "update",
		func(r *wiretest.Request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow", "Label") },
		motor.WTimeoutError, []*motor.ErrorClass{motor.WriteConcernError, motor.OperationFailure}, nil, 64, true,
		isA[mongo.WriteException],
	},
	{
		"several inserts",
		"Collection.InsertMany", twoDocuments, "insert", func(r *wiretest.Request) { r.WriteError(1, 11000, "E11000", "Label") },
		motor.BulkWriteError, []*motor.ErrorClass{motor.OperationFailure}, []*motor.ErrorClass{motor.DuplicateKeyError}, 65, false,
		isA[mongo.BulkWriteException],
	},
	{
		"a bulk write",
		"Collection.BulkWrite", []any{[]mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(bson.M{})}}, "delete",
		func(r *wiretest.Request) { r.WriteError(0, 28, "no", "Label") }, motor.BulkWriteError,
		[]*motor.ErrorClass{motor.OperationFailure}, nil, 65, false, isA[mongo.BulkWriteException],
	},
}

func TestServerErrorClasses(t *testing.T) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				failing := startMethod(ops, f.method, f.args...)
				f.answer(peer.Receive(f.command))
				_, err := failing.Await(t.Context())
				f.check(t, err)
			})
		})
	}
}

func (f failure) check(t *testing.T, err error) {
	t.Helper()
	var own *motor.Error
	if !errors.As(err, &own) || own.Class() != f.class {
		t.Fatalf("got %v, want an error of class %s", err, f.class.Name())
	}
	for _, class := range append(f.also, f.class, motor.PyMongoError) {
		if !errors.Is(err, class) {
			t.Errorf("got %v, want it to be a %s", err, class.Name())
		}
	}
	for _, class := range append(f.not, motor.InvalidOperation) {
		if errors.Is(err, class) {
			t.Errorf("got %v, want it not to be a %s", err, class.Name())
		}
	}
	if own.Code() != f.code || own.Timeout() != f.timeout || own.Details() == nil {
		t.Errorf("code %d, timeout %t, details %s; want code %d, timeout %t, and details", own.Code(), own.Timeout(), own.Details(), f.code, f.timeout)
	}
	if !own.HasErrorLabel("Label") || own.HasErrorLabel("UnknownLabel") {
		t.Error("HasErrorLabel: the label is missing, or an unknown label is reported")
	}
	if !f.driver(err) {
		t.Errorf("the driver's error is a %T, want the type that the table names", errors.Unwrap(own))
	}
}

func TestCursorNotFoundError(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		r := ops.Find(bson.D{})
		first := r.started().Next(t.Context())
		peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
		_, err := first.Await(t.Context())
		noError(t, err)
		next := r.started().Next(t.Context())
		peer.Receive("getMore").Fail(43, "CursorNotFound", "cursor id 7 not found")
		if _, err := next.Await(t.Context()); !errors.Is(err, motor.CursorNotFound) || !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want CursorNotFound", err)
		}
		if r.Alive() {
			t.Error("Alive() = true, want false")
		}
	})
}

func TestServerDisconnectError(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		for i := range 2 { // a read is retried once on another connection
			reading := finding(ops, bson.M{})
			peer.Receive("find").HangUp()
			again := peer.Receive("find")
			if i == 0 {
				again.HangUp()
				if _, err := reading.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) || !errors.Is(err, motor.ConnectionFailure) {
					t.Errorf("got %v, want AutoReconnect", err)
				}
				continue
			}
			again.Cursor("d.c", 0, bson.M{"i": 0})
			if doc, err := reading.Await(t.Context()); !isNumber(doc, 0) || err != nil {
				t.Errorf("got %v, %v; want document 0", doc, err)
			}
		}
	})
}

// Mistakes that the client can see are not sent to a server. The error is in the outcome.
func TestArgumentErrorsAreNotSent(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	for _, c := range []struct {
		name   string
		method string
		args   []any
		class  *motor.ErrorClass
	}{
		{"no document", "Collection.InsertOne", []any{1}, motor.TypeError},
		{"a document that cannot be encoded", "Collection.InsertOne", []any{bson.M{"f": func() {}}}, motor.InvalidDocument},
		{"no documents", "Collection.InsertMany", []any{[]bson.M{}}, motor.TypeError},
		{"not a list", "Collection.InsertMany", []any{5}, motor.TypeError},
		{"a number as a filter", "Collection.FindOne", []any{5}, motor.TypeError},
		{"no filter", "Collection.DeleteMany", []any{nil}, motor.TypeError},
		{"an update without operators", "Collection.UpdateOne", []any{bson.M{}, bson.M{"a": 1}}, motor.ValueError},
		{"a replacement with operators", "Collection.ReplaceOne", []any{bson.M{}, set}, motor.ValueError},
		{"an empty update", "Collection.UpdateMany", []any{bson.M{}, bson.M{}}, motor.ValueError},
		{"no bulk", "Collection.BulkWrite", []any{[]mongo.WriteModel(nil)}, motor.TypeError},
		{"an empty bulk", "Collection.BulkWrite", []any{[]mongo.WriteModel{}}, motor.InvalidOperation},
		{"an empty bulk of a client", "Client.BulkWrite", []any{[]mongo.ClientBulkWrite{}}, motor.InvalidOperation},
		{"a nil in a bulk", "Collection.BulkWrite", []any{[]mongo.WriteModel{nil}}, motor.TypeError},
		{"no index", "Collection.CreateIndex", []any{5}, motor.TypeError},
		{"an invalid new name", "Collection.Rename", []any{"a..b"}, motor.InvalidName},
		{"no command", "Database.Command", []any{5}, motor.TypeError},
		{"not a database", "Client.DropDatabase", []any{5}, motor.TypeError},
		{"a legacy update by a number", "Collection.Update", []any{bson.M{}, 5}, motor.TypeError},
	} {
		t.Run(c.name, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, _ *wiretest.Peer, ops operations) { // a request fails the test
				if _, err := startMethod(ops, c.method, c.args...).Await(t.Context()); !errors.Is(err, c.class) {
					t.Errorf("%s: got %v, want a %s", c.method, err, c.class.Name())
				}
			})
		})
	}
}

func TestInvalidNameErrors(t *testing.T) {
	client, err := motor.NewClient("mongodb://127.0.0.1:1") // no server listens there
	noError(t, err)
	for _, name := range [][2]string{{"d", ""}, {"d", "$"}, {"d", "a..b"}, {"d", ".a"}, {"d", "a."}, {"", "c"}, {"a b", "c"}, {"a.b", "c"}} {
		inBothStylesOf(t, func(*testing.T) *motor.Collection[bson.M] { return client.Database(name[0]).Collection(name[1]) },
			func(t *testing.T, ops operations) {
				if _, err := ops.FindOne(bson.M{}); !errors.Is(err, motor.InvalidName) {
					t.Errorf("FindOne in %q: got %v, want InvalidName", name, err)
				}
				r := ops.Find(bson.M{})
				if _, err := r.ToList(); !errors.Is(err, motor.InvalidName) || !errors.Is(r.Err(), motor.InvalidName) {
					t.Errorf("Find in %q: got %v, want InvalidName", name, err)
				}
				each(t, r.reader, func(_ int, doc bson.M, err error) (goOn, over bool) {
					if doc != nil || !errors.Is(err, motor.InvalidName) {
						t.Errorf("Each in %q: %v, %v, want InvalidName", name, doc, err)
					}
					return true, true
				})
			})
	}
}
