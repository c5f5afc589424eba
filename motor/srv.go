package motor

import (
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

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
