package motor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // in PEM
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	a := &authority{key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	noError(t, err)
	a.file = writePEM(t, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func writePEM(t *testing.T, blocks ...*pem.Block) string {
	path := filepath.Join(t.TempDir(), "cert.pem")
	var text []byte
	for _, b := range blocks {
		text = append(text, pem.EncodeToMemory(b)...)
	}
	noError(t, os.WriteFile(path, text, 0o600))
	return path
}

// issue returns a certificate for a name or an address, valid until expires, and a file with it and its key.
func (a *authority) issue(t *testing.T, name string, expires time.Time) (tls.Certificate, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: expires, NotBefore: expires.Add(-2 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	noError(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	noError(t, err)
	file := writePEM(t, &pem.Block{Type: "CERTIFICATE", Bytes: der}, &pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// terminate starts a TLS server that passes bytes on to a peer, and returns its address.
func terminate(t *testing.T, peer *wiretest.Peer, config *tls.Config) string {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	noError(t, err)
	var wait sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); wait.Wait() })
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	wait.Go(func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", peer.Address())
			if err != nil {
				_ = outer.Close()
				return
			}
			wait.Go(func() { pass(inner, outer) })
			wait.Go(func() { pass(outer, inner) })
		}
	})
	return listener.Addr().String()
}

// withoutTLS starts a server that closes a connection after the first message, which it does not understand. It returns
// its address.
func withoutTLS(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	var wait sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); wait.Wait() })
	wait.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1<<16))
			_ = c.Close()
		}
	})
	return listener.Addr().String()
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	good, _ := ours.issue(t, "127.0.0.1", soon)
	named, _ := ours.issue(t, "other.example", soon)
	expired, _ := ours.issue(t, "127.0.0.1", past)
	_, client := ours.issue(t, "client", soon)
	clients := x509.NewCertPool()
	clients.AddCert(parsed(t, ours.file))
	serve := func(cert tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{cert}} }
	asks := serve(good)
	asks.ClientAuth, asks.ClientCAs = tls.RequireAndVerifyClientCert, clients
	for _, test := range []struct {
		name    string
		server  *tls.Config // nil: without TLS
		options string
		want    string // part of the error; empty: it works
	}{
		{"right", serve(good), "&tlsCAFile=" + ours.file, ""},
		{"wrong authority", serve(good), "&tlsCAFile=" + theirs.file, "unknown authority"},
		{"system's authorities", serve(good), "", "unknown authority"},
		{"wrong name", serve(named), "&tlsCAFile=" + ours.file, "127.0.0.1"},
		{"expired", serve(expired), "&tlsCAFile=" + ours.file, "expired"},
		{"plain server", nil, "&tlsCAFile=" + ours.file, "EOF"},
		{"client certificate missing", asks, "&tlsCAFile=" + ours.file, "certificate required"},
		{"client certificate", asks, "&tlsCAFile=" + ours.file + "&tlsCertificateKeyFile=" + client, ""},
		{"wrong name allowed", serve(named), "&tlsCAFile=" + ours.file + "&tlsAllowInvalidHostnames=true", ""},
		{"wrong name allowed, wrong authority", serve(named), "&tlsCAFile=" + theirs.file + "&tlsAllowInvalidHostnames=true", "unknown authority"},
		{"wrong name allowed, expired", serve(expired), "&tlsCAFile=" + ours.file + "&tlsAllowInvalidHostnames=true", "expired"},
		{"any certificate", serve(expired), "&tlsCAFile=" + theirs.file + "&tlsAllowInvalidCertificates=true", ""},
		{"insecure", serve(expired), "&tlsInsecure=true", ""},
		{"with a socket timeout", serve(good), "&tlsCAFile=" + ours.file + "&socketTimeoutMS=5000", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // a refused connection is tried again until the time is over
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
			address := withoutTLS(t)
			if test.server != nil {
				address = terminate(t, peer, test.server)
			}
			uri := "mongodb://" + address + "/?tls=true&serverSelectionTimeoutMS=3000&directConnection=true" + test.options
			if test.want == "" {
				uri = strings.Replace(uri, "TimeoutMS=3000", "TimeoutMS=30000", 1)
			}
			db := newClient(t, uri).Database("d")
			_, err := db.Command(t.Context(), "ping").Await(t.Context())
			// The time can be over within a handshake. Then the error does not have the reason.
			for try := 1; try < 5 && test.want != "" && err != nil && !strings.Contains(err.Error(), test.want); try++ {
				_, err = db.Command(t.Context(), "ping").Await(t.Context())
			}
			switch {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want nil", err)
			case test.want != "" && (!errors.Is(err, motor.ConnectionFailure) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want a ConnectionFailure with %q", err, test.want)
			}
		})
	}
}

func parsed(t *testing.T, path string) *x509.Certificate {
	text, err := os.ReadFile(path)
	noError(t, err)
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	noError(t, err)
	return cert
}

// ssl_certfile has the certificate and its key, or the key is in ssl_keyfile.
func TestTLSKeywords(t *testing.T) {
	ours := newAuthority(t)
	good, _ := ours.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	_, both := ours.issue(t, "client", time.Now().Add(time.Hour))
	text, err := os.ReadFile(both)
	noError(t, err)
	first, rest := pem.Decode(text)
	second, _ := pem.Decode(rest)
	cert, key := writePEM(t, first), writePEM(t, second)
	clients := x509.NewCertPool()
	clients.AddCert(parsed(t, ours.file))
	config := &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	for _, test := range []struct {
		name string
		set  []map[string]any
		ok   bool
	}{
		{"one file", []map[string]any{{"ssl_certfile": both}}, true},
		{"two files", []map[string]any{{"ssl_certfile": cert, "ssl_keyfile": key}}, true},
		{"two calls", []map[string]any{{"ssl_keyfile": key}, {"ssl_certfile": cert}}, true},
		{"one file, twice", []map[string]any{{"ssl_certfile": both, "ssl_keyfile": both}}, true},
		{"no certificate", []map[string]any{{"ssl_keyfile": key}}, false},
		{"no key", []map[string]any{{"ssl_certfile": cert}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
			opts := []motor.ClientOption{motor.WithOptions(map[string]any{"ssl_ca_certs": ours.file, "connect": "direct"})}
			for _, set := range test.set {
				opts = append(opts, motor.WithOptions(set))
			}
			if !test.ok {
				if _, err := motor.NewClient("localhost", opts...); !errors.Is(err, motor.ConfigurationError) {
					t.Errorf("got %v, want a ConfigurationError", err)
				}
				return
			}
			client := newClient(t, "mongodb://"+terminate(t, peer, config), opts...)
			if _, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context()); err != nil {
				t.Errorf("got %v, want nil", err)
			}
		})
	}
}
