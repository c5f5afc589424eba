package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

const (
	tripCount  = 6000
	riderCount = 200
	batchSize  = 500
)

var (
	stations = []string{"Harbour", "Museum", "North Gate", "Old Mill", "Station", "Theatre", "University", "Zoo"}
	names    = []string{"Ada", "Ben", "Chloe", "Dan", "Eve", "Finn", "Grace", "Hal", "Iris", "Jon"}
	tags     = []string{"commute", "night", "rain", "sport", "tour"}
)

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

func riderID(i int) string { return fmt.Sprintf("rider-%03d", i) }

// rider returns the document of the i-th rider. It is the same in every run.
func rider(random *rand.Rand, i int) bson.M {
	return bson.M{
		"_id":    riderID(i),
		"name":   pick(random, names),
		"since":  time.Date(2020+random.IntN(6), time.Month(1+random.IntN(12)), 1, 0, 0, 0, 0, time.UTC),
		"rides":  random.IntN(300),
		"home":   bson.M{"station": pick(random, stations), "minutes": 1 + random.IntN(20)},
		"badges": []string{pick(random, tags), pick(random, tags)},
	}
}

// trip returns the document of the i-th trip. It has dates, nested documents and arrays.
func trip(random *rand.Rand, i int) bson.M {
	start := time.Date(2026, time.May, 1, 5, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(60*24*31)) * time.Minute)
	minutes := 4 + random.IntN(56)
	stop := func(at time.Time) bson.M { return bson.M{"station": pick(random, stations), "at": at} }
	return bson.M{
		"_id":     i,
		"rider":   riderID(random.IntN(riderCount)),
		"from":    stop(start),
		"to":      stop(start.Add(time.Duration(minutes) * time.Minute)),
		"minutes": minutes,
		"tags":    []string{pick(random, tags), pick(random, tags)},
		"speeds":  []float64{8 + 10*random.Float64(), 8 + 10*random.Float64(), 8 + 10*random.Float64()},
	}
}

// load inserts the data in batches that run at the same time. InsertMany returns a future and does not wait. All is a
// future that settles when all of them have.
func load(ctx context.Context, db *motor.Database) error {
	heading("Loading data: many inserts at once")
	if _, err := db.Command(ctx, "dropDatabase").Await(ctx); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Now()
	riders := make([]bson.M, riderCount)
	for i := range riders {
		riders[i] = rider(random, i)
	}
	inserts := []*future.Future[*motor.InsertManyResult]{db.Collection("riders").InsertMany(ctx, riders)}
	for first := 0; first < tripCount; first += batchSize {
		trips := make([]bson.M, batchSize)
		for i := range trips {
			trips[i] = trip(random, first+i)
		}
		inserts = append(inserts, db.Collection("trips").InsertMany(ctx, trips))
	}
	results, err := future.All(inserts...).Await(ctx)
	if err != nil {
		return err
	}
	inserted := 0
	for _, r := range results {
		inserted += len(r.InsertedIDs)
	}
	took := time.Since(begin)
	fmt.Printf("%d documents in %d batches, %s, %.0f documents a second\n",
		inserted, len(results), took.Round(time.Millisecond), float64(inserted)/took.Seconds())
	return nil
}
