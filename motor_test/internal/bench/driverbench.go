package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/motor"
)

// The collections of MongoDB's driver benchmark.
const (
	tweets     = "tweets" // tweetCount documents
	tweetCount = 10_000
	lines      = "lines" // those of all files, on a real server; of one file, on the stub
	written    = "written"
)

// The files of the parallel tasks. The specification has 100 files of 5,000 lines.
const (
	lineFiles = 20
	lineCount = 1_000
)

// driverBenchRows are the tasks of MongoDB's driver benchmark, except those for GridFS, which [fileRows] has. The rate is of
// bytes of BSON, or of files. dir is a folder for the files.
func driverBenchRows(ctx context.Context, c *clients, corpus *Corpus, dir string) []Row {
	rows := append(bsonRows(corpus), singleRows(ctx, c, corpus)...)
	rows = append(rows, multiRows(ctx, c, corpus)...)
	rows = append(rows, parallelRows(ctx, c, corpus, dir)...)
	for i := range rows {
		rows[i].Name, rows[i].Other = "DriverBench: "+rows[i].Name, "driver"
	}
	return rows
}

// bsonRows are the tasks without a server.
func bsonRows(corpus *Corpus) (rows []Row) {
	var codec bsoncodec.Codec
	for _, set := range []struct {
		name string
		doc  bson.D
	}{{"flat", corpus.flat}, {"deep", corpus.deep}, {"full", corpus.full}} {
		raw := mustMarshal(set.doc)
		rows = append(rows,
			Row{Name: set.name + " BSON, encode", Goal: 0.5, Size: len(raw),
				Ours:   times(func() error { _, err := codec.Document("document", set.doc); return err }),
				Theirs: times(func() error { _, err := bson.Marshal(set.doc); return err })},
			Row{Name: set.name + " BSON, decode", Goal: 0.5, Size: len(raw),
				Ours:   times(func() error { var doc bson.D; return codec.Decode(raw, &doc) }),
				Theirs: times(func() error { var doc bson.D; return bson.Unmarshal(raw, &doc) })})
	}
	return rows
}

// singleRows are the tasks of a command for each document.
func singleRows(ctx context.Context, c *clients, corpus *Corpus) []Row {
	database, theirs := c.motor.Database(db), c.driver.Database(db)
	hello := bson.D{{Key: "hello", Value: true}}
	found, foundBy := motor.CollectionOf[bson.D](database, tweets), c.theirs(tweets)
	var asked atomic.Int64
	nextID := func() bson.D { return bson.D{{Key: "_id", Value: int32(asked.Add(1)%tweetCount) + 1}} }
	rows := []Row{
		{Name: "run command", Goal: 1, Size: len(mustMarshal(hello)),
			Ours:   times(awaited(ctx, func() *future.Future[bson.M] { return database.Command(ctx, hello) })),
			Theirs: times(func() error { var reply bson.M; return theirs.RunCommand(ctx, hello).Decode(&reply) })},
		{Name: "find one by _id", Goal: 1, Size: len(mustMarshal(corpus.tweet)),
			Ours:   times(awaited(ctx, func() *future.Future[bson.D] { return found.FindOne(ctx, nextID()) })),
			Theirs: times(func() error { var doc bson.D; return foundBy.FindOne(ctx, nextID()).Decode(&doc) })},
	}
	ours, driver := c.ours(written), c.theirs(written)
	for _, set := range corpus.written() {
		rows = append(rows, Row{Name: set.name + " doc, insert one", Goal: 1, Size: len(mustMarshal(set.doc)), Needs: "room for all documents",
			Ours:   times(awaited(ctx, func() *future.Future[*motor.InsertOneResult] { return ours.InsertOne(ctx, set.doc) })),
			Theirs: times(func() error { _, err := driver.InsertOne(ctx, set.doc); return err })})
	}
	return rows
}

// writtenSet is a document that tasks write, and how often a bulk has it.
type writtenSet struct {
	name  string
	doc   bson.D
	bulk  int
	goals float64 // of a bulk
}

func (c *Corpus) written() []writtenSet {
	return []writtenSet{{"small", c.small, 10_000, 0.5}, {"large", c.large, 10, 1}}
}

// multiRows are the tasks of a command for many documents.
func multiRows(ctx context.Context, c *clients, corpus *Corpus) []Row {
	found, foundBy := motor.CollectionOf[bson.D](c.motor.Database(db), tweets), c.theirs(tweets)
	whole := func(n int, err error) error {
		if err == nil && n != tweetCount {
			err = fmt.Errorf("got %d documents, want %d", n, tweetCount)
		}
		return err
	}
	rows := []Row{{Name: "find many", Goal: 0.2, Size: tweetCount * len(mustMarshal(corpus.tweet)),
		Ours: times(func() error {
			n := 0
			for _, err := range found.Find(bson.D{}).All(ctx) {
				if err != nil {
					return err
				}
				n++
			}
			return whole(n, nil)
		}),
		Theirs: times(func() error {
			cursor, err := foundBy.Find(ctx, bson.D{})
			if err != nil {
				return err
			}
			n := 0
			for cursor.Next(ctx) {
				var doc bson.D
				if err := cursor.Decode(&doc); err != nil {
					return err
				}
				n++
			}
			return whole(n, cursor.Err())
		})}}
	ours, driver := c.ours(written), c.theirs(written)
	for _, set := range corpus.written() {
		size := set.bulk * len(mustMarshal(set.doc))
		docs, models := make([]bson.D, set.bulk), make([]mongo.WriteModel, set.bulk)
		for i := range docs {
			docs[i], models[i] = set.doc, mongo.NewInsertOneModel().SetDocument(set.doc)
		}
		rows = append(rows,
			Row{Name: set.name + " doc, insert many", Goal: set.goals, Size: size, Needs: "room for all documents",
				Ours:   times(awaited(ctx, func() *future.Future[*motor.InsertManyResult] { return ours.InsertMany(ctx, docs) })),
				Theirs: times(func() error { _, err := driver.InsertMany(ctx, docs); return err })},
			Row{Name: set.name + " doc, bulk write", Goal: set.goals, Size: size, Needs: "room for all documents",
				Ours:   times(awaited(ctx, func() *future.Future[*motor.BulkWriteResult] { return ours.BulkWrite(ctx, models) })),
				Theirs: times(func() error { _, err := driver.BulkWrite(ctx, models); return err })})
	}
	return rows
}

