package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// Config says what to run.
type Config struct {
	Operations int
	Seed       uint64
	URI        string             // of a standalone server without a user; "": the embedded server
	Progress   func(done, of int) // called now and then; nil: not
}

// Report is the outcome.
type Report struct {
	Operations, Settled, Lost, Twice, Leaked int64
	Faults, Stops, Moves, Reopened           int64
	Failed                                   int64    // operations whose error was reported, as it should be
	Problems                                 []string // each lost or wrong outcome, at most 100
}

// String returns the summary in one line.
func (r *Report) String() string {
	return fmt.Sprintf("soak: %d operations, %d settled, %d lost, %d settled twice, %d leaked", r.Operations, r.Settled, r.Lost, r.Twice, r.Leaked)
}

// OK reports whether all promises were kept.
func (r *Report) OK() bool { return r.Lost+r.Twice+r.Leaked == 0 && len(r.Problems) == 0 }

// settings are the options of the client.
const settings = "&serverSelectionTimeoutMS=20000&socketTimeoutMS=5000"

const (
	members  = 3
	workers  = 32
	patience = 90 * time.Second // for one operation
	database = "soak"
)

// soak is one run.
type soak struct {
	Config
	proxy  *faultproxy.Proxy
	client *motor.Client
	loop   *callback.Loop
	ledger ledger
	until  int64 // the number of operations at the end of this round

	started, settled, twice, lost, failed atomic.Int64
	stops, moves, reopened, uploads       atomic.Int64

	mu       sync.Mutex
	problems []string
}

func (s *soak) problemf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) < 100 {
		s.problems = append(s.problems, fmt.Sprintf(format, args...))
	}
}

// Run runs operations until their number is reached.
func Run(ctx context.Context, config Config) (*Report, error) {
	uri := config.URI
	if uri == "" {
		server, err := mongotest.Run(ctx)
		if err != nil {
			return nil, err
		}
		defer server.Close()
		uri = server.URI()
	}
	before := ours()
	heap := heapInUse()
	proxy, err := faultproxy.StartSet(ctx, uri, members)
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	loop := callback.NewLoop()
	client, err := motor.NewClient(proxy.URI()+settings, motor.WithIOLoop(loop), motor.WithMaxWorkers(workers))
	if err != nil {
		return nil, err
	}
	s := &soak{Config: config, proxy: proxy, client: client, loop: loop}
	quiet := future.SetUnobservedHandler(func(error) {}) // of cancelled operations
	defer func() { future.SetUnobservedHandler(quiet) }()
	for s.until < int64(s.Operations) {
		s.until = min(s.until+roundSize, int64(s.Operations))
		if err := s.round(ctx); err != nil {
			return nil, err
		}
	}
	leaked := s.quietly(ctx)
	r := &Report{
		Operations: s.started.Load(), Settled: s.settled.Load(), Lost: s.lost.Load(), Twice: s.twice.Load(), Failed: s.failed.Load(),
		Faults: proxy.Stats().Faults, Stops: s.stops.Load(), Moves: s.moves.Load(), Reopened: s.reopened.Load(), Leaked: leaked,
	}
	if err := proxy.Close(); err != nil {
		return nil, err
	}
	if left := awaitGone(before); len(left) > 0 {
		r.Leaked += int64(len(left))
		s.problemf("%d goroutines are left, such as\n%s", len(left), left[0])
	}
	s.ledger.clear()
	if now := heapInUse(); now > heap+64<<20 {
		r.Leaked++
		s.problemf("the heap has grown from %d to %d MiB", heap>>20, now>>20)
	}
	r.Problems = s.problems
	return r, nil
}

// roundSize is the number of operations of a round. The embedded server looks at all documents to find one by _id: in a
// single database, 200,000 operations would take seconds each. So each round begins with an empty database.
const roundSize = 10_000

// round runs a part of the operations, and checks what they have done.
func (s *soak) round(ctx context.Context) error {
	if _, err := s.client.DropDatabase(ctx, database).Await(ctx); err != nil {
		return err
	}
	s.ledger.clear()
	s.uploads.Store(0)
	if err := s.fill(ctx); err != nil {
		return err
	}
	watcher, err := s.watch(ctx, s.client.Database(database).Collection("watched"))
	if err != nil {
		return err
	}
	if err := s.underFaults(ctx); err != nil {
		return err
	}
	watcher.finish(ctx, s.ledger.watched)
	s.verify(ctx)
	return nil
}

// heapInUse returns the bytes of live objects.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// ours returns the stacks of the goroutines of this library and of the driver, by their headers. The embedded server has
// others.
func ours() map[string]string {
	buffer := make([]byte, 64<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		header, _, _ := strings.Cut(stack, " [")
		if (strings.Contains(stack, "mongo-driver") || strings.Contains(stack, "gomotor/gomotor/")) && !strings.Contains(stack, "FerretDB") {
			all[header] = stack
		}
	}
	return all
}

