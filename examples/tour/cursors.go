package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

// cursors reads one cursor in five ways. Find does no I/O: the first read sends the query.
func cursors(ctx context.Context, db *motor.Database) error {
	heading("One cursor, read in five ways")
	cursor := db.Collection("trips").Find(bson.M{"tags": "tour"}).Sort("minutes", motor.Descending).Limit(500)

	list, err := cursor.ToList(ctx, 3).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("to_list:    the longest are", minutesOf(list...))

	more, err := cursor.FetchNext(ctx).Await(ctx)
	if err != nil {
		return err
	}
	if more {
		fmt.Println("fetch_next: the next is", minutesOf(cursor.NextObject()))
	}

	next, err := cursor.Next(ctx).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("next:       the next is", minutesOf(next))

	seen, ended := 0, make(chan error)
	cursor.Each(ctx, func(trip bson.M, err error) bool {
		switch {
		case err != nil:
			ended <- err
			return false
		case trip == nil: // no more documents
			ended <- errors.New("the cursor ended early")
			return false
		}
		if seen++; seen == 100 {
			ended <- nil
			return false // stops Each; a later read continues here
		}
		return true
	})
	if err := <-ended; err != nil {
		return err
	}
	fmt.Println("each:       stopped after", seen, "more")

	rest := 0
	for _, err := range cursor.All(ctx) {
		if err != nil {
			return err
		}
		rest++
	}
	fmt.Printf("for range:  the last %d; alive: %t\n", rest, cursor.Alive())

	_, err = cursor.Next(ctx).Await(ctx)
	fmt.Println("next at the end:", err)
	if !errors.Is(err, motor.StopAsyncIteration) {
		return err
	}
	return nil
}

func minutesOf(trips ...bson.M) string {
	texts := make([]string, len(trips))
	for i, trip := range trips {
		texts[i] = fmt.Sprintf("%v (%d min)", trip["rider"], trip["minutes"])
	}
	return strings.Join(texts, ", ")
}
