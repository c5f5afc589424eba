//go:build !cse

package motor_test

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// The tests of encryption are in motor_test/encryption. They need the build tag.
func TestEncryptionWithoutBuildTag(t *testing.T) {
	client := newClient(t, noServerURI)
	keys := options.ClientEncryption().SetKeyVaultNamespace("d.c").SetKmsProviders(map[string]map[string]any{"local": {"key": make([]byte, 96)}})
	automatic := options.Client().SetAutoEncryptionOptions(options.AutoEncryption().SetKeyVaultNamespace("d.c"))
	for _, test := range []struct {
		name string
		err  error
	}{
		{"NewClientEncryption", second(motor.NewClientEncryption(client, keys))},
		{"callback.NewClientEncryption", second(callback.NewClientEncryption(callback.WrapClient(callback.NewLoop(), client), keys))},
		{"NewClient with AutoEncryptionOptions", second(motor.NewClient(noServerURI, motor.WithClientOptions(automatic)))},
	} {
		if !errors.Is(test.err, motor.ConfigurationError) || !strings.Contains(test.err.Error(), "-tags cse") ||
			!strings.Contains(test.err.Error(), "libmongocrypt") {
			t.Errorf("%s: got %v, want a ConfigurationError that names the tag and the library", test.name, test.err)
		}
	}
}
