package seams_test

import (
	"context"
	"errors"
	"testing"
)

// TestAbandonedPoll cancels a read that waits for new documents and then closes the client. The poll that the server
// has not answered ends with the connection. It must not be reported as a failure.
func TestAbandonedPoll(t *testing.T) {
	for _, w := range []wait{{name: "tailing", start: tailing}, {name: "watching", start: watching}} {
		t.Run(w.name, func(t *testing.T) {
			for _, style := range styles {
				t.Run(style.String(), func(t *testing.T) {
					s := newScene(t, style, byContext, 1, nil)
					p := w.start(s)
					s.cancel()
					if err := p.outcome(); !errors.Is(err, context.Canceled) {
						t.Errorf("got outcome %v, want context.Canceled", err)
					}
					s.closeClient()
					p.release()
					s.loop.Close()
					<-s.ended
					s.flush()
					if n := len(s.reports); n != 0 {
						t.Errorf("got %d reports, want none: %v", n, <-s.reports)
					}
				})
			}
		})
	}
}
