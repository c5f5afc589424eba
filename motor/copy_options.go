package motor

import (
	"net/url"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// CopyOption says how [Client.CopyDatabase] is to copy.
type CopyOption func(*copySettings) error

type copySettings struct {
	host               *string
	username, password string
	replace            bool
	progress           func(CopyProgress)
}

// CopyFromHost copies from another deployment. host is its name, "db2.example.com" or "db2.example.com:27018", or a
// connection string as [NewClient] takes it, for all that there is to say besides. The copy has a client of its own
// for it and closes that at the end.
//
// Errors, of CopyDatabase: [InvalidURI], or [ConfigurationError] for a wrong option.
//
// Motor: copy_database(from_host=...).
func CopyFromHost(host string) CopyOption {
	return func(s *copySettings) error {
		s.host = &host
		return nil
	}
}

// CopyFromUser has the source read by this user, who is looked up in the database that the connection string names
// (authSource, or else the default database), or else in admin, where servers keep their users today. Both empty
// stand for no user.
//
// Errors, of CopyDatabase: [ConfigurationError] for one without the other, and if the connection string of
// [CopyFromHost] names a user too.
//
// Motor: copy_database(username=..., password=...).
func CopyFromUser(username, password string) CopyOption {
	return func(s *copySettings) error {
		if (username == "") != (password == "") {
			return newError(ConfigurationError, "CopyFromUser: a user name and a password are needed, or neither")
		}
		s.username, s.password = username, password
		return nil
	}
}

// CopyReplace has collections and views of the target that have the name of one of the source's dropped, each just
// before its copy begins. The target's other collections stay.
func CopyReplace() CopyOption {
	return func(s *copySettings) error {
		s.replace = true
		return nil
	}
}

// CopyOnProgress has fn told how far the copy has come: once when it begins to write, and then as collections and
// batches of documents are done, one call after the other. An fn that is slower than the copy misses steps between,
// never the last one.
//
// fn is called where the callbacks of the client's futures run: on its loop ([WithIOLoop]), where the last call comes
// before the callbacks of the copy's future, or else on a goroutine of its own, which that future does not wait for.
// If fn panics, that is reported as [future.SetUnobservedHandler] says, and fn is not called again; the copy goes on.
func CopyOnProgress(fn func(CopyProgress)) CopyOption {
	return func(s *copySettings) error {
		if fn == nil {
			return newError(TypeError, "CopyOnProgress: fn is nil")
		}
		s.progress = fn
		return nil
	}
}

// sourceClient returns a client that reads the source, or nil if c itself is to. It has one worker, for nothing: the
// steps of the copy run on c's executor.
func (s *copySettings) sourceClient(c *Client) (*Client, error) {
	switch {
	case s.host != nil:
		uri, err := s.sourceURI()
		if err != nil {
			return nil, err
		}
		return NewClient(uri, WithMaxWorkers(1))
	case s.username != "":
		same := *c.driver
		login := options.Credential{Username: s.username, Password: s.password, PasswordSet: true, AuthSource: c.path}
		if same.Auth != nil {
			login.AuthSource = same.Auth.AuthSource
		}
		same.Auth = &login
		other, err := NewClient("mongodb://localhost", WithClientOptions(&same), WithMaxWorkers(1)) // the options win
		if err == nil && c.resolve != nil {
			other.resolve = func() (*options.ClientOptions, error) {
				all, err := c.resolve()
				if err != nil {
					return nil, err
				}
				same := *all
				same.Auth = &login
				return &same, nil
			}
		}
		return other, err
	}
	return nil, nil
}

// sourceURI returns the connection string for the host, with the user in it.
func (s *copySettings) sourceURI() (string, error) {
	scheme, rest, found := strings.Cut(*s.host, "://")
	if !found {
		scheme, rest = "mongodb", *s.host
	}
	scheme += "://"
	if s.username == "" {
		return scheme + rest, nil
	}
	if authority, _, _ := strings.Cut(strings.ReplaceAll(rest, "?", "/"), "/"); strings.Contains(authority, "@") {
		return "", newError(ConfigurationError, "CopyFromUser and the connection string of CopyFromHost name a user each")
	}
	return scheme + uriEscape(s.username) + ":" + uriEscape(s.password) + "@" + rest, nil
}

// uriEscape escapes all that may have a meaning in some part of a connection string.
func uriEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
