package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	var out strings.Builder
	if err := run(t.Context(), &out, ""); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	const book7 = `{"id":"book-007","title":"Title 7","author":"Author 1"}`
	const want = `100 x POST /books, all at once: 100 x 201 (N ms)
GET /books/book-007: 200 ` + book7 + `
GET /books/none: 404 {"error":"there is no such book"}
POST /books: 409 {"error":"there is such a book already"}
POST /books: 400 {"error":"a book needs an id and a title"}
DELETE /books/book-099: 204 
GET /authors: 200 [{"author":"Author 0","books":33},{"author":"Author 1","books":33},{"author":"Author 2","books":33}]
GET /export: 200 99 lines
GET /authors, and the user leaves: no operation runs
GET /books/book-007 from a silent database: 504 {"error":"the request took too long"}
258 x GET /books/book-007, all at once: STATUSES
GET /books/book-007 without a database: ANSWER
GET /books/book-007 when it is back: 200 ` + book7 + "\n"
	got := regexp.MustCompile(`\(\d+ ms\)`).ReplaceAllString(out.String(), "(N ms)")
	// How many requests are refused depends on the speed of this machine.
	got = regexp.MustCompile(`(?m)( \d+ x (200|503|504),?)+$`).ReplaceAllString(got, " STATUSES")
	// The time of the request may end before the client knows that the database is away.
	got = regexp.MustCompile(`(without a database: )(503 {"error":"the database does not answer"}|504 {"error":"the request took too long"})`).
		ReplaceAllString(got, "${1}ANSWER")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(strings.Builder), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}

// newSite serves the API with a client of its own, and an empty collection.
func newSite(t *testing.T) (string, *motor.Client) {
	client, err := motor.NewClient(mongotest.URI(t), motor.WithMaxWorkers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	if _, err := client.DropDatabase(t.Context(), name).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.DropDatabase(context.Background(), name).Await(context.Background()) })
	site := httptest.NewServer(newAPI(client, time.Minute))
	t.Cleanup(site.Close)
	return site.URL, client
}

func TestList(t *testing.T) {
	url, client := newSite(t)
	books := client.Database(name).Collection("books")
	for i := range 25 {
		if _, err := books.InsertOne(t.Context(), bson.M{"_id": fmt.Sprintf("b%02d", i), "author": fmt.Sprint(i % 2)}).Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v := &visitor{site: url}
	for _, test := range []struct{ name, query, want string }{
		{"first page", "", `{"books":\[({"id":"b[01]\d",[^}]*},?){20}\],"total":25}`},
		{"second page", "?after=b19", `{"books":\[({"id":"b2\d",[^}]*},?){5}\],"total":25}`},
		{"one author", "?author=1&after=b20", `{"books":\[({"id":"b2[13]",[^}]*,"author":"1"},?){2}\],"total":12}`},
		{"nothing", "?after=b24", `{"books":\[\],"total":25}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, body, err := v.send(t.Context(), "GET", "/books"+test.query, "")
			if err != nil || status != 200 || !regexp.MustCompile("^"+test.want+"\n$").MatchString(body) {
				t.Errorf("got %d %s %v, want 200 and a match of %s", status, body, err, test.want)
			}
		})
	}
	if status, body, err := v.send(t.Context(), "GET", "/debug/motor", ""); err != nil || status != 200 || !strings.Contains(body, `"maxWorkers":1,`) {
		t.Errorf("got %d %s %v, want 200 and the statistics", status, body, err)
	}
}

// A user leaves in the middle of an export. The client of the server works as before.
func TestExportAndLeave(t *testing.T) {
	url, client := newSite(t)
	books := client.Database(name).Collection("books")
	docs := make([]bson.M, 2000)
	for i := range docs {
		docs[i] = bson.M{"_id": fmt.Sprint(i), "title": strings.Repeat("long ", 1000)}
	}
	if _, err := books.InsertMany(t.Context(), docs).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", url+"/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, `{"id":"`) {
		t.Errorf("got %.40q and %v, want a book", line, err)
	}
	_ = response.Body.Close()
	if n, err := books.CountDocuments(t.Context(), bson.M{}).Await(t.Context()); err != nil || n != 2000 {
		t.Errorf("got %d books and %v, want 2000", n, err)
	}
}

func TestStatusOf(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"bad request", badRequest{errors.New("no JSON")}, 400},
		{"not found", errNotFound, 404},
		{"duplicate", fmt.Errorf("insert: %w", motor.DuplicateKeyError), 409},
		{"deadline", fmt.Errorf("find: %w", context.DeadlineExceeded), 504},
		{"deadline without a server", errors.Join(motor.ServerSelectionTimeoutError, context.DeadlineExceeded), 503},
		{"full queue", future.ErrQueueFull, 503},
		{"lost connection", motor.AutoReconnect, 503},
		{"no server", motor.ServerSelectionTimeoutError, 503},
		{"anything else", errors.New("secret"), 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status, text := statusOf(test.err); status != test.want || strings.Contains(text, "secret") {
				t.Errorf("got %d %q, want %d without the text of the error", status, text, test.want)
			}
		})
	}
}
