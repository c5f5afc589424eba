package connstring

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// spec describes an option.
type spec struct {
	name   string             // as the documentation spells it
	driver string             // the driver's name; empty: the driver does not know the option
	check  func(string) error // of a value; nil: any value
	fatal  bool               // an invalid value is an error, not a warning
	note   string             // what the option does not do, if anything
}

// ReadPreferenceTags is the key of the only option that can have several values.
const ReadPreferenceTags = "readpreferencetags"

// known are the options by their names in lower case.
var known = func() map[string]spec {
	all := make(map[string]spec)
	add := func(check func(string) error, names ...string) {
		for _, name := range names {
			all[strings.ToLower(name)] = spec{name: name, driver: name, check: check}
		}
	}
	add(properties, "authMechanismProperties")
	add(nil, "authSource", "readConcernLevel", "replicaSet", "tlsCAFile", "tlsCertificateFile",
		"tlsCertificateKeyFile", "tlsCertificateKeyFilePassword", "tlsPrivateKeyFile")
	add(isBool, "directConnection", "enableOverloadRetargeting", "journal", "loadBalanced", "retryReads", "retryWrites", "tls",
		"tlsDisableCertificateRevocationCheck", "tlsDisableOCSPEndpointCheck", "tlsInsecure")
	add(atLeast(0), "connectTimeoutMS", "localThresholdMS", "maxAdaptiveRetries", "maxIdleTimeMS", "maxPoolSize", "minPoolSize",
		"serverSelectionTimeoutMS", "socketTimeoutMS", "srvMaxHosts", "timeoutMS")
	add(atLeast(1), "heartbeatFrequencyMS", "maxConnecting")
	add(between(-1, 9), "zlibCompressionLevel")
	add(between(0, 22), "zstdCompressionLevel")
	all["appname"] = spec{name: "appName", driver: "appName", check: appName, fatal: true}
	mechanism := oneOf("DEFAULT", "GSSAPI", "MONGODB-AWS", "MONGODB-OIDC", "MONGODB-X509", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256")
	all["authmechanism"] = spec{name: "authMechanism", driver: "authMechanism", check: mechanism, fatal: true}
	add(each(oneOf("snappy", "zlib", "zstd")), "compressors")
	add(oneOf("automatic", "direct"), "connect")
	add(staleness, "maxStalenessSeconds")
	add(oneOf("primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"), "readPreference")
	add(tags, "readPreferenceTags")
	add(oneOf("auto", "poll", "stream"), "serverMonitoringMode")
	add(serviceName, "srvServiceName")
	add(acknowledgment, "w")
	// Options that the driver does not know.
	own := func(check func(string) error, note string, names ...string) {
		for _, name := range names {
			all[strings.ToLower(name)] = spec{name: name, check: check, note: note}
		}
	}
	own(isBool, "", "fsync", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames")
	own(atLeast(0), "", "waitQueueTimeoutMS", "wTimeoutMS")
	own(isBool, "", "tz_aware")
	own(isBool, "it has no effect: TCP keep-alive is always on", "socketKeepAlive")
	own(isBool, "it has no effect: a server is sought until serverSelectionTimeoutMS", "serverSelectionTryOnce")
	own(atLeast(0), "it has no effect: the queue has no limit, except that of WithMaxQueue", "waitQueueMultiple")
	own(nil, "it has no effect: a UUID is encoded as the standard says", "uuidRepresentation")
	own(nil, "it has no effect: proxies are not supported; set a dialer in the driver's options",
		"proxyHost", "proxyPort", "proxyUsername", "proxyPassword")
	return all
}()

// aliases are other names of options, and older ones.
var aliases = map[string]string{
	"heartbeatintervalms":             "heartbeatfrequencyms",
	"j":                               "journal",
	"maxstaleness":                    "maxstalenessseconds",
	"ssl":                             "tls",
	"sslcertificateauthorityfile":     "tlscafile",
	"sslclientcertificatekeyfile":     "tlscertificatekeyfile",
	"sslclientcertificatekeypassword": "tlscertificatekeyfilepassword",
	"sslinsecure":                     "tlsinsecure",
	"tzaware":                         "tz_aware",
	"wtimeout":                        "wtimeoutms",
}

// Canonical returns the name of an option in lower case. For an alias it is that of the option.
func Canonical(name string) (key string, ok bool) {
	key = strings.ToLower(name)
	if other, found := aliases[key]; found {
		key = other
	}
	_, ok = known[key]
	return key, ok
}

// Name returns the usual spelling of an option.
func Name(key string) string { return known[key].name }

// Note says that an option has no effect, or returns "".
func Note(key, value string) string {
	if key == "uuidrepresentation" && strings.EqualFold(value, "standard") {
		return ""
	}
	return known[key].note
}

// Check returns an error for a value that an option cannot have. It does not contain the value if that may be secret.
func Check(key, value string) error {
	if !utf8.ValidString(value) {
		return errors.New("invalid value: not valid UTF-8")
	}
	if check := known[key].check; check != nil {
		return check(value)
	}
	return nil
}

func isBool(value string) error {
	if value != "true" && value != "false" {
		return fmt.Errorf("invalid value %q: must be true or false", value)
	}
	return nil
}

func atLeast(least int64) func(string) error { return between(least, math.MaxInt32) }

func between(least, most int64) func(string) error {
	return func(value string) error {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < least || n > most {
			return fmt.Errorf("invalid value %q: must be a number from %d to %d", value, least, most)
		}
		return nil
	}
}

// oneOf accepts some values in any case.
func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if !slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) }) {
			return fmt.Errorf("invalid value %q: must be one of %s", value, strings.Join(values, ", "))
		}
		return nil
	}
}

func each(check func(string) error) func(string) error {
	return func(list string) error {
		for value := range strings.SplitSeq(list, ",") {
			if err := check(value); err != nil {
				return err
			}
		}
		return nil
	}
}

// staleness accepts the seconds of a read preference. -1 means no bound.
func staleness(value string) error {
	if value == "-1" {
		return nil
	}
	return between(0, math.MaxInt32)(value)
}

// tags accepts a tag set. An empty one means any server.
func tags(value string) error {
	if value != "" && !isPairs(value) {
		return fmt.Errorf("invalid value %q: must be name:value pairs", value)
	}
	return nil
}

// properties accepts the properties of an authentication mechanism. The error does not contain them: one may be a token.
func properties(value string) error {
	if !isPairs(value) {
		return errors.New("invalid value: must be name:value pairs")
	}
	return nil
}

func isPairs(list string) bool {
	for pair := range strings.SplitSeq(list, ",") {
		if name, _, ok := strings.Cut(pair, ":"); !ok || name == "" {
			return false
		}
	}
	return true
}

// acknowledgment accepts the w of a write concern: a number or a name.
func acknowledgment(value string) error {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && (n < 0 || n > math.MaxInt32) {
		return fmt.Errorf("invalid value %q: must be at least 0", value)
	}
	return nil
}

func serviceName(value string) error {
	if len(value) > 62 {
		return fmt.Errorf("invalid value of %d characters: must have 1 to 62", len(value))
	}
	return nil
}

// maxAppName is the largest size of an application's name in bytes.
const maxAppName = 128

func appName(value string) error {
	if len(value) > maxAppName {
		return fmt.Errorf("invalid name of %d bytes: must have at most %d", len(value), maxAppName)
	}
	return nil
}
