package motor

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"reflect"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/gather"
	"github.com/gomotor/gomotor/internal/usercode"
)

// WithBatching returns a handle for the same collection and options that sends concurrent writes of one document, and
// concurrent reads by _id, in batches. While one insert is sent, the inserts that are called meanwhile collect. When its
// reply arrives, they are sent in one command. There is no timer: an insert that finds none on its way is sent at once.
// A thousand concurrent inserts make a few commands instead of a thousand. The same is true of UpdateOne, ReplaceOne and
// DeleteOne together, and of FindOne.
//
//	logs := db.Collection("logs").WithBatching()
//
// Each write has its own result or error: the server executes the other writes of a batch even if one fails, in any
// order. If the server refuses the whole command because of one write, the others are sent again without it. A write
// that is cancelled, or whose context ends, is not sent if it is still collected. It does not stop a batch that was
// sent, unless no other write waits for that batch. Deadlines are not sent to the server. [Client.Close] waits for the
// collected writes.
//
// A write in a session, with w: 0 or with a wtimeout is sent alone. So are inserts with options, and other writes with a
// comment, variables or BypassDocumentValidation.
//
// UpdateOne, ReplaceOne and DeleteOne are batched by the command bulkWrite, which servers have since MongoDB 8.0. Older
// servers do not tell the result of each write, and get one command for each. So does a server whose version the client
// does not know yet, and a client with automatic encryption sends one command for each. If the rest of a reply is lost
// after some results, the writes without a result fail with [AutoReconnect].
//
// A FindOne is batched if its filter is only an _id, such as bson.M{"_id": id}: an ObjectID, a string, a number, a date
// or a bson.Binary. Its only option may be a projection that keeps the _id. Reads with equal projections are sent
// together, and an equal _id is asked once. Each read has a document that it shares with no other. A read that the server
// refuses, as when a projection fails for its document, does not affect the others. A read with the read concern
// linearizable is sent alone.
//
// Some batches need more commands. If no document is found for a string or a number, those are asked again once, because
// the server may have found a document for several equal values. If a document has another _id than those asked for, as
// with a collation, the rest is asked one by one. If the command is refused, the reads are sent again in groups.
//
// The context that a monitor receives for a batch has the values of the first operation's context.
//
// All other operations are sent alone. Handles made from this one do not batch.
func (c *Collection[D]) WithBatching() *Collection[D] {
	with := c.withOptions(nil)
	with.batching = &batching{coll: &with.collection, loneFinds: with.concern().Level == readconcern.Linearizable().Level}
	return (*Collection[D])(with)
}

// batching batches the writes and the reads of a handle.
type batching struct {
	coll      *collection
	loneFinds bool // a read of several documents is not linearizable

	mu    sync.Mutex
	batch *batch
}

// open returns the batch of the open connection, or of a new one. The caller must call batch.conn.batches.done once. A
// connection that is being closed accepts nothing more. The next use opens the client again.
func (b *batching) open(ctx context.Context) (*batch, error) {
	for {
		conn, err := b.coll.db.client.connect(ctx)
		if err != nil {
			return nil, err
		}
		if conn.batches.start() {
			return b.of(conn), nil
		}
	}
}

// of returns the batch of a connection.
func (b *batching) of(conn *connection) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batch == nil || b.batch.conn != conn {
		b.batch = newBatch(conn, b.coll)
	}
	return b.batch
}

// batch collects operations for a connection while one of them, or a command with several, is sent. That command is the
// worker of its queue. A collected operation is in flight in conn.batches, which Close waits for.
type batch struct {
	conn    *connection
	coll    *collection
	inserts writeQueue
	writes  writeQueue // updates, replacements and deletions
	finds   gather.Queue[*gatheredFind]
}

func newBatch(conn *connection, coll *collection) *batch {
	b := &batch{conn: conn, coll: coll}
	b.inserts.batch, b.inserts.command = b, b.insertMany
	b.writes.batch, b.writes.command = b, b.bulkWrite
	return b
}

// batchable reports whether a write may be sent with others.
func (now settings) batchable(ctx context.Context) bool {
	return ctx != nil && mongo.SessionFromContext(ctx) == nil && now.acknowledged(ctx) && !now.byCommand(ctx)
}

// insertBatched implements InsertOne of a handle with batching.
func insertBatched(ctx context.Context, c *collection, now settings, raw bson.Raw) *future.Future[*InsertOneResult] {
	client := c.db.client
	raw, id, err := withID(raw)
	if err := firstError(err, c.err); err != nil {
		return failed[*InsertOneResult](client, err)
	}
	b, err := c.batching.open(ctx)
	if err != nil {
		return failed[*InsertOneResult](client, err)
	}
	if b.inserts.Enter() {
		return b.insertOne(ctx, now, raw, id)
	}
	g := &gatheredWrite{now: now, size: len(raw), raw: raw, id: id}
	return gatherWrite(ctx, &b.inserts, g, func(g *gatheredWrite) *InsertOneResult { return g.inserted })
}

