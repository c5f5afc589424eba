package hostile

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

var (
	limit = flag.Duration("time", 3*time.Second, "how long wrong replies are tried")
	first = flag.Uint64("seed", 0, "the seed of the replies; 0: a random one")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long an operation may take. It is long, since the machine may be busy.
const patience = 30 * time.Second

// lab has a server and its clients.
type lab struct {
	server *Server
	ours   *motor.Client
	driver *mongo.Client
}

func newLab(t testing.TB) *lab {
	server, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := motor.NewClient(server.URI())
	if err != nil {
		t.Fatal(err)
	}
	driver, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ours.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		_ = driver.Disconnect(context.Background())
		server.Close()
	})
	return &lab{server, ours, driver}
}

// try runs an operation of which one reply is wrong. It returns what is wrong with the outcome, or "".
func (l *lab) try(o operation, wrong string, answer []byte) string {
	for name, doc := range o.replies {
		l.server.Answer(name, encode(doc))
	}
	l.server.Answer(wrong, answer)
	defer func() {
		for name := range o.replies {
			l.server.Answer(name, encode(bson.D{{Key: "ok", Value: 1}}))
		}
	}()
	n, fault, err := guarded(func(ctx context.Context) (int, error) { return o.ours(ctx, l.ours.Database("d").Collection("c")) })
	if fault != "" {
		return fault
	}
	var panicked *future.PanicError
	if own := motor.AsError(err); err != nil && own == nil {
		return fmt.Sprintf("an error without a class: %T: %v", err, err)
	} else if errors.As(err, &panicked) && own.Class() != motor.ProtocolError {
		return fmt.Sprintf("a panic: %v\n%s", err, panicked.Stack)
	}
	if err != nil || o.driver == nil {
		return ""
	}
	theirs, fault, e := guarded(func(ctx context.Context) (int, error) { return o.driver(ctx, l.driver.Database("d").Collection("c")) })
	if fault == "" && e == nil && theirs > n {
		return fmt.Sprintf("got %d documents and no error, the driver gets %d", n, theirs)
	}
	return ""
}

// guarded calls fn and waits for it. fault says that it panics or does not return.
func guarded(fn func(ctx context.Context) (int, error)) (n int, fault string, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	late := false
	timer := time.AfterFunc(patience, func() { late = true; cancel() })
	defer func() {
		if p := recover(); p != nil {
			fault = fmt.Sprintf("a panic: %v\n%s", p, debug.Stack())
		} else if !timer.Stop() && late {
			fault = fmt.Sprintf("no result after %v", patience)
		}
	}()
	n, err = fn(ctx)
	return n, "", err
}

// leaveUnobserved drops the errors of futures that nobody looks at, such as those of closed cursors.
func leaveUnobserved(t testing.TB) {
	before := future.SetUnobservedHandler(func(error) {})
	t.Cleanup(func() { future.SetUnobservedHandler(before) })
}

func TestHostileReplies(t *testing.T) {
	seed := *first
	if seed == 0 {
		seed = rand.Uint64()
	}
	leaveUnobserved(t)
	end := time.Now().Add(*limit)
	var tried, failed atomic.Int64
	var wait sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		l, m := newLab(t), NewMutator(seed+uint64(worker))
		wait.Go(func() {
			for i := 0; time.Now().Before(end) && failed.Load() < 10; i++ {
				o := operations[i%len(operations)]
				names := make([]string, 0, len(o.replies))
				for _, name := range []string{"find", "getMore", "aggregate", "count", "listIndexes", "distinct", "insert", "update", "delete", "bulkWrite",
					"findAndModify", "ping", "listDatabases", "listCollections"} {
					if _, ok := o.replies[name]; ok {
						names = append(names, name)
					}
				}
				wrong := names[m.rand.IntN(len(names))]
				answer := m.Mutate(o.replies[wrong])
				tried.Add(1)
				if fault := l.try(o, wrong, answer); fault != "" {
					failed.Add(1)
					t.Errorf("%s, seed %d, reply %d of worker %d to %s: %s\nreply: %x", o.name, seed, i, worker, wrong, fault, answer[:min(len(answer), 2000)])
				}
			}
		})
	}
	wait.Wait()
	t.Logf("hostile: %d replies, seed %d", tried.Load(), seed)
	if tried.Load() < 100 {
		t.Errorf("got %d replies, want at least 100", tried.Load())
	}
}

// FuzzReply sends any bytes as the reply to an operation.
func FuzzReply(f *testing.F) {
	for i, o := range operations {
		for _, doc := range o.replies {
			f.Add(uint8(i), []byte(encode(doc)))
		}
	}
	leaveUnobserved(f)
	l := newLab(f)
	f.Fuzz(func(t *testing.T, which uint8, answer []byte) {
		o := operations[int(which)%len(operations)]
		for name := range o.replies {
			if fault := l.try(o, name, answer); fault != "" {
				t.Errorf("%s, %s: %s", o.name, name, fault)
			}
		}
	})
}
