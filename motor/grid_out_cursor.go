package motor

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/command"
)

// GridOutCursor is a [Cursor] over files of GridFS. Its elements are of type [GridOut], open for reading. The cursor
// fetches the documents of the files. Each GridOut fetches its own bytes when it is read.
//
//	for out, err := range bucket.Find(bson.M{"filename": "report.pdf"}).Sort("uploadDate").All(ctx) { ... }
//
// Motor: MotorGridOutCursor.
type GridOutCursor struct {
	*fileCursor
	files *gridFiles
}

// fileCursor is the cursor that a GridOutCursor embeds.
type fileCursor = Cursor[*GridOut]

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
	c := new(fileCursor)
	c.initEncoded((*Collection[bson.M])(coll), (*docs[*GridOut])(nil), query, all, err)
	return &GridOutCursor{c, files}
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
func (c *GridOutCursor) Clone() *GridOutCursor { return &GridOutCursor{c.fileCursor.Clone(), c.files} }

// Rewind is [Cursor.Rewind].
//
// Motor: MotorGridOutCursor.rewind.
func (c *GridOutCursor) Rewind() *GridOutCursor {
	c.fileCursor.Rewind()
	return c
}

// Projection is [Cursor.Projection]. A file without the fields length and chunkSize cannot be read.
//
// Motor: the parameter projection of find.
func (c *GridOutCursor) Projection(fields any) *GridOutCursor {
	c.fileCursor.Projection(fields)
	return c
}

// Sort is [Cursor.Sort].
//
// Motor: MotorGridOutCursor.sort.
func (c *GridOutCursor) Sort(keys any, direction ...any) *GridOutCursor {
	c.fileCursor.Sort(keys, direction...)
	return c
}

// Skip is [Cursor.Skip].
//
// Motor: MotorGridOutCursor.skip.
func (c *GridOutCursor) Skip(n int64) *GridOutCursor {
	c.fileCursor.Skip(n)
	return c
}

// Limit is [Cursor.Limit].
//
// Motor: MotorGridOutCursor.limit.
func (c *GridOutCursor) Limit(n int64) *GridOutCursor {
	c.fileCursor.Limit(n)
	return c
}

// BatchSize is [Cursor.BatchSize].
//
// Motor: MotorGridOutCursor.batch_size.
func (c *GridOutCursor) BatchSize(n int32) *GridOutCursor {
	c.fileCursor.BatchSize(n)
	return c
}

// Hint is [Cursor.Hint].
//
// Motor: MotorGridOutCursor.hint.
func (c *GridOutCursor) Hint(index any) *GridOutCursor {
	c.fileCursor.Hint(index)
	return c
}

// Where is [Cursor.Where].
//
// Motor: MotorGridOutCursor.where.
func (c *GridOutCursor) Where(code any) *GridOutCursor {
	c.fileCursor.Where(code)
	return c
}

// Min is [Cursor.Min].
//
// Motor: MotorGridOutCursor.min.
func (c *GridOutCursor) Min(keys any) *GridOutCursor {
	c.fileCursor.Min(keys)
	return c
}

// Max is [Cursor.Max].
//
// Motor: MotorGridOutCursor.max.
func (c *GridOutCursor) Max(keys any) *GridOutCursor {
	c.fileCursor.Max(keys)
	return c
}

// Comment is [Cursor.Comment].
//
// Motor: MotorGridOutCursor.comment.
func (c *GridOutCursor) Comment(comment any) *GridOutCursor {
	c.fileCursor.Comment(comment)
	return c
}

// Collation is [Cursor.Collation].
//
// Motor: MotorGridOutCursor.collation.
func (c *GridOutCursor) Collation(collation *options.Collation) *GridOutCursor {
	c.fileCursor.Collation(collation)
	return c
}

// AllowDiskUse is [Cursor.AllowDiskUse].
//
// Motor: MotorGridOutCursor.allow_disk_use.
func (c *GridOutCursor) AllowDiskUse(allow bool) *GridOutCursor {
	c.fileCursor.AllowDiskUse(allow)
	return c
}

// MaxTimeMS is [Cursor.MaxTimeMS].
//
// Motor: MotorGridOutCursor.max_time_ms.
func (c *GridOutCursor) MaxTimeMS(ms int64) *GridOutCursor {
	c.fileCursor.MaxTimeMS(ms)
	return c
}

// MaxAwaitTimeMS is [Cursor.MaxAwaitTimeMS].
//
// Motor: MotorGridOutCursor.max_await_time_ms.
func (c *GridOutCursor) MaxAwaitTimeMS(ms int64) *GridOutCursor {
	c.fileCursor.MaxAwaitTimeMS(ms)
	return c
}

// MaxScan is [Cursor.MaxScan].
//
// Motor: MotorGridOutCursor.max_scan.
func (c *GridOutCursor) MaxScan(n int64) *GridOutCursor {
	c.fileCursor.MaxScan(n)
	return c
}

// AddOption is [Cursor.AddOption].
//
// Motor: MotorGridOutCursor.add_option.
func (c *GridOutCursor) AddOption(mask int) *GridOutCursor {
	c.fileCursor.AddOption(mask)
	return c
}

// RemoveOption is [Cursor.RemoveOption].
//
// Motor: MotorGridOutCursor.remove_option.
func (c *GridOutCursor) RemoveOption(mask int) *GridOutCursor {
	c.fileCursor.RemoveOption(mask)
	return c
}

// Slice is [Cursor.Slice].
func (c *GridOutCursor) Slice(from int64, to ...int64) *GridOutCursor {
	c.fileCursor.Slice(from, to...)
	return c
}

// Index is [Cursor.Index].
func (c *GridOutCursor) Index(i int64) *GridOutCursor {
	c.fileCursor.Index(i)
	return c
}