// parallelRows are the tasks that move files of JSON, one document a line, into a collection and out of it. A task is a file.
func parallelRows(ctx context.Context, c *clients, corpus *Corpus, dir string) []Row {
	one, err := bson.MarshalExtJSON(corpus.line, false, false)
	if err != nil {
		panic(fmt.Sprintf("bench: %v", err)) // it is a document of this package
	}
	text := bytes.Repeat(append(one, '\n'), lineCount)
	name := func(kind string, file int) string { return filepath.Join(dir, fmt.Sprintf("%s%02d.json", kind, file)) }
	ready := sync.OnceValue(func() error {
		for file := range lineFiles {
			if err := os.WriteFile(name("in", file), text, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	atOnce := 2 * runtime.GOMAXPROCS(0)
	var turn atomic.Int64
	each := func(do func(file int) error) func(n int) error {
		parallel := concurrently(atOnce, func() error { return do(int(turn.Add(1)) % lineFiles) })
		return func(n int) error {
			if err := ready(); err != nil {
				return err
			}
			return parallel(n)
		}
	}
	ours, driver := c.ours(written), c.theirs(written)
	read, theirs := motor.CollectionOf[bson.D](c.motor.Database(db), lines), c.theirs(lines)
	return []Row{
		{Name: "import of JSON files", Goal: 1, Size: len(text), Unit: atOnce, Needs: "room for all documents",
			Ours: each(func(file int) error {
				docs, err := parse(name("in", file), file)
				if err != nil {
					return err
				}
				_, err = ours.InsertMany(ctx, docs).Await(ctx)
				return err
			}),
			Theirs: each(func(file int) error {
				docs, err := parse(name("in", file), file)
				if err != nil {
					return err
				}
				_, err = driver.InsertMany(ctx, docs)
				return err
			})},
		{Name: "export to JSON files", Goal: 1, Size: len(text), Unit: atOnce,
			Ours: each(func(file int) error {
				return export(name("ours", file), func(write func(bson.D) error) error {
					for doc, err := range read.Find(ofFile(file)).All(ctx) {
						if err != nil {
							return err
						}
						if err := write(doc); err != nil {
							return err
						}
					}
					return nil
				})
			}),
			Theirs: each(func(file int) error {
				return export(name("theirs", file), func(write func(bson.D) error) error {
					cursor, err := theirs.Find(ctx, ofFile(file))
					if err != nil {
						return err
					}
					for cursor.Next(ctx) {
						var doc bson.D
						if err := cursor.Decode(&doc); err != nil {
							return err
						}
						if err := write(doc); err != nil {
							return err
						}
					}
					return cursor.Err()
				})
			})},
	}
}

// ofFile is the filter of the documents of a file.
func ofFile(file int) bson.D { return bson.D{{Key: "file", Value: int32(file)}} }

// parse reads the documents of a file, and notes the file in each.
func parse(name string, file int) (docs []bson.D, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		var doc bson.D
		if err := bson.UnmarshalExtJSON(line, false, &doc); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", name, err)
		}
		docs = append(docs, append(doc, ofFile(file)...))
	}
	return docs, nil
}

// export writes a file with the documents that read gives it.
func export(name string, read func(write func(bson.D) error) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out, n := bufio.NewWriterSize(file, 64<<10), 0
	if err := read(func(doc bson.D) error {
		text, err := bson.MarshalExtJSON(doc, false, false)
		if err != nil {
			return err
		}
		n++
		_, err = out.Write(append(text, '\n'))
		return err
	}); err != nil {
		return err
	}
	if n != lineCount {
		return fmt.Errorf("got %d documents, want %d", n, lineCount)
	}
	return out.Flush()
}

// numbered returns copies of a document, with consecutive numbers as _id.
func numbered(doc bson.D, first, count int) []any {
	docs := make([]any, count)
	for i := range docs {
		docs[i] = append(bson.D{{Key: "_id", Value: int32(first + i)}}, doc...)
	}
	return docs
}

// fillDriverBench writes the documents that the tasks read to a real server.
func fillDriverBench(ctx context.Context, database *mongo.Database, corpus *Corpus) error {
	if _, err := database.Collection(tweets).InsertMany(ctx, numbered(corpus.tweet, 1, tweetCount)); err != nil {
		return err
	}
	for file := range lineFiles {
		doc := append(slices.Clone(corpus.line), ofFile(file)...)
		if _, err := database.Collection(lines).InsertMany(ctx, numbered(doc, file*lineCount, lineCount)); err != nil {
			return err
		}
	}
	_, err := database.Collection(lines).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "file", Value: 1}}})
	return err
}
