package motor

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/connstring"
)

// keyword is an option that [WithOptions] sets.
type keyword struct{ key, value string }

// The keywords of the user, which are not options of a connection string.
const (
	userKey     = "username"
	passwordKey = "password"
)

func (k keyword) apply(u *connstring.URI) {
	switch k.key {
	case userKey:
		u.SetUser(k.value)
	case passwordKey:
		u.SetPassword(k.value)
	default:
		u.Set(k.key, k.value)
	}
}

// WithOptions sets options by their names, as Motor's keyword arguments do:
//
//	motor.WithOptions(map[string]any{"replicaSet": "rs", "w": 2, "max_pool_size": 10, "tz_aware": true})
//
// The names are those of a connection string, as maxPoolSize or max_pool_size; username and password; wtimeout and j of
// a write concern; port, tz_aware, tag_sets, secondary_acceptable_latency_ms, serverApi; and the names of TLS options in
// Motor 0.x to 2.x, such as ssl_certfile. They override the connection string. An option that has no effect here, such
// as socketKeepAlive, is logged as a warning.
//
// Errors: [ConfigurationError] for an unknown name, for a value that is invalid in a connection string, and for an
// option that cannot be honoured.
//
// Motor: MotorClient(..., **kwargs).
func WithOptions(keywords map[string]any) ClientOption {
	return func(s *clientSettings) error {
		for _, name := range slices.Sorted(maps.Keys(keywords)) {
			if err := s.keyword(name, keywords[name]); err != nil {
				return err
			}
		}
		return nil
	}
}

// WithStrictOptions makes each warning about options an error of [NewClient]: [ConfigurationError]. Without it, an option
// of a connection string that is unknown, or has an invalid value, is left out and logged with [slog.Default], as Motor
// warns of it.
func WithStrictOptions() ClientOption {
	return func(s *clientSettings) error {
		s.strict = true
		return nil
	}
}

// keywordAliases are the keywords of Motor that are options of a connection string by another name.
var keywordAliases = map[string]string{
	"secondaryacceptablelatencyms": "localthresholdms",
	"sslcertfile":                  "tlscertificatekeyfile",
	"sslkeyfile":                   "tlsprivatekeyfile",
	"sslpempassphrase":             "tlscertificatekeyfilepassword",
	"sslcacerts":                   "tlscafile",
	"tzaware":                      "tz_aware",
}

// refusedKeywords are the keywords of Motor that cannot be honoured, with the reason.
var refusedKeywords = map[string]string{
	"documentclass":             "use CollectionOf with the type of the documents",
	"typeregistry":              "use a Registry in WithClientOptions",
	"unicodedecodeerrorhandler": "bytes that are not UTF-8 are kept",
	"eventlisteners":            "use the monitors of WithClientOptions",
	"autoencryptionopts":        "use AutoEncryptionOptions in WithClientOptions",
	"serverselector":            "read preferences select servers",
	"sslcrlfile":                "certificate revocation lists are not supported",
	"tlscrlfile":                "certificate revocation lists are not supported",
	"uselist":                   "replies are decoded as documents",
	"driver":                    "use DriverInfo in WithClientOptions",
}

// keyword sets an option by its name.
func (s *clientSettings) keyword(name string, value any) error {
	key := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	wrong := newError(ConfigurationError, "invalid value of type %T for option %q", value, name)
	yes, isBool := value.(bool)
	text, isText := value.(string)
	switch key {
	case "host":
		return newError(ConfigurationError, "option %q: pass the host as the first argument of NewClient", name)
	case "port":
		if port, ok := value.(int); ok {
			return WithPort(port)(s)
		}
		return wrong
	case "ioloop":
		return newError(ConfigurationError, "option %q: use WithIOLoop", name)
	case "tagsets":
		if sets, ok := value.([]map[string]string); ok {
			s.tagSets = sets
			return nil
		}
		return wrong
	case "serverapi":
		return s.serverAPI(value, wrong)
	case userKey, passwordKey:
		if !isText {
			return wrong
		}
		s.keywords = append(s.keywords, keyword{key, text})
		return nil
	case "sslcertreqs":
		switch fmt.Sprint(value) {
		case "CERT_NONE", "0":
			key, value = "tlsallowinvalidcertificates", true
		case "CERT_REQUIRED", "2":
			key, value = "tlsallowinvalidcertificates", false
		default:
			return newError(ConfigurationError, "option %q: must be CERT_NONE or CERT_REQUIRED", name)
		}
	case "sslmatchhostname":
		if !isBool {
			return wrong
		}
		key, value = "tlsallowinvalidhostnames", !yes
	}
	if reason, refused := refusedKeywords[key]; refused {
		return newError(ConfigurationError, "option %q cannot be used: %s", name, reason)
	}
	if other, ok := keywordAliases[key]; ok {
		key = other
	}
	key, known := connstring.Canonical(key)
	if !known {
		return newError(ConfigurationError, "unknown option %q", name)
	}
	text, ok := keywordText(key, value)
	if !ok {
		return wrong
	}
	if err := connstring.Check(key, text); err != nil {
		return newError(ConfigurationError, "option %q: %v", name, err)
	}
	if note := connstring.Note(key, text); note != "" {
		s.warnings = append(s.warnings, fmt.Sprintf("option %q: %s", name, note))
	}
	s.keywords = append(s.keywords, keyword{key, text})
	return nil
}

// serverAPI sets the version of the server's API: "1", or the driver's options.
func (s *clientSettings) serverAPI(value any, wrong error) error {
	api, ok := value.(*options.ServerAPIOptions)
	if text, isText := value.(string); isText {
		api, ok = options.ServerAPI(options.ServerAPIVersion(text)), true
	}
	if !ok || api == nil {
		return wrong
	}
	driver := options.Client()
	if s.driver != nil {
		driver = options.MergeClientOptions(s.driver)
	}
	s.driver = driver.SetServerAPIOptions(api)
	return nil
}

// keywordText formats a value as in a connection string.
func keywordText(key string, value any) (text string, ok bool) {
	switch v := value.(type) {
	case time.Duration:
		return strconv.FormatInt(v.Milliseconds(), 10), strings.HasSuffix(key, "ms")
	case []string:
		return strings.Join(v, ","), true
	case fmt.Stringer: // a readpref.Mode
		return v.String(), true
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.String, v.Kind() == reflect.Bool, v.CanInt(), v.CanUint():
		return fmt.Sprint(value), true
	}
	return "", false
}
