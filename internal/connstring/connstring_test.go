package connstring_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/connstring"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text, want string // want is the string for the driver
		warnings   int
	}{
		{"mongodb://h", "mongodb://h/", 0},
		{"mongodb://h?w=1", "mongodb://h/?w=1", 0},
		{"mongodb://h/db.coll", "mongodb://h/db", 0},
		{"mongodb://a:1,[::1]:2,%2Ftmp%2Fm.sock/", "mongodb://a:1,[::1]:2,%2Ftmp%2Fm.sock/", 0},
		{"mongodb://u%40x:p%3A@h/a%20b", "", 0},
		{"mongodb://u%40x:p%3A@h/a", "mongodb://u%40x:p%3A@h/a", 0},
		{"mongodb+srv://h/", "mongodb+srv://h/", 0},
		{"mongodb://h/?maxPoolSize=1;w=2", "mongodb://h/?maxPoolSize=1&w=2", 0},
		{"mongodb://h/?maxPoolSzie=1", "mongodb://h/", 1},
		{"mongodb://h/?maxPoolSize=-1&minPoolSize=x&w=", "mongodb://h/", 3},
		{"mongodb://h/?maxPoolSize=1&maxPoolSize=2", "mongodb://h/?maxPoolSize=2", 1},
		{"mongodb://h/?readPreference=nearest&readPreferenceTags=a:b&readPreferenceTags=",
			"mongodb://h/?readPreference=nearest&readPreferenceTags=a%3Ab&readPreferenceTags=", 0},
		{"mongodb://h/?readPreferenceTags=a:b", "", 0},
		{"mongodb://h/?readPreference=Primary&maxStalenessSeconds=120", "", 0},
		{"mongodb://h/?maxStalenessSeconds=-1", "mongodb://h/", 0},
		{"mongodb://h/?fsync=true&wtimeout=5", "mongodb://h/", 0},
		{"mongodb://h/?socketKeepAlive=true", "mongodb://h/", 1},
		{"mongodb://h/?tlsCAFile=f", "mongodb://h/?tlsCAFile=f&tls=true", 0},
		{"mongodb://h/?appName=" + strings.Repeat("a", 129), "", 0},
		{"mongodb://h/?authMechanism=none", "", 0},
		{"mongodb://u:p@h/?authMechanism=DEFAULT", "mongodb://u:p@h/", 0},
		{"mongodb://h/?authMechanismProperties=a:b,c", "mongodb://h/", 1},
		{"mongodb://h/?proxyHost=p&proxyHost=q", "", 0},
		{"mongodb://h/?w", "", 0},
		{"mongodb://a,,b", "", 0},
		{"mongodb://h:", "", 0},
		{"mongodb://h:70000", "", 0},
		{"mongodb://:p@h", "", 0},
		{"mongodb://u:p:q@h", "", 0},
		{"mongodb://u:%zz@h", "", 0},
		{"mongodb://u:%ff@h", "", 0},
		{"mongodb://%ff@h", "", 0},
		{"mongodb://\xff", "", 0},
		{"mongodb://h/%ff", "", 0},
		{"mongodb://h/?appName=%ff", "", 0},
		{"mongodb://h/?replicaSet=%ff", "mongodb://h/", 1},
		{"mongodb://a,b/?directConnection=true", "", 0},
		{"mongodb://h/?tls=false&tlsCAFile=f", "", 0},
		{"mongodb+srv://h/?srvMaxHosts=1&replicaSet=r", "", 0},
		{"mongodb+srv://h/?srvMaxHosts=1&loadBalanced=true", "", 0},
		{"http://h", "", 0},
		{"", "", 0},
	} {
		u, err := connstring.Parse(test.text)
		if err == nil {
			err = u.Complete()
		}
		switch {
		case test.want == "" && err == nil:
			t.Errorf("%s: got %s, want an error", test.text, u)
		case test.want != "" && err != nil:
			t.Errorf("%s: got %v, want %s", test.text, err, test.want)
		case test.want != "" && (u.String() != test.want || len(u.Warnings) != test.warnings):
			t.Errorf("%s: got %s, warnings %q; want %s, %d warnings", test.text, u, u.Warnings, test.want, test.warnings)
		}
	}
}

