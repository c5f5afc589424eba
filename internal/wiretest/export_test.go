package wiretest

import "time"

// SetPatience makes a peer wait for d where it would wait for ten seconds.
func (p *Peer) SetPatience(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.patience = d
}
