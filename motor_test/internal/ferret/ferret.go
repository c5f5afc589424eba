//go:build !race

// Package ferret runs FerretDB, a MongoDB server written in Go, inside this process.
//
// Race builds leave it out on purpose. Under the race detector FerretDB is four to ten times slower, its debug checks
// panic the whole process when a client disconnects, and compiling SQLite takes minutes. Package mongotest starts a
// process built without the detector instead.
package ferret

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// LogEnv names the environment variable for the level at which servers log to standard error: debug, info, warn or
// error. Without it they log nothing.
const LogEnv = "MONGOTEST_LOG"

// constructing serializes calls of ferretdb.New, which writes a variable of its package that running servers read.
// Every call writes the same value, so it is enough that the first call returns before a server runs.
var constructing sync.Mutex

// Server is a running FerretDB with its own directory.
type Server struct {
	uri   string
	close func() error
}

// Start starts a server on a free port of the loopback interface. It is ready for connections when Start returns.
func Start() (*Server, error) {
	dir, err := os.MkdirTemp("", "gomotor-ferretdb-")
	if err != nil {
		return nil, fmt.Errorf("ferret: %w", err)
	}
	s, err := start(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("ferret: %w", err)
	}
	return s, nil
}

func start(dir string) (*Server, error) {
	storage, err := storageURL(dir)
	if err != nil {
		return nil, err
	}
	log, err := logger()
	if err != nil {
		return nil, err
	}
	constructing.Lock()
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    log,
		Handler:   "sqlite",
		SQLiteURL: storage,
	})
	constructing.Unlock()
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- db.Run(ctx) }()
	return &Server{
		uri: db.MongoDBURI(),
		close: sync.OnceValue(func() error {
			cancel()
			err := <-done
			if rmErr := os.RemoveAll(dir); err == nil {
				err = rmErr
			}
			return err
		}),
	}, nil
}

// URI returns the connection string of the server.
func (s *Server) URI() string { return s.uri }

// Close stops the server and removes its files. It waits three seconds for clients that are still connected. Later
// calls return the result of the first.
func (s *Server) Close() error { return s.close() }

// storageURL returns a URL with which SQLite keeps the databases in dir. temp_store keeps SQLite from writing large sorts
// to temporary files elsewhere. The data need not survive a crash, so SQLite does not wait for the disk, which makes
// single inserts two to three times faster.
func storageURL(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	u := url.URL{
		Scheme:   "file",
		OmitHost: true,
		Path:     filepath.ToSlash(dir) + "/",
		RawQuery: url.Values{"_pragma": {"synchronous(off)", "temp_store(memory)"}}.Encode(),
	}
	return u.String(), nil
}

func logger() (*slog.Logger, error) {
	name := os.Getenv(LogEnv)
	if name == "" {
		return slog.New(slog.DiscardHandler), nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, fmt.Errorf("%s: %w", LogEnv, err)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})), nil
}
