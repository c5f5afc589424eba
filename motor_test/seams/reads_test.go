package seams_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

const readRounds = 200

// attempt is a started read.
type attempt struct {
	settled future.Awaitable
	await   func() (int, error) // waits with the context of the read
}

// attemptOf returns an attempt for a future whose value contains a number.
func attemptOf[T any](ctx context.Context, f *future.Future[T], number func(T) int) attempt {
	return attempt{f, func() (int, error) {
		v, err := f.Await(ctx)
		if err != nil {
			return 0, err
		}
		return number(v), nil
	}}
}

// supply returns the numbers 1, 2, 3, ... and can end the context of the read that waits for the next one.
type supply struct {
	mu       sync.Mutex
	n        int
	sending  func() // called before the server answers
	received func() // called on the operation's goroutine when the client has the answer
}

// during sets the functions that the server and the client call. They may end the context of the read.
func (s *supply) during(sending, received func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sending, s.received = sending, received
}

// next returns the next number.
func (s *supply) next() int {
	s.mu.Lock()
	s.n++
	n, sending := s.n, s.sending
	s.mu.Unlock()
	sending()
	return n
}

// monitor calls received for each answer that the client receives.
func (s *supply) monitor() motor.ClientOption {
	return motor.WithClientOptions(options.Client().SetMonitor(&event.CommandMonitor{
		Succeeded: func(context.Context, *event.CommandSucceededEvent) {
			s.mu.Lock()
			received := s.received
			s.mu.Unlock()
			received()
		},
	}))
}

// reader reads the numbers 1, 2, 3, ... one per call.
type reader struct {
	name  string
	polls bool // after a cancelled read, the next one uses its request; otherwise a cancelled read ends the cursor
	open  func(s *scene, from *supply) (read func(ctx context.Context) attempt)
}

// one answers with a cursor batch of the next document.
func one(from *supply) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.Cursor("d.c", 7, id(from.next())) }
}

func numberOfDocument(doc bson.M) int {
	n, _ := doc["_id"].(int32)
	return int(n)
}

