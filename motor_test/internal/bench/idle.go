package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// idleStreams is the number of change streams that wait at once. The test makes it smaller.
var idleStreams = 1_000

// idleRow is the row of change streams without events. Each holds a connection while the server delays its reply, so that
// both ways need clients without a limit of connections. The memory is that of clients and streams.
func idleRow(ctx context.Context, uri string) Row {
	const extra = 16 << 10 // what a stream may take beyond the driver's
	uri = withPool(uri, 0)
	return Row{Name: fmt.Sprintf("%d idle change streams", idleStreams), Other: "driver, a goroutine each", Unit: idleStreams, Needs: "the stub", Bare: true,
		Memory: func(theirs float64) float64 { return theirs + extra*float64(idleStreams) },
		Ours: lean(func() error {
			client, err := motor.NewClient(uri)
			if err != nil {
				return err
			}
			return errors.Join(waitOurs(ctx, client), client.Close(ctx))
		}),
		Theirs: lean(func() error {
			client, err := mongo.Connect(options.Client().ApplyURI(uri))
			if err != nil {
				return err
			}
			return errors.Join(waitTheirs(ctx, client), client.Disconnect(ctx))
		})}
}

// lean runs a task once for each idleStreams, while the garbage collector runs often. The peak is then close to the
// memory that is held.
func lean(do func() error) func(n int) error {
	return func(n int) error {
		defer debug.SetGCPercent(debug.SetGCPercent(10))
		return times(do)(n / idleStreams)
	}
}

// waitOurs opens the streams, waits until the server has answered each, and lets all wait for an event for a while.
func waitOurs(ctx context.Context, client *motor.Client) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	streams := make([]*motor.ChangeStream[bson.M], idleStreams)
	events := make([]*future.Future[bson.M], idleStreams)
	for i := range streams {
		streams[i] = client.Database(db).Collection(idle).Watch(nil)
		events[i] = streams[i].TryNext(waiting)
	}
	for _, event := range events {
		if change, err := event.Await(ctx); err != nil || change != nil {
			return idleError(change, err)
		}
	}
	for i, stream := range streams {
		events[i] = stream.Next(waiting)
	}
	time.Sleep(idleTime)
	cancel()
	for i, event := range events {
		if change, err := event.Await(ctx); !errors.Is(err, context.Canceled) {
			return idleError(change, err)
		}
		if _, err := streams[i].Close(ctx).Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waitTheirs is waitOurs with the driver.
func waitTheirs(ctx context.Context, client *mongo.Client) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	answered, ended := make(chan struct{}, idleStreams), make(chan error, idleStreams)
	for range idleStreams {
		go func() {
			stream, err := client.Database(db).Collection(idle).Watch(waiting, mongo.Pipeline{})
			if err != nil {
				ended <- err
				return
			}
			if stream.TryNext(waiting) || stream.Err() != nil {
				ended <- idleError(stream.Current, stream.Err())
				return
			}
			answered <- struct{}{}
			if stream.Next(waiting) || !errors.Is(stream.Err(), context.Canceled) {
				ended <- idleError(stream.Current, stream.Err())
				return
			}
			ended <- stream.Close(ctx)
		}()
	}
	for range idleStreams {
		select {
		case <-answered:
		case err := <-ended: // before its time
			return err
		}
	}
	time.Sleep(idleTime)
	cancel()
	var failed error
	for range idleStreams {
		if err := <-ended; err != nil {
			failed = err
		}
	}
	return failed
}

// idleError is the error of a stream that does not wait.
func idleError(change any, err error) error {
	return fmt.Errorf("got the event %v, %w, want a stream that waits", change, err)
}
