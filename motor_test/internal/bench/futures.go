package bench

import (
	"context"
	"sync"

	gofuture "github.com/jizhuozhi/go-future"

	"github.com/gomotor/gomotor/future"
)

var background = context.Background()

// futureRows are the rows of package future.
func futureRows() []Row {
	created := repeated(func() {
		p := future.NewPromise[int]()
		p.Resolve(1)
		_, _ = p.Future().Await(background)
	})
	pending := served(future.NewPromise[int], func(p *future.Promise[int]) { p.Resolve(1) },
		func(p *future.Promise[int]) { _, _ = p.Future().Await(background) })
	continued := repeated(func() {
		p := future.NewPromise[int]()
		f := future.Then(p.Future(), increment)
		p.Resolve(1)
		_, _ = f.Await(background)
	})
	return []Row{
		{Name: "future: create, resolve, await; go-future", Goal: 1, Other: "go-future",
			Ours: created,
			Theirs: repeated(func() {
				p := gofuture.NewPromise[int]()
				p.Set(1, nil)
				_, _ = p.Future().Get()
			})},
		{Name: "future: create, resolve, await; channel future", Goal: 1, Other: "a channel future",
			Ours: created,
			Theirs: repeated(func() {
				f := newEager[int]()
				f.settle(1, nil)
				_, _ = f.await(background)
			})},
		{Name: "future: a pending await; go-future", Goal: 1, Other: "go-future",
			Ours: pending,
			Theirs: served(gofuture.NewPromise[int], func(p *gofuture.Promise[int]) { p.Set(1, nil) },
				func(p *gofuture.Promise[int]) { _, _ = p.Future().Get() })},
		{Name: "future: a pending await; reply channel", Goal: 1, Other: "a reply channel",
			Ours:   pending,
			Theirs: served(func() chan int { return make(chan int, 1) }, func(c chan int) { c <- 1 }, func(c chan int) { <-c })},
		{Name: "future: create, then, complete, await; go-future", Goal: 2, Other: "go-future, on the resolver's stack",
			Ours: continued,
			Theirs: repeated(func() {
				p := gofuture.NewPromise[int]()
				f := gofuture.Then(p.Future(), incrementOrFail)
				p.Set(1, nil)
				_, _ = f.Get()
			})},
		{Name: "future: create, then, complete, await; channel future", Goal: 1, Other: "a channel future",
			Ours: continued,
			Theirs: repeated(func() {
				p := newEager[int]()
				f := eagerThen(p, increment)
				p.settle(1, nil)
				_, _ = f.await(background)
			})},
		{Name: "future: a link of a chain of 1,000; go-future", Goal: 1, Other: "go-future, recursively", Unit: links, Ours: chain, Theirs: goFutureChain},
		{Name: "future: a link of a chain of 1,000; channel future", Goal: 1, Other: "a channel future", Unit: links, Ours: chain, Theirs: eagerChain},
		{Name: "pool: a no-op task, 4 workers; channel of functions", Goal: 1, Other: "a channel of functions", Unit: burst,
			Ours: inPool(func(p *future.Pool, n int) { bursts(n, func(task func()) { _ = p.Execute(task) }) }),
			Theirs: withWorkers(func(tasks chan<- func(), n int) {
				bursts(n, func(task func()) { tasks <- task })
			})},
		{Name: "pool: a no-op task with a reply; channel and a reply channel", Goal: 1, Other: "a channel and a reply channel", Unit: burst,
			Ours: inPool(poolReplies), Theirs: withWorkers(channelReplies)},
		{Name: "pool: 16 KB of stack, 10,000 in flight; goroutine each", Goal: 1, Other: "a goroutine each", Unit: deepInFlight,
			Ours: inPool(deepPool), Theirs: deepGoroutines},
	}
}

func increment(i int) (int, error) { return i + 1, nil }

func incrementOrFail(i int, err error) (int, error) { return i + 1, err }

// repeated repeats a task that does not fail.
func repeated(do func()) func(n int) error {
	return func(n int) error {
		for range n {
			do()
		}
		return nil
	}
}

// served makes another goroutine settle the futures that this one awaits.
func served[F any](create func() F, settle, await func(F)) func(n int) error {
	return func(n int) error {
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
		return nil
	}
}

// links is the length of a chain.
const links = 1000

func chain(n int) error {
	for done := 0; done < n; done += links {
		p := future.NewPromise[int]()
		f := p.Future()
		for range links {
			f = future.Then(f, increment)
		}
		p.Resolve(0)
		_, _ = f.Await(background)
	}
	return nil
}

func eagerChain(n int) error {
	for done := 0; done < n; done += links {
		p := newEager[int]()
		f := p
		for range links {
			f = eagerThen(f, increment)
		}
		p.settle(0, nil)
		_, _ = f.await(background)
	}
	return nil
}

func goFutureChain(n int) error {
	for done := 0; done < n; done += links {
		p := gofuture.NewPromise[int]()
		f := p.Future()
		for range links {
			f = gofuture.Then(f, incrementOrFail)
		}
		p.Set(0, nil)
		_, _ = f.Get()
	}
	return nil
}

// Tasks run in bursts. Each burst ends before the next one starts.
const (
	workers      = 4
	burst        = 1000
	deepInFlight = 10_000
)

// inPool runs a task on a pool.
func inPool(do func(p *future.Pool, n int)) func(n int) error {
	return func(n int) error {
		p, err := future.NewPool(workers)
		if err != nil {
			return err
		}
		defer p.Close()
		do(p, n)
		return nil
	}
}

// withWorkers runs a task with goroutines that read functions from a channel.
func withWorkers(do func(tasks chan<- func(), n int)) func(n int) error {
	return func(n int) error {
		tasks := make(chan func(), 128)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for task := range tasks {
					task()
				}
			})
		}
		do(tasks, n)
		close(tasks)
		wg.Wait()
		return nil
	}
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

func poolReplies(p *future.Pool, n int) {
	task := func(context.Context) (int, error) { return 1, nil }
	fs := make([]*future.Future[int], burst)
	for done := 0; done < n; done += burst {
		for i := range fs {
			fs[i] = future.Go(background, p, task)
		}
		for _, f := range fs {
			_, _ = f.Await(background)
		}
	}
}

func channelReplies(tasks chan<- func(), n int) {
	replies := make([]chan int, burst)
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

func deepPool(p *future.Pool, n int) {
	fs := make([]*future.Future[byte], deepInFlight)
	for done := 0; done < n; done += deepInFlight {
		for i := range fs {
			fs[i] = future.Go(background, p, func(context.Context) (byte, error) { return deep(15), nil })
		}
		for _, f := range fs {
			_, _ = f.Await(background)
		}
	}
}

func deepGoroutines(n int) error {
	replies := make([]chan byte, deepInFlight)
	for done := 0; done < n; done += deepInFlight {
		for i := range replies {
			reply := make(chan byte, 1)
			replies[i] = reply
			go func() { reply <- deep(15) }()
		}
		for _, reply := range replies {
			<-reply
		}
	}
	return nil
}
