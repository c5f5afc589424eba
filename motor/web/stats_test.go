package web_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
)

func ExampleStatsHandler() {
	client, err := motor.NewClient("mongodb://localhost:27017", motor.WithMaxWorkers(8))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/debug/motor", web.StatsHandler(client))

	reply := httptest.NewRecorder()
	mux.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "/debug/motor", nil))
	fmt.Print(reply.Body)
	// Output:
	// {"maxWorkers":8,"running":0,"queued":0,"completed":0,"rejected":0,"panics":0,"waited":0,"queueWaitMS":0,"maxQueueWaitMS":0}
}

// The statistics can stand beside those of the Go runtime, in /debug/vars.
func ExampleStatsOf() {
	client, err := motor.NewClient("mongodb://localhost:27017", motor.WithMaxWorkers(8))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(context.Background())
	expvar.Publish("motor", expvar.Func(func() any { return web.StatsOf(client) }))
	fmt.Println(strings.Contains(expvar.Get("motor").String(), `"maxWorkers":8`))
	// Output: true
}

func TestStatsHandler(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("ping", func(r *wiretest.Request) { r.OK(bson.M{}) })
	client, err := motor.NewClient(peer.URI(), motor.WithMaxWorkers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	for range 5 {
		if _, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	handler := web.StatsHandler(client)
	for _, test := range []struct {
		method, accept string
		status         int
		content, has   string
	}{
		{http.MethodGet, "", 200, "application/json", `"completed":5`},
		{http.MethodGet, "text/html,*/*;q=0.8", 200, "text/html; charset=utf-8", "<!doctype html>"},
		{http.MethodGet, "application/json;q=0.5, text/html;q=0.9", 200, "text/html; charset=utf-8", "<!doctype html>"},
		{http.MethodGet, "text/html;q=0.5, application/json", 200, "application/json", `"completed":5`},
		{http.MethodGet, "text/html;q=0", 200, "application/json", `"completed":5`},
		{http.MethodPost, "", 405, "text/plain; charset=utf-8", "not allowed"},
	} {
		request := httptest.NewRequest(test.method, "/", nil)
		request.Header.Set("Accept", test.accept)
		reply := httptest.NewRecorder()
		handler.ServeHTTP(reply, request)
		if reply.Code != test.status || reply.Header().Get("Content-Type") != test.content || !strings.Contains(reply.Body.String(), test.has) {
			t.Errorf("%s %q: got %d, %v, %s, want %d, %s, with %q", test.method, test.accept, reply.Code, reply.Header(), reply.Body,
				test.status, test.content, test.has)
		}
		if test.status == 200 && reply.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: the reply may be cached", test.accept)
		}
	}
	var stats web.Stats
	reply := httptest.NewRecorder()
	handler.ServeHTTP(reply, httptest.NewRequest(http.MethodGet, "/", nil))
	if err := json.Unmarshal(reply.Body.Bytes(), &stats); err != nil || stats.MaxWorkers != 3 || stats.Completed != 5 {
		t.Errorf("got %+v, %v, want 3 workers and 5 operations", stats, err)
	}
}

func TestStatsOfLoop(t *testing.T) {
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := motor.NewClient("mongodb://localhost:27017", motor.WithIOLoop(loop))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	loop.AddCallback(func() {})
	loop.Poll()
	loop.AddCallback(func() {})
	got := web.StatsOf(client).Loop
	if got == nil || got.Callbacks != 1 || got.Queued != 1 || got.Turns != 1 || got.LagMS < 0 || got.MaxLagMS != got.LagMS {
		t.Errorf("got %+v, want one callback that has run and one that waits", got)
	}
	text, err := json.Marshal(web.StatsOf(client))
	if err != nil || !strings.Contains(string(text), `"loop":{"queued":1,`) {
		t.Errorf("got %s, %v, want the loop", text, err)
	}
}
