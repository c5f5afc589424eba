package wiretest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Request is a command that a client has sent. It is answered once, by any goroutine: with OK, Fail, WriteError,
// WriteConcernError, Cursor or Reply, or not at all, with HangUp or Nothing.
type Request struct {
	// Name is the name of the command; of every kind of hello, it is "hello".
	Name string
	// Command is the command as it was sent. The documents of insert, update, and so on, which travel beside the
	// command, are fields of it.
	Command bson.Raw
	// MoreToCome reports whether the client waits for no answer (w: 0), ExhaustAllowed, whether it takes several.
	MoreToCome, ExhaustAllowed bool
	// Connection is the number of the connection, from 1.
	Connection int

	connection *connection
	message    message
	timer      *time.Timer

	// Peer.mu guards these two.
	state    state
	handling bool // a handler has it and has not returned
}

// state is what has become of a request. Its client waits for an answer until it is answered or refused.
type state int

const (
	arrived  state = iota
	received       // by Receive or by a handler
	silent         // to be left without an answer
	answered
	refused // by the peer, because the test has not answered in time
)

func newRequest(c *connection, m message) (*Request, error) {
	first, err := m.command.IndexErr(0)
	if err != nil {
		return nil, errors.New("a command without a name")
	}
	name := first.Key()
	if strings.EqualFold(name, "isMaster") {
		name = "hello"
	}
	if m.legacy && name != "hello" {
		return nil, fmt.Errorf("a legacy OP_QUERY: %s", m.command)
	}
	return &Request{
		Name:           name,
		Command:        m.command,
		MoreToCome:     m.flags&flagMoreToCome != 0,
		ExhaustAllowed: m.flags&flagExhaustAllowed != 0,
		Connection:     c.number,
		connection:     c,
		message:        m,
	}, nil
}

// String returns the command as extended JSON.
func (r *Request) String() string { return r.Command.String() }

// OK answers that the command has succeeded. fields are documents whose fields the answer has, beside ok: 1.
func (r *Request) OK(fields ...any) {
	r.t().Helper()
	answer := make(bson.D, 0, 8)
	for _, f := range fields {
		more, err := fieldsOf(f)
		if err != nil {
			r.connection.peer.errorf("wiretest: the answer to %s cannot be encoded: %v", r, err)
			r.HangUp()
			return
		}
		answer = append(answer, more...)
	}
	r.Reply(append(answer, bson.E{Key: "ok", Value: 1}))
}

// Fail answers that the command has failed.
func (r *Request) Fail(code int, name, message string, labels ...string) {
	r.t().Helper()
	answer := bson.D{
		{Key: "ok", Value: 0},
		{Key: "errmsg", Value: message},
		{Key: "code", Value: code},
		{Key: "codeName", Value: name},
	}
	r.Reply(withLabels(answer, labels))
}

// WriteError answers that the statement at index has failed, and that those before it have not. Where there is more
// to say, OK says it.
func (r *Request) WriteError(index, code int, message string, labels ...string) {
	r.t().Helper()
	answer := bson.D{
		{Key: "n", Value: index},
		{Key: "writeErrors", Value: bson.A{bson.D{
			{Key: "index", Value: index},
			{Key: "code", Value: code},
			{Key: "errmsg", Value: message},
		}}},
	}
	r.OK(withLabels(answer, labels))
}

// WriteConcernError answers that all was written, but not as widely as the write concern asks.
func (r *Request) WriteConcernError(code int, name, message string, labels ...string) {
	r.t().Helper()
	answer := bson.D{
		{Key: "n", Value: r.statements()},
		{Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: code},
			{Key: "codeName", Value: name},
			{Key: "errmsg", Value: message},
		}},
	}
	r.OK(withLabels(answer, labels))
}

