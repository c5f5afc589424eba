package future_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

// FuzzInterleavings builds a random graph of futures while other goroutines settle, cancel and await its nodes. It
// checks these properties, which hold for every interleaving:
//   - exactly one call settles each promise;
//   - each callback runs exactly once unless it was stopped, in the order of registration, with the outcome of its future;
//   - each node is settled in the end, with an outcome that its kind and its parents allow;
//   - no links are left.
func FuzzInterleavings(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, uint8(20+seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size uint8) {
		newModel(t, seed).run(int(size))
	})
}

func TestInterleavings(t *testing.T) {
	rounds := uint64(300)
	if raceEnabled || testing.Short() {
		rounds = 40
	}
	for seed := range rounds {
		newModel(t, seed).run(40)
	}
}

type model struct {
	t     *testing.T
	seed  uint64
	r     *rand.Rand
	pool  *future.Pool
	via   *future.Pool // a second pool, because continuations on it wait for tasks of pool
	roots []*root
	nodes []*node
	wg    sync.WaitGroup
}

// root is a promise, with the settlements that returned true.
type root struct {
	p   *future.Promise[int]
	won record[string]
}

// node is a future, with a check of its outcome and the calls of its callbacks.
type node struct {
	name     string
	f        *future.Future[int]
	check    func(v int, err error) error
	expected record[int] // the callbacks that are registered and not stopped, in order
	called   record[int]
	outcome  record[string]
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 7))}
	m.pool = newPool(t, 1+int(seed%3), []future.PoolOption{future.WithInPlaceAwait()}[:seed%2]...)
	m.via = newPool(t, 1+int(seed%2))
	return m
}

func (m *model) run(size int) {
	for range 2 + size/8 {
		m.addRoot()
	}
	for i := range size {
		m.derive()
		if i%3 == 0 {
			m.disturb()
		}
	}
	m.settleAll()
	m.wg.Wait()
	m.verify()
	m.pool.Close()
	m.via.Close()
}

func (m *model) addRoot() {
	r := &root{p: future.NewPromise[int]()}
	m.roots = append(m.roots, r)
	m.add(fmt.Sprintf("root %d", len(m.roots)-1), r.p.Future(), nil)
}

func (m *model) add(name string, f *future.Future[int], check func(int, error) error) *node {
	n := &node{name: name, f: f, check: check}
	m.nodes = append(m.nodes, n)
	for range m.r.IntN(3) {
		m.callback(n)
	}
	return n
}

func (m *model) pick() *node { return m.nodes[m.r.IntN(len(m.nodes))] }

var errModel = errors.New("a continuation failed")

// derive adds a node that is derived from other nodes.
func (m *model) derive() {
	a, b := m.pick(), m.pick()
	oneOf := func(v int, err error) error {
		av, ae := a.f.Result()
		bv, be := b.f.Result()
		if v == av && err == ae || v == bv && err == be {
			return nil
		}
		return fmt.Errorf("has %v, %v; %s has %v, %v; %s has %v, %v", v, err, a.name, av, ae, b.name, bv, be)
	}
	same := func(v int, err error) error {
		if av, ae := a.f.Result(); v != av || err != ae {
			return fmt.Errorf("has %v, %v; %s has %v, %v", v, err, a.name, av, ae)
		}
		return nil
	}
	failsWith := func(v int, err error) error {
		if ae := a.f.Err(); ae != nil && err != ae {
			return fmt.Errorf("has %v; %s has %v", err, a.name, ae)
		}
		return nil
	}
	ctx := context.Background()
	switch m.r.IntN(15) {
	case 0:
		m.add("Then", future.Then(a.f, func(i int) (int, error) { return i + 1, nil }), func(v int, err error) error {
			if av, ae := a.f.Result(); err != ae || err == nil && v != av+1 {
				return fmt.Errorf("has %v, %v; %s has %v, %v", v, err, a.name, av, ae)
			}
			return nil
		})
	case 1:
		m.add("Then with panic", future.Then(a.f, func(i int) (int, error) { panic("x") }), func(_ int, err error) error {
			if ae := a.f.Err(); ae == nil && !errors.As(err, new(*future.PanicError)) {
				return fmt.Errorf("has %v", err)
			}
			return nil
		})
	case 2:
		m.add("Then with Goexit", future.Then(a.f, func(i int) (int, error) { runtime.Goexit(); return 0, nil }), failsWith)
	case 3:
		m.add("Catch", a.f.Catch(func(error) (int, error) { return -1, nil }), func(v int, err error) error {
			if av, ae := a.f.Result(); err != nil || ae == nil && v != av || ae != nil && v != -1 {
				return fmt.Errorf("has %v, %v; %s has %v, %v", v, err, a.name, av, ae)
			}
			return nil
		})
	case 4:
		m.add("Finally", a.f.Finally(runtime.Gosched), same)
	case 5:
		m.add("Via", a.f.Via(m.via), same)
	case 6:
		m.add("ThenFuture", future.ThenFuture(a.f, func(int) *future.Future[int] { return b.f }), func(v int, err error) error {
			if ae := a.f.Err(); ae != nil {
				return failsWith(v, err)
			}
			bv, be := b.f.Result()
			if v != bv || err != be {
				return fmt.Errorf("has %v, %v; adopted %s has %v, %v", v, err, b.name, bv, be)
			}
			return nil
		})
	case 7:
		m.add("Race", future.Race(a.f, b.f), oneOf)
	case 8:
		m.add("Any", future.Any(a.f, b.f), func(v int, err error) error {
			if errors.As(err, new(*future.AggregateError)) {
				if a.f.Err() == nil || b.f.Err() == nil {
					return fmt.Errorf("has %v, but one of its inputs succeeded", err)
				}
				return nil
			}
			return oneOf(v, err)
		})
	case 9:
		all := future.All(a.f, b.f)
		m.add("All", future.Then(all, func(vs []int) (int, error) { return vs[0] + vs[1], nil }), func(v int, err error) error {
			av, ae := a.f.Result()
			bv, be := b.f.Result()
			if ae == nil && be == nil && v != av+bv || (ae != nil || be != nil) && err != ae && err != be {
				return fmt.Errorf("has %v, %v; %s has %v, %v; %s has %v, %v", v, err, a.name, av, ae, b.name, bv, be)
			}
			return nil
		})
	case 10:
		m.add("Go", future.Go(ctx, m.pool, func(own context.Context) (int, error) { return a.f.Await(own) }), same)
	case 11:
		m.add("Then that waits", future.Handle(a.f, func(int, error) (int, error) {
			return future.Go(ctx, m.pool, func(context.Context) (int, error) { return 5, nil }).Await(ctx)
		}), func(v int, err error) error {
			if v != 5 || err != nil {
				return fmt.Errorf("has %v, %v", v, err)
			}
			return nil
		})
	case 12:
		m.add("WithTimeout", future.WithTimeout(a.f, time.Duration(m.r.IntN(50))*time.Microsecond), func(v int, err error) error {
			if errors.Is(err, future.ErrTimeout) {
				return nil
			}
			return same(v, err)
		})
	case 13:
		p := future.NewPromise[int]()
		future.Chain(a.f, p)
		m.add("Chain", p.Future(), same)
	case 14:
		sets := future.Wait(future.FirstCompleted, a.f, b.f)
		m.add("Wait", future.ThenFuture(sets, func(s future.Sets[int]) *future.Future[int] { return s.Done[0] }), oneOf)
	}
}

