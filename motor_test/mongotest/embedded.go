//go:build !race

package mongotest

import (
	"context"
	"fmt"

	"github.com/gomotor/gomotor/motor_test/internal/ferret"
)

// startEmbedded starts a server inside this process. It takes milliseconds, so it ignores the context.
func startEmbedded(context.Context) (*Server, error) {
	s, err := ferret.Start()
	if err != nil {
		return nil, fmt.Errorf("mongotest: %w", err)
	}
	return &Server{uri: s.URI(), close: s.Close}, nil
}