// awaitGone returns the stacks of goroutines that were not there before and do not end.
func awaitGone(before map[string]string) (left []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left = nil
		for header, stack := range ours() {
			if _, known := before[header]; !known {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

// underFaults runs all operations, with faults.
func (s *soak) underFaults(ctx context.Context) error {
	const rare = 0.003
	err := s.proxy.SetChances(faultproxy.Chances{
		Seed: s.Seed + uint64(s.until), Delay: 0.02, CutBefore: rare, CutWithin: rare, CutUnanswered: rare, CutAfter: rare, Stall: rare / 100, Reset: true,
	})
	if err != nil {
		return err
	}
	over, stop := context.WithCancel(ctx)
	var chaos, work sync.WaitGroup
	chaos.Go(func() { s.drive(over) })
	chaos.Go(func() { s.disturb(over) })
	for worker := range workers {
		work.Go(func() {
			r := rand.New(rand.NewPCG(s.Seed+uint64(s.until), uint64(worker)))
			for ctx.Err() == nil {
				n := s.started.Add(1)
				if n > s.until {
					s.started.Add(-1)
					return
				}
				s.one(ctx, r, worker)
				if s.Progress != nil && n%1000 == 0 {
					s.Progress(int(n), s.Operations)
				}
			}
		})
	}
	work.Wait()
	stop()
	s.loop.Stop()
	chaos.Wait()
	if err := s.proxy.SetChances(faultproxy.Chances{}); err != nil {
		return err
	}
	if err := s.proxy.Resume(); err != nil {
		return err
	}
	return ctx.Err()
}

// drive runs the loop. Whenever it is stopped, it starts again after a moment.
func (s *soak) drive(over context.Context) {
	for over.Err() == nil {
		s.loop.Start()
		time.Sleep(time.Millisecond)
	}
}

// disturb stops and starts what can be stopped: ten times each in a run.
func (s *soak) disturb(over context.Context) {
	r := rand.New(rand.NewPCG(s.Seed+uint64(s.until), 1<<32))
	next := int64(0)
	for over.Err() == nil {
		time.Sleep(5 * time.Millisecond)
		if s.started.Load() < next {
			continue
		}
		next = s.started.Load() + min(int64(s.Operations), roundSize)/30
		switch r.IntN(4) {
		case 0:
			s.loop.Stop()
		case 1:
			s.reopened.Add(1)
			if err := s.client.Close(over); err != nil && over.Err() == nil {
				s.problemf("Close: %v", err)
			}
		case 2:
			s.moves.Add(1)
			if err := s.proxy.MovePrimary(r.IntN(members)); err != nil {
				s.problemf("moving the primary: %v", err)
			}
		default:
			s.stops.Add(1)
			if err := s.proxy.Stop(); err != nil {
				s.problemf("stopping the proxy: %v", err)
			}
			time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
			if err := s.proxy.Resume(); err != nil {
				s.problemf("resuming the proxy: %v", err)
			}
		}
	}
}

// quietly runs some operations without faults on a client that opens again, and closes it. It returns how many things
// are left open.
func (s *soak) quietly(ctx context.Context) (left int64) {
	if err := s.client.Close(ctx); err != nil {
		s.problemf("Close: %v", err)
	}
	s.awaitNoConnection()
	before := s.proxy.Stats()
	c := s.client.Database(database).Collection("fixed")
	for i := range 50 {
		cursor := c.Find(map[string]any{}).BatchSize(2)
		for range i % 5 {
			if _, err := cursor.Next(ctx).Await(ctx); err != nil {
				s.problemf("without faults: %v", err)
			}
		}
		if _, err := cursor.Close(ctx).Await(ctx); err != nil {
			s.problemf("without faults: %v", err)
		}
	}
	if err := s.client.Close(ctx); err != nil {
		s.problemf("Close: %v", err)
	}
	s.loop.Close()
	s.awaitNoConnection()
	after := s.proxy.Stats()
	if n := after.Connections; n > 0 {
		left += int64(n)
		s.problemf("%d connections are left", n)
	}
	if n := after.Cursors - before.Cursors; n > 0 {
		left += int64(n)
		s.problemf("%d cursors are left", n)
	}
	if n := after.Sessions - before.Sessions; n > 0 {
		left += int64(n)
		s.problemf("%d sessions are left", n)
	}
	return left
}

// awaitNoConnection waits until the proxy has seen the end of all connections, or gives up.
func (s *soak) awaitNoConnection() {
	for end := time.Now().Add(30 * time.Second); s.proxy.Stats().Connections > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
