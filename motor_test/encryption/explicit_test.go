//go:build cse

package encryption_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// values has a value of every BSON type that can be encrypted.
func values(t *testing.T) []any {
	decimal, err := bson.ParseDecimal128("12.5E-3")
	if err != nil {
		t.Fatal(err)
	}
	return []any{
		"text", "", "\x00", int32(math.MinInt32), int64(math.MaxInt64), 2.5, math.Inf(-1), true, false,
		bson.NewObjectID(), bson.NewDateTimeFromTime(time.UnixMilli(1700000000123)), decimal,
		bson.Binary{Subtype: 0x80, Data: []byte{1, 2, 3}}, bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)},
		bson.M{"a": bson.M{"b": bson.A{int32(1), "two"}}}, bson.A{int32(1), bson.M{"x": nil}, "three"}, bson.A{},
		bson.Regex{Pattern: "^a", Options: "i"}, bson.Timestamp{T: 7, I: 8}, bson.JavaScript("return 1"),
		bson.Symbol("sym"), bson.CodeWithScope{Code: "x", Scope: bson.M{"x": int32(1)}},
		bson.DBPointer{DB: "d.c", Pointer: bson.NewObjectID()},
	}
}

func TestExplicitEncryption(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		id := newKey(t, ops, "byName")
		for _, value := range values(t) {
			for _, key := range []*options.EncryptOptionsBuilder{
				options.Encrypt().SetKeyID(id), options.Encrypt().SetKeyAltName("byName"),
			} {
				encrypted, err := ops.Encrypt(value, motor.AlgorithmRandom, key)
				if err != nil {
					t.Errorf("Encrypt(%T %v) = %v, want no error", value, value, err)
					continue
				}
				if encrypted.Subtype != bson.TypeBinaryEncrypted {
					t.Errorf("Encrypt(%T %v) has subtype %d, want %d", value, value, encrypted.Subtype, bson.TypeBinaryEncrypted)
				}
				got, err := ops.Decrypt(encrypted)
				if err != nil || !reflect.DeepEqual(got, asDecoded(value)) {
					t.Errorf("Decrypt() = %T %v, %v, want %T %v", got, got, err, value, value)
				}
			}
		}
	})
}

// asDecoded returns the value that decoding gives for an encoded value.
func asDecoded(value any) any {
	if code, ok := value.(bson.CodeWithScope); ok {
		code.Scope = bson.D{{Key: "x", Value: int32(1)}}
		return code
	}
	return value
}

func TestDeterministicEncryption(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		key := options.Encrypt().SetKeyID(newKey(t, ops))
		var first [2]bson.Binary
		for i, algorithm := range []string{motor.AlgorithmDeterministic, motor.AlgorithmRandom} {
			for range 2 {
				encrypted, err := ops.Encrypt("457-55-5462", algorithm, key)
				if err != nil {
					t.Fatalf("Encrypt() = %v, want no error", err)
				}
				if first[i].Data == nil {
					first[i] = encrypted
				} else if same := encrypted.Equal(first[i]); same != (algorithm == motor.AlgorithmDeterministic) {
					t.Errorf("%s: the same value encrypted twice is equal: got %t, want %t", algorithm, same, !same)
				}
			}
		}
	})
}

