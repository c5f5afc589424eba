package motor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// occupy returns a collection whose client has one connection, occupied by a find. checkingOut receives when another
// operation waits for the connection.
func occupy(t *testing.T) (c collection, find request, checkingOut <-chan struct{}) {
	peer := wiretest.Start(t, wiretest.Standalone)
	starts := make(chan struct{}, 10)
	monitor := &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		if e.Type == event.ConnectionCheckOutStarted {
			starts <- struct{}{}
		}
	}}
	client := newClient(t, peer.URI("maxPoolSize=1", "retryReads=false"), motor.WithMaxWorkers(2),
		motor.WithClientOptions(options.Client().SetPoolMonitor(monitor)))
	c = client.Database("d").Collection("c")
	first := findOne(t.Context(), c)
	t.Cleanup(func() { _ = first(context.Background()) })
	<-starts
	return c, peer.Receive("find"), starts
}

func TestErrorNoFreeConnection(t *testing.T) {
	c, find, _ := occupy(t)
	err := within(300*time.Millisecond, findOne)(t.Context(), c)(t.Context())
	wantError{class: motor.WaitQueueTimeoutError, timeout: true}.check(t, err)
	find.Cursor("d.c", 0)
}

func TestErrorQueueTimeout(t *testing.T) {
	for _, test := range []struct {
		name    string
		connect func(*wiretest.Peer) *motor.Client
	}{
		{"by the connection string", func(p *wiretest.Peer) *motor.Client {
			return newClient(t, p.URI("waitQueueTimeoutMS=20"), motor.WithMaxWorkers(1))
		}},
		{"by its name", func(p *wiretest.Peer) *motor.Client {
			return newClient(t, p.URI(), motor.WithMaxWorkers(1), motor.WithOptions(map[string]any{"waitQueueTimeoutMS": 20}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			c := test.connect(peer).Database("d").Collection("c")
			first := findOne(t.Context(), c)
			find := peer.Receive("find")
			patience, stop := context.WithTimeout(t.Context(), 8*time.Second) // less than the peer's timeout
			defer stop()
			err := findOne(t.Context(), c)(patience)
			find.Cursor("d.c", 0) // The running find is unaffected.
			if patience.Err() != nil {
				t.Fatal("still queued after 8 seconds, want an error after 20 ms")
			}
			wantError{class: motor.WaitQueueTimeoutError, timeout: true}.check(t, err)
			if !errors.Is(err, future.ErrQueueTimeout) {
				t.Errorf("got %v, want future.ErrQueueTimeout", err)
			}
			if err := first(t.Context()); err != nil {
				t.Errorf("got error %v, want nil", err)
			}
		})
	}
	for _, bad := range []string{"-1", "soon", "99999999999"} {
		if _, err := motor.NewClient("mongodb://localhost/?waitQueueTimeoutMS="+bad, motor.WithStrictOptions()); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want ConfigurationError", bad, err)
		}
	}
}

func TestErrorConnectionLostWhileWaiting(t *testing.T) {
	c, find, checkingOut := occupy(t)
	wait := findOne(t.Context(), c)
	<-checkingOut
	find.HangUp()
	wantError{class: motor.AutoReconnect}.check(t, wait(t.Context()))
}
