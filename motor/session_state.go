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

var (
	errSessionEnded    = newError(InvalidOperation, "cannot use an ended session")
	errTransactionOver = newError(InvalidOperation, "the transaction that this was called in is over")
)

// sessions has the states of the driver's sessions that operations were called in. A context has a session in the
// driver's own way, so the driver's session is the key. The entry goes when the garbage collector frees that.
var sessions struct {
	mu     sync.Mutex
	states map[weak.Pointer[mongo.Session]]*sessionState
}

// sessionState is the state that motor keeps of a session of the driver. It must not refer to the driver's session: see
// sessions.
//
// The driver's session is not safe to share, so its operations take turns, in the order of their calls. A call that
// depends on the transaction uses the state after the calls before it, which may not have run yet. The driver's session
// has the state after the operations that have run, and only the operation that has its turn may ask it.
// tells only what has run, and only the operation that has the turn may ask it.
type sessionState struct {
	sequence future.Sequence // places are reserved with mu held, so that state changes have the order of the places

	mu            sync.Mutex // guards the rest
	handle        any        // the weak.Pointer of the Session
	started       bool       // by StartSession, with options
	options       options.SessionOptions
	ended         bool
	txn           txnState
	commitUnknown bool             // a commit has failed, and for the driver the transaction goes on
	abandoned     runtime.Cleanup  // ends the session once the program has dropped it
	lenders       []*sessionTicket // operations whose user code runs; each but the first runs within the one before it

	// After the operations that have run.
	clusterTime   bson.Raw
	operationTime *bson.Timestamp
}

// txnState is the state of a session's latest transaction after the calls so far. Each change has a new version, so
// that a call that is withdrawn can tell whether the state is still the one that it has made.
type txnState struct {
	phase   txnPhase
	version uint32
}

type txnPhase uint8

const (
	noTransaction txnPhase = iota
	transactionRunning
	transactionCommitted
	transactionAborted
)

// set changes the phase.
func (s *txnState) set(to txnPhase) {
	if s.phase != to {
		*s = txnState{to, s.version + 1}
	}
}

// stateOf returns the state of a session of the driver.
func stateOf(driver *mongo.Session) *sessionState {
	key := weak.Make(driver)
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	st := sessions.states[key]
	if st == nil {
		st = new(sessionState)
		if sessions.states == nil {
			sessions.states = make(map[weak.Pointer[mongo.Session]]*sessionState)
		}
		sessions.states[key] = st
		runtime.AddCleanup(driver, forgetSession, key)
	}
	return st
}

func forgetSession(key weak.Pointer[mongo.Session]) {
	sessions.mu.Lock()
	delete(sessions.states, key)
	sessions.mu.Unlock()
}

// inTransaction reports whether an operation that is called now with ctx would be part of a transaction.
func inTransaction(ctx context.Context) bool {
	if ctx == nil { // submit rejects it
		return false
	}
	driver := mongo.SessionFromContext(ctx)
	if driver == nil {
		return false
	}
	return stateOf(driver).inTransaction(driver)
}

func (st *sessionState) inTransaction(driver *mongo.Session) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refresh(driver)
	return st.txn.phase == transactionRunning
}

// refresh brings the state up to date if no operation is in progress: the program may have used the driver's session
// itself. mu is held, so that no operation is called meanwhile.
func (st *sessionState) refresh(driver *mongo.Session) {
	if !st.sequence.Idle() || driver.Client() == nil {
		return
	}
	st.recordTimes(driver)
	if running := driver.TransactionRunning(); running && !st.commitUnknown {
		st.txn.set(transactionRunning)
	} else if !running && st.txn.phase == transactionRunning {
		st.txn.set(noTransaction)
	}
}

// recordTimes records the times that the driver's session knows. mu is held, and the caller has the turn, or no
// operation is in progress.
func (st *sessionState) recordTimes(driver *mongo.Session) {
	st.clusterTime = driver.ClusterTime()
	if at := driver.OperationTime(); at != nil {
		at := *at
		st.operationTime = &at
	}
}

// stateChange is what a call does to the state of a session. An error means that the call is not allowed in this state.
// mu is held. nil is the stateChange of an operation that neither begins nor ends anything.
type stateChange func(*sessionState) error

