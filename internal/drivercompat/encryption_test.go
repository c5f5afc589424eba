//go:build cse

package drivercompat_test

import (
	"bytes"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/wiretest"
)

func encryptionWithKey(size int) *options.ClientEncryptionOptionsBuilder {
	return options.ClientEncryption().SetKeyVaultNamespace("d.keys").
		SetKmsProviders(map[string]map[string]any{"local": {"key": bytes.Repeat([]byte{1}, size)}})
}

func TestCheckEncryption(t *testing.T) {
	if err := drivercompat.CheckEncryption(encryptionWithKey(96)); err != nil {
		t.Errorf("CheckEncryption() = %v, want nil", err)
	}
	if err := drivercompat.CheckEncryption(encryptionWithKey(5)); err == nil || !strings.Contains(err.Error(), "96") {
		t.Errorf("CheckEncryption(a key of 5 bytes) = %v, want an error of libmongocrypt. "+
			"The driver's NewClientEncryption now needs a client that is connected.", err)
	}
}

func TestCloseEncryption(t *testing.T) {
	client := connect(t, wiretest.Start(t, wiretest.Standalone).URI())
	encryption, err := mongo.NewClientEncryption(client, encryptionWithKey(96))
	if err != nil {
		t.Fatal(err)
	}
	if !drivercompat.CloseEncryption(encryption) {
		t.Error("CloseEncryption() = false, want true. The field crypt of the driver's ClientEncryption has changed.")
	}
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Errorf("after CloseEncryption: Ping() = %v, want nil. It must not disconnect the client.", err)
	}
}
