package motor

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// GridFS stores files of any size in two collections of a database, like a [GridFSBucket], with the rules of Motor up
// to 1.3: deleting a file that does not exist succeeds, and new files have an md5. Servers no longer compute it, so the
// client does. It is safe for concurrent use and does no I/O by itself.
//
// Legacy: use [GridFSBucket]. Motor: MotorGridFS.
type GridFS struct {
	files *gridFiles
}

// NewGridFS returns the files of a database below the root collection of this name; "" means "fs". It does no I/O. It
// panics for a nil database.
//
// Legacy: use [NewGridFSBucket].
func NewGridFS(db *Database, collection string) *GridFS {
	mustHave(db != nil, "NewGridFS", "db")
	if collection == "" {
		collection = options.DefaultName
	}
	return &GridFS{newGridFiles(db.Collection(collection))}
}

// Collection returns the root collection, below which the files are.
//
// Motor: MotorGridFS.collection.
func (g *GridFS) Collection() *Collection[bson.M] { return g.files.root }

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorGridFS.get_io_loop, MotorGridFS.io_loop.
func (g *GridFS) IOLoop() future.Executor { return g.files.client().loop }

// String returns the names of the database and the root collection.
func (g *GridFS) String() string { return fmt.Sprintf("motor.GridFS(%q)", g.files.root.FullName()) }

// Open creates the indexes that files need, unless there are files. The result is the GridFS itself. Calling Open is
// optional, since the first write also creates them.
//
// Errors: [OperationFailure].
//
// Legacy: not needed. Motor: MotorGridFS.open.
func (g *GridFS) Open(ctx context.Context) *future.Future[*GridFS] {
	return inFiles(ctx, g.files, func(ctx context.Context, client *mongo.Client) (*GridFS, error) {
		return g, g.files.ensureIndexes(ctx, client)
	})
}

// NewFile returns a new file, open for writing. Nothing is sent before the first write to the file.
//
// Errors: [ConfigurationError] for a write concern of w: 0, and those of [NewGridIn].
//
// Legacy: use GridFSBucket.OpenUploadStream. Motor: MotorGridFS.new_file.
func (g *GridFS) NewFile(ctx context.Context, opts ...GridInOptions) *future.Future[*GridIn] {
	in := g.newFile("NewFile", opts)
	if err := in.checkOperation(ctx, nil); err != nil {
		return failed[*GridIn](g.files.client(), err)
	}
	return resolved(g.files.client(), in)
}

func (g *GridFS) newFile(method string, opts []GridInOptions) *GridIn {
	o, err := atMostOne(method, opts)
	return newGridIn(g.files, o.name(), o, &g.files.root.codec, err).withMD5()
}

// Put writes data to a new file. data has a type that [GridIn.Write] takes. The result is the file's _id. If the upload
// fails, the written chunks are removed.
//
// Errors: [FileExists] if another file has the _id; [ConfigurationError] for a write concern of w: 0; [TypeError] for
// data of another type; those of [NewGridIn]; [OperationFailure].
//
// Legacy: use GridFSBucket.UploadFromStream. Motor: MotorGridFS.put.
func (g *GridFS) Put(ctx context.Context, data any, opts ...GridInOptions) *future.Future[any] {
	in := g.newFile("Put", opts)
	return upload(ctx, in, data, in.ID())
}

// Get finds a file by its _id. The result is the file, open for reading.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Legacy: use GridFSBucket.OpenDownloadStream. Motor: MotorGridFS.get.
func (g *GridFS) Get(ctx context.Context, fileID any) *future.Future[*GridOut] {
	return g.files.byID(fileID).Open(ctx)
}

// GetVersion finds one of the files of a name. Version 0 is the oldest file, 1 the second oldest, -1 the newest. The
// result is the file, open for reading. With an empty name it finds files of any name. fields is a document that the
// file's document must match as well.
//
// Errors: [NoFile] if there is no such version; [TypeError] and [InvalidDocument] for fields that cannot be encoded;
// [OperationFailure].
//
// Legacy: use GridFSBucket.OpenDownloadStreamByName. Motor: MotorGridFS.get_version.
func (g *GridFS) GetVersion(ctx context.Context, filename string, version int, fields ...any) *future.Future[*GridOut] {
	filter, err := g.fields("GetVersion", fields)
	if err == nil && filename != "" {
		filter, err = withField(filter, "filename", filename)
	}
	return g.files.version(filter, int32(version), err).Open(ctx)
}

