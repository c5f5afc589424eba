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

const noProxy = "the driver has no proxies, so it warns"

// newerURIs are cases of the specifications that are newer than the files.
var newerURIs = []struct {
	uri     string
	want    string // the option that counts, as "name value"; empty: none
	outcome outcome
	reason  string // why the outcome is not that of the specification
}{
	{"mongodb://user%20%:password@localhost", "", invalid, ""},
	{"mongodb://user%w:password@localhost", "", invalid, ""},
	{"mongodb://!$&'()*+,;=:!$&'()*+,;=@127.0.0.1/admin?authMechanism=PLAIN", "", valid, ""},
	{"mongodb://user%40EXAMPLE.COM:secret@localhost/?authMechanismProperties=SERVICE_NAME:other," +
		"CANONICALIZE_HOST_NAME:forward,SERVICE_HOST:example.com&authMechanism=GSSAPI", "", valid, ""},
	{"mongodb://alice:secret@example.com/admin?AUTHMechanism=PLAIN", "", valid, ""},
	{"mongodb://example.com?tls=true", "", valid, ""},
	{"mongodb://example.com/?authMechanism=MONGODB-OIDC&authMechanismProperties=TOKEN_RESOURCE:mongodb://test-cluster,ENVIRONMENT:azure",
		"", valid, ""},
	{"mongodb://%2Ftmp%2FMongoDB-27017.sock", "", valid, ""},
	{"mongodb://rel%2FMongoDB-27017.sock", "", valid, ""},
	{"mongodb://localhost/?maxIdleTimeMS=", "maxIdleTimeMS 0", warning, ""},
	{"mongodb://localhost/?journal=", "", warning, ""},
	{"mongodb://localhost?authMechanism=MONGODB-OIDC&authMechanismProperties=TOKEN_RESOURCE:mongodb://host1%2Chost2,ENVIRONMENT:azure",
		"", invalid, "without the properties that were left out, OIDC has no way to log in"},
	{"mongodb://example.com/?maxAdaptiveRetries=3", "maxAdaptiveRetries 3", valid, ""},
	{"mongodb://example.com/?maxAdaptiveRetries=0", "maxAdaptiveRetries 0", valid, ""},
	{"mongodb://example.com/?maxAdaptiveRetries=-5", "", warning, ""},
	{"mongodb://example.com/?enableOverloadRetargeting=true", "enableOverloadRetargeting true", valid, ""},
	{"mongodb://example.com/?enableOverloadRetargeting=false", "enableOverloadRetargeting false", valid, ""},
	{"mongodb://example.com/?enableOverloadRetargeting=invalid", "", warning, ""},
	{"mongodb://example.com/?socketTimeoutMS=7500&timeoutMS=100", "timeoutMS 100", valid, ""},
	{"mongodb://example.com/?timeoutMS=0", "timeoutMS 0", valid, ""},
	{"mongodb://example.com/?timeoutMS=invalid", "timeoutMS 0", warning, ""},
	{"mongodb://example.com/?timeoutMS=-2", "timeoutMS 0", warning, ""},
	{"mongodb://example.com/?maxIdleTimeMS=50000&maxPoolSize=5&minPoolSize=3&maxConnecting=1", "minPoolSize 3", valid, ""},
	{"mongodb://example.com/?maxPoolSize=0", "maxPoolSize 0", valid, ""},
	{"mongodb://example.com/?minPoolSize=0", "minPoolSize 0", valid, ""},
	{"mongodb://example.com/?maxConnecting=0", "maxConnecting 0", warning, ""},
	{"mongodb://example.com/?maxConnecting=-1", "maxConnecting 0", warning, ""},
	{"mongodb://localhost/?proxyPort=1080", "", invalid, ""},
	{"mongodb://localhost/?proxyUsername=abc", "", invalid, ""},
	{"mongodb://localhost/?proxyPassword=def", "", invalid, ""},
	{"mongodb://localhost/?proxyPort=1080&proxyUsername=abc&proxyPassword=def", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyUsername=abc", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyPassword=def", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyHost=localhost2", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyPort=1234&proxyPort=12345", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyUsername=abc&proxyUsername=def&proxyPassword=123", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost&proxyUsername=abc&proxyPassword=123&proxyPassword=456", "", invalid, ""},
	{"mongodb://localhost/?proxyHost=localhost", "", warning, noProxy},
	{"mongodb://localhost/?proxyHost=localhost&proxyPort=1080", "", warning, noProxy},
	{"mongodb://localhost/?proxyHost=localhost&proxyPort=12345", "", warning, noProxy},
	{"mongodb://rs1,rs2,rs3/?proxyHost=localhost&proxyPort=12345", "", warning, noProxy},
	{"mongodb://rs1,rs2,rs3/?proxyHost=localhost&proxyPort=12345&proxyUsername=asdf&proxyPassword=qwerty", "", warning, noProxy},
	{"mongodb://example.com/?readPreference=secondary&readPreferenceTags=dc:NY", "readPreferenceTags [map[dc:NY]]", valid, ""},
}

