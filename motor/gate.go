package motor

import "sync"

// gate lets things begin until it is closed, and knows when all that have begun are over.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

// enter reports whether something may begin, which is to leave when it is over.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside.Add(1)
	return true
}

func (g *gate) leave() { g.inside.Done() }

// close has nothing begin any more.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
}

// wait waits for what has begun. The gate is closed.
func (g *gate) wait() { g.inside.Wait() }
