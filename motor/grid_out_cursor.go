package motor

import (
	"bytes"
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// GridOutCursor is a [Cursor] over files of GridFS. Its elements are of type [GridOut], open for reading. The cursor
// fetches the documents of the files. Each GridOut fetches its own bytes when it is read.
//
//	for out, err := range bucket.Find(bson.M{"filename": "report.pdf"}).Sort("uploadDate").All(ctx) { ... }
//
// Motor: MotorGridOutCursor.
type GridOutCursor struct {
	cursor
	files *gridFiles
}

func newGridOutCursor(files *gridFiles, filter any, opts []options.Lister[options.GridFSFindOptions]) *GridOutCursor {
	o, err := mergeOptions(opts)
	find := options.FindOptions{AllowDiskUse: o.AllowDiskUse, BatchSize: o.BatchSize, NoCursorTimeout: o.NoCursorTimeout, Sort: o.Sort}
	if o.Limit != nil {
		find.Limit = new(int64(*o.Limit))
	}
	if o.Skip != nil {
		find.Skip = new(int64(*o.Skip))
	}
	if o.Sort != nil {
		sort, e := files.root.codec.encodeCommand("sort", o.Sort)
		if find.Sort = sort; err == nil {
			err = e
		}
	}
	coll := withDocuments[*GridOut](&files.files.collection)
	coll.codec.Hook = files.decodeGridOut
	query, e := coll.codec.encode("filter", filter)
	for _, e := range []error{e, coll.err} {
		if err == nil {
			err = e
		}
	}
	all := []options.Lister[options.FindOptions]{&command.Literal[options.FindOptions]{Options: find}}
	c := &GridOutCursor{files: files}
	c.initEncoded((*Collection[bson.M])(coll), (*docs[*GridOut])(nil), query, all, err)
	return c
}

// decodeGridOut is a hook that decodes the document of a GridFS file into a *GridOut.
func (g *gridFiles) decodeGridOut(raw bson.Raw, doc any) (bool, error) {
	file, ok := doc.(**GridOut)
	if ok {
		*file = g.opened(bytes.Clone(raw))
	}
	return ok, nil
}

// Collection returns the root collection, below which the files are.
//
// Motor: MotorGridOutCursor.collection.
func (c *GridOutCursor) Collection() *Collection[bson.M] { return c.files.root }

// Clone is [Cursor.Clone].
//
// Motor: MotorGridOutCursor.clone.
func (c *GridOutCursor) Clone() *GridOutCursor {
	clone := &GridOutCursor{files: c.files}
	clone.initClone(&c.cursor)
	return clone
}

// Rewind is [Cursor.Rewind].
//
// Motor: MotorGridOutCursor.rewind.
func (c *GridOutCursor) Rewind() *GridOutCursor {
	c.rewind()
	return c
}

// Projection is [Cursor.Projection]. A file without the fields length and chunkSize cannot be read.
//
// Motor: the parameter projection of find.
func (c *GridOutCursor) Projection(fields any) *GridOutCursor {
	setProjection(&c.cursor, fields)
	return c
}

// Sort is [Cursor.Sort].
//
// Motor: MotorGridOutCursor.sort.
func (c *GridOutCursor) Sort(keys any, direction ...any) *GridOutCursor {
	setSort(&c.cursor, keys, direction)
	return c
}

// Skip is [Cursor.Skip].
//
// Motor: MotorGridOutCursor.skip.
func (c *GridOutCursor) Skip(n int64) *GridOutCursor {
	setSkip(&c.cursor, n)
	return c
}

// Limit is [Cursor.Limit].
//
// Motor: MotorGridOutCursor.limit.
func (c *GridOutCursor) Limit(n int64) *GridOutCursor {
	setLimit(&c.cursor, n)
	return c
}

// BatchSize is [Cursor.BatchSize].
//
// Motor: MotorGridOutCursor.batch_size.
func (c *GridOutCursor) BatchSize(n int32) *GridOutCursor {
	c.setBatchSize(n)
	return c
}

// Hint is [Cursor.Hint].
//
// Motor: MotorGridOutCursor.hint.
func (c *GridOutCursor) Hint(index any) *GridOutCursor {
	setHint(&c.cursor, index)
	return c
}

// Where is [Cursor.Where].
//
// Motor: MotorGridOutCursor.where.
func (c *GridOutCursor) Where(code any) *GridOutCursor {
	setWhere(&c.cursor, code)
	return c
}

// Min is [Cursor.Min].
//
// Motor: MotorGridOutCursor.min.
func (c *GridOutCursor) Min(keys any) *GridOutCursor {
	setMin(&c.cursor, keys)
	return c
}

// Max is [Cursor.Max].
//
// Motor: MotorGridOutCursor.max.
func (c *GridOutCursor) Max(keys any) *GridOutCursor {
	setMax(&c.cursor, keys)
	return c
}

// Comment is [Cursor.Comment].
//
// Motor: MotorGridOutCursor.comment.
func (c *GridOutCursor) Comment(comment any) *GridOutCursor {
	c.setComment(comment)
	return c
}

// Collation is [Cursor.Collation].
//
// Motor: MotorGridOutCursor.collation.
func (c *GridOutCursor) Collation(collation *options.Collation) *GridOutCursor {
	setCollation(&c.cursor, collation)
	return c
}

// AllowDiskUse is [Cursor.AllowDiskUse].
//
// Motor: MotorGridOutCursor.allow_disk_use.
func (c *GridOutCursor) AllowDiskUse(allow bool) *GridOutCursor {
	setAllowDiskUse(&c.cursor, allow)
	return c
}

// MaxTimeMS is [Cursor.MaxTimeMS].
//
// Motor: MotorGridOutCursor.max_time_ms.
func (c *GridOutCursor) MaxTimeMS(ms int64) *GridOutCursor {
	setMaxTimeMS(&c.cursor, ms)
	return c
}

// MaxAwaitTimeMS is [Cursor.MaxAwaitTimeMS].
//
// Motor: MotorGridOutCursor.max_await_time_ms.
func (c *GridOutCursor) MaxAwaitTimeMS(ms int64) *GridOutCursor {
	c.setMaxAwaitTimeMS(ms)
	return c
}

// MaxScan is [Cursor.MaxScan].
//
// Motor: MotorGridOutCursor.max_scan.
func (c *GridOutCursor) MaxScan(n int64) *GridOutCursor {
	setMaxScan(&c.cursor, n)
	return c
}

// AddOption is [Cursor.AddOption].
//
// Motor: MotorGridOutCursor.add_option.
func (c *GridOutCursor) AddOption(mask int) *GridOutCursor {
	addOption(&c.cursor, mask)
	return c
}

// RemoveOption is [Cursor.RemoveOption].
//
// Motor: MotorGridOutCursor.remove_option.
func (c *GridOutCursor) RemoveOption(mask int) *GridOutCursor {
	removeOption(&c.cursor, mask)
	return c
}

// Slice is [Cursor.Slice].
func (c *GridOutCursor) Slice(from int64, to ...int64) *GridOutCursor {
	setSlice(&c.cursor, from, to)
	return c
}

// Index is [Cursor.Index].
func (c *GridOutCursor) Index(i int64) *GridOutCursor {
	setIndex(&c.cursor, i)
	return c
}

// The methods below are those of Cursor that depend on the type of the documents.

// Next reads the next file. At the end it fails with [StopAsyncIteration].
//
// Motor: MotorGridOutCursor.next.
func (c *GridOutCursor) Next(ctx context.Context) *future.Future[*GridOut] {
	return next[*GridOut](ctx, &c.cursorReader)
}

// NextObject returns the next fetched file, or nil if there is none. It does no I/O; FetchNext does.
//
// Motor: MotorGridOutCursor.next_object.
func (c *GridOutCursor) NextObject() *GridOut {
	out, _ := pop[*GridOut](&c.cursorReader)
	return out
}

// TryNext reads the next file. If none has been fetched, it asks the server once. The result is nil if there is still
// none. That is not an error.
func (c *GridOutCursor) TryNext(ctx context.Context) *future.Future[*GridOut] {
	return readOne[*GridOut](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList reads the next files, as [Cursor.ToList] reads documents: at most length of them, or all without a length.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length, [InvalidOperation] for a tailable
// cursor.
//
// Motor: MotorGridOutCursor.to_list.
func (c *GridOutCursor) ToList(ctx context.Context, length ...int) *future.Future[[]*GridOut] {
	return toList[*GridOut](ctx, &c.cursorReader, length)
}

// Each calls fn with every file, one after the other, as [Cursor.Each] does with documents. At the end it calls
// fn(nil, nil), and after an error fn(nil, err). If fn returns false it is not called again. A nil fn panics.
//
// Motor: MotorGridOutCursor.each.
func (c *GridOutCursor) Each(ctx context.Context, fn func(out *GridOut, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is Each with fn called on via instead of the client's loop.
func (c *GridOutCursor) EachVia(ctx context.Context, via future.Executor, fn func(out *GridOut, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// All returns the files for a range loop, which waits for each of them, as [Cursor.All] does for documents. An error
// ends the loop, as its last value.
func (c *GridOutCursor) All(ctx context.Context) iter.Seq2[*GridOut, error] {
	return iterate[*GridOut](ctx, &c.cursorReader)
}

// Tail calls fn with every file, and then with every file that is added later, as [Cursor.Tail] does with documents. It
// needs a capped collection.
func (c *GridOutCursor) Tail(ctx context.Context, fn func(out *GridOut, err error) bool) {
	tail(ctx, &c.cursor, nil, fn)
}

// TailVia is Tail with fn called on via instead of the client's loop.
func (c *GridOutCursor) TailVia(ctx context.Context, via future.Executor, fn func(out *GridOut, err error) bool) {
	tail(ctx, &c.cursor, via, fn)
}
