// Encryption stores a social security number that the server cannot read. It encrypts the number with
// ClientEncryption, decrypts it in the same way, and then reads the document with a client that decrypts by itself.
//
// It needs the C library libmongocrypt and the build tag cse:
//
//	go run -tags cse ./examples/encryption
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the database
// encryption_example before its work.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

const keyVault = "encryption_example.__keyVault"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal("encryption: ", err)
	}
}

func run(ctx context.Context) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := motor.NewClient(server.URI())
	if err != nil {
		return err
	}
	defer client.Close(context.Background())
	db := client.Database("encryption_example")
	if _, err := db.Command(ctx, "dropDatabase").Await(ctx); err != nil {
		return err
	}

	// A real program keeps the master key in a key management service (KMS), or in a file that only it can read.
	master := make([]byte, 96)
	rand.Read(master)
	providers := map[string]map[string]any{"local": {"key": master}}
	encryption, err := motor.NewClientEncryption(client,
		options.ClientEncryption().SetKeyVaultNamespace(keyVault).SetKmsProviders(providers))
	if err != nil {
		return err
	}
	defer encryption.Close(context.Background())

	// Explicit encryption.
	key, err := encryption.CreateDataKey(ctx, "local", options.DataKey().SetKeyAltNames([]string{"people"})).Await(ctx)
	if err != nil {
		return err
	}
	secret, err := encryption.Encrypt(ctx, "457-55-5462", motor.AlgorithmDeterministic, options.Encrypt().SetKeyID(key)).Await(ctx)
	if err != nil {
		return err
	}
	people := db.Collection("people")
	if _, err := people.InsertOne(ctx, bson.M{"_id": "ann", "ssn": secret}).Await(ctx); err != nil {
		return err
	}
	stored, err := people.FindOne(ctx, bson.M{"ssn": secret}).Await(ctx) // the same value has the same encrypted form
	if err != nil {
		return err
	}
	fmt.Printf("the server stores %d encrypted bytes\n", len(stored["ssn"].(bson.Binary).Data))
	plain, err := encryption.Decrypt(ctx, stored["ssn"].(bson.Binary)).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("decrypted explicitly:", plain)

	// Automatic decryption. Automatic encryption needs the library crypt_shared or the program mongocryptd in addition.
	automatic := options.AutoEncryption().SetKeyVaultNamespace(keyVault).SetKmsProviders(providers).SetBypassAutoEncryption(true)
	reader, err := motor.NewClient(server.URI(), motor.WithClientOptions(options.Client().SetAutoEncryptionOptions(automatic)))
	if err != nil {
		return err
	}
	defer reader.Close(context.Background())
	ann, err := reader.Database("encryption_example").Collection("people").FindOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("decrypted by the client:", ann["ssn"])
	return nil
}
