package motor

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/dbcopy"
)

// CopyDatabase copies a database to another one, of the same server or, with [CopyFromHost], from another: the
// collections with their options, their documents, their indexes, and at last the views. The result says what was
// copied. A source that does not exist is an empty one.
//
// On the same server, the server copies the documents itself ($out, from MongoDB 4.4 on) where it can. Capped and
// time series collections, and all that it refuses, are read and written in batches. Nothing keeps others from writing
// to the source meanwhile; what they write may be copied or not.
//
// Of the system collections, system.js alone is copied: system.views and system.buckets are what views and time
// series are made of and come with these, system.profile belongs to its server. Users are not part of a database any
// more.
//
// A collection of the target that has the name of one of the source's is never touched, unless [CopyReplace] says so,
// nor is any other.
//
// Errors: [InvalidName] for either name; [ValueError] if the source is the target; [InvalidURI] and
// [ConfigurationError] for what the options say of the other host; [CollectionInvalid] if the target has one of the
// collections; with all of these, nothing has been written. [CopyError] for what fails later: it has what was copied
// until then, and the cause, with its class.
//
// It is never in a session, not even in that of ctx.
//
// Legacy: the server's own command, copydb, is gone since MongoDB 4.2. Motor: MotorClient.copy_database.
func (c *Client) CopyDatabase(ctx context.Context, from, to string, opts ...CopyOption) *future.Future[*CopyResult] {
	cp, err := c.newCopy(from, to, opts)
	if err != nil {
		return failed[*CopyResult](c, err)
	}
	if ctx != nil {
		var none *Session // its steps run at the same time, which those of a session cannot
		ctx = none.in(ctx)
	}
	return submit(ctx, c, op[*CopyResult]{run: cp.run})
}

// CopyResult says what [Client.CopyDatabase] has copied.
type CopyResult struct {
	// Collections are those whose copy was begun, sorted by name, the views last.
	Collections []CopiedCollection
}

// Documents returns how many documents the collections have together.
func (r *CopyResult) Documents() int64 {
	var n int64
	for _, c := range r.Collections {
		n += c.Documents
	}
	return n
}

// CopiedCollection says what was copied of a collection or view.
type CopiedCollection struct {
	Name      string
	View      bool
	Documents int64    // that the server has confirmed
	Indexes   []string // the names of those that were made, without the one of _id
	Complete  bool     // nothing is missing
}

// CopyError is the error of a copy that was begun. [errors.Is] finds the class of the cause, and [errors.As] the *[Error]
// and the driver's error.
//
// The target keeps what was copied. The future of [Client.CopyDatabase] has the result, too, beside the error.
type CopyError struct {
	// Result says what was copied.
	Result *CopyResult
	// Collection is the one whose copy failed. It is "" if the copy was cancelled between two steps.
	Collection string

	err error
}

// Error names the collection and gives the cause.
func (e *CopyError) Error() string {
	if e.Collection == "" {
		return "motor: copying: " + e.err.Error()
	}
	return "motor: copying " + e.Collection + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *CopyError) Unwrap() error { return e.err }

// CopyProgress says how far [Client.CopyDatabase] is. Its numbers never fall, except DocumentsTotal: that is the server's
// estimate at the beginning, and is corrected when a collection is complete. At the end of a copy it is the number of
// documents.
type CopyProgress struct {
	Collections, CollectionsTotal int // views are among them
	Documents, DocumentsTotal     int64
}

// CopyOption is an option of [Client.CopyDatabase].
type CopyOption func(*copySettings) error

type copySettings struct {
	host               *string
	username, password string
	replace            bool
	progress           func(CopyProgress)
}

// CopyFromHost copies from another deployment. host is its name, "db2.example.com" or "db2.example.com:27018", or a
// connection string as [NewClient] takes it, for all that there is to say besides. The copy has a client of its own
// for it and closes that at the end.
//
// Errors, of CopyDatabase: [InvalidURI], or [ConfigurationError] for a wrong option.
//
// Motor: copy_database(from_host=...).
func CopyFromHost(host string) CopyOption {
	return func(s *copySettings) error {
		s.host = &host
		return nil
	}
}

// CopyFromUser reads the source as this user. The server looks the user up in the database that the connection string
// names (authSource, or else the default database), or else in admin, where servers keep users today. If both are empty,
// there is no user.
//
// Errors, of CopyDatabase: [ConfigurationError] for one without the other, and if the connection string of
// [CopyFromHost] names a user too.
//
// Motor: copy_database(username=..., password=...).
func CopyFromUser(username, password string) CopyOption {
	return func(s *copySettings) error {
		if (username == "") != (password == "") {
			return newError(ConfigurationError, "CopyFromUser: a user name and a password are needed, or neither")
		}
		s.username, s.password = username, password
		return nil
	}
}

// CopyReplace drops each collection and view of the target that has the name of one of the source's, just before its copy
// begins. The target's other collections stay.
func CopyReplace() CopyOption {
	return func(s *copySettings) error {
		s.replace = true
		return nil
	}
}

