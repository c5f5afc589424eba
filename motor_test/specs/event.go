package specs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// occurrence is one thing that a client has told its monitors.
type occurrence struct {
	kind     string // as the format calls it: commandStartedEvent
	family   string // command, cmap or sdam
	command  string // the name of the command
	document bson.Raw
	failure  error
	fields   bson.D // what the format can ask for beside document
}

// recorder notes what a client's monitors are told.
type recorder struct {
	ignored   []string // names of commands
	sensitive bool     // commands whose contents the driver hides are to be noted too

	mu     sync.Mutex
	mute   bool
	skip   string // a command that is not noted just now
	events []occurrence
	news   chan struct{} // closed at the next occurrence
}

func newRecorder() *recorder {
	return &recorder{ignored: []string{"configureFailPoint"}, news: make(chan struct{})}
}

// sensitiveCommands are the ones whose contents no monitor is shown.
var sensitiveCommands = []string{"authenticate", "saslstart", "saslcontinue", "getnonce", "createuser", "updateuser",
	"copydbgetnonce", "copydbsaslstart", "copydb"}

func (r *recorder) note(o occurrence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mute || r.hidden(o) {
		return
	}
	r.events = append(r.events, o)
	close(r.news)
	r.news = make(chan struct{})
}

func (r *recorder) hidden(o occurrence) bool {
	if o.family != "command" {
		return false
	}
	if o.command == r.skip || slices.Contains(r.ignored, o.command) {
		return true
	}
	if r.sensitive {
		return false
	}
	name := strings.ToLower(o.command)
	// The driver shows a hello that authenticates without its contents.
	return slices.Contains(sensitiveCommands, name) || (name == "hello" || name == "ismaster") && len(o.document) <= emptyDocument
}

// emptyDocument is the size of {}.
const emptyDocument = 5

// stop ends the recording.
func (r *recorder) stop() {
	r.mu.Lock()
	r.mute = true
	r.mu.Unlock()
}

// skipping has commands of this name not noted while fn runs.
func (r *recorder) skipping(command string, fn func()) {
	set := func(name string) {
		r.mu.Lock()
		r.skip = name
		r.mu.Unlock()
	}
	set(command)
	defer set("")
	fn()
}

// seen returns what has been noted so far and a channel that is closed when there is more.
func (r *recorder) seen() ([]occurrence, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.events), r.news
}

// observe gives a client's options the monitors.
func (r *recorder) observe(opts *options.ClientOptions) {
	opts.SetMonitor(&event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			r.note(occurrence{kind: "commandStartedEvent", family: "command", command: e.CommandName, document: shown(e.Command),
				fields: commandFields(e.CommandName, e.DatabaseName, e.ServerConnectionID, e.ServiceID)})
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			r.note(occurrence{kind: "commandSucceededEvent", family: "command", command: e.CommandName, document: shown(e.Reply),
				fields: commandFields(e.CommandName, e.DatabaseName, e.ServerConnectionID, e.ServiceID)})
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			r.note(occurrence{kind: "commandFailedEvent", family: "command", command: e.CommandName, failure: e.Failure,
				fields: commandFields(e.CommandName, e.DatabaseName, e.ServerConnectionID, e.ServiceID)})
		},
	})
	opts.SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
		r.note(occurrence{kind: poolKinds[e.Type], family: "cmap", fields: bson.D{
			{Key: "reason", Value: e.Reason},
			{Key: "hasServiceId", Value: e.ServiceID != nil},
			{Key: "interruptInUseConnections", Value: e.Interruption},
		}})
	}})
	opts.SetServerMonitor(&event.ServerMonitor{
		ServerDescriptionChanged: func(e *event.ServerDescriptionChangedEvent) {
			r.note(described("serverDescriptionChangedEvent", e.PreviousDescription.Kind, e.NewDescription.Kind))
		},
		TopologyDescriptionChanged: func(e *event.TopologyDescriptionChangedEvent) {
			r.note(described("topologyDescriptionChangedEvent", e.PreviousDescription.Kind, e.NewDescription.Kind))
		},
		TopologyOpening: func(*event.TopologyOpeningEvent) { r.note(occurrence{kind: "topologyOpeningEvent", family: "sdam"}) },
		TopologyClosed:  func(*event.TopologyClosedEvent) { r.note(occurrence{kind: "topologyClosedEvent", family: "sdam"}) },
		ServerHeartbeatStarted: func(e *event.ServerHeartbeatStartedEvent) {
			r.note(beat("serverHeartbeatStartedEvent", e.Awaited))
		},
		ServerHeartbeatSucceeded: func(e *event.ServerHeartbeatSucceededEvent) {
			r.note(beat("serverHeartbeatSucceededEvent", e.Awaited))
		},
		ServerHeartbeatFailed: func(e *event.ServerHeartbeatFailedEvent) {
			r.note(beat("serverHeartbeatFailedEvent", e.Awaited))
		},
	})
}

