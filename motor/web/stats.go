package web

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gomotor/gomotor/motor"
)

//go:embed stats.html
var statsPage []byte

// Stats are the statistics of a client's executor, as [StatsHandler] sends them. Times are in milliseconds.
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
}

// StatsOf returns the present statistics of a client. They can be published with package expvar too.
func StatsOf(client *motor.Client) Stats {
	s := client.Stats()
	return Stats{
		MaxWorkers: client.MaxWorkers(), Running: s.Running, Queued: s.Queued, Completed: s.Completed, Rejected: s.Rejected,
		Panics: s.Panics, Waited: s.Waited, QueueWaitMS: s.QueueWait.Seconds() * 1000, MaxQueueWaitMS: s.MaxQueueWait.Seconds() * 1000,
	}
}

// StatsHandler serves the statistics of a client's executor: as JSON ([Stats]), or as a page that follows them, for
// browsers. It answers GET and HEAD, and allows no caching. It shows no data and no addresses, but should be served only
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
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'")
			_, _ = w.Write(statsPage) // an error means that the client has gone
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(StatsOf(client))
	})
}
