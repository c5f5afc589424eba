package connstring

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// URI is a connection string.
type URI struct {
	SRV      bool // the hosts are in the DNS
	User     *User
	Hosts    []string // with their ports, if they have any; a Unix socket is a path
	Database string   // the default database; may be empty
	Warnings []string // about options that were left out

	options []option
}

// User is the user of a connection string.
type User struct {
	Name     string
	Password *string // nil: none
}

type option struct {
	name  string // in lower case, not an alias
	value string
}

const (
	scheme    = "mongodb://"
	srvScheme = "mongodb+srv://"
)

// IsURI reports whether a text is a connection string, not a list of hosts.
func IsURI(text string) bool { return strings.Contains(text, "://") }

// Parse reads a connection string.
func Parse(text string) (*URI, error) {
	rest, ok := strings.CutPrefix(text, scheme)
	u := new(URI)
	if !ok {
		if rest, u.SRV = strings.CutPrefix(text, srvScheme); !u.SRV {
			return nil, fmt.Errorf("invalid scheme: must be %q or %q", scheme, srvScheme)
		}
	}
	authority, path, query := rest, "", ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path, query = rest[:i], rest[i:], ""
		path, query, _ = strings.Cut(path, "?")
		path = strings.TrimPrefix(path, "/")
	}
	// If a password has an unescaped '/' or '?', parts of it are in the wrong place, and '@' is behind them. They must not
	// be shown.
	say := quoter(strings.Contains(path, "@") || strings.Contains(query, "@"))
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		var err error
		if u.User, err = parseUser(authority[:i]); err != nil {
			return nil, err
		}
		authority = authority[i+1:]
	}
	if strings.ContainsAny(path, "/@") {
		return nil, fmt.Errorf("the name of the database contains '/' or '@': in a user name or a password they must be escaped as %%2F and %%40")
	}
	if err := u.parseHosts(authority, say); err != nil {
		return nil, err
	}
	if err := u.parseDatabase(path, say); err != nil {
		return nil, err
	}
	if err := u.parseQuery(query, say); err != nil {
		return nil, err
	}
	return u, nil
}

// quoter returns a function that quotes a part of a connection string. It hides the part instead if secret is true, or if
// the part has an '@', which may end a password.
func quoter(secret bool) func(string) string {
	return func(part string) string {
		if secret || strings.Contains(part, "@") || strings.Contains(part, "%40") {
			return hidden
		}
		return strconv.Quote(part)
	}
}

const hidden = "(hidden)"

func parseUser(text string) (*User, error) {
	name, password, hasPassword := strings.Cut(text, ":")
	if name == "" {
		return nil, fmt.Errorf("the user name is empty")
	}
	if strings.ContainsAny(name, "@/") || strings.ContainsAny(password, ":@/") {
		return nil, fmt.Errorf("the user name and the password must be escaped: '@' as %%40, ':' as %%3A, '/' as %%2F")
	}
	u := new(User)
	var err error
	if u.Name, err = unescape(name); err == nil && hasPassword {
		password, err = unescape(password)
		u.Password = &password
	}
	if err == errText {
		return nil, fmt.Errorf("the user name or the password is not valid UTF-8")
	}
	if err != nil {
		return nil, fmt.Errorf("the user name or the password has a '%%' that must be escaped as %%25")
	}
	return u, nil
}

func (u *URI) parseHosts(text string, say func(string) string) error {
	for host := range strings.SplitSeq(text, ",") {
		if err := u.addHost(host, say); err != nil {
			return err
		}
	}
	if u.SRV && (len(u.Hosts) > 1 || hasPort(u.Hosts[0]) || isSocket(u.Hosts[0])) {
		return fmt.Errorf("%s must have one host and no port, not %s", srvScheme, say(text))
	}
	return nil
}

func (u *URI) addHost(text string, say func(string) string) error {
	host, err := parseHost(text, say)
	u.Hosts = append(u.Hosts, host)
	return err
}

