package motor

import (
	"net/url"
	"strings"
)

// uriOptions are the options of a connection string that the driver knows, in lower case.
var uriOptions = func() map[string]bool {
	known := make(map[string]bool)
	for _, name := range strings.Fields(`
		appName authMechanism authMechanismProperties authSource compressors connect connectTimeoutMS directConnection
		enableOverloadRetargeting heartbeatFrequencyMS heartbeatIntervalMS journal loadBalanced localThresholdMS
		maxAdaptiveRetries maxConnecting maxIdleTimeMS maxPoolSize maxStaleness maxStalenessSeconds minPoolSize
		readConcernLevel readPreference readPreferenceTags replicaSet retryReads retryWrites serverMonitoringMode
		serverSelectionTimeoutMS socketTimeoutMS srvMaxHosts srvServiceName ssl sslCertificateAuthorityFile
		sslClientCertificateKeyFile sslClientCertificateKeyPassword sslInsecure timeoutMS tls tlsCAFile
		tlsCertificateFile tlsCertificateKeyFile tlsCertificateKeyFilePassword tlsDisableCertificateRevocationCheck
		tlsDisableOCSPEndpointCheck tlsInsecure tlsPrivateKeyFile w zlibCompressionLevel zstdCompressionLevel`) {
		known[strings.ToLower(name)] = true
	}
	return known
}()

// checkURIOptions returns ConfigurationError for an option that would be ignored, which is more likely to be a
// typing error than a wish.
func checkURIOptions(uri string) error {
	_, query, _ := strings.Cut(uri, "?")
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if name != "" && !uriOptions[strings.ToLower(name)] {
			return newError(ConfigurationError, "unknown option %q in the connection string", name)
		}
	}
	return nil
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
