package mongotest

import (
	"context"
	"os"
)

// uriEnv names the environment variable that chooses the server.
const uriEnv = "MONGODB_URI"

// Server is a MongoDB server that [Run] started, or the one that MONGODB_URI names.
type Server struct {
	uri   string
	close func() error
}

// Run returns the server that MONGODB_URI names, as it is, and otherwise starts an embedded one and waits until it
// accepts connections. The context bounds the start only: the server runs until [Server.Close]. In a race build the
// start may compile the server first, which takes a minute or two once.
func Run(ctx context.Context) (*Server, error) {
	if uri := os.Getenv(uriEnv); uri != "" {
		return &Server{uri: uri, close: func() error { return nil }}, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return startEmbedded(ctx)
}

// URI is the connection string of the server.
func (s *Server) URI() string { return s.uri }

// Close stops the server and removes its files; a server that MONGODB_URI names is left alone. Clients that are still
// connected are given three seconds to leave, so disconnect them first. Close may be called more than once and from
// several goroutines: all calls wait for the end and return the same error.
func (s *Server) Close() error { return s.close() }

// Embedded reports whether the server is the embedded one, that is, whether MONGODB_URI is unset or empty.
func Embedded() bool { return os.Getenv(uriEnv) == "" }