// parseHost checks a host and returns it without escapes.
func parseHost(text string, say func(string) string) (string, error) {
	if text == "" {
		return "", fmt.Errorf("the list of hosts is empty, or has an empty host")
	}
	host, err := unescape(text)
	if err != nil {
		return "", fmt.Errorf("invalid escape or UTF-8 in the host %s", say(text))
	}
	if isSocket(host) {
		return host, nil
	}
	name, port, found := cutPort(host)
	switch {
	case name == "" || strings.ContainsAny(name, ",;&=/?#@%\\") || strings.IndexFunc(name, isSpaceOrControl) >= 0 || !strings.HasPrefix(name, "[") && strings.ContainsAny(name, ":]"):
		return "", fmt.Errorf("invalid host %s", say(text))
	case strings.HasPrefix(name, "[") && !strings.HasSuffix(name, "]"):
		return "", fmt.Errorf("invalid host %s: an IPv6 address must be enclosed in [ and ]", say(text))
	}
	if n, err := strconv.ParseUint(port, 10, 16); found && (err != nil || n == 0) {
		shown := say(text)
		if strings.Trim(port, "0123456789") != "" { // it may be "user:password", without a host
			shown = hidden
		}
		return "", fmt.Errorf("invalid port in the host %s: must be a number from 1 to 65535", shown)
	}
	return host, nil
}

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

// cutPort splits a host from its port.
func cutPort(host string) (name, port string, found bool) {
	after := strings.LastIndex(host, "]") + 1
	name, port, found = strings.Cut(host[after:], ":")
	return host[:after] + name, port, found
}

func hasPort(host string) bool {
	_, _, found := cutPort(host)
	return found
}

// errText is the error for text that is not valid UTF-8.
var errText = errors.New("invalid UTF-8")

// unescape returns the text that a part of a connection string stands for.
func unescape(part string) (string, error) {
	text, err := url.PathUnescape(part)
	if err == nil && !utf8.ValidString(text) {
		err = errText
	}
	return text, err
}

func isSocket(host string) bool { return strings.HasSuffix(host, ".sock") }

// parseDatabase reads the path. Of a database and a collection, as in "db.c", it takes the database.
func (u *URI) parseDatabase(path string, say func(string) string) error {
	name, err := unescape(path)
	if err != nil {
		return fmt.Errorf("invalid escape or UTF-8 in the name of the database %s", say(path))
	}
	u.Database, _, _ = strings.Cut(name, ".")
	if strings.ContainsAny(u.Database, "/\\ \"$\x00") && u.Database != "$external" {
		return fmt.Errorf("invalid name of the database: %s", say(path))
	}
	return nil
}

// parseQuery reads the options. Of an option given twice the last counts, except the tags of a read preference, which
// are a list.
func (u *URI) parseQuery(query string, say func(string) string) error {
	for pair := range strings.SplitSeq(strings.ReplaceAll(query, ";", "&"), "&") {
		if pair == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("option %s has no value", say(pair))
		}
		name, value = unescaped(name), unescaped(value)
		key, isKnown := Canonical(name)
		problem := Check(key, value)
		if problem != nil && say(pair) == hidden {
			problem = errors.New("invalid value")
		}
		switch _, twice := u.Get(key); {
		case !isKnown:
			u.warn("unknown option %s", say(name))
		case value == "" && key != ReadPreferenceTags:
			u.warn("option %s is empty", name)
		case problem != nil && known[key].fatal:
			return fmt.Errorf("option %s: %w", name, problem)
		case problem != nil:
			u.warn("option %s: %v", name, problem)
		case key == ReadPreferenceTags:
			u.options = append(u.options, option{key, value})
		case twice && strings.HasPrefix(key, "proxy"):
			return fmt.Errorf("option %s is given more than once", name)
		case twice && key == "tls" && !u.Is(key, value):
			return fmt.Errorf("options tls and ssl contradict each other")
		default:
			if twice && key != "tls" {
				u.warn("option %s is given more than once", name)
			}
			if note := Note(key, value); note != "" {
				u.warn("option %s: %s", name, note)
			}
			u.Set(key, value)
		}
	}
	return nil
}

func (u *URI) warn(format string, args ...any) {
	u.Warnings = append(u.Warnings, fmt.Sprintf(format, args...))
}

