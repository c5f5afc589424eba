package contract_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestCollectionRename(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		rename := func(to string, opts ...motor.RenameOptions) error {
			reply, err := awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
				return c.Rename(ctx, to, opts...)
			}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
				c.Rename(ctx, to, done, opts...)
			})
			if err == nil && reply["ok"] != 1.0 {
				t.Errorf("got reply %v, want ok", reply)
			}
			return err
		}
		if err := rename("new"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("missing collection: %v, want an OperationFailure", err)
		}
		_, err := ops.InsertMany(numbered(3))
		noError(t, err)
		for _, name := range []string{"", "a..b", ".a", "a.", "a$b"} {
			if err := rename(name); !errors.Is(err, motor.InvalidName) {
				t.Errorf("%q: %v, want InvalidName", name, err)
			}
		}
		noError(t, rename("new"))
		ctx, db := t.Context(), collectionOf(ops).Database()
		names, err := db.CollectionNames(ctx).Await(ctx)
		if !slices.Equal(names, []string{"new"}) || err != nil {
			t.Errorf("collections %q, %v; want new only", names, err)
		}
		if n, err := db.Collection("new").CountDocuments(ctx, bson.D{}).Await(ctx); n != 3 || err != nil {
			t.Errorf("the renamed collection has %d documents, %v; want 3", n, err)
		}
		_, err = ops.InsertMany(numbered(1))
		noError(t, err)
		if err := rename("new"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("existing name: %v, want an OperationFailure", err)
		}
	})
}

func TestCollectionRenameDropTarget(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "dropTarget")
	inBothStyles(t, func(t *testing.T, ops operations) {
		ctx, other := t.Context(), collectionOf(ops).Database().Collection("other")
		fill(t, other, 5)
		_, err := ops.InsertMany(numbered(2))
		noError(t, err)
		_, err = awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
			return c.Rename(ctx, "other", motor.RenameOptions{DropTarget: true, Comment: "why"})
		}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
			c.Rename(ctx, "other", done, motor.RenameOptions{DropTarget: true, Comment: "why"})
		})
		noError(t, err)
		if n, err := other.CountDocuments(ctx, bson.D{}).Await(ctx); n != 2 || err != nil {
			t.Errorf("the target has %d documents, %v; want 2", n, err)
		}
	})
}
