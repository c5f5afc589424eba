package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority is a certificate authority (CA).
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	a := new(authority)
	template, err := newTemplate(name)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	a.certificate, err = x509.ParseCertificate(der)
	return a, err
}

// issue makes a certificate for a server with the IP address host, or for a client if host is empty. It returns the
// certificate and its key in PEM format.
func (a *authority) issue(name, host string, until time.Time) ([]byte, error) {
	template, err := newTemplate(name)
	if err != nil {
		return nil, err
	}
	template.KeyUsage, template.NotAfter = x509.KeyUsageDigitalSignature, until
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if host != "" {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.IPAddresses = []net.IP{net.ParseIP(host)}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	both := bytes.NewBuffer(inPEM("CERTIFICATE", der))
	both.Write(inPEM("PRIVATE KEY", secret))
	return both.Bytes(), nil
}

func newTemplate(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-48 * time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}, err
}

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// files are the certificates of the program.
type files struct {
	ca, otherCA     string // the authorities
	client, unknown string // certificates of clients: by our authority, and by the other

	server, elsewhere, expired tls.Certificate
	clients                    *x509.CertPool // the authority that the server trusts
}

// newFiles writes the certificates of clients and authorities to a directory.
func newFiles(dir string) (*files, error) {
	ours, err := newAuthority("our authority")
	if err != nil {
		return nil, err
	}
	other, err := newAuthority("another authority")
	if err != nil {
		return nil, err
	}
	f := &files{clients: x509.NewCertPool()}
	f.clients.AddCert(ours.certificate)
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	for _, c := range []struct {
		to         *tls.Certificate
		host       string
		validUntil time.Time
	}{
		{&f.server, "127.0.0.1", tomorrow}, {&f.elsewhere, "192.0.2.1", tomorrow}, {&f.expired, "127.0.0.1", yesterday},
	} {
		both, err := ours.issue("server", c.host, c.validUntil)
		if err != nil {
			return nil, err
		}
		if *c.to, err = tls.X509KeyPair(both, both); err != nil {
			return nil, err
		}
	}
	client, err := ours.issue("worker 7", "", tomorrow)
	if err != nil {
		return nil, err
	}
	unknown, err := other.issue("worker 7", "", tomorrow)
	if err != nil {
		return nil, err
	}
	for _, file := range []struct {
		to   *string
		name string
		data []byte
	}{
		{&f.ca, "ca.pem", inPEM("CERTIFICATE", ours.certificate.Raw)},
		{&f.otherCA, "other-ca.pem", inPEM("CERTIFICATE", other.certificate.Raw)},
		{&f.client, "client.pem", client},
		{&f.unknown, "unknown.pem", unknown},
	} {
		*file.to = filepath.Join(dir, file.name)
		if err := os.WriteFile(*file.to, file.data, 0o600); err != nil {
			return nil, err
		}
	}
	return f, nil
}
