package callback_test

import (
	"log/slog"
	"strings"
	"sync"
)

// logRecorder keeps what was logged.
type logRecorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func newLogRecorder() *logRecorder { return new(logRecorder) }

func (r *logRecorder) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func (r *logRecorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *logRecorder) contains(parts ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return containsString(r.text.String(), parts...)
}

// containsString reports whether s contains each of parts.
func containsString(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
