// Secure connects with TLS and certificates in the right way and in many wrong ones, and prints what each leads to. It
// makes its own authority and certificates, which last a day. A gate in this program does the server's side of TLS.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names, which must accept clients
// without TLS and without a password. It writes nothing to the server.
//
// The embedded server has no users. So it refuses every password with SCRAM, the usual mechanism, as a server with users
// refuses a wrong one. A right password looks like this:
//
//	mongodb://user:password@host/?authSource=admin&tls=true
//
//	go run ./examples/secure
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("secure: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	uri, err := url.Parse(server.URI())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gomotor-secure-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := newFiles(dir)
	if err != nil {
		return err
	}
	var hosts []string // the addresses of the gates, which have different certificates
	for _, own := range []tls.Certificate{f.server, f.elsewhere, f.expired} {
		g, err := newGate(uri.Host, own, f.clients)
		if err != nil {
			return err
		}
		defer g.close()
		hosts = append(hosts, g.address())
	}

	for _, a := range attempts(f, hosts[0], hosts[1], hosts[2]) {
		text, err := a.connect(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		fmt.Fprintf(out, "%-40s %s\n", a.name, text)
	}
	return nil
}

// attempt is one way to connect.
type attempt struct{ name, uri string }

// attempts returns the ways to connect to three servers. The certificate of the first is right, that of the second is for
// another host, and that of the third has expired.
func attempts(f *files, server, elsewhere, expired string) []attempt {
	const sure = "&directConnection=true" // the gate is the only way to the server
	ca := "/?tls=true&tlsCAFile=" + url.QueryEscape(f.ca) + sure
	client := "&tlsCertificateKeyFile=" + url.QueryEscape(f.client)
	otherCA := "/?tls=true&tlsCAFile=" + url.QueryEscape(f.otherCA) + client + sure
	unknown := ca + "&tlsCertificateKeyFile=" + url.QueryEscape(f.unknown)
	systemCA := "/?tls=true" + client + sure
	unchecked := systemCA + "&tlsInsecure=true"
	const scram = "&authMechanism=SCRAM-SHA-256"
	return []attempt{
		{"with a CA and a client certificate", "mongodb://" + server + ca + client},
		{"without TLS", "mongodb://" + server + "/?directConnection=true"},
		{"without a client certificate", "mongodb://" + server + ca},
		{"a client certificate of another CA", "mongodb://" + server + unknown},
		{"the server's certificate of another CA", "mongodb://" + server + otherCA},
		{"only the CAs of this machine", "mongodb://" + server + systemCA},
		{"the certificate of another host", "mongodb://" + elsewhere + ca + client},
		{"an expired certificate", "mongodb://" + expired + ca + client},
		{"tlsInsecure: any server could answer", "mongodb://" + expired + unchecked},
		{"a file that does not exist", "mongodb://" + server + "/?tls=true&tlsCAFile=/does/not/exist.pem"},
		{"a password that the server refuses", "mongodb://ada:wrong@" + server + ca + client + scram},
		{"a user without a password", "mongodb://ada@" + server + ca + client + scram},
		{"an @ in the password, not escaped", "mongodb://ada:p@ss@" + server + ca + client},
		{"an @ in the password, escaped as %40", "mongodb://ada:p%40ss@" + server + ca + client + scram},
	}
}

// connect connects, and says in a line what came back.
//
// A client keeps looking for its server for 30 s, since a server may start later. Its log and its error then say why. A
// program that wants to know at once watches the first heartbeat, as this one does.
func (a attempt) connect(ctx context.Context) (string, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	monitor := &event.ServerMonitor{
		ServerHeartbeatFailed: func(e *event.ServerHeartbeatFailedEvent) { stop(refusal{e.Failure}) },
	}
	client, err := motor.NewClient(a.uri, motor.WithClientOptions(options.Client().SetServerMonitor(monitor)))
	if err != nil {
		return "NewClient: " + err.Error(), nil
	}
	defer client.Close(context.WithoutCancel(ctx))
	_, err = client.Database("admin").Command(ctx, "ping").Await(ctx)
	var refused refusal
	switch {
	case err == nil:
		return "connected", nil
	case errors.As(context.Cause(ctx), &refused):
		return "no connection: " + root(refused.error), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, motor.OperationFailure):
		return fmt.Sprintf("OperationFailure, code %d: %s", motor.Code(err), root(err)), nil
	}
	return "", err
}

// refusal is the reason of a heartbeat that failed.
type refusal struct{ error }

// root returns the text of the first error in a chain.
func root(err error) string {
	for next := err; next != nil; next = errors.Unwrap(err) {
		err = next
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
