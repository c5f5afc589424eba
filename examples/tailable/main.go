// Tailable follows a log, like "tail -f", with a tailable cursor. The log is a capped collection, which keeps only its
// newest records. A second client writes records, and each appears on the terminal as soon as the server has it. In the
// middle the server stops for a moment. A tailable cursor ends then, so the program opens another one, which starts with
// the last record that the program knows. The program needs about two seconds.
//
// It starts an embedded MongoDB-compatible server, and a proxy that breaks the connections. The variable MONGODB_URI may
// name another server, which must not be in a replica set: the proxy poses as one. The program drops the database
// tailable_example before and after its work.
//
//	go run ./examples/tailable
//	go run ./examples/tailable -records 200
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/examples/internal/display"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

const (
	old   = 5                      // records that exist before the program follows the log
	pause = 50 * time.Millisecond  // between two new records
	retry = 100 * time.Millisecond // before another cursor is opened
	name  = "tailable_example"
)

// record is a document of the log.
type record struct {
	ID    int `bson:"_id"`
	At    time.Time
	Level string
	Text  string
}

// lines are what a record may say.
var lines = []struct{ level, text string }{
	{"info", "GET /anvils 200"}, {"info", "POST /orders 201"}, {"warning", "slow query: 140 ms"}, {"info", "GET /bellows 200"},
	{"error", "POST /orders 502: the payment service does not answer"}, {"info", "GET / 304"},
}

func newRecord(id int) record {
	line := lines[id%len(lines)]
	return record{ID: id, At: time.Now(), Level: line.level, Text: line.text}
}

func main() {
	records := flag.Int("records", 20, "the `number` of new records")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, newScreen(os.Stdout), *records); {
	case errors.Is(err, context.Canceled): // Ctrl-C
	case err != nil:
		log.Fatal("tailable: ", err)
	}
}

func run(ctx context.Context, s *screen, records int) error {
	if records < 1 {
		return fmt.Errorf("invalid number %d of new records: need at least 1", records)
	}
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	proxy, err := faultproxy.Start(ctx, server.URI())
	if err != nil {
		return err
	}
	defer proxy.Close()

	writer, err := motor.NewClient(server.URI())
	if err != nil {
		return err
	}
	reader, err := motor.NewClient(proxy.URI())
	if err != nil {
		return err
	}
	defer func() {
		ctx := context.WithoutCancel(ctx) // also after Ctrl-C
		_ = reader.Close(ctx)
		_, _ = writer.DropDatabase(ctx, name).Await(ctx)
		_ = writer.Close(ctx)
	}()
	if err := create(ctx, writer.Database(name)); err != nil {
		return err
	}

	// The writer runs in the background, from when the reader has the old records. If it fails, that ends the reader too.
	ctx, fail := context.WithCancelCause(ctx)
	f := &follower{
		screen: s, records: motor.CollectionOf[record](reader.Database(name), "log"), end: old + records,
		ready: make(chan struct{}), lost: make(chan struct{}, 1),
	}
	written := make(chan struct{})
	defer func() { fail(nil); <-written }()
	go func() {
		defer close(written)
		if err := write(ctx, motor.CollectionOf[record](writer.Database(name), "log"), proxy, f, records); err != nil {
			fail(err)
		}
	}()
	if err := f.follow(ctx); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	s.note("%d records, each of them once", f.last)
	return nil
}