func TestEncryptErrors(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, vault keyVault) {
		id := newKey(t, ops)
		byID := options.Encrypt().SetKeyID(id)
		missing := bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)}
		encrypted, err := ops.Encrypt("secret", motor.AlgorithmRandom, byID)
		if err != nil {
			t.Fatalf("Encrypt() = %v, want no error", err)
		}
		for _, test := range []struct {
			name string
			err  func() error
			want *motor.ErrorClass
		}{
			{"missing key", func() error {
				return second(ops.Encrypt(1, motor.AlgorithmRandom, options.Encrypt().SetKeyID(missing)))
			}, motor.EncryptionError},
			{"missing name", func() error {
				return second(ops.Encrypt(1, motor.AlgorithmRandom, options.Encrypt().SetKeyAltName("none")))
			}, motor.EncryptionError},
			{"no key", func() error { return second(ops.Encrypt(1, motor.AlgorithmRandom)) }, motor.EncryptionError},
			{"unknown algorithm", func() error { return second(ops.Encrypt(1, "ROT13", byID)) }, motor.EncryptionError},
			{"document, deterministic", func() error { return second(ops.Encrypt(bson.M{"a": 1}, motor.AlgorithmDeterministic, byID)) }, motor.EncryptionError},
			{"null", func() error { return second(ops.Encrypt(nil, motor.AlgorithmRandom, byID)) }, motor.EncryptionError},
			{"value that BSON lacks", func() error { return second(ops.Encrypt(make(chan int), motor.AlgorithmRandom, byID)) }, motor.InvalidDocument},
			{"expression that is no document", func() error {
				return second(ops.EncryptExpression(1, motor.AlgorithmRange, byID.SetQueryType(motor.QueryTypeRange)))
			}, motor.TypeError},
			{"value not encrypted", func() error { return second(ops.Decrypt(bson.Binary{Data: []byte{1}})) }, motor.EncryptionError},
			{"damaged value", func() error {
				damaged := bson.Binary{Subtype: encrypted.Subtype, Data: append([]byte(nil), encrypted.Data...)}
				damaged.Data[len(damaged.Data)-1] ^= 1
				return second(ops.Decrypt(damaged))
			}, motor.EncryptionError},
			{"unknown provider", func() error { return second(ops.CreateDataKey("none")) }, motor.EncryptionError},
			{"provider not configured", func() error {
				return second(ops.CreateDataKey("aws", options.DataKey().SetMasterKey(bson.M{"region": "r", "key": "k"})))
			}, motor.EncryptionError},
		} {
			if err := test.err(); !errors.Is(err, test.want) {
				t.Errorf("%s: got %v, want a %s", test.name, err, test.want.Name())
			}
		}

		other, err := motor.NewClientEncryption(newClient(t),
			options.ClientEncryption().SetKeyVaultNamespace(vault.namespace()).SetKmsProviders(localKey('x')))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Decrypt(t.Context(), encrypted).Await(t.Context()); !errors.Is(err, motor.EncryptionError) {
			t.Errorf("another master key: Decrypt() = %v, want an EncryptionError", err)
		}
		if _, err := other.Close(t.Context()).Await(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if got, err := ops.Decrypt(encrypted); err != nil || got != "secret" {
			t.Errorf("after the errors: Decrypt() = %v, %v, want secret", got, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestEncryptExpression(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations, _ keyVault) {
		bound := func(i int32) bson.RawValue {
			typ, data, err := bson.MarshalValue(i)
			if err != nil {
				t.Fatal(err)
			}
			return bson.RawValue{Type: typ, Value: data}
		}
		ranged := options.Range().SetMin(bound(0)).SetMax(bound(200)).SetSparsity(1).SetTrimFactor(1)
		got, err := ops.EncryptExpression(bson.M{"$and": bson.A{
			bson.M{"age": bson.M{"$gte": int32(6)}}, bson.M{"age": bson.M{"$lte": int32(30)}},
		}}, motor.AlgorithmRange, options.Encrypt().SetKeyID(newKey(t, ops)).SetQueryType(motor.QueryTypeRange).
			SetContentionFactor(0).SetRangeOptions(ranged))
		if err != nil {
			t.Fatalf("EncryptExpression() = %v, want no error", err)
		}
		and, _ := got["$and"].(bson.A)
		if len(and) != 2 {
			t.Fatalf("EncryptExpression() = %v, want $and of two conditions", got)
		}
		for i, operator := range []string{"$gte", "$lte"} {
			condition, _ := and[i].(bson.M)
			age, _ := condition["age"].(bson.M)
			if value, ok := age[operator].(bson.Binary); !ok || value.Subtype != bson.TypeBinaryEncrypted {
				t.Errorf("condition %d = %v, want %s of an encrypted value", i, condition, operator)
			}
		}
	})
}
