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

	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/connstring"
)

// keyword is an option that [WithOptions] sets.
type keyword struct {
	key, value string
	sets       []string // the values of ReadPreferenceTags
}

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
	case connstring.ReadPreferenceTags:
		u.SetTags(k.sets)
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
// Motor 0.x to 2.x, such as ssl_certfile. readPreferenceTags is a []string of tag sets, and authMechanismProperties may be
// a map[string]string. They override the connection string. An option that has no effect here, such as socketKeepAlive, is
// logged as a warning.
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
	"host":                      "pass the host as the first argument of NewClient",
	"hostsoruri":                "pass the hosts as the first argument of NewClient",
	"ioloop":                    "use WithIOLoop",
	"gssapiservicename":         "use SERVICE_NAME in authMechanismProperties",
	"datetimeconversion":        "dates are a bson.DateTime, or a time.Time with tz_aware",
	"tzinfo":                    "dates are in UTC; use the method In of time.Time",
	"safe":                      "use w",
	"slaveok":                   "use read_preference",
	"slaveokay":                 "use read_preference",
	"networktimeout":            "use socketTimeoutMS",
	"autostartrequest":          "a client has no requests; use a session",
	"usegreenlets":              "a client needs no greenlets",
}

// keyword sets an option by its name.
func (s *clientSettings) keyword(name string, value any) error {
	key := strings.ToLower(strings.ReplaceAll(name, "_", ""))
	wrong := newError(ConfigurationError, "invalid value of type %T for option %q", value, name)
	yes, isBool := value.(bool)
	text, isText := value.(string)
	switch key {
	case "port":
		if port, ok := value.(int); ok {
			return WithPort(port)(s)
		}
		return wrong
	case "connect":
		if isBool {
			if yes {
				s.warnings = append(s.warnings, fmt.Sprintf("option %q: it has no effect: the first operation opens the client; see Client.Open", name))
			}
			return nil
		}
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
		s.keywords = append(s.keywords, keyword{key: key, value: text})
		return nil
	case "sslcertreqs":
		switch fmt.Sprint(value) {
		case "CERT_NONE", "0":
			key, value = "tlsallowinvalidcertificates", true
		case "CERT_OPTIONAL", "1", "CERT_REQUIRED", "2": // the same, of a client
			key, value = "tlsallowinvalidcertificates", false
		default:
			return newError(ConfigurationError, "option %q: must be CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED", name)
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
	texts, ok := keywordTexts(key, value)
	if !ok || len(texts) == 0 && key != connstring.ReadPreferenceTags {
		return wrong
	}
	for _, text := range texts {
		if err := connstring.Check(key, text); err != nil {
			return newError(ConfigurationError, "option %q: %v", name, err)
		}
	}
	if key == connstring.ReadPreferenceTags {
		s.keywords = append(s.keywords, keyword{key: key, sets: texts})
		return nil
	}
	if text = strings.Join(texts, ","); text == "" {
		return newError(ConfigurationError, "option %q is empty", name)
	}
	if note := connstring.Note(key, text); note != "" {
		s.warnings = append(s.warnings, fmt.Sprintf("option %q: %s", name, note))
	}
	s.keywords = append(s.keywords, keyword{key: key, value: text})
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

// keywordTexts formats a value as in a connection string. Only the items of a list are more than one text.
func keywordTexts(key string, value any) (texts []string, ok bool) {
	switch v := value.(type) {
	case time.Duration:
		return []string{strconv.FormatInt(v.Milliseconds(), 10)}, strings.HasSuffix(key, "ms")
	case []string:
		return v, key == connstring.ReadPreferenceTags || key == "compressors"
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if strings.Contains(name, ":") || strings.Contains(name+v[name], ",") {
				return nil, false // it has no form in a connection string
			}
			texts = append(texts, name+":"+v[name])
		}
		return texts, key == "authmechanismproperties"
	case fmt.Stringer: // a readpref.Mode
		if command.IsNil(value) {
			return nil, false
		}
		return []string{v.String()}, true
	}
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.String, v.Kind() == reflect.Bool, v.CanInt(), v.CanUint():
		return []string{fmt.Sprint(value)}, true
	}
	return nil, false
}
