package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// withPeer runs test in both styles with a scripted peer, for features that the embedded server lacks and for what only
// the wire shows. The collection of ops is d.c.
func withPeer(
	t *testing.T, role wiretest.Role, test func(t *testing.T, peer *wiretest.Peer, ops operations), opts ...motor.ClientOption,
) {
	var peer *wiretest.Peer
	inBothStylesOf(t, func(t *testing.T) *motor.Collection[bson.M] {
		peer = wiretest.Start(t, role)
		client, err := motor.NewClient(peer.URI(), opts...)
		noError(t, err)
		t.Cleanup(func() {
			if err := client.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return client.Database("d").Collection("c")
	}, func(t *testing.T, ops operations) { test(t, peer, ops) })
}
