package motor_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

func TestDatabaseReadConcernInherited(t *testing.T) {
	client := newClient(t, "mongodb://127.0.0.1:1/?readConcernLevel=majority")
	db := client.Database("d")
	if c := db.ReadConcern(); c == nil || c.Level != "majority" {
		t.Errorf(`client's ReadConcern() = %v, want "majority"`, c)
	}
	if c := db.WithOptions(options.Database().SetReadConcern(readconcern.Local())).ReadConcern(); c.Level != "local" {
		t.Errorf(`database's ReadConcern() = %v, want "local"`, c)
	}
	if c := newClient(t, "mongodb://127.0.0.1:1").Database("d").ReadConcern(); c != nil {
		t.Errorf("default ReadConcern() = %v, want nil", c)
	}
}
