package motor

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/indexcache"
)

// gridFiles are the two collections of a bucket. One has a document for each file, the other one the bytes, in chunks.
type gridFiles struct {
	root          *Collection[bson.M]
	files, chunks *Collection[bson.M]
	ensured       atomic.Bool // see ensureIndexes
}

// defaultChunkSize is the size in bytes of a file's chunks.
const defaultChunkSize = 255 * 1024

func newGridFiles(root *Collection[bson.M]) *gridFiles {
	return &gridFiles{root: root, files: root.Collection("files"), chunks: root.Collection("chunks")}
}

func (g *gridFiles) client() *Client { return g.root.db.client }

// check returns an error if operations on the files are not possible.
func (g *gridFiles) check(ctx context.Context) error {
	if g.root.err != nil {
		return g.root.err
	}
	if inTransaction(ctx) {
		return newError(InvalidOperation, "GridFS does not support multi-document transactions")
	}
	return nil
}

// checkWrite is check for writes. The server must acknowledge every chunk.
func (g *gridFiles) checkWrite(ctx context.Context) error {
	if err := g.check(ctx); err != nil {
		return err
	}
	if !g.files.snapshot().write.acknowledged() { // the chunks have the same write concern; neither can change
		return newError(ConfigurationError, "GridFS requires an acknowledged write concern: w must not be 0")
	}
	return nil
}

// encodeID encodes the _id of a file.
func (g *gridFiles) encodeID(id any) (bson.RawValue, error) {
	raw, err := g.root.codec.encode("_id", bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return bson.RawValue{}, err
	}
	return raw.Lookup("_id"), nil
}

// equals returns a filter for documents in which key has this value, even if the value looks like an operator.
func equals(key string, id bson.RawValue) bson.D {
	return bson.D{{Key: key, Value: bson.D{{Key: "$eq", Value: id}}}}
}

// byID returns the file with an _id. It does no I/O.
func (g *gridFiles) byID(id any) *GridOut {
	raw, err := g.encodeID(id)
	return g.newOut(func(ctx context.Context, client *mongo.Client) (*gridFile, error) {
		f, err := g.findOne(ctx, client, equals("_id", raw))
		if err == nil && f == nil {
			err = newError(NoFile, "no file in gridfs collection %q with _id %v", g.files.FullName(), raw)
		}
		return f, err
	}, err)
}

// version returns one of the files that match filter: the oldest for an n of 0, the second oldest for 1, the newest for
// -1, the second newest for -2. It does no I/O.
func (g *gridFiles) version(filter bson.Raw, n int32, err error) *GridOut {
	skip, order := int64(n), int32(1)
	if n < 0 {
		skip, order = -int64(n)-1, -1
	}
	which := options.FindOne().SetSkip(skip).SetSort(bson.D{{Key: "uploadDate", Value: order}})
	return g.newOut(func(ctx context.Context, client *mongo.Client) (*gridFile, error) {
		f, err := g.findOne(ctx, client, filter, which)
		if err == nil && f == nil {
			err = newError(NoFile, "no version %d for %v in gridfs collection %q", n, filter, g.files.FullName())
		}
		return f, err
	}, err)
}

// opened returns a file with a known document.
func (g *gridFiles) opened(doc bson.Raw) *GridOut {
	o := g.newOut(nil, nil)
	o.file = newGridFile(doc)
	return o
}

func (g *gridFiles) newOut(find func(context.Context, *mongo.Client) (*gridFile, error), err error) *GridOut {
	return &GridOut{files: g, find: find, err: err, chunks: gridChunks{n: -1}}
}

// findOne returns the first file that matches filter, or nil. It runs in an operation.
func (g *gridFiles) findOne(
	ctx context.Context, client *mongo.Client, filter any, opts ...options.Lister[options.FindOneOptions],
) (*gridFile, error) {
	doc, err := g.files.in(client).FindOne(ctx, filter, opts...).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newGridFile(doc), nil
}

