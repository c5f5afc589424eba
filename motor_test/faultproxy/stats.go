package faultproxy

import (
	"cmp"
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
	Cursors     int   // that no client has read to the end or closed
	Sessions    int   // that have been used, and not ended
}

// Stats returns the present numbers.
func (p *Proxy) Stats() Stats {
	p.faults.mu.Lock()
	failed := p.faults.count
	p.faults.mu.Unlock()
	p.open.mu.Lock()
	s := Stats{
		Commands: p.open.commands, Faults: failed, Cursors: len(p.open.cursors) + len(p.open.expired), Sessions: len(p.open.sessions),
	}
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
	cursors  map[int64]opener
	expired  map[int64]bool // cursors that expire has ended
	sessions map[string]bool
}

// opener is the connection that has opened a cursor.
type opener struct {
	*connection
	keeps bool  // the cursor ends with the connection to the server
	used  int64 // the number of commands at its last use
}

// started counts a command.
func (o *open) started(name string, command bson.Raw) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commands++
	if o.sessions == nil {
		o.sessions, o.cursors, o.expired = make(map[string]bool), make(map[int64]opener), make(map[int64]bool)
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
		n, ok := command.Lookup(name).AsInt64OK()
		by, known := o.cursors[n]
		switch {
		case ok && id == 0:
			closed = append(closed, n)
		case known:
			by.used = o.commands
			o.cursors[n] = by
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
			if c.proxy.balanced && c.gone.Load() {
				c.proxy.recorder.streams.remove(id) // see endCursors, which may have been called before
				break
			}
			o.cursors[id] = opener{c, c.proxy.recorder.streams.get(id) == nil, o.commands}
			done = o.expire()
		}
	}
	for _, n := range closed {
		by := o.cursors[n]
		delete(o.cursors, n)
		delete(o.expired, n)
		if by.keeps && by.gone.Load() && !o.needsLocked(by.connection) {
			done = append(done, by.connection)
		}
	}
	return done
}

// mostLost is how many cursors stay open whose client connections are gone. A real server ends cursors that were not
// used for ten minutes. The embedded server never does, and it hangs when 100 cursors of a database are open.
const mostLost = 50

// expire ends the lost cursors that were not used for longest, if there are too many. It returns their connections. The
// caller holds o.mu.
func (o *open) expire() (done []*connection) {
	var lost []int64
	for id, by := range o.cursors {
		if by.keeps && by.gone.Load() {
			lost = append(lost, id)
		}
	}
	if len(lost) <= mostLost {
		return nil
	}
	slices.SortFunc(lost, func(a, b int64) int { return cmp.Compare(o.cursors[a].used, o.cursors[b].used) })
	for _, id := range lost[:len(lost)-mostLost] {
		by := o.cursors[id]
		delete(o.cursors, id)
		o.expired[id] = true
		if !o.needsLocked(by.connection) {
			done = append(done, by.connection)
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
	for _, by := range o.cursors {
		if by.keeps && by.connection == c {
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
	clear(o.expired)
	o.mu.Unlock()
	for _, by := range openers {
		if by.keeps {
			by.close()
		}
	}
}
