//go:build cse

package encryption_test

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

func TestDataKeys(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		first, second := newKey(t, ops, "one"), newKey(t, ops)

		key, err := ops.GetKey(first)
		if err != nil || !first.Equal(key["_id"].(bson.Binary)) || !reflect.DeepEqual(key["keyAltNames"], bson.A{"one"}) {
			t.Errorf("GetKey() = %v, %v, want the key with the name one", key, err)
		}
		if key, err := ops.GetKeyByAltName("one"); err != nil || !first.Equal(key["_id"].(bson.Binary)) {
			t.Errorf("GetKeyByAltName() = %v, %v, want %v", key, err, first)
		}
		if keys, err := ops.GetKeys(); err != nil || len(keys) != 2 {
			t.Errorf("GetKeys() = %v, %v, want two keys", keys, err)
		}
		if before, err := ops.AddKeyAltName(second, "two"); err != nil || before == nil || before["keyAltNames"] != nil {
			t.Errorf("AddKeyAltName() = %v, %v, want the key before the change", before, err)
		}
		if key, err := ops.GetKeyByAltName("two"); err != nil || key == nil || !second.Equal(key["_id"].(bson.Binary)) {
			t.Errorf("GetKeyByAltName() = %v, %v, want %v", key, err, second)
		}
		if got, err := ops.DeleteKey(first); err != nil || deleted(t, got) != 1 {
			t.Errorf("DeleteKey() = %v, %v, want 1 deleted", got, err)
		}
		for _, test := range []struct {
			name string
			get  func() (bson.M, error)
		}{
			{"GetKey", func() (bson.M, error) { return ops.GetKey(first) }},
			{"GetKeyByAltName", func() (bson.M, error) { return ops.GetKeyByAltName("one") }},
			{"AddKeyAltName", func() (bson.M, error) { return ops.AddKeyAltName(first, "one") }},
		} {
			if key, err := test.get(); err != nil || key != nil {
				t.Errorf("%s of a deleted key = %v, %v, want nil", test.name, key, err)
			}
		}
	})
}

func deleted(t *testing.T, r *motor.DeleteResult) int64 {
	t.Helper()
	if r == nil {
		return -1
	}
	n, err := r.DeletedCount()
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestKeyMaterial(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		material := make([]byte, 96)
		id, err := ops.CreateDataKey("local", options.DataKey().SetKeyMaterial(material))
		if err != nil {
			t.Fatalf("CreateDataKey() = %v, want no error", err)
		}
		encrypted, err := ops.Encrypt("x", motor.AlgorithmDeterministic, options.Encrypt().SetKeyID(id))
		if err != nil {
			t.Fatalf("Encrypt() = %v, want no error", err)
		}
		if got, err := ops.Decrypt(encrypted); err != nil || got != "x" {
			t.Errorf("Decrypt() = %v, %v, want x", got, err)
		}
		if _, err := ops.CreateDataKey("local", options.DataKey().SetKeyMaterial(material[:10])); !errors.Is(err, motor.EncryptionError) {
			t.Errorf("key material of 10 bytes: got %v, want an EncryptionError", err)
		}
	})
}

func TestRewrapManyDataKey(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		id := newKey(t, ops, "a")
		newKey(t, ops, "b")
		before, err := ops.GetKey(id)
		if err != nil {
			t.Fatal(err)
		}
		encrypted, err := ops.Encrypt("kept", motor.AlgorithmRandom, options.Encrypt().SetKeyID(id))
		if err != nil {
			t.Fatal(err)
		}
		result, err := ops.RewrapManyDataKey(bson.M{"keyAltNames": "a"}, options.RewrapManyDataKey().SetProvider("local"))
		if err != nil || result.BulkWriteResult == nil {
			t.Fatalf("RewrapManyDataKey() = %v, %v, want a result", result, err)
		}
		if n, err := result.BulkWriteResult.ModifiedCount(); err != nil || n != 1 {
			t.Errorf("ModifiedCount() = %d, %v, want 1", n, err)
		}
		after, err := ops.GetKey(id)
		if err != nil || reflect.DeepEqual(before["keyMaterial"], after["keyMaterial"]) {
			t.Errorf("the key material after: got the same (%v), want another", err)
		}
		if got, err := ops.Decrypt(encrypted); err != nil || got != "kept" {
			t.Errorf("Decrypt() = %v, %v, want kept", got, err)
		}
		if result, err := ops.RewrapManyDataKey(bson.M{"keyAltNames": "none"}); err != nil || result.BulkWriteResult != nil {
			t.Errorf("no key matches: got %v, %v, want no bulk result", result, err)
		}
	})
}

func TestNewClientEncryptionErrors(t *testing.T) {
	client := newClient(t)
	with := func(namespace string, providers map[string]map[string]any) *options.ClientEncryptionOptionsBuilder {
		return options.ClientEncryption().SetKeyVaultNamespace(namespace).SetKmsProviders(providers)
	}
	for _, test := range []struct {
		name   string
		client *motor.Client
		opts   *options.ClientEncryptionOptionsBuilder
		want   *motor.ErrorClass
	}{
		{"no client", nil, with("d.c", localKey('k')), motor.TypeError},
		{"no namespace", client, with("", localKey('k')), motor.ValueError},
		{"no dot", client, with("keys", localKey('k')), motor.ValueError},
		{"no collection", client, with("keys.", localKey('k')), motor.InvalidName},
		{"no providers", client, with("d.c", nil), motor.EncryptionError},
		{"short key", client, with("d.c", map[string]map[string]any{"local": {"key": []byte("short")}}), motor.EncryptionError},
	} {
		if e, err := motor.NewClientEncryption(test.client, test.opts); e != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, %v, want a %s", test.name, e, err, test.want.Name())
		}
	}
}