// insertOne sends an insert while no other is being sent. If the client is closed and opened again meanwhile, the
// insert goes to the new connection, and the batch still waits for it.
func (b *batch) insertOne(ctx context.Context, now settings, raw bson.Raw, id any) *future.Future[*InsertOneResult] {
	f := submit(ctx, b.coll.db.client, op[*InsertOneResult]{
		on: b.coll,
		run: func(ctx context.Context, conn *connection) (*InsertOneResult, error) {
			client, err := conn.client(ctx)
			if err != nil {
				return nil, err
			}
			if _, err := writerAt(b.coll, client, now).InsertOne(ctx, raw); err != nil {
				return resultBeside(err, id), err
			}
			return &InsertOneResult{InsertedID: id, Acknowledged: true}, nil
		},
	})
	f.Notify(&b.inserts)
	return f
}

// resultBeside returns the result of an insert that failed only by its write concern, and nil for other errors.
func resultBeside(err error, id any) *InsertOneResult {
	var failed mongo.WriteException
	if !errors.As(err, &failed) || len(failed.WriteErrors) > 0 {
		return nil
	}
	return &InsertOneResult{InsertedID: id, Acknowledged: true}
}

// insertMany sends inserts in one command. It is the command of batch.inserts.
func (b *batch) insertMany(ctx context.Context, writes []*gatheredWrite, now settings) error {
	docs := make([]bson.Raw, len(writes))
	for i, g := range writes {
		docs[i] = g.raw
	}
	done := newInsertOutcome(docs)
	client, err := b.conn.client(ctx)
	if err != nil {
		return err
	}
	all := &inserts{client: b.coll.db.client, docs: docs, ids: make([]any, len(docs)), joined: joins(b.coll, docs, nil)}
	all.options.Ordered = &all.ordered
	err = all.byDriver(ctx, writerAt(b.coll, client, now), 0, len(docs), done)
	if bad := done.check(len(docs)); bad != nil {
		return bad
	}
	if done.err() == nil && err != nil {
		return err
	}
	bad := make(map[int]mongo.WriteError)
	for _, e := range done.bad.WriteErrors {
		bad[e.Index] = e.WriteError
	}
	for i, g := range writes {
		e, failed := bad[i]
		if !failed {
			g.inserted = &InsertOneResult{InsertedID: g.id, Acknowledged: true}
		}
		g.err = oneError(e, failed, done.bad.WriteConcernError, done.bad.Labels)
	}
	return nil
}

// oneError returns the error of one write of a command, or nil: its write error, if it has failed, and the write concern
// error of the command.
func oneError(e mongo.WriteError, failed bool, concern *mongo.WriteConcernError, labels []string) error {
	one := mongo.WriteException{WriteConcernError: concern, Labels: labels}
	if failed {
		e.Index = 0 // its operation is one write
		one.WriteErrors = mongo.WriteErrors{e}
	} else if concern == nil {
		return nil
	}
	return wrapError(one)
}

// run calls send in a slot of its own.
func (b *batch) run(send func()) {
	if b.conn.pool.Execute(send) != nil { // the queue is full
		go send()
	}
}

// gatheredFind is a FindOne by _id of a handle with batching.
type gatheredFind struct {
	gather.Item
	batch        *batch
	first        bool // it is sent alone, and starts the next batch
	key          findKey
	id           bson.RawValue
	registration future.Registration
	raw          bson.Raw // nil: there is no such document
	err          error
}

// findKey holds what all reads of a command have in common.
type findKey struct {
	now        settings
	projection string // BSON, or ""
}

// idKey is an _id as a key of a map: its type and its bytes.
type idKey struct {
	kind  bson.Type
	value string
}

func idKeyOf(id bson.RawValue) idKey { return idKey{id.Type, string(id.Value)} }

// find returns the read for a filter and its encoded options, or nil if the read must be sent alone.
func (b *batching) find(
	ctx context.Context, now settings, filter bson.Raw, opts []options.Lister[options.FindOneOptions],
) (*gatheredFind, error) {
	if b.loneFinds || ctx == nil || mongo.SessionFromContext(ctx) != nil {
		return nil, nil
	}
	id, ok := soleID(filter)
	projection, onlyProjection := soleProjection(opts)
	if !ok || !onlyProjection {
		return nil, nil
	}
	on, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	g := &gatheredFind{batch: on, key: findKey{now, projection}, id: id}
	if g.first = on.finds.Enter(); g.first {
		return g, nil
	}
	if !on.finds.Reserve(ctx, g, b.coll.db.client.maxQueue) {
		on.conn.batches.done()
		return nil, future.ErrQueueFull
	}
	return g, nil
}

