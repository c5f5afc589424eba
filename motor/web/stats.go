package web

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

//go:embed stats.html
var statsPage []byte

// Stats are the statistics of a client's executor and of its loop, as [StatsHandler] sends them. Times are in
// milliseconds.
type Stats struct {
	MaxWorkers     int     `json:"maxWorkers"`     // operations that run at once
	Running        int     `json:"running"`        // operations that run now
	Queued         int     `json:"queued"`         // operations that wait for a slot
	Completed      uint64  `json:"completed"`      // operations that have ended
	Rejected       uint64  `json:"rejected"`       // operations that were refused, or waited for too long
	Panics         uint64  `json:"panics"`         // operations that panicked
	Waited         uint64  `json:"waited"`         // operations that had to wait
	QueueWaitMS    float64 `json:"queueWaitMS"`    // the time that they waited, together
	MaxQueueWaitMS float64 `json:"maxQueueWaitMS"` // the longest wait

	Loop *LoopStats `json:"loop,omitempty"` // nil if the client has no loop, or one without statistics
}

// LoopStats are the statistics of an event loop.
type LoopStats struct {
	Queued    int     `json:"queued"`    // callbacks that wait for a turn
	Timeouts  int     `json:"timeouts"`  // timeouts that have not fired
	Turns     uint64  `json:"turns"`     // turns of the loop
	Callbacks uint64  `json:"callbacks"` // callbacks that have run
	Fired     uint64  `json:"fired"`     // timeouts that have fired
	Panics    uint64  `json:"panics"`    // callbacks that panicked
	Slow      uint64  `json:"slow"`      // callbacks that took too long: see callback.WithSlowCallback
	LagMS     float64 `json:"lagMS"`     // the time that the first callback of each turn has waited, together
	MaxLagMS  float64 `json:"maxLagMS"`  // the longest of these times
}

// StatsOf returns the present statistics of a client. They can be published with package expvar too.
func StatsOf(client *motor.Client) Stats {
	s := client.Stats()
	all := Stats{
		MaxWorkers: client.MaxWorkers(), Running: s.Running, Queued: s.Queued, Completed: s.Completed, Rejected: s.Rejected,
		Panics: s.Panics, Waited: s.Waited, QueueWaitMS: milliseconds(s.QueueWait), MaxQueueWaitMS: milliseconds(s.MaxQueueWait),
	}
	if loop, ok := client.IOLoop().(interface{ Stats() future.LoopStats }); ok {
		l := loop.Stats()
		all.Loop = &LoopStats{
			Queued: l.Queued, Timeouts: l.Timeouts, Turns: l.Turns, Callbacks: l.Callbacks, Fired: l.Fired, Panics: l.Panics,
			Slow: l.Slow, LagMS: milliseconds(l.Lag), MaxLagMS: milliseconds(l.MaxLag),
		}
	}
	return all
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// StatsHandler serves the statistics of a client's executor and loop: as JSON ([Stats]), or as a page that follows them,
// for browsers. It answers GET and HEAD, and allows no caching. It shows no data and no addresses, but should be served only
// to people who operate the program.
//
//	mux.Handle("/debug/motor", web.StatsHandler(client))
//
// It panics if client is nil.
func StatsHandler(client *motor.Client) http.Handler {
	if client == nil {
		panic("web: StatsHandler: client is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "405 method not allowed", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Accept")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if prefersHTML(r.Header.Get("Accept")) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'")
			_, _ = w.Write(statsPage) // an error means that the client has gone
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(StatsOf(client))
	})
}

// prefersHTML reports whether a page is as welcome as JSON, by an Accept header.
func prefersHTML(accept string) bool {
	html, json := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		kind, params, _ := strings.Cut(part, ";")
		weight := 1.0
		for p := range strings.SplitSeq(params, ";") {
			if q, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
				weight, _ = strconv.ParseFloat(q, 64) // an invalid weight is 0
			}
		}
		switch strings.TrimSpace(kind) {
		case "text/html":
			html = weight
		case "application/json":
			json = weight
		}
	}
	return html > 0 && html >= json
}
