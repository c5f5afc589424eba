package motor

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// GridFSBucket stores files of any size in two collections of a database: their documents in fs.files, and their bytes
// in fs.chunks. "fs" is the name of the bucket. Other drivers can read and write the same files. It is safe for
// concurrent use. Making one is cheap and does no I/O.
//
//	bucket, err := motor.NewGridFSBucket(client.Database("app"))
//	id, err := bucket.UploadFromStream(ctx, "report.pdf", file).Await(ctx)
//	n, err := bucket.DownloadToStream(ctx, id, os.Stdout).Await(ctx)
//
// The first write creates the indexes that files need, unless the bucket has files. In a transaction every operation
// fails with [InvalidOperation].
//
// Motor: MotorGridFSBucket.
type GridFSBucket struct {
	files     *gridFiles
	chunkSize int32
	opts      []options.Lister[options.BucketOptions]
	db        *Database
}

// NewGridFSBucket returns a bucket of a database. The default is "fs", with chunks of 255 KiB and the database's
// concerns. It does no I/O.
//
// Errors: [ConfigurationError] for a write concern of w: 0; [ValueError] for a chunk size below 1; [TypeError] for a
// nil database; [InvalidName] for an invalid name of the database or the bucket.
func NewGridFSBucket(db *Database, opts ...options.Lister[options.BucketOptions]) (*GridFSBucket, error) {
	if db == nil {
		return nil, newError(TypeError, "NewGridFSBucket: the database is nil")
	}
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	coll := options.Collection()
	if o.WriteConcern != nil {
		coll.SetWriteConcern(o.WriteConcern)
	}
	if o.ReadConcern != nil {
		coll.SetReadConcern(o.ReadConcern)
	}
	if o.ReadPreference != nil {
		coll.SetReadPreference(o.ReadPreference)
	}
	b := &GridFSBucket{
		files:     newGridFiles(db.Collection(valueOr(o.Name, options.DefaultName), coll)),
		chunkSize: valueOr(o.ChunkSizeBytes, defaultChunkSize),
		opts:      opts, db: db,
	}
	if b.chunkSize < 1 {
		return nil, newError(ValueError, "invalid chunk size %d: must be at least 1", b.chunkSize)
	}
	return b, b.files.checkWrite(context.Background())
}

// Collection returns the root collection, which has the name of the bucket. It has no documents: those of files are in the
// collection files below it, and their bytes in chunks. [GridFSBucket.Find] searches the documents of files. Its cursor
// lists the names of all files with Distinct.
//
// Motor: MotorGridFSBucket.collection.
func (b *GridFSBucket) Collection() *Collection[bson.M] { return b.files.root }

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorGridFSBucket.get_io_loop, MotorGridFSBucket.io_loop.
func (b *GridFSBucket) IOLoop() future.Executor { return b.files.client().loop }

// String returns the names of the database and the bucket.
func (b *GridFSBucket) String() string {
	return fmt.Sprintf("motor.GridFSBucket(%q)", b.files.root.FullName())
}

// Delegate returns the driver's bucket with the same options. See [Client.Delegate].
//
// Motor: MotorGridFSBucket.delegate.
func (b *GridFSBucket) Delegate(ctx context.Context) *future.Future[*mongo.GridFSBucket] {
	return submit(ctx, b.db.client, databaseOp(b.db, b.db.snapshot(), nil, func(_ context.Context, db *mongo.Database) (*mongo.GridFSBucket, error) {
		return db.GridFSBucket(b.opts...), nil
	}))
}

// OpenUploadStream returns a new file of this name, for writing. It does no I/O.
//
// Errors of writing: [ValueError] for a chunk size below 1; [TypeError] and [InvalidDocument] for metadata that cannot
// be encoded.
//
// Motor: MotorGridFSBucket.open_upload_stream.
func (b *GridFSBucket) OpenUploadStream(filename string, opts ...options.Lister[options.GridFSUploadOptions]) *GridIn {
	return b.OpenUploadStreamWithID(bson.NewObjectID(), filename, opts...)
}

// OpenUploadStreamWithID is [GridFSBucket.OpenUploadStream] with the file's _id, of any type.
//
// Motor: MotorGridFSBucket.open_upload_stream_with_id.
func (b *GridFSBucket) OpenUploadStreamWithID(id any, filename string, opts ...options.Lister[options.GridFSUploadOptions]) *GridIn {
	o, err := mergeOptions(opts)
	size := valueOr(o.ChunkSizeBytes, b.chunkSize)
	if err == nil && size < 1 {
		err = newError(ValueError, "invalid chunk size %d: must be at least 1", size)
	}
	codec := b.files.root.codec.with(o.Registry, nil)
	return newGridIn(b.files, &filename, GridInOptions{ID: id, ChunkSize: size, Metadata: o.Metadata}, &codec, err)
}

