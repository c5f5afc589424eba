package future

// Links returns the number of links that wait for f.
func Links[T any](f *Future[T]) (n int) {
	f.cell.mu.Lock()
	defer f.cell.mu.Unlock()
	for l := f.cell.links; l != nil; l = l.next {
		n++
		if l.next == f.cell.links {
			break
		}
	}
	return n
}

// Unlocked reports whether the locks of f and p are free. p may be nil.
func Unlocked[T any](f *Future[T], p *Pool) bool {
	if !f.cell.mu.TryLock() {
		return false
	}
	f.cell.mu.Unlock()
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