var readers = []reader{
	{"Cursor.Next", false, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("find", one(from))
		s.answer("getMore", one(from))
		cursor := s.coll.Find(bson.M{})
		return func(ctx context.Context) attempt { return attemptOf(ctx, cursor.Next(ctx), numberOfDocument) }
	}},
	{"Cursor.FetchNext", false, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("find", one(from))
		s.answer("getMore", one(from))
		cursor := s.coll.Find(bson.M{})
		return func(ctx context.Context) attempt {
			return attemptOf(ctx, cursor.FetchNext(ctx), func(bool) int { return numberOfDocument(cursor.NextObject()) })
		}
	}},
	{"Cursor.ToList", false, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("find", one(from))
		s.answer("getMore", one(from))
		cursor := s.coll.Find(bson.M{})
		return func(ctx context.Context) attempt {
			return attemptOf(ctx, cursor.ToList(ctx, 1), func(docs []bson.M) int { return numberOfDocument(docs[0]) })
		}
	}},
	{"RawBatchCursor.Next", false, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("find", one(from))
		s.answer("getMore", one(from))
		cursor := s.coll.FindRawBatches(bson.M{})
		return func(ctx context.Context) attempt {
			return attemptOf(ctx, cursor.Next(ctx), func(batch motor.RawBatch) int {
				return int(bson.Raw(batch).Lookup("_id").Int32())
			})
		}
	}},
	{"GridOut.ReadChunk", false, func(s *scene, from *supply) func(context.Context) attempt {
		chunk := func(r *wiretest.Request) {
			n := from.next()
			r.Cursor("d.fs.chunks", 7, bson.M{"_id": n, "files_id": 1, "n": int32(n - 1), "data": []byte{byte(n)}})
		}
		s.answer("getMore", chunk)
		s.answer("find", func(r *wiretest.Request) {
			if r.Command.Lookup("find").StringValue() == "fs.chunks" {
				chunk(r)
				return
			}
			r.Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": int64(2 * readRounds), "chunkSize": int32(1)})
		})
		bucket, err := motor.NewGridFSBucket(s.client.Database("d"))
		if err != nil {
			s.t.Fatal(err)
		}
		out := succeed(s.t, bucket.OpenDownloadStream(context.Background(), 1))
		return func(ctx context.Context) attempt {
			return attemptOf(ctx, out.ReadChunk(ctx), func(chunk []byte) int { return int(chunk[0]) })
		}
	}},
	{"Cursor.Next_tailable", true, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("find", func(r *wiretest.Request) { r.Cursor("d.c", 7) })
		s.answer("getMore", one(from))
		cursor := s.coll.Find(bson.M{}, options.Find().SetCursorType(options.TailableAwait))
		succeed(s.t, cursor.FetchNext(context.Background()))
		return func(ctx context.Context) attempt { return attemptOf(ctx, cursor.Next(ctx), numberOfDocument) }
	}},
	{"ChangeStream.Next", true, func(s *scene, from *supply) func(context.Context) attempt {
		s.answer("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 7) })
		s.answer("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 7, change(from.next())) })
		stream := s.coll.Watch(nil)
		s.t.Cleanup(func() { _, _ = stream.Close(context.Background()).Await(context.Background()) })
		succeed(s.t, stream.Open(context.Background()))
		return func(ctx context.Context) attempt {
			return attemptOf(ctx, stream.Next(ctx), func(event bson.M) int { n, _ := event["n"].(int32); return int(n) })
		}
	}},
	{"Queue.Get", true, func(s *scene, from *supply) func(context.Context) attempt {
		queue := callback.NewQueue[int](s.loop, 0)
		return func(ctx context.Context) attempt {
			got := queue.Get()
			put := make(chan struct{})
			go func() {
				defer close(put)
				if got.IsDone() {
					return // the queue still has an item from an earlier read
				}
				if err := queue.PutNowait(from.next()); err != nil {
					s.t.Error(err)
				}
			}()
			a := attemptOf(ctx, got, func(n int) int { return n })
			return attempt{got, func() (int, error) { defer func() { <-put }(); return a.await() }}
		}
	}},
}

// wakeFunc is called on the stack that settles a future.
type wakeFunc func()

func (f wakeFunc) Wake() { f() }

// TestContextEndsAsReadSucceeds reads with contexts that end at the moment when the next result arrives. Each result
// must either be returned by the read or stay available for the next one.
func TestContextEndsAsReadSucceeds(t *testing.T) {
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			nothing := func() {}
			from := &supply{sending: nothing, received: nothing}
			s := newScene(t, futures, byContext, 2, nil, from.monitor())
			read := r.open(s, from)
			var got []int
			failed := 0
			finish := func(a attempt) {
				n, err := a.await()
				switch {
				case err == nil:
					got = append(got, n)
				case errors.Is(err, context.Canceled):
					failed++
				default:
					t.Fatalf("read after %d results = %v, want a result or context.Canceled", len(got), err)
				}
			}
			// started starts a read. The server answers only when the read is running on another goroutine, so that
			// Await cannot run it on its own.
			started := func(ctx context.Context, received func()) attempt {
				requested, reply := make(chan struct{}, 1), make(chan struct{})
				from.during(func() {
					select {
					case requested <- struct{}{}:
					default:
					}
					<-reply
				}, received)
				a := read(ctx)
				select {
				case <-requested:
				case <-a.settled.Done(): // an earlier read has left a result
				}
				go close(reply)
				return a
			}
			for round := range readRounds {
				ctx, cancel := context.WithCancel(context.Background())
				switch round % 5 {
				case 0:
					finish(started(ctx, cancel))
				case 1:
					finish(started(ctx, func() { go cancel() }))
				case 2:
					a := started(ctx, nothing)
					a.settled.Notify(wakeFunc(cancel))
					finish(a)
				case 3:
					if r.polls {
						from.during(cancel, nothing)
					}
					finish(read(ctx))
				case 4:
					if r.polls {
						from.during(func() { go cancel() }, nothing)
					}
					finish(read(ctx))
				}
				cancel()
				from.during(nothing, nothing)
			}
			for range failed {
				finish(read(patience(t)))
			}
			t.Logf("%d of %d reads failed", failed, readRounds)
			for i, n := range got {
				if n != i+1 {
					t.Fatalf("got result %d, want %d, after %v", n, i+1, got[:i])
				}
			}
		})
	}
}