// CopyOnProgress calls fn with the progress of the copy: when it begins to write, and after collections and batches of
// documents, one call at a time. If fn is slower than the copy, it misses steps between, but never the last one.
//
// fn is called where the callbacks of the client's futures run: on its loop ([WithIOLoop]), where the last call comes
// before the callbacks of the copy's future, or else on a goroutine of its own, which that future does not wait for.
// If fn panics, that is reported as [future.SetUnobservedHandler] says, and fn is not called again; the copy goes on.
func CopyOnProgress(fn func(CopyProgress)) CopyOption {
	return func(s *copySettings) error {
		if fn == nil {
			return newError(TypeError, "CopyOnProgress: fn is nil")
		}
		s.progress = fn
		return nil
	}
}

// sourceClient returns a client for the source, or nil if c itself reads it. Its only worker does nothing: the steps of the
// copy run on c's executor.
func (s *copySettings) sourceClient(c *Client) (*Client, error) {
	switch {
	case s.host != nil:
		uri, err := s.sourceURI()
		if err != nil {
			return nil, err
		}
		return NewClient(uri, WithMaxWorkers(1))
	case s.username != "":
		same := *c.driver
		login := options.Credential{Username: s.username, Password: s.password, PasswordSet: true, AuthSource: c.path}
		if same.Auth != nil {
			login.AuthSource = same.Auth.AuthSource
		}
		same.Auth = &login
		other, err := NewClient("mongodb://localhost", WithClientOptions(&same), WithMaxWorkers(1)) // the options win
		if err == nil && c.resolve != nil {
			other.resolve = func() (*options.ClientOptions, error) {
				all, err := c.resolve()
				if err != nil {
					return nil, err
				}
				same := *all
				same.Auth = &login
				return &same, nil
			}
		}
		return other, err
	}
	return nil, nil
}

// sourceURI returns the connection string for the host, with the user in it.
func (s *copySettings) sourceURI() (string, error) {
	scheme, rest, found := strings.Cut(*s.host, "://")
	if !found {
		scheme, rest = "mongodb", *s.host
	}
	scheme += "://"
	if s.username == "" {
		return scheme + rest, nil
	}
	if authority, _, _ := strings.Cut(strings.ReplaceAll(rest, "?", "/"), "/"); strings.Contains(authority, "@") {
		return "", newError(ConfigurationError, "CopyFromUser and the connection string of CopyFromHost name a user each")
	}
	return scheme + uriEscape(s.username) + ":" + uriEscape(s.password) + "@" + rest, nil
}

// uriEscape escapes all that may have a meaning in some part of a connection string.
func uriEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

const (
	// copyCollections is how many collections are copied at once.
	copyCollections = 4
	// copyBatch is how many documents are in one batch: all servers take as many.
	copyBatch = 1000
	// copyClose is the most time to close what a copy has opened.
	copyClose = 5 * time.Second
)

// databaseCopy is one call of CopyDatabase.
type databaseCopy struct {
	from, to *Database
	other    *Client // reads the source instead of the client itself, and belongs to this copy; or nil
	replace  bool
	report   *dbcopy.Report

	// While it runs.
	pool  *future.Pool // the client's executor
	spare *future.Pool // runs the steps that pool refuses: see step
}

// newCopy checks the arguments, without any I/O.
func (c *Client) newCopy(from, to string, opts []CopyOption) (*databaseCopy, error) {
	var s copySettings
	for _, opt := range opts {
		if opt == nil {
			return nil, newError(TypeError, "CopyDatabase: an option is nil")
		}
		if err := opt(&s); err != nil {
			return nil, err
		}
	}
	if err := c.snapshot().write.refuse("CopyDatabase"); err != nil {
		return nil, err
	}
	for _, name := range []string{from, to} {
		if err := checkDatabaseName(name); err != nil {
			return nil, err
		}
	}
	other, err := s.sourceClient(c)
	if err != nil {
		return nil, err
	}
	if from == to && (other == nil || shareSeed(c, other)) {
		return nil, newError(ValueError, "CopyDatabase: %q cannot be copied to itself", from)
	}
	cp := &databaseCopy{to: c.Database(to), from: c.Database(from), other: other, replace: s.replace}
	if other != nil {
		cp.from = other.Database(from)
	}
	if s.progress != nil {
		tell := func(p dbcopy.Progress) { s.progress(CopyProgress(p)) }
		cp.report = dbcopy.NewReport(tell, c.callBack)
	}
	return cp, nil
}

// shareSeed reports whether two clients were made for the same server.
func shareSeed(a, b *Client) bool {
	for _, one := range a.Seeds() {
		for _, other := range b.Seeds() {
			if one == other {
				return true
			}
		}
	}
	return false
}

// callBack runs fn as the callbacks of the client's futures are run: a panic is reported, and so is a loop that takes no
// more functions.
func (c *Client) callBack(fn func()) {
	p := future.NewPromiseOn[struct{}](c.loop)
	p.Future().OnComplete(func(struct{}, error) { fn() })
	p.Resolve(struct{}{})
}

