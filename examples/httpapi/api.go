package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
)

// maxBody is the size of the largest request, in bytes.
const maxBody = 1 << 20

// book is a document, and its form in JSON.
type book struct {
	ID     string `bson:"_id" json:"id"`
	Title  string `bson:"title" json:"title"`
	Author string `bson:"author" json:"author"`
}

// authorBooks is how many books an author has.
type authorBooks struct {
	Author string `bson:"_id" json:"author"`
	Books  int    `bson:"books" json:"books"`
}

// api answers the requests. All handlers share one client, whose executor limits how many operations run at once. The
// handles are safe for concurrent use.
type api struct {
	books *motor.Collection[*book]
	limit time.Duration // of a request
}

// newAPI returns the handler of all paths.
func newAPI(client *motor.Client, limit time.Duration) http.Handler {
	a := &api{motor.CollectionOf[*book](client.Database(name), "books"), limit}
	mux := http.NewServeMux()
	mux.Handle("POST /books", a.handler(a.create))
	mux.Handle("GET /books/{id}", a.handler(a.read))
	mux.Handle("DELETE /books/{id}", a.handler(a.remove))
	mux.Handle("GET /books", a.handler(a.list))
	mux.Handle("GET /authors", a.handler(a.authors))
	mux.HandleFunc("GET /export", a.export)
	mux.Handle("GET /debug/motor", web.StatsHandler(client))
	return mux
}

// create stores a book.
func (a *api) create(ctx context.Context, r *http.Request) (int, any, error) {
	b := new(book)
	if err := json.NewDecoder(r.Body).Decode(b); err != nil {
		return 0, nil, badRequest{err}
	}
	if b.ID == "" || b.Title == "" {
		return 0, nil, badRequest{errors.New("a book needs an id and a title")}
	}
	_, err := a.books.InsertOne(ctx, b).Await(ctx)
	return http.StatusCreated, b, err
}

// read sends a book.
func (a *api) read(ctx context.Context, r *http.Request) (int, any, error) {
	b, err := a.books.FindOne(ctx, bson.M{"_id": r.PathValue("id")}).Await(ctx)
	if err == nil && b == nil {
		err = errNotFound
	}
	return http.StatusOK, b, err
}

// remove deletes a book.
func (a *api) remove(ctx context.Context, r *http.Request) (int, any, error) {
	result, err := a.books.DeleteOne(ctx, bson.M{"_id": r.PathValue("id")}).Await(ctx)
	if err == nil && result.Deleted() == 0 {
		err = errNotFound
	}
	return http.StatusNoContent, nil, err
}

// list sends a page of books, of all authors or of one, and how many there are. The two operations run at the same time.
func (a *api) list(ctx context.Context, r *http.Request) (int, any, error) {
	const size = 20
	filter := bson.M{}
	if author := r.FormValue("author"); author != "" {
		filter["author"] = author
	}
	total := a.books.CountDocuments(ctx, filter)
	opts := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(size)
	page, err := a.books.Find(bson.M{"$and": bson.A{filter, bson.M{"_id": bson.M{"$gt": r.FormValue("after")}}}}, opts).ToList(ctx).Await(ctx)
	if err != nil {
		total.Cancel()
		return 0, nil, err
	}
	n, err := total.Await(ctx)
	return http.StatusOK, map[string]any{"total": n, "books": page}, err
}

// authors sends how many books each author has.
func (a *api) authors(ctx context.Context, _ *http.Request) (int, any, error) {
	all := []authorBooks{}
	groups := motor.CollectionOf[authorBooks](a.books.Database(), a.books.Name()).Aggregate([]bson.M{
		{"$group": bson.M{"_id": "$author", "books": bson.M{"$sum": 1}}}, {"$sort": bson.M{"_id": 1}},
	})
	for group, err := range groups.All(ctx) {
		if err != nil {
			return 0, nil, err
		}
		all = append(all, group)
	}
	return http.StatusOK, all, nil
}

// export sends all books, one a line, as they arrive from the server. It has no limit in time: it ends when the user
// leaves, which ends the context of the request and the cursor. After an error in the middle the connection is closed, so
// that the user does not take the part for the whole.
func (a *api) export(w http.ResponseWriter, r *http.Request) {
	cursor := a.books.Find(bson.M{})
	defer func() {
		ctx := context.WithoutCancel(r.Context())
		_, _ = cursor.Close(ctx).Await(ctx)
	}()
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for b, err := range cursor.All(r.Context()) {
		if err == nil {
			err = lines.Encode(b)
		}
		if err != nil {
			if r.Context().Err() == nil {
				slog.WarnContext(r.Context(), "export has stopped", "error", err)
			}
			panic(http.ErrAbortHandler)
		}
	}
}

// handler makes an http.Handler of a function that returns a status and a value. The function's context ends with the
// request, and after the limit of the api. That ends its operations, also on the server's connection.
func (a *api) handler(fn func(context.Context, *http.Request) (int, any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), a.limit)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		status, value, err := fn(ctx, r)
		if err != nil {
			if r.Context().Err() != nil {
				return // the user has left
			}
			var text string
			if status, text = statusOf(err); status >= 500 && !errors.Is(err, future.ErrQueueFull) { // there may be thousands of these
				slog.WarnContext(ctx, "request failed", "path", r.URL.Path, "status", status, "error", err)
			}
			if status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "1")
			}
			value = map[string]string{"error": text}
		}
		if value == nil {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value) // an error means that the user has left
	})
}

var errNotFound = errors.New("there is no such book")

// badRequest is the error of a request that cannot be understood.
type badRequest struct{ error }

// statusOf returns the status of an error, and a text for the user. The texts of the server may contain data of others.
func statusOf(err error) (int, string) {
	var bad badRequest
	switch {
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Error()
	case errors.Is(err, errNotFound):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, motor.DuplicateKeyError):
		return http.StatusConflict, "there is such a book already"
	case errors.Is(err, motor.ServerSelectionTimeoutError): // also if the time of the request ended while it waited
		return http.StatusServiceUnavailable, "the database does not answer"
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, "the request took too long"
	case errors.Is(err, future.ErrQueueFull):
		return http.StatusServiceUnavailable, "there are too many requests"
	case errors.Is(err, motor.ConnectionFailure):
		return http.StatusServiceUnavailable, "the database does not answer"
	}
	return http.StatusInternalServerError, fmt.Sprintf("internal error %d", motor.Code(err))
}
