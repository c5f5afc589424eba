package motor

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// Session is a logical session. Its operations see one another's effects, and can form a transaction. An operation is
// in the session of its context:
//
//	s, err := client.StartSession(ctx).Await(ctx)
//	defer s.EndSession(ctx)
//	users.InsertOne(s.Context(ctx), bson.M{"_id": "ann"})
//
// The operations of one session run one at a time, in the order of their calls, even if several goroutines call them.
// An operation that waits for its turn takes no slot of the executor. A driver's session that mongo.NewSessionContext
// has put in a context works in the same way and need not be wrapped.
//
// A Session is safe for concurrent use. A transaction belongs to the session: an operation that another goroutine calls
// in the session meanwhile is part of it.
//
// Motor: MotorClientSession.
type Session struct {
	client *Client
	driver *mongo.Session
	state  *sessionState
}

var errOtherClient = newError(InvalidOperation,
	"can only use session with the Client that started it, until that client is closed")

// StartSession starts a new session. It opens the client if necessary, but does no I/O: the first operation starts the
// session on the server.
//
// Without options the session is causally consistent: its reads show the effects of its earlier reads and writes. With
// options.Session().SetSnapshot(true), all reads show the data at one point in time. SetDefaultTransactionOptions sets
// defaults for StartTransaction; options that it omits are copied from the client now.
//
// Errors: [ConfigurationError] for a session with both causal consistency and a snapshot, and for a snapshot time
// without a snapshot.
//
// Motor: MotorClient.start_session.
func (c *Client) StartSession(ctx context.Context, opts ...options.Lister[options.SessionOptions]) *future.Future[*Session] {
	o, err := mergeOptions(opts)
	snapshot := valueOr(o.Snapshot, false)
	switch {
	case err != nil:
	case snapshot && valueOr(o.CausalConsistency, false):
		err = newError(ConfigurationError, "snapshot reads and causal consistency are mutually exclusive")
	case !snapshot && o.SnapshotTime != nil:
		err = newError(ConfigurationError, "a snapshot time requires a snapshot session")
	}
	var defaults options.TransactionOptions
	if err == nil && o.DefaultTransactionOptions != nil {
		defaults, err = mergeOptions([]options.Lister[options.TransactionOptions]{o.DefaultTransactionOptions})
	}
	if err != nil {
		return failed[*Session](c, err)
	}
	now, wtimeout := c.snapshot(), 0
	if defaults.WriteConcern == nil {
		defaults.WriteConcern = now.write.driver
		wtimeout, _ = now.write.all["wtimeout"].(int)
	}
	if defaults.ReadPreference == nil {
		defaults.ReadPreference = now.read.pref
	}
	o.DefaultTransactionOptions = options.Transaction().SetReadConcern(defaults.ReadConcern).
		SetReadPreference(defaults.ReadPreference).SetWriteConcern(defaults.WriteConcern)
	o.Snapshot, o.CausalConsistency = &snapshot, new(valueOr(o.CausalConsistency, !snapshot))
	return submit(ctx, c, op[*Session]{turns: noTurns, run: func(ctx context.Context, conn *connection) (*Session, error) {
		client, err := conn.client(ctx)
		if err != nil {
			return nil, err
		}
		driver, err := client.StartSession(&command.Literal[options.SessionOptions]{Options: o})
		if err != nil {
			return nil, &Error{class: ConfigurationError, cause: err}
		}
		return c.started(driver, o, time.Duration(wtimeout)*time.Millisecond), nil
	}})
}

// started returns the handle of a new session. When the garbage collector has freed the session, and the contexts and
// cursors that have it, a cleanup ends it.
func (c *Client) started(driver *mongo.Session, o options.SessionOptions, wtimeout time.Duration) *Session {
	s := c.session(driver)
	rest := *driver // for the cleanup, which must not refer to driver
	st := s.state
	st.mu.Lock()
	defer st.mu.Unlock()
	st.started, st.options, st.wtimeout = true, o, wtimeout
	st.abandoned = runtime.AddCleanup(driver, func(rest *mongo.Session) { c.abandon(st.cleanup(rest)) }, &rest)
	return s
}

// has reports whether a session was started on the open connection.
func (c *Client) has(driver *mongo.Session) bool {
	conn := c.opened()
	return conn != nil && driver.Client() != nil && driver.Client() == conn.dialed()
}

