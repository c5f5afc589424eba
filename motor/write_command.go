package motor

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

// writeCommand is a write that is sent as a command that we build, because the driver's methods do not support some
// items of its write concern (see WriteConcern). Its results and errors are those of the driver's method.
type writeCommand struct {
	*arguments // the command without its statements and its write concern
	kind       *command.Kind
	wire       bson.Raw // the write concern
}

// writeAnswer is the server's reply to a write.
type writeAnswer struct {
	N         int64                 `bson:"n"`
	NModified int64                 `bson:"nModified"`
	Upserted  []writeAnswerUpserted `bson:"upserted"`

	// The driver has made an error of these, or ignored them if they have another type.
	WriteErrors       []bson.Raw `bson:"writeErrors"`
	WriteConcernError bson.Raw   `bson:"writeConcernError"`
}

type writeAnswerUpserted struct {
	Index bson.RawValue `bson:"index"`
	ID    bson.RawValue `bson:"_id"`
}

// index returns the index of the statement, which must be one of n.
func (u writeAnswerUpserted) index(n int) (int, error) {
	index, ok := u.Index.AsInt64OK()
	if !ok || index < 0 || index >= int64(n) {
		return 0, errWriteIndex("upserted", u.Index, n)
	}
	return int(index), nil
}

func (u writeAnswerUpserted) id() (id any) {
	_ = u.ID.Unmarshal(&id) // the reply was decoded, so it is valid, and its depth was checked
	return id
}

// send sends the command with some of its statements. The error is a mongo.WriteException if the server has executed
// the command, but a statement or the write concern failed. The reply is valid then too.
func (w *writeCommand) send(ctx context.Context, db *mongo.Database, part []bson.Raw) (reply writeAnswer, err error) {
	cmd := slices.Concat(w.Fields(), bson.D{{Key: w.kind.List, Value: part}, {Key: "writeConcern", Value: w.wire}})
	raw, err := db.RunCommand(ctx, cmd).Raw()
	if raw == nil {
		return reply, err
	}
	if bsoncodec.TooDeep(raw) {
		return reply, errDeepReply
	}
	if bad := bson.Unmarshal(raw, &reply); err == nil && bad != nil {
		err = &Error{class: ProtocolError, cause: bad}
	}
	return reply, err
}

// sendOne returns a function that sends a write of one statement. If many is true, a write that fails may have changed
// some documents, and the function returns its result beside the error.
func sendOne[T any](w *writeCommand, s bson.Raw, many bool, result func(writeAnswer) T) writeFunc[T] {
	return func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		reply, err := w.send(ctx, coll.Database(), []bson.Raw{s})
		var partial mongo.WriteException
		if err != nil && (!many || !errors.As(err, &partial)) {
			return none, err
		}
		return result(reply), err
	}
}

// sendAll sends the statements of a run, in as many commands as the limits of the server require. If the statements are
// ordered, it stops after the first that fails. It adds failed statements to done, and returns only other errors.
func (w *writeCommand) sendAll(ctx context.Context, c *Client, db *mongo.Database, run *bulkRun, ordered bool, done *bulkOutcome) error {
	for rest, first := run.statements, 0; len(rest) > 0; {
		n, err := c.fitCount(rest)
		if err != nil {
			return err
		}
		reply, err := w.send(ctx, db, rest[:n])
		var failed mongo.WriteException
		if err != nil && !errors.As(err, &failed) {
			return err
		}
		if err := done.add(run, first, n, reply, failed); err != nil {
			return err
		}
		rest, first = rest[n:], first+n
		if ordered && len(done.bad.WriteErrors) > 0 {
			break
		}
	}
	return nil
}

// fitCount returns how many of the statements fit into one command.
func (c *Client) fitCount(all []bson.Raw) (n int, err error) {
	limit := c.MaxBSONSize()
	if size := len(all[0]); size > limit {
		return 0, newError(DocumentTooLarge, "BSON document too large (%d bytes): the server supports BSON document sizes up to %d bytes", size, limit)
	}
	const overhead = 16 // the most bytes that an element of a list adds
	return c.fitting(len(all), limit, func(i int) int { return len(all[i]) + overhead }), nil
}

// updateResult converts the reply to an update.
func (r writeAnswer) updateResult() *UpdateResult {
	result := &UpdateResult{Acknowledged: true, matched: r.N, modified: r.NModified, upserted: int64(len(r.Upserted))}
	if result.upserted > 0 {
		result.matched -= result.upserted
		result.upsertedID = r.Upserted[0].id()
	}
	return result
}

// bulkRun is a part of a bulk that is sent with one kind of command.
type bulkRun struct {
	kind       *command.Kind
	statements []bson.Raw
	indexes    []int // of the statements, in the list of writes
}

func (r *bulkRun) add(s bson.Raw, index int) {
	r.statements = append(r.statements, s)
	r.indexes = append(r.indexes, index)
}

// newInsertRun returns the part of a bulk that inserts documents.
func newInsertRun(docs []bson.Raw) *bulkRun {
	r := &bulkRun{kind: command.InsertKind}
	for i, doc := range docs {
		r.add(doc, i)
	}
	return r
}

// runs groups the writes by their commands. If their order matters, only adjacent writes share a command.
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

// byCommands sends the writes with commands that we build (see writeCommand).
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
