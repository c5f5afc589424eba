package parity

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor"
)

// keywordValues are valid values of the keywords that are not flags.
var keywordValues = map[string]map[string]any{
	"appName": {"appName": "a"}, "authMechanism": {"authMechanism": "PLAIN", "username": "u", "password": "p"},
	"authMechanismProperties": {"authMechanism": "GSSAPI", "username": "u", "authMechanismProperties": map[string]string{"SERVICE_NAME": "s"}},
	"authSource":              {"authSource": "d", "username": "u", "password": "p"}, "compressors": {"compressors": []string{"zlib"}},
	"connectTimeoutMS": {"connectTimeoutMS": 1}, "heartbeatFrequencyMS": {"heartbeatFrequencyMS": 500}, "localThresholdMS": {"localThresholdMS": 1},
	"maxConnecting": {"maxConnecting": 1}, "maxIdleTimeMS": {"maxIdleTimeMS": 1}, "maxPoolSize": {"maxPoolSize": 1},
	"maxStalenessSeconds": {"maxStalenessSeconds": 120, "read_preference": "nearest"}, "minPoolSize": {"minPoolSize": 1},
	"password": {"username": "u", "password": "p"}, "username": {"username": "u", "password": "p"}, "port": {"port": 27018},
	"proxyHost": {"proxyHost": "p"}, "proxyPort": {"proxyHost": "p", "proxyPort": 1},
	"proxyUsername":    {"proxyHost": "p", "proxyUsername": "u", "proxyPassword": "p"},
	"proxyPassword":    {"proxyHost": "p", "proxyUsername": "u", "proxyPassword": "p"},
	"readConcernLevel": {"readConcernLevel": "local"}, "readPreference": {"readPreference": "nearest"}, "read_preference": {"read_preference": "nearest"},
	"readPreferenceTags": {"read_preference": "nearest", "readPreferenceTags": []string{"a:b", "c:d"}}, "replicaSet": {"replicaSet": "r"},
	"secondary_acceptable_latency_ms": {"secondary_acceptable_latency_ms": 1}, "serverApi": {"serverApi": "1"}, "server_api": {"server_api": "1"},
	"serverMonitoringMode": {"serverMonitoringMode": "poll"}, "serverSelectionTimeoutMS": {"serverSelectionTimeoutMS": 1},
	"socketTimeoutMS": {"socketTimeoutMS": 1}, "ssl_cert_reqs": {"ssl": true, "ssl_cert_reqs": "CERT_OPTIONAL"},
	"tag_sets": {"read_preference": "nearest", "tag_sets": []map[string]string{{"a": "b"}}}, "timeoutMS": {"timeoutMS": 1},
	"uuidRepresentation": {"uuidRepresentation": "javaLegacy"}, "w": {"w": 1}, "wTimeoutMS": {"wTimeoutMS": 1}, "wtimeout": {"wtimeout": 1},
	"waitQueueMultiple": {"waitQueueMultiple": 1}, "waitQueueTimeoutMS": {"waitQueueTimeoutMS": 1}, "zlibCompressionLevel": {"zlibCompressionLevel": 1},
	"connect": {"connect": false},
}

// Keywords of files and of the DNS, which tests of their own hold.
var otherKeywords = []string{
	"tlsCAFile", "ssl_ca_certs", "tlsCertificateKeyFile", "ssl_certfile", "ssl_keyfile", "tlsCertificateKeyFilePassword", "ssl_pem_passphrase",
	"srvServiceName", "srvMaxHosts",
}

// A keyword that MIGRATION.md lists has the effect that it says: it is refused, or accepted with a warning, or accepted.
func TestKeywordsAreAsMigrationSays(t *testing.T) {
	for keyword, says := range migrationKeywords(t) {
		if slices.Contains(otherKeywords, keyword) {
			continue
		}
		values := keywordValues[keyword]
		if values == nil {
			values = map[string]any{keyword: true}
		}
		var logged bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
		_, err := motor.NewClient("localhost", motor.WithOptions(values))
		slog.SetDefault(before)
		refused, warned := strings.HasPrefix(says, "refused"), strings.HasPrefix(says, "a warning")
		switch {
		case refused && (!errors.Is(err, motor.ConfigurationError) || !strings.Contains(err.Error(), "cannot be used: ")):
			t.Errorf("%s: got %v, want a ConfigurationError with the reason", keyword, err)
		case !refused && err != nil:
			t.Errorf("%s: got %v, want nil", keyword, err)
		case !refused && warned != (logged.Len() > 0):
			t.Errorf("%s: got warning %q, want one: %v", keyword, logged.String(), warned)
		}
	}
}

func TestMigrationListsKeywords(t *testing.T) {
	listed := migrationKeywords(t)
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool) // case and '_' do not matter
	key := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	for keyword := range listed {
		known[key(keyword)] = true
	}
	found := 0
	for _, r := range rows {
		if r.Name() != "MotorClient.__init__" && r.Name() != "MotorReplicaSetClient.__init__" {
			continue
		}
		for _, keyword := range parameters(r.Params) {
			found++
			if !known[key(keyword)] {
				t.Errorf("%s: MIGRATION.md does not list %s", r.Name(), keyword)
			}
		}
	}
	if found < 80 {
		t.Errorf("got %d keywords in the ledger, want at least 80", found)
	}
}

// parameters returns the names of the parameters and of the keywords of a constructor.
func parameters(params string) []string {
	params = regexp.MustCompile(`=\w+|; .*|\|\| seed:|\*\*kwargs`).ReplaceAllString(strings.ReplaceAll(params, ") ||", " ||"), " ")
	return regexp.MustCompile(`\w+`).FindAllString(params, -1)
}

// migrationKeywords returns what MIGRATION.md says of each keyword.
func migrationKeywords(t *testing.T) map[string]string {
	res := check(t, nil)
	text, err := os.ReadFile(res.module.migrationPath())
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "### Keywords of the client")
	if !found {
		t.Fatal("MIGRATION.md has no table of keywords")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	all := make(map[string]string)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 2 {
			continue
		}
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(cells[0], -1) {
			all[name[1]] = cells[1]
		}
	}
	return all
}
