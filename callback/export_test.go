package callback

// Waiting returns the number of pending waits of s.
func Waiting(s *Semaphore) (waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := s.waiters.waiters.First(); n != nil; n = n.Next() {
		waiting++
	}
	return waiting
}

// CurrentIdentity returns the identity of the current goroutine. No other running goroutine has the same.
func CurrentIdentity() uintptr { return uintptr(currentIdentity()) }

// CurrentHeader returns the number of the current goroutine, and whether it is locked to its OS thread.
func CurrentHeader() (id uintptr, locked bool) {
	h := currentHeader()
	return uintptr(h.id), h.locked
}