// statements returns how many writes the command is made of.
func (r *Request) statements() int {
	for _, field := range []string{"documents", "updates", "deletes"} {
		if list, ok := r.Command.Lookup(field).ArrayOK(); ok {
			values, _ := list.Values()
			return len(values)
		}
	}
	return 1
}

func withLabels(answer bson.D, labels []string) bson.D {
	if len(labels) == 0 {
		return answer
	}
	return append(answer, bson.E{Key: "errorLabels", Value: labels})
}

// Cursor answers with a batch of documents: the next one to getMore, and the first to anything else. id is 0 when
// the server has no more.
func (r *Request) Cursor(namespace string, id int64, docs ...any) {
	r.t().Helper()
	batch := "firstBatch"
	if r.Name == "getMore" {
		batch = "nextBatch"
	}
	r.OK(bson.D{{Key: "cursor", Value: bson.D{
		{Key: "id", Value: id},
		{Key: "ns", Value: namespace},
		{Key: batch, Value: append(bson.A{}, docs...)},
	}}})
}

// Reply answers with this very document.
func (r *Request) Reply(doc any) {
	r.t().Helper()
	raw, err := bson.Marshal(doc)
	switch {
	case !r.settle(answered):
	case err != nil:
		r.connection.peer.errorf("wiretest: the answer to %s cannot be encoded: %v", r, err)
		r.connection.close()
	case r.MoreToCome:
		r.connection.peer.errorf("wiretest: the client waits for no answer to %s", r)
	default:
		r.connection.send(r.message.reply(raw))
	}
}

// HangUp closes the connection instead of answering.
func (r *Request) HangUp() {
	r.t().Helper()
	if r.settle(answered) {
		r.connection.close()
	}
}

// Nothing leaves the command without an answer: it is for a client that waits for none (MoreToCome), or is to wait
// in vain until the end of the test.
func (r *Request) Nothing() {
	r.t().Helper()
	if r.MoreToCome {
		r.settle(answered)
		return
	}
	r.settle(silent)
	r.connection.peer.mu.Lock()
	late := r.connection.peer.stage != running
	r.connection.peer.mu.Unlock()
	if late {
		r.expire()
	}
}

func (r *Request) t() T { return r.connection.peer.t }

// settle claims the right to say what becomes of the request.
func (r *Request) settle(to state) bool {
	r.t().Helper()
	p := r.connection.peer
	p.mu.Lock()
	was := r.state
	if was < silent {
		r.become(to)
	}
	p.mu.Unlock()
	if was == answered || was == silent {
		p.errorf("wiretest: answered twice: %s", r)
	}
	return was < silent
}

// become has Peer.mu held.
func (r *Request) become(to state) {
	r.state = to
	if to >= silent {
		r.timer.Stop()
	}
	if to > silent {
		delete(r.connection.peer.pending, r)
	}
}

// take marks the request as received and reports whether there is still something to be done about it.
func (r *Request) take() bool {
	p := r.connection.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.state != arrived {
		return false
	}
	r.become(received)
	return true
}

// expire refuses a command that has no answer, and reports it unless the test wanted that (Nothing).
func (r *Request) expire() {
	p := r.connection.peer
	p.mu.Lock()
	was := r.state
	if was <= silent {
		r.become(refused)
	}
	p.mu.Unlock()
	switch {
	case was > silent:
		return // answered at the last moment
	case was == arrived:
		p.errorf("wiretest: nobody expected %s", r)
	case was == received && !p.t.Failed(): // a test that failed may have ended before its answer
		p.errorf("wiretest: received and not answered: %s", r)
	}
	if !r.MoreToCome {
		answer, _ := bson.Marshal(refusal)
		r.connection.send(r.message.reply(answer))
	}
}

// refusal is not among the errors after which drivers try again.
var refusal = bson.D{
	{Key: "ok", Value: 0},
	{Key: "errmsg", Value: "wiretest: the test has no answer to this command"},
	{Key: "code", Value: 59},
	{Key: "codeName", Value: "CommandNotFound"},
}
