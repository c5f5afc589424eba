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
	"github.com/gomotor/gomotor/internal/progress"
)

// CopyDatabase copies a database to another one, on the same server or, with [CopyFromHost], from another server. It
// copies the collections with their options, documents and indexes, and then the views. The result says what was
// copied. A source that does not exist counts as empty.
//
// On the same server, the server itself copies the documents where it can ($out, since MongoDB 4.4). Other collections,
// such as capped and time series collections, are read and written in batches. Other clients may write to the source
// during the copy; their writes may or may not be copied.
//
// Of the system collections, only system.js is copied. system.views and system.buckets hold views and time series,
// which are copied as such. system.profile belongs to its server. Users are no longer stored in the database.
//
// Collections of the target are never changed. With [CopyReplace], those with the name of a source collection are
// replaced.
//
// Nothing has been written after these errors: [InvalidName] for either name; [ValueError] if the source is the target;
// [InvalidURI] and [ConfigurationError] for invalid options; [CollectionInvalid] if the target has one of the
// collections. Any later failure is a [CopyError], which has the result up to then, and the cause with its class.
//
// It never runs in a session, not even in the session of ctx. [WithProgress] follows it.
//
// Legacy: MongoDB 4.2 removed the server's own command, copydb. Motor: MotorClient.copy_database.
func (c *Client) CopyDatabase(ctx context.Context, from, to string, opts ...CopyOption) *future.Future[*CopyResult] {
	cp, err := c.newCopy(from, to, opts)
	if err != nil {
		return failed[*CopyResult](c, err)
	}
	if ctx != nil {
		var none *Session // the steps run concurrently, which a session does not allow
		ctx = none.in(ctx)
	}
	cp.report = c.reportOf(ctx, unitDocuments)
	return submit(ctx, c, op[*CopyResult]{run: cp.run, ending: c.ending(cp.report)})
}

// CopyResult says what [Client.CopyDatabase] has copied.
type CopyResult struct {
	// Collections are those whose copy was started, sorted by name, with views last.
	Collections []CopiedCollection
}

// Documents returns the total number of copied documents.
func (r *CopyResult) Documents() int64 {
	var n int64
	for _, c := range r.Collections {
		n += c.Documents
	}
	return n
}

// CopiedCollection says what was copied of one collection or view.
type CopiedCollection struct {
	Name      string
	View      bool
	Documents int64    // confirmed by the server
	Indexes   []string // the names of the created indexes, except that of _id
	Complete  bool     // everything was copied
}

// CopyError is the error of a copy that has started to write. [errors.Is] finds the class of the cause; [errors.As]
// finds the *[Error] and the driver's error.
//
// The target keeps the copied data. The future of [Client.CopyDatabase] also has the result beside the error.
type CopyError struct {
	// Result says what was copied.
	Result *CopyResult
	// Collection is the collection whose copy failed. It is "" if the copy was cancelled between two steps.
	Collection string

	err error
}

// Error returns the collection and the cause.
func (e *CopyError) Error() string {
	if e.Collection == "" {
		return "motor: copying: " + e.err.Error()
	}
	return "motor: copying " + e.Collection + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *CopyError) Unwrap() error { return e.err }

// CopyOption is an option of [Client.CopyDatabase].
type CopyOption func(*copySettings) error

type copySettings struct {
	host               *string
	username, password string
	replace            bool
}

// CopyFromHost copies from another deployment. host is its name, as "db2.example.com" or "db2.example.com:27018", or a
// connection string for [NewClient]. The copy uses its own client for that deployment and closes it at the end.
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

// CopyFromUser reads the source as this user. The user is looked up in the database in the connection string
// (authSource, or else the default database), or else in admin, where servers keep users today. If both arguments are
// empty, there is no user.
//
// Errors, of CopyDatabase: [ConfigurationError] if only one argument is empty, and if the connection string of
// [CopyFromHost] has a user too.
//
// Motor: copy_database(username=..., password=...).
func CopyFromUser(username, password string) CopyOption {
	return func(s *copySettings) error {
		if (username == "") != (password == "") {
			return newError(ConfigurationError, "CopyFromUser: need both a user name and a password, or neither")
		}
		s.username, s.password = username, password
		return nil
	}
}

// CopyReplace drops each collection and view of the target that has the name of a source collection, just before
// copying it. Other collections of the target stay.
func CopyReplace() CopyOption {
	return func(s *copySettings) error {
		s.replace = true
		return nil
	}
}

// sourceClient returns a client for the source, or nil if c itself reads it. The steps of the copy run on c's executor,
// so its only worker stays idle.
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
		other, err := NewClient("mongodb://localhost", WithClientOptions(&same), WithMaxWorkers(1)) // the options override the URI
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

// sourceURI returns the connection string for the host, including the user.
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
		return "", newError(ConfigurationError, "CopyFromUser: the connection string of CopyFromHost has a user already")
	}
	return scheme + uriEscape(s.username) + ":" + uriEscape(s.password) + "@" + rest, nil
}

