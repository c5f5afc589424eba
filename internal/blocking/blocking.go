// Package blocking finds coroutines that are about to block their loop. A context that is derived from the context of a
// coroutine has the coroutine's [Guard] as a value.
package blocking

import (
	"context"
	"sync/atomic"
)

// Guard is a coroutine.
type Guard interface {
	// MustNotBlock panics if it is called by the coroutine.
	MustNotBlock()
}

// Key is the key of the Guard in a context.
type Key struct{}

var used atomic.Bool

// Use makes [Check] look for guards. Programs without coroutines do not pay for the search.
func Use() {
	if !used.Load() {
		used.Store(true)
	}
}

// Check panics if the caller is a coroutine that would block its loop by waiting with ctx.
func Check(ctx context.Context) {
	if used.Load() {
		check(ctx)
	}
}

func check(ctx context.Context) {
	if g, ok := ctx.Value(Key{}).(Guard); ok {
		g.MustNotBlock()
	}
}