// UploadFromStream writes everything that source returns to a new file. The result is the file's _id. If the upload
// fails or is cancelled, the written chunks are removed.
//
// Errors: [TypeError] for a nil source; those of the source, unchanged; those of [GridFSBucket.OpenUploadStream];
// [OperationFailure].
//
// Motor: MotorGridFSBucket.upload_from_stream.
func (b *GridFSBucket) UploadFromStream(
	ctx context.Context, filename string, source io.Reader, opts ...options.Lister[options.GridFSUploadOptions],
) *future.Future[bson.ObjectID] {
	id := bson.NewObjectID()
	return upload(ctx, b.OpenUploadStreamWithID(id, filename, opts...), source, id)
}

// UploadFromStreamWithID is [GridFSBucket.UploadFromStream] with the file's _id, of any type.
//
// Errors: [FileExists] if another file has the _id, which is not changed; those of UploadFromStream.
//
// Motor: MotorGridFSBucket.upload_from_stream_with_id.
func (b *GridFSBucket) UploadFromStreamWithID(
	ctx context.Context, id any, filename string, source io.Reader, opts ...options.Lister[options.GridFSUploadOptions],
) *future.Future[struct{}] {
	return upload(ctx, b.OpenUploadStreamWithID(id, filename, opts...), source, struct{}{})
}

// OpenDownloadStream finds a file by its _id. The result is the file, open for reading.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Motor: MotorGridFSBucket.open_download_stream.
func (b *GridFSBucket) OpenDownloadStream(ctx context.Context, id any) *future.Future[*GridOut] {
	return b.files.byID(id).Open(ctx)
}

// OpenDownloadStreamByName finds the newest file of a name. The result is the file, open for reading.
// options.GridFSName().SetRevision selects another file: 0 is the oldest, 1 the second oldest, -1 the newest, -2 the
// second newest.
//
// Errors: [NoFile] if there is no such file or revision; [OperationFailure].
//
// Motor: MotorGridFSBucket.open_download_stream_by_name.
func (b *GridFSBucket) OpenDownloadStreamByName(
	ctx context.Context, filename string, opts ...options.Lister[options.GridFSNameOptions],
) *future.Future[*GridOut] {
	return b.named(filename, opts).Open(ctx)
}

// named returns the file with a name. It does no I/O.
func (b *GridFSBucket) named(filename string, opts []options.Lister[options.GridFSNameOptions]) *GridOut {
	o, err := mergeOptions(opts)
	filter, e := b.files.root.codec.encode("filename", bson.D{{Key: "filename", Value: filename}})
	if err == nil {
		err = e
	}
	return b.files.version(filter, valueOr(o.Revision, options.DefaultRevision), err)
}

// DownloadToStream writes a file to destination, chunk by chunk. The result is the number of bytes.
//
// Errors: [NoFile]; [CorruptGridFile]; [TypeError] for a nil destination; those of the destination, unchanged;
// [OperationFailure].
//
// Motor: MotorGridFSBucket.download_to_stream.
func (b *GridFSBucket) DownloadToStream(ctx context.Context, id any, destination io.Writer) *future.Future[int64] {
	return b.files.byID(id).writeTo(ctx, destination)
}

// DownloadToStreamByName is [GridFSBucket.DownloadToStream] for a file by its name: see
// [GridFSBucket.OpenDownloadStreamByName].
//
// Motor: MotorGridFSBucket.download_to_stream_by_name.
func (b *GridFSBucket) DownloadToStreamByName(
	ctx context.Context, filename string, destination io.Writer, opts ...options.Lister[options.GridFSNameOptions],
) *future.Future[int64] {
	return b.named(filename, opts).writeTo(ctx, destination)
}

// Find returns a cursor over the files whose documents match filter. bson.D{} matches all. It does no I/O.
//
// Errors of reading: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded,
// [OperationFailure].
//
// Motor: MotorGridFSBucket.find.
func (b *GridFSBucket) Find(filter any, opts ...options.Lister[options.GridFSFindOptions]) *GridOutCursor {
	return newGridOutCursor(b.files, filter, opts)
}

