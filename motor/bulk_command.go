package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// bulkRun is a part of a bulk that goes by one kind of command.
type bulkRun struct {
	kind       *writeKind
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
		s, err := b.codec.statementOf(m)
		if err != nil {
			return nil, err
		}
		var into *bulkRun
		for _, r := range slices.Backward(all) {
			if r.kind == s.kind {
				into = r
			}
			if r.kind == s.kind || b.ordered {
				break
			}
		}
		if into == nil {
			into = &bulkRun{kind: s.kind}
			all = append(all, into)
		}
		into.add(s.doc, i)
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
		w := &writeCommand{kind: run.kind, wire: wire}
		w.codec = b.codec
		w.add(run.kind.name, coll.Name())
		w.add("ordered", b.ordered)
		if run.kind != deleteKind {
			optional(&w.fields, "bypassDocumentValidation", b.options.BypassDocumentValidation)
		}
		w.value("comment", b.options.Comment)
		if run.kind != insertKind {
			w.document("let", b.options.Let)
		}
		w.check(w.sendAll(ctx, b.client, coll.Database(), run, b.ordered, done))
		if w.err != nil {
			return w.err
		}
		if b.ordered && len(done.bad.WriteErrors) > 0 {
			break
		}
	}
	return done.err()
}
