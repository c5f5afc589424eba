package motor

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
	"weak"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// sessions are the driver's sessions that operations have been called in. A session is in a context in the driver's own
// way, so what operations share because they are in one session is found by the driver's session. It is forgotten with
// that.
var sessions struct {
	mu    sync.Mutex
	known map[weak.Pointer[mongo.Session]]*sessionQueue
}

// sessionQueue is what a session has beside the driver's. It must not refer to that: see sessions.
//
// The driver's session is not safe to share, so operations take turns in the order of their calls. Where a call has to
// know whether there is a transaction, the one that goes by is that of the calls before it, which may not have run yet:
// the driver's session tells only what has run, and only to who has the turn.
type sessionQueue struct {
	turns

	// turns.mu guards the rest.
	handle  weak.Pointer[Session]
	own     bool // started by us
	options options.SessionOptions
	ended   bool
	txn     transaction     // as of the calls so far
	changes int             // of txn
	unsure  bool            // a commit has failed, and the driver has the transaction run on
	watch   runtime.Cleanup // ends the session when the program has forgotten it
	lent    []*sessionTurn  // lenders whose user code runs: each but the first runs within the one before
	behind  bool            // set by a step: the operation stays behind the lenders

	// As of the operations that have run.
	clusterTime   bson.Raw
	operationTime *bson.Timestamp
}

// transaction is the state of a session's latest transaction.
type transaction int

const (
	noTransaction transaction = iota
	transactionRunning
	transactionCommitted
	transactionAborted
)

// queueOf returns the queue of a session of the driver's.
func queueOf(driver *mongo.Session) *sessionQueue {
	key := weak.Make(driver)
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	q := sessions.known[key]
	if q == nil {
		q = new(sessionQueue)
		if sessions.known == nil {
			sessions.known = make(map[weak.Pointer[mongo.Session]]*sessionQueue)
		}
		sessions.known[key] = q
		runtime.AddCleanup(driver, forgetSession, key)
	}
	return q
}

func forgetSession(key weak.Pointer[mongo.Session]) {
	sessions.mu.Lock()
	delete(sessions.known, key)
	sessions.mu.Unlock()
}

// inTransaction reports whether an operation that is called now with ctx would be part of a transaction.
func inTransaction(ctx context.Context) bool {
	if ctx == nil { // which start refuses
		return false
	}
	driver := mongo.SessionFromContext(ctx)
	if driver == nil {
		return false
	}
	q := queueOf(driver)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.look(driver)
	return q.txn == transactionRunning
}

// look brings what the queue knows of the session up to date, if nothing is under way: the program may have used the
// driver's session by itself. mu is held, so that nothing gets under way meanwhile.
func (q *sessionQueue) look(driver *mongo.Session) {
	if !q.idle() || driver.Client() == nil {
		return
	}
	q.observe(driver)
	if running := driver.TransactionRunning(); running && !q.unsure {
		q.txn = transactionRunning
	} else if !running && q.txn == transactionRunning {
		q.txn = noTransaction
	}
}

// observe notes what can be known of the session. mu is held, and the caller has the turn, or nobody has.
func (q *sessionQueue) observe(driver *mongo.Session) {
	q.clusterTime = driver.ClusterTime()
	if at := driver.OperationTime(); at != nil {
		at := *at
		q.operationTime = &at
	}
}

// step is what an operation does to the state of a session when it is called. It fails if it is out of place. mu is
// held.
type step func(q *sessionQueue) error

// operate is the step of what is neither the beginning nor the end of anything.
func operate(q *sessionQueue) error {
	if q.ended && len(q.lent) == 0 {
		return errSessionEnded
	}
	if q.txn != transactionRunning {
		q.txn = noTransaction
	}
	return nil
}

// sessionTurn is an operation's place in the order of a session. The nil one is that of an operation without a session.
type sessionTurn struct {
	turn
	queue  *sessionQueue
	driver *mongo.Session
	in     transaction // that of the call
	was    transaction // before it
	change int

	// Of a turn that was lent: see lend.
	order  *turns           // of the file that the operation has
	inner  *future.Sequence // what was called in user code of the operation
	holder *future.Ticket   // the operation's own place there
}

// take takes a turn, unless the step does not allow it.
func (q *sessionQueue) take(driver *mongo.Session, do step) (*sessionTurn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.look(driver)
	t := &sessionTurn{queue: q, driver: driver, was: q.txn}
	ended := q.ended
	q.behind = false
	if err := do(q); err != nil {
		return nil, err
	}
	if n := len(q.lent); n > 0 && !q.behind {
		if q.ended == ended && (q.txn == transactionRunning) == (t.was == transactionRunning) {
			lender := q.lent[n-1]
			q.txn, t.in, t.change = t.was, lender.in, q.changes
			t.ticket = lender.inner.Reserve()
			return t, nil
		}
		if q.ended == ended {
			q.lent = nil // what is called from now on comes after this one
		}
	}
	if q.txn != t.was {
		q.changes++
	}
	t.in, t.change = q.txn, q.changes
	q.turns.enter(&t.turn)
	return t, nil
}

