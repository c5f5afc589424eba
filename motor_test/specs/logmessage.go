package specs

import (
	"fmt"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// logMessage is a message in a client's log.
type logMessage struct {
	Level     string   `bson:"level"`
	Component string   `bson:"component"`
	Redacted  *bool    `bson:"failureIsRedacted"`
	Data      bson.Raw `bson:"data"`
}

// expectedLogMessages are the messages that a client must log, in this order and no others.
type expectedLogMessages struct {
	Client      string       `bson:"client"`
	Messages    []logMessage `bson:"messages"`
	Ignore      []logMessage `bson:"ignoreMessages"`
	IgnoreExtra bool         `bson:"ignoreExtraMessages"`
}

// maxLogged is the maximal length of a document in a message, enough for everything that the files compare.
const maxLogged = 10_000

// logComponents maps the format's names to the driver's components.
var logComponents = map[string]options.LogComponent{
	"command":         options.LogComponentCommand,
	"topology":        options.LogComponentTopology,
	"serverSelection": options.LogComponentServerSelection,
	"connection":      options.LogComponentConnection,
}

// log is the sink of a client's log. The driver calls it while an operation runs.
type log struct {
	components map[string]options.LogLevel // the components and levels that the file observes

	mu       sync.Mutex
	mute     bool
	skip     string // a command that is not recorded at present
	messages []logMessage
}

// newLog parses observeLogMessages.
func newLog(observe bson.Raw) (*log, error) {
	elements, err := observe.Elements()
	if err != nil {
		return nil, err
	}
	l := &log{components: map[string]options.LogLevel{}}
	for _, element := range elements {
		if _, ok := logComponents[element.Key()]; !ok {
			return nil, fmt.Errorf("unknown log component %q", element.Key())
		}
		level, _ := element.Value().StringValueOK()
		// The driver has two levels for all those of the specification.
		switch level {
		case "emergency", "alert", "critical", "error", "warning", "notice", "info":
			l.components[element.Key()] = options.LogLevelInfo
		case "debug", "trace":
			l.components[element.Key()] = options.LogLevelDebug
		default:
			return nil, fmt.Errorf("unknown log level %s", element.Value())
		}
	}
	return l, nil
}

func (l *log) observe(opts *options.ClientOptions) {
	logger := options.Logger().SetSink(l).SetMaxDocumentLength(maxLogged)
	for component, level := range l.components {
		logger.SetComponentLevel(logComponents[component], level)
	}
	opts.SetLoggerOptions(logger)
}

// Info implements [options.LogSink]. The level is 0 for info and 1 for debug.
func (l *log) Info(level int, message string, keysAndValues ...any) {
	data := bson.D{{Key: "message", Value: message}}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		data = append(data, bson.E{Key: fmt.Sprint(keysAndValues[i]), Value: keysAndValues[i+1]})
	}
	raw, err := bson.Marshal(data)
	if err != nil {
		raw, _ = bson.Marshal(bson.D{{Key: "message", Value: fmt.Sprintf("%s with data that cannot be encoded: %v", message, err)}})
	}
	names := [...]string{"info", "debug"}
	l.mu.Lock()
	defer l.mu.Unlock()
	name, _ := bson.Raw(raw).Lookup("commandName").StringValueOK()
	if l.mute || name == "configureFailPoint" || name != "" && name == l.skip {
		return
	}
	l.messages = append(l.messages, logMessage{Level: names[min(max(level, 0), 1)], Component: componentOf(message), Data: raw})
}

// Error implements [options.LogSink].
func (l *log) Error(err error, message string, keysAndValues ...any) {
	l.Info(0, message, append(keysAndValues, "error", err.Error())...)
}

// componentOf derives the component from the message, since the driver does not pass it.
func componentOf(message string) string {
	switch {
	case strings.HasPrefix(message, "Command "):
		return "command"
	case strings.HasPrefix(message, "Connection "):
		return "connection"
	case strings.HasPrefix(message, "Server selection "), strings.HasPrefix(message, "Waiting for suitable server"):
		return "serverSelection"
	}
	return "topology"
}

func (l *log) stop() {
	l.mu.Lock()
	l.mute = true
	l.mu.Unlock()
}

// skipping runs fn and does not record commands of this name meanwhile.
func (l *log) skipping(command string, fn func()) {
	if l == nil {
		fn()
		return
	}
	set := func(name string) {
		l.mu.Lock()
		l.skip = name
		l.mu.Unlock()
	}
	set(command)
	defer set("")
	fn()
}

// verify compares the logged messages with the expected ones.
func (e *expectedLogMessages) verify(m *matcher, l *log) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var told []logMessage
	for _, message := range l.messages {
		ignored := false
		for _, want := range e.Ignore {
			ignored = ignored || message.match(m, want) == nil
		}
		if !ignored {
			told = append(told, message)
		}
	}
	for i, want := range e.Messages {
		if i >= len(told) {
			return fmt.Errorf("log message %d: want %s, got only %v", i, want.Data, told)
		}
		if err := told[i].match(m, want); err != nil {
			return fmt.Errorf("log message %d: %w, in %v", i, err, told[i])
		}
	}
	if len(told) > len(e.Messages) && !e.IgnoreExtra {
		return fmt.Errorf("want %d log messages, got also %v", len(e.Messages), told[len(e.Messages):])
	}
	return nil
}

func (m logMessage) match(matcher *matcher, want logMessage) error {
	if want.Level != "" && levelOf(want.Level) != levelOf(m.Level) {
		return fmt.Errorf("level: want %s, got %s", want.Level, m.Level)
	}
	if want.Component != "" && want.Component != m.Component {
		return fmt.Errorf("component: want %s, got %s", want.Component, m.Component)
	}
	if want.Redacted != nil {
		// The driver redacts a failure by removing all fields that the specification does not allow.
		failure, _ := m.Data.Lookup("failure").StringValueOK()
		if redacted := failure == ""; redacted != *want.Redacted {
			return fmt.Errorf("failureIsRedacted: want %v, got %q", *want.Redacted, failure)
		}
	}
	return matcher.match(ofDocument(want.Data), ofDocument(m.Data), true)
}

func levelOf(name string) options.LogLevel {
	if name == "debug" || name == "trace" {
		return options.LogLevelDebug
	}
	return options.LogLevelInfo
}

func (m logMessage) String() string { return m.Level + " " + m.Component + " " + m.Data.String() }
