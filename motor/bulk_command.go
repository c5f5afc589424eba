package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/command"
)

// bulkRun is a part of a bulk that goes by one kind of command.
type bulkRun struct {
	kind       *command.Kind
	statements []bson.Raw
	indexes    []int // of the statements, among the writes
}

func (r *bulkRun) add(s bson.Raw, index int) {
	r.statements = append(r.statements, s)
	r.indexes = append(r.indexes, index)
}

// runs returns the writes by their commands. If their order matters, only neighbours share one.
func (b *bulk) runs() (all []*bulkRun, err error) {
	for i, m := range b.models {
		s, err := command.StatementOf(b.codec.Codec, m)
		if err != nil {
			return nil, codecError(err)
		}
		var into *bulkRun
		for _, r := range slices.Backward(all) {
			if r.kind == s.Kind {
				into = r
			}
			if r.kind == s.Kind || b.ordered {
				break
			}
		}
		if into == nil {
			into = &bulkRun{kind: s.Kind}
			all = append(all, into)
		}
		into.add(s.Doc, i)
	}
	return all, nil
}

// byCommands sends the writes by commands of our own (see writeCommand).
func (b *bulk) byCommands(ctx context.Context, coll *mongo.Collection, wire bson.Raw, done *bulkOutcome) error {
	runs, err := b.runs()
	if err != nil {
		return err
	}
	for _, run := range runs {
		w := &writeCommand{
			arguments: &arguments{command.Bulk(b.codec.Codec, coll.Name(), run.kind, b.options)}, kind: run.kind, wire: wire,
		}
		w.Check(w.sendAll(ctx, b.client, coll.Database(), run, b.ordered, done))
		if err := w.err(); err != nil {
			return err
		}
		if b.ordered && len(done.bad.WriteErrors) > 0 {
			break
		}
	}
	return done.err()
}
