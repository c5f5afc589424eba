package motor_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// lateEnd ends a context when a read has its answer from the server and has not returned yet.
type lateEnd struct {
	mu      sync.Mutex
	command string // which is to be answered
	end     func() // called in the operation, when the answer is there
	monitor *event.CommandMonitor
}

func newLateEnd() *lateEnd {
	l := new(lateEnd)
	l.monitor = &event.CommandMonitor{Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
		l.mu.Lock()
		end := l.end
		if e.CommandName != l.command {
			end = nil
		}
		l.mu.Unlock()
		if end != nil {
			end()
		}
	}}
	return l
}

func (l *lateEnd) on(command string, end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.command, l.end = command, end
}

// A read whose context ends just as it succeeds has either returned its bytes or left them.
func TestGridOutReadWhoseContextEndsAsItSucceeds(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(context.Context, *motor.GridOut) *future.Future[[]byte]
	}{
		{"ReadChunk", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] { return o.ReadChunk(ctx) }},
		{"Read", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] { return o.Read(ctx, gridChunkSize) }},
		{"ReadLine", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] {
			return o.ReadLine(ctx, gridChunkSize)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := gridPeer(t, 4)
			late := newLateEnd()
			out := gridFile(t, peer, motor.WithClientOptions(options.Client().SetMonitor(late.monitor)))
			readChunks(t, out, 0, 2)

			ctx, cancel := context.WithCancel(t.Context())
			answered, gaveUp := make(chan struct{}), make(chan struct{})
			late.on("getMore", func() {
				close(answered)
				<-gaveUp
			})
			f := test.read(ctx, out)
			<-answered // a worker runs it
			cancel()
			chunk, err := f.Await(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d bytes, %v", len(chunk), err)
			}
			late.on("", nil)
			close(gaveUp)
			readChunks(t, out, 2, 4) // in the turn after it
			if pos := out.Tell(); pos != 4*gridChunkSize {
				t.Errorf("Tell is %d", pos)
			}
		})
	}
}