// ensureIndexes creates the indexes that files need. As the GridFS specification requires, it first looks for a file
// and does nothing if there is one. The client's index cache remembers the result until this client drops one of the
// collections or an index of theirs. After that a file does not prove that the indexes exist, since it may have been
// written while they were dropped; then ensureIndexes looks for the indexes instead. It runs in an operation.
func (g *gridFiles) ensureIndexes(ctx context.Context, client *mongo.Client) error {
	cache := &g.client().indexes
	files, chunks := indexcache.Key{Database: g.root.db.name, Collection: g.files.name}, indexcache.Key{Database: g.root.db.name, Collection: g.chunks.name}
	if cache.Has(files) && cache.Has(chunks) {
		return nil
	}
	before := cache.DropCount()
	if !g.ensured.Load() {
		found, err := g.hasFiles(ctx, client)
		if err != nil {
			return err
		}
		if found {
			g.remember(files, chunks, before)
			return nil
		}
	}
	byName := bson.D{{Key: "filename", Value: int32(1)}, {Key: "uploadDate", Value: int32(1)}}
	if err := ensureGridIndex(ctx, client, g.files, byName); err != nil {
		return err
	}
	byNumber := bson.D{{Key: "files_id", Value: int32(1)}, {Key: "n", Value: int32(1)}}
	if err := ensureGridIndex(ctx, client, g.chunks, byNumber, options.Index().SetUnique(true)); err != nil {
		return err
	}
	g.remember(files, chunks, before)
	return nil
}

// hasFiles asks the primary whether there is a file.
func (g *gridFiles) hasFiles(ctx context.Context, client *mongo.Client) (bool, error) {
	primary := g.files.snapshot()
	primary.read = primaryOnly
	only := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: int32(1)}})
	err := g.files.at(client, primary).FindOne(ctx, bson.D{}, only).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// remember records that both collections have their indexes, unless one may have been dropped since before.
func (g *gridFiles) remember(files, chunks indexcache.Key, before int) {
	const forever time.Duration = math.MaxInt64
	g.ensured.Store(true)
	g.client().indexes.Add(files, forever, before)
	g.client().indexes.Add(chunks, forever, before)
}

func ensureGridIndex(
	ctx context.Context, client *mongo.Client, c *Collection[bson.M], keys bson.D, opts ...options.Lister[options.IndexOptions],
) error {
	now := c.snapshot()
	coll := c.at(client, now)
	cursor, err := coll.Indexes().List(ctx)
	if err != nil {
		return err
	}
	var indexes []bson.Raw
	if err := cursor.All(ctx, &indexes); err != nil {
		return err
	}
	for _, index := range indexes {
		if sameKeys(index.Lookup("key"), keys) {
			return nil
		}
	}
	model, err := c.codec.index(keys, opts)
	if err != nil {
		return err
	}
	create, err := c.creating(ctx, now, []command.Index{model}, nil)
	if err != nil {
		return err
	}
	return create(ctx, coll)
}

// sameKeys reports whether an index has these keys, all ascending. The server may return the directions as any type of
// number.
func sameKeys(have bson.RawValue, keys bson.D) bool {
	doc, ok := have.DocumentOK()
	if !ok {
		return false
	}
	elements, err := doc.Elements()
	if err != nil || len(elements) != len(keys) {
		return false
	}
	for i, e := range elements {
		if n, ok := e.Value().AsInt64OK(); !ok || n != 1 || e.Key() != keys[i].Key {
			return false
		}
	}
	return true
}

// inFiles starts an operation on the files. The timeout of the client limits the operation as a whole, as with the
// driver, and not each of its commands.
func inFiles[T any](ctx context.Context, g *gridFiles, fn func(context.Context, *mongo.Client) (T, error)) *future.Future[T] {
	return submit(ctx, g.client(), op[T]{err: g.check(ctx), run: func(ctx context.Context, conn *connection) (none T, err error) {
		client, err := conn.client(ctx)
		if err != nil {
			return none, err
		}
		ctx, cancel := g.client().limited(ctx, time.Now())
		defer cancel()
		return fn(ctx, client)
	}})
}