// soleID returns the _id that a filter has and nothing else, if reads of such values can be batched. A null, a regular
// expression, a document or an array in a filter matches more than itself.
func soleID(filter bson.Raw) (id bson.RawValue, ok bool) {
	fields, err := filter.Elements()
	if err != nil || len(fields) != 1 || fields[0].Key() != "_id" {
		return id, false
	}
	id = fields[0].Value()
	switch id.Type {
	case bson.TypeObjectID, bson.TypeBinary, bson.TypeDateTime:
		return id, true
	}
	return id, maybeEqual(id.Type)
}

// maybeEqual reports whether the server may consider two values with other bytes as equal: strings, by their
// collation, and numbers.
func maybeEqual(t bson.Type) bool {
	switch t {
	case bson.TypeString, bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return true
	}
	return false
}

// soleProjection returns the projection of encoded options, or "" if there is none. It reports false for other options,
// and for a projection that may change or leave out the _id, which the batch needs.
func soleProjection(opts []options.Lister[options.FindOneOptions]) (projection string, ok bool) {
	if len(opts) == 0 {
		return "", true
	}
	o, err := mergeOptions(opts)
	raw, isRaw := o.Projection.(bson.Raw)
	if err != nil || !isRaw && o.Projection != nil {
		return "", false
	}
	if id := raw.Lookup("_id"); !id.IsZero() {
		keeps, isBool := id.BooleanOK()
		n, isInt := id.AsInt64OK()
		if !(isBool && keeps || isInt && n == 1) {
			return "", false
		}
	}
	o.Projection = nil
	return string(raw), reflect.ValueOf(o).IsZero()
}

// push queues a read, whose future has been made and is watched. A read that was not accepted is settled already.
func (g *gatheredFind) push() {
	switch {
	case g.first:
	case !g.Accepted():
		g.batch.conn.batches.done()
	case g.batch.finds.Push(g): // the worker has finished meanwhile
		g.batch.nextFinds()
	}
}

// Wake implements [future.Waker]. The read is settled.
func (g *gatheredFind) Wake() {
	if !g.first {
		g.Item.Wake()
		return
	}
	g.batch.nextFinds()
	g.batch.conn.batches.done()
}

// document returns what the batch has found. It is a fetchFunc.
func (g *gatheredFind) document(context.Context, *mongo.Collection) (bson.Raw, error) {
	return g.raw, firstError(g.Ended(), g.err)
}

// nextFinds sends the collected reads, in their own slot. The caller is the worker of the queue. It does not block and
// runs no user code.
func (b *batch) nextFinds() {
	finds := b.finds.Next()
	if finds == nil {
		return
	}
	b.run(func() {
		gather.Send(finds, func(g *gatheredFind) findKey { return g.key }, b.sendFinds)
		b.nextFinds()
		for _, g := range finds {
			g.Settle()
			b.conn.batches.done()
		}
	})
}

// The most ids of a command, and their bytes.
const (
	mostIDs     = 1000
	mostIDBytes = 1 << 20
)

// sendFinds sends reads in as many commands as their number and size require. Equal ids are sent once.
func (b *batch) sendFinds(command *gather.Command, key findKey, finds []*gatheredFind) {
	var asked askedIDs
	size := 0
	for _, g := range finds {
		if !asked.has(g) {
			if n := len(asked.finds); n == mostIDs || n > 0 && size+len(g.id.Value) > mostIDBytes {
				b.sendPartOfFinds(command.Context(), key, &asked)
				asked, size = askedIDs{}, 0
			}
			size += len(g.id.Value)
		}
		asked.add(g)
	}
	b.sendPartOfFinds(command.Context(), key, &asked)
}

// askedIDs are the ids that have no outcome yet, and the reads that ask for each.
type askedIDs struct {
	order []idKey
	finds map[idKey][]*gatheredFind
}

// has reports whether the _id of a read is asked for.
func (a *askedIDs) has(g *gatheredFind) bool { return a.finds[idKeyOf(g.id)] != nil }

// add adds a read.
func (a *askedIDs) add(g *gatheredFind) {
	if a.finds == nil {
		a.finds = make(map[idKey][]*gatheredFind)
	}
	id := idKeyOf(g.id)
	if a.finds[id] == nil {
		a.order = append(a.order, id)
	}
	a.finds[id] = append(a.finds[id], g)
}

