package future

// Links returns the number of links that wait for f.
func Links[T any](f *Future[T]) (n int) {
	defer f.cell.state.unlock(f.cell.state.lock())
	for l := f.cell.links; l != nil; l = l.next {
		n++
	}
	return n
}

// Unlocked reports whether the locks of f and p are free. p may be nil.
func Unlocked[T any](f *Future[T], p *Pool) bool {
	if f.cell.state.load()&locked != 0 {
		return false
	}
	if p != nil {
		if !p.mu.TryLock() {
			return false
		}
		p.mu.Unlock()
	}
	return true
}

// Watches reports whether p has a contextWatch for queued tasks.
func Watches(p *Pool) bool { return p.watch.Load() != nil }

// QueuePlaces returns the capacity of the queue of p.
func QueuePlaces(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue.ring)
}

// State is a state for tests of its lock.
type State struct{ s state }

// Lock locks the state and returns its bits.
func (s *State) Lock() uint32 { return s.s.lock() }

// Unlock sets the bits and unlocks the state.
func (s *State) Unlock(bits uint32) { s.s.unlock(bits) }

// Parked reports whether a goroutine is parked until the state is unlocked.
func (s *State) Parked() bool { return s.s.load()&parked != 0 }
