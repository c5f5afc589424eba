// Package motor_test compares package motor with the driver.
package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

// BenchmarkPing measures the cost of an operation beyond that of the driver. It sends ping, the cheapest command, with
// the driver and with a future, for one caller and for a hundred.
func BenchmarkPing(b *testing.B) {
	ctx := context.Background()
	client, err := motor.NewClient(mongotest.URI(b))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close(ctx)
	driver, err := mongo.Connect(options.Client().ApplyURI(mongotest.URI(b)))
	if err != nil {
		b.Fatal(err)
	}
	defer driver.Disconnect(ctx)

	ping := bson.D{{Key: "ping", Value: 1}}
	direct := func() error {
		var reply bson.M
		return driver.Database("admin").RunCommand(ctx, ping).Decode(&reply)
	}
	futures := func() error {
		_, err := client.Database("admin").Command(ctx, ping).Await(ctx)
		return err
	}
	for _, callers := range []struct {
		name string
		n    int
	}{{"1caller", 1}, {"100callers", 100}} {
		for _, way := range []struct {
			name string
			op   func() error
		}{{"driver", direct}, {"motor", futures}} {
			b.Run(callers.name+"/"+way.name, func(b *testing.B) {
				b.ReportAllocs()
				if callers.n == 1 {
					for b.Loop() {
						if err := way.op(); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.SetParallelism(callers.n / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := way.op(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
