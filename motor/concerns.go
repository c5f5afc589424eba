package motor

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/tag"
)

// concerns are the write concern and the read preference of a client, a database or a collection. A new handle takes them
// over from its parent. They can be changed at any time; an operation has those of its call.
type concerns struct {
	write WriteConcern
	read  readPreference
}

// settings are the concerns of a handle at one time. They are comparable: equal ones are the same.
type settings struct {
	write *writeItems
	read  *readItems
}

// snapshot returns the present settings.
func (c *concerns) snapshot() settings { return settings{c.write.items(), c.read.items()} }

// inherit takes over the settings of a parent, except those that the handle's own options set.
func (c *concerns) inherit(from *concerns, write *writeconcern.WriteConcern, read *readpref.ReadPref) error {
	now := from.snapshot()
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

// byCommand reports whether a write is sent as a command that we build: the driver would lose a part of the write concern.
// In a transaction there is nothing to lose, since writes have no write concern there.
func (s settings) byCommand(ctx context.Context) bool {
	return s.write.wire != nil && !inTransaction(ctx)
}

// acknowledged reports whether the server replies to a write.
func (s settings) acknowledged(ctx context.Context) bool {
	return s.write.acknowledged() || inTransaction(ctx)
}

// refuseSession returns the reason why a write cannot be in the session of ctx, or nil: without a reply, the session would
// not learn of it.
func (s settings) refuseSession(ctx context.Context) error {
	if ctx == nil || s.acknowledged(ctx) || mongo.SessionFromContext(ctx) == nil {
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

// readPreference says which members of a replica set are read.
type readPreference struct {
	mu  sync.Mutex   // held while now is changed
	now atomic.Value // *readItems
}

// readItems are the items of a read preference. They do not change.
type readItems struct {
	tags []map[string]string // never empty
	rest []readpref.Option   // what else there was in the preference that it all began with
	pref *readpref.ReadPref  // as the driver takes it
}

var primaryOnly = &readItems{tags: anyTags, pref: readpref.Primary()}

// anyTags stands for members with whatever tags.
var anyTags = []map[string]string{{}}

func (r *readPreference) items() *readItems {
	if now, ok := r.now.Load().(*readItems); ok {
		return now
	}
	return primaryOnly
}

// readItemsOf returns the items of a preference of the driver's.
func readItemsOf(pref *readpref.ReadPref) *readItems {
	items := &readItems{pref: pref}
	for _, set := range pref.TagSets() {
		tags := make(map[string]string)
		for _, t := range set {
			tags[t.Name] = t.Value
		}
		items.tags = append(items.tags, tags)
	}
	if items.tags == nil {
		items.tags = anyTags
	}
	if age, ok := pref.MaxStaleness(); ok {
		items.rest = append(items.rest, readpref.WithMaxStaleness(age))
	}
	return items
}

// change makes the items what they are with another mode or other tags.
func (r *readPreference) change(edit func(mode readpref.Mode, tags []map[string]string) (readpref.Mode, []map[string]string)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.items()
	mode, tags := edit(was.pref.Mode(), was.tags)
	items := &readItems{tags: tags, rest: was.rest}
	anywhere := len(tags) == 1 && len(tags[0]) == 0
	switch {
	case mode != readpref.PrimaryMode:
		options := was.rest[:len(was.rest):len(was.rest)]
		if !anywhere {
			options = append(options, readpref.WithTagSets(tagSets(tags)...))
		}
		var err error
		if items.pref, err = readpref.New(mode, options...); err != nil {
			return &Error{class: ConfigurationError, cause: err}
		}
	case anywhere:
		items.pref = readpref.Primary()
	default:
		return newError(ConfigurationError, "there is one primary at most: it cannot be chosen by tags")
	}
	r.now.Store(items)
	return nil
}

// tagSets returns tags as the driver takes them.
func tagSets(tags []map[string]string) []tag.Set {
	sets := make([]tag.Set, len(tags))
	for i, m := range tags {
		sets[i] = tag.Set{}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			sets[i] = append(sets[i], tag.Tag{Name: name, Value: m[name]})
		}
	}
	return sets
}

// cloneTags returns a copy that shares nothing.
func cloneTags(tags []map[string]string) []map[string]string {
	all := make([]map[string]string, len(tags))
	for i, m := range tags {
		all[i] = make(map[string]string, len(m))
		maps.Copy(all[i], m)
	}
	return all
}
