package motor

import (
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// uriOptions are the options of a connection string, in lower case. They are those of the driver, the items of a write
// concern that the driver lacks, and waitQueueTimeoutMS, which it no longer has.
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

// checkURIOptions returns ConfigurationError for an unknown option. The driver would ignore it, but it is probably a
// typing error.
func checkURIOptions(uri string) error {
	for name := range uriPairs(uri) {
		if !uriOptions[strings.ToLower(name)] {
			return newError(ConfigurationError, "unknown option %q in the connection string", name)
		}
	}
	return nil
}

// uriPairs yields the options of a connection string and their values.
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

// uriWriteConcern reads those items of a write concern from the connection string that the driver does not know.
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

// uriQueueWait returns how long an operation may wait for a slot. 0 means no limit.
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

// uriDatabase returns the database in a connection string, or "".
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

// uriClientOptions returns the options of a connection string, without I/O. If the DNS has the hosts and more options,
// resolve queries it and returns all options.
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

// withoutSRV returns a mongodb:// connection string with the options of uri, so that the driver can check them without
// the DNS.
func withoutSRV(uri string) (string, error) {
	base, query, _ := strings.Cut(strings.TrimPrefix(uri, srvScheme), "?")
	hosts, _, _ := strings.Cut(base[strings.LastIndex(base, "@")+1:], "/")
	if hosts == "" || strings.ContainsAny(hosts, ",:") {
		return "", newError(InvalidURI, "mongodb+srv URIs must have one host and no port, not %q", hosts)
	}
	pairs := []string{"tls=true"}
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch strings.ToLower(unescaped(name)) {
		case "directconnection":
			if value == "true" {
				return "", newError(InvalidURI, "cannot specify directConnection=true with mongodb+srv URIs")
			}
		case "tls", "ssl":
			pairs[0] = ""
		case "srvmaxhosts":
			if n, err := strconv.Atoi(value); err != nil || n < 0 {
				return "", newError(InvalidURI, "invalid srvMaxHosts %q: must be a number, at least 0", value)
			}
			continue
		case "srvservicename":
			if n := len(unescaped(value)); n < 1 || n > 62 {
				return "", newError(InvalidURI, "invalid srvServiceName %q: must have 1 to 62 characters", value)
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
