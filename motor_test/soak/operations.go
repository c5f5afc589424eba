package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// ledger records what the database must and must not have.
type ledger struct {
	mu      sync.Mutex
	there   []string         // acknowledged documents, by _id
	watched []string         // the same of the collection that is watched
	never   []string         // documents that were not sent
	files   map[string]int64 // acknowledged files by name, with their seeds
	names   []string         // of the files
}

func (l *ledger) clear() { *l = ledger{} }

func (l *ledger) acknowledged(ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.there = append(l.there, ids...)
}

func (l *ledger) record(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.there = append(l.there, id)
	case errors.Is(err, motor.ServerSelectionTimeoutError), errors.Is(err, motor.WaitQueueTimeoutError):
		l.never = append(l.never, id)
	}
}

// one of the acknowledged documents, or "".
func (l *ledger) some(r *rand.Rand) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.there) == 0 {
		return ""
	}
	return l.there[r.IntN(len(l.there))]
}

// operation is an operation in each style. Its check gets the outcome, once.
type operation struct {
	future func(ctx context.Context) *future.Future[any]
	check  func(v any, err error)
}

var errLate = errors.New("soak: the operation did not settle")

// one runs an operation in a style by chance, and waits for it.
func (s *soak) one(ctx context.Context, r *rand.Rand, worker int) {
	o := s.choose(r, worker)
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.IntN(20) == 0 { // cut it off
		defer time.AfterFunc(time.Duration(r.IntN(5000))*time.Microsecond, cancel).Stop()
	}
	var calls atomic.Int64
	done := make(chan struct{})
	settle := func(v any, err error) {
		if calls.Add(1) > 1 {
			s.twice.Add(1)
			s.problemf("settled twice: %v, %v", v, err)
			return
		}
		if err != nil {
			s.failed.Add(1)
			if motor.AsError(err) == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) &&
				!errors.Is(err, future.ErrCancelled) {
				s.problemf("an error without a class: %T: %v", err, err)
			}
			if errors.As(err, new(*future.PanicError)) {
				s.problemf("a panic: %v", err)
			}
		}
		o.check(v, err)
		close(done)
	}
	switch r.IntN(3) {
	case 0: // future
		f := o.future(own)
		go func() { settle(f.Await(context.WithoutCancel(ctx))) }()
	case 1: // callback, on the loop
		o.future(own).OnComplete(settle)
	default:
		callback.SpawnContext(own, s.loop, func(co *callback.Co) (any, error) { return o.future(co).Await(co) }).OnComplete(settle)
	}
	guard := time.NewTimer(patience)
	defer guard.Stop()
	select {
	case <-done:
		s.settled.Add(1)
	case <-guard.C:
		s.lost.Add(1)
		s.problemf("lost: %v", errLate)
	}
}

// fixedDocuments is the number of documents in the collection fixed, which no operation changes. The embedded server
// reads whole collections, so cursors read a small one.
const fixedDocuments = 30

// fill fills the collection fixed.
func (s *soak) fill(ctx context.Context) error {
	docs := make([]bson.D, fixedDocuments)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}}
	}
	_, err := s.client.Database(database).Collection("fixed").InsertMany(ctx, docs).Await(ctx)
	return err
}

