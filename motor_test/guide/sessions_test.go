package guide

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The embedded server has no transactions, so these snippets run on a scripted one.
func TestSessions(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	for _, name := range []string{"insert", "commitTransaction"} {
		peer.Handle(name, func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	}
	client := motor.MustClient(peer.URI())
	defer client.Close(ctx)
	db := client.Database("guide")
	orders, entries := db.Collection("orders"), db.Collection("entries")
	order, entry := bson.M{"_id": 1}, bson.M{"_id": 1}
	err := callback.Run(ctx, func(co *callback.Co) error {
		// begin session
		return callback.UseSession(co, client, func(co *callback.Co, s *motor.Session) error {
			return callback.UseTransaction(co, s, func(co *callback.Co) error {
				callback.Must(co, orders.InsertOne(co, order))
				callback.Must(co, entries.InsertOne(co, entry))
				return nil
			})
		})
		// end
	})
	if err != nil {
		t.Fatal(err)
	}
	var id bson.Raw
	err = func() error {
		// begin session-future
		s, err := client.StartSession(ctx).Await(ctx)
		if err != nil {
			return err
		}
		defer s.EndSession(ctx)
		in := s.Context(ctx)
		_, err = orders.InsertOne(in, order).Await(in)
		// end
		id = s.SessionID()
		return err
	}()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(peer.Seen("commitTransaction")); n != 1 {
		t.Errorf("commitTransaction was sent %d times, want once", n)
	}
	inserts := peer.Seen("insert")
	if len(inserts) != 3 {
		t.Fatalf("insert was sent %d times, want 3 times", len(inserts))
	}
	for i, insert := range inserts {
		if _, inTransaction := insert.Lookup("autocommit").BooleanOK(); inTransaction != (i < 2) {
			t.Errorf("insert %d is in a transaction: %v, want %v", i+1, inTransaction, i < 2)
		}
	}
	if got := inserts[2].Lookup("lsid").Document(); !bytes.Equal(got, id) {
		t.Errorf("the last insert is in the session %v, want %v", got, id)
	}
}
