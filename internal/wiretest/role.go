package wiretest

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Role is the kind of server that a peer plays.
type Role int

// The roles. The last three are members of a replica set. A peer that [Start] gives one of them is a set of one
// member.
const (
	Standalone Role = iota
	Mongos
	Primary
	Secondary
	Arbiter
)

// setName is the name of every replica set.
const setName = "rs"

// deployment is the state that the peers of one replica set share. A peer that is not in a [Set] has a deployment for
// itself.
type deployment struct {
	mu        sync.Mutex
	peers     []*Peer
	elections uint64
}

// SetRole changes the role of the peer. A driver learns of it from the next hello; see also [Set.Elect].
func (p *Peer) SetRole(role Role) {
	p.deployment.mu.Lock()
	defer p.deployment.mu.Unlock()
	p.deployment.setRole(p, role)
}

// setRole sets the role. The caller holds mu.
func (d *deployment) setRole(p *Peer, role Role) {
	p.role = role
	if role == Primary {
		d.elections++
	}
}

// SetHello changes fields of the peer's answer to hello: maxBsonObjectSize, maxWireVersion, tags, hosts, or any other.
// A field whose value is [Absent] is left out. Changes are merged with earlier ones and outlast changes of role.
func (p *Peer) SetHello(fields bson.M) {
	p.deployment.mu.Lock()
	defer p.deployment.mu.Unlock()
	for name, value := range fields {
		p.fields[name] = value
	}
}

// Hello returns the peer's answer to hello.
func (p *Peer) Hello() bson.D {
	p.deployment.mu.Lock()
	defer p.deployment.mu.Unlock()
	hello := bson.D{
		{Key: "helloOk", Value: true},
		{Key: "isWritablePrimary", Value: p.role <= Primary},
		{Key: "ismaster", Value: p.role <= Primary},
	}
	switch {
	case p.role == Mongos:
		hello = append(hello, bson.E{Key: "msg", Value: "isdbgrid"})
	case p.role >= Primary:
		hello = append(hello, p.deployment.membership(p)...)
	}
	hello = append(hello,
		bson.E{Key: "maxBsonObjectSize", Value: 16 * 1024 * 1024},
		bson.E{Key: "maxMessageSizeBytes", Value: maxMessageSize},
		bson.E{Key: "maxWriteBatchSize", Value: 100_000},
		bson.E{Key: "logicalSessionTimeoutMinutes", Value: 30},
		bson.E{Key: "minWireVersion", Value: 0},
		bson.E{Key: "maxWireVersion", Value: 25}, // MongoDB 8.0
		bson.E{Key: "readOnly", Value: false},
	)
	return override(hello, p.fields)
}

// override returns doc with the values of fields. It removes fields that are Absent.
func override(doc bson.D, fields bson.M) bson.D {
	doc = slices.DeleteFunc(doc, func(e bson.E) bool {
		_, other := fields[e.Key]
		return other
	})
	for name, value := range fields {
		if value != Absent {
			doc = append(doc, bson.E{Key: name, Value: value})
		}
	}
	return doc
}

// membership returns the fields of hello that only members of a replica set have. The caller holds mu.
func (d *deployment) membership(p *Peer) bson.D {
	var hosts, arbiters bson.A
	var primary string
	for _, other := range d.peers {
		switch other.role {
		case Primary:
			primary = other.Address()
			hosts = append(hosts, primary)
		case Secondary:
			hosts = append(hosts, other.Address())
		case Arbiter:
			arbiters = append(arbiters, other.Address())
		}
	}
	doc := bson.D{
		{Key: "setName", Value: setName},
		{Key: "setVersion", Value: 1},
		{Key: "me", Value: p.Address()},
		{Key: "secondary", Value: p.role == Secondary},
		{Key: "hosts", Value: hosts},
	}
	if len(arbiters) > 0 {
		doc = append(doc, bson.E{Key: "arbiters", Value: arbiters})
	}
	if primary != "" {
		doc = append(doc, bson.E{Key: "primary", Value: primary})
	}
	switch p.role {
	case Primary:
		var id bson.ObjectID
		binary.BigEndian.PutUint64(id[4:], d.elections)
		doc = append(doc, bson.E{Key: "electionId", Value: id})
	case Arbiter:
		doc = append(doc, bson.E{Key: "arbiterOnly", Value: true})
	}
	return doc
}

// uri returns a connection string for the peers at addresses.
func uri(options []string, addresses ...string) string {
	options = append([]string{"heartbeatFrequencyMS=500"}, options...)
	return "mongodb://" + strings.Join(addresses, ",") + "/?" + strings.Join(options, "&")
}
