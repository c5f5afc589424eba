package future_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/future"
)

var background = context.Background()

func BenchmarkResolveAwait(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p := future.NewPromise[int]()
		p.Resolve(1)
		_, _ = p.Future().Await(background)
	}
}

// BenchmarkPendingAwait awaits a future that another goroutine settles. BenchmarkReplyChannel does the same with a
// channel.
func BenchmarkPendingAwait(b *testing.B) {
	b.ReportAllocs()
	requests := make(chan *future.Promise[int])
	defer close(requests)
	go func() {
		for p := range requests {
			p.Resolve(1)
		}
	}()
	for b.Loop() {
		p := future.NewPromise[int]()
		requests <- p
		_, _ = p.Future().Await(background)
	}
}

func BenchmarkReplyChannel(b *testing.B) {
	b.ReportAllocs()
	requests := make(chan chan int)
	defer close(requests)
	go func() {
		for c := range requests {
			c <- 1
		}
	}()
	for b.Loop() {
		c := make(chan int, 1)
		requests <- c
		<-c
	}
}

func BenchmarkThen(b *testing.B) {
	b.ReportAllocs()
	done := make(chan struct{}, 1)
	for b.Loop() {
		p := future.NewPromise[int]()
		future.Then(p.Future(), func(i int) (int, error) { done <- struct{}{}; return i, nil })
		p.Resolve(1)
		<-done
	}
}

func BenchmarkChain(b *testing.B) {
	for _, links := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(links), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := future.NewPromise[int]()
				f := p.Future()
				for range links {
					f = future.Then(f, func(i int) (int, error) { return i + 1, nil })
				}
				p.Resolve(0)
				_, _ = f.Await(background)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(links), "ns/link")
		})
	}
}

func BenchmarkAll(b *testing.B) {
	for _, n := range []int{2, 1_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			ps, fs := make([]*future.Promise[int], n), make([]*future.Future[int], n)
			for b.Loop() {
				for i := range ps {
					ps[i] = future.NewPromise[int]()
					fs[i] = ps[i].Future()
				}
				all := future.All(fs...)
				for _, p := range ps {
					p.Resolve(1)
				}
				_, _ = all.Await(background)
			}
		})
	}
}

// The next benchmarks compare the pool with the same number of goroutines that read functions from a channel. Each
// iteration submits a burst of tasks and waits for them.
const (
	workers = 4
	burst   = 1000
)

func BenchmarkPoolNoOp(b *testing.B) {
	b.ReportAllocs()
	p := newPool(b, workers)
	var wg sync.WaitGroup
	task := func() { wg.Done() }
	for b.Loop() {
		wg.Add(burst)
		for range burst {
			_ = p.Execute(task)
		}
		wg.Wait()
	}
	perTask(b, burst)
}

func BenchmarkPoolNoOpFutures(b *testing.B) {
	b.ReportAllocs()
	p := newPool(b, workers)
	fs := make([]*future.Future[int], burst)
	for b.Loop() {
		for i := range fs {
			fs[i] = future.Go(background, p, func(context.Context) (int, error) { return 1, nil })
		}
		for _, f := range fs {
			_, _ = f.Await(background)
		}
	}
	perTask(b, burst)
}

func BenchmarkChannelWorkersNoOp(b *testing.B) {
	b.ReportAllocs()
	tasks := channelWorkers(b)
	var wg sync.WaitGroup
	task := func() { wg.Done() }
	for b.Loop() {
		wg.Add(burst)
		for range burst {
			tasks <- task
		}
		wg.Wait()
	}
	perTask(b, burst)
}

func BenchmarkChannelWorkersNoOpFutures(b *testing.B) {
	b.ReportAllocs()
	tasks := channelWorkers(b)
	replies := make([]chan int, burst)
	for b.Loop() {
		for i := range replies {
			reply := make(chan int, 1)
			replies[i] = reply
			tasks <- func() { reply <- 1 }
		}
		for _, reply := range replies {
			<-reply
		}
	}
	perTask(b, burst)
}

func channelWorkers(b *testing.B) chan<- func() {
	tasks := make(chan func(), 128)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for task := range tasks {
				task()
			}
		})
	}
	b.Cleanup(func() { close(tasks); wg.Wait() })
	return tasks
}

func perTask(b *testing.B, tasks int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tasks), "ns/task")
}

// deep uses 16 KB of stack, like an operation of the driver.
//
//go:noinline
func deep(levels int) byte {
	var frame [1024]byte
	if levels > 0 {
		frame[levels] = deep(levels - 1)
	}
	return frame[levels] + frame[len(frame)-1-levels]
}

func BenchmarkDeepOneAtATime(b *testing.B) {
	b.Run("pool", func(b *testing.B) {
		p := newPool(b, workers)
		for b.Loop() {
			_, _ = future.Go(background, p, func(context.Context) (byte, error) { return deep(16), nil }).Await(background)
		}
	})
	b.Run("pool in place", func(b *testing.B) {
		p := newPool(b, workers, future.WithInPlaceAwait())
		for b.Loop() {
			_, _ = future.Go(background, p, func(context.Context) (byte, error) { return deep(16), nil }).Await(background)
		}
	})
	b.Run("goroutine each", func(b *testing.B) {
		for b.Loop() {
			c := make(chan byte, 1)
			go func() { c <- deep(16) }()
			<-c
		}
	})
}

func BenchmarkDeepManyInFlight(b *testing.B) {
	const inFlight = 10_000
	b.Run("pool", func(b *testing.B) {
		p := newPool(b, workers)
		fs := make([]*future.Future[byte], inFlight)
		for b.Loop() {
			for i := range fs {
				fs[i] = future.Go(background, p, func(context.Context) (byte, error) { return deep(16), nil })
			}
			for _, f := range fs {
				_, _ = f.Await(background)
			}
		}
		perTask(b, inFlight)
	})
	b.Run("goroutine each", func(b *testing.B) {
		cs := make([]chan byte, inFlight)
		for b.Loop() {
			for i := range cs {
				c := make(chan byte, 1)
				cs[i] = c
				go func() { c <- deep(16) }()
			}
			for _, c := range cs {
				<-c
			}
		}
		perTask(b, inFlight)
	})
}