// outcome is what a connection string must give.
type outcome int

const (
	valid outcome = iota
	invalid
	warning
)

func TestNewerConnectionStrings(t *testing.T) {
	logged := captureLog(t)
	for _, test := range newerURIs {
		logged.Reset()
		c := uriCase{URI: test.uri, Valid: test.outcome != invalid, Warning: test.outcome == warning}
		if name, value, ok := strings.Cut(test.want, " "); ok {
			c.Options = map[string]any{name: value}
			if _, known := optionOf(motor.MustClient("localhost"), name); !known {
				t.Errorf("%s: the test does not compare option %s", test.uri, name)
			}
		}
		if problem := c.run(logged); problem != "" {
			t.Errorf("%s: %s", test.uri, problem)
		}
	}
}

// captureLog returns what the default logger writes during the test.
func captureLog(t *testing.T) *bytes.Buffer {
	logged := new(bytes.Buffer)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return logged
}

func TestConnectionStrings(t *testing.T) {
	dir, err := specs.DefaultDir()
	if err != nil {
		t.Fatal(err)
	}
	logged := captureLog(t)
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
				problem := test.run(logged)
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
	case "enableoverloadretargeting":
		return valueOf(all.EnableOverloadRetargeting), true
	case "heartbeatfrequencyms":
		return valueOf(all.HeartbeatInterval).Milliseconds(), true
	case "journal":
		return valueOf(all.WriteConcern.Journal), true
	case "loadbalanced":
		return valueOf(all.LoadBalanced), true
	case "localthresholdms":
		return client.LocalThresholdMS(), true
	case "maxadaptiveretries":
		return valueOf(all.MaxAdaptiveRetries), true
	case "maxconnecting":
		return valueOf(all.MaxConnecting), true
	case "maxidletimems":
		return client.MaxIdleTimeMS(), true
	case "maxpoolsize":
		return client.MaxPoolSize(), true
	case "minpoolsize":
		return client.MinPoolSize(), true
	case "readconcernlevel":
		return client.ReadConcern().Level, true
	case "readpreferencetags":
		var sets []map[string]string
		if all.ReadPreference != nil {
			for _, tags := range all.ReadPreference.TagSets() {
				set := make(map[string]string)
				for _, tag := range tags {
					set[tag.Name] = tag.Value
				}
				sets = append(sets, set)
			}
		}
		return sets, true
	case "replicaset":
		return valueOf(all.ReplicaSet), true
	case "retrywrites":
		return client.RetryWrites(), true
	case "serverselectiontimeoutms":
		return client.ServerSelectionTimeout().Milliseconds(), true
	case "timeoutms":
		return valueOf(all.Timeout).Milliseconds(), true
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
