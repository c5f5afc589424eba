package ring_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/ring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRing(t *testing.T) {
	t.Run("first in, first out", func(t *testing.T) {
		var r ring.Ring[int]
		var want []int
		random := rand.New(rand.NewPCG(1, 2))
		next := 0
		for range 100_000 {
			if random.IntN(100) < 52 {
				r.Push(next)
				want = append(want, next)
				next++
			} else if len(want) > 0 {
				if got := r.Pop(); got != want[0] {
					t.Fatalf("got %d, want %d", got, want[0])
				}
				want = want[1:]
			}
			if r.Len() != len(want) {
				t.Fatalf("Len() = %d, want %d", r.Len(), len(want))
			}
		}
	})
	t.Run("after a burst", func(t *testing.T) {
		var r ring.Ring[int]
		for round := range 3 {
			for i := range 5_000 {
				r.Push(round + i)
			}
			for i := range 5_000 {
				if got := r.Pop(); got != round+i {
					t.Fatalf("got %d, want %d", got, round+i)
				}
			}
		}
	})
	t.Run("First keeps the value", func(t *testing.T) {
		var r ring.Ring[int]
		r.Push(1)
		r.Push(2)
		if got := r.First(); got != 1 || r.Len() != 2 {
			t.Fatalf("First() = %d, Len() = %d, want 1, 2", got, r.Len())
		}
	})
	t.Run("Pop of an empty ring panics", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("got no panic, want one")
			}
		}()
		new(ring.Ring[int]).Pop()
	})
	t.Run("no allocation without growth", func(t *testing.T) {
		var r ring.Ring[int]
		r.Push(0)
		if n := testing.AllocsPerRun(100, func() { r.Push(1); r.Pop() }); n != 0 {
			t.Errorf("got %v allocations, want 0", n)
		}
	})
}

func TestList(t *testing.T) {
	values := func(l *ring.List) (all []int) {
		for n := l.First(); n != nil; n = n.Next() {
			all = append(all, n.Owner.(int))
		}
		return all
	}
	var l, other ring.List
	nodes := make([]ring.Node, 5)
	for i := range nodes {
		nodes[i].Owner = i
		l.Append(&nodes[i])
	}
	steps := []struct {
		name string
		do   func() bool
		want []int
	}{
		{"remove from the middle", func() bool { return l.Remove(&nodes[2]) }, []int{0, 1, 3, 4}},
		{"remove again", func() bool { return !l.Remove(&nodes[2]) }, []int{0, 1, 3, 4}},
		{"remove from another list", func() bool { return !other.Remove(&nodes[1]) }, []int{0, 1, 3, 4}},
		{"remove the last", func() bool { return l.Remove(&nodes[4]) }, []int{0, 1, 3}},
		{"shift the first", func() bool { return l.Shift() == &nodes[0] }, []int{1, 3}},
		{"append one that was removed", func() bool { l.Append(&nodes[2]); return true }, []int{1, 3, 2}},
		{"shift the second", func() bool { return l.Shift() == &nodes[1] }, []int{3, 2}},
		{"shift the third", func() bool { return l.Shift() == &nodes[3] }, []int{2}},
		{"shift the rest", func() bool { return l.Shift() == &nodes[2] }, nil},
		{"shift of an empty list", func() bool { return l.Shift() == nil }, nil},
	}
	for _, step := range steps {
		if !step.do() {
			t.Errorf("%s: got another result, want success", step.name)
		}
		if got := values(&l); !slices.Equal(got, step.want) {
			t.Errorf("%s: got the list %v, want %v", step.name, got, step.want)
		}
	}
}