// Wherever a mistake is, the text of its error has no part of the user name or the password.
func TestErrorsHideSecrets(t *testing.T) {
	for _, text := range []string{
		"user:SECRET@host", "mongodb://user:a?SECRET=1&x@host/", "mongodb://user:SE/SECRET@host", "mongodb://user:SECRET@host:port",
		"mongodb://user:SECRET@a,,b", "mongodb://SECRET:SECRET:x@h", "mongodb://u:%SECRET@h", "mongodb://u:SECRET@h/a b", "mongodb://@SECRET@h",
		"mongodb://u:a?SECRET@h", "mongodb://u:12?tls=SECRET@h/", "mongodb://u:12?authMechanism=SECRET@h/", "mongodb://u:12?w=-1;SECRET=1@h/",
		"mongodb://u:12?tls=SECRET%40h", "mongodb://user:SECRET", "mongodb://user:SECRET%40h", "user:SECRET", "user:SECRET%40h", "user:12?tls=SECRET@h",
		"mongodb://h/?authMechanismProperties=SECRET", "http://u:SECRET@h", "SECRET@h,b", "mongodb://u:SECRET@h/x@y/z",
		"mongodb://h/?tlsCertificateKeyFilePassword=SECRET&tls=false",
	} {
		parse := connstring.Parse
		if !connstring.IsURI(text) {
			parse = connstring.ParseHosts
		}
		u, err := parse(text)
		said := []string{}
		if err == nil {
			said = u.Warnings
			err = u.Complete()
		}
		if err != nil {
			said = append(said, err.Error())
		}
		if len(said) == 0 || slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "SECRET") }) {
			t.Errorf("%s: got %q, want an error or a warning without SECRET", text, said)
		}
	}
}

func TestHide(t *testing.T) {
	for _, test := range []struct{ uri, text, want string }{
		{"mongodb://ann:word@h/", "open ann: word, keyword", "open (hidden): (hidden), key(hidden)"},
		{"mongodb://u:p@h/", "open /u/p: no such path", "open /(hidden)/(hidden): no such path"},
		{"mongodb://user:username@h/", "of username and user", "of (hidden) and (hidden)"},
		{"mongodb://user:pass%2Fword@h/", "pass/word pass%2Fword", "(hidden) (hidden)"},
		{"mongodb://h/?tlsCertificateKeyFilePassword=word", "word", "(hidden)"},
		{"mongodb://h/", "word", "word"},
	} {
		u, err := connstring.Parse(test.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Hide(test.text); got != test.want {
			t.Errorf("%s: got %q, want %q", test.uri, got, test.want)
		}
	}
}

// A password does not hide the name of an option that is misspelt.
func TestWarningNamesOption(t *testing.T) {
	u, err := connstring.Parse("mongodb://u:p@h/?maxPoolSzie=1")
	if want := []string{`unknown option "maxPoolSzie"`}; err != nil || !slices.Equal(u.Warnings, want) {
		t.Errorf("got %v, %v; want the warnings %q", u, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"mongodb://u:p@a:1,[::1]/db?w=1&tls=true&readPreferenceTags=a:b", "mongodb+srv://h/?srvMaxHosts=3", "mongodb://%2Fa.sock", "mongodb://h?x=%zz",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := connstring.Parse(text)
		if err != nil || u.Complete() != nil {
			return
		}
		again, err := connstring.Parse(u.String())
		if err != nil {
			t.Fatalf("%q: String returns %q: %v", text, u, err)
		}
		if len(again.Warnings) > 0 || again.String() != u.String() || again.Database != u.Database ||
			!slices.Equal(again.Hosts, u.Hosts) || !reflect.DeepEqual(again.User, u.User) {
			t.Errorf("%q: got %q, then %q with warnings %q", text, u, again, again.Warnings)
		}
	})
}
