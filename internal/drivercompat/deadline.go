package drivercompat

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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

// SetMaxTimeMS sets the maxTimeMS of an aggregate command. The driver sends none with commands that open a cursor, and
// has no option for it.
func SetMaxTimeMS(o *options.AggregateOptions, limit int64) {
	//lint:ignore SA1019 The field is for the driver's own use. Its test fails if the driver no longer sends it.
	o.Custom = bson.M{"maxTimeMS": limit}
}
