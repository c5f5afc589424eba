//go:build cse

package encryption_test

import (
	"errors"
	"os"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// Automatic encryption needs mongocryptd or crypt_shared. Automatic decryption does not.
func TestAutomaticDecryption(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, vault keyVault) {
		key := options.Encrypt().SetKeyID(newKey(t, ops))
		plain := newClient(t).Database(vault.database).Collection("people")
		automatic := newClient(t, motor.WithClientOptions(options.Client().SetAutoEncryptionOptions(
			options.AutoEncryption().SetKeyVaultNamespace(vault.namespace()).SetKmsProviders(localKey('k')).SetBypassAutoEncryption(true),
		))).Database(vault.database).Collection("people")

		for i, value := range values(t) {
			encrypted, err := ops.Encrypt(value, motor.AlgorithmRandom, key)
			if err != nil {
				t.Fatalf("Encrypt(%T) = %v, want no error", value, err)
			}
			if _, err := automatic.InsertOne(t.Context(), bson.M{"_id": i, "secret": encrypted}).Await(t.Context()); err != nil {
				t.Fatalf("InsertOne() = %v, want no error", err)
			}
			stored, err := plain.FindOne(t.Context(), bson.M{"_id": i}).Await(t.Context())
			if err != nil || !reflect.DeepEqual(stored["secret"], encrypted) {
				t.Errorf("%T: FindOne without decryption = %v, %v, want the encrypted value", value, stored["secret"], err)
			}
			read, err := automatic.FindOne(t.Context(), bson.M{"_id": i}).Await(t.Context())
			if err != nil || !reflect.DeepEqual(read["secret"], asDecoded(value)) {
				t.Errorf("%T: FindOne = %v, %v, want %v", value, read["secret"], err, value)
			}
		}
		all, err := automatic.Find(bson.M{"_id": bson.M{"$lt": 2}}).Sort(bson.D{{Key: "_id", Value: 1}}).ToList(t.Context()).Await(t.Context())
		if err != nil || len(all) != 2 || all[0]["secret"] != values(t)[0] || all[1]["secret"] != values(t)[1] {
			t.Errorf("ToList() = %v, %v, want the first two values", all, err)
		}
	})
}

func TestCreateEncryptedCollection(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, vault keyVault) {
		db := newClient(t).Database(vault.database)
		fields := bson.M{"fields": bson.A{
			bson.M{"path": "ssn", "bsonType": "string", "keyId": nil}, bson.M{"path": "age", "bsonType": "int", "keyId": nil},
		}}
		result, err := ops.CreateEncryptedCollection(db, "encrypted", fields, "none")
		var own *motor.Error
		if !errors.Is(err, motor.EncryptedCollectionError) || !errors.As(err, &own) {
			t.Fatalf("unknown provider: got %v, want an EncryptedCollectionError", err)
		}
		if partial, ok := own.PartialResult().(*motor.EncryptedCollection); !ok || partial.Collection != nil || len(keysOf(partial)) != 0 {
			t.Errorf("unknown provider: PartialResult() = %v, want no collection and no keys", own.PartialResult())
		}

		// A real server creates the collection. The embedded one rejects it, and the data keys exist.
		result, err = ops.CreateEncryptedCollection(db, "encrypted", fields, "local")
		if err != nil {
			if !errors.Is(err, motor.EncryptedCollectionError) || !errors.As(err, &own) {
				t.Fatalf("CreateEncryptedCollection() = %v, want an EncryptedCollectionError", err)
			}
			result, _ = own.PartialResult().(*motor.EncryptedCollection)
		} else if result.Collection.Name() != "encrypted" {
			t.Errorf("got collection %v, want encrypted", result.Collection)
		}
		ids := keysOf(result)
		if len(ids) != 2 {
			t.Fatalf("got fields %v, want two data keys", result.EncryptedFields)
		}
		for _, id := range ids {
			if key, err := ops.GetKey(id); err != nil || key == nil {
				t.Errorf("GetKey(%v) = %v, %v, want the created key", id, key, err)
			}
		}
		if fields["fields"].(bson.A)[0].(bson.M)["keyId"] != nil {
			t.Error("the argument has changed, want it unchanged")
		}
	})
}

// keysOf returns the _ids of the data keys in the encrypted fields.
func keysOf(c *motor.EncryptedCollection) []bson.Binary {
	if c == nil {
		return nil
	}
	var ids []bson.Binary
	fields, _ := c.EncryptedFields["fields"].(bson.A)
	for _, field := range fields {
		if id, ok := field.(bson.M)["keyId"].(bson.Binary); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Automatic encryption needs the library crypt_shared, which analyzes the commands.
func TestAutomaticEncryption(t *testing.T) {
	library := os.Getenv("CRYPT_SHARED_LIB_PATH")
	if library == "" {
		t.Skip("automatic encryption needs the library crypt_shared: set CRYPT_SHARED_LIB_PATH to its path")
	}
	vault := newKeyVault(t, newClient(t))
	ctx := t.Context()
	key, err := vault.CreateDataKey(ctx, "local").Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	schema := bson.M{"bsonType": "object", "properties": bson.M{"secret": bson.M{"encrypt": bson.M{
		"keyId": bson.A{key}, "bsonType": "string", "algorithm": motor.AlgorithmDeterministic,
	}}}}
	automatic := newClient(t, motor.WithClientOptions(options.Client().SetAutoEncryptionOptions(
		options.AutoEncryption().SetKeyVaultNamespace(vault.namespace()).SetKmsProviders(localKey('k')).
			SetSchemaMap(map[string]any{vault.database + ".people": schema}).
			SetExtraOptions(map[string]any{"cryptSharedLibPath": library, "cryptSharedLibRequired": true}),
	))).Database(vault.database).Collection("people")
	if _, err := automatic.InsertOne(ctx, bson.M{"_id": 1, "secret": "text"}).Await(ctx); err != nil {
		t.Fatal(err)
	}
	plain := newClient(t).Database(vault.database).Collection("people")
	if stored, err := plain.FindOne(ctx, bson.M{"_id": 1}).Await(ctx); err != nil || stored["secret"] == "text" {
		t.Errorf("FindOne without decryption = %v, %v, want an encrypted value", stored, err)
	}
	if read, err := automatic.FindOne(ctx, bson.M{"secret": "text"}).Await(ctx); err != nil || read["secret"] != "text" {
		t.Errorf("FindOne = %v, %v, want text", read, err)
	}
}
