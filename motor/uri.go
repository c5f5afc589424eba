package motor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/connstring"
	"github.com/gomotor/gomotor/internal/socketlimit"
)

// uri returns the connection string of a client: that of hostOrURI with the port and the keywords. Its warnings are
// logged, or are errors of a client with [WithStrictOptions].
func (s *clientSettings) uri(hostOrURI string) (*connstring.URI, error) {
	if hostOrURI == "" {
		hostOrURI = DefaultHost
	}
	parse := connstring.Parse
	if !connstring.IsURI(hostOrURI) {
		parse = connstring.ParseHosts
	}
	u, err := parse(hostOrURI)
	if err != nil {
		return nil, &Error{class: InvalidURI, text: err.Error()}
	}
	if s.port != 0 {
		if u.SRV {
			return nil, newError(ConfigurationError, "WithPort: the ports of mongodb+srv are in the DNS")
		}
		u.SetPort(s.port)
	}
	for _, k := range s.keywords {
		k.apply(u)
	}
	if _, separate := u.Get("tlsprivatekeyfile"); separate && len(s.keywords) > 0 {
		u.Rename("tlscertificatekeyfile", "tlscertificatefile") // ssl_certfile has no key if there is an ssl_keyfile
	}
	if err := u.Complete(); err != nil {
		class := InvalidURI
		if len(s.keywords) > 0 {
			class = ConfigurationError
		}
		return nil, &Error{class: class, text: err.Error()}
	}
	for _, warning := range append(u.Warnings, s.warnings...) {
		if s.strict {
			return nil, &Error{class: ConfigurationError, text: warning}
		}
		slog.Warn("motor: " + warning)
	}
	return u, nil
}

// driverOptions merges the connection string and the driver's options and validates the result. resolve is nil unless
// the DNS must be queried.
func driverOptions(u *connstring.URI, extra *options.ClientOptions) (
	all *options.ClientOptions, resolve func() (*options.ClientOptions, error), err error,
) {
	known := u
	if u.SRV {
		known = u.WithoutSRV()
	}
	all = options.Client().ApplyURI(known.String())
	if err := all.Validate(); err != nil {
		return nil, nil, uriError(InvalidURI, err, u)
	}
	join := func(all *options.ClientOptions) (*options.ClientOptions, error) {
		allowInvalid(all, u)
		if extra != nil {
			all = options.MergeClientOptions(all, extra)
		}
		if err := all.Validate(); err != nil {
			return nil, uriError(ConfigurationError, err, u)
		}
		if err := checkPassword(all.Auth); err != nil {
			return nil, err
		}
		all.DriverInfo = driverInfo(all.DriverInfo)
		limitSockets(all, uriDuration(u, "sockettimeoutms"))
		return all, nil
	}
	if u.SRV {
		resolve = func() (*options.ClientOptions, error) { return join(options.Client().ApplyURI(u.String())) }
	}
	all, err = join(all)
	return all, resolve, err
}

// uriError returns an error of the driver about a connection string. If the driver's text has secrets of the string, the
// error has a text without them, and no cause.
func uriError(class *ErrorClass, err error, u *connstring.URI) error {
	text := err.Error()
	if shown := u.Hide(text); shown != text {
		return &Error{class: class, text: "invalid connection string: " + shown}
	}
	return &Error{class: class, cause: err}
}

// checkPassword returns [ConfigurationError] for a user without the password that the mechanism needs.
func checkPassword(user *options.Credential) error {
	if user == nil || user.Username == "" || user.Password != "" || user.PasswordSet {
		return nil
	}
	switch strings.ToUpper(user.AuthMechanism) {
	case "", "DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN":
		return newError(ConfigurationError, "a password is required")
	}
	return nil
}

// driverInfo returns what the handshake says of the client: this library, and what the user has set.
func driverInfo(user *options.DriverInfo) *options.DriverInfo {
	own := options.DriverInfo{Name: driverName, Version: version()}
	if user != nil {
		own.Platform = user.Platform
		if user.Name != "" {
			own.Name += "|" + user.Name
		}
		if user.Version != "" {
			own.Version += "|" + user.Version
		}
	}
	return &own
}

// driverName is the name of this library in the handshake.
const driverName = "gomotor"

// limitSockets honours socketTimeoutMS, which the driver ignores.
func limitSockets(all *options.ClientOptions, limit time.Duration) {
	if limit == 0 {
		return
	}
	all.Dialer = socketlimit.New(all.Dialer, limit)
	if all.TLSConfig != nil { // see package socketlimit
		all.SetServerMonitoringMode(options.ServerMonitoringModePoll)
	}
}

// allowInvalid sets those options of TLS that the driver does not know.
func allowInvalid(all *options.ClientOptions, u *connstring.URI) {
	if all.TLSConfig == nil {
		return
	}
	if u.Is("tlsallowinvalidcertificates", "true") {
		all.TLSConfig.InsecureSkipVerify = true
	} else if u.Is("tlsallowinvalidhostnames", "true") {
		all.TLSConfig.InsecureSkipVerify = true // VerifyConnection checks all but the name
		roots := all.TLSConfig.RootCAs
		all.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
	}
}

// verifyChain checks a server's certificate without its name.
func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// uriWriteConcern sets those items of a write concern in the connection string that the driver does not know.
func uriWriteConcern(u *connstring.URI, concern *WriteConcern) error {
	var err error
	if ms, ok := u.Int("wtimeoutms"); ok {
		err = concern.Set("wtimeoutms", ms)
	}
	if text, ok := u.Get("fsync"); ok && err == nil {
		err = concern.Set("fsync", text == "true")
	}
	if err != nil {
		return &Error{class: InvalidURI, cause: err}
	}
	return nil
}

// uriDuration returns an option in milliseconds. 0 means that it is not set, or 0.
func uriDuration(u *connstring.URI, key string) time.Duration {
	ms, _ := u.Int(key)
	return time.Duration(ms) * time.Millisecond
}
