package faultproxy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
)

// No write is lost or done twice while the primary moves.
func TestMovePrimary(t *testing.T) {
	proxy := start(t, 3)
	client := motor.MustClient(proxy.URI())
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	ctx := t.Context()
	c := client.Database("d").Collection("c")
	for i := range 100 {
		insert := c.InsertOne(ctx, bson.M{"_id": i})
		if i%10 == 0 {
			if err := proxy.MovePrimary(i / 10 % 3); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := insert.Await(ctx); err != nil {
			t.Fatalf("document %d: %v", i, err)
		}
	}
	if n, err := c.CountDocuments(ctx, bson.M{}).Await(ctx); n != 100 || err != nil {
		t.Errorf("got %d documents, %v, want 100", n, err)
	}
	addresses := client.Nodes()
	if len(addresses) != 3 {
		t.Errorf("Nodes() = %v, want the three members", addresses)
	}
}

func TestSecondary(t *testing.T) {
	proxy := start(t, 3)
	ctx := t.Context()
	direct := motor.MustClient("mongodb://" + proxy.Addresses()[1] + "/?directConnection=true")
	t.Cleanup(func() { _ = direct.Close(context.Background()) })
	_, err := direct.Database("d").Collection("c").InsertOne(ctx, bson.M{}).Await(ctx)
	if !errors.Is(err, motor.NotPrimaryError) {
		t.Errorf("write to a secondary: got %v, want NotPrimaryError", err)
	}
	client := motor.MustClient(proxy.URI())
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	c := client.Database("d").Collection("c")
	if _, err := c.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	doc, err := c.WithOptions(options.Collection().SetReadPreference(readpref.Secondary())).FindOne(ctx, bson.M{}).Await(ctx)
	if doc["_id"] != int32(1) || err != nil {
		t.Errorf("read from a secondary: got %v, %v, want the document", doc, err)
	}
	if err := proxy.MovePrimary(3); err == nil || !strings.Contains(err.Error(), "invalid member 3") {
		t.Errorf("MovePrimary(3): got %v, want an error", err)
	}
	if _, err := faultproxy.StartSet(ctx, "mongodb://127.0.0.1:1/", 8); err == nil {
		t.Error("a set of eight members: got no error")
	}
}
