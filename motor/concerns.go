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

// concerns are the write concern and the read preference of a client, a database or a collection. A new handle copies
// those of its parent. They can be changed at any time; an operation uses those at its call.
type concerns struct {
	write WriteConcern
	read  readPreference
}

// settings is a snapshot of the concerns of a handle. Settings are comparable.
type settings struct {
	write *writeItems
	read  *readItems
}

// snapshot returns the current settings.
func (c *concerns) snapshot() settings { return settings{c.write.items(), c.read.items()} }

// inherit copies the concerns of a parent, except those that the handle's own options set.
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

// byCommand reports whether a write is sent as a command that we build, because the driver would drop a part of the
// write concern. In a transaction writes have no write concern, so the driver sends them.
func (s settings) byCommand(ctx context.Context) bool {
	return s.write.wire != nil && !inTransaction(ctx)
}

// acknowledged reports whether the server replies to a write.
func (s settings) acknowledged(ctx context.Context) bool {
	return s.write.acknowledged() || inTransaction(ctx)
}

// refuseHint returns [ConfigurationError] for a write that has a hint and is not acknowledged, or nil.
func (s settings) refuseHint(ctx context.Context, hint func() any) error {
	if s.acknowledged(ctx) || hint() == nil {
		return nil
	}
	return errUnacknowledgedHint()
}

func errUnacknowledgedHint() error {
	return newError(ConfigurationError, "hint cannot be used with unacknowledged writes")
}

// refuseSession returns an error if a write cannot be in the session of ctx, or nil. An unacknowledged write cannot:
// without a reply, the session cannot record its outcome.
func (s settings) refuseSession(ctx context.Context) error {
	if ctx == nil || s.acknowledged(ctx) || mongo.SessionFromContext(ctx) == nil {
		return nil
	}
	return newError(ConfigurationError, "explicit sessions are incompatible with unacknowledged write concern")
}

// WriteConcern returns the handle's write concern. It is not a copy: changing an item changes the operations that are
// called later. A database copies its client's write concern, and a collection its database's, when it is made. After
// that each has its own.
//
// Motor: write_concern.
func (c *concerns) WriteConcern() *WriteConcern { return &c.write }

// SetWriteConcern replaces the handle's write concern by a copy of a dictionary: a bson.M, another map with string
// keys, a bson.D, a [*WriteConcern], or the driver's *writeconcern.WriteConcern. Operations that are called later use
// it.
//
// An error leaves the write concern unchanged. Errors: [ConfigurationError] for a value that is not a dictionary; those
// of [WriteConcern.Set].
//
// Motor: write_concern = {...}.
func (c *concerns) SetWriteConcern(dictionary any) error { return c.write.assign(dictionary) }

// ReadPreference returns the mode of the handle's read preference: which members of a replica set are read. A database
// copies its client's read preference, and a collection its database's, when it is made. After that each has its own.
//
// Motor: read_preference.
func (c *concerns) ReadPreference() readpref.Mode { return c.read.items().pref.Mode() }

// SetReadPreference sets which members of a replica set are read by operations that are called later. For a cursor the
// first read counts. The tags stay.
//
// Errors: [ConfigurationError] for an unknown mode, and for readpref.PrimaryMode if there are tags.
//
// Motor: read_preference = mode.
func (c *concerns) SetReadPreference(mode readpref.Mode) error {
	if !mode.IsValid() {
		return newError(ConfigurationError, "invalid read preference mode %d", mode)
	}
	return c.read.change(func(_ readpref.Mode, tags []map[string]string) (readpref.Mode, []map[string]string) {
		return mode, tags
	})
}

// TagSets returns a copy of the tag sets. They select the members that are read, among those that the read preference
// allows. The sets are tried in order. An empty set, which is the default, matches all members.
//
// Motor: tag_sets.
func (c *concerns) TagSets() []map[string]string { return cloneTags(c.read.items().tags) }

// SetTagSets sets the tag sets, which select the members that are read by operations that are called later. nil means
// one empty set. To prefer New York, and otherwise read from any place:
//
//	client.SetTagSets([]map[string]string{{"dc": "ny"}, {}})
//
// Errors: [ConfigurationError] for an empty list, and if the read preference is readpref.PrimaryMode.
//
// Motor: tag_sets = [...].
func (c *concerns) SetTagSets(sets []map[string]string) error {
	if sets == nil {
		sets = anyTags
	}
	if len(sets) == 0 {
		return newError(ConfigurationError, "invalid tag sets: must be nil or have at least one set")
	}
	sets = cloneTags(sets)
	return c.read.change(func(mode readpref.Mode, _ []map[string]string) (readpref.Mode, []map[string]string) {
		return mode, sets
	})
}

// readPreference is a read preference that can be changed.
type readPreference struct {
	mu  sync.Mutex   // serializes changes of now
	now atomic.Value // *readItems
}

// readItems are the items of a read preference. They are immutable.
type readItems struct {
	tags []map[string]string // never empty
	rest []readpref.Option   // the other options of the initial preference
	pref *readpref.ReadPref  // for the driver
}

var primaryOnly = &readItems{tags: anyTags, pref: readpref.Primary()}

// anyTags matches members with any tags.
var anyTags = []map[string]string{{}}

