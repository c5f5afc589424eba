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

// occurrence is an event of a client's monitors.
type occurrence struct {
	kind     string // the format's name, such as commandStartedEvent
	family   string // command, cmap or sdam
	command  string // the name of the command
	document bson.Raw
	failure  error
	fields   bson.D // the fields that the format can check, besides document
}

// recorder records the events of a client's monitors.
type recorder struct {
	ignored   []string // names of commands
	sensitive bool     // also record commands whose contents the driver hides

	mu     sync.Mutex
	mute   bool
	skip   string // a command that is not recorded at present
	events []occurrence
	news   chan struct{} // closed at the next event
}

func newRecorder() *recorder {
	return &recorder{ignored: []string{"configureFailPoint"}, news: make(chan struct{})}
}

// sensitiveCommands are the commands whose contents monitors do not see.
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
	// The driver hides the contents of a hello with authentication.
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

// skipping runs fn and does not record commands of this name meanwhile.
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

// seen returns the recorded events, and a channel that is closed at the next one.
func (r *recorder) seen() ([]occurrence, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.events), r.news
}

// observe adds the monitors to a client's options.
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

// shown returns a copy of a command or reply, since the driver reuses its memory. Hidden contents are empty.
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

// poolKinds maps the driver's types of pool events to the format's names.
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

// expectedEvents are the events that a client must report, in this order and no others.
type expectedEvents struct {
	Client      string     `bson:"client"`
	Family      string     `bson:"eventType"`
	Events      []bson.Raw `bson:"events"`
	IgnoreExtra bool       `bson:"ignoreExtraEvents"` // after the last expected event
}

// eventKeys lists the kinds of events of each family, with the fields that a file may check.
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

// check returns an error for events that are not in the format.
func (e *expectedEvents) check() error {
	kinds, ok := eventKeys[e.family()]
	if !ok {
		return fmt.Errorf("unknown event type %q", e.Family)
	}
	for _, one := range e.Events {
		kind, details, err := theOnly(one)
		if err != nil {
			return err
		}
		keys, ok := kinds[kind]
		if !ok {
			return fmt.Errorf("unknown event %q of type %s", kind, e.family())
		}
		elements, err := details.Elements()
		if err != nil {
			return err
		}
		for _, element := range elements {
			if !slices.Contains(keys, element.Key()) {
				return fmt.Errorf("%s has no field %q", kind, element.Key())
			}
		}
	}
	return nil
}

// theOnly returns the key and the document of an object with a single key.
func theOnly(doc bson.Raw) (string, bson.Raw, error) {
	elements, err := doc.Elements()
	if err != nil || len(elements) != 1 {
		return "", nil, fmt.Errorf("want an object of one key, got %s", doc)
	}
	below, ok := elements[0].Value().DocumentOK()
	if !ok {
		return "", nil, fmt.Errorf("%s: want an object, got %s", elements[0].Key(), elements[0].Value())
	}
	return elements[0].Key(), below, nil
}

// verify compares a client's events with the expected ones. observed are the kinds of events that the file observes.
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
			return fmt.Errorf("event %d: want %s, got only %v", i, kind, told)
		}
		if err := told[i].match(m, kind, details); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	if len(told) > len(e.Events) && !e.IgnoreExtra {
		return fmt.Errorf("want %d events, got also %v", len(e.Events), told[len(e.Events):])
	}
	return nil
}

func (o occurrence) match(m *matcher, kind string, details bson.Raw) error {
	if o.kind != kind {
		return fmt.Errorf("want %s, got %v", kind, o)
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

// String returns a short text for messages.
func (o occurrence) String() string {
	if o.family != "command" {
		return o.kind
	}
	if o.failure != nil {
		return fmt.Sprintf("%s %s: %v", o.kind, o.command, o.failure)
	}
	return fmt.Sprintf("%s %s", o.kind, o.document)
}
