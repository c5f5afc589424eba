package seams_test

import (
	"context"
	"errors"
	"testing"
)

// TestAbandonedPoll gives up a read that waits for news, and closes the client before there are any: the poll that
// the server has not answered ends with the connection, and is no one's failure.
func TestAbandonedPoll(t *testing.T) {
	for _, w := range []wait{{name: "tailing", begin: tailing}, {name: "watching", begin: watching}} {
		t.Run(w.name, func(t *testing.T) {
			for _, style := range styles {
				t.Run(style.String(), func(t *testing.T) {
					s := newScene(t, style, byContext, 1, nil)
					p := w.begin(s)
					s.cancel()
					if err := p.outcome(); !errors.Is(err, context.Canceled) {
						t.Errorf("told %v, want context.Canceled", err)
					}
					s.closeClient()
					p.release()
					s.loop.Close()
					<-s.ended
					s.flush()
					if n := len(s.reports); n != 0 {
						t.Errorf("%d failures are reported: %v", n, <-s.reports)
					}
				})
			}
		})
	}
}
