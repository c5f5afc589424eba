package specs

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/motor"
)

// A change stream is a cursor without an end. All its options are set when it is opened.

var errEndless = errors.New("a change stream has no end to read to")

type driverStream struct{ driver *mongo.ChangeStream }

func (s *driverStream) start(context.Context) (outcome, error) { return outcome{}, nil }

func (s *driverStream) all(context.Context) ([]value, outcome, error) {
	return nil, outcome{}, errEndless
}

func (s *driverStream) next(ctx context.Context) (value, outcome, error) {
	return s.current(s.driver.Next(ctx))
}

func (s *driverStream) try(ctx context.Context) (value, outcome, error) {
	return s.current(s.driver.TryNext(ctx))
}

func (s *driverStream) current(ok bool) (value, outcome, error) {
	if !ok {
		return value{}, outcome{err: s.driver.Err()}, nil
	}
	return ofDocument(append(bson.Raw(nil), s.driver.Current...)), outcome{}, nil
}

func (s *driverStream) close(ctx context.Context) error { return s.driver.Close(ctx) }

func (s *driverStream) set(_ context.Context, option string, _ value) error {
	return &pending{"a change stream with " + option}
}

// motorStream is a change stream of package motor or callback.
type motorStream struct{ motorCursor }

func (s *motorStream) start(ctx context.Context) (outcome, error) {
	return s.style.call(ctx, s.handle, "Open", nil, nil)
}

func (s *motorStream) all(context.Context) ([]value, outcome, error) {
	return nil, outcome{}, errEndless
}

func (s *motorStream) next(ctx context.Context) (value, outcome, error) {
	doc, o, err := s.read(ctx, "Next")
	if errors.Is(o.err, motor.StopAsyncIteration) {
		o.err = nil
	}
	return doc, o, err
}

func (s *motorStream) set(_ context.Context, option string, _ value) error {
	return &pending{"a change stream with " + option}
}
