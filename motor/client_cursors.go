package motor

import (
	"context"
	"sync"
	"weak"

	"github.com/gomotor/gomotor/future"
)

// openCursors are the cursors that the server keeps open for a connection, by the server's number for them. The server
// wants to be told the collection and must be the right one of several, and only the cursor knows these.
type openCursors struct {
	mu   sync.Mutex
	byID map[int64]func(context.Context) *future.Future[struct{}] // closes the cursor
}

// trackID notes that the number of a cursor has changed from before to now; 0 means that it is not open on the server.
func (open *openCursors) trackID(c *cursorReader, before, now int64) {
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
	// The garbage collector must be free to take a cursor that the program has forgotten.
	w := weak.Make(c)
	client := c.coll.db.client
	open.byID[now] = func(ctx context.Context) *future.Future[struct{}] {
		if c := w.Value(); c != nil {
			return c.Close(ctx)
		}
		return resolved(client, struct{}{})
	}
}

// drop forgets a cursor that was collected.
func (open *openCursors) drop(id int64) {
	open.mu.Lock()
	delete(open.byID, id)
	open.mu.Unlock()
}

// CloseCursor ends the cursor of this client that has the server's number id (see [Cursor.CursorID]).
//
// Errors: [CursorNotFound] if the client has no open cursor of this number.
//
// Legacy: use Cursor.Close. Motor: MotorClient.close_cursor.
func (c *Client) CloseCursor(ctx context.Context, id int64) *future.Future[struct{}] {
	end, err := c.opened().closer(id)
	if err != nil {
		return failed[struct{}](c, err)
	}
	return end(ctx)
}

// closer returns the function that closes the cursor with the number id. A client that is not open has none.
func (conn *connection) closer(id int64) (func(context.Context) *future.Future[struct{}], error) {
	if conn != nil {
		conn.cursors.mu.Lock()
		defer conn.cursors.mu.Unlock()
		if end := conn.cursors.byID[id]; end != nil {
			return end, nil
		}
	}
	return nil, newError(CursorNotFound, "the client has no open cursor of the number %d", id)
}

// KillCursors ends the cursors of this client that have the server's numbers ids. It ends all that it finds.
//
// Errors: [CursorNotFound] for the first of which the client has no open cursor.
//
// Legacy: use Cursor.Close. Motor: MotorClient.kill_cursors.
func (c *Client) KillCursors(ctx context.Context, ids []int64) *future.Future[struct{}] {
	conn := c.opened()
	var ends []*future.Future[struct{}]
	var missing error
	for _, id := range ids {
		end, err := conn.closer(id)
		switch {
		case err == nil:
			ends = append(ends, end(ctx))
		case missing == nil:
			missing = err
		}
	}
	if len(ends) == 0 && missing != nil {
		return failed[struct{}](c, missing)
	}
	return submit(ctx, c, op[struct{}]{conn: conn, ends: true, run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
		err = missing
		for _, end := range ends {
			if _, e := end.Await(ctx); err == nil { // ctx is the operation's own: waiting with it lends the slot
				err = e
			}
		}
		return none, err
	}})
}
