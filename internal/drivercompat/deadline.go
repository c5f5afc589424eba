package drivercompat

import (
	"context"
	"time"
)

// HideDeadline returns a context that ends with ctx and whose deadline the driver does not send as maxTimeMS. Use it
// for commands that have a maxTimeMS already, since two of them are an error.
//
// A context without a deadline would not do: the driver then sends the timeout of the client as maxTimeMS. It sends
// none for a deadline that is too far away to be a valid maxTimeMS.
func HideDeadline(ctx context.Context) context.Context { return farDeadlineContext{ctx} }

type farDeadlineContext struct{ context.Context }

// Deadline implements [context.Context].
func (farDeadlineContext) Deadline() (time.Time, bool) { return time.Now().AddDate(1, 0, 0), true }
