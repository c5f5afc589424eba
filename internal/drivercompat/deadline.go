package drivercompat

import (
	"context"
	"time"
)

// HideDeadline returns a context that ends with ctx, and of whose deadline the driver makes no maxTimeMS. It is for
// commands that have a maxTimeMS already: two of them are an error.
//
// A context without a deadline would not do. The driver then applies the timeout of the client, and makes a maxTimeMS
// of that. It makes none of a deadline that is further away than a maxTimeMS can say.
func HideDeadline(ctx context.Context) context.Context { return farDeadlineContext{ctx} }

type farDeadlineContext struct{ context.Context }

// Deadline implements [context.Context].
func (farDeadlineContext) Deadline() (time.Time, bool) { return time.Now().AddDate(1, 0, 0), true }