// run is the operation.
func (cp *databaseCopy) run(ctx context.Context, conn *connection) (*CopyResult, error) {
	defer cp.report.Close()
	writer, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	reader := writer
	if cp.other != nil {
		defer cp.closeOther(ctx)
		c, err := cp.other.connect()
		if err != nil {
			return nil, err
		}
		if reader, err = c.client(ctx); err != nil {
			return nil, err
		}
	}
	spare, err := future.NewPool(1)
	if err != nil {
		return nil, err
	}
	defer spare.Close()
	cp.pool, cp.spare = conn.pool, spare
	engine := &dbcopy.Copy{
		Source:    copyHandle(reader, cp.from),
		Target:    copyHandle(writer, cp.to),
		OneClient: cp.other == nil,
		Replace:   cp.replace,
		Limits:    dbcopy.Limits{Collections: copyCollections, Batch: copyBatch, Close: copyClose},
		Step:      cp.step,
		Refused:   isRefusal,
		Report:    cp.report,
	}
	if err := engine.Plan(ctx); err != nil {
		return nil, cp.planError(err)
	}
	err = runLent(ctx, engine.Run)
	result := new(CopyResult)
	for _, c := range engine.Copied() {
		result.Collections = append(result.Collections, CopiedCollection(c))
	}
	if err != nil {
		return result, cp.failure(result, err)
	}
	return result, nil
}

// runLent calls fn on its own goroutine and returns when fn has returned. Meanwhile the slot of the operation, whose
// context is ctx, is lent to other operations: those that fn starts are among them.
func runLent(ctx context.Context, fn func(context.Context) error) error {
	// What fn waits for, it waits for with another context: only this goroutine can lend the slot.
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	f := future.Go(inner, background, func(ctx context.Context) (none struct{}, err error) { return none, fn(ctx) })
	_, _ = f.Await(ctx)
	<-f.Done() // if ctx has ended, fn returns soon
	return f.Err()
}

// step runs one conversation with a server in a slot of the client's executor. Between two of them other operations have
// their turn.
//
// The executor refuses steps if its queue is full, and if the client is being closed and waits for the copy. Then the step
// runs in the place of the slot that the copy has lent: one at a time.
func (cp *databaseCopy) step(ctx context.Context, fn func(context.Context) error) error {
	run := future.Op[struct{}]{Run: func(ctx context.Context) (none struct{}, err error) { return none, fn(ctx) }}
	f, err := future.Start(ctx, cp.pool, run)
	if errors.Is(err, future.ErrQueueFull) || errors.Is(err, future.ErrPoolClosed) {
		f, err = future.Start(ctx, cp.spare, run)
	}
	if err != nil {
		return err
	}
	<-f.Done() // and not earlier: fn may use a cursor or a client that is closed next, and may have written something
	return f.Err()
}

// closeOther closes the client of the source, also when the copy was cancelled. An error does not matter: what was copied
// is copied.
func (cp *databaseCopy) closeOther(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyClose)
	defer cancel()
	_ = cp.other.Close(ctx)
}

// copyHandle returns the driver's handle of a database. Its writes are acknowledged, since a copy has to know what was
// written.
func copyHandle(c *mongo.Client, d *Database) *mongo.Database {
	now := d.snapshot()
	concern := now.write.driver
	if !concern.Acknowledged() {
		concern = writeconcern.W1()
	}
	return c.Database(d.name, options.Database().SetWriteConcern(concern).SetReadPreference(now.read.pref))
}

// isRefusal reports whether the server did not even begin: it does not know $out, or not to another database or to such
// a collection, or the user may not run it. It has begun if an administrator has interrupted it.
func isRefusal(err error) bool {
	var own *Error
	return errors.As(wrapError(err), &own) && own.class == OperationFailure && own.Code() != codeInterrupted
}

const codeInterrupted = 11601

// planError returns the error of a copy that has not written anything.
func (cp *databaseCopy) planError(err error) error {
	var theirs *dbcopy.Error
	if !errors.As(err, &theirs) {
		return err
	}
	if theirs.Kind == dbcopy.Same {
		return newError(ValueError, "CopyDatabase: %s.%s cannot be copied to itself", cp.to.name, theirs.Collection)
	}
	return newError(CollectionInvalid, "there is a collection %s.%s: nothing was copied", cp.to.name, theirs.Collection)
}

// failure returns the error of a copy that was begun.
func (cp *databaseCopy) failure(result *CopyResult, err error) *CopyError {
	var theirs *dbcopy.Error
	if !errors.As(err, &theirs) { // ctx ended between two steps
		return &CopyError{Result: result, err: wrapError(err)}
	}
	cause := wrapError(theirs.Err)
	if theirs.Kind == dbcopy.Exists {
		text := "there is a collection " + cp.to.name + "." + theirs.Collection
		cause = &Error{class: CollectionInvalid, text: text, cause: theirs.Err}
	}
	return &CopyError{Result: result, Collection: theirs.Collection, err: cause}
}
