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
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

var (
	errSessionEnded    = newError(InvalidOperation, "cannot use an ended session")
	errTransactionOver = newError(InvalidOperation, "the transaction of this operation is over")
)

// sessions maps the driver's sessions to their states. The key is the driver's session, because contexts have sessions
// in the driver's way. The entry is removed when the garbage collector frees the driver's session.
var sessions struct {
	mu     sync.Mutex
	states map[weak.Pointer[mongo.Session]]*sessionState
}

// sessionState is the state that motor keeps of a session of the driver. It must not refer to the driver's session: see
// sessions.
//
// The driver's session is not safe to share, so its operations take turns, in the order of their calls. A call that
// depends on the transaction uses the state after the calls before it, which may not have run yet. The driver's session
// has the state after the operations that have run, and only the operation that has its turn may read it.
type sessionState struct {
	sequence future.Sequence // places are reserved with mu held, in the order of the state changes

	mu            sync.Mutex // guards the rest
	handle        any        // the weak.Pointer of the Session
	started       bool       // by StartSession, with options
	options       options.SessionOptions
	wtimeout      time.Duration // of the client's write concern, if transactions inherit it
	ended         bool
	txn           txnState
	commitUnknown bool             // a commit has failed; the driver still has the transaction
	commit        commitState      // of the latest transaction that was started
	abandoned     runtime.Cleanup  // ends the session once the program has dropped it
	lenders       []*sessionTicket // operations whose user code is running, each within the one before it

	// The values after the operations that have run.
	clusterTime   bson.Raw
	operationTime *bson.Timestamp
}

// commitState has the options of a transaction's commit. Only the operation that has its turn in the session uses it.
type commitState struct {
	limit    time.Duration              // of each commit; 0 is none
	wtimeout time.Duration              // of the transaction's write concern; 0 is none
	again    *writeconcern.WriteConcern // of a repeated commit; nil until the first one
}

// txnState is the state of a session's latest transaction after the calls so far. Each change has a new version. A call
// that is withdrawn compares versions to find out whether its change is still the latest.
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

// inTransaction reports whether an operation called with ctx now would be part of a transaction.
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

// refresh updates the state if no operation is in progress, since the program may have used the driver's session
// itself. The caller holds mu, so that no operation is called meanwhile.
func (st *sessionState) refresh(driver *mongo.Session) {
	if !st.sequence.Idle() || driver.Client() == nil || st.ended { // the driver keeps the state of an ended session
		return
	}
	st.recordTimes(driver)
	if running := driver.TransactionRunning(); running && !st.commitUnknown {
		st.txn.set(transactionRunning)
	} else if !running && st.txn.phase == transactionRunning {
		st.txn.set(noTransaction)
	}
}

// recordTimes records the times of the driver's session. The caller holds mu, and has the turn or knows that no
// operation is in progress.
func (st *sessionState) recordTimes(driver *mongo.Session) {
	st.clusterTime = driver.ClusterTime()
	if at := driver.OperationTime(); at != nil {
		at := *at
		st.operationTime = &at
	}
}

// readsOf reports whether a session reads from a snapshot, and whether it is causally consistent. The session may be
// nil.
func readsOf(session *mongo.Session) (snapshot, causal bool) {
	if session == nil {
		return false, false
	}
	st := stateOf(session)
	st.mu.Lock()
	started, o := st.started, st.options
	st.mu.Unlock()
	if !started {
		return drivercompat.SessionReads(session)
	}
	snapshot = valueOr(o.Snapshot, false)
	return snapshot, valueOr(o.CausalConsistency, !snapshot)
}

// stateChange changes the state of a session for a call, or returns an error if the call is not allowed in this state.
// The caller holds mu. An operation that does not change the state has a nil stateChange.
type stateChange func(*sessionState) error

// checkNotEnded is the stateChange of a call that requires an open session and changes nothing.
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

// reserve makes the change and reserves a place in the session. If own, the sequence of a file or a cursor, is not nil,
// it reserves a place there in the same step.
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
		// It runs within the lender. Calls outside the lender do not see its change.
		order, st.txn = lender.within, before
		t.before, t.after = lender.after, lender.after
	default:
		st.lenders = nil // later calls come after the start or the end of the transaction
	}
	var reserved turns
	reserved.own, t.ticket = future.ReserveBoth(own, order)
	reserved.session, reserved.reserved = t, true
	return reserved, nil
}

// lenderFor returns the operation that an operation runs within, or nil. If a lender has its turn in own, the operation
// must come after the lenders: within them it would wait for own, which is free only after that lender, and block the
// calls of the lender's user code. The caller holds mu.
func (st *sessionState) lenderFor(own *future.Sequence) *sessionTicket {
	if len(st.lenders) == 0 {
		return nil
	}
	if own != nil && slices.ContainsFunc(st.lenders, func(l *sessionTicket) bool { return l.own == own }) {
		return nil
	}
	return st.lenders[len(st.lenders)-1]
}

// runInTurn calls fn when all operations that were called before have run. If it can call fn at once, it returns fn's
// error. fn must not block.
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

