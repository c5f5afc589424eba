package motor_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// Refused credentials are an OperationFailure, whoever refuses them. Open only tells whether a server answers.
func TestScram(t *testing.T) {
	for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		user := wiretest.Scram{Mechanism: mechanism, User: "ann", Password: "SECRET"}
		with := func(change func(*wiretest.Scram)) wiretest.Scram {
			changed := user
			change(&changed)
			return changed
		}
		for _, test := range []struct {
			name, password string
			server         wiretest.Scram
			class          *motor.ErrorClass // nil: no error
		}{
			{"right password", "SECRET", user, nil},
			{"wrong password", "SECRET2", user, motor.OperationFailure},
			{"wrong signature of the server", "SECRET", with(func(s *wiretest.Scram) { s.BadSignature = true }), motor.OperationFailure},
			{"too few iterations", "SECRET", with(func(s *wiretest.Scram) { s.Iterations = 100 }), motor.OperationFailure},
			{"connection lost", "SECRET", with(func(s *wiretest.Scram) { s.HangUp = true }), motor.AutoReconnect},
		} {
			t.Run(mechanism+" "+test.name, func(t *testing.T) {
				peer := wiretest.Start(t, wiretest.Standalone)
				peer.RequireScram(test.server)
				peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
				uri := strings.Replace(peer.URI("authMechanism="+mechanism), "://", "://ann:"+url.QueryEscape(test.password)+"@", 1)
				client := newClient(t, uri)
				_, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context())
				switch {
				case test.class == nil && err != nil:
					t.Errorf("got %v, want nil", err)
				case test.class != nil && (!errors.Is(err, test.class) || strings.Contains(err.Error(), "SECRET")):
					t.Errorf("got %v, want %s without the password", err, test.class.Name())
				}
				_, err = client.Open(t.Context()).Await(t.Context())
				if err != nil && test.class != motor.AutoReconnect {
					t.Errorf("Open: got %v, want nil", err)
				}
			})
		}
	}
}