func unescaped(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// Get returns the value of an option by its canonical name.
func (u *URI) Get(key string) (value string, ok bool) {
	for _, o := range u.options {
		if o.name == key {
			return o.value, true
		}
	}
	return "", false
}

// Set sets an option. The key is a canonical name.
func (u *URI) Set(key, value string) {
	u.options = slices.DeleteFunc(u.options, func(o option) bool { return o.name == key })
	u.options = append(u.options, option{key, value})
}

// Rename sets an option to the value of another, which it removes.
func (u *URI) Rename(from, to string) {
	if value, ok := u.Get(from); ok {
		u.options = slices.DeleteFunc(u.options, func(o option) bool { return o.name == from })
		u.Set(to, value)
	}
}

// SetTags sets the tag sets of the read preference. Each is a text like "dc:ny,rack:1".
func (u *URI) SetTags(sets []string) {
	u.options = slices.DeleteFunc(u.options, func(o option) bool { return o.name == ReadPreferenceTags })
	for _, set := range sets {
		u.options = append(u.options, option{ReadPreferenceTags, set})
	}
}

// SetPort adds a port to the hosts that have none.
func (u *URI) SetPort(port int) {
	for i, host := range u.Hosts {
		if !isSocket(host) && !hasPort(host) {
			u.Hosts[i] = host + ":" + strconv.Itoa(port)
		}
	}
}

// String returns the connection string for the driver. It contains the password.
func (u *URI) String() string {
	var b strings.Builder
	b.WriteString(map[bool]string{false: scheme, true: srvScheme}[u.SRV])
	if u.User != nil {
		b.WriteString(escaped(u.User.Name))
		if u.User.Password != nil {
			b.WriteString(":" + escaped(*u.User.Password))
		}
		b.WriteString("@")
	}
	for i, host := range u.Hosts {
		if i > 0 {
			b.WriteString(",")
		}
		if isSocket(host) {
			host = escaped(host)
		}
		b.WriteString(host)
	}
	b.WriteString("/" + escaped(u.Database))
	separator := "?"
	for _, o := range u.options {
		if o.name == "maxstalenessseconds" && o.value == "-1" || o.name == "authmechanism" && strings.EqualFold(o.value, "DEFAULT") {
			continue // as without the option
		}
		if name := known[o.name].driver; name != "" {
			b.WriteString(separator + name + "=" + url.QueryEscape(o.value))
			separator = "&"
		}
	}
	return b.String()
}

func escaped(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// WithoutSRV returns the URI with the host that has the records in the DNS as its host, and with TLS unless that is
// turned off. The driver can check it without the DNS.
func (u *URI) WithoutSRV() *URI {
	known := *u
	known.SRV = false
	known.options = slices.DeleteFunc(slices.Clone(u.options), func(o option) bool { return strings.HasPrefix(o.name, "srv") })
	if _, ok := known.Get("tls"); !ok {
		known.Set("tls", "true")
	}
	return &known
}

// Complete checks all options together. Options of TLS turn TLS on if the option tls is not set.
func (u *URI) Complete() error {
	if u.User != nil && u.User.Name == "" {
		return fmt.Errorf("a password needs a user name")
	}
	is := u.Is
	has := func(key string) bool { _, ok := u.Get(key); return ok }
	for _, pair := range [][2]string{
		{"tlsinsecure", "tlsallowinvalidcertificates"}, {"tlsinsecure", "tlsallowinvalidhostnames"},
		{"tlsinsecure", "tlsdisablecertificaterevocationcheck"}, {"tlsinsecure", "tlsdisableocspendpointcheck"},
		{"tlsallowinvalidcertificates", "tlsdisablecertificaterevocationcheck"},
		{"tlsallowinvalidcertificates", "tlsdisableocspendpointcheck"},
		{"tlsdisablecertificaterevocationcheck", "tlsdisableocspendpointcheck"},
	} {
		if has(pair[0]) && has(pair[1]) {
			return fmt.Errorf("options %s and %s exclude each other", Name(pair[0]), Name(pair[1]))
		}
	}
	mode, _ := u.Get("readpreference")
	primary := mode == "" || strings.EqualFold(mode, "primary")
	limited := has("srvmaxhosts") && !is("srvmaxhosts", "0")
	switch {
	case is("directconnection", "true") && u.SRV:
		return fmt.Errorf("directConnection=true cannot be used with %s", srvScheme)
	case is("directconnection", "true") && len(u.Hosts) > 1:
		return fmt.Errorf("directConnection=true needs exactly one host, not %d", len(u.Hosts))
	case is("loadbalanced", "true") && len(u.Hosts) > 1:
		return fmt.Errorf("loadBalanced=true needs exactly one host, not %d", len(u.Hosts))
	case is("loadbalanced", "true") && has("replicaset"):
		return fmt.Errorf("options loadBalanced=true and replicaSet exclude each other")
	case is("loadbalanced", "true") && is("directconnection", "true"):
		return fmt.Errorf("options loadBalanced=true and directConnection=true exclude each other")
	case !u.SRV && (has("srvmaxhosts") || has("srvservicename")):
		return fmt.Errorf("options srvMaxHosts and srvServiceName need %s", srvScheme)
	case limited && (has("replicaset") || is("loadbalanced", "true")):
		return fmt.Errorf("option srvMaxHosts excludes replicaSet and loadBalanced=true")
	}
	switch {
	case !has("proxyhost") && (has("proxyport") || has("proxyusername") || has("proxypassword")):
		return fmt.Errorf("options proxyPort, proxyUsername and proxyPassword need proxyHost")
	case has("proxyusername") != has("proxypassword"):
		return fmt.Errorf("options proxyUsername and proxyPassword need each other")
	case primary && (has(ReadPreferenceTags) || has("maxstalenessseconds") && !is("maxstalenessseconds", "-1")):
		return fmt.Errorf("options readPreferenceTags and maxStalenessSeconds need a readPreference other than primary")
	}
	for _, o := range slices.Clone(u.options) {
		switch {
		case o.name == "tls" || !strings.HasPrefix(o.name, "tls"):
		case !has("tls"):
			u.Set("tls", "true")
		case is("tls", "false") && o.value != "false":
			return fmt.Errorf("option %s needs tls=true", Name(o.name))
		}
	}
	return nil
}

// ParseHosts reads a list of hosts, such as "a,b:27018". A Unix socket is a path.
func ParseHosts(text string) (*URI, error) {
	u, say := new(URI), quoter(strings.Contains(text, "@"))
	for host := range strings.SplitSeq(text, ",") {
		host = strings.TrimSpace(host)
		if strings.HasPrefix(host, "/") && isSocket(host) {
			u.Hosts = append(u.Hosts, host) // it has no escapes
		} else if err := u.addHost(host, say); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// Is reports whether an option has a value.
func (u *URI) Is(key, value string) bool {
	set, ok := u.Get(key)
	return ok && set == value
}

// Int returns an option that is a number.
func (u *URI) Int(key string) (n int, ok bool) {
	text, _ := u.Get(key)
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// SetUser sets the name of the user.
func (u *URI) SetUser(name string) {
	if u.User == nil {
		u.User = new(User)
	}
	u.User.Name = name
}

// SetPassword sets the password of the user.
func (u *URI) SetPassword(password string) {
	if u.User == nil {
		u.User = new(User)
	}
	u.User.Password = &password
}

// Hide returns a text without the secrets of the connection string. A secret of less than 4 bytes is hidden only where it
// is a word: within a word it is there by chance, and the gap would show it.
func (u *URI) Hide(text string) string {
	secrets := u.secrets()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var b strings.Builder
	for at := 0; at < len(text); {
		i := slices.IndexFunc(secrets, func(s string) bool {
			return strings.HasPrefix(text[at:], s) && (len(s) >= 4 || isWord(text, at, at+len(s)))
		})
		if i < 0 {
			b.WriteByte(text[at])
			at++
			continue
		}
		b.WriteString(hidden)
		at += len(secrets[i])
	}
	return b.String()
}

// isWord reports whether text[from:to] is not a part of a longer word.
func isWord(text string, from, to int) bool {
	within := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return !within(before) && !within(after)
}

// secrets returns the parts of the string that must not be shown.
func (u *URI) secrets() []string {
	var all []string
	add := func(s string) {
		if s != "" {
			all = append(all, s, escaped(s), url.QueryEscape(s))
		}
	}
	if u.User != nil {
		if u.User.Password != nil {
			add(*u.User.Password)
		}
		add(u.User.Name)
	}
	for _, key := range []string{"authmechanismproperties", "tlscertificatekeyfilepassword", "proxyusername", "proxypassword"} {
		value, _ := u.Get(key)
		add(value)
	}
	return all
}