func (r *readPreference) items() *readItems {
	if now, ok := r.now.Load().(*readItems); ok {
		return now
	}
	return primaryOnly
}

// readItemsOf returns the items of a preference of the driver.
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

// change replaces the mode and the tags by the result of edit, if that is valid.
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
		return newError(ConfigurationError, "read preference mode primary cannot be combined with tags")
	}
	r.now.Store(items)
	return nil
}

// tagSets converts tags for the driver.
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

// cloneTags returns a deep copy.
func cloneTags(tags []map[string]string) []map[string]string {
	all := make([]map[string]string, len(tags))
	for i, m := range tags {
		all[i] = make(map[string]string, len(m))
		maps.Copy(all[i], m)
	}
	return all
}

// WriteConcern says when a write is complete. It is a dictionary that is always valid. It is live: a change applies to
// operations that are called later, on the client, database or collection that it belongs to (see
// [Client.WriteConcern]). It is safe for concurrent use. Its items are
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
// Methods of the driver no longer have wtimeout and fsync. Writes with one of these are sent as commands that this
// package builds, which the driver does not retry (retryWrites). An operation that cannot be sent in this way fails
// with [ConfigurationError]. In a transaction, writes have no write concern.
//
// Motor: write_concern, a dict, as it was until 0.7.
type WriteConcern struct {
	mu  sync.Mutex   // serializes changes of now
	now atomic.Value // *writeItems
}

// items returns a snapshot of the items.
func (c *WriteConcern) items() *writeItems {
	if now, ok := c.now.Load().(*writeItems); ok {
		return now
	}
	return noWriteItems
}

// Get returns an item: w as an int or a string, wtimeout as an int, j and fsync as a bool. ok is false if the item is
// not set.
func (c *WriteConcern) Get(key string) (value any, ok bool) {
	key, err := writeKey(key)
	if err != nil {
		return nil, false
	}
	value, ok = c.items().all[key]
	return value, ok
}

// Set changes an item. Setting w to 0 removes the other items, which then have no meaning.
//
// An error leaves all items unchanged. Errors: [ConfigurationError] for an unknown item, for a value of the wrong type
// or out of range, for j or fsync with a w of 0, and for j together with fsync.
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
	_ = c.change(func(all bson.M) { // removing an item keeps the rest valid
		_, found = all[key]
		delete(all, key)
	})
	return found
}

// change replaces the items by a copy that edit has changed, if that is valid.
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

// assign replaces the items by those of a dictionary.
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

// Acknowledged reports whether the server replies to writes, that is, whether w is not 0.
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

// writeItems are the items of a write concern. They are immutable and consistent.
type writeItems struct {
	all    bson.M
	driver *writeconcern.WriteConcern // never nil
	// wire is the whole write concern if the driver would not send all of it, and otherwise nil.
	wire bson.Raw
}

var noWriteItems = &writeItems{driver: &writeconcern.WriteConcern{}}

// newWriteItems checks the items for conflicts; each item must be valid. It takes ownership of the map.
func newWriteItems(all bson.M) (*writeItems, error) {
	set := &writeItems{all: all, driver: &writeconcern.WriteConcern{W: all["w"]}}
	if j, ok := all["j"].(bool); ok {
		set.driver.Journal = &j
	}
	j, fsync := all["j"] == true, all["fsync"] == true
	switch {
	case j && fsync:
		return nil, newError(ConfigurationError, "cannot set both j and fsync at the same time")
	case (j || fsync) && !set.acknowledged():
		return nil, newError(ConfigurationError, "cannot set w to 0 and j or fsync to true")
	}
	// A wtimeout of 0 and an fsync of false are the server's defaults.
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

// ordered returns the items in their usual order.
func (s *writeItems) ordered() bson.D {
	doc := make(bson.D, 0, len(s.all))
	for _, key := range []string{"w", "wtimeout", "j", "fsync"} {
		if value, ok := s.all[key]; ok {
			doc = append(doc, bson.E{Key: key, Value: value})
		}
	}
	return doc
}

// refuse returns ConfigurationError if method must use a method of the driver that would drop items.
func (s *writeItems) refuse(method string) error {
	if s.wire == nil {
		return nil
	}
	return newError(ConfigurationError, "%s does not support a write concern with wtimeout or fsync", method)
}

// writeItemsOf converts a dictionary to items.
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
				return nil, newError(ConfigurationError, "the write concern has two values for %s: %v and %v", key, before, value)
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
	return nil, newError(ConfigurationError, "a write concern must be a dictionary such as a bson.M, not %T", dictionary)
}

// writeKey returns the canonical name of an item.
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

// writeItem checks an item and returns its canonical name and value.
func writeItem(key string, value any) (string, any, error) {
	key, err := writeKey(key)
	if err != nil {
		return "", nil, err
	}
	switch key {
	case "w":
		name, isName := value.(string)
		if isName && name == "" {
			return "", nil, newError(ConfigurationError, "w must not be empty")
		}
		if n, err := strconv.Atoi(name); isName && err == nil { // as in pymongo.common
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

// wholeNumber returns value as a number. It fails with ConfigurationError unless it is from 0 to 2³¹-1, the range of
// the server.
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
		return 0, newError(ConfigurationError, "invalid %s %v: must be from 0 to 2147483647", key, value)
	}
	return int(n), nil
}
