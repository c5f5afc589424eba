package specs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/specs"
)

// uriCase is a test of the specifications Connection String and URI Options.
type uriCase struct {
	Description string
	URI         string
	Valid       bool
	Warning     bool
	Hosts       []struct {
		Type string
		Host string
		Port *int
	}
	Auth *struct {
		Username, Password *string
	}
	Options map[string]any
}

// otherURIs are the cases in which NewClient differs from the files, by their descriptions, and why.
var otherURIs = map[string]string{
	"Empty string": "the empty string is the default host",
	"Missing delimiting slash between hosts and options":                     "newer versions of the specification allow it",
	"Valid required tls options are parsed correctly":                        "the files of its certificates are empty",
	"Username without password":                                              "SCRAM needs a password",
	"Escaped username and database without password":                         "SCRAM needs a password",
	"Escaped user info and database (MONGODB-CR)":                            "no server that the driver supports has MONGODB-CR",
	"Subdelimiters in user/pass don't need escaping (MONGODB-CR)":            "no server that the driver supports has MONGODB-CR",
	"Option names are normalized to lowercase":                               "no server that the driver supports has MONGODB-CR",
	"Valid options specific to single-threaded drivers are parsed correctly": "the driver has threads, so it warns",
}

func TestConnectionStrings(t *testing.T) {
	dir, err := specs.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	ran := 0
	for _, folder := range []string{"connection-string", "uri-options"} {
		files, err := filepath.Glob(filepath.Join(dir, folder, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: got %d files, %v", folder, len(files), err)
		}
		t.Chdir(filepath.Join(dir, folder)) // the options of TLS name files there
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var file struct{ Tests []uriCase }
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			for _, test := range file.Tests {
				ran++
				logged.Reset()
				problem := test.run(&logged)
				reason, other := otherURIs[test.Description]
				switch {
				case problem != "" && !other:
					t.Errorf("%s: %s: %s: %s", filepath.Base(path), test.Description, test.URI, problem)
				case problem == "" && other:
					t.Errorf("%s: %s passes, but is listed as different: %s", filepath.Base(path), test.Description, reason)
				}
			}
		}
	}
	t.Logf("%d cases", ran)
	if ran < 223 {
		t.Errorf("got %d cases, want at least 223", ran)
	}
}

func (c *uriCase) run(logged *bytes.Buffer) string {
	client, err := motor.NewClient(c.URI)
	warned := strings.Contains(logged.String(), "level=WARN")
	switch {
	case c.Valid != (err == nil):
		return fmt.Sprintf("got error %v, want valid %v", err, c.Valid)
	case err != nil && !errors.Is(err, motor.ConfigurationError):
		return fmt.Sprintf("got %v, want a ConfigurationError", err)
	case err != nil:
		return ""
	case warned != c.Warning:
		return fmt.Sprintf("got warning %v (%s), want %v", warned, logged, c.Warning)
	}
	return c.compare(client)
}

func (c *uriCase) compare(client *motor.Client) string {
	got := client.Options()
	var hosts []string
	for _, h := range c.Hosts {
		host := h.Host
		if h.Type == "ip_literal" {
			host = "[" + host + "]"
		}
		if h.Port != nil {
			host += fmt.Sprint(":", *h.Port)
		}
		hosts = append(hosts, host)
	}
	if c.Hosts != nil && !slices.Equal(got.Hosts, hosts) {
		return fmt.Sprintf("got hosts %q, want %q", got.Hosts, hosts)
	}
	if c.Auth != nil && c.Auth.Username != nil {
		if got.Auth == nil || got.Auth.Username != *c.Auth.Username || c.Auth.Password != nil && got.Auth.Password != *c.Auth.Password {
			return fmt.Sprintf("got credentials %+v, want %s", got.Auth, *c.Auth.Username)
		}
	}
	for name, want := range c.Options {
		if got, known := optionOf(client, name); known && fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("got %s %v, want %v", name, got, want)
		}
	}
	return ""
}

// optionOf returns the value of an option as it is in the files. Those that the driver hides are not known.
func optionOf(client *motor.Client, name string) (value any, known bool) {
	all := client.Options()
	switch strings.ToLower(name) {
	case "appname":
		return valueOf(all.AppName), true
	case "compressors":
		return all.Compressors, true
	case "connecttimeoutms":
		return valueOf(all.ConnectTimeout).Milliseconds(), true
	case "directconnection":
		return valueOf(all.Direct), true
	case "heartbeatfrequencyms":
		return valueOf(all.HeartbeatInterval).Milliseconds(), true
	case "journal":
		return valueOf(all.WriteConcern.Journal), true
	case "loadbalanced":
		return valueOf(all.LoadBalanced), true
	case "localthresholdms":
		return client.LocalThresholdMS(), true
	case "maxidletimems":
		return client.MaxIdleTimeMS(), true
	case "readconcernlevel":
		return client.ReadConcern().Level, true
	case "replicaset":
		return valueOf(all.ReplicaSet), true
	case "retrywrites":
		return client.RetryWrites(), true
	case "serverselectiontimeoutms":
		return client.ServerSelectionTimeout().Milliseconds(), true
	case "tlsallowinvalidcertificates", "tlsallowinvalidhostnames", "tlsinsecure":
		return all.TLSConfig != nil && all.TLSConfig.InsecureSkipVerify, true
	case "w":
		return all.WriteConcern.W, true
	case "wtimeoutms":
		timeout, _ := client.WriteConcern().Get("wtimeout")
		return timeout, true
	case "zlibcompressionlevel":
		return valueOf(all.ZlibLevel), true
	}
	return nil, false
}

// valueOf returns what p points to, or the zero value.
func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
