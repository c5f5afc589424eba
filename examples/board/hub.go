package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// maxMessages is how many messages the collection keeps.
const maxMessages = 200

// The boards say how new messages arrive.
const (
	byChangeStream   = "change stream"
	byTailableCursor = "tailable cursor"
)

// change is a change of the collection, from a change stream.
type change struct {
	Operation string   `bson:"operationType"`
	Message   *message `bson:"fullDocument"`
}

// inserted is the operation of a change that has a new message.
const inserted = "insert"

// lackChangeStreams reports whether err, the error of opening a change stream, is that of a server which has none. A
// server that is not in a replica set answers with the first code, and the embedded server with the second.
func lackChangeStreams(err error) bool { return motor.Code(err) == 40573 || motor.Code(err) == 238 }

// tail returns the options of a cursor that waits for new messages. The embedded server keeps such a cursor open only if
// its first batch is full.
func tail() *options.FindOptionsBuilder {
	return options.Find().SetCursorType(options.TailableAwait).SetBatchSize(1)
}

// retryPause is the time between two attempts to read the messages.
const retryPause = 500 * time.Millisecond

// message is a document of the collection. A message with a picture names a file of GridFS.
type message struct {
	ID      bson.ObjectID `bson:"_id" json:"id"`
	Author  string        `bson:"author" json:"author"`
	Text    string        `bson:"text" json:"text"`
	At      time.Time     `bson:"at" json:"at"`
	Picture string        `bson:"picture,omitempty" json:"picture,omitempty"`
	Type    string        `bson:"type,omitempty" json:"type,omitempty"` // the MIME type of the picture
}

// style is the part of a board that uses MongoDB. Each style of programming has its implementation.
type style interface {
	// follow gives the messages to the hub until ctx ends: those that exist, and then new ones as they arrive, by a change
	// stream, or by a tailable cursor if the server has no change streams. If the server fails, it tells the hub, and tries
	// again. It is called on the loop. The future is done when ctx has ended.
	follow(ctx context.Context, h *hub) *future.Future[struct{}]
	// post saves the picture, unless it is nil, and then the message. If it fails, neither remains.
	post(ctx context.Context, m *message, picture io.Reader) *future.Future[struct{}]
	// work reads the messages n times, all at once.
	work(ctx context.Context, n int) *future.Future[struct{}]
}

// board is one of the boards.
type board struct {
	style style
	hub   *hub
}

// pageEvent is a server-sent event.
type pageEvent struct {
	name string
	id   string // where a page continues when it connects again; or ""
	data []byte
}

// listener is a page that receives events. If it does not keep up, its channel is closed, and the page connects again.
type listener chan pageEvent

const listenerBuffer = 2 * maxMessages

// hub distributes the events of a board. It is used on the loop only, so it needs no lock.
type hub struct {
	recent    []*message
	known     map[bson.ObjectID]bool // the messages in recent
	listeners map[listener]bool
	state     state
}

// state is the data of the event "state".
type state struct {
	Online bool   `json:"online"`
	Source string `json:"source,omitempty"` // how new messages arrive
	Error  string `json:"error,omitempty"`
}

func newHub() *hub {
	return &hub{known: map[bson.ObjectID]bool{}, listeners: map[listener]bool{}}
}

// publish sends a message to the pages. It ignores a message that it knows: a cursor that is opened again starts with
// the oldest message, and a change stream may have messages that were there already.
func (h *hub) publish(m *message) {
	if h.known[m.ID] {
		return
	}
	h.known[m.ID] = true
	h.recent = append(h.recent, m)
	// Twice the number in the collection, so that each message of the collection is known.
	if len(h.recent) > 2*maxMessages {
		delete(h.known, h.recent[0].ID)
		h.recent = h.recent[1:]
	}
	h.send(messageEvent(m))
}

// setOnline tells the pages that the server answers, and how new messages arrive.
func (h *hub) setOnline(source string) { h.setState(state{Online: true, Source: source}) }

// setOffline tells the pages that the server does not answer.
func (h *hub) setOffline(err error) { h.setState(state{Error: err.Error()}) }

func (h *hub) setState(now state) {
	if now != h.state {
		h.state = now
		h.send(newEvent("state", "", now))
	}
}

// add sends the messages after the one with the id lastID to a new page, or all of them if there is no such message.
func (h *hub) add(l listener, lastID string) {
	h.listeners[l] = true
	first := 0
	for i, m := range h.recent {
		if m.ID.Hex() == lastID {
			first = i + 1
		}
	}
	first = max(first, len(h.recent)-maxMessages)
	h.sendTo(l, newEvent("state", "", h.state))
	for _, m := range h.recent[first:] {
		h.sendTo(l, messageEvent(m))
	}
}

// remove forgets a page.
func (h *hub) remove(l listener) { delete(h.listeners, l) }

func (h *hub) send(e pageEvent) {
	for l := range h.listeners {
		h.sendTo(l, e)
	}
}

func (h *hub) sendTo(l listener, e pageEvent) {
	if !h.listeners[l] {
		return
	}
	select {
	case l <- e:
	default:
		delete(h.listeners, l)
		close(l)
	}
}

func messageEvent(m *message) pageEvent { return newEvent("message", m.ID.Hex(), m) }

// newEvent returns an event. data must be a value that JSON can represent.
func newEvent(name, id string, data any) pageEvent {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return pageEvent{name, id, text}
}
