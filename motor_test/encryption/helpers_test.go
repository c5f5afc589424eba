//go:build cse

package encryption_test

import (
	"bytes"
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

// operations has the operations of a ClientEncryption in one style. Each waits for its outcome.
type operations interface {
	CreateDataKey(provider string, opts ...options.Lister[options.DataKeyOptions]) (bson.Binary, error)
	Encrypt(value any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.Binary, error)
	EncryptExpression(expression any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.M, error)
	Decrypt(value bson.Binary) (any, error)
	RewrapManyDataKey(filter any, opts ...options.Lister[options.RewrapManyDataKeyOptions]) (*motor.RewrapManyDataKeyResult, error)
	GetKey(id bson.Binary) (bson.M, error)
	GetKeyByAltName(name string) (bson.M, error)
	GetKeys() ([]bson.M, error)
	AddKeyAltName(id bson.Binary, name string) (bson.M, error)
	RemoveKeyAltName(id bson.Binary, name string) (bson.M, error)
	DeleteKey(id bson.Binary) (*motor.DeleteResult, error)
	CreateEncryptedCollection(db *motor.Database, name string, fields any, provider string) (*motor.EncryptedCollection, error)
	Close() error
}

// keyVault is a ClientEncryption whose keys are in a database of the test.
type keyVault struct {
	*motor.ClientEncryption
	database string
}

func (v keyVault) namespace() string { return v.database + ".keys" }

// inBothStyles runs test with futures and with callbacks, each with an empty key vault.
func inBothStyles(t *testing.T, test func(t *testing.T, ops operations, vault keyVault)) {
	t.Run("futures", func(t *testing.T) {
		vault := newKeyVault(t, newClient(t))
		test(t, byFutures{t.Context(), vault.ClientEncryption}, vault)
	})
	t.Run("callbacks", func(t *testing.T) {
		vault := newKeyVault(t, newClient(t))
		loop := callback.NewLoop()
		ended := make(chan struct{})
		go func() { defer close(ended); loop.Start() }()
		t.Cleanup(func() {
			loop.Stop()
			<-ended
			loop.Close()
		})
		test(t, byCallbacks{t.Context(), callback.WrapClientEncryption(loop, vault.ClientEncryption)}, vault)
	})
}

func newClient(t *testing.T, opts ...motor.ClientOption) *motor.Client {
	t.Helper()
	client, err := motor.NewClient(mongotest.URI(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client
}

// localKey returns a master key for the provider "local".
func localKey(of byte) map[string]map[string]any {
	return map[string]map[string]any{"local": {"key": bytes.Repeat([]byte{of}, 96)}}
}

// newKeyVault returns an empty key vault. It is gone at the end of the test.
func newKeyVault(t *testing.T, client *motor.Client) keyVault {
	t.Helper()
	vault := keyVault{database: mongotest.DatabaseName(t)}
	var err error
	vault.ClientEncryption, err = motor.NewClientEncryption(client,
		options.ClientEncryption().SetKeyVaultNamespace(vault.namespace()).SetKmsProviders(localKey('k')))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := vault.Close(context.Background()).Await(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if _, err := client.Database(vault.database).Command(context.Background(), "dropDatabase").Await(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return vault
}

// newKey creates a data key with these alternative names.
func newKey(t *testing.T, ops operations, names ...string) bson.Binary {
	t.Helper()
	id, err := ops.CreateDataKey("local", options.DataKey().SetKeyAltNames(names))
	if err != nil {
		t.Fatalf("CreateDataKey() = %v, want no error", err)
	}
	if id.Subtype != bson.TypeBinaryUUID || len(id.Data) != 16 {
		t.Fatalf("CreateDataKey() = %v, want a UUID", id)
	}
	return id
}

type byFutures struct {
	ctx context.Context
	e   *motor.ClientEncryption
}

func (s byFutures) CreateDataKey(provider string, opts ...options.Lister[options.DataKeyOptions]) (bson.Binary, error) {
	return s.e.CreateDataKey(s.ctx, provider, opts...).Await(s.ctx)
}

func (s byFutures) Encrypt(value any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.Binary, error) {
	return s.e.Encrypt(s.ctx, value, algorithm, opts...).Await(s.ctx)
}

func (s byFutures) EncryptExpression(expression any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.M, error) {
	return s.e.EncryptExpression(s.ctx, expression, algorithm, opts...).Await(s.ctx)
}

func (s byFutures) Decrypt(value bson.Binary) (any, error) {
	return s.e.Decrypt(s.ctx, value).Await(s.ctx)
}

func (s byFutures) RewrapManyDataKey(filter any, opts ...options.Lister[options.RewrapManyDataKeyOptions]) (*motor.RewrapManyDataKeyResult, error) {
	return s.e.RewrapManyDataKey(s.ctx, filter, opts...).Await(s.ctx)
}

func (s byFutures) GetKey(id bson.Binary) (bson.M, error) { return s.e.GetKey(s.ctx, id).Await(s.ctx) }

func (s byFutures) GetKeyByAltName(name string) (bson.M, error) {
	return s.e.GetKeyByAltName(s.ctx, name).Await(s.ctx)
}

func (s byFutures) GetKeys() ([]bson.M, error) {
	cursor, err := s.e.GetKeys(s.ctx).Await(s.ctx)
	if err != nil {
		return nil, err
	}
	return cursor.ToList(s.ctx).Await(s.ctx)
}

func (s byFutures) AddKeyAltName(id bson.Binary, name string) (bson.M, error) {
	return s.e.AddKeyAltName(s.ctx, id, name).Await(s.ctx)
}

func (s byFutures) RemoveKeyAltName(id bson.Binary, name string) (bson.M, error) {
	return s.e.RemoveKeyAltName(s.ctx, id, name).Await(s.ctx)
}

func (s byFutures) DeleteKey(id bson.Binary) (*motor.DeleteResult, error) {
	return s.e.DeleteKey(s.ctx, id).Await(s.ctx)
}

func (s byFutures) CreateEncryptedCollection(db *motor.Database, name string, fields any, provider string) (*motor.EncryptedCollection, error) {
	return s.e.CreateEncryptedCollection(s.ctx, db, name, fields, provider, nil).Await(s.ctx)
}

func (s byFutures) Close() error {
	_, err := s.e.Close(s.ctx).Await(s.ctx)
	return err
}

type byCallbacks struct {
	ctx context.Context
	e   *callback.ClientEncryption
}

// outcome returns what start passes to its callback.
func outcome[T any](start func(done callback.Func[T])) (T, error) {
	type result struct {
		v   T
		err error
	}
	results := make(chan result, 1)
	start(func(v T, err error) { results <- result{v, err} })
	r := <-results
	return r.v, r.err
}

func (s byCallbacks) CreateDataKey(provider string, opts ...options.Lister[options.DataKeyOptions]) (bson.Binary, error) {
	return outcome(func(done callback.Func[bson.Binary]) { s.e.CreateDataKey(s.ctx, provider, done, opts...) })
}

func (s byCallbacks) Encrypt(value any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.Binary, error) {
	return outcome(func(done callback.Func[bson.Binary]) { s.e.Encrypt(s.ctx, value, algorithm, done, opts...) })
}

func (s byCallbacks) EncryptExpression(expression any, algorithm string, opts ...options.Lister[options.EncryptOptions]) (bson.M, error) {
	return outcome(func(done callback.Func[bson.M]) { s.e.EncryptExpression(s.ctx, expression, algorithm, done, opts...) })
}

func (s byCallbacks) Decrypt(value bson.Binary) (any, error) {
	return outcome(func(done callback.Func[any]) { s.e.Decrypt(s.ctx, value, done) })
}

func (s byCallbacks) RewrapManyDataKey(filter any, opts ...options.Lister[options.RewrapManyDataKeyOptions]) (*motor.RewrapManyDataKeyResult, error) {
	return outcome(func(done callback.Func[*motor.RewrapManyDataKeyResult]) {
		s.e.RewrapManyDataKey(s.ctx, filter, done, opts...)
	})
}

func (s byCallbacks) GetKey(id bson.Binary) (bson.M, error) {
	return outcome(func(done callback.Func[bson.M]) { s.e.GetKey(s.ctx, id, done) })
}

func (s byCallbacks) GetKeyByAltName(name string) (bson.M, error) {
	return outcome(func(done callback.Func[bson.M]) { s.e.GetKeyByAltName(s.ctx, name, done) })
}

func (s byCallbacks) GetKeys() ([]bson.M, error) {
	cursor, err := outcome(func(done callback.Func[*callback.Cursor[bson.M]]) { s.e.GetKeys(s.ctx, done) })
	if err != nil {
		return nil, err
	}
	return outcome(func(done callback.Func[[]bson.M]) { cursor.ToList(s.ctx, done) })
}

func (s byCallbacks) AddKeyAltName(id bson.Binary, name string) (bson.M, error) {
	return outcome(func(done callback.Func[bson.M]) { s.e.AddKeyAltName(s.ctx, id, name, done) })
}

func (s byCallbacks) RemoveKeyAltName(id bson.Binary, name string) (bson.M, error) {
	return outcome(func(done callback.Func[bson.M]) { s.e.RemoveKeyAltName(s.ctx, id, name, done) })
}

func (s byCallbacks) DeleteKey(id bson.Binary) (*motor.DeleteResult, error) {
	return outcome(func(done callback.Func[*motor.DeleteResult]) { s.e.DeleteKey(s.ctx, id, done) })
}

func (s byCallbacks) CreateEncryptedCollection(db *motor.Database, name string, fields any, provider string) (*motor.EncryptedCollection, error) {
	return outcome(func(done callback.Func[*motor.EncryptedCollection]) {
		s.e.CreateEncryptedCollection(s.ctx, callback.WrapDatabase(s.e.IOLoop(), db), name, fields, provider, nil, done)
	})
}

func (s byCallbacks) Close() error {
	_, err := outcome(func(done callback.Func[struct{}]) { s.e.Close(s.ctx, done) })
	return err
}
