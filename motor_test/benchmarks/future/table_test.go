package future_test

import (
	"context"
	"sync"
	"testing"

	gofuture "github.com/jizhuozhi/go-future"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor_test/internal/figures"
)

var background = context.Background()

func table(t *testing.T) []figures.Row {
	return []figures.Row{
		figures.Compare("create, resolve, await",
			figures.By("gomotor", 1, func(n int) {
				for range n {
					p := future.NewPromise[int]()
					p.Resolve(1)
					_, _ = p.Future().Await(background)
				}
			}),
			figures.By("eager channel", 1, func(n int) {
				for range n {
					f := newEager[int]()
					f.settle(1, nil)
					_, _ = f.await(background)
				}
			}),
			figures.By("go-future", 1, func(n int) {
				for range n {
					p := gofuture.NewPromise[int]()
					p.Set(1, nil)
					_, _ = p.Future().Get()
				}
			}),
		),
		figures.Compare("create, then, complete, await",
			figures.By("gomotor", 1, func(n int) {
				for range n {
					p := future.NewPromise[int]()
					f := future.Then(p.Future(), increment)
					p.Resolve(1)
					_, _ = f.Await(background)
				}
			}),
			figures.By("eager channel", 1, func(n int) {
				for range n {
					p := newEager[int]()
					f := eagerThen(p, increment)
					p.settle(1, nil)
					_, _ = f.await(background)
				}
			}),
			figures.By("go-future, on the resolver's stack", 1, func(n int) {
				for range n {
					p := gofuture.NewPromise[int]()
					f := gofuture.Then(p.Future(), incrementOrFail)
					p.Set(1, nil)
					_, _ = f.Get()
				}
			}),
		),
		figures.Compare("a pending await",
			figures.By("gomotor", 1, func(n int) {
				served(n, future.NewPromise[int], func(p *future.Promise[int]) { p.Resolve(1) }, func(p *future.Promise[int]) {
					_, _ = p.Future().Await(background)
				})
			}),
			figures.By("bare reply channel", 1, func(n int) {
				served(n, func() chan int { return make(chan int, 1) }, func(c chan int) { c <- 1 }, func(c chan int) { <-c })
			}),
			figures.By("eager channel", 1, func(n int) {
				served(n, newEager[int], func(f *eager[int]) { f.settle(1, nil) }, func(f *eager[int]) {
					_, _ = f.await(background)
				})
			}),
			figures.By("go-future", 1, func(n int) {
				served(n, gofuture.NewPromise[int], func(p *gofuture.Promise[int]) { p.Set(1, nil) }, func(p *gofuture.Promise[int]) {
					_, _ = p.Future().Get()
				})
			}),
		),
		figures.Compare("a link of a chain of 1,000",
			figures.By("gomotor", 1_000, func(n int) { chain(n, 1_000) }),
			figures.By("gomotor, of 100,000", 100_000, func(n int) { chain(n, 100_000) }),
			figures.By("eager channel", 1_000, func(n int) { eagerChain(n, 1_000) }),
			figures.By("go-future, recursively", 1_000, func(n int) { goFutureChain(n, 1_000) }),
		),
		figures.Compare("a no-op task, 4 workers",
			figures.By("gomotor Execute", burst, poolFuncs(t)),
			figures.By("channel of functions", burst, channelFuncs(t)),
		),
		figures.Compare("a no-op task with a reply, 4 workers",
			figures.By("gomotor Go", burst, poolReplies(t)),
			figures.By("channel and reply channel", burst, channelReplies(t)),
		),
		figures.Compare("16 KB of stack, one at a time",
			figures.By("gomotor Go", 1, deepPool(t, 1)),
			figures.By("gomotor Go, in place", 1, deepPool(t, 1, future.WithInPlaceAwait())),
			figures.By("a goroutine each", 1, deepGoroutines(1)),
		),
		figures.Compare("16 KB of stack, 10,000 in flight",
			figures.By("gomotor Go", 10_000, deepPool(t, 10_000)),
			figures.By("a goroutine each", 10_000, deepGoroutines(10_000)),
		),
	}
}

func increment(i int) (int, error) { return i + 1, nil }