// groups returns parts with the square root of the number of ids.
func (a *askedIDs) groups() []*askedIDs {
	size := int(math.Sqrt(float64(len(a.finds))))
	var groups []*askedIDs
	for id, finds := range a.all() {
		last := len(groups) - 1
		if last < 0 || len(groups[last].finds) == size {
			groups = append(groups, &askedIDs{finds: make(map[idKey][]*gatheredFind)})
			last++
		}
		groups[last].order = append(groups[last].order, id)
		groups[last].finds[id] = finds
	}
	return groups
}

// all returns the reads for each _id, in the order of their calls.
func (a *askedIDs) all() iter.Seq2[idKey, []*gatheredFind] {
	return func(yield func(idKey, []*gatheredFind) bool) {
		for _, id := range a.order {
			if finds := a.finds[id]; finds != nil && !yield(id, finds) {
				return
			}
		}
	}
}

// sendPartOfFinds finds the documents with the ids that are asked for, and records the outcome of each read. If the
// command is refused, as when a projection fails for one of the documents, the reads are sent again in smaller groups.
func (b *batch) sendPartOfFinds(ctx context.Context, key findKey, asked *askedIDs) {
	err := b.ask(ctx, key, asked)
	if wrapped := wrapError(err); refusesCommand(wrapped) || errors.Is(wrapped, CursorNotFound) {
		for _, group := range asked.groups() {
			b.sendPartOfFinds(ctx, key, group)
		}
		return
	}
	for _, finds := range asked.all() {
		raw, one := bson.Raw(nil), err
		if err == nil {
			if p := usercode.Try(func() { raw, one = b.findOne(ctx, key, finds[0].id) }); p != nil {
				one = p
			}
		}
		answer(finds, raw)
		for _, g := range finds {
			g.err = one
		}
	}
}

// ask finds the documents with the ids that are asked for, and removes the ids of the reads that have their outcome. If
// it returns nil, the others must be asked one by one.
//
// A document belongs to the reads that asked for the bytes of its _id. The server may also have found it for another
// value, which it considers equal, so a value without a document may have one. Such values are asked again without the
// found ones. If no document is found then, there are none. If a document has an _id that was not asked for, the values
// are asked one by one, because only the server knows its rules.
func (b *batch) ask(ctx context.Context, key findKey, asked *askedIDs) (err error) {
	for len(asked.finds) > 1 {
		var found, strange bool
		if p := usercode.Try(func() { found, strange, err = b.findAll(ctx, key, asked) }); p != nil {
			err = p
		}
		if err != nil || strange {
			return err
		}
		for id := range asked.all() {
			if !found || !maybeEqual(id.kind) {
				delete(asked.finds, id)
			}
		}
	}
	return nil
}

// findAll finds the documents with all ids that are asked for, and removes these ids. It reports whether a document was
// found for one of them, and whether one has another _id.
func (b *batch) findAll(ctx context.Context, key findKey, asked *askedIDs) (found, strange bool, err error) {
	coll, err := b.coll.on(ctx, b.conn, key.now)
	if err != nil {
		return false, false, err
	}
	ids := make(bson.A, 0, len(asked.finds))
	for _, finds := range asked.all() {
		ids = append(ids, finds[0].id)
	}
	filter, err := bson.Marshal(bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return false, false, err
	}
	opts := options.Find().SetBatchSize(int32(len(ids)))
	if key.projection != "" {
		opts.SetProjection(bson.Raw(key.projection))
	}
	driver, err := coll.Find(ctx, bson.Raw(filter), opts)
	if err != nil {
		return false, false, err
	}
	defer driver.Close(context.WithoutCancel(ctx))
	cursor := b.coll.db.client.cursorReader(driver, coll.Database().Client())
	answered := make(map[idKey]bool)
	for cursor.Next(ctx) {
		value, bad := cursor.Current.LookupErr("_id")
		id := idKeyOf(value)
		switch finds := asked.finds[id]; {
		case bad == nil && finds != nil:
			answer(finds, cursor.Current)
			delete(asked.finds, id)
			answered[id], found = true, true
		case !answered[id]: // with shards, another document may have the same _id
			strange = true
		}
	}
	return found, strange, cursor.Err()
}

// findOne finds the document with an _id as a FindOne does. The result is nil if there is none.
func (b *batch) findOne(ctx context.Context, key findKey, id bson.RawValue) (bson.Raw, error) {
	filter, err := bson.Marshal(bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return nil, err
	}
	opts := options.FindOne()
	if key.projection != "" {
		opts.SetProjection(bson.Raw(key.projection))
	}
	return b.coll.fetch(ctx, b.conn, key.now, func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		return coll.FindOne(ctx, bson.Raw(filter), opts).Raw()
	})
}

// answer gives each read a document that it shares with no other.
func answer(finds []*gatheredFind, raw bson.Raw) {
	for _, g := range finds {
		g.raw = bytes.Clone(raw)
	}
}
