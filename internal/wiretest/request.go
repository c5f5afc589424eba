package wiretest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Request is a command from a client. Any goroutine may answer it, once, with OK, Fail, WriteError, WriteConcernError,
// Cursor or Reply. HangUp and Nothing leave it without an answer.
type Request struct {
	// Name is the name of the command. It is "hello" for every form of hello.
	Name string
	// Command is the command. The documents of insert, update and so on, which travel beside the command, are fields
	// of it.
	Command bson.Raw
	// MoreToCome reports that the client does not wait for an answer (w: 0). ExhaustAllowed reports that it accepts
	// several answers.
	MoreToCome, ExhaustAllowed bool
	// Connection is the number of the connection, counted from 1.
	Connection int

	connection *connection
	message    message
	timer      *time.Timer

	// Peer.mu guards state and handling.
	state    state
	handling bool // a handler has the request and has not returned
}

// state is the state of a request. Its client waits for an answer until the state is answered or refused.
type state int

const (
	arrived  state = iota
	received       // by Receive or by a handler
	silent         // will not be answered
	answered
	refused // by the peer, because the test did not answer in time
)

func newRequest(c *connection, m message) (*Request, error) {
	first, err := m.command.IndexErr(0)
	if err != nil {
		return nil, errors.New("command without name")
	}
	name := first.Key()
	if strings.EqualFold(name, "isMaster") {
		name = "hello"
	}
	if m.legacy && name != "hello" {
		return nil, fmt.Errorf("OP_QUERY other than hello: %s", m.command)
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

// OK answers that the command succeeded. fields are documents whose fields are added to ok: 1.
func (r *Request) OK(fields ...any) {
	r.t().Helper()
	answer := make(bson.D, 0, 8)
	for _, f := range fields {
		more, err := fieldsOf(f)
		if err != nil {
			r.connection.peer.errorf("wiretest: answer to %s cannot be encoded: %v", r, err)
			r.HangUp()
			return
		}
		answer = append(answer, more...)
	}
	r.Reply(append(answer, bson.E{Key: "ok", Value: 1}))
}

// Fail answers that the command failed.
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

// WriteError answers that the statement at index failed and that all before it succeeded. For any other answer, use
// OK.
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

// WriteConcernError answers that everything was written, but that the write concern was not satisfied.
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

// statements returns the number of writes in the command.
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

// Cursor answers with a batch of documents: the next batch for getMore, and the first one for other commands. id is 0
// if the server has no more documents.
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

// Reply answers with doc as it is.
func (r *Request) Reply(doc any) {
	r.t().Helper()
	raw, err := bson.Marshal(doc)
	switch {
	case !r.settle(answered):
	case err != nil:
		r.connection.peer.errorf("wiretest: answer to %s cannot be encoded: %v", r, err)
		r.connection.close()
	case r.MoreToCome:
		r.connection.peer.errorf("wiretest: client does not wait for an answer to %s", r)
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

// Nothing leaves the command unanswered. It is for a client that does not wait for an answer (MoreToCome), or that is
// to wait until the end of the test.
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

// settle sets the final state of the request and reports whether the caller may act on it. It reports a second answer.
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

// become sets the state. The caller holds Peer.mu.
func (r *Request) become(to state) {
	r.state = to
	if to >= silent {
		r.timer.Stop()
	}
	if to > silent {
		delete(r.connection.peer.pending, r)
	}
}

// take marks the request as received. It reports false if the request has been answered or refused already.
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

// expire fails a request that has no answer. It reports the request, unless the test called Nothing.
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
		p.errorf("wiretest: unexpected command %s", r)
	case was == received && !p.t.Failed(): // a test that has failed may have ended before its answer
		p.errorf("wiretest: unanswered command %s", r)
	}
	if !r.MoreToCome {
		answer, _ := bson.Marshal(refusal)
		r.connection.send(r.message.reply(answer))
	}
}

// refusal is an error that drivers do not retry.
var refusal = bson.D{
	{Key: "ok", Value: 0},
	{Key: "errmsg", Value: "wiretest: the test has no answer to this command"},
	{Key: "code", Value: 59},
	{Key: "codeName", Value: "CommandNotFound"},
}