// checkNotEnded is the stateChange of a call that changes nothing.
func checkNotEnded(st *sessionState) error {
	if st.ended {
		return errSessionEnded
	}
	return nil
}

// markEnded is the stateChange of a call that ends the session.
func (st *sessionState) markEnded() error {
	st.ended = true
	if st.txn.phase == transactionRunning {
		st.txn.set(transactionAborted)
	}
	return nil
}

// reserve reserves a place in the order of the session, and in that of a file or a cursor unless own is nil, in one
// step, and makes the change.
func (st *sessionState) reserve(driver *mongo.Session, own *future.Sequence, change stateChange) (turns, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.refresh(driver)
	lender := st.lenderFor(own)
	before, ended := st.txn, st.ended
	switch {
	case change != nil:
		if err := change(st); err != nil {
			return turns{}, err
		}
	case st.ended && lender == nil:
		return turns{}, errSessionEnded
	case st.txn.phase != transactionRunning:
		st.txn.set(noTransaction)
	}
	t := &sessionTicket{state: st, driver: driver, own: own, before: before, after: st.txn}
	order := &st.sequence
	switch {
	case lender == nil || st.ended != ended:
	case (before.phase == transactionRunning) == (st.txn.phase == transactionRunning):
		// It runs within the lender, and leaves the state to what is called outside of that.
		order, st.txn = lender.within, before
		t.before, t.after = lender.after, lender.after
	default:
		st.lenders = nil // what is called from now on comes after the beginning or the end of the transaction
	}
	var reserved turns
	reserved.own, t.ticket = future.ReserveBoth(own, order)
	reserved.session, reserved.reserved = t, true
	return reserved, nil
}

// lenderFor returns the operation that an operation runs within, or nil. If a lender has own, the operation comes after
// the lenders: it could not run before that one ends, and would keep from running what user code calls in the session.
// mu is held.
func (st *sessionState) lenderFor(own *future.Sequence) *sessionTicket {
	if len(st.lenders) == 0 {
		return nil
	}
	if own != nil && slices.ContainsFunc(st.lenders, func(l *sessionTicket) bool { return l.own == own }) {
		return nil
	}
	return st.lenders[len(st.lenders)-1]
}

// runInTurn calls fn when all operations that were called before have run. If that is at once, it returns the error of
// fn. fn takes no time.
func (st *sessionState) runInTurn(driver *mongo.Session, change stateChange, fn func(*sessionTicket) error) error {
	reserved, err := st.reserve(driver, nil, change)
	if err != nil {
		return err
	}
	var result error // not reported if fn runs later
	t := reserved.session
	if t.ticket.Do(func() { result = fn(t); t.recordTimes() }) {
		return result
	}
	return nil
}

// turns are the places of an operation in the order of what it shares with others. Either may be nil. An operation
// waits for its turn with the cursor or the file first: see [future.ReserveBoth].
type turns struct {
	own      *future.Ticket // of a cursor or a file
	session  *sessionTicket
	reserved bool // also if both are nil
	lazy     bool // the operation itself waits for the turn in the session, if it needs it, and gives up the place
}

// noTurns are those of an operation that does not wait, even if its context has a session.
var noTurns = turns{reserved: true}

// waitTurn waits for a turn in an operation, whose context is ctx.
func waitTurn(ctx context.Context, t *future.Ticket) error {
	if err := t.Wait(ctx); err != nil {
		return queueError{err}
	}
	return nil
}

// sessionTicket is the place of an operation in the order of a session, with the change that its call has made. The nil
// sessionTicket is that of an operation without a session.
type sessionTicket struct {
	ticket *future.Ticket
	state  *sessionState
	driver *mongo.Session
	own    *future.Sequence // what else the operation has its turn in, or nil

	before, after txnState // of the call

	progress turnProgress // guarded by state.mu

	// Of a turn that was lent: see lend.
	within     *future.Sequence // the operations that user code has called
	withinTurn *future.Ticket   // the place of this one among them
}

type turnProgress uint8

const (
	turnReserved turnProgress = iota
	turnBegun
	turnOver
)

// delegate returns the driver's session, or nil.
func (t *sessionTicket) delegate() *mongo.Session {
	if t == nil {
		return nil
	}
	return t.driver
}

