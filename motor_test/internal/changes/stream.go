package changes

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Options are those of the stage $changeStream.
type Options struct {
	FullDocument       string          `bson:"fullDocument"`
	FullDocumentBefore string          `bson:"fullDocumentBeforeChange"`
	ResumeAfter        bson.Raw        `bson:"resumeAfter"`
	StartAfter         bson.Raw        `bson:"startAfter"`
	StartAt            *bson.Timestamp `bson:"startAtOperationTime"`
	Expanded           bool            `bson:"showExpandedEvents"`
	WholeCluster       bool            `bson:"allChangesForCluster"`
}

// optionNames are the names of the options.
var optionNames = []string{
	"fullDocument", "fullDocumentBeforeChange", "resumeAfter", "startAfter", "startAtOperationTime", "showExpandedEvents",
	"allChangesForCluster",
}

// ParseOptions returns the options of a stage $changeStream.
func ParseOptions(stage bson.Raw) (o Options, err error) {
	elements, err := stage.Elements()
	if err != nil {
		return o, err
	}
	for _, e := range elements {
		if !slices.Contains(optionNames, e.Key()) {
			return o, &Error{codeUnknownField, fmt.Sprintf("unknown option %q of $changeStream", e.Key())}
		}
	}
	if err := bson.Unmarshal(stage, &o); err != nil {
		return o, &Error{codeWrongType, err.Error()}
	}
	starts := 0
	for _, given := range []bool{o.ResumeAfter != nil, o.StartAfter != nil, o.StartAt != nil} {
		if given {
			starts++
		}
	}
	switch {
	case !slices.Contains([]string{"", Default, UpdateLookup, WhenAvailable, Required}, o.FullDocument):
		err = &Error{codeBadValue, fmt.Sprintf("invalid fullDocument %q", o.FullDocument)}
	case !slices.Contains([]string{"", "off", WhenAvailable, Required}, o.FullDocumentBefore):
		err = &Error{codeBadValue, fmt.Sprintf("invalid fullDocumentBeforeChange %q", o.FullDocumentBefore)}
	case starts > 1:
		err = &Error{codeManyStarts, "a stream starts at one of resumeAfter, startAfter and startAtOperationTime"}
	}
	return o, err
}

// The values of the options fullDocument and fullDocumentBeforeChange.
const (
	Default       = "default"
	UpdateLookup  = "updateLookup"
	WhenAvailable = "whenAvailable"
	Required      = "required"
)

const (
	codeBadValue     = 2
	codeWrongType    = 14
	codeUnknownField = 40415
	codeManyStarts   = 50674
)

// Scope names the collection that a stream watches, or the database if Collection is empty. The zero Scope means all
// databases.
type Scope struct{ Database, Collection string }

// includes reports whether the scope has the events of a namespace.
func (s Scope) includes(ns Namespace) bool {
	switch {
	case s.Database == "":
		return ns.Database != "admin" && ns.Database != "config" && ns.Database != "local"
	case s.Collection == "":
		return ns.Database == s.Database
	}
	return ns == Namespace(s)
}

// contains reports whether the scope has all events of another.
func (s Scope) contains(other Scope) bool {
	return s.Database == "" || s == other || s.Collection == "" && s.Database == other.Database
}

// watched is a scope whose events are recorded, after the event with a number and from a time on.
type watched struct {
	Scope
	after int64
	from  bson.Timestamp
}

// Records reports whether the log has the events of a write to a namespace.
func (l *Log) Records(ns Namespace) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.watched, func(w watched) bool {
		return w.includes(ns) || ns.Collection == "" && w.Database == ns.Database
	})
}

// watch notes that the events of a scope are recorded, and returns since when they are.
func (l *Log) watch(scope Scope, now bson.Timestamp) watched {
	oldest := watched{scope, l.last(), now}
	for _, w := range l.watched {
		if w.contains(scope) && w.after <= oldest.after {
			oldest = watched{scope, w.after, w.from}
		}
	}
	if !slices.Contains(l.watched, oldest) {
		l.watched = append(l.watched, oldest)
	}
	return oldest
}

// Stream reads events. It is not safe for concurrent use.
type Stream struct {
	log     *Log
	scope   Scope
	options Options
	since   watched
	at      position
	due     *Event // the invalidate event that follows it is next
}

// Open returns a stream of the events that come, or of those that its options say. The time is now.
func (l *Log) Open(scope Scope, o Options, now bson.Timestamp) (*Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &Stream{log: l, scope: scope, options: o, at: position{after: l.last()}, since: l.watch(scope, now)}
	token := o.StartAfter
	if o.ResumeAfter != nil {
		token = o.ResumeAfter
	}
	switch {
	case token != nil:
		at, err := l.parse(token)
		if err != nil {
			return nil, err
		}
		if at.invalidated && o.ResumeAfter != nil {
			return nil, &Error{CodeInvalidToken, "resumeAfter cannot go on after an invalidate event: use startAfter"}
		}
		s.at = at
		if e := l.event(at.after); e != nil && !at.invalidated && s.scope.ends(e) {
			s.due = e
		}
	case o.StartAt != nil:
		if o.StartAt.Before(s.since.from) {
			return nil, historyLost()
		}
		s.at.after = max(l.first-1, s.since.after)
		for e := l.event(s.at.after + 1); e != nil && e.Time.Before(*o.StartAt); e = l.event(s.at.after + 1) {
			s.at.after++
		}
	}
	return s, s.lost()
}

// event returns the event with a number, or nil.
func (l *Log) event(number int64) *Event {
	if number < l.first || number > l.last() {
		return nil
	}
	return l.events[number-l.first]
}

// lost returns an error if the log has forgotten events that the stream has not read.
func (s *Stream) lost() error {
	if s.at.after < s.log.first-1 || s.at.after < s.since.after {
		return historyLost()
	}
	return nil
}

func historyLost() error {
	return &Error{CodeHistoryLost, "the proxy has no events from the resume point on"}
}

// Next returns the next documents of the stream, at most limit, and none if there are none yet. closed reports that the
// stream has ended with an invalidate event. lookup finds a document of a collection by its _id, for updateLookup.
func (s *Stream) Next(limit int, lookup func(Namespace, bson.RawValue) (bson.Raw, error)) (docs []bson.Raw, closed bool, err error) {
	events, err := s.take(limit)
	for _, e := range events {
		if err == nil {
			var doc bson.Raw
			doc, err = e.render(&s.options, lookup)
			docs = append(docs, doc)
		}
	}
	return docs, s.at.invalidated, err
}

// taken is an event of a stream, with its token.
type taken struct {
	*Event
	token      bson.Raw
	invalidate bool // the event is that the stream ends
}

func (s *Stream) take(limit int) (events []taken, err error) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := s.lost(); err != nil {
		return nil, err
	}
	for len(events) < limit {
		if s.due != nil {
			s.at.invalidated = true
			return append(events, taken{s.due, l.token(s.at), true}), nil
		}
		e := l.event(s.at.after + 1)
		if e == nil {
			return events, nil
		}
		s.at = position{after: s.at.after + 1}
		if s.scope.shows(e) && (s.options.Expanded || !e.expanded()) {
			events = append(events, taken{e, l.token(s.at), false})
		}
		if s.scope.ends(e) {
			s.due = e
		}
	}
	return events, nil
}

// Token returns the token after which a stream goes on when all events that Next has returned have been read.
func (s *Stream) Token() bson.Raw {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.token(s.at)
}
