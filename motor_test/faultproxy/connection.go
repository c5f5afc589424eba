package faultproxy

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// connection is a connection of a client, with its connection to the server.
type connection struct {
	proxy    *Proxy
	member   *member
	client   net.Conn
	number   int32
	requests chan *message // closed when the client has disconnected

	server  atomic.Pointer[net.Conn] // nil until the first command
	gone    atomic.Bool              // the client has
	mu      sync.Mutex
	writing bool   // a write is on the server, and its reply must be known; gone is not set while mu is held
	app     string // the client's application name
	greeted bool   // it has had a reply to hello
	replies int32  // the number of replies sent
}

// close closes both connections. The connection to the server stays open while a cursor is open that it has opened: the
// cursors of a real server outlive their connections, those of the embedded server do not.
func (c *connection) close() {
	_ = c.client.Close()
	c.mu.Lock()
	c.gone.Store(true)
	writing := c.writing
	c.mu.Unlock()
	if c.proxy.balanced {
		c.proxy.open.endCursors(c)
	}
	if !writing && !c.proxy.open.needs(c) {
		c.closeServer()
	}
}

// beginWrite keeps the connection to the server open until endWrite. It returns false if the client has gone.
func (c *connection) beginWrite() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing = !c.gone.Load()
	return c.writing
}

func (c *connection) endWrite() {
	c.mu.Lock()
	c.writing = false
	c.mu.Unlock()
	if c.gone.Load() {
		c.close()
	}
}

// closeServer closes the connection to the server.
func (c *connection) closeServer() {
	if server := c.server.Load(); server != nil {
		_ = (*server).Close()
	}
}

// read reads the client's messages. It ends when the client disconnects.
func (c *connection) read() {
	defer close(c.requests)
	for {
		m, err := readMessage(c.client)
		if err != nil {
			c.close() // also ends a wait for the server
			return
		}
		select {
		case c.requests <- m:
		case <-c.proxy.done:
			return
		}
	}
}

// serve answers the client's commands, one after the other.
func (c *connection) serve() {
	for m := range c.requests {
		if !c.answer(m) {
			break
		}
	}
	c.close()
	for range c.requests { // let read end
	}
	c.proxy.mu.Lock()
	delete(c.proxy.connections, c)
	c.proxy.mu.Unlock()
}

// answer answers a command. It returns false if the connection has to be closed.
func (c *connection) answer(m *message) bool {
	first, err := m.body.IndexErr(0)
	if err != nil {
		return false
	}
	name := first.Key()
	if app, ok := m.body.Lookup("client", "application", "name").StringValueOK(); ok {
		c.app = app
	}
	if strings.EqualFold(name, "hello") || strings.EqualFold(name, "isMaster") {
		return c.hello(m, name)
	}
	f := c.proxy.points.take(failCommand, name, c.app)
	if f == nil && name == "getMore" {
		if f = c.proxy.points.take(failGetMore, name, c.app); f != nil && f.ErrorCode != nil && f.ErrorLabels == nil &&
			slices.Contains(resumableCodes, *f.ErrorCode) {
			f.ErrorLabels = []string{resumable}
		}
	}
	chance := Fault{}
	switch {
	case f != nil: // one fault is enough
	case name == "configureFailPoint":
		f = new(fault)
	default:
		f, chance = new(fault), c.proxy.faults.take(name)
	}
	c.proxy.open.started(name, m.body)
	if chance.Stall {
		c.sleep(math.MaxInt64)
		return false
	}
	if !c.sleep(f.pause()+chance.Delay) || f.closes() {
		return false
	}
	if chance.Cut == CutBefore {
		chance.cut(c)
		return false
	}
	if f.ErrorCode != nil {
		return c.reply(m, c.failure(*f.ErrorCode, "failed by a fail point of the proxy", f.ErrorLabels))
	}
	refused := c.refusal(m, name)
	if refused == nil && c.proxy.balanced {
		refused = c.foreign(m, name)
	}
	if refused != nil {
		return c.reply(m, refused)
	}
	body, own := c.own(m, name)
	if !own {
		body, own = c.watch(m)
	}
	if !own {
		if body, err = c.run(m); err != nil {
			return false
		}
	}
	if f.WriteConcernError != nil {
		if body, err = withWriteConcernError(body, f); err != nil {
			return false
		}
	}
	for _, done := range c.proxy.open.ended(c, name, m.body, body) {
		done.close()
	}
	return c.replyCut(m, body, chance)
}