// Context returns a context with the session, for the operations that are to be in it. It replaces another session of
// ctx. For a nil context it is nil, which every operation refuses with [TypeError].
//
// Motor: the parameter session of every operation.
func (s *Session) Context(ctx context.Context) context.Context {
	if ctx == nil {
		return nil
	}
	return mongo.NewSessionContext(ctx, s.driver)
}

// EndSession ends the session when the operations that were called in it have ended. It aborts a transaction in
// progress. Documents that cursors of the session have not fetched are lost. The server's session is reused; the server
// is told of its end at [Client.Close]. EndSession never fails: ending twice is not an error, and the session ends even
// if ctx does. A deferred EndSession need not be awaited.
//
// Motor: MotorClientSession.end_session.
func (s *Session) EndSession(ctx context.Context) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](s.client, errNilContext)
	}
	reserved, err := s.state.reserve(s.driver, nil, func(st *sessionState) error {
		if st.ended {
			return errSessionEnded
		}
		st.abandoned.Stop()
		return st.markEnded()
	})
	if err != nil {
		return resolved(s.client, struct{}{})
	}
	t := reserved.session
	if !s.client.has(s.driver) { // the connection was closed, and the session with it
		t.release()
		return resolved(s.client, struct{}{})
	}
	f := submit(context.WithoutCancel(ctx), s.client, op[struct{}]{
		turns: reserved, conn: s.client.connectionWith(s.driver.Client()), ends: true,
		run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
			t.endSession(ctx)
			return none, nil
		},
	})
	f.Notify(sessionEnding{s, f})
	return f
}

// sessionEnding is the operation that ends a session. If it was cancelled, or was not accepted, a cleanup ends the
// session.
type sessionEnding struct {
	session   *Session
	operation *future.Future[struct{}]
}

// Wake implements [future.Waker].
func (e sessionEnding) Wake() {
	if e.operation.Err() != nil {
		e.session.client.abandon(e.session.state.cleanup(e.session.driver))
	}
}

// endSession ends the driver's session. The caller has the turn.
func (t *sessionTicket) endSession(ctx context.Context) {
	t.state.mu.Lock()
	commitUnknown := t.state.commitUnknown
	t.state.mu.Unlock()
	if commitUnknown {
		_ = t.endTransaction(ctx)
	}
	t.driver.EndSession(ctx)
}

// cleanup returns the cleanup that ends a session that the program has abandoned.
func (st *sessionState) cleanup(driver *mongo.Session) cleanup {
	return cleanup{driver.Client(), func(ctx context.Context, _ *connection) {
		reserved, err := st.reserve(driver, nil, (*sessionState).markEnded)
		if err != nil {
			return
		}
		t := reserved.session
		defer t.release()
		if t.wait(ctx) == nil {
			t.endSession(ctx)
		}
	}}
}

// HasEnded reports whether EndSession has been called.
//
// Motor: MotorClientSession.has_ended.
func (s *Session) HasEnded() bool {
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	return s.state.ended
}

// SessionID returns the document that identifies the session on the server: its lsid.
//
// Motor: MotorClientSession.session_id.
func (s *Session) SessionID() bson.Raw { return s.driver.ID() }

// Options returns the options that the session was started with. CausalConsistency and Snapshot are always set. Omitted
// default transaction options are those that the client had then.
//
// Motor: MotorClientSession.options.
func (s *Session) Options() options.SessionOptions {
	snapshot, causal := readsOf(s.driver)
	s.state.mu.Lock()
	defer s.state.mu.Unlock()
	o := s.state.options
	o.Snapshot, o.CausalConsistency, o.SnapshotTime = &snapshot, &causal, command.Copy(o.SnapshotTime)
	return o
}

// Client returns the client that the session was started on.
//
// Motor: MotorClientSession.client.
func (s *Session) Client() *Client { return s.client }

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorClientSession.get_io_loop.
func (s *Session) IOLoop() future.Executor { return s.client.loop }

// Delegate returns the driver's session, for features that only the driver has. It is not safe to share: use it while
// no operation of the session is in progress.
//
// Motor: MotorClientSession.delegate.
func (s *Session) Delegate() *mongo.Session { return s.driver }

// Equal reports whether both are handles of one session.
func (s *Session) Equal(other *Session) bool { return other != nil && s.driver == other.driver }

// String returns the session's identifier in hexadecimal, as in "motor.Session(2f...)".
func (s *Session) String() string {
	_, id, _ := s.SessionID().Lookup("id").BinaryOK()
	return fmt.Sprintf("motor.Session(%x)", id)
}
