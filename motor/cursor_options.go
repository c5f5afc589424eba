package motor

import (
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Hint makes the server use an index, given by its name or by its keys as a bson.D. With nil the server chooses.
//
// Errors of reading: [TypeError] for keys that have no order or are not a document.
//
// Motor: MotorCursor.hint.
func (c *Cursor[D]) Hint(index any) *Cursor[D] { setHint(&c.cursor, index); return c }

//go:noinline
func setHint(c *cursor, index any) {
	c.set("Hint", func(ch *chain) error {
		hint := index
		if _, name := index.(string); !name && index != nil {
			keys, err := c.coll.codec.encodeCommand("hint", index)
			if err != nil {
				return err
			}
			hint = keys
		}
		ch.option(func(o *options.FindOptions) { o.Hint = hint })
		return nil
	})
}

// Where adds a condition in JavaScript to the query: a string, a bson.JavaScript or a bson.CodeWithScope. In it, "this"
// is the document. A later call replaces the condition.
//
// Errors of reading: [TypeError] for any other type; [OperationFailure] from a server that does not run JavaScript.
//
// Motor: MotorCursor.where.
func (c *Cursor[D]) Where(code any) *Cursor[D] { setWhere(&c.cursor, code); return c }

//go:noinline
func setWhere(c *cursor, code any) {
	c.set("Where", func(ch *chain) error {
		switch js := code.(type) {
		case string:
			code = bson.JavaScript(js)
		case bson.JavaScript, bson.CodeWithScope:
		default:
			return newError(TypeError, "Where: code must be a string, a bson.JavaScript or a bson.CodeWithScope, not %T", code)
		}
		raw, err := c.coll.codec.encode("$where", bson.D{{Key: "$where", Value: code}})
		if err == nil {
			ch.where = raw.Lookup("$where")
		}
		return err
	})
}

// Min sets the lowest key of an index, inclusive, from which documents are read, as a bson.D. The index must be set
// with [Cursor.Hint].
//
// Errors of reading: [TypeError] for a value that has no order or is not a document.
//
// Motor: MotorCursor.min.
func (c *Cursor[D]) Min(keys any) *Cursor[D] { setMin(&c.cursor, keys); return c }

//go:noinline
func setMin(c *cursor, keys any) {
	setBound(c, "Min", keys, func(o *options.FindOptions, bound any) { o.Min = bound })
}

// Max sets the key of an index, exclusive, at which reading ends, as a bson.D. The index must be set with
// [Cursor.Hint].
//
// Errors of reading: [TypeError] for a value that has no order or is not a document.
//
// Motor: MotorCursor.max.
func (c *Cursor[D]) Max(keys any) *Cursor[D] { setMax(&c.cursor, keys); return c }

//go:noinline
func setMax(c *cursor, keys any) {
	setBound(c, "Max", keys, func(o *options.FindOptions, bound any) { o.Max = bound })
}

//go:noinline
func setBound(c *cursor, method string, keys any, set func(*options.FindOptions, any)) {
	c.set(method, func(ch *chain) error {
		bound, err := c.coll.codec.encodeCommand(method, keys)
		ch.option(func(o *options.FindOptions) { set(o, bound) })
		return err
	})
}

// Comment adds a comment of any type. The server writes it to its log and to the profiler's documents.
//
// Errors of reading: [InvalidDocument] for a value that cannot be encoded.
//
// Motor: MotorCursor.comment.
func (c *Cursor[D]) Comment(comment any) *Cursor[D] { c.setComment(comment); return c }

//go:noinline
func (c *cursor) setComment(comment any) {
	c.set("Comment", func(ch *chain) error {
		raw, err := c.coll.codec.encode("comment", bson.D{{Key: "comment", Value: comment}})
		if err == nil {
			value := raw.Lookup("comment")
			ch.option(func(o *options.FindOptions) { o.Comment = value })
		}
		return err
	})
}

// Collation sets the rules for comparing strings. nil means those of the collection.
//
// Motor: MotorCursor.collation.
func (c *Cursor[D]) Collation(collation *options.Collation) *Cursor[D] {
	setCollation(&c.cursor, collation)
	return c
}

//go:noinline
func setCollation(c *cursor, collation *options.Collation) {
	c.set("Collation", func(ch *chain) error {
		var own *options.Collation
		if collation != nil {
			rules := *collation
			own = &rules
		}
		ch.option(func(o *options.FindOptions) { o.Collation = own })
		return nil
	})
}

// AllowDiskUse sets whether the server may use its disk for a sort that exceeds its memory limit.
//
// Motor: MotorCursor.allow_disk_use.
func (c *Cursor[D]) AllowDiskUse(allow bool) *Cursor[D] { setAllowDiskUse(&c.cursor, allow); return c }

//go:noinline
func setAllowDiskUse(c *cursor, allow bool) {
	c.set("AllowDiskUse", func(ch *chain) error {
		ch.option(func(o *options.FindOptions) { o.AllowDiskUse = &allow })
		return nil
	})
}

// MaxTimeMS limits the time, in milliseconds, that the server works on the query, for the first and all later batches
// together. 0 means no limit. A query that takes longer fails with [ExecutionTimeout]. A negative number is a
// [ValueError].
//
// Motor: MotorCursor.max_time_ms.
func (c *Cursor[D]) MaxTimeMS(ms int64) *Cursor[D] { setMaxTimeMS(&c.cursor, ms); return c }

//go:noinline
func setMaxTimeMS(c *cursor, ms int64) {
	c.set("MaxTimeMS", func(ch *chain) error {
		if ms < 0 || ms > math.MaxInt32 {
			return newError(ValueError, "MaxTimeMS: invalid time %d: must be from 0 to 2147483647", ms)
		}
		if ch.maxTimeMS = &ms; ms == 0 {
			ch.maxTimeMS = nil
		}
		return nil
	})
}

// MaxAwaitTimeMS sets for how many milliseconds the server waits for new documents, at each request, before it replies
// that there are none. It has an effect only with [QueryFlagTailable] and [QueryFlagAwaitData]. 0 means the server's
// default, one second. A negative number is a [ValueError].
//
// Motor: MotorCursor.max_await_time_ms.
func (c *Cursor[D]) MaxAwaitTimeMS(ms int64) *Cursor[D] { c.setMaxAwaitTimeMS(ms); return c }

//go:noinline
func (c *cursor) setMaxAwaitTimeMS(ms int64) {
	c.set("MaxAwaitTimeMS", func(ch *chain) error {
		if ms < 0 || ms > math.MaxInt32 {
			return newError(ValueError, "MaxAwaitTimeMS: invalid time %d: must be from 0 to 2147483647", ms)
		}
		wait := time.Duration(ms) * time.Millisecond
		ch.option(func(o *options.FindOptions) {
			if o.MaxAwaitTime = &wait; ms == 0 {
				o.MaxAwaitTime = nil
			}
		})
		return nil
	})
}

// MaxScan limits how many documents, or keys of an index, the server scans. Servers since 4.2 reject it, and reading
// fails with [OperationFailure]. A negative n is a [ValueError].
//
// Motor: MotorCursor.max_scan.
func (c *Cursor[D]) MaxScan(n int64) *Cursor[D] { setMaxScan(&c.cursor, n); return c }

//go:noinline
func setMaxScan(c *cursor, n int64) {
	c.set("MaxScan", func(ch *chain) error {
		if n < 0 {
			return newError(ValueError, "MaxScan: invalid number %d: must be at least 0", n)
		}
		ch.maxScan = &n
		return nil
	})
}

// The flags of a query, for [Cursor.AddOption] and [Cursor.RemoveOption]. They can be combined: QueryFlagTailable |
// QueryFlagAwaitData.
//
// Motor: pymongo.cursor._QUERY_OPTIONS.
const (
	// QueryFlagTailable keeps the cursor of a capped collection open at its end, for documents that are inserted later.
	QueryFlagTailable = 2
	// QueryFlagSecondaryOkay allows reading from a secondary if the read preference is primary.
	QueryFlagSecondaryOkay = 4
	// QueryFlagOplogReplay is for the oplog. Servers since 4.4 ignore it.
	QueryFlagOplogReplay = 8
	// QueryFlagNoTimeout keeps the server from closing the cursor when it has not been read for ten minutes.
	QueryFlagNoTimeout = 16
	// QueryFlagAwaitData makes the server wait for new documents at the end of a tailable cursor.
	QueryFlagAwaitData = 32
	// QueryFlagExhaust allows the server to send all batches without further requests. This client requests each batch
	// nevertheless, so that the flag does not change the result.
	QueryFlagExhaust = 64
	// QueryFlagPartial accepts partial results when shards are down.
	QueryFlagPartial = 128

	knownQueryFlags = 2*QueryFlagPartial - QueryFlagTailable
)

// AddOption sets flags of the query: [QueryFlagTailable] and so on, joined with |.
//
// Errors of reading: [ValueError] for an unknown flag; [InvalidOperation] for [QueryFlagExhaust] together with a
// limit.
//
// Motor: MotorCursor.add_option.
func (c *Cursor[D]) AddOption(mask int) *Cursor[D] { addOption(&c.cursor, mask); return c }

//go:noinline
func addOption(c *cursor, mask int) {
	c.set("AddOption", func(ch *chain) error {
		if mask&QueryFlagExhaust != 0 {
			if all, err := c.settings(); err == nil && all.Limit != nil && *all.Limit != 0 {
				return newError(InvalidOperation, "cannot use limit and exhaust together")
			}
		}
		return ch.flag("AddOption", mask, true)
	})
}

// RemoveOption clears flags of the query that [Cursor.AddOption] or an option of Find has set.
//
// Errors of reading: [ValueError] for an unknown flag.
//
// Motor: MotorCursor.remove_option.
func (c *Cursor[D]) RemoveOption(mask int) *Cursor[D] { removeOption(&c.cursor, mask); return c }

//go:noinline
func removeOption(c *cursor, mask int) {
	c.set("RemoveOption", func(ch *chain) error { return ch.flag("RemoveOption", mask, false) })
}

func (ch *chain) flag(method string, mask int, on bool) error {
	if mask&^knownQueryFlags != 0 {
		return newError(ValueError, "%s(%d): unknown flag %d", method, mask, mask&^knownQueryFlags)
	}
	apart := mask & (QueryFlagSecondaryOkay | QueryFlagExhaust)
	if ch.flags &^= apart; on {
		ch.flags |= apart
	}
	ch.option(func(o *options.FindOptions) {
		for flag, option := range map[int]**bool{
			QueryFlagOplogReplay: &o.OplogReplay,
			QueryFlagNoTimeout:   &o.NoCursorTimeout,
			QueryFlagPartial:     &o.AllowPartialResults,
		} {
			if mask&flag == 0 {
				continue
			}
			if *option = nil; on {
				*option = &on
			}
		}
		if mask&(QueryFlagTailable|QueryFlagAwaitData) == 0 {
			return
		}
		was := tailFlags(o.CursorType) &^ mask
		if on {
			was |= mask
		}
		o.CursorType = tailType(was)
	})
	return nil
}

// tailType returns the cursor type with these flags.
func tailType(flags int) *options.CursorType {
	kind := options.NonTailable
	switch flags & (QueryFlagTailable | QueryFlagAwaitData) {
	case QueryFlagTailable:
		kind = options.Tailable
	case QueryFlagAwaitData:
		kind = awaitAlone
	case QueryFlagTailable | QueryFlagAwaitData:
		kind = options.TailableAwait
	}
	return &kind
}

// secondaryOkay returns m with a read preference that allows reading from a secondary.
func (m settings) secondaryOkay() settings {
	if m.read.pref.Mode() == readpref.PrimaryMode {
		m.read = secondaryPreferred
	}
	return m
}

var secondaryPreferred = readItemsOf(readpref.SecondaryPreferred())