// delegate returns the driver's session, or nil.
func (t *sessionTurn) delegate() *mongo.Session {
	if t == nil {
		return nil
	}
	return t.driver
}

// begin waits for the turn, in the operation, and sees to it that the driver's session is in the transaction that the
// operation was called in. It fails, with the turn passed on, if the operation is not to run.
func (t *sessionTurn) begin(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.wait(ctx); err != nil {
		t.drop()
		return err
	}
	if err := t.agree(ctx); err != nil {
		t.pass()
		return err
	}
	return nil
}

// agree fails if the operation would leave the transaction that it was called in. One that it was not called in is
// ended before: its commit was given up.
func (t *sessionTurn) agree(ctx context.Context) error {
	switch running := t.driver.TransactionRunning(); {
	case t.in == noTransaction && running:
		return t.leave(ctx)
	case t.in == transactionRunning && !running:
		return errTransactionOver
	}
	return nil
}

// leave ends a transaction that nobody wants any more. If its commit has failed, it may have been done, and must not be
// aborted on the server: that the context is over keeps the driver from sending anything.
func (t *sessionTurn) leave(ctx context.Context) error {
	t.queue.mu.Lock()
	if t.queue.unsure {
		ctx = longOver
	}
	t.queue.unsure = false
	t.queue.mu.Unlock()
	return t.driver.AbortTransaction(ctx)
}

// longOver is a context with which the driver sends nothing.
var longOver = func() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}()

// pass gives the turn on, once it has come.
func (t *sessionTurn) pass() {
	if t == nil {
		return
	}
	t.queue.mu.Lock()
	t.queue.observe(t.driver)
	t.queue.mu.Unlock()
	if t.inner == nil {
		t.turn.pass()
		return
	}
	t.holder.Release()
	t.inner.Reserve().Do(t.turn.pass)
}

// operateOn is the step of an operation that waits for its turn of ts, too. If a lender has that, the operation stays behind
// the lender: it would keep what user code calls in the session from running, and could not run itself.
func operateOn(ts *turns) step {
	return func(q *sessionQueue) error {
		q.behind = slices.ContainsFunc(q.lent, func(lender *sessionTurn) bool { return lender.order == ts })
		return operate(q)
	}
}

// lend calls fn, which calls user code. The operation has the turn, and that of order. The user code may call operations in
// the session and wait for them: what is called meanwhile runs within this operation, one at a time, in the order of the
// calls. It overtakes what was called before and waits for this operation.
//
// Other operations on the same file stay behind this operation, and so does what begins or ends a transaction, or the
// session. What is called after the beginning of a transaction stays behind that.
//
// lend returns when the driver's session is free again. What is left in inner then runs when the operation passes the
// turn, before anything else.
func (t *sessionTurn) lend(ctx context.Context, order *turns, fn func()) {
	if t == nil {
		fn()
		return
	}
	t.order = order
	if t.inner == nil {
		t.inner = new(future.Sequence)
		t.holder = t.inner.TryReserve()
	}
	q := t.queue
	q.mu.Lock()
	q.observe(t.driver)
	q.lent = append(q.lent, t)
	q.mu.Unlock()
	t.holder.Lend(ctx, func() {
		fn()
		q.mu.Lock()
		q.lent = slices.DeleteFunc(q.lent, func(lender *sessionTurn) bool { return lender == t })
		q.mu.Unlock()
	})
}

// drop gives the turn on when the operation is not to run any more, and reports false if the turn has come, or was
// dropped before.
func (t *sessionTurn) drop() bool {
	if t == nil || !t.turn.drop() {
		return false
	}
	t.undo()
	return true
}

// undo takes the step back, unless another one has come after it, or the session has ended: nothing takes that back.
func (t *sessionTurn) undo() {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	if t.queue.changes == t.change && !t.queue.ended {
		t.queue.txn = t.was
	}
}

// now does something that takes no time when all that was called before has run. If that is at once, it returns what
// came of it.
func (q *sessionQueue) now(driver *mongo.Session, do step, then func(*sessionTurn) error) error {
	t, err := q.take(driver, do)
	if err != nil {
		return err
	}
	var came error // which nobody reads if it comes later
	if t.soon(func() { came = then(t); t.pass() }) {
		return came
	}
	return nil
}
