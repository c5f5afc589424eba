// Package changes keeps the change events of writes, and reads them as a change stream does.
package changes

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Error is an error that a server would return.
type Error struct {
	Code int32
	Text string
}

func (e *Error) Error() string { return e.Text }

// The codes of errors.
const (
	CodeNoImage      = 47
	CodeInvalidToken = 260
	CodeFatal        = 280
	CodeHistoryLost  = 286
)

// maxHistory is the size in bytes of the events that a log keeps.
const maxHistory = 64 << 20

// Log holds events in the order of the writes. Its zero value is not usable: see [NewLog].
type Log struct {
	process string // in each token, since a token of another log means nothing here

	mu      sync.Mutex
	events  []*Event
	first   int64 // the number of events[0]; the first event of a log is 1
	size    int   // of the events, in bytes
	max     int
	changed chan struct{} // closed by the next event
	watched []watched     // by streams
}

// NewLog returns an empty log.
func NewLog() *Log {
	return &Log{process: bson.NewObjectID().Hex(), first: 1, max: maxHistory, changed: make(chan struct{})}
}

// Add adds events.
func (l *Log) Add(events ...*Event) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.events = append(l.events, e)
		l.size += e.size()
	}
	for l.size > l.max && len(l.events) > 1 {
		l.size -= l.events[0].size()
		l.events[0] = nil
		l.events = l.events[1:]
		l.first++
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// Lose forgets all events, and makes each stream fail that has not read them. It is for writes whose events are not known.
func (l *Log) Lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first += int64(len(l.events)) + 1
	l.events, l.size = nil, 0
	close(l.changed)
	l.changed = make(chan struct{})
}

// Changed returns a channel that is closed when the log changes.
func (l *Log) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// last returns the number of the latest event.
func (l *Log) last() int64 { return l.first + int64(len(l.events)) - 1 }

// position is a place in the log: after the event with a number, or after the invalidate event that follows it.
type position struct {
	after       int64
	invalidated bool
}

// token returns the resume token of a position.
func (l *Log) token(p position) bson.Raw {
	kind := "00"
	if p.invalidated {
		kind = "01"
	}
	return marshal(bson.D{{Key: "_data", Value: fmt.Sprintf("%s%016x%s", l.process, p.after, kind)}})
}

// parse returns the position of a resume token.
func (l *Log) parse(token bson.Raw) (p position, err error) {
	text, _ := token.Lookup("_data").StringValueOK()
	rest, own := strings.CutPrefix(text, l.process)
	if own && len(rest) == 18 {
		p.after, err = strconv.ParseInt(rest[:16], 16, 64)
		p.invalidated = rest[16:] == "01"
	}
	if !own || len(rest) != 18 || err != nil || p.after > l.last() {
		return p, &Error{CodeInvalidToken, fmt.Sprintf("invalid resume token %s", token)}
	}
	return p, nil
}
