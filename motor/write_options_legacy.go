package motor

import "go.mongodb.org/mongo-driver/v2/bson"

// InsertOptions are the options of [Collection.Insert]. If one of W, WTimeout, J and FSync is given, these four are the
// write concern of this call, in the place of the collection's; they are as of [WriteConcern].
type InsertOptions struct {
	ContinueOnError bool  // true: several documents are all tried, whichever fail
	Manipulate      *bool // false: of a document without an _id, nil is told instead of the _id that it is given
	CheckKeys       *bool // false: keys may begin with '$' and have a '.'

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// SaveOptions are the options of [Collection.Save]: see [InsertOptions].
type SaveOptions struct {
	Manipulate *bool
	CheckKeys  *bool

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// UpdateOptions are the options of [Collection.Update]; for the others see [InsertOptions]. PyMongo's manipulate, which
// is for its SON manipulators, has no counterpart.
type UpdateOptions struct {
	Upsert    bool  // true: where nothing matches, a document is inserted
	Multi     bool  // true: all documents that match are changed, not the first alone
	CheckKeys *bool // of a whole document, not of operators

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// RemoveOptions are the options of [Collection.Remove]; for the others see [InsertOptions].
type RemoveOptions struct {
	Multi *bool // false: only the first document that matches is removed

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// nowWith returns the collection's concerns with the write concern of one call, if it has one.
func (c *collection) nowWith(w any, wtimeout int, j, fsync bool) (moment, error) {
	var items bson.D
	for _, item := range []struct {
		key   string
		value any
		given bool
	}{{"w", w, w != nil}, {"wtimeout", wtimeout, wtimeout != 0}, {"j", j, j}, {"fsync", fsync, fsync}} {
		if item.given {
			items = append(items, bson.E{Key: item.key, Value: item.value})
		}
	}
	if items == nil {
		return c.now(), nil
	}
	return c.nowOf(items)
}

// nowOf returns the collection's concerns with another write concern.
func (c *collection) nowOf(dictionary any) (now moment, err error) {
	now = c.now()
	now.write, err = writeItemsOf(dictionary)
	return now, err
}
