package faultproxy

import (
	"maps"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Stats says what has passed through a proxy, and what is left open. A client that has closed everything leaves no
// connection, cursor or session.
type Stats struct {
	Accepted    int   // connections, since the start
	Connections int   // that are open
	Commands    int64 // without hello
	Faults      int64 // by scripts and by chance
	Cursors     int   // that are open on the server
	Sessions    int   // that have been used, and not ended
}

// Stats returns the present numbers.
func (p *Proxy) Stats() Stats {
	p.faults.mu.Lock()
	failed := p.faults.count
	p.faults.mu.Unlock()
	p.open.mu.Lock()
	s := Stats{Commands: p.open.commands, Faults: failed, Cursors: len(p.open.cursors), Sessions: len(p.open.sessions)}
	p.open.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Accepted, s.Connections = int(p.accepted), len(p.connections)
	return s
}

// open counts what commands open and close.
type open struct {
	mu       sync.Mutex
	commands int64
	cursors  map[int64]*connection // by which they were opened
	sessions map[string]bool
}

// started counts a command.
func (o *open) started(name string, command bson.Raw) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commands++
	if o.sessions == nil {
		o.sessions, o.cursors = make(map[string]bool), make(map[int64]*connection)
	}
	if name == "endSessions" {
		list, _ := command.Lookup(name).ArrayOK()
		ended, _ := list.Values()
		for _, id := range ended {
			delete(o.sessions, string(id.Value))
		}
		return
	}
	if id, ok := command.Lookup("lsid").DocumentOK(); ok {
		o.sessions[string(id)] = true
	}
}

// ended counts the cursors that a command on a connection has opened or closed. It returns the connections of clients
// that have gone, and whose last cursor is closed now.
func (o *open) ended(c *connection, name string, command, reply bson.Raw) (done []*connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var closed []int64
	id, open := reply.Lookup("cursor", "id").AsInt64OK()
	switch name {
	case "getMore":
		if n, ok := command.Lookup(name).AsInt64OK(); ok && id == 0 {
			closed = append(closed, n)
		}
	case "killCursors":
		list, _ := command.Lookup("cursors").ArrayOK()
		killed, _ := list.Values()
		for _, id := range killed {
			if n, ok := id.AsInt64OK(); ok {
				closed = append(closed, n)
			}
		}
	default:
		if open && id != 0 {
			o.cursors[id] = c
			if c.proxy.recorder.streams.get(id) != nil {
				o.cursors[id] = nil // it needs no connection to the server
			}
		}
	}
	for _, n := range closed {
		opener := o.cursors[n]
		delete(o.cursors, n)
		if opener != nil && opener.gone.Load() && !o.needsLocked(opener) {
			done = append(done, opener)
		}
	}
	return done
}

// needs reports whether a cursor is open that a connection has opened.
func (o *open) needs(c *connection) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.needsLocked(c)
}

func (o *open) needsLocked(c *connection) bool {
	for _, opener := range o.cursors {
		if opener == c {
			return true
		}
	}
	return false
}

// abandon forgets all open cursors, and closes the connections of clients that they have kept open.
func (o *open) abandon() {
	o.mu.Lock()
	openers := slices.Collect(maps.Values(o.cursors))
	clear(o.cursors)
	o.mu.Unlock()
	for _, c := range openers {
		if c != nil {
			c.close()
		}
	}
}
