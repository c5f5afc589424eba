package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// concerns are what clients, databases and collections have alike, and take from one another when they are made.
// They can be changed at any time; an operation has those of the moment at which it was called.
type concerns struct {
	write WriteConcern
	read  readPreference
}

// moment is what concerns are at one moment. It is comparable: what is equal is the same.
type moment struct {
	write *writeItems
	read  *readItems
}

func (c *concerns) now() moment { return moment{c.write.items(), c.read.items()} }

// take makes the concerns those of a parent, but for what its options say of them.
func (c *concerns) take(from *concerns, write *writeconcern.WriteConcern, read *readpref.ReadPref) error {
	now := from.now()
	c.write.now.Store(now.write)
	c.read.now.Store(now.read)
	if read != nil {
		c.read.now.Store(readItemsOf(read))
	}
	if write != nil {
		return c.write.assign(write)
	}
	return nil
}

// byCommand reports whether a write goes out by a command of our own (see writeCommand): if the driver would lose a
// part of the write concern. In a transaction there is nothing to lose, as writes have no write concern there.
func (m moment) byCommand(ctx context.Context) bool {
	return m.write.wire != nil && !inTransaction(ctx)
}

// acknowledged reports whether the server answers a write.
func (m moment) acknowledged(ctx context.Context) bool {
	return m.write.acknowledged() || inTransaction(ctx)
}

// refuseSession returns why a write cannot be in the session of ctx: a session has to hear of what is done in it.
func (m moment) refuseSession(ctx context.Context) error {
	if ctx == nil || m.acknowledged(ctx) || mongo.SessionFromContext(ctx) == nil {
		return nil
	}
	return newError(ConfigurationError, "a write with w: 0 cannot be in a session")
}

// WriteConcern returns the handle's write concern: not a copy, but the one that its operations have, so that an item
// can be changed. A database takes over its client's, and a collection its database's, when it is made; later on each
// has its own.
//
// Motor: write_concern.
func (c *concerns) WriteConcern() *WriteConcern { return &c.write }

// SetWriteConcern makes the handle's write concern a copy of a dictionary: a bson.M, another map by strings, a
// bson.D, a *WriteConcern, or a *writeconcern.WriteConcern of the driver's. The next operation has it.
//
// Errors, which leave all as it was: [ConfigurationError] for what is no dictionary, and as of [WriteConcern.Set].
//
// Motor: write_concern = {...}.
func (c *concerns) SetWriteConcern(dictionary any) error { return c.write.assign(dictionary) }

// ReadPreference returns the mode of the handle's read preference: which members of a replica set are read. A
// database takes over its client's, and a collection its database's, when it is made; later on each has its own.
//
// Motor: read_preference.
func (c *concerns) ReadPreference() readpref.Mode { return c.read.items().pref.Mode() }

// SetReadPreference sets which members of a replica set are read, from the next operation on; a cursor's operation
// is its first read. The tags stay.
//
// Errors: [ConfigurationError] for a mode that there is none of, and for readpref.PrimaryMode where there are tags.
//
// Motor: read_preference = mode.
func (c *concerns) SetReadPreference(mode readpref.Mode) error {
	if !mode.IsValid() {
		return newError(ConfigurationError, "there is no read preference mode %d", mode)
	}
	return c.read.change(func(_ readpref.Mode, tags []map[string]string) (readpref.Mode, []map[string]string) {
		return mode, tags
	})
}

// TagSets returns a copy of the tags by which the members that are read are chosen, among those that the read
// preference allows. The sets are tried in their order; the empty one, which is all there is at first, fits them all.
//
// Motor: tag_sets.
func (c *concerns) TagSets() []map[string]string { return cloneTags(c.read.items().tags) }

// SetTagSets sets the tags by which the members that are read are chosen, from the next operation on; nil stands for
// the empty set alone. To prefer New York and make do with any other place:
//
//	client.SetTagSets([]map[string]string{{"dc": "ny"}, {}})
//
// Errors: [ConfigurationError] for a list without a set, and where the read preference is readpref.PrimaryMode.
//
// Motor: tag_sets = [...].
func (c *concerns) SetTagSets(sets []map[string]string) error {
	if sets == nil {
		sets = anyTags
	}
	if len(sets) == 0 {
		return newError(ConfigurationError, "tag sets must be nil, or at least one set")
	}
	sets = cloneTags(sets)
	return c.read.change(func(mode readpref.Mode, _ []map[string]string) (readpref.Mode, []map[string]string) {
		return mode, sets
	})
}