// Delete removes a file. It also removes chunks with this _id that have no file document.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Motor: MotorGridFSBucket.delete.
func (b *GridFSBucket) Delete(ctx context.Context, id any) *future.Future[struct{}] {
	return b.files.delete(ctx, id, true)
}

// delete removes a file. If must is true, it fails if the file does not exist.
func (g *gridFiles) delete(ctx context.Context, id any, must bool) *future.Future[struct{}] {
	raw, err := g.encodeID(id)
	if err != nil {
		return failed[struct{}](g.client(), err)
	}
	return inFiles(ctx, g, func(ctx context.Context, client *mongo.Client) (none struct{}, err error) {
		found, err := g.deleteFiles(ctx, client, equals("_id", raw), false)
		if err != nil {
			return none, err
		}
		if err := g.deleteChunks(ctx, client, equals("files_id", raw)); err != nil {
			return none, err
		}
		if must && !found {
			err = newError(NoFile, "no file could be deleted because none matched %v", raw)
		}
		return none, err
	})
}

// DeleteByName removes all files of this name.
//
// Errors: [NoFile] if no file has this name; [OperationFailure].
//
// PyMongo: GridFSBucket.delete_by_name.
func (b *GridFSBucket) DeleteByName(ctx context.Context, filename string) *future.Future[struct{}] {
	g := b.files
	return inFiles(ctx, g, func(ctx context.Context, client *mongo.Client) (none struct{}, err error) {
		filter := bson.D{{Key: "filename", Value: filename}}
		cursor, err := g.files.in(client).Find(ctx, filter, options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return none, err
		}
		var docs []bson.Raw
		if err := cursor.All(ctx, &docs); err != nil {
			return none, err
		}
		if len(docs) == 0 {
			return none, newError(NoFile, "no file could be deleted because none matched the filename %q", filename)
		}
		ids := make(bson.A, len(docs))
		for i, doc := range docs {
			ids[i] = doc.Lookup("_id")
		}
		these := bson.D{{Key: "$in", Value: ids}}
		if _, err := g.deleteFiles(ctx, client, bson.D{{Key: "_id", Value: these}}, true); err != nil {
			return none, err
		}
		return none, g.deleteChunks(ctx, client, bson.D{{Key: "files_id", Value: these}})
	})
}

// Rename changes the name of a file.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Motor: MotorGridFSBucket.rename.
func (b *GridFSBucket) Rename(ctx context.Context, id any, newFilename string) *future.Future[struct{}] {
	raw, err := b.files.encodeID(id)
	if err != nil {
		return failed[struct{}](b.files.client(), err)
	}
	return b.rename(ctx, equals("_id", raw), newFilename, false)
}

// RenameByName changes the name of all files that have the name filename.
//
// Errors: [NoFile] if no file has this name; [OperationFailure].
//
// PyMongo: GridFSBucket.rename_by_name.
func (b *GridFSBucket) RenameByName(ctx context.Context, filename, newFilename string) *future.Future[struct{}] {
	return b.rename(ctx, bson.D{{Key: "filename", Value: filename}}, newFilename, true)
}

func (b *GridFSBucket) rename(ctx context.Context, filter bson.D, name string, many bool) *future.Future[struct{}] {
	return inFiles(ctx, b.files, func(ctx context.Context, client *mongo.Client) (none struct{}, err error) {
		change := bson.D{{Key: "$set", Value: bson.D{{Key: "filename", Value: name}}}}
		found, err := b.files.updateFiles(ctx, client, filter, change, many)
		if err == nil && !found {
			err = newError(NoFile, "no file could be renamed to %q because none matched", name)
		}
		return none, err
	})
}

// Drop removes all files of the bucket, and its collections with their indexes. The GridFS specification has it, but
// Motor does not.
//
// Errors: [OperationFailure].
func (b *GridFSBucket) Drop(ctx context.Context) *future.Future[struct{}] {
	if err := b.files.check(ctx); err != nil {
		return failed[struct{}](b.files.client(), err)
	}
	b.files.ensured.Store(true) // a concurrent upload may leave a file without indexes: look for the indexes next time
	start := time.Now()
	return future.ThenFuture(b.files.files.Drop(ctx), func(struct{}) *future.Future[struct{}] {
		rest, cancel := b.files.client().limited(ctx, start)
		dropped := b.files.chunks.Drop(rest)
		dropped.AddDoneCallback(func(*future.Future[struct{}]) { cancel() })
		return dropped
	})
}
