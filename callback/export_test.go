package callback

// Waiting returns how many wait for s.
func Waiting(s *Semaphore) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := s.waiters.waiters.first; w != nil; w = w.next {
		n++
	}
	return n
}
