package drivercompat

import (
	"reflect"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// EncryptionTag is the driver's build tag for client-side encryption.
const EncryptionTag = "cse"

// CheckEncryption returns the error that libmongocrypt has for the KMS providers of opts. It does no I/O. The driver
// reports this error only when it has a client.
func CheckEncryption(opts ...options.Lister[options.ClientEncryptionOptions]) (err error) {
	defer func() {
		if recover() != nil { // the driver uses more of the client than it did: the first operation reports the error
			err = nil
		}
	}()
	encryption, err := mongo.NewClientEncryption(new(mongo.Client), opts...)
	if err != nil {
		return err
	}
	CloseEncryption(encryption)
	return nil
}

// CloseEncryption frees the memory of libmongocrypt that encryption holds, which must not be used afterwards. The
// driver's Close would also disconnect the client of the key vault. CloseEncryption reports whether it succeeded. If the
// driver has changed its fields, the memory is not freed.
func CloseEncryption(encryption *mongo.ClientEncryption) bool {
	field := reflect.ValueOf(encryption).Elem().FieldByName("crypt")
	if !field.IsValid() {
		return false
	}
	crypt, ok := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(interface{ Close() })
	if ok {
		crypt.Close()
	}
	return ok
}
