//go:build race

package mongotest

import "context"

// startEmbedded starts a server in another process, because package ferret has no race build.
func startEmbedded(ctx context.Context) (*Server, error) { return startProcess(ctx) }
