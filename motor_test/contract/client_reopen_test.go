package contract_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A client is closed again and again while other goroutines use it. No operation fails, is lost or runs twice. At the
// end no goroutine and no queued operation is left.
func TestThousandClientCloseAndReopenCycles(t *testing.T) {
	cycles, limit := 1000, 30*time.Second
	if testing.Short() || raceDetector {
		cycles = 100
	}
	coll := newCollection(t)
	client, ctx := coll.Database().Client(), t.Context()
	_, err := coll.InsertOne(ctx, bson.M{}).Await(ctx) // the first insert into a database starts goroutines of the embedded server
	noError(t, err)
	noError(t, client.Close(ctx))
	before := runtime.NumGoroutine()

	var writing sync.WaitGroup
	var stop atomic.Bool
	var inserted atomic.Int64
	inserted.Store(1)
	for range 4 {
		writing.Go(func() {
			for !stop.Load() {
				if _, err := coll.InsertOne(ctx, bson.M{}).Await(ctx); err != nil {
					t.Errorf("InsertOne: %v", err)
					return
				}
				if n := inserted.Add(1); n%50 == 0 {
					if _, err := coll.FindOne(ctx, bson.M{"_id": "nobody"}).Await(ctx); err != nil {
						t.Errorf("FindOne: %v", err)
						return
					}
				}
				// The test is about closing, so it limits the number of documents.
				time.Sleep(time.Millisecond)
			}
		})
	}
	done := 0
	for end := time.Now().Add(limit); done < cycles && time.Now().Before(end) && !t.Failed(); done++ {
		if _, err := client.ServerInfo(ctx).Await(ctx); err != nil {
			t.Errorf("ServerInfo: %v", err)
		}
		noError(t, client.Close(ctx))
	}
	stop.Store(true)
	writing.Wait()
	t.Logf("%d cycles, %d inserts", done, inserted.Load())

	if n, err := coll.CountDocuments(ctx, bson.M{}).Await(ctx); err != nil || n != inserted.Load() {
		t.Errorf("CountDocuments() = %d, %v; want %d", n, err, inserted.Load())
	}
	noError(t, client.Close(context.Background()))
	if s := client.Stats(); s.Running != 0 || s.Idle != 0 || s.Queued != 0 || s.Panics != 0 {
		t.Errorf("the executor is not empty: %+v", s)
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines left, want at most %d", runtime.NumGoroutine(), before)
		}
	}
}