// shown is a command or a reply as the driver shows it: what it hides is empty. The memory is the driver's to reuse.
func shown(doc bson.Raw) bson.Raw {
	if len(doc) == 0 {
		return bson.Raw{emptyDocument, 0, 0, 0, 0}
	}
	return slices.Clone(doc)
}

func commandFields(name, database string, connection *int64, service *bson.ObjectID) bson.D {
	return bson.D{
		{Key: "commandName", Value: name},
		{Key: "databaseName", Value: database},
		{Key: "hasServerConnectionId", Value: connection != nil && *connection > 0},
		{Key: "hasServiceId", Value: service != nil},
	}
}

func described(kind, before, after string) occurrence {
	return occurrence{kind: kind, family: "sdam", fields: bson.D{
		{Key: "previousDescription", Value: bson.D{{Key: "type", Value: before}}},
		{Key: "newDescription", Value: bson.D{{Key: "type", Value: after}}},
	}}
}

func beat(kind string, awaited bool) occurrence {
	return occurrence{kind: kind, family: "sdam", fields: bson.D{{Key: "awaited", Value: awaited}}}
}

// poolKinds are the format's names of the driver's types of pool events.
var poolKinds = map[string]string{
	event.ConnectionPoolCreated:     "poolCreatedEvent",
	event.ConnectionPoolReady:       "poolReadyEvent",
	event.ConnectionPoolCleared:     "poolClearedEvent",
	event.ConnectionPoolClosed:      "poolClosedEvent",
	event.ConnectionCreated:         "connectionCreatedEvent",
	event.ConnectionReady:           "connectionReadyEvent",
	event.ConnectionClosed:          "connectionClosedEvent",
	event.ConnectionCheckOutStarted: "connectionCheckOutStartedEvent",
	event.ConnectionCheckOutFailed:  "connectionCheckOutFailedEvent",
	event.ConnectionCheckedOut:      "connectionCheckedOutEvent",
	event.ConnectionCheckedIn:       "connectionCheckedInEvent",
}

// expectedEvents are what a client is expected to have told, in this order and nothing else.
type expectedEvents struct {
	Client      string     `bson:"client"`
	Family      string     `bson:"eventType"`
	Events      []bson.Raw `bson:"events"`
	IgnoreExtra bool       `bson:"ignoreExtraEvents"` // after the last that is expected
}

// eventKeys are the kinds of events of each family with what may be expected of them.
var eventKeys = map[string]map[string][]string{
	"command": {
		"commandStartedEvent":   {"command", "commandName", "databaseName", "hasServerConnectionId", "hasServiceId"},
		"commandSucceededEvent": {"reply", "commandName", "databaseName", "hasServerConnectionId", "hasServiceId"},
		"commandFailedEvent":    {"commandName", "databaseName", "hasServerConnectionId", "hasServiceId"},
	},
	"cmap": {
		"poolCreatedEvent": nil, "poolReadyEvent": nil, "poolClosedEvent": nil,
		"poolClearedEvent":       {"hasServiceId", "interruptInUseConnections"},
		"connectionCreatedEvent": nil, "connectionReadyEvent": nil, "connectionClosedEvent": {"reason"},
		"connectionCheckOutStartedEvent": nil, "connectionCheckOutFailedEvent": {"reason"},
		"connectionCheckedOutEvent": nil, "connectionCheckedInEvent": nil,
	},
	"sdam": {
		"serverDescriptionChangedEvent":   {"previousDescription", "newDescription"},
		"topologyDescriptionChangedEvent": {"previousDescription", "newDescription"},
		"topologyOpeningEvent":            nil, "topologyClosedEvent": nil,
		"serverHeartbeatStartedEvent": {"awaited"}, "serverHeartbeatSucceededEvent": {"awaited"}, "serverHeartbeatFailedEvent": {"awaited"},
	},
}

