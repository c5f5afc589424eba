package soak

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// lastID is the _id of the document that ends the watch.
const lastID = "last"

// watcher reads the change events of a collection. It resumes its stream after each error, and when the client is closed.
type watcher struct {
	s      *soak
	coll   *motor.Collection[bson.M]
	stream *motor.ChangeStream[bson.M]
	seen   map[string]int // events by the _id of their document
	done   chan struct{}  // closed when the event of lastID has come, or no event comes
}

// watch starts a watcher of a collection.
func (s *soak) watch(ctx context.Context, coll *motor.Collection[bson.M]) (*watcher, error) {
	w := &watcher{s: s, coll: coll, seen: make(map[string]int), done: make(chan struct{})}
	w.open(nil)
	if _, err := w.stream.Open(ctx).Await(ctx); err != nil {
		return nil, err
	}
	go w.read(ctx)
	return w, nil
}

func (w *watcher) open(token bson.Raw) {
	opts := options.ChangeStream().SetMaxAwaitTime(200 * time.Millisecond)
	if token != nil {
		opts.SetResumeAfter(token)
	}
	w.stream = w.coll.Watch(nil, opts)
}

// read reads events. A stream that has failed is opened again where it was.
func (w *watcher) read(ctx context.Context) {
	defer close(w.done)
	token := w.stream.ResumeToken()
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; {
		event, err := w.stream.Next(ctx).Await(ctx)
		if now := w.stream.ResumeToken(); now != nil {
			token = now
		}
		if err != nil {
			if errors.Is(err, motor.OperationFailure) && !errors.Is(err, motor.CursorNotFound) {
				w.s.problemf("watching: %v", err)
			}
			_, _ = w.stream.Close(ctx).Await(ctx)
			w.open(token)
			time.Sleep(time.Millisecond)
			continue
		}
		end = time.Now().Add(patience)
		key, _ := event["documentKey"].(bson.M)
		id, _ := key["_id"].(string)
		w.seen[id]++
		if id == lastID {
			break
		}
	}
	_, _ = w.stream.Close(ctx).Await(ctx)
}

// finish ends the watch, without faults, and compares the events with what was written.
func (w *watcher) finish(ctx context.Context, acknowledged []string) {
	if _, err := w.coll.InsertOne(ctx, bson.M{"_id": lastID}).Await(ctx); err != nil {
		w.s.problemf("ending the watch: %v", err)
	}
	<-w.done
	for _, id := range append(acknowledged, lastID) {
		if w.seen[id] == 0 {
			w.s.lost.Add(1)
			w.s.problemf("no change event of the acknowledged document %s", id)
		}
	}
	for id, n := range w.seen {
		if n > 1 {
			w.s.twice.Add(1)
			w.s.problemf("%d change events of document %s", n, id)
		}
	}
}
