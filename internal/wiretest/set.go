package wiretest

// Set is a replica set of several peers.
type Set struct {
	Peers []*Peer // in the order of the roles with which the set was started

	deployment *deployment
}

// StartSet starts a replica set with one member for each role, and stops it at the end of the test.
func StartSet(t T, roles ...Role) *Set {
	t.Helper()
	s := &Set{deployment: new(deployment)}
	for _, role := range roles {
		s.Peers = append(s.Peers, listen(t, s.deployment, role))
	}
	for _, p := range s.Peers {
		p.serve()
	}
	return s
}

// URI returns a connection string for the whole set, with options such as "retryWrites=false" added.
func (s *Set) URI(options ...string) string {
	addresses := make([]string, len(s.Peers))
	for i, p := range s.Peers {
		addresses[i] = p.Address()
	}
	return uri(append([]string{"replicaSet=" + setName}, options...), addresses...)
}

// Handle calls [Peer.Handle] for every member.
func (s *Set) Handle(name string, handler func(*Request)) {
	for _, p := range s.Peers {
		p.Handle(name, handler)
	}
}

// Elect makes p the primary and the previous primary a secondary. Every hello shows both changes or neither.
func (s *Set) Elect(p *Peer) {
	s.deployment.mu.Lock()
	defer s.deployment.mu.Unlock()
	for _, other := range s.Peers {
		if other.role == Primary && other != p {
			other.role = Secondary
		}
	}
	s.deployment.setRole(p, Primary)
}

// StepDown makes every primary a secondary. The set has no primary until the next Elect.
func (s *Set) StepDown() {
	s.deployment.mu.Lock()
	defer s.deployment.mu.Unlock()
	for _, p := range s.Peers {
		if p.role == Primary {
			p.role = Secondary
		}
	}
}
