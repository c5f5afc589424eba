package motor

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// copy copies a part, step by step.
func (cp *databaseCopy) copy(ctx context.Context, p *copyPart) error {
	err := cp.create(ctx, p)
	if err == nil && !p.view() {
		err = cp.documents(ctx, p)
		if err == nil {
			err = cp.indexes(ctx, p)
		}
	}
	if err != nil {
		return &CopyError{Collection: p.name, err: wrapError(err)}
	}
	p.copied.Complete = true
	cp.report.done(p)
	return nil
}

// count estimates the documents of a part.
func (cp *databaseCopy) count(ctx context.Context, p *copyPart) error {
	n, err := inStep(ctx, cp, func(ctx context.Context) (int64, error) {
		return cp.source.Collection(p.name).EstimatedDocumentCount(ctx)
	})
	p.expected = n
	return err
}

// create makes the collection or view, in the place of an old one if need be.
func (cp *databaseCopy) create(ctx context.Context, p *copyPart) error {
	command, err := p.createCommand()
	if err != nil {
		return err
	}
	_, err = inStep(ctx, cp, func(ctx context.Context) (none struct{}, err error) {
		if p.exists {
			if err := cp.target.Collection(p.name).Drop(ctx); err != nil {
				return none, err
			}
		}
		return none, cp.target.RunCommand(ctx, command).Err()
	})
	var server mongo.ServerError
	if errors.As(err, &server) && server.HasErrorCode(codeNamespaceExists) { // somebody was faster
		return &Error{class: CollectionInvalid, text: "there is a collection " + cp.to.name + "." + p.name, cause: err}
	}
	p.begun = err == nil
	return err
}

// documents copies the documents.
func (cp *databaseCopy) documents(ctx context.Context, p *copyPart) error {
	// Two clients are two servers, or two users. The others are what $out refuses as a target.
	if cp.other == nil && !p.has("capped") && !p.has("timeseries") && p.name != "system.js" {
		if err := cp.out(ctx, p); !isRefusal(err) {
			return err
		}
	}
	return cp.stream(ctx, p)
}

// out has the server copy the documents: to the new collection, the options of which it keeps.
func (cp *databaseCopy) out(ctx context.Context, p *copyPart) error {
	stage := bson.D{{Key: "$out", Value: bson.D{{Key: "db", Value: cp.to.name}, {Key: "coll", Value: p.name}}}}
	opts := options.Aggregate()
	if p.has("validator") {
		opts.SetBypassDocumentValidation(true)
	}
	n, err := inStep(ctx, cp, func(ctx context.Context) (int64, error) {
		none, err := cp.source.Collection(p.name).Aggregate(ctx, mongo.Pipeline{stage}, opts)
		if err != nil {
			return 0, err
		}
		if err := none.Close(ctx); err != nil {
			return 0, err
		}
		return cp.target.Collection(p.name).EstimatedDocumentCount(ctx)
	})
	if err == nil {
		cp.copied(p, n)
	}
	return err
}

// isRefusal reports whether the server would not even begin: it does not know $out, or not to another database, or
// not to such a collection, or does not let the user. An administrator who ends the operation has not refused it.
func isRefusal(err error) bool {
	var own *Error
	return errors.As(wrapError(err), &own) && own.class == OperationFailure && own.Code() != codeInterrupted
}

const codeInterrupted = 11601

func (cp *databaseCopy) copied(p *copyPart, n int64) {
	p.copied.Documents += n
	cp.report.documents(p, n)
}

// stream reads the documents and writes them, the next batch being read while one is written.
func (cp *databaseCopy) stream(ctx context.Context, p *copyPart) error {
	reading, cancel := context.WithCancel(ctx)
	r := &copyReader{coll: cp.source.Collection(p.name)}
	next := copyStep(reading, cp, r.read)
	defer func() {
		cancel()
		_, _ = awaited(reading, next) // what makes the copy stop is another error
		r.close(ctx)
	}()
	for {
		docs, err := awaited(reading, next)
		if err != nil || len(docs) == 0 {
			return err
		}
		next = copyStep(reading, cp, r.read)
		n, err := inStep(ctx, cp, func(ctx context.Context) (int, error) {
			return cp.insert(ctx, p, docs)
		})
		cp.copied(p, int64(n))
		if err != nil {
			return err
		}
	}
}

// insert writes a batch and returns how many of its documents the server has confirmed.
func (cp *databaseCopy) insert(ctx context.Context, p *copyPart, docs []bson.Raw) (int, error) {
	opts := options.InsertMany()
	if p.has("validator") { // the source may have documents from before it had the validator
		opts.SetBypassDocumentValidation(true)
	}
	r, err := cp.target.Collection(p.name).InsertMany(ctx, docs, opts)
	if r == nil {
		return 0, err
	}
	return len(r.InsertedIDs), err
}

// indexes makes the indexes that the collection does not have by its creation.
func (cp *databaseCopy) indexes(ctx context.Context, p *copyPart) error {
	names, err := inStep(ctx, cp, func(ctx context.Context) ([]string, error) {
		names, specs, err := cp.sourceIndexes(ctx, p)
		if err != nil || len(specs) == 0 {
			return nil, err
		}
		command := bson.D{{Key: "createIndexes", Value: p.name}, {Key: "indexes", Value: specs}}
		return names, cp.target.RunCommand(ctx, command).Err()
	})
	if err == nil {
		p.copied.Indexes = names
	}
	return err
}

func (cp *databaseCopy) sourceIndexes(ctx context.Context, p *copyPart) (names []string, specs []bson.D, err error) {
	cursor, err := cp.source.Collection(p.name).Indexes().List(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		spec, err := indexSpec(slices.Clone(cursor.Current))
		if err != nil {
			return nil, nil, err
		}
		if spec != nil {
			name, _ := cursor.Current.Lookup("name").StringValueOK()
			names, specs = append(names, name), append(specs, spec)
		}
	}
	return names, specs, cursor.Err()
}

// copyReader reads a collection batch by batch. Steps use it one after the other.
type copyReader struct {
	coll   *mongo.Collection
	cursor *mongo.Cursor // nil before the first batch
}

// read returns the next batch: what one answer of the server has, and so at most 16 MiB. It is empty at the end.
func (r *copyReader) read(ctx context.Context) (docs []bson.Raw, err error) {
	if r.cursor == nil {
		if r.cursor, err = r.coll.Find(ctx, bson.D{}, options.Find().SetBatchSize(copyBatch)); err != nil {
			return nil, err
		}
	}
	for r.cursor.Next(ctx) {
		docs = append(docs, slices.Clone(r.cursor.Current))
		if len(docs) == copyBatch || r.cursor.RemainingBatchLength() == 0 {
			return docs, nil
		}
	}
	return docs, r.cursor.Err()
}

// close has the server forget the cursor, even when the copy was cancelled.
func (r *copyReader) close(ctx context.Context) {
	if r.cursor == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyCleanup)
	defer cancel()
	_ = r.cursor.Close(ctx)
}
