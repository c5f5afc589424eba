package callback_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func nothing() {}

// BenchmarkPost compares AddCallback with sending a function on a buffered channel to one goroutine.
func BenchmarkPost(b *testing.B) {
	for _, posters := range []int{1, 2, 8} {
		b.Run(fmt.Sprintf("posters=%d", posters), func(b *testing.B) {
			duel(b, func(n int) {
				loop := callback.NewLoop()
				wait := background(loop)
				share(n, posters, func() { loop.AddCallback(nothing) })
				loop.Close()
				wait()
			}, func(n int) {
				tasks := make(chan func(), 1024)
				done := make(chan none)
				go func() {
					defer close(done)
					for fn := range tasks {
						fn()
					}
				}()
				share(n, posters, func() { tasks <- nothing })
				close(tasks)
				<-done
			})
		})
	}
}

// share distributes n calls of fn over goroutines.
func share(n, goroutines int, fn func()) {
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range (n + g) / goroutines {
				fn()
			}
		})
	}
	wg.Wait()
}

// BenchmarkAwaitPending compares coroutines with goroutines. They await pending futures, which others settle.
func BenchmarkAwaitPending(b *testing.B) {
	// There are two of them. Each makes a future that the other settles.
	b.Run("of a peer", func(b *testing.B) {
		duel(b, func(n int) {
			onLoop(func(co *callback.Co) {
				var p *future.Promise[int]
				settle := func() { p.Resolve(1) }
				for range n {
					p = future.NewPromise[int]()
					co.Loop().AddCallback(settle)
					_, _ = p.Future().Await(co)
				}
			})
		}, func(n int) {
			promises := make(chan *future.Promise[int])
			go func() {
				for p := range promises {
					p.Resolve(1)
				}
			}()
			for range n {
				p := future.NewPromise[int]()
				promises <- p
				_, _ = p.Future().Await(context.Background())
			}
			close(promises)
		})
	})
	// Two coroutines or two goroutines wait for each other alternately.
	b.Run("ping-pong", func(b *testing.B) {
		duel(b, func(n int) {
			onLoop(func(co *callback.Co) {
				var t table
				t.sit()
				other := callback.Spawn(co.Loop(), func(co *callback.Co) (none, error) { return none{}, t.play(co, 1, n) })
				_ = t.play(co, 0, n)
				_, _ = other.Await(co)
			})
		}, func(n int) {
			var t table
			t.sit()
			var wg sync.WaitGroup
			for side := range 2 {
				wg.Go(func() { _ = t.play(context.Background(), side, n) })
			}
			wg.Wait()
		})
	})
	// A thousand of them wait at a time for futures that another goroutine settles.
	b.Run("of another goroutine, 1000 at a time", func(b *testing.B) {
		const waiters = 1000
		duel(b, func(n int) {
			promises, settled := settler()
			onLoop(func(co *callback.Co) {
				fs := make([]*future.Future[none], waiters)
				for i := range fs {
					fs[i] = callback.Spawn(co.Loop(), func(co *callback.Co) (none, error) {
						awaitEach(co, promises, (n+i)/waiters)
						return none{}, nil
					})
				}
				_, _ = future.All(fs...).Await(co)
			})
			close(promises)
			<-settled
		}, func(n int) {
			promises, settled := settler()
			var wg sync.WaitGroup
			for i := range waiters {
				wg.Go(func() { awaitEach(context.Background(), promises, (n+i)/waiters) })
			}
			wg.Wait()
			close(promises)
			<-settled
		})
	})
}

// table has the futures of two players. Each settles the future that the other awaits.
type table [2]*future.Promise[int]

func (t *table) sit() { t[0], t[1] = future.NewPromise[int](), future.NewPromise[int]() }

