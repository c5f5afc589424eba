package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// member is a member of the replica set, or a router behind the load balancer.
type member struct {
	address string        // "" for a router
	process bson.ObjectID // the processId of topologyVersion, and the serviceId
}

// maxMembers is the largest number of members of a set.
const maxMembers = 7

// StartSet starts a proxy that poses as a replica set of several members, before one server. The first is the primary.
// All members have the data of the server, so secondaries never lag behind. [Proxy.MovePrimary] makes another the primary.
func StartSet(ctx context.Context, uri string, members int) (*Proxy, error) {
	if members < 1 || members > maxMembers {
		return nil, fmt.Errorf("faultproxy: invalid number of members %d: need 1 to %d", members, maxMembers)
	}
	p, err := newProxy(uri)
	if err != nil {
		return nil, err
	}
	for range members {
		m := &member{process: bson.NewObjectID()}
		d, err := p.addDoor(ctx, m)
		if err != nil {
			return nil, err
		}
		m.address = d.address
		p.members = append(p.members, m)
	}
	for _, d := range p.doors {
		p.serve(d)
	}
	return p, nil
}

// Addresses returns the host and port of each member, or of the two load balancers.
func (p *Proxy) Addresses() []string {
	all := make([]string, len(p.doors))
	for i, d := range p.doors {
		all[i] = d.address
	}
	return all
}

// Primary returns the index of the primary.
func (p *Proxy) Primary() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.primary
}

// MovePrimary makes another member the primary, as an election does. Clients that wait for news of the set have it at
// once. Connections stay open. Commands that run go on; later writes to the old primary get NotWritablePrimary.
func (p *Proxy) MovePrimary(to int) error {
	if p.balanced {
		return errors.New("faultproxy: a load balancer has no primary")
	}
	if to < 0 || to >= len(p.members) {
		return fmt.Errorf("faultproxy: invalid member %d: need 0 to %d", to, len(p.members)-1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("faultproxy: the proxy is closed")
	}
	if to != p.primary {
		p.primary = to
		p.term++
		close(p.moved)
		p.moved = make(chan struct{})
	}
	return nil
}

// role returns what a member is now, and a channel that is closed when that changes. Routers act like primaries.
func (p *Proxy) role(m *member) (primary bool, leader *member, term int64, moved <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	leader = p.members[p.primary]
	return m == leader || p.balanced, leader, p.term, p.moved
}

// topologyVersion changes with the primary.
func (p *Proxy) topologyVersion(m *member) bson.D {
	_, _, term, _ := p.role(m)
	return bson.D{{Key: "processId", Value: m.process}, {Key: "counter", Value: term}}
}

// readCommands are the commands that a secondary answers only if the client allows that.
var readCommands = []string{
	"aggregate", "count", "dbStats", "collStats", "distinct", "find", "listCollections", "listDatabases", "listIndexes", "mapReduce",
}

// refusal returns the error of a command that a secondary does not answer, or nil.
func (c *connection) refusal(m *message, name string) bson.Raw {
	primary, _, _, _ := c.proxy.role(c.member)
	mode, _ := m.body.Lookup("$readPreference", "mode").StringValueOK()
	switch {
	case primary:
	case writes[name] != nil || writesResult(m.body):
		return c.failure(codeNotPrimary, "not primary", nil)
	case slices.Contains(readCommands, name) && (mode == "" || mode == "primary"):
		return c.failure(codeNotPrimaryNoSecondaryOk, "not primary and secondaryOk=false", nil)
	}
	return nil
}

// hello returns the reply of a member.
func (p *Proxy) hello(c *connection) bson.D {
	primary, leader, term, _ := p.role(c.member)
	now := p.tick()
	doc := append(p.common(c), bson.D{
		{Key: "secondary", Value: !primary},
		{Key: "hosts", Value: p.Addresses()},
		{Key: "setName", Value: setName},
		{Key: "setVersion", Value: int32(1)},
		{Key: "primary", Value: leader.address},
		{Key: "me", Value: c.member.address},
		{Key: "lastWrite", Value: bson.D{
			{Key: "opTime", Value: bson.D{{Key: "ts", Value: now}, {Key: "t", Value: term}}},
			{Key: "lastWriteDate", Value: time.Unix(int64(now.T), 0)},
		}},
	}...)
	if primary {
		id := bson.ObjectID{0x7f, 0xff, 0xff, 0xff}
		for i := range 8 {
			id[11-i] = byte(term >> (8 * i))
		}
		doc = append(doc, bson.E{Key: "electionId", Value: id})
	}
	return doc
}

// common returns the fields of hello that do not depend on the topology.
func (p *Proxy) common(c *connection) bson.D {
	primary, _, _, _ := p.role(c.member)
	return bson.D{
		{Key: "helloOk", Value: true},
		{Key: "ismaster", Value: primary},
		{Key: "isWritablePrimary", Value: primary},
		{Key: "topologyVersion", Value: p.topologyVersion(c.member)},
		{Key: "maxBsonObjectSize", Value: int32(16 * 1024 * 1024)},
		{Key: "maxMessageSizeBytes", Value: int32(maxMessageSize)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)},
		{Key: "localTime", Value: time.Now()},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "connectionId", Value: c.number},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: int32(21)},
		{Key: "readOnly", Value: false},
	}
}

// uri returns the connection string of some addresses.
func uri(addresses []string) string {
	return "mongodb://" + strings.Join(addresses, ",") + "/?replicaSet=" + setName + "&heartbeatFrequencyMS=500"
}