// replyCut sends a reply, or closes the connection instead, or within the reply, or after it.
func (c *connection) replyCut(m *message, body bson.Raw, f Fault) bool {
	switch f.Cut {
	case CutUnanswered:
		f.cut(c)
		return false
	case CutWithin:
		reply := c.encode(m, body)
		_, _ = c.client.Write(reply[:min(f.Bytes, len(reply)-1)])
		f.cut(c)
		return false
	}
	answered := c.reply(m, body)
	if f.Cut == CutAfter {
		f.cut(c)
		return false
	}
	return answered
}

// hello answers a hello. If the client allows it, it goes on answering until the client disconnects.
func (c *connection) hello(m *message, name string) bool {
	await, _ := m.body.Lookup("maxAwaitTimeMS").AsInt64OK()
	told := int64(0) // the term of the last reply
	for {
		_, _, term, moved := c.proxy.role(c.member)
		if known, _ := m.body.Lookup("topologyVersion", "counter").AsInt64OK(); await > 0 && (told == term || known == term) &&
			!c.wait(time.Duration(await)*time.Millisecond, moved, nil) {
			return false
		}
		_, _, told, _ = c.proxy.role(c.member)
		if f := c.proxy.points.take(failCommand, name, c.app); f != nil {
			switch {
			case !c.sleep(f.pause()) || f.closes():
				return false
			case f.ErrorCode != nil:
				return c.reply(m, c.failure(*f.ErrorCode, "failed by a fail point of the proxy", f.ErrorLabels))
			}
		}
		body := c.greeting(m)
		if await == 0 || m.flags&flagExhaustAllowed == 0 {
			return c.reply(m, body)
		}
		c.replies++
		next := &message{id: c.replies, responseTo: m.id, flags: flagMoreToCome, body: c.stamped(body)}
		if _, err := c.client.Write(next.encoded()); err != nil {
			return false
		}
		m.id = c.replies
	}
}

// sleep waits. It returns false if the client disconnects or the proxy is closed meanwhile.
func (c *connection) sleep(d time.Duration) bool { return d <= 0 || c.wait(d, nil, nil) }

// wait waits for one of two channels, and at most for d. It returns false if the client disconnects or the proxy is
// closed meanwhile.
func (c *connection) wait(d time.Duration, one, other <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-one:
		return true
	case <-other:
		return true
	case <-c.proxy.done:
	case _, more := <-c.requests:
		_ = more // a client sends nothing before the reply, so it has disconnected
	}
	return false
}

// own answers the commands that are not for the server.
func (c *connection) own(m *message, name string) (bson.Raw, bool) {
	okay := mustMarshal(bson.D{{Key: "ok", Value: 1.0}})
	switch name {
	case "configureFailPoint":
		if err := c.proxy.points.configure(m.body); err != nil {
			return c.failure(codeBadValue, err.Error(), nil), true
		}
		return okay, true
	case "endSessions":
		c.proxy.forget(values(m.body, name))
		return okay, true
	case "refreshSessions", "killSessions", "killAllSessions", "killAllSessionsByPattern":
		return okay, true
	case "getParameter":
		return mustMarshal(bson.D{{Key: "enableTestCommands", Value: true}, {Key: "acceptApiVersion2", Value: false},
			{Key: "requireApiVersion", Value: false}, {Key: "authenticationMechanisms", Value: bson.A{}}, {Key: "ok", Value: 1.0}}), true
	case "commitTransaction", "abortTransaction":
		return c.failure(codeIllegalOperation, "the proxy does not emulate transactions", nil), true
	}
	if version, ok := m.body.Lookup("apiVersion").StringValueOK(); ok && version != "1" {
		return c.failure(codeAPIVersion, "unknown API version "+strconv.Quote(version)+": the proxy has 1", nil), true
	}
	for _, option := range []string{"apiStrict", "apiDeprecationErrors"} {
		if !m.body.Lookup(option).IsZero() && m.body.Lookup("apiVersion").IsZero() {
			return c.failure(codeAPIVersion, option+" needs an apiVersion", nil), true
		}
	}
	if single, ok := m.body.Lookup("autocommit").BooleanOK(); ok && !single {
		return c.failure(codeIllegalOperation, "the proxy does not emulate transactions", nil), true
	}
	if level, _ := m.body.Lookup("readConcern", "level").StringValueOK(); level == "snapshot" {
		return c.failure(codeIllegalOperation, "the proxy does not emulate snapshot reads", nil), true
	}
	return nil, false
}

