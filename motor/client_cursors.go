package motor

import (
	"context"
	"sync"
	"weak"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// openCursors are the client's cursors that the server keeps open, by the server's number for them. The server wants
// to be told the collection and must be the right one of several, and only the cursor knows these.
type openCursors struct {
	mu   sync.Mutex
	byID map[int64]func(context.Context) *future.Future[struct{}] // closes the cursor
}

// moved notes that the cursor that was known as before is known as now; 0 means not open on the server.
func moved[D any](open *openCursors, c *Cursor[D], before, now int64) {
	if before == now {
		return
	}
	open.mu.Lock()
	defer open.mu.Unlock()
	delete(open.byID, before)
	if now == 0 {
		return
	}
	if open.byID == nil {
		open.byID = make(map[int64]func(context.Context) *future.Future[struct{}])
	}
	// A cursor that the program has forgotten must be free to go.
	w := weak.Make(c)
	client := c.coll.db.client
	open.byID[now] = func(ctx context.Context) *future.Future[struct{}] {
		if c := w.Value(); c != nil {
			return c.Close(ctx)
		}
		return resolved(client, struct{}{})
	}
}

// forget is called when the connection that all cursors were opened on is closed.
func (open *openCursors) forget() {
	open.mu.Lock()
	open.byID = nil
	open.mu.Unlock()
}

// CloseCursor ends the cursor of this client that has the server's number id (see [Cursor.CursorID]).
//
// Errors: [CursorNotFound] if the client has no open cursor of this number.
//
// Legacy: use Cursor.Close. Motor: MotorClient.close_cursor.
func (c *Client) CloseCursor(ctx context.Context, id int64) *future.Future[struct{}] {
	c.cursors.mu.Lock()
	end := c.cursors.byID[id]
	c.cursors.mu.Unlock()
	if end == nil {
		return failed[struct{}](c, newError(CursorNotFound, "the client has no open cursor of the number %d", id))
	}
	return end(ctx)
}

// KillCursors ends the cursors of this client that have the server's numbers ids. It ends all that it finds.
//
// Errors: [CursorNotFound] for the first of which the client has no open cursor.
//
// Legacy: use Cursor.Close. Motor: MotorClient.kill_cursors.
func (c *Client) KillCursors(ctx context.Context, ids []int64) *future.Future[struct{}] {
	ends := make([]*future.Future[struct{}], len(ids))
	for i, id := range ids {
		ends[i] = c.CloseCursor(ctx, id)
	}
	return run(ctx, c, func(ctx context.Context, _ *mongo.Client) (none struct{}, err error) {
		for _, end := range ends {
			if _, e := end.Await(ctx); err == nil { // ctx is the operation's own: waiting with it lends the slot
				err = e
			}
		}
		return none, err
	})
}