// callUserInSession is callUser in an operation that has its turn in a session. It lends that turn meanwhile.
func callUserInSession[T any](ctx context.Context, session *sessionTicket, fn func() (T, error)) (v T, err error) {
	session.lend(ctx, func() { v, err = callUser(ctx, fn) })
	return v, err
}

// The following methods run in an operation.

// deleteChunks deletes the chunks that match filter.
func (g *gridFiles) deleteChunks(ctx context.Context, client *mongo.Client, filter bson.D) error {
	now, e := g.chunks.snapshot(), g.chunks.arguments()
	op, err := prepareDelete(ctx, &g.chunks.collection, now, e, e.Document("filter", filter), deleteMany(nil))
	if err != nil {
		return err
	}
	_, err = op(ctx, g.chunks.at(client, now))
	return err
}

// deleteFiles deletes the documents of one file or all files that match, and reports whether there were any. It reports
// false for an unacknowledged write, which only a [GridFS] allows.
func (g *gridFiles) deleteFiles(ctx context.Context, client *mongo.Client, filter bson.D, many bool) (found bool, err error) {
	now, e, which := g.files.snapshot(), g.files.arguments(), deleteOne(nil)
	if many {
		which = deleteMany(nil)
	}
	op, err := prepareDelete(ctx, &g.files.collection, now, e, e.Document("filter", filter), which)
	if err != nil {
		return false, err
	}
	result, err := op(ctx, g.files.at(client, now))
	if err != nil {
		return false, err
	}
	return result.deleted > 0, nil
}

// updateFiles updates the documents of one file or all files that match, and reports whether there were any. See
// deleteFiles.
func (g *gridFiles) updateFiles(ctx context.Context, client *mongo.Client, filter, change bson.D, many bool) (found bool, err error) {
	now, e := g.files.snapshot(), g.files.arguments()
	update := e.Update(change)
	m := updateOne(update, nil)
	if many {
		m = updateMany(update, nil)
	}
	op, err := prepareUpdate(ctx, &g.files.collection, now, e, e.Document("filter", filter), m)
	if err != nil {
		return false, err
	}
	result, err := op(ctx, g.files.at(client, now))
	if err != nil {
		return false, err
	}
	return result.matched > 0, nil
}

// gridFile is the document of a file.
type gridFile struct {
	doc       bson.Raw
	length    int64
	chunkSize int64
}

func newGridFile(doc bson.Raw) *gridFile {
	f := &gridFile{doc: doc}
	var ok bool
	if f.length, ok = doc.Lookup("length").AsInt64OK(); !ok {
		f.length = -1
	}
	f.chunkSize, _ = doc.Lookup("chunkSize").AsInt64OK()
	return f
}

// check returns CorruptGridFile if the document does not describe a file with chunks.
func (f *gridFile) check() error {
	switch {
	case f.length < 0:
		return newError(CorruptGridFile, "invalid file length %s: must be a number of at least 0", f.doc.Lookup("length"))
	case f.length > 0 && f.chunkSize <= 0:
		return newError(CorruptGridFile, "the file has no valid chunkSize")
	}
	return nil
}

// last returns the number of the last chunk, or -1 if the file is empty.
func (f *gridFile) last() int64 {
	if f.length == 0 {
		return -1
	}
	return (f.length - 1) / f.chunkSize
}

// sizeOf returns the number of bytes that chunk n must have.
func (f *gridFile) sizeOf(n int64) int64 {
	if n == f.last() {
		return f.length - n*f.chunkSize
	}
	return f.chunkSize
}

// text returns a string field of the document, or "".
func (f *gridFile) text(key string) string {
	s, _ := f.doc.Lookup(key).StringValueOK()
	return s
}

// documentFields maps Motor's names of attributes to fields of the document, where they differ.
var documentFields = map[string]string{
	"name": "filename", "content_type": "contentType", "chunk_size": "chunkSize", "upload_date": "uploadDate",
}

// documentField returns the field of the document for one of Motor's names.
func documentField(name string) string {
	if own, ok := documentFields[name]; ok {
		return own
	}
	return name
}