// run runs a command on the server, and a retryable write only once.
func (c *connection) run(m *message) (bson.Raw, error) {
	number, ok := m.body.Lookup("txnNumber").AsInt64OK()
	if !ok {
		return c.execute(m)
	}
	session := string(m.body.Lookup("lsid").Value)
	w, first := c.proxy.claim(session, number)
	if !first {
		select {
		case <-w.done:
		case <-c.proxy.done:
			return nil, net.ErrClosed
		}
		if w.reply == nil {
			return nil, net.ErrClosed
		}
		return w.reply, nil
	}
	f := c.proxy.points.take(failWrite, "", c.app)
	if f != nil && f.BeforeCommit != nil {
		c.proxy.settle(session, w, nil)
		if f.CloseConnection == nil || f.closes() {
			return nil, net.ErrClosed
		}
		return c.failure(*f.BeforeCommit, "failed by a fail point of the proxy", nil), nil
	}
	reply, err := c.execute(m)
	if code, failed := reply.Lookup("code").AsInt64OK(); failed && code != 0 {
		c.proxy.settle(session, w, nil) // nothing was written
		return reply, err
	}
	c.proxy.settle(session, w, reply)
	if err == nil && f != nil && (f.CloseConnection == nil || f.closes()) {
		return nil, net.ErrClosed
	}
	return reply, err
}

// removed are the fields of commands that the server need not know.
var removed = []string{"lsid", "txnNumber", "$clusterTime", "readConcern", "recoveryToken", "autocommit", "startTransaction"}

// forward sends a command to the server and returns the reply.
func (c *connection) forward(m *message) (bson.Raw, error) {
	server, err := c.dial()
	if err != nil {
		return nil, err
	}
	// The embedded server answers even if the client does not want a reply.
	request := &message{id: m.id, body: m.without(removed...).body, sequences: m.sequences}
	if _, err := server.Write(request.encoded()); err != nil {
		return nil, err
	}
	reply, err := readMessage(server)
	if err != nil {
		return nil, err
	}
	return reply.body, nil
}

func (c *connection) dial() (net.Conn, error) {
	if server := c.server.Load(); server != nil {
		return *server, nil
	}
	server, err := net.Dial("tcp", c.proxy.backend)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	c.server.Store(&server)
	c.mu.Lock()
	left := c.gone.Load() && !c.writing
	c.mu.Unlock()
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if c.proxy.closed || left {
		_ = server.Close()
	}
	return server, nil
}

// reply sends a reply, unless the client does not want one.
func (c *connection) reply(m *message, body bson.Raw) bool {
	if m.flags&flagMoreToCome != 0 {
		return true
	}
	_, err := c.client.Write(c.encode(m, body))
	return err == nil
}

// encode returns a reply as it is sent.
func (c *connection) encode(m *message, body bson.Raw) []byte {
	c.replies++
	reply := &message{id: c.replies, responseTo: m.id, body: c.stamped(labelled(m, body)), legacy: m.legacy}
	return reply.encoded()
}

// stamped returns a reply with the time of the replica set.
func (c *connection) stamped(body bson.Raw) bson.Raw {
	now := c.proxy.tick()
	clusterTime := bson.D{{Key: "clusterTime", Value: now}, {Key: "signature", Value: bson.D{
		{Key: "hash", Value: bson.Binary{Data: make([]byte, 20)}}, {Key: "keyId", Value: int64(0)}}}}
	return with(body, bson.E{Key: "$clusterTime", Value: clusterTime}, bson.E{Key: "operationTime", Value: now})
}

// with returns a document with more fields.
func with(doc bson.Raw, fields ...bson.E) bson.Raw {
	all := slices.DeleteFunc(elements(doc), func(e bson.E) bool {
		return slices.ContainsFunc(fields, func(f bson.E) bool { return f.Key == e.Key })
	})
	return mustMarshal(append(all, fields...))
}

// mustMarshal encodes a document of this package, which cannot fail.
func mustMarshal(doc bson.D) bson.Raw {
	raw, err := bson.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("faultproxy: %v", err))
	}
	return raw
}