// wait waits for the turn in an operation, whose context is ctx, and makes sure that the driver's session is in the
// transaction that the operation was called in. Once it has succeeded it does nothing. Whatever it returns, the caller
// calls release.
func (t *sessionTicket) wait(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := waitTurn(ctx, t.ticket); err != nil {
		return err
	}
	t.state.mu.Lock()
	before := t.progress
	if before == turnReserved {
		t.progress = turnBegun
	}
	t.state.mu.Unlock()
	switch before {
	case turnBegun:
		return nil
	case turnOver: // the operation was cancelled just now
		return queueError{future.ErrCancelled}
	}
	return t.checkTransaction(ctx)
}

// checkTransaction fails if the transaction that the operation was called in is over. A transaction that it was not
// called in is ended: its commit was given up.
func (t *sessionTicket) checkTransaction(ctx context.Context) error {
	switch running := t.driver.TransactionRunning(); {
	case t.after.phase == noTransaction && running:
		return t.endTransaction(ctx)
	case t.after.phase == transactionRunning && !running:
		return errTransactionOver
	}
	return nil
}

// endTransaction aborts a transaction that the program has given up. The caller has the turn. If its commit has failed,
// it may be committed and must not be aborted on the server: with an expired context the driver sends nothing.
func (t *sessionTicket) endTransaction(ctx context.Context) error {
	t.state.mu.Lock()
	if t.state.commitUnknown {
		ctx = expiredContext
	}
	t.state.commitUnknown = false
	t.state.mu.Unlock()
	return t.driver.AbortTransaction(ctx)
}

// expiredContext is a context with which the driver sends nothing.
var expiredContext = func() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}()

// withdraw gives up the place, and takes the change back, unless the turn has begun.
func (t *sessionTicket) withdraw() {
	if t == nil {
		return
	}
	t.state.mu.Lock()
	reserved := t.progress == turnReserved
	if reserved {
		t.progress = turnOver
		t.undo()
	}
	t.state.mu.Unlock()
	if reserved {
		t.ticket.Release()
	}
}

// undo takes the change back, unless another one has come after it, or the session has ended, which nothing takes back.
// mu is held.
func (t *sessionTicket) undo() {
	if t.state.txn == t.after && !t.state.ended {
		t.state.txn = t.before
	}
}

// release gives up the place, whether the turn has begun or not, once the operation is over. A second call does
// nothing.
func (t *sessionTicket) release() {
	if t == nil {
		return
	}
	t.withdraw()
	t.state.mu.Lock()
	begun := t.progress == turnBegun
	if begun {
		t.progress = turnOver
		t.state.recordTimes(t.driver)
	}
	t.state.mu.Unlock()
	switch {
	case !begun:
	case t.within == nil:
		t.ticket.Release()
	default: // what user code has called and not waited for comes before all other operations
		t.withinTurn.Release()
		t.within.Reserve().Do(t.ticket.Release)
	}
}

// Wake implements [future.Waker]: what has kept the turn is over.
func (t *sessionTicket) Wake() { t.release() }

// recordTimes records the times that the driver's session knows. The caller has the turn.
func (t *sessionTicket) recordTimes() {
	t.state.mu.Lock()
	t.state.recordTimes(t.driver)
	t.state.mu.Unlock()
}

// lend calls fn, which calls user code. The operation has the turn. The user code may call operations in the session
// and wait for them: what is called meanwhile runs within this operation, one at a time, in the order of the calls. It
// comes before what was called earlier and waits for this operation.
//
// Other operations on the same file come after this operation, and so does what begins or ends a transaction, or the
// session. What is called after the beginning of a transaction comes after that.
//
// lend returns when the session is free again. What is still waiting within this operation then runs when the
// operation is over, before anything else.
func (t *sessionTicket) lend(ctx context.Context, fn func()) {
	if t == nil {
		fn()
		return
	}
	if t.within == nil {
		t.within = new(future.Sequence)
		t.withinTurn = t.within.TryReserve()
	}
	st := t.state
	st.mu.Lock()
	st.recordTimes(t.driver)
	st.lenders = append(st.lenders, t)
	st.mu.Unlock()
	t.withinTurn.Lend(ctx, func() {
		fn()
		st.mu.Lock()
		st.lenders = slices.DeleteFunc(st.lenders, func(l *sessionTicket) bool { return l == t })
		st.mu.Unlock()
	})
}