// session returns the handle of a session of the driver, or nil for nil.
func (c *Client) session(driver *mongo.Session) *Session {
	if driver == nil {
		return nil
	}
	st := stateOf(driver)
	st.mu.Lock()
	defer st.mu.Unlock()
	known, _ := st.handle.(weak.Pointer[Session])
	s := known.Value()
	if s == nil {
		s = &Session{client: c, driver: driver, state: st}
		st.handle = weak.Make(s)
	}
	return s
}

// in returns ctx with the session only. The session may be nil.
func (s *Session) in(ctx context.Context) context.Context {
	if mongo.SessionFromContext(ctx) == s.delegate() {
		return ctx
	}
	return mongo.NewSessionContext(ctx, s.delegate())
}

// delegate returns the driver's session, or nil.
func (s *Session) delegate() *mongo.Session {
	if s == nil {
		return nil
	}
	return s.driver
}

// turns are the places of an operation in the sequences that it shares with others. Either may be nil. An operation
// waits for its turn in the cursor or the file first: see [future.ReserveBoth].
type turns struct {
	own      *future.Ticket // of a cursor or a file
	session  *sessionTicket
	reserved bool // true even if both are nil
	lazy     bool // the operation itself waits for its turn in the session and gives up the place
}

// noTurns are the turns of an operation that waits for none, even if its context has a session.
var noTurns = turns{reserved: true}

// waitTurn waits for a turn. It runs in an operation, whose context is ctx.
func waitTurn(ctx context.Context, t *future.Ticket) error {
	if err := t.Wait(ctx); err != nil {
		return queueError{err}
	}
	return nil
}

// sessionTicket is the place of an operation in a session, with the change that its call has made. An operation without
// a session has a nil sessionTicket.
type sessionTicket struct {
	ticket *future.Ticket
	state  *sessionState
	driver *mongo.Session
	own    *future.Sequence // the operation's other sequence, or nil

	before, after txnState // the state before and after the call

	progress turnProgress // guarded by state.mu

	// While the turn is lent (see lend):
	within     *future.Sequence // the operations that user code has called
	withinTurn *future.Ticket   // the place of this operation in within
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

// wait waits for the operation's turn. It runs in the operation, whose context is ctx. It makes sure that the driver's
// session is in the transaction that the operation was called in. After a success, further calls do nothing. The caller
// must call release even if wait fails.
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

// checkTransaction returns an error if the transaction that the operation was called in is over. If the operation was
// called in no transaction, it ends the one that the driver's session still has, whose commit was given up, and forgets
// a commit of the driver.
func (t *sessionTicket) checkTransaction(ctx context.Context) error {
	running := t.driver.TransactionRunning()
	if t.after.phase == noTransaction {
		drivercompat.ClearCommit(t.driver)
	}
	switch {
	case t.after.phase == noTransaction && running:
		return t.endTransaction(ctx)
	case t.after.phase == transactionRunning && !running:
		return errTransactionOver
	}
	return nil
}

// endTransaction aborts a transaction that the program has given up. The caller has the turn. If its commit has failed,
// it may be committed and must not be aborted on the server. Then it uses an expired context, with which the driver
// sends nothing.
func (t *sessionTicket) endTransaction(ctx context.Context) error {
	t.state.mu.Lock()
	if t.state.commitUnknown {
		ctx = expiredContext
	}
	t.state.commitUnknown = false
	t.state.mu.Unlock()
	return t.driver.AbortTransaction(ctx)
}

// expiredContext is an expired context. The driver sends nothing with it.
var expiredContext = func() context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	cancel()
	return ctx
}()

// withdraw gives up the place and undoes the change, unless the turn has begun.
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

// undo undoes the change, unless a later call has changed the state, or the session has ended, which cannot be undone.
// The caller holds mu.
func (t *sessionTicket) undo() {
	if t.state.txn == t.after && !t.state.ended {
		t.state.txn = t.before
	}
}

// release gives up the place at the end of the operation, even if its turn has not begun. A second call does nothing.
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
	default: // calls of user code that it has not waited for come before all other operations
		t.withinTurn.Release()
		t.within.Reserve().Do(t.ticket.Release)
	}
}

// Wake implements [future.Waker]. The future that has kept the turn is settled.
func (t *sessionTicket) Wake() { t.release() }

// recordTimes records the times of the driver's session. The caller has the turn.
func (t *sessionTicket) recordTimes() {
	t.state.mu.Lock()
	t.state.recordTimes(t.driver)
	t.state.mu.Unlock()
}

// lend calls fn, which calls user code. The operation has the turn in the session. The user code may call operations in
// the session and wait for them. These run within this operation, one at a time, in the order of their calls, and
// before the operations that already wait for this one.
//
// Two kinds of operations come after this operation instead: those on the same file, and those that start or end a
// transaction or end the session. Calls after the start of a transaction come after that.
//
// lend returns when the session is free again. Operations that still wait within this operation run at its end, before
// all others.
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
