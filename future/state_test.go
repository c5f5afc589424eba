package future_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/future"
)

func TestStateLock(t *testing.T) {
	t.Run("excludes", func(t *testing.T) {
		var s future.State
		counts := [3]int{} // no atomics: the race detector sees whether the lock orders the goroutines
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 3000 {
					bits := s.Lock()
					counts[i%3]++
					if i%500 == 0 {
						for range 100 { // like a holder that the scheduler has interrupted
							runtime.Gosched()
						}
					}
					s.Unlock(bits + 1)
				}
			})
		}
		wg.Wait()
		if bits := s.Lock(); bits != 24000 || counts != [3]int{8000, 8000, 8000} {
			t.Errorf("bits = %d, counts = %v; want 24000 and 8000 of each", bits, counts)
		}
	})
	t.Run("wakes all that are parked", func(t *testing.T) {
		var first, second future.State
		first.Lock()
		second.Lock()
		var wg sync.WaitGroup
		for _, s := range []*future.State{&first, &second, &first, &first} {
			wg.Go(func() { s.Unlock(s.Lock() | 1) })
		}
		for !first.Parked() || !second.Parked() {
			runtime.Gosched()
		}
		first.Unlock(2)
		second.Unlock(4)
		wg.Wait()
		if a, b := first.Lock(), second.Lock(); a != 3 || b != 5 {
			t.Errorf("bits = %d and %d, want 3 and 5", a, b)
		}
	})
}
