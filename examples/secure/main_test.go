package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the test adds TLS and users")
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []struct{ name, outcome string }{
		{"with a CA and a client certificate", "connected"},
		{"without TLS", "no connection: "}, // the texts of some errors depend on the operating system
		{"without a client certificate", "no connection: "},
		{"a client certificate of another CA", "no connection: "},
		{"the server's certificate of another CA", "no connection: x509: certificate signed by unknown authority"},
		{"only the CAs of this machine", "no connection: x509: "},
		{"the certificate of another host", "no connection: x509: certificate is valid for 192.0.2.1, not 127.0.0.1"},
		{"an expired certificate", "no connection: x509: certificate has expired or is not yet valid: "},
		{"tlsInsecure: any server could answer", "connected"},
		{"a file that does not exist", "NewClient: motor: InvalidURI: open /does/not/exist.pem: "},
		{"a password that the server refuses", "OperationFailure, code 18: (AuthenticationFailed) "},
		{"a user without a password", "NewClient: motor: InvalidURI: error validating uri: password required for SCRAM-SHA-256"},
		{"an @ in the password, not escaped", "NewClient: motor: InvalidURI: the user name and the password must be escaped: "},
		{"an @ in the password, escaped as %40", "OperationFailure, code 18: (AuthenticationFailed) "},
	} {
		if i >= len(lines) {
			t.Fatalf("got the output\n%swant a line for %s", out.String(), want.name)
		}
		name, outcome := lines[i][:min(40, len(lines[i]))], lines[i][min(41, len(lines[i])):]
		if strings.TrimRight(name, " ") != want.name || !strings.HasPrefix(outcome, want.outcome) {
			t.Errorf("got  %q, %q\nwant %q, %q...", name, outcome, want.name, want.outcome)
		}
	}
	if strings.Contains(out.String(), "p@ss") {
		t.Errorf("the output has the password:\n%s", out.String())
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(strings.Builder)); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}