// GetLastVersion is [GridFS.GetVersion] for the newest file.
//
// Legacy: use GridFSBucket.OpenDownloadStreamByName. Motor: MotorGridFS.get_last_version.
func (g *GridFS) GetLastVersion(ctx context.Context, filename string, fields ...any) *future.Future[*GridOut] {
	return g.GetVersion(ctx, filename, -1, fields...)
}

// fields returns the optional filter of a method, or one that matches all files.
func (g *GridFS) fields(method string, given []any) (bson.Raw, error) {
	fields, err := atMostOne(method, given)
	if err != nil {
		return nil, err
	}
	if len(given) == 0 {
		fields = bson.D{}
	}
	return g.files.root.codec.encode("fields", fields)
}

// Delete removes a file. If the file does not exist, it succeeds.
//
// Errors: [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Legacy: use GridFSBucket.Delete. Motor: MotorGridFS.delete.
func (g *GridFS) Delete(ctx context.Context, fileID any) *future.Future[struct{}] {
	return g.files.delete(ctx, fileID, false)
}

// List returns the names of all files, each of them once.
//
// Errors: [OperationFailure].
//
// Legacy: use GridFSBucket.Find. Motor: MotorGridFS.list.
func (g *GridFS) List(ctx context.Context) *future.Future[[]string] {
	return inFiles(ctx, g.files, func(ctx context.Context, client *mongo.Client) ([]string, error) {
		list, err := g.files.files.in(client).Distinct(ctx, "filename", bson.D{}).Raw()
		if err != nil {
			return nil, err
		}
		values, err := list.Values()
		if err != nil {
			return nil, &Error{class: InvalidBSON, cause: err}
		}
		names := make([]string, 0, len(values))
		for _, v := range values {
			if name, ok := v.StringValueOK(); ok { // some files have no name
				names = append(names, name)
			}
		}
		return names, nil
	})
}

// Exists reports whether there is a file with this _id or, if the argument is a document, one that matches it.
//
// Errors: [InvalidDocument] for a value that cannot be encoded; [OperationFailure].
//
// Legacy: use GridFSBucket.Find. Motor: MotorGridFS.exists.
func (g *GridFS) Exists(ctx context.Context, documentOrID any) *future.Future[bool] {
	filter, err := g.filter(documentOrID)
	if err != nil {
		return failed[bool](g.files.client(), err)
	}
	return inFiles(ctx, g.files, func(ctx context.Context, client *mongo.Client) (bool, error) {
		only := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})
		file, err := g.files.findOne(ctx, client, filter, only)
		return file != nil, err
	})
}

// Find returns a cursor over the files whose documents match filter. bson.D{} matches all. It does no I/O.
//
// Errors of reading: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded,
// [OperationFailure].
//
// Legacy: use GridFSBucket.Find. Motor: MotorGridFS.find.
func (g *GridFS) Find(filter any, opts ...options.Lister[options.GridFSFindOptions]) *GridOutCursor {
	return newGridOutCursor(g.files, filter, opts)
}

// FindOne finds the first file that matches a document or, if the argument is not a document, the file with this _id.
// The result is the file, open for reading, or nil if there is none.
//
// Errors: [InvalidDocument] for a value that cannot be encoded; [OperationFailure].
//
// Legacy: use GridFSBucket.Find. Motor: MotorGridFS.find_one.
func (g *GridFS) FindOne(ctx context.Context, filterOrID any) *future.Future[*GridOut] {
	filter, err := g.filter(filterOrID)
	if err != nil {
		return failed[*GridOut](g.files.client(), err)
	}
	return inFiles(ctx, g.files, func(ctx context.Context, client *mongo.Client) (*GridOut, error) {
		file, err := g.files.findOne(ctx, client, filter)
		if err != nil || file == nil {
			return nil, err
		}
		return g.files.opened(file.doc), nil
	})
}

// filter returns a document as a filter. For any other value it returns a filter for the file with that _id.
func (g *GridFS) filter(documentOrID any) (bson.Raw, error) {
	codec := &g.files.root.codec
	if _, isID := documentOrID.(bson.ObjectID); !isID && bsoncodec.CheckType("filter", documentOrID) == nil {
		return codec.encode("filter", documentOrID)
	}
	id, err := g.files.encodeID(documentOrID)
	if err != nil {
		return nil, err
	}
	return codec.encode("filter", equals("_id", id))
}
