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

// Run returns the server that MONGODB_URI names. Without the variable it starts an embedded server and waits until the
// server accepts connections. The context bounds the start only: the server runs until [Server.Close]. In a race build
// the first start may compile the server, which takes a minute or two.
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

// Close stops an embedded server and removes its files. It does not stop a server that MONGODB_URI names. It waits three
// seconds for clients that are still connected, so disconnect them first. Close may be called more than once and from
// several goroutines: all calls wait until the server has stopped, and return the same error.
func (s *Server) Close() error { return s.close() }

// Embedded reports whether the server is the embedded one, that is, whether MONGODB_URI is unset or empty.
func Embedded() bool { return os.Getenv(uriEnv) == "" }
