package wiretest

import "time"

// SetPatience sets the time limit of a peer, which is ten seconds by default.
func (p *Peer) SetPatience(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.patience = d
}
