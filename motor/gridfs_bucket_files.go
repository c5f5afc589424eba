package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// Delete removes a file. If there is none, chunks that may have been left of it are removed all the same.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Motor: MotorGridFSBucket.delete.
func (b *GridFSBucket) Delete(ctx context.Context, id any) *future.Future[struct{}] {
	return b.files.delete(ctx, id, true)
}

// delete removes a file. need is whether it has to be there.
func (g *gridFiles) delete(ctx context.Context, id any, need bool) *future.Future[struct{}] {
	raw, err := g.encodeID(id)
	if err != nil {
		return failed[struct{}](g.client(), err)
	}
	return inFiles(ctx, g, func(ctx context.Context, client *mongo.Client) (none struct{}, err error) {
		found, err := g.deleteFiles(ctx, client, exactlyID("_id", raw), false)
		if err != nil {
			return none, err
		}
		if err := g.deleteChunks(ctx, client, exactlyID("files_id", raw)); err != nil {
			return none, err
		}
		if need && !found {
			err = newError(NoFile, "no file could be deleted because none matched %v", raw)
		}
		return none, err
	})
}

// DeleteByName removes all files of this name.
//
// Errors: [NoFile] if there is none; [OperationFailure].
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

// Rename gives a file another name.
//
// Errors: [NoFile]; [InvalidDocument] for an _id that cannot be encoded; [OperationFailure].
//
// Motor: MotorGridFSBucket.rename.
func (b *GridFSBucket) Rename(ctx context.Context, id any, newFilename string) *future.Future[struct{}] {
	raw, err := b.files.encodeID(id)
	if err != nil {
		return failed[struct{}](b.files.client(), err)
	}
	return b.rename(ctx, exactlyID("_id", raw), newFilename, false)
}

// RenameByName gives all files of a name another one.
//
// Errors: [NoFile] if there is none; [OperationFailure].
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

// Drop removes all files of the bucket, and its collections with their indexes. The specification of GridFS has it; Motor
// has not.
//
// Errors: [OperationFailure].
func (b *GridFSBucket) Drop(ctx context.Context) *future.Future[struct{}] {
	if err := b.files.check(ctx); err != nil {
		return failed[struct{}](b.files.client(), err)
	}
	b.files.indexed.Store(false)
	return future.ThenFuture(b.files.files.Drop(ctx), func(struct{}) *future.Future[struct{}] {
		return b.files.chunks.Drop(ctx)
	})
}
