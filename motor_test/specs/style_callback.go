package specs

import (
	"context"
	"fmt"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// byCallbacks uses package callback. It makes every call on the loop, as event-loop code does, and the callback runs
// there.
type byCallbacks struct {
	loop  *callback.Loop
	ended chan struct{}
}

func newByCallbacks() *byCallbacks {
	s := &byCallbacks{loop: callback.NewLoop(), ended: make(chan struct{})}
	go func() { defer close(s.ended); s.loop.Start() }()
	return s
}

func (s *byCallbacks) partial() bool { return false } // a callback gets no result with an error
func (s *byCallbacks) ofMotor() bool { return true }

func (s *byCallbacks) close() {
	s.loop.Stop()
	<-s.ended
	s.loop.Close()
}

func (s *byCallbacks) newClient(uri string, opts *options.ClientOptions) (any, func(context.Context) error, error) {
	client, err := callback.NewClient(s.loop, uri, motor.WithClientOptions(opts))
	if err != nil {
		return nil, nil, err
	}
	return client, client.Close, nil
}

func (s *byCallbacks) database(client any, name string, opts *options.DatabaseOptionsBuilder) any {
	return client.(*callback.Client).Database(name, opts)
}

func (s *byCallbacks) collection(database any, name string, opts *options.CollectionOptionsBuilder) any {
	return callback.CollectionOf[bson.Raw](database.(*callback.Database), name, opts)
}

func (s *byCallbacks) bucket(database any, opts *options.BucketOptionsBuilder) (any, error) {
	return callback.NewGridFSBucket(database.(*callback.Database), opts)
}

func (s *byCallbacks) call(ctx context.Context, handle any, method string, args, opts []any) (outcome, error) {
	m, err := methodOf(handle, method)
	if err != nil {
		return outcome{}, err
	}
	done := make(chan outcome, 2) // room for a second call of the callback, which would be a bug
	asynchronous := false
	in, err := inputs(m, ctx, args, opts, func(t reflect.Type) reflect.Value {
		asynchronous = true
		return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
			done <- outcomeOf(in)
			return nil
		})
	})
	if err != nil {
		return outcome{}, err
	}
	called := make(chan struct{})
	s.loop.AddCallback(func() {
		defer close(called)
		defer func() {
			if p := recover(); p != nil {
				done <- outcome{err: fmt.Errorf("%s panicked: %v", method, p)}
			}
		}()
		if out := m.Call(in); !asynchronous {
			done <- outcomeOf(out)
		} else if len(done) > 0 {
			panic("the callback was called before the call returned")
		}
	})
	select {
	case o := <-done:
		<-called
		if len(done) > 0 {
			return o, fmt.Errorf("%s called its callback twice", method)
		}
		return o, nil
	case <-ctx.Done():
		return outcome{err: context.Cause(ctx)}, nil
	}
}

func (s *byCallbacks) withTransaction(ctx context.Context, session any, opts *options.TransactionOptionsBuilder, fn func() error) error {
	ended := make(chan error, 1)
	s.loop.AddCallback(func() {
		callback.WithTransaction(ctx, session.(*callback.Session), func(_ context.Context, done callback.Func[any]) {
			go func() { done(nil, fn()) }() // fn runs its operations on the loop and waits for them
		}, func(_ any, err error) { ended <- err }, opts)
	})
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
