package motor

import (
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
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

// WriteConcern says what must have come of a write before it is taken for done: a dictionary that is always valid,
// and live: what is changed here holds for the next operation of the client, database or collection that it was got
// from ([Client.WriteConcern]). It is safe for any number of goroutines. Its items are
//
//	w         a number of servers, or the name of a set of them, such as "majority", that must have the write;
//	          0 asks for no answer at all and so turns all other items off
//	wtimeout  for how many milliseconds that is waited for; a time.Duration will do as well
//	j         true: until the write is in the journal; not together with fsync
//	fsync     true: until the server has synced its files, or, if it has a journal, as j
//
// journal is another name for j, and wtimeoutms for wtimeout.
//
//	client.WriteConcern()                                            // {}
//	client.SetWriteConcern(bson.M{"w": 2, "wtimeout": 1000})         // {w: 2, wtimeout: 1000}
//	client.WriteConcern().Set("j", true)                             // {w: 2, wtimeout: 1000, j: true}
//	client.WriteConcern().Set("w", 0)                                // {w: 0}
//
// wtimeout and fsync are no longer a matter of the driver's methods. Writes that are to have one of these are sent by
// commands of their own, which the driver does not retry (retryWrites); an operation for which that cannot be done
// fails with [ConfigurationError]. In a transaction, a write has no write concern, whatever is set.
//
// Motor: write_concern, a dict, as it was until 0.7.
type WriteConcern struct {
	mu  sync.Mutex   // held while now is changed
	now atomic.Value // *writeItems
}

// items returns what is set.
func (c *WriteConcern) items() *writeItems {
	if now, ok := c.now.Load().(*writeItems); ok {
		return now
	}
	return noWriteItems
}

// Get returns an item: w as an int or a string, wtimeout as an int, j and fsync as a bool. ok is false for one that
// is not set.
func (c *WriteConcern) Get(key string) (value any, ok bool) {
	key, err := writeKey(key)
	if err != nil {
		return nil, false
	}
	value, ok = c.items().all[key]
	return value, ok
}

// Set changes an item. Setting w to 0 removes the others, which mean nothing then.
//
// Errors, which leave all as it was: [ConfigurationError] for an item that there is none of, for a value of another
// type or out of range, for j or fsync where w is 0, and for both of these.
func (c *WriteConcern) Set(key string, value any) error {
	key, value, err := writeItem(key, value)
	if err != nil {
		return err
	}
	return c.change(func(all bson.M) {
		if key == "w" && value == 0 {
			clear(all)
		}
		all[key] = value
	})
}

// Delete removes an item and reports whether it was set.
func (c *WriteConcern) Delete(key string) bool {
	if _, ok := c.Get(key); !ok {
		return false
	}
	key, _ = writeKey(key)
	found := false
	_ = c.change(func(all bson.M) { // what is valid is so without an item
		_, found = all[key]
		delete(all, key)
	})
	return found
}

// change makes the items what edit makes of a copy of them, if that is valid.
func (c *WriteConcern) change(edit func(bson.M)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.Map()
	edit(all)
	items, err := newWriteItems(all)
	if err != nil {
		return err
	}
	c.now.Store(items)
	return nil
}

// assign makes the items those of a dictionary.
func (c *WriteConcern) assign(dictionary any) error {
	items, err := writeItemsOf(dictionary)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.now.Store(items)
	c.mu.Unlock()
	return nil
}

// Len returns how many items are set.
func (c *WriteConcern) Len() int { return len(c.items().all) }

// Map returns a copy of the items.
func (c *WriteConcern) Map() bson.M {
	all := make(bson.M)
	for key, value := range c.items().all {
		all[key] = value
	}
	return all
}

// Acknowledged reports whether the server answers writes: whether w is anything but 0.
func (c *WriteConcern) Acknowledged() bool { return c.items().acknowledged() }

// String returns the items as {w: 2, wtimeout: 1000}.
func (c *WriteConcern) String() string {
	var parts []string
	for _, e := range c.items().ordered() {
		format := "%s: %v"
		if _, ok := e.Value.(string); ok {
			format = "%s: %q"
		}
		parts = append(parts, fmt.Sprintf(format, e.Key, e.Value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// writeItems are the items of a write concern at one moment. They do not change, and do not contradict one another.
type writeItems struct {
	all    bson.M
	driver *writeconcern.WriteConcern // never nil
	// wire is the whole of it, if the driver would not send all. Nil: the driver will.
	wire bson.Raw
}

var noWriteItems = &writeItems{driver: &writeconcern.WriteConcern{}}

// newWriteItems checks items that are right one by one. It takes the map.
func newWriteItems(all bson.M) (*writeItems, error) {
	set := &writeItems{all: all, driver: &writeconcern.WriteConcern{W: all["w"]}}
	if j, ok := all["j"].(bool); ok {
		set.driver.Journal = &j
	}
	j, fsync := all["j"] == true, all["fsync"] == true
	switch {
	case j && fsync:
		return nil, newError(ConfigurationError, "a write concern cannot have both j and fsync")
	case (j || fsync) && !set.acknowledged():
		return nil, newError(ConfigurationError, "a write concern cannot have w: 0, and j or fsync as well")
	}
	// A wtimeout of 0 and an fsync of false say what the server does anyway.
	if wtimeout, _ := all["wtimeout"].(int); set.acknowledged() && (wtimeout > 0 || fsync) {
		raw, err := bson.Marshal(set.ordered())
		if err != nil {
			return nil, &Error{class: ConfigurationError, cause: err}
		}
		set.wire = raw
	}
	return set, nil
}

func (s *writeItems) acknowledged() bool { return s.all["w"] != 0 }

// ordered returns the items in the order in which they are written down.
func (s *writeItems) ordered() bson.D {
	doc := make(bson.D, 0, len(s.all))
	for _, key := range []string{"w", "wtimeout", "j", "fsync"} {
		if value, ok := s.all[key]; ok {
			doc = append(doc, bson.E{Key: key, Value: value})
		}
	}
	return doc
}

// refuse returns ConfigurationError if a method that can be called in no other way than through the driver's would
// lose items.
func (s *writeItems) refuse(method string) error {
	if s.wire == nil {
		return nil
	}
	return newError(ConfigurationError, "%s cannot be sent with the wtimeout or fsync of the write concern", method)
}

// writeItemsOf returns the items of a dictionary.
func writeItemsOf(dictionary any) (*writeItems, error) {
	switch v := dictionary.(type) {
	case *WriteConcern:
		if v == nil {
			break
		}
		return v.items(), nil
	case *writeconcern.WriteConcern:
		if v == nil {
			break
		}
		all := bson.D{}
		if v.W != nil {
			all = append(all, bson.E{Key: "w", Value: v.W})
		}
		if v.Journal != nil {
			all = append(all, bson.E{Key: "j", Value: *v.Journal})
		}
		return writeItemsOf(all)
	case bson.D:
		all := make(bson.M)
		for _, e := range v {
			key, value, err := writeItem(e.Key, e.Value)
			if err != nil {
				return nil, err
			}
			if before, twice := all[key]; twice && before != value {
				return nil, newError(ConfigurationError, "a write concern with two values for %s: %v and %v", key, before, value)
			}
			all[key] = value
		}
		return newWriteItems(all)
	default:
		m := reflect.ValueOf(dictionary)
		if m.Kind() != reflect.Map || m.Type().Key().Kind() != reflect.String {
			break
		}
		all := make(bson.D, 0, m.Len())
		for key, value := range m.Seq2() {
			all = append(all, bson.E{Key: key.String(), Value: value.Interface()})
		}
		slices.SortFunc(all, func(a, b bson.E) int { return strings.Compare(a.Key, b.Key) })
		return writeItemsOf(all)
	}
	return nil, newError(ConfigurationError, "a write concern must be a dictionary, such as a bson.M, not %T", dictionary)
}

// writeKey returns the name of an item that may be given another of its names.
func writeKey(key string) (string, error) {
	switch lower := strings.ToLower(key); lower {
	case "w", "wtimeout", "j", "fsync":
		return lower, nil
	case "journal":
		return "j", nil
	case "wtimeoutms":
		return "wtimeout", nil
	}
	return "", newError(ConfigurationError, "%q is not a valid write concern option", key)
}

// writeItem checks an item and returns it as it is kept.
func writeItem(key string, value any) (string, any, error) {
	key, err := writeKey(key)
	if err != nil {
		return "", nil, err
	}
	switch key {
	case "w":
		name, isName := value.(string)
		if isName && name == "" {
			return "", nil, newError(ConfigurationError, "w cannot be empty")
		}
		if n, err := strconv.Atoi(name); isName && err == nil { // as pymongo.common has it
			value = n
		} else if isName {
			return key, name, nil
		}
	case "wtimeout":
		if d, ok := value.(time.Duration); ok {
			value = d.Milliseconds()
		}
	default:
		if _, ok := value.(bool); !ok {
			return "", nil, newError(ConfigurationError, "%s must be true or false, not %#v", key, value)
		}
		return key, value, nil
	}
	n, err := wholeNumber(key, value)
	return key, n, err
}

// wholeNumber returns ConfigurationError for what is no number from 0 to 2³¹-1, as far as servers can count here.
func wholeNumber(key string, value any) (int, error) {
	var n int64
	switch v := reflect.ValueOf(value); {
	case v.CanInt():
		n = v.Int()
	case v.CanUint():
		n = int64(min(v.Uint(), math.MaxInt64))
	case key == "w":
		return 0, newError(ConfigurationError, "w must be an integer or a string, not %#v", value)
	default:
		return 0, newError(ConfigurationError, "%s must be an integer, not %#v", key, value)
	}
	if n < 0 || n > math.MaxInt32 {
		return 0, newError(ConfigurationError, "%s is out of range: %v", key, value)
	}
	return int(n), nil
}