func (e *expectedEvents) family() string {
	if e.Family == "" {
		return "command"
	}
	return e.Family
}

// check returns an error for events that the format does not have.
func (e *expectedEvents) check() error {
	kinds, ok := eventKeys[e.family()]
	if !ok {
		return fmt.Errorf("there are no events of the type %q", e.Family)
	}
	for _, one := range e.Events {
		kind, details, err := theOnly(one)
		if err != nil {
			return err
		}
		keys, ok := kinds[kind]
		if !ok {
			return fmt.Errorf("there is no event %q of the type %s", kind, e.family())
		}
		elements, err := details.Elements()
		if err != nil {
			return err
		}
		for _, element := range elements {
			if !slices.Contains(keys, element.Key()) {
				return fmt.Errorf("a %s has no %q", kind, element.Key())
			}
		}
	}
	return nil
}

// theOnly returns the key and the document of an object that has a single key.
func theOnly(doc bson.Raw) (string, bson.Raw, error) {
	elements, err := doc.Elements()
	if err != nil || len(elements) != 1 {
		return "", nil, fmt.Errorf("expected an object of one key, got %s", doc)
	}
	below, ok := elements[0].Value().DocumentOK()
	if !ok {
		return "", nil, fmt.Errorf("%s: expected an object, got %s", elements[0].Key(), elements[0].Value())
	}
	return elements[0].Key(), below, nil
}

// verify compares what the client has told with what is expected. observed are the kinds that the file has the client
// note.
func (e *expectedEvents) verify(m *matcher, observed []string, all []occurrence) error {
	var told []occurrence
	for _, one := range all {
		if one.family == e.family() && slices.Contains(observed, one.kind) {
			told = append(told, one)
		}
	}
	for i, want := range e.Events {
		kind, details, err := theOnly(want)
		if err != nil {
			return err
		}
		if i >= len(told) {
			return fmt.Errorf("event %d: expected a %s, got no more than %v", i, kind, told)
		}
		if err := told[i].match(m, kind, details); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	if len(told) > len(e.Events) && !e.IgnoreExtra {
		return fmt.Errorf("expected %d events, got %v besides", len(e.Events), told[len(e.Events):])
	}
	return nil
}

func (o occurrence) match(m *matcher, kind string, details bson.Raw) error {
	if o.kind != kind {
		return fmt.Errorf("expected a %s, got %v", kind, o)
	}
	fields, err := bson.Marshal(o.fields)
	if err != nil {
		return err
	}
	elements, err := details.Elements()
	if err != nil {
		return err
	}
	for _, element := range elements {
		actual := bson.Raw(fields).Lookup(element.Key())
		root := false
		if element.Key() == "command" || element.Key() == "reply" {
			actual, root = ofDocument(o.document), true
		}
		if err := m.match(element.Value(), actual, root); err != nil {
			return fmt.Errorf("%s: %s: %w, in %v", kind, element.Key(), err, o)
		}
	}
	return nil
}

// String is short: it goes into messages.
func (o occurrence) String() string {
	if o.family != "command" {
		return o.kind
	}
	if o.failure != nil {
		return fmt.Sprintf("%s %s: %v", o.kind, o.command, o.failure)
	}
	return fmt.Sprintf("%s %s", o.kind, o.document)
}