// choose returns an operation by chance.
func (s *soak) choose(r *rand.Rand, worker int) operation {
	db := s.client.Database(database)
	c, fixed := db.Collection("docs"), db.Collection("fixed")
	id := fmt.Sprintf("%d-%x", worker, r.Uint64())
	doc := bson.D{{Key: "_id", Value: id}, {Key: "w", Value: worker}, {Key: "text", Value: "some text"}}
	ignore := func(any, error) {}
	switch n := r.IntN(100); {
	case n < 25:
		return operation{func(ctx context.Context) *future.Future[any] { return future.Erase(c.InsertOne(ctx, doc)) },
			func(_ any, err error) { s.ledger.record(id, err) }}
	case n < 40:
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(c.WithBatching().InsertOne(ctx, doc))
		},
			func(_ any, err error) { s.ledger.record(id, err) }}
	case n < 45:
		ids := []string{id + "a", id + "b", id + "c"}
		docs := []bson.D{{{Key: "_id", Value: ids[0]}}, {{Key: "_id", Value: ids[1]}}, {{Key: "_id", Value: ids[2]}}}
		return operation{func(ctx context.Context) *future.Future[any] { return future.Erase(c.InsertMany(ctx, docs)) },
			func(_ any, err error) {
				if err == nil {
					s.ledger.acknowledged(ids...)
				}
			}}
	case n < 65:
		known := s.ledger.some(r)
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(c.FindOne(ctx, bson.D{{Key: "_id", Value: known}}))
		},
			func(v any, err error) {
				if found, _ := v.(bson.M); err == nil && known != "" && found["_id"] != known {
					s.problemf("acknowledged document %s: got %v", known, found)
				}
			}}
	case n < 72:
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(fixed.Find(bson.D{}).BatchSize(7).ToList(ctx))
		}, func(v any, err error) {
			seen := map[any]bool{}
			list, _ := v.([]bson.M)
			if err == nil && len(list) != fixedDocuments {
				s.problemf("a cursor returned %d documents and no error, want %d", len(list), fixedDocuments)
			}
			for _, doc := range list {
				if seen[doc["_id"]] {
					s.problemf("a cursor returned document %v twice", doc["_id"])
				}
				seen[doc["_id"]] = true
			}
		}}
	case n < 78:
		return operation{func(ctx context.Context) *future.Future[any] {
			cursor := fixed.Find(bson.D{}).BatchSize(2)
			return future.Erase(future.ThenFuture(cursor.Next(ctx), func(bson.M) *future.Future[struct{}] { return cursor.Close(context.WithoutCancel(ctx)) }))
		}, ignore}
	case n < 86:
		known := s.ledger.some(r)
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(c.UpdateOne(ctx, bson.D{{Key: "_id", Value: known}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}))
		}, ignore}
	case n < 90:
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(doc),
				mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "b", Value: 1}}}})}))
		}, func(_ any, err error) { s.ledger.record(id, err) }}
	case n < 93:
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(db.Collection("watched").InsertOne(ctx, doc))
		}, func(_ any, err error) {
			if err == nil {
				s.ledger.mu.Lock()
				defer s.ledger.mu.Unlock()
				s.ledger.watched = append(s.ledger.watched, id)
			}
		}}
	case n < 94:
		return operation{func(ctx context.Context) *future.Future[any] {
			return future.Erase(motor.WithSession(ctx, s.client, func(ctx context.Context, _ *motor.Session) (bson.M, error) {
				if _, err := c.InsertOne(ctx, doc).Await(ctx); err != nil {
					return nil, err
				}
				return c.FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Await(ctx)
			}))
		}, func(v any, err error) {
			if found, _ := v.(bson.M); err == nil && found["_id"] != id {
				s.problemf("document %s of the same session: got %v", id, found)
			}
		}}
	case n < 95:
		return operation{func(ctx context.Context) *future.Future[any] { return future.Erase(db.Command(ctx, "ping")) }, ignore}
	case n < 97:
		if s.uploads.Add(1) <= maxFiles {
			return s.upload(r, id)
		}
	case r.IntN(100) == 0:
		return s.download(r)
	}
	return operation{func(ctx context.Context) *future.Future[any] {
		return future.Erase(fixed.CountDocuments(ctx, bson.D{}))
	}, ignore}
}

// The embedded server looks at all chunks to find those of a file, so there are few files.
const (
	maxFile  = 300_000 // bytes: up to two chunks
	maxFiles = 15
)

// content returns the bytes of a file, which depend on a seed.
func content(seed int64) []byte {
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	data := make([]byte, r.IntN(maxFile))
	for i := 0; i+8 <= len(data); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			data[i+j] = byte(v >> (8 * j))
		}
	}
	return data
}

func (s *soak) bucket() *motor.GridFSBucket {
	b, err := motor.NewGridFSBucket(s.client.Database(database))
	if err != nil {
		s.problemf("NewGridFSBucket: %v", err)
	}
	return b
}

func (s *soak) upload(r *rand.Rand, name string) operation {
	seed := r.Int64()
	return operation{func(ctx context.Context) *future.Future[any] {
		return future.Erase(s.bucket().UploadFromStream(ctx, name, bytes.NewReader(content(seed))))
	}, func(_ any, err error) {
		if err != nil {
			return
		}
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		if s.ledger.files == nil {
			s.ledger.files = map[string]int64{}
		}
		s.ledger.files[name] = seed
		s.ledger.names = append(s.ledger.names, name)
	}}
}

func (s *soak) download(r *rand.Rand) operation {
	s.ledger.mu.Lock()
	name, seed := "", int64(0)
	if len(s.ledger.names) > 0 {
		name = s.ledger.names[r.IntN(len(s.ledger.names))]
		seed = s.ledger.files[name]
	}
	s.ledger.mu.Unlock()
	var got bytes.Buffer
	return operation{func(ctx context.Context) *future.Future[any] {
		return future.Erase(s.bucket().DownloadToStreamByName(ctx, name, &got))
	}, func(_ any, err error) {
		if err == nil && name != "" && !bytes.Equal(got.Bytes(), content(seed)) {
			s.problemf("file %s: got %d other bytes, want %d", name, got.Len(), len(content(seed)))
		}
	}}
}

// verify compares the database with the ledger.
func (s *soak) verify(ctx context.Context) {
	there := map[string]int{}
	for doc, err := range s.client.Database(database).Collection("docs").Find(bson.D{}).All(ctx) {
		if err != nil {
			s.problemf("reading all documents: %v", err)
			return
		}
		id, _ := doc["_id"].(string)
		there[id]++
	}
	for _, id := range s.ledger.there {
		if there[id] != 1 {
			s.lost.Add(1)
			s.problemf("acknowledged document %s: got it %d times", id, there[id])
		}
	}
	for _, id := range s.ledger.never {
		if there[id] != 0 {
			s.problemf("document %s is there, and was reported as not sent", id)
		}
	}
	for _, name := range s.ledger.names {
		var got bytes.Buffer
		if _, err := s.bucket().DownloadToStreamByName(ctx, name, &got).Await(ctx); err != nil || !bytes.Equal(got.Bytes(), content(s.ledger.files[name])) {
			s.lost.Add(1)
			s.problemf("acknowledged file %s: got %d bytes, %v", name, got.Len(), err)
		}
	}
}
