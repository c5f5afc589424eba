package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/motor"
)

// times repeats a task that fails.
func times(do func() error) func(n int) error {
	return func(n int) error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

// counted returns an error if the number of documents is wrong.
func counted(n int, err error) error {
	if err == nil && n != manySize {
		err = fmt.Errorf("got %d documents, want %d", n, manySize)
	}
	return err
}

// cursorRows are the rows of reading many documents.
func cursorRows(ctx context.Context, c *clients) []Row {
	rows := []Row{
		toList[bson.M](ctx, c, "bson.M", 0.16), toList[bson.D](ctx, c, "bson.D", 0.16), toList[bson.Raw](ctx, c, "bson.Raw", 0.11),
		toList[flat](ctx, c, "a struct", 0.30), toList[person](ctx, c, "a struct with structs, lists and times", 0.30),
	}
	ours, theirs := c.ours(many), c.theirs(many)
	driver := times(func() error {
		cursor, err := theirs.Find(ctx, bson.D{})
		if err != nil {
			return err
		}
		n := 0
		for cursor.Next(ctx) {
			var m bson.M
			if err := cursor.Decode(&m); err != nil {
				return err
			}
			n++
		}
		return counted(n, cursor.Err())
	})
	for _, way := range []struct {
		name string
		do   func() error
	}{
		{"All", func() error {
			n := 0
			for _, err := range ours.Find(bson.D{}).All(ctx) {
				if err != nil {
					return err
				}
				n++
			}
			return counted(n, nil)
		}},
		{"Next", func() error {
			n := 0
			for cursor := ours.Find(bson.D{}); cursor.Alive(); n++ {
				doc, err := cursor.Next(ctx).Await(ctx)
				if err != nil || doc == nil {
					return counted(n, err)
				}
			}
			return counted(n, nil)
		}},
		{"FetchNext and NextObject", func() error {
			cursor, n := ours.Find(bson.D{}), 0
			for {
				more, err := cursor.FetchNext(ctx).Await(ctx)
				if err != nil || !more {
					return counted(n, err)
				}
				cursor.NextObject()
				n++
			}
		}},
		{"Each", func() error {
			done, n := make(chan error, 1), 0
			ours.Find(bson.D{}).Each(ctx, func(doc bson.M, err error) bool {
				if err != nil || doc == nil {
					done <- err
					return false
				}
				n++
				return true
			})
			return counted(n, <-done)
		}},
	} {
		rows = append(rows, Row{Name: "20,000 documents one by one: " + way.name, Goal: 0.2, Other: "driver: Next and Decode", Memory: share(1),
			Ours: times(way.do), Theirs: driver})
	}
	return append(rows, aheadRow(ctx, c), streamRow(ctx, c))
}

// aheadRow is the row of a cursor that reads ahead, from a server that is a millisecond away, while the program works 50
// microseconds on each document. A batch has as much work as a round trip takes.
func aheadRow(ctx context.Context, c *clients) Row {
	read := func(batches int) func(n int) error {
		return times(func() error {
			n := 0
			for _, err := range c.ours(far).Find(bson.D{}).BatchSize(20).ReadAhead(batches).All(ctx) {
				if err != nil {
					return err
				}
				for start := time.Now(); time.Since(start) < 50*time.Microsecond; {
				}
				n++
			}
			if n != farSize {
				return fmt.Errorf("got %d documents, want %d", n, farSize)
			}
			return nil
		})
	}
	return Row{Name: "1,000 documents, 50 µs of work on each, ReadAhead(2)", Goal: 0.67, Other: "without ReadAhead", Needs: "the stub",
		Ours: read(2), Theirs: read(0)}
}

func toList[D any](ctx context.Context, c *clients, name string, goal float64) Row {
	ours, theirs := motor.CollectionOf[D](c.motor.Database(db), many), c.theirs(many)
	return Row{Name: "ToList of 20,000 into " + name, Goal: goal, Other: "driver",
		Ours: times(func() error {
			docs, err := ours.Find(bson.D{}).ToList(ctx).Await(ctx)
			return counted(len(docs), err)
		}),
		Theirs: times(func() error {
			cursor, err := theirs.Find(ctx, bson.D{})
			if err != nil {
				return err
			}
			var docs []D
			err = cursor.All(ctx, &docs)
			return counted(len(docs), err)
		})}
}

// streamRow is the row of reading a change stream.
func streamRow(ctx context.Context, c *clients) Row {
	return Row{Name: "an event of a change stream", Goal: 1, Other: "driver: Next and Decode", Unit: firstBatch, Needs: "the stub",
		Ours: func(n int) error {
			stream := c.ours(watched).Watch(nil)
			for range n {
				if _, err := stream.Next(ctx).Await(ctx); err != nil {
					return err
				}
			}
			_, err := stream.Close(ctx).Await(ctx)
			return err
		},
		Theirs: func(n int) error {
			stream, err := c.theirs(watched).Watch(ctx, mongo.Pipeline{})
			if err != nil {
				return err
			}
			for range n {
				if !stream.Next(ctx) {
					return stream.Err()
				}
				var m bson.M
				if err := stream.Decode(&m); err != nil {
					return err
				}
			}
			return stream.Close(ctx)
		}}
}

// codecRows are the rows of encoding arguments.
func codecRows() (rows []Row) {
	var p person
	doc := document(7)
	raw := mustMarshal(doc)
	var m bson.M
	if bson.Unmarshal(raw, &p) != nil || bson.Unmarshal(raw, &m) != nil {
		panic("bench: the document cannot be decoded")
	}
	var codec bsoncodec.Codec
	for _, v := range []struct {
		name  string
		value any
	}{{"a struct", p}, {"bson.M", m}, {"bson.D", doc}} {
		rows = append(rows, Row{Name: "encoding " + v.name, Goal: 0.5, Other: "bson.Marshal",
			Ours:   times(func() error { _, err := codec.Document("document", v.value); return err }),
			Theirs: times(func() error { _, err := bson.Marshal(v.value); return err })})
	}
	return rows
}

// fileRows are the rows of GridFS.
func fileRows(ctx context.Context, c *clients) (rows []Row, err error) {
	ours, err := motor.NewGridFSBucket(c.motor.Database(db))
	if err != nil {
		return nil, err
	}
	// The driver's buckets are not safe for concurrent use.
	theirs := func() *mongo.GridFSBucket { return c.driver.Database(db).GridFSBucket() }
	block := make([]byte, chunkSize)
	content := func() io.Reader { return io.LimitReader(endless(block), int64(fileSize)) }
	for _, at := range []int{1, 16} {
		limit := func(float64) float64 { return float64(at) * 48e6 }
		rows = append(rows,
			Row{Name: fmt.Sprintf("GridFS: 64 MiB up, %d at once", at), Goal: 0.9, Other: "driver", Unit: at, Size: fileSize, Memory: limit, Bare: true,
				Ours: concurrently(at, awaited(ctx, func() *future.Future[bson.ObjectID] {
					return ours.UploadFromStream(ctx, "f", content())
				})),
				Theirs: concurrently(at, func() error {
					_, err := theirs().UploadFromStream(ctx, "f", content(), options.GridFSUpload())
					return err
				})},
			Row{Name: fmt.Sprintf("GridFS: 64 MiB down, %d at once", at), Goal: 0.9, Other: "driver", Unit: at, Size: fileSize, Memory: limit, Bare: true, Needs: "the stub",
				Ours: concurrently(at, func() error {
					n, err := ours.DownloadToStream(ctx, 1, io.Discard).Await(ctx)
					return whole(n, err)
				}),
				Theirs: concurrently(at, func() error {
					n, err := theirs().DownloadToStream(ctx, 1, io.Discard)
					return whole(n, err)
				})})
	}
	return rows, nil
}

// endless is a reader that returns the same block again and again.
type endless []byte

func (block endless) Read(p []byte) (int, error) { return copy(p, block), nil }

// whole returns an error if a file is not whole.
func whole(n int64, err error) error {
	if err == nil && n != int64(fileSize) {
		err = fmt.Errorf("got %d bytes, want %d", n, fileSize)
	}
	return err
}
