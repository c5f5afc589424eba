package contract_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// The tests of this file contain the Go code of README.md, line by line, except the lines that connect.
// TestReadmeCodeIsTested compares the two.

func TestReadmeFutures(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	client := coll.Database().Client()
	fill := []bson.M{
		{"_id": "ann", "visits": 20, "friends": bson.A{"ben", "cid"}}, {"_id": "ben", "visits": 5}, {"_id": "cid", "visits": 12},
	}
	_, err := client.Database(coll.Database().Name()).Collection("users").InsertMany(ctx, fill).Await(ctx)
	noError(t, err)

	type User struct {
		ID      string `bson:"_id"`
		Visits  int
		Friends []string
	}
	users := motor.CollectionOf[*User](client.Database(coll.Database().Name()), "users")

	// An operation starts when it is called. These two run at the same time.
	ann := users.FindOne(ctx, bson.M{"_id": "ann"})
	total := users.CountDocuments(ctx, bson.M{"visits": bson.M{"$gt": 10}})

	// ThenFuture runs its function with the result of ann. If ann fails, friends fails with the same error.
	friends := future.ThenFuture(ann, func(u *User) *future.Future[[]*User] {
		if u == nil { // no document matched: this is not an error
			return future.Resolved[[]*User](nil)
		}
		return users.Find(bson.M{"_id": bson.M{"$in": u.Friends}}).Sort("visits", motor.Descending).ToList(ctx, 10)
	})

	list, err := friends.Await(ctx)
	noError(t, err)
	n, err := total.Await(ctx)
	if len(list) != 2 || list[0].ID != "cid" || n != 2 || err != nil {
		t.Errorf("got %d friends, %d frequent visitors, error %v; want 2 friends, cid first, 2 visitors, no error", len(list), n, err)
	}
}

func TestReadmeCallbacks(t *testing.T) {
	ctx, coll := t.Context(), newCollection(t)
	loop := callback.NewLoop()
	defer loop.Close()
	client := callback.WrapClient(loop, coll.Database().Client())
	messages := client.Database(coll.Database().Name()).Collection("messages")
	var texts []any

	sent := 0 // needs no lock: the loop runs one callback at a time
	messages.InsertOne(ctx, bson.M{"_id": 1, "text": "hello"}, func(r *motor.InsertOneResult, err error) {
		if errors.Is(err, motor.DuplicateKeyError) {
			fmt.Println("the message exists already")
		} else if err != nil {
			log.Print(err)
		} else {
			sent++
		}
		messages.Find(bson.D{}).Sort("_id").Each(ctx, func(doc bson.M, err error) bool {
			switch {
			case err != nil:
				log.Print(err)
				loop.Stop()
			case doc != nil:
				texts = append(texts, doc["text"])
			default: // no more documents
				loop.Stop()
			}
			return true
		})
	})
	loop.Start() // returns after Stop
	if sent != 1 || fmt.Sprint(texts) != "[hello]" {
		t.Errorf("sent = %d, texts = %v; want 1, [hello]", sent, texts)
	}
}

func TestReadmePort(t *testing.T) {
	db := newCollection(t).Database()
	loop := callback.NewLoop()
	defer loop.Close()
	var seen []any

	main := func(co *callback.Co) (any, error) {
		if _, err := db.Collection("users").InsertOne(co, bson.M{"_id": "ann", "age": 31}).Await(co); err != nil {
			return nil, err
		}
		user, err := db.Collection("users").FindOne(co, bson.M{"_id": "ann"}).Await(co)
		seen = append(seen, user["age"], err)
		for doc, err := range db.Collection("users").Find(bson.M{"age": bson.M{"$gt": 30}}).Sort("age", -1).All(co) {
			seen = append(seen, doc["_id"], err)
		}
		_, err = db.Collection("users").InsertOne(co, bson.M{"_id": "ann"}).Await(co)
		if errors.Is(err, motor.DuplicateKeyError) {
			seen = append(seen, "duplicate")
		}
		return nil, nil
	}

	_, err := callback.RunSync(loop, main)
	noError(t, err)
	if fmt.Sprint(seen) != "[31 <nil> ann <nil> duplicate]" {
		t.Errorf("seen = %v, want [31 <nil> ann <nil> duplicate]", seen)
	}
}

// TestReadmeCodeIsTested looks for the Go lines of README.md in this file, except those that connect or print.
func TestReadmeCodeIsTested(t *testing.T) {
	elsewhere := regexp.MustCompile(`Println|NewClient|\.Database\("app"\)|NewLoop|client\.Close|^return err$|^if err != nil|^users?\.|^user, err := users`)
	documentIsTested(t, "../../README.md", "readme_test.go", elsewhere, 50)
}

// documentIsTested looks for the Go lines of a document in a file of this package, except those that match elsewhere.
func documentIsTested(t *testing.T, document, file string, elsewhere *regexp.Regexp, atLeast int) {
	t.Helper()
	text, err := os.ReadFile(document)
	noError(t, err)
	here, err := os.ReadFile(file)
	noError(t, err)
	tested := make(map[string]bool)
	for line := range strings.Lines(string(here)) {
		tested[strings.TrimSpace(line)] = true
	}
	checked := 0
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if line == "" || elsewhere.MatchString(line) {
				continue
			}
			checked++
			if !tested[line] {
				t.Errorf("%s has a line of Go that is not in %s: %s", document, file, line)
			}
		}
	}
	if checked < atLeast {
		t.Errorf("%s has %d lines of Go, want at least %d", document, checked, atLeast)
	}
}
