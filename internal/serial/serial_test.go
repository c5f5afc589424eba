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
		if q.Push(item) {
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
	if q.Push(1) || q.Push(2) {
		t.Error("Push with a worker = true, want false")
	}
	if got := q.Next(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("Next() = %v, want [1 2]", got)
	}
	if got := q.Next(); got != nil {
		t.Errorf("Next() of an empty queue = %v, want nil", got)
	}
	if !q.Push(3) {
		t.Error("Push without a worker = false, want true")
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
				if q.Push([2]int{p, i}) {
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
