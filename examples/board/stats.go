package main

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// sample is the data of the event "stats". Times are in milliseconds.
type sample struct {
	Slots   int     `json:"slots"`   // of the executor
	Running int     `json:"running"` // slots in use
	Queued  int     `json:"queued"`  // operations that wait for a slot
	Wait    float64 `json:"wait"`    // the average time that operations waited for a slot, since the last sample
	Done    uint64  `json:"done"`    // operations since the last sample
	Cursors int     `json:"cursors"` // open on the server
	Lag     float64 `json:"lag"`     // the longest delay of a callback of the loop since the last sample
	Windows int     `json:"windows"` // pages that receive events
}

const (
	samplePeriod = 500 * time.Millisecond
	probePeriod  = 50 * time.Millisecond
)

// startSampling sends a sample to all boards twice a second, until stop is called. Both are called on the loop.
func startSampling(loop *callback.Loop, client *motor.Client, cursors *cursorCounter, boards map[string]*board) (stop func()) {
	// A probe is late by the time for which the loop could not run it.
	var lag time.Duration
	var nextProbe, nextSample *callback.Timeout
	var probe func(due time.Time)
	probe = func(due time.Time) {
		now := loop.Time()
		lag = max(lag, now.Sub(due))
		next := now.Add(probePeriod)
		nextProbe = loop.CallAt(next, func() { probe(next) })
	}
	probe(loop.Time())

	last := client.Stats()
	var take func()
	take = func() {
		now := client.Stats()
		s := sample{
			Slots:   client.MaxWorkers(),
			Running: now.Running,
			Queued:  now.Queued,
			Done:    now.Completed - last.Completed,
			Cursors: cursors.open(),
			Lag:     milliseconds(lag),
		}
		if waited := now.Waited - last.Waited; waited > 0 {
			s.Wait = milliseconds(now.QueueWait-last.QueueWait) / float64(waited)
		}
		for _, b := range boards {
			s.Windows += len(b.hub.listeners)
		}
		for _, b := range boards {
			b.hub.send(newEvent("stats", "", s))
		}
		last, lag = now, 0
		nextSample = loop.CallLater(samplePeriod, take)
	}
	take()
	return func() {
		loop.RemoveTimeout(nextProbe)
		loop.RemoveTimeout(nextSample)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// cursorCounter counts the cursors that are open on the server, from the replies to commands.
type cursorCounter struct {
	mu  sync.Mutex
	ids map[int64]bool
}

func newCursorCounter() *cursorCounter { return &cursorCounter{ids: map[int64]bool{}} }

func (c *cursorCounter) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

func (c *cursorCounter) monitor() *event.CommandMonitor {
	var getMores sync.Map // the cursor of each getMore, by the id of its request
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			switch e.CommandName {
			case "getMore":
				getMores.Store(e.RequestID, e.Command.Lookup("getMore").AsInt64())
			case "killCursors":
				ids, _ := e.Command.Lookup("cursors").Array().Values()
				c.mu.Lock()
				defer c.mu.Unlock()
				for _, id := range ids {
					delete(c.ids, id.AsInt64())
				}
			}
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			asked, isGetMore := getMores.LoadAndDelete(e.RequestID)
			id, err := e.Reply.LookupErr("cursor", "id")
			if err != nil || id.Type != bson.TypeInt64 {
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if isGetMore {
				delete(c.ids, asked.(int64))
			}
			if id.Int64() != 0 {
				c.ids[id.Int64()] = true
			}
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) {
			if asked, ok := getMores.LoadAndDelete(e.RequestID); ok {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.ids, asked.(int64))
			}
		},
	}
}
