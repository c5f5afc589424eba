package motor

import (
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// uriOptions are the options of a connection string, in lower case: those of the driver, the items of a write concern
// that it has none of, and waitQueueTimeoutMS, which it has no more.
var uriOptions = func() map[string]bool {
	known := make(map[string]bool)
	for _, name := range strings.Fields(`
		appName authMechanism authMechanismProperties authSource compressors connect connectTimeoutMS directConnection
		enableOverloadRetargeting fsync heartbeatFrequencyMS heartbeatIntervalMS journal loadBalanced localThresholdMS
		maxAdaptiveRetries maxConnecting maxIdleTimeMS maxPoolSize maxStaleness maxStalenessSeconds minPoolSize
		readConcernLevel readPreference readPreferenceTags replicaSet retryReads retryWrites serverMonitoringMode
		serverSelectionTimeoutMS socketTimeoutMS srvMaxHosts srvServiceName ssl sslCertificateAuthorityFile
		sslClientCertificateKeyFile sslClientCertificateKeyPassword sslInsecure timeoutMS tls tlsCAFile
		tlsCertificateFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsDisableCertificateRevocationCheck
		tlsDisableOCSPEndpointCheck tlsInsecure tlsPrivateKeyFile w waitQueueTimeoutMS wTimeoutMS zlibCompressionLevel
		zstdCompressionLevel`) {
		known[strings.ToLower(name)] = true
	}
	return known
}()

// checkURIOptions returns ConfigurationError for an option that would be ignored, which is more likely to be a
// typing error than a wish.
func checkURIOptions(uri string) error {
	for name := range uriPairs(uri) {
		if !uriOptions[strings.ToLower(name)] {
			return newError(ConfigurationError, "unknown option %q in the connection string", name)
		}
	}
	return nil
}

// uriPairs are the options of a connection string, with their values.
func uriPairs(uri string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		_, query, _ := strings.Cut(uri, "?")
		for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name = unescaped(name); name != "" && !yield(name, unescaped(value)) {
				return
			}
		}
	}
}

func unescaped(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// uriWriteConcern sets the items of a connection string that the driver does not know.
func uriWriteConcern(uri string, concern *WriteConcern) error {
	for name, value := range uriPairs(uri) {
		var item any
		var err error
		switch name = strings.ToLower(name); name {
		case "wtimeoutms":
			item, err = strconv.Atoi(value)
		case "fsync":
			item, err = strconv.ParseBool(value)
		default:
			continue
		}
		if err == nil {
			err = concern.Set(name, item)
		}
		if err != nil {
			return &Error{class: InvalidURI, text: name, cause: err}
		}
	}
	return nil
}

// uriQueueWait returns how long an operation may wait for its turn: 0 stands for ever.
func uriQueueWait(uri string) (limit time.Duration, err error) {
	for name, value := range uriPairs(uri) {
		if !strings.EqualFold(name, "waitQueueTimeoutMS") {
			continue
		}
		ms, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return 0, &Error{class: InvalidURI, text: name, cause: err}
		}
		limit = time.Duration(ms) * time.Millisecond
	}
	return limit, nil
}

// uriDatabase returns the name of the database that a connection string names, or "".
func uriDatabase(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	rest, _, _ = strings.Cut(rest, "?")
	_, path, _ := strings.Cut(rest, "/")
	if name, err := url.PathUnescape(path); err == nil {
		return name
	}
	return path
}

const srvScheme = "mongodb+srv://"

// uriClientOptions returns the options of a connection string, without any I/O. Where the hosts and more options stand
// in the DNS, resolve returns all of them.
func uriClientOptions(uri string) (opts *options.ClientOptions, resolve func() *options.ClientOptions, err error) {
	known := uri
	if strings.HasPrefix(uri, srvScheme) {
		if known, err = withoutSRV(uri); err != nil {
			return nil, nil, err
		}
		resolve = func() *options.ClientOptions { return options.Client().ApplyURI(uri) }
	}
	opts = options.Client().ApplyURI(known)
	if err := opts.Validate(); err != nil {
		return nil, nil, &Error{class: InvalidURI, cause: err}
	}
	return opts, resolve, nil
}

// withoutSRV returns a connection string that says of itself all that uri does, so that the driver can check it.
func withoutSRV(uri string) (string, error) {
	base, query, _ := strings.Cut(strings.TrimPrefix(uri, srvScheme), "?")
	hosts, _, _ := strings.Cut(base[strings.LastIndex(base, "@")+1:], "/")
	if hosts == "" || strings.ContainsAny(hosts, ",:") {
		return "", newError(InvalidURI, "mongodb+srv takes one host, without a port: %q", hosts)
	}
	pairs := []string{"tls=true"}
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch strings.ToLower(unescaped(name)) {
		case "directconnection":
			if value == "true" {
				return "", newError(InvalidURI, "a direct connection and mongodb+srv contradict each other")
			}
		case "tls", "ssl":
			pairs[0] = ""
		case "srvmaxhosts":
			if n, err := strconv.Atoi(value); err != nil || n < 0 {
				return "", newError(InvalidURI, "srvMaxHosts must be a number of at least 0: %q", value)
			}
			continue
		case "srvservicename":
			if n := len(unescaped(value)); n < 1 || n > 62 {
				return "", newError(InvalidURI, "srvServiceName must have 1 to 62 characters")
			}
			continue
		}
		if pair != "" {
			pairs = append(pairs, pair)
		}
	}
	if !strings.Contains(base, "/") {
		base += "/"
	}
	return "mongodb://" + base + "?" + strings.TrimPrefix(strings.Join(pairs, "&"), "&"), nil
}