// callback registers a callback of n, which records its calls for verify.
func (m *model) callback(n *node) {
	n.expected.mu.Lock()
	id := len(n.expected.list)
	n.expected.list = append(n.expected.list, id)
	n.expected.mu.Unlock()
	n.f.OnComplete(func(v int, err error) {
		n.called.add(id)
		n.outcome.add(fmt.Sprint(v, err))
	})
}

// disturb starts a goroutine that uses a random node while the graph grows.
func (m *model) disturb() {
	n, r, what := m.pick(), m.roots[m.r.IntN(len(m.roots))], m.r.IntN(7)
	value := m.r.IntN(1000)
	m.wg.Go(func() {
		switch what {
		case 0:
			n.f.Cancel()
		case 1:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(value)*time.Microsecond)
			defer cancel()
			_, _ = n.f.Await(ctx)
		case 2:
			stop := n.f.OnComplete(func(int, error) { n.outcome.add("of a stopped callback") })
			if stop() {
				if stop() {
					m.t.Errorf("seed %d: %s: second stop() = true, want false", m.seed, n.name)
				}
			}
		case 3:
			m.settle(r, value)
		case 4:
			_, _ = n.f.Result()
			n.f.Notify(waker(func() {})).Stop()
		case 5:
			future.Race(n.f, r.p.Future()).Cancel()
		case 6:
			w := future.Then(n.f, func(int) (int, error) { return 0, nil })
			runtime.Gosched()
			w.Cancel()
		}
	})
}

func (m *model) settle(r *root, value int) {
	switch {
	case value%5 == 0:
		if r.p.Reject(errModel) {
			r.won.add("Reject")
		}
	case value%7 == 0:
		if r.p.Settle(value, errModel) {
			r.won.add("Settle")
		}
	case value%11 == 0:
		if r.p.Future().Cancel() {
			r.won.add("Cancel")
		}
	default:
		if r.p.Resolve(value) {
			r.won.add("Resolve")
		}
	}
}

func (m *model) settleAll() {
	for _, r := range m.roots {
		for range 3 {
			value := m.r.IntN(1000)
			m.wg.Go(func() { m.settle(r, value) })
		}
	}
}

func (m *model) verify() {
	m.t.Helper()
	for i, r := range m.roots {
		// A goroutine of disturb may have cancelled the future of the root.
		if won := r.won.all(); len(won) > 1 || len(won) == 0 && !r.p.Future().Cancelled() {
			m.t.Errorf("seed %d: root %d: %v returned true, want exactly one", m.seed, i, won)
		}
	}
	for i, n := range m.nodes {
		v, err := await(m.t, n.f)
		if n.check != nil && !n.f.Cancelled() {
			// The outcome of the parent is final here: a child is settled after its parent.
			if wrong := n.check(v, err); wrong != nil {
				m.t.Errorf("seed %d: node %d, %s: %v", m.seed, i, n.name, wrong)
			}
		}
	}
	for i, n := range m.nodes {
		last := make(chan struct{})
		n.f.OnComplete(func(int, error) { close(last) })
		<-last
		if got, want := n.called.all(), n.expected.all(); !slices.Equal(got, want) {
			m.t.Errorf("seed %d: node %d, %s: callbacks %v ran, want %v", m.seed, i, n.name, got, want)
		}
		v, err := n.f.Result()
		want := fmt.Sprint(v, err)
		for _, got := range n.outcome.all() {
			if got != want && got != "of a stopped callback" {
				m.t.Errorf("seed %d: node %d, %s: a callback got %s, want %s", m.seed, i, n.name, got, want)
			}
		}
		if links := future.Links(n.f); links != 0 {
			m.t.Errorf("seed %d: node %d, %s: %d links are left, want 0", m.seed, i, n.name, links)
		}
	}
}