func incrementOrFail(i int, err error) (int, error) { return i + 1, err }

// served makes another goroutine settle the futures that this one awaits.
func served[F any](n int, create func() F, settle, await func(F)) {
	requests := make(chan F)
	go func() {
		for f := range requests {
			settle(f)
		}
	}()
	for range n {
		f := create()
		requests <- f
		await(f)
	}
	close(requests)
}

func chain(n, links int) {
	for done := 0; done < n; done += links {
		p := future.NewPromise[int]()
		f := p.Future()
		for range links {
			f = future.Then(f, increment)
		}
		p.Resolve(0)
		_, _ = f.Await(background)
	}
}

func eagerChain(n, links int) {
	for done := 0; done < n; done += links {
		p := newEager[int]()
		f := p
		for range links {
			f = eagerThen(f, increment)
		}
		p.settle(0, nil)
		_, _ = f.await(background)
	}
}

func goFutureChain(n, links int) {
	for done := 0; done < n; done += links {
		p := gofuture.NewPromise[int]()
		f := p.Future()
		for range links {
			f = gofuture.Then(f, incrementOrFail)
		}
		p.Set(0, nil)
		_, _ = f.Get()
	}
}

// Tasks run in bursts. Each burst ends before the next one starts.
const (
	workers = 4
	burst   = 1_000
)

func newPool(t *testing.T, opts ...future.PoolOption) *future.Pool {
	p, err := future.NewPool(workers, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func bursts(n int, submit func(task func())) {
	var wg sync.WaitGroup
	task := func() { wg.Done() }
	for done := 0; done < n; done += burst {
		wg.Add(burst)
		for range burst {
			submit(task)
		}
		wg.Wait()
	}
}

func poolFuncs(t *testing.T) func(int) {
	p := newPool(t)
	return func(n int) { bursts(n, func(task func()) { _ = p.Execute(task) }) }
}

func channelWorkers(t *testing.T) chan<- func() {
	tasks := make(chan func(), 128)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for task := range tasks {
				task()
			}
		})
	}
	t.Cleanup(func() { close(tasks); wg.Wait() })
	return tasks
}

func channelFuncs(t *testing.T) func(int) {
	tasks := channelWorkers(t)
	return func(n int) { bursts(n, func(task func()) { tasks <- task }) }
}

func poolReplies(t *testing.T) func(int) {
	p := newPool(t)
	task := func(context.Context) (int, error) { return 1, nil }
	fs := make([]*future.Future[int], burst)
	return func(n int) {
		for done := 0; done < n; done += burst {
			for i := range fs {
				fs[i] = future.Go(background, p, task)
			}
			for _, f := range fs {
				_, _ = f.Await(background)
			}
		}
	}
}

func channelReplies(t *testing.T) func(int) {
	tasks := channelWorkers(t)
	replies := make([]chan int, burst)
	return func(n int) {
		for done := 0; done < n; done += burst {
			for i := range replies {
				reply := make(chan int, 1)
				replies[i] = reply
				tasks <- func() { reply <- 1 }
			}
			for _, reply := range replies {
				<-reply
			}
		}
	}
}

// deep uses 16 KB of stack.
//
//go:noinline
func deep(levels int) byte {
	var frame [1000]byte
	if levels > 0 {
		frame[levels] = deep(levels - 1)
	}
	return frame[levels] + frame[len(frame)-1-levels]
}

func deepPool(t *testing.T, inFlight int, opts ...future.PoolOption) func(int) {
	p := newPool(t, opts...)
	fs := make([]*future.Future[byte], inFlight)
	return func(n int) {
		for done := 0; done < n; done += inFlight {
			for i := range fs {
				fs[i] = future.Go(background, p, func(context.Context) (byte, error) { return deep(15), nil })
			}
			for _, f := range fs {
				_, _ = f.Await(background)
			}
		}
	}
}

func deepGoroutines(inFlight int) func(int) {
	replies := make([]chan byte, inFlight)
	return func(n int) {
		for done := 0; done < n; done += inFlight {
			for i := range replies {
				reply := make(chan byte, 1)
				replies[i] = reply
				go func() { reply <- deep(15) }()
			}
			for _, reply := range replies {
				<-reply
			}
		}
	}
}