func (t *table) play(ctx context.Context, side, n int) error {
	for range n {
		if side == 0 {
			other := t[1]
			mine := t[0]
			other.Resolve(1)
			if _, err := mine.Future().Await(ctx); err != nil {
				return err
			}
		} else {
			if _, err := t[1].Future().Await(ctx); err != nil {
				return err
			}
			t[1] = future.NewPromise[int]()
			other := t[0]
			t[0] = future.NewPromise[int]()
			other.Resolve(1)
		}
	}
	return nil
}

func awaitEach(ctx context.Context, promises chan<- *future.Promise[int], n int) {
	for range n {
		p := future.NewPromise[int]()
		promises <- p
		_, _ = p.Future().Await(ctx)
	}
}

// settler starts a goroutine that settles the promises that it receives.
func settler() (promises chan *future.Promise[int], done chan none) {
	promises, done = make(chan *future.Promise[int], 4096), make(chan none)
	go func() {
		defer close(done)
		for p := range promises {
			p.Resolve(1)
		}
	}()
	return promises, done
}

func onLoop(fn func(co *callback.Co)) {
	loop := callback.NewLoop()
	defer loop.Close()
	_, _ = callback.RunSync(loop, func(co *callback.Co) (none, error) {
		fn(co)
		return none{}, nil
	})
}

// BenchmarkTimer adds and removes a timeout while 1,000 others are pending.
func BenchmarkTimer(b *testing.B) {
	const live = 1000
	after := func(i int) time.Duration { return time.Hour + time.Duration(i*7919%live)*time.Second }
	duel(b, func(n int) {
		loop := callback.NewLoop()
		var all []*callback.Timeout
		for i := range live {
			all = append(all, loop.CallLater(after(i), nothing))
		}
		for i := range n {
			loop.RemoveTimeout(loop.CallLater(after(i), nothing))
		}
		for _, t := range all {
			loop.RemoveTimeout(t)
		}
		loop.Close()
	}, func(n int) {
		for i := range live {
			defer time.AfterFunc(after(i), nothing).Stop()
		}
		for i := range n {
			time.AfterFunc(after(i), nothing).Stop()
		}
	})
}

// BenchmarkSpawn starts a coroutine and waits for it, compared with a goroutine.
func BenchmarkSpawn(b *testing.B) {
	duel(b, func(n int) {
		onLoop(func(co *callback.Co) {
			for range n {
				_, _ = callback.Spawn(co.Loop(), func(*callback.Co) (int, error) { return 1, nil }).Await(co)
			}
		})
	}, func(n int) {
		for range n {
			p := future.NewPromise[int]()
			go p.Resolve(1)
			_, _ = p.Future().Await(context.Background())
		}
	})
}

// BenchmarkQueued measures the memory of queued callbacks without their closures.
func BenchmarkQueued(b *testing.B) {
	const n = 1_000_000
	for range b.N {
		loop := callback.NewLoop()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range n {
			loop.AddCallback(nothing)
		}
		runtime.ReadMemStats(&after) // TotalAlloc includes the buffers that the queue replaced while it grew
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "bytes/callback")
		loop.Close()
	}
}

// duel runs two functions that do the same, alternately and six times each. It reports the medians and their ratio:
// 2 means that ours is twice as fast. Alternating runs make the ratio independent of the machine and of its load.
func duel(b *testing.B, ours, theirs func(n int)) {
	b.Helper()
	const rounds = 6
	sides := [2]func(n int){ours, theirs}
	var took [2][]float64
	for range rounds {
		for i, run := range sides {
			began := time.Now()
			run(b.N)
			took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/float64(b.N))
		}
	}
	var median [2]float64
	for i := range took {
		slices.Sort(took[i])
		median[i] = (took[i][rounds/2-1] + took[i][rounds/2]) / 2
	}
	b.ReportMetric(0, "ns/op") // b.N covers both sides, so the default metric is useless
	b.ReportMetric(median[0], "ours-ns")
	b.ReportMetric(median[1], "theirs-ns")
	b.ReportMetric(median[1]/median[0], "times")
}
