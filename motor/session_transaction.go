package motor

import (
	"cmp"
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// StartTransaction starts a transaction. Operations that are called in the session from now on are part of it, until
// [Session.CommitTransaction] or [Session.AbortTransaction]. It does no I/O: the first operation starts the
// transaction on the server. Options that opts omit are those of [Client.StartSession]. The option [MaxCommitTime]
// limits the time of the commit.
//
// Errors: [InvalidOperation] if the session has ended, has a snapshot, or has a transaction in progress already;
// [ConfigurationError] for a write concern with w: 0; [ValueError] for a negative [MaxCommitTime].
//
// Motor: MotorClientSession.start_transaction.
func (s *Session) StartTransaction(opts ...options.Lister[options.TransactionOptions]) error {
	o, err := mergeOptions(opts)
	if err != nil {
		return err
	}
	limit, err := timeLimitOf("MaxCommitTime", opts)
	if err != nil {
		return err
	}
	return s.state.runInTurn(s.driver, func(st *sessionState) error {
		concern := o.WriteConcern
		if defaults := st.options.DefaultTransactionOptions; concern == nil && defaults != nil {
			all, err := mergeOptions([]options.Lister[options.TransactionOptions]{defaults})
			if err != nil {
				return err
			}
			concern = all.WriteConcern
		}
		switch {
		case st.ended:
			return errSessionEnded
		case valueOr(st.options.Snapshot, false):
			return newError(InvalidOperation, "transactions are not supported in snapshot sessions")
		case st.txn.phase == transactionRunning:
			return newError(InvalidOperation, "transaction already in progress")
		case !concern.Acknowledged():
			return newError(ConfigurationError, "transactions do not support unacknowledged write concern")
		}
		st.txn.set(transactionRunning)
		return nil
	}, func(t *sessionTicket) error {
		if s.driver.TransactionRunning() {
			_ = t.endTransaction(expiredContext) // the next transaction ends it on the server
		}
		if err := s.driver.StartTransaction(&command.Literal[options.TransactionOptions]{Options: o}); err != nil {
			return &Error{class: InvalidOperation, cause: err}
		}
		drivercompat.ClearRecoveryToken(s.driver)
		s.state.commit = commitState{limit: limit}
		if o.WriteConcern == nil {
			s.state.commit.wtimeout = s.state.wtimeout
		}
		return nil
	})
}

// MaxCommitTime is an option of [Session.StartTransaction], [Transact] and [WithTransaction]. It limits the time of
// each commit of the transaction, on the server (maxTimeMS) and until its reply. A commit that exceeds it fails with
// [ExecutionTimeout] or [NetworkTimeout], and may have been done. 0 is no limit.
//
//	s.StartTransaction(options.Transaction().SetReadConcern(readconcern.Snapshot()), motor.MaxCommitTime(5*time.Second))
//
// Motor: the parameter max_commit_time_ms of start_transaction and with_transaction.
func MaxCommitTime(limit time.Duration) options.Lister[options.TransactionOptions] {
	return timeLimit[options.TransactionOptions](limit)
}

// CommitTransaction commits the transaction when the operations that were called in it have ended. It does no I/O for
// a transaction without operations. The driver retries the commit if the connection breaks, as often as with
// [Client.RetryReads]. After that the program may call it again, any number of times, if the error has the label
// "UnknownTransactionCommitResult". A repeated commit has a write concern of w: "majority", and wtimeout: 10000 if the
// transaction has no wtimeout, as the transactions specification says. A context with a deadline replaces the
// wtimeout.
//
// Errors: [InvalidOperation] if no transaction was started, or it was aborted; [OperationFailure], [ConnectionFailure]
// with the labels "UnknownTransactionCommitResult" and "TransientTransactionError". After any error the transaction is
// over for the session. A commit that was cancelled before its turn has no effect.
//
// Motor: MotorClientSession.commit_transaction.
func (s *Session) CommitTransaction(ctx context.Context) *future.Future[struct{}] {
	return s.conclude(ctx, transactionCommitted, noCommit, s.commitInTurn)
}

// repeatedCommitTimeout is the wtimeout of a repeated commit in the transactions specification.
const repeatedCommitTimeout = 10 * time.Second

// commitInTurn commits the driver's transaction. The caller has the turn.
//
// The driver replaces the write concern after each commit, for a repeated one, without the j that the specification
// keeps. After a commit that ran out of time it keeps that of the transaction.
func (s *Session) commitInTurn(ctx context.Context) error {
	st, commit := s.state, &s.state.commit
	st.mu.Lock()
	commitUnknown := st.commitUnknown
	st.mu.Unlock()
	wtimeout := commit.wtimeout
	if repeated := commitUnknown || !s.driver.TransactionRunning(); !repeated {
		commit.again = &writeconcern.WriteConcern{W: writeconcern.Majority().W}
		if concern := drivercompat.TransactionConcern(s.driver); concern != nil {
			commit.again.Journal = concern.Journal
		}
	} else if commit.again != nil { // the driver's own commit leaves it nil
		drivercompat.SetTransactionConcern(s.driver, commit.again)
		wtimeout = cmp.Or(wtimeout, repeatedCommitTimeout)
	}
	if commit.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commit.limit)
		defer cancel()
	}
	drivercompat.SetWTimeout(s.driver, wtimeout)
	err := s.driver.CommitTransaction(ctx)
	drivercompat.ClearCommit(s.driver)
	st.mu.Lock()
	st.commitUnknown = s.driver.TransactionRunning()
	st.mu.Unlock()
	return err
}