// create makes the log, with a few records.
func create(ctx context.Context, db *motor.Database) error {
	if _, err := db.Client().DropDatabase(ctx, name).Await(ctx); err != nil {
		return err
	}
	capped := options.CreateCollection().SetCapped(true).SetSizeInBytes(1 << 20).SetMaxDocuments(1000)
	if _, err := db.CreateCollection(ctx, "log", capped).Await(ctx); err != nil {
		return err
	}
	all := motor.CollectionOf[record](db, "log")
	for id := 1; id <= old; id++ {
		if _, err := all.InsertOne(ctx, newRecord(id)).Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// write adds records to the log. In the middle it stops the server for the reader. When the reader has noticed that, and
// the log has some more records, the server is back.
func write(ctx context.Context, all *motor.Collection[record], proxy *faultproxy.Proxy, f *follower, records int) error {
	if err := wait(ctx, f.ready); err != nil {
		return err
	}
	middle := old + (records+1)/2
	for id := old + 1; id <= old+records; id++ {
		if err := wait(ctx, time.After(pause)); err != nil {
			return err
		}
		if _, err := all.InsertOne(ctx, newRecord(id)).Await(ctx); err != nil {
			return err
		}
		if id == middle {
			if err := proxy.Stop(); err != nil {
				return err
			}
		}
		if id == min(middle+3, old+records) {
			if err := wait(ctx, f.lost); err != nil {
				return err
			}
			if err := proxy.Resume(); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits for c, or until ctx ends.
func wait[T any](ctx context.Context, c <-chan T) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c:
		return nil
	}
}

// follower prints the records of the log, each once and in their order.
type follower struct {
	*screen
	records *motor.Collection[record]
	last    int // the _id of the last record that was printed
	end     int // the _id of the last record that the program writes

	ready chan struct{} // closed when the old records are printed
	lost  chan struct{} // has a value after a lost connection
}

// follow follows the log until its last record. A tailable cursor does not resume by itself as a change stream does. It
// ends with an error when the connection breaks. It ends without one when the collection is empty or dropped, or when
// the server has removed the record at which the cursor stands.
func (f *follower) follow(ctx context.Context) error {
	for {
		err := f.read(ctx)
		switch {
		case f.last == f.end:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, motor.ConnectionFailure):
			f.note("the server has gone; the last record was %d", f.last)
			select {
			case f.lost <- struct{}{}:
			default:
			}
		case err != nil:
			return err
		default:
			f.note("the cursor has ended; the last record was %d", f.last)
		}
		if err := wait(ctx, time.After(retry)); err != nil {
			return err
		}
	}
}

// read reads the log from the last known record on, until its cursor ends. The query includes that record, although it
// is known, because a tailable cursor that finds nothing at first is closed by the server. A batch size of 1 is for the
// embedded server, which keeps a tailable cursor open only if its first batch is full.
func (f *follower) read(ctx context.Context) error {
	opts := options.Find().SetCursorType(options.TailableAwait).SetMaxAwaitTime(time.Second).SetBatchSize(1)
	cursor := f.records.Find(bson.M{"_id": bson.M{"$gte": f.last}}, opts)
	defer func() { _, _ = cursor.Close(context.WithoutCancel(ctx)).Await(ctx) }() // fails after a lost connection
	for cursor.Alive() {                                                          // a range loop ends when the server has nothing new for a second; the cursor stays alive
		for r, err := range cursor.All(ctx) {
			if err != nil {
				return err
			}
			if r.ID <= f.last {
				f.note("reading on after record %d", f.last)
				continue
			}
			if r.ID > f.last+1 {
				return fmt.Errorf("records %d to %d are lost: the log has removed them", f.last+1, r.ID-1)
			}
			f.last = r.ID
			f.show(r, r.ID <= old)
			if f.last == old {
				close(f.ready)
			}
			if f.last == f.end {
				return nil
			}
		}
	}
	return nil
}

// screen prints records: on a terminal in the colors of their levels, and elsewhere as plain lines.
type screen struct {
	out      io.Writer
	terminal bool
}

func newScreen(out io.Writer) *screen { return &screen{out, display.IsTerminal(out)} }

// The sequences of characters that choose how a terminal shows text.
const (
	plain  = "\x1b[0m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

// show prints a record. A record that the program did not wait for is faint. The others have the time since they were
// made.
func (s *screen) show(r record, faintly bool) {
	text := fmt.Sprintf("%4d %s %-7s %s", r.ID, r.At.Format("15:04:05.000"), r.Level, r.Text)
	if !faintly {
		text += fmt.Sprintf(" (%d ms ago)", time.Since(r.At).Milliseconds())
	}
	color := map[string]string{"warning": yellow, "error": red}[r.Level]
	if faintly {
		color = faint
	}
	s.print(color, text)
}

// note prints what happens to the cursor.
func (s *screen) note(format string, args ...any) {
	s.print(cyan, "---- "+fmt.Sprintf(format, args...))
}

func (s *screen) print(color, text string) {
	if s.terminal && color != "" {
		text = color + text + plain
	}
	fmt.Fprintln(s.out, text)
}
