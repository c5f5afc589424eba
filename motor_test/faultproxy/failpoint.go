package faultproxy

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The names of the fail points.
const (
	failCommand = "failCommand"
	failWrite   = "onPrimaryTransactionalWrite"
	failGetMore = "failGetMoreAfterCursorCheckout"
)

// fault describes how a fail point makes a command fail.
type fault struct {
	Commands          []string `bson:"failCommands"`
	ErrorCode         *int32   `bson:"errorCode"`
	ErrorLabels       []string `bson:"errorLabels"`
	CloseConnection   *bool    `bson:"closeConnection"`
	WriteConcernError bson.Raw `bson:"writeConcernError"`
	Block             bool     `bson:"blockConnection"`
	BlockMS           int64    `bson:"blockTimeMS"`
	AppName           *string  `bson:"appName"`
	BeforeCommit      *int32   `bson:"failBeforeCommitExceptionCode"`
}

// closes reports whether the fault closes the connection.
func (f *fault) closes() bool { return f.CloseConnection != nil && *f.CloseConnection }

func (f *fault) pause() time.Duration {
	if !f.Block {
		return 0
	}
	return time.Duration(f.BlockMS) * time.Millisecond
}

// failPoint is a fail point that is on.
type failPoint struct {
	fault
	skip  int64 // commands that pass first
	times int64 // commands that fail then; negative for all
}

// failPoints are the fail points of a proxy.
type failPoints struct {
	mu sync.Mutex
	on map[string]*failPoint
}

// configure runs the command configureFailPoint.
func (p *failPoints) configure(command bson.Raw) error {
	var c struct {
		Name string        `bson:"configureFailPoint"`
		Mode bson.RawValue `bson:"mode"`
		Data fault         `bson:"data"`
	}
	if err := bson.Unmarshal(command, &c); err != nil {
		return err
	}
	if !slices.Contains([]string{failCommand, failWrite, failGetMore}, c.Name) {
		return fmt.Errorf("unknown fail point %q: the proxy has %s, %s and %s", c.Name, failCommand, failWrite, failGetMore)
	}
	point := &failPoint{fault: c.Data, times: -1}
	text, _ := c.Mode.StringValueOK()
	doc, _ := c.Mode.DocumentOK()
	times, hasTimes := doc.Lookup("times").AsInt64OK()
	skip, hasSkip := doc.Lookup("skip").AsInt64OK()
	switch {
	case text == "off":
		point = nil
	case text == "alwaysOn":
	case hasTimes && times >= 0:
		point.times = times
	case hasSkip && skip >= 0:
		point.skip = skip
	default:
		return fmt.Errorf("invalid mode %s: need off, alwaysOn, {times: n} or {skip: n}", c.Mode)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on == nil {
		p.on = make(map[string]*failPoint)
	}
	p.on[c.Name] = point
	return nil
}

// take returns the fault of a fail point if it is on and concerns the command of a client, and otherwise nil.
func (p *failPoints) take(point, command, app string) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	on := p.on[point]
	switch {
	case on == nil, on.times == 0:
		return nil
	case on.AppName != nil && *on.AppName != app:
		return nil
	case point == failCommand && !slices.ContainsFunc(on.Commands, func(name string) bool { return strings.EqualFold(name, command) }):
		return nil
	case on.skip > 0:
		on.skip--
		return nil
	}
	if on.times > 0 {
		on.times--
	}
	taken := on.fault
	return &taken
}