// AbortTransaction aborts the transaction when the operations that were called in it have ended. An error of the server
// is ignored, because the server aborts an abandoned transaction by itself.
//
// Errors: [InvalidOperation] if no transaction was started, or it was committed, or aborted already.
//
// Motor: MotorClientSession.abort_transaction.
func (s *Session) AbortTransaction(ctx context.Context) *future.Future[struct{}] {
	return s.conclude(ctx, transactionAborted, noAbort, func(ctx context.Context) error {
		drivercompat.SetWTimeout(s.driver, s.state.commit.wtimeout)
		defer drivercompat.SetWTimeout(s.driver, 0)
		return s.driver.AbortTransaction(ctx)
	})
}

// The phases in which a transaction cannot be committed or aborted, with the errors.
var (
	noCommit = map[txnPhase]error{
		transactionAborted: newError(InvalidOperation, "cannot call commitTransaction after calling abortTransaction"),
	}
	noAbort = map[txnPhase]error{
		transactionCommitted: newError(InvalidOperation, "cannot call abortTransaction after calling commitTransaction"),
		transactionAborted:   newError(InvalidOperation, "cannot call abortTransaction twice"),
	}
)

// conclude starts the operation that ends a transaction. It fails if the phase of the transaction is in outOfPlace.
func (s *Session) conclude(
	ctx context.Context, to txnPhase, outOfPlace map[txnPhase]error, end func(context.Context) error,
) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](s.client, errNilContext)
	}
	reserved, err := s.client.reserveIn(s.driver, nil, func(st *sessionState) error {
		switch err := outOfPlace[st.txn.phase]; {
		case st.ended:
			return errSessionEnded
		case st.txn.phase == noTransaction:
			return newError(InvalidOperation, "no transaction started")
		case err != nil:
			return err
		}
		st.txn.set(to)
		return nil
	})
	wasRunning := err == nil && reserved.session.before.phase == transactionRunning
	return submit(ctx, s.client, op[struct{}]{
		err: err, turns: reserved, conn: s.client.connectionWith(s.driver.Client()),
		run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
			if wasRunning && !s.driver.TransactionRunning() {
				return none, errTransactionOver
			}
			return none, end(ctx)
		},
	})
}

// InTransaction reports whether a transaction was started that has been neither committed nor aborted. It depends on
// the calls so far, even if they have not run yet.
//
// Motor: MotorClientSession.in_transaction.
func (s *Session) InTransaction() bool {
	return s.state.inTransaction(s.driver)
}

// ClusterTime returns the latest cluster time that the session has received, from the operations that have ended. It is
// a document, or nil if there is none.
//
// Motor: MotorClientSession.cluster_time.
func (s *Session) ClusterTime() bson.Raw {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.refresh(s.driver)
	time, _ := s.state.clusterTime.Lookup(clusterTimeKey).DocumentOK()
	return time
}

// OperationTime returns the server's time of the session's latest operation that has ended. ok is false if there is
// none.
//
// Motor: MotorClientSession.operation_time.
func (s *Session) OperationTime() (at bson.Timestamp, ok bool) {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	s.state.refresh(s.driver)
	if s.state.operationTime == nil {
		return at, false
	}
	return *s.state.operationTime, true
}

const clusterTimeKey = "$clusterTime"

// AdvanceClusterTime gives the session the cluster time of another session, so that its reads can come after the writes
// of that session. It ignores a time that is earlier than the session's. clusterTime is a document from
// [Session.ClusterTime], or from the driver's session.
//
// Errors: [TypeError] for a value that is not a document, [ValueError] for one without a clusterTime,
// [InvalidOperation] if the session has ended.
//
// Motor: MotorClientSession.advance_cluster_time.
func (s *Session) AdvanceClusterTime(clusterTime any) error {
	raw, err := s.client.codec.encode("cluster time", clusterTime)
	if err != nil {
		return err
	}
	if inner, ok := raw.Lookup(clusterTimeKey).DocumentOK(); ok {
		raw = inner
	}
	if _, _, ok := raw.Lookup("clusterTime").TimestampOK(); !ok {
		return newError(ValueError, "a cluster time must have a field clusterTime with a timestamp")
	}
	whole, err := bson.Marshal(bson.D{{Key: clusterTimeKey, Value: raw}})
	if err != nil {
		return &Error{class: InvalidDocument, cause: err}
	}
	return s.state.runInTurn(s.driver, checkNotEnded, func(*sessionTicket) error { return s.driver.AdvanceClusterTime(whole) })
}

// AdvanceOperationTime gives the session the time of an operation of another session. Reads of a causally consistent
// session then show the effects of that operation. It ignores a time that is earlier than the session's.
//
// Errors: [InvalidOperation] if the session has ended.
//
// Motor: MotorClientSession.advance_operation_time.
func (s *Session) AdvanceOperationTime(at bson.Timestamp) error {
	return s.state.runInTurn(s.driver, checkNotEnded, func(*sessionTicket) error { return s.driver.AdvanceOperationTime(&at) })
}
