package specs

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// sessionOptions are the options of a session entity.
type sessionOptions struct {
	CausalConsistency *bool          `bson:"causalConsistency"`
	Snapshot          *bool          `bson:"snapshot"`
	Defaults          *handleOptions `bson:"defaultTransactionOptions"`
}

func (r *run) createSession(o entityOptions) error {
	client, err := r.entities.of("client", o.Client)
	if err != nil {
		return err
	}
	opts := options.Session()
	if o.Session.CausalConsistency != nil {
		opts.SetCausalConsistency(*o.Session.CausalConsistency)
	}
	if o.Session.Snapshot != nil {
		opts.SetSnapshot(*o.Session.Snapshot)
	}
	if o.Session.Defaults != nil {
		defaults := options.Transaction()
		if err := apply(*o.Session.Defaults, defaults); err != nil {
			return err
		}
		opts.SetDefaultTransactionOptions(defaults)
	}
	started, err := r.style.call(r.ctx, client.handle, "StartSession", nil, []any{opts})
	if err == nil {
		err = started.err
	}
	if err != nil {
		return err
	}
	return r.entities.add(o.ID, &entity{kind: "session", handle: started.result})
}

// delegate returns the driver's session of an entity.
func (e *entity) delegate() *mongo.Session {
	if own, ok := e.handle.(interface{ Delegate() *mongo.Session }); ok {
		return own.Delegate()
	}
	return e.handle.(*mongo.Session)
}

// inSession returns the context of the session in the arguments, or ctx if there is none.
func (r *run) inSession(ctx context.Context, args bson.Raw) (context.Context, error) {
	id, ok := args.Lookup("session").StringValueOK()
	if !ok {
		return ctx, nil
	}
	e, err := r.entities.of("session", id)
	if err != nil {
		return nil, err
	}
	if own, ok := e.handle.(interface {
		Context(context.Context) context.Context
	}); ok {
		return own.Context(ctx), nil
	}
	return mongo.NewSessionContext(ctx, e.delegate()), nil
}

// lsid returns the value of $$sessionLsid.
func (r *run) lsid(id string) (value, error) {
	e, err := r.entities.of("session", id)
	if err != nil {
		return value{}, err
	}
	return ofDocument(e.delegate().ID()), nil
}

func sessionMethod(method string) func(*run, *entity, call) (outcome, error) {
	return func(r *run, e *entity, c call) (outcome, error) {
		return r.style.call(r.ctx, e.handle, method, nil, nil)
	}
}

func startTransaction(r *run, e *entity, c call) (outcome, error) {
	opts, err := transactionOptions(c.Arguments)
	if err != nil {
		return outcome{}, err
	}
	return r.style.call(r.ctx, e.handle, "StartTransaction", nil, []any{opts})
}

func transactionOptions(args bson.Raw) (*options.TransactionOptionsBuilder, error) {
	opts := options.Transaction()
	if args == nil {
		return opts, nil
	}
	if !args.Lookup("maxCommitTimeMS").IsZero() {
		return nil, &pending{"maxCommitTimeMS"} // the driver no longer has this option
	}
	var o handleOptions
	if err := bson.Unmarshal(args, &o); err != nil {
		return nil, err
	}
	return opts, apply(o, opts)
}

// withTransaction runs the operations of the argument callback in a transaction. An error of an operation is also the
// error of the transaction. The expected outcome of each operation is checked on the way.
func withTransaction(r *run, e *entity, c call) (outcome, error) {
	opts, err := transactionOptions(c.Arguments)
	if err != nil {
		return outcome{}, err
	}
	var all struct {
		Operations []call `bson:"callback"`
	}
	if err := bson.Unmarshal(c.Arguments, &all); err != nil {
		return outcome{}, err
	}
	var wrong error
	err = r.style.withTransaction(r.ctx, e.handle, opts, func() error {
		for _, inner := range all.Operations {
			if inner.Object == "testRunner" {
				if wrong = r.execute(inner); wrong != nil {
					return wrong
				}
				continue
			}
			o, err := r.operate(inner)
			r.trace.operation(inner.Name, o)
			if err == nil {
				err = r.judge(inner, o)
			}
			if err != nil {
				wrong = err
			}
			if err := errors.Join(err, o.err); err != nil {
				return o.orElse(err)
			}
		}
		return nil
	})
	return outcome{err: err}, wrong
}

// orElse returns the operation's own error, which has labels, or else err.
func (o outcome) orElse(err error) error {
	if o.err != nil {
		return o.err
	}
	return err
}

// driverSession returns the driver's private session. No operation may be in progress.
func (r *run) driverSession(a runnerArguments) (reflect.Value, error) {
	e, err := r.entities.of("session", a.Session)
	if err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(e.delegate()).Elem().FieldByName("clientSession").Elem(), nil
}

func (r *run) sessionDirty(a runnerArguments, want bool) error {
	s, err := r.driverSession(a)
	if err != nil {
		return err
	}
	if got := s.FieldByName("Dirty").Bool(); got != want {
		return fmt.Errorf("session %s dirty: want %v, got %v", a.Session, want, got)
	}
	return nil
}

func (r *run) sessionPinned(a runnerArguments, want bool) error {
	s, err := r.driverSession(a)
	if err != nil {
		return err
	}
	if got := !s.FieldByName("PinnedServerAddr").IsNil() || !s.FieldByName("PinnedConnection").IsNil(); got != want {
		return fmt.Errorf("session %s pinned: want %v, got %v", a.Session, want, got)
	}
	return nil
}

// transactionStates are the format's names of the driver's transaction states.
var transactionStates = []string{"none", "starting", "in_progress", "committed", "aborted"}

func (r *run) sessionTransactionState(a runnerArguments) error {
	s, err := r.driverSession(a)
	if err != nil {
		return err
	}
	if got := transactionStates[s.FieldByName("TransactionState").Uint()]; got != a.State {
		return fmt.Errorf("transaction state of session %s: want %s, got %s", a.Session, a.State, got)
	}
	return nil
}
