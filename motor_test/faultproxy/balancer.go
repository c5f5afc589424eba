package faultproxy

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// StartBalanced starts a proxy that poses as a load balancer before several routers (mongos) of a sharded cluster. The
// connections to [Proxy.URI] go to the routers in turn, those to [Proxy.SingleURI] to the first. Clients must have the
// option loadBalanced, as these connection strings do.
//
// All routers have the data of the server, and the same faults. A cursor is only known to the router that has opened it,
// and ends with the connection of the client.
func StartBalanced(ctx context.Context, uri string, routers int) (*Proxy, error) {
	if routers < 1 || routers > maxMembers {
		return nil, fmt.Errorf("faultproxy: invalid number of routers %d: need 1 to %d", routers, maxMembers)
	}
	p, err := newProxy(uri)
	if err != nil {
		return nil, err
	}
	p.balanced = true
	for range routers {
		p.members = append(p.members, &member{process: bson.NewObjectID()})
	}
	for _, leads := range [][]*member{p.members, p.members[:1]} {
		if _, err := p.addDoor(ctx, leads...); err != nil {
			return nil, err
		}
	}
	for _, d := range p.doors {
		p.serve(d)
	}
	return p, nil
}

// SingleURI returns the connection string of a load balancer before the first router only. The specification tests need
// one of each kind. For a replica set it is [Proxy.URI].
func (p *Proxy) SingleURI() string {
	if p.balanced {
		return balancedURI(p.doors[1].address)
	}
	return p.URI()
}

func balancedURI(address string) string { return "mongodb://" + address + "/?loadBalanced=true" }

// greeting returns the reply to hello. A router tells its serviceId in the first reply on a connection, and refuses
// clients that do not expect one, as a server does.
func (c *connection) greeting(m *message) bson.Raw {
	if !c.proxy.balanced {
		return mustMarshal(append(c.proxy.hello(c), bson.E{Key: "ok", Value: 1.0}))
	}
	doc := append(c.proxy.common(c), bson.E{Key: "msg", Value: "isdbgrid"})
	if !c.greeted {
		c.greeted = true
		if expects, _ := m.body.Lookup("loadBalanced").BooleanOK(); !expects {
			return c.failure(codeLoadBalancer, "the server is behind a load balancer, and the client does not have the option loadBalanced", nil)
		}
		doc = append(doc, bson.E{Key: "serviceId", Value: c.member.process})
	}
	return mustMarshal(append(doc, bson.E{Key: "ok", Value: 1.0}))
}

// foreign returns the reply to a command on cursors of other routers, or nil.
func (c *connection) foreign(m *message, name string) bson.Raw {
	switch name {
	case "getMore":
		id, _ := m.body.Lookup(name).AsInt64OK()
		if c.proxy.open.router(id) != c.member {
			return c.failure(codeCursorNotFound, fmt.Sprintf("cursor id %d not found", id), nil)
		}
	case "killCursors":
		all, missing := values(m.body, "cursors"), bson.A{}
		for _, v := range all {
			if id, _ := v.AsInt64OK(); c.proxy.open.router(id) != c.member {
				missing = append(missing, v)
			}
		}
		switch {
		case len(missing) == 0:
		case len(missing) < len(all):
			return c.failure(codeIllegalOperation, "the proxy does not kill cursors of several routers with one command", nil)
		default:
			return killedReply(bson.A{}, missing)
		}
	}
	return nil
}

// router returns the router that has a cursor, or nil.
func (o *open) router(id int64) *member {
	o.mu.Lock()
	defer o.mu.Unlock()
	if by := o.cursors[id]; by.connection != nil {
		return by.member
	}
	return nil
}

// endCursors ends the cursors that a connection to a router has opened.
func (o *open) endCursors(c *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, by := range o.cursors {
		if by.connection == c {
			delete(o.cursors, id)
			c.proxy.recorder.streams.remove(id)
		}
	}
}
