package motor

import (
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// The flags of a query, for [Cursor.AddOption] and [Cursor.RemoveOption]. They can be joined: QueryFlagTailable |
// QueryFlagAwaitData.
//
// Motor: pymongo.cursor._QUERY_OPTIONS.
const (
	// QueryFlagTailable leaves the cursor of a capped collection open at its end, for what is inserted later.
	QueryFlagTailable = 2
	// QueryFlagSecondaryOkay lets a secondary be read where the read preference is the primary.
	QueryFlagSecondaryOkay = 4
	// QueryFlagOplogReplay is for the oplog. Servers since 4.4 ignore it.
	QueryFlagOplogReplay = 8
	// QueryFlagNoTimeout keeps the server from closing the cursor when it has not been read for ten minutes.
	QueryFlagNoTimeout = 16
	// QueryFlagAwaitData has the server wait for news at the end of a tailable cursor.
	QueryFlagAwaitData = 32
	// QueryFlagExhaust lets the server send all batches without being asked. It does not change what comes, and here
	// the batches are asked for all the same.
	QueryFlagExhaust = 64
	// QueryFlagPartial takes what there is when shards are down.
	QueryFlagPartial = 128

	knownQueryFlags = 2*QueryFlagPartial - QueryFlagTailable
)

// awaitAlone is the type of a cursor that awaits data and is not tailable. Servers refuse it.
const awaitAlone options.CursorType = -1

// AddOption sets flags of the query: QueryFlagTailable and so on, joined with |.
//
// Errors of reading: [ValueError] for a flag that there is none of; [InvalidOperation] for QueryFlagExhaust where
// there is a limit.
//
// Motor: MotorCursor.add_option.
func (c *Cursor[D]) AddOption(mask int) *Cursor[D] { c.addOption(mask); return c }

func (c *cursor) addOption(mask int) {
	c.set("AddOption", func(ch *chain) error {
		if mask&QueryFlagExhaust != 0 {
			if all, err := c.settings(); err == nil && all.Limit != nil && *all.Limit != 0 {
				return newError(InvalidOperation, "a limit and QueryFlagExhaust exclude each other")
			}
		}
		return ch.flag("AddOption", mask, true)
	})
}

// RemoveOption clears flags of the query that [Cursor.AddOption] or an option of Find has set.
//
// Errors of reading: [ValueError] for a flag that there is none of.
//
// Motor: MotorCursor.remove_option.
func (c *Cursor[D]) RemoveOption(mask int) *Cursor[D] { c.removeOption(mask); return c }

func (c *cursor) removeOption(mask int) {
	c.set("RemoveOption", func(ch *chain) error { return ch.flag("RemoveOption", mask, false) })
}

func (ch *chain) flag(method string, mask int, on bool) error {
	if mask&^knownQueryFlags != 0 {
		return newError(ValueError, "%s(%d): there is no flag %d", method, mask, mask&^knownQueryFlags)
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

// tailFlags returns the flags of a type of cursors.
func tailFlags(kind *options.CursorType) int {
	if kind != nil {
		switch *kind {
		case options.Tailable:
			return QueryFlagTailable
		case options.TailableAwait:
			return QueryFlagTailable | QueryFlagAwaitData
		case awaitAlone:
			return QueryFlagAwaitData
		}
	}
	return 0
}

// tailType returns the type of cursors that has these flags.
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

// secondaryOkay returns m with a read preference that lets a secondary be read.
func (m moment) secondaryOkay() moment {
	if m.read.pref.Mode() == readpref.PrimaryMode {
		m.read = secondaryPreferred
	}
	return m
}

var secondaryPreferred = readItemsOf(readpref.SecondaryPreferred())