// uriEscape escapes all characters with a meaning in a part of a connection string.
func uriEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

const (
	// copyCollections is the number of collections that are copied concurrently.
	copyCollections = 4
	// copyBatch is the number of documents in a batch. All servers accept this many.
	copyBatch = 1000
	// copyClose is the time limit for closing what a copy has opened.
	copyClose = 5 * time.Second
)

// databaseCopy is one call of CopyDatabase.
type databaseCopy struct {
	from, to *Database
	other    *Client // the copy's own client for the source, or nil if the target's client reads it
	replace  bool
	report   *progress.Report // may be nil

	// Set while it runs.
	pool  *future.Pool // the client's executor
	spare *future.Pool // runs the steps that pool refuses: see step
}

// newCopy checks the arguments. It does no I/O.
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
		return nil, newError(ValueError, "CopyDatabase: cannot copy database %q to itself", from)
	}
	cp := &databaseCopy{to: c.Database(to), from: c.Database(from), other: other, replace: s.replace}
	if other != nil {
		cp.from = other.Database(from)
	}
	return cp, nil
}

// shareSeed reports whether two clients have a seed in common.
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

// run runs the copy.
func (cp *databaseCopy) run(ctx context.Context, conn *connection) (*CopyResult, error) {
	writer, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	reader := writer
	if cp.other != nil {
		defer cp.closeOther(ctx)
		c, err := cp.other.connect(ctx)
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
		Limits: dbcopy.Limits{
			Collections: copyCollections, Batch: copyBatch, Close: copyClose, Select: cp.to.client.serverSelectionTimeout(),
		},
		Step:    cp.step,
		Refused: isRefusal,
		Report:  cp.report,
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

// runLent calls fn on its own goroutine and returns when fn has returned. Meanwhile it lends the slot of the operation,
// whose context is ctx, to other operations, including those that fn starts.
func runLent(ctx context.Context, fn func(context.Context) error) error {
	// fn waits with another context, because only this goroutine can lend the slot.
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	f := future.Go(inner, future.Goroutines, func(ctx context.Context) (none struct{}, err error) { return none, fn(ctx) })
	_, _ = f.Await(ctx)
	<-f.Done() // if ctx has ended, fn returns soon
	return f.Err()
}

// step runs one exchange with a server in a slot of the client's executor. Between two steps other operations may run.
//
// The executor rejects a step if its queue is full, or if the client is being closed and waits for the copy. Then the
// step runs in place of the slot that the copy has lent, one step at a time.
func (cp *databaseCopy) step(ctx context.Context, fn func(context.Context) error) error {
	run := future.Op[struct{}]{Run: func(ctx context.Context) (none struct{}, err error) { return none, fn(ctx) }}
	f, err := future.Start(ctx, cp.pool, run)
	if errors.Is(err, future.ErrQueueFull) || errors.Is(err, future.ErrPoolClosed) {
		f, err = future.Start(ctx, cp.spare, run)
	}
	if err != nil {
		return err
	}
	<-f.Done() // fn may use a cursor or a client that the caller closes next
	return f.Err()
}

// closeOther closes the source's client, even if the copy was cancelled. Its error does not affect the copy and is
// dropped.
func (cp *databaseCopy) closeOther(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyClose)
	defer cancel()
	_ = cp.other.Close(ctx)
}

// copyHandle returns the driver's handle of a database. Its writes are acknowledged, since the copy must know what was
// written.
func copyHandle(c *mongo.Client, d *Database) *mongo.Database {
	now := d.snapshot()
	concern := now.write.driver
	if !concern.Acknowledged() {
		concern = writeconcern.W1()
	}
	return c.Database(d.name, options.Database().SetWriteConcern(concern).SetReadPreference(now.read.pref))
}

// isRefusal reports whether the server rejected an $out before it started: it does not know $out, or not for another
// database or this kind of collection, or the user has no permission. After an interruption by an administrator, the
// server has started.
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
		return newError(ValueError, "CopyDatabase: cannot copy collection %s.%s to itself", cp.to.name, theirs.Collection)
	}
	return newError(CollectionInvalid, "collection %s.%s already exists: nothing was copied", cp.to.name, theirs.Collection)
}

// failure returns the error of a copy that has started to write.
func (cp *databaseCopy) failure(result *CopyResult, err error) *CopyError {
	var theirs *dbcopy.Error
	if !errors.As(err, &theirs) { // ctx ended between two steps
		return &CopyError{Result: result, err: wrapError(err)}
	}
	cause := wrapError(theirs.Err)
	if theirs.Kind == dbcopy.Exists {
		text := "collection " + cp.to.name + "." + theirs.Collection + " already exists"
		cause = &Error{class: CollectionInvalid, text: text, cause: theirs.Err}
	}
	return &CopyError{Result: result, Collection: theirs.Collection, err: cause}
}
