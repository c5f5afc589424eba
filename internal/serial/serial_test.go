package serial_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/serial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleQueue() {
	var q serial.Queue[string]
	work := func() {
		for items := q.Next(); items != nil; items = q.Next() {
			fmt.Println(items)
		}
	}
	for _, item := range []string{"a", "b"} {
		if start, _ := q.Push(item, -1); start {
			defer work() // usually: go work()
		}
	}
	// Output: [a b]
}

func TestQueue(t *testing.T) {
	var q serial.Queue[int]
	if !q.Enter() || q.Enter() {
		t.Error("got another result of Enter, want true without a worker and false with one")
	}
	if start, ok := q.Push(1, 1); start || !ok {
		t.Errorf("Push(1, 1) with a worker = %t, %t, want false, true", start, ok)
	}
	if start, ok := q.Push(2, 1); start || ok {
		t.Errorf("Push(2, 1) beyond the limit = %t, %t, want false, false", start, ok)
	}
	if got := q.Next(); !slices.Equal(got, []int{1}) {
		t.Errorf("Next() = %v, want [1]", got)
	}
	if got := q.Next(); got != nil {
		t.Errorf("Next() of an empty queue = %v, want nil", got)
	}
	if start, ok := q.Push(3, -1); !start || !ok {
		t.Errorf("Push(3, -1) without a worker = %t, %t, want true, true", start, ok)
	}
}

// TestQueueManyProducers checks that every item is processed once, by one worker at a time, in the order of its
// producer.
func TestQueueManyProducers(t *testing.T) {
	const producers, each = 8, 2000
	var q serial.Queue[[2]int]
	var next [producers]int // only the worker uses it, so the race detector notices a second worker
	var workers, pushers sync.WaitGroup
	for p := range producers {
		pushers.Go(func() {
			for i := range each {
				if start, _ := q.Push([2]int{p, i}, -1); start {
					workers.Go(func() {
						for items := q.Next(); items != nil; items = q.Next() {
							for _, item := range items {
								if next[item[0]] != item[1] {
									t.Errorf("producer %d: got item %d, want %d", item[0], item[1], next[item[0]])
								}
								next[item[0]]++
							}
						}
					})
				}
			}
		})
	}
	pushers.Wait()
	workers.Wait()
	for p, n := range next {
		if n != each {
			t.Errorf("producer %d: got %d items, want %d", p, n, each)
		}
	}
}
