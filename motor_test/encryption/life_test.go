//go:build cse

package encryption_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestEncryptionClose(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, vault keyVault) {
		id := newKey(t, ops)
		var started []*future.Future[bson.Binary]
		for range 20 {
			started = append(started, vault.Encrypt(t.Context(), "x", motor.AlgorithmRandom, options.Encrypt().SetKeyID(id)))
		}
		for range 2 {
			if err := ops.Close(); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
		}
		for i, f := range started {
			if _, err := f.Result(); err != nil {
				t.Errorf("Encrypt %d, started before Close: got %v, want no error", i, err)
			}
		}
		for _, test := range []struct {
			name string
			err  func() error
		}{
			{"Encrypt", func() error { return second(ops.Encrypt(1, motor.AlgorithmRandom)) }},
			{"Decrypt", func() error { return second(ops.Decrypt(bson.Binary{})) }},
			{"CreateDataKey", func() error { return second(ops.CreateDataKey("local")) }},
			{"RewrapManyDataKey", func() error { return second(ops.RewrapManyDataKey(bson.M{})) }},
			{"GetKey", func() error { return second(ops.GetKey(id)) }},
			{"GetKeys", func() error { return second(ops.GetKeys()) }},
			{"AddKeyAltName", func() error { return second(ops.AddKeyAltName(id, "a")) }},
			{"DeleteKey", func() error { return second(ops.DeleteKey(id)) }},
			{"CreateEncryptedCollection", func() error {
				return second(ops.CreateEncryptedCollection(newClient(t).Database("d"), "c", bson.M{}, "local"))
			}},
		} {
			if err := test.err(); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("%s after Close: got %v, want InvalidOperation", test.name, err)
			}
		}
	})
}

func TestEncryptionReopensClient(t *testing.T) {
	client := newClient(t)
	ops := byFutures{t.Context(), newKeyVault(t, client).ClientEncryption}
	id := newKey(t, ops)
	for range 3 {
		encrypted, err := ops.Encrypt("again", motor.AlgorithmRandom, options.Encrypt().SetKeyID(id))
		if err != nil {
			t.Fatalf("Encrypt() = %v, want no error", err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := ops.Decrypt(encrypted); err != nil || got != "again" {
			t.Errorf("after the client's Close: Decrypt() = %v, %v, want again", got, err)
		}
	}
}

func TestEncryptionDelegate(t *testing.T) {
	vault := newKeyVault(t, newClient(t))
	driver, err := vault.Delegate(t.Context()).Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := driver.CreateDataKey(t.Context(), "local")
	if err != nil {
		t.Fatal(err)
	}
	if key, err := vault.GetKey(t.Context(), id).Await(t.Context()); err != nil || key == nil {
		t.Errorf("GetKey() = %v, %v, want the key that the driver made", key, err)
	}
	if text := vault.String(); !strings.Contains(text, vault.namespace()) || strings.Contains(text, "kkkk") {
		t.Errorf("String() = %q, want the namespace and no key", text)
	}
}

// scripted returns a ClientEncryption whose key vault is on a scripted server.
func scripted(t *testing.T) (*wiretest.Peer, *motor.ClientEncryption) {
	peer := wiretest.Start(t, wiretest.Primary)
	client, err := motor.NewClient(peer.URI("retryReads=false", "retryWrites=false"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := motor.NewClientEncryption(client,
		options.ClientEncryption().SetKeyVaultNamespace("d.keys").SetKmsProviders(localKey('k')))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := e.Close(context.Background()).Await(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if err := client.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return peer, e
}

var someKey = options.Encrypt().SetKeyID(bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)})

func TestKeyVaultConnectionLost(t *testing.T) {
	peer, e := scripted(t)
	encrypting := e.Encrypt(t.Context(), "x", motor.AlgorithmRandom, someKey)
	peer.Receive("find").HangUp()
	if _, err := encrypting.Await(t.Context()); !errors.Is(err, motor.EncryptionError) || !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("Encrypt() = %v, want an EncryptionError whose cause is AutoReconnect", err)
	}
	creating := e.CreateDataKey(t.Context(), "local")
	peer.Receive("insert").WriteError(0, 11000, "duplicate")
	if _, err := creating.Await(t.Context()); !errors.Is(err, motor.EncryptionError) || !errors.Is(err, motor.DuplicateKeyError) {
		t.Errorf("CreateDataKey() = %v, want an EncryptionError whose cause is a DuplicateKeyError", err)
	}
}

func TestEncryptCancelled(t *testing.T) {
	peer, e := scripted(t)
	encrypting := e.Encrypt(t.Context(), "x", motor.AlgorithmRandom, someKey)
	find := peer.Receive("find")
	encrypting.Cancel()
	if _, err := encrypting.Await(t.Context()); !errors.Is(err, context.Canceled) && !errors.Is(err, future.ErrCancelled) {
		t.Errorf("Encrypt() = %v, want a cancellation", err)
	}
	find.Nothing()
	ctx, cancel := context.WithCancel(t.Context())
	encrypting = e.Encrypt(ctx, "x", motor.AlgorithmRandom, someKey)
	find = peer.Receive("find")
	cancel()
	if _, err := encrypting.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Encrypt() = %v, want context.Canceled", err)
	}
	find.Nothing()
}

func TestRemoveKeyAltName(t *testing.T) {
	peer, e := scripted(t)
	id := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)}
	removing := e.RemoveKeyAltName(t.Context(), id, "a")
	peer.Receive("findAndModify").Want(bson.M{
		"findAndModify": "keys", "query": bson.M{"_id": id},
		"update": bson.A{bson.M{"$set": bson.M{"keyAltNames": bson.M{"$cond": bson.A{
			bson.M{"$eq": bson.A{"$keyAltNames", bson.A{"a"}}}, "$$REMOVE",
			bson.M{"$filter": bson.M{"input": "$keyAltNames", "cond": bson.M{"$ne": bson.A{"$$this", "a"}}}},
		}}}}},
		"writeConcern": bson.M{"w": "majority"},
	}).OK(bson.M{"value": bson.M{"_id": id, "keyAltNames": bson.A{"a"}}})
	if before, err := removing.Await(t.Context()); err != nil || before["keyAltNames"] == nil {
		t.Errorf("RemoveKeyAltName() = %v, %v, want the key before the change", before, err)
	}
}

// An operation belongs to the session of its context, which must be of the same client.
func TestEncryptionForeignSession(t *testing.T) {
	peer, e := scripted(t)
	client, err := motor.NewClient(peer.URI("retryWrites=false"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := client.StartSession(t.Context()).Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.CreateDataKey(other.Context(t.Context()), "local").Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("session of another client: got %v, want InvalidOperation", err)
	}
	if _, err := other.EndSession(t.Context()).Await(t.Context()); err != nil {
		t.Error(err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
