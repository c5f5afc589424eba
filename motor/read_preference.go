package motor

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/tag"
)

// readPreference says which members of a replica set are read.
type readPreference struct {
	mu  sync.Mutex // held by whoever makes now from what it was
	now atomic.Pointer[readItems]
}

// readItems are a read preference at one moment. They do not change.
type readItems struct {
	tags []map[string]string // never empty
	rest []readpref.Option   // what else there was in the preference that it all began with
	pref *readpref.ReadPref  // as the driver takes it
}

var primaryOnly = &readItems{tags: anyTags, pref: readpref.Primary()}

// anyTags stands for members with whatever tags.
var anyTags = []map[string]string{{}}

func (r *readPreference) items() *readItems {
	if now := r.now.Load(); now != nil {
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
